"""The limb engine against balls and mpmath, with zero tolerance; long contracting runs and chaotic ones.

Needs numba.
"""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.reference import engines, growth, limb_engine, outlook
from oracle.reference.arguments import columns
from oracle.reference.enclosure import exact
from oracle.reference.problem import Problem

assert numba.__version__, "test files that import an absent package are left out"


def network(kind: str, activation: str, N: int, I: int, gain: float, seed: int) -> Any:
    """Elman, leaky outside, leaky inside, or exponential Euler of a rate network."""
    rng = np.random.default_rng(seed)
    W, M, b = gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, I)), rng.normal(size=N)
    alpha = rng.uniform(0.05, 0.95, size=N)
    if kind == "elman":
        return oracle.Recurrence.elman(W, M, b, activation=activation)
    if kind in ("outside", "inside"):
        return oracle.Recurrence.leaky(W, M, b, alpha=alpha, sigma=kind, activation=activation)
    return oracle.Network.rate(W, M, b, tau=1 / alpha, activation=activation).discretize(
        step=0.5, scheme="exponential-euler"
    )


def in_mpmath(rec: Any, X: Array, h0: Array, digits: int) -> Array:
    """The trajectory at some digits; X (K, I)."""
    ops = Mp(digits)
    states = [ops.lift(h0)]
    for x in X:
        states.append(advance(ops, rec, states[-1], ops.lift(x)))
    return np.array([state[:, 0] for state in states], dtype=object)


@given(
    kind=st.sampled_from(("elman", "outside", "inside", "exponential")),
    activation=st.sampled_from(("tanh", "logistic", "relu", "identity")),
    N=st.integers(1, 12),
    inputs=st.integers(0, 3),
    gain=st.sampled_from((0.3, 0.9, 1.5)),
    digits=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
)
def test_balls_and_mpmath_lie_inside(
    kind: str, activation: str, N: int, inputs: int, gain: float, digits: int, seed: int
) -> None:
    """Middles of balls at twice the digits and mpmath's at twice the working precision; radii are as small as asked."""
    rec = network(kind, activation, N, inputs, gain, seed)
    rng = np.random.default_rng(seed + 1)
    X, h0 = rng.normal(size=(20, inputs)), rng.normal(size=N)
    found = oracle.reference(rec, X, h0, digits=digits, engine="limbs")
    assert (found.method, found.status) == ("limbs", "proved")
    assert found.digits >= digits
    balls = oracle.reference(rec, X, h0, digits=2 * found.digits + 40, engine="balls")
    assert found.contains(balls.mid).all()
    assert found.contains(in_mpmath(rec, X, h0, int(found.bits * 0.61) + 40)).all()


def apart(a: oracle.Enclosure, b: oracle.Enclosure, every: int = 1) -> bool:
    """Whether two enclosures of one trajectory exclude each other somewhere."""
    rows = (part[::every].ravel() for part in (a.mid, a.rad, b.mid, b.rad))
    return any(abs(exact(p) - exact(q)) > exact(r) + exact(s) for p, r, q, s in zip(*rows, strict=True))


def few(found: oracle.Enclosure, every: int) -> oracle.Enclosure:
    """Some of the steps."""
    return oracle.Enclosure(found.mid[::every].copy(), found.rad[::every].copy(), found.status)


def test_a_batch_and_its_float64() -> None:
    """A batch is its trajectories, float64 rounds to nearest, and pickling keeps every bit."""
    rec = network("outside", "tanh", 5, 2, 1.5, 7)
    rng = np.random.default_rng(8)
    X, h0 = rng.normal(size=(30, 3, 2)), rng.normal(size=(3, 5))
    found = oracle.reference(rec, X, h0, digits=35, engine="limbs")
    balls = oracle.reference(rec, X, h0, digits=80, engine="balls")
    assert found.shape == balls.shape == (31, 3, 5)
    assert found.contains(balls.mid).all()
    assert (found.float64() == found.mid.astype(float)).all()
    again = pickle.loads(pickle.dumps(found))
    assert (again.mid == found.mid).all()
    assert (again.rad == found.rad).all()
    with pytest.raises(ValueError, match="read-only"):
        found.mid[0, 0, 0] = found.mid[1, 0, 0]


def test_2000_steps_of_chaos_to_30_digits() -> None:
    """Gain 2, by products of Jacobians and by a Lipschitz constant: both certify, and they agree."""
    rng = np.random.default_rng(1)
    rec = oracle.Recurrence.elman(2 * rng.normal(size=(16, 16)) / 4)
    given = columns(rec, np.zeros((2000, 0)), rng.normal(size=16))
    p = Problem(rec, *given[:2], 30)
    seen = outlook.outlook(p)
    known = growth.contractions(seen.field)[0]
    assert known.q > 2
    by_products = limb_engine.certify(p, seen)
    by_norm = limb_engine.certify(p, outlook.plain(p, seen.field, known))
    assert not seen.scalar
    assert few(by_products, 50).digits >= 30
    assert few(by_norm, 50).digits >= 30
    assert by_products.bits < by_norm.bits / 2
    assert not apart(by_products, by_norm, 20)


def test_100000_steps_of_a_contracting_network_to_30_digits() -> None:
    """Errors stay where the contraction holds them; a run to 45 digits lies inside."""
    rng = np.random.default_rng(2)
    rec = oracle.Recurrence.leaky(0.4 * rng.normal(size=(2, 2)), alpha=0.25)
    runs = [oracle.reference(rec, np.zeros((100_000, 0)), [0.5, -0.75], digits=d, engine="limbs") for d in (30, 45)]
    seen = [few(run, 5000) for run in runs]
    assert seen[0].digits >= 30
    assert seen[0].contains(seen[1].mid).all()


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_extreme_weights_are_left_to_balls(size: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by name the engine refuses them and says why; by default balls take over."""
    monkeypatch.setattr(engines, "WORTH", 0.0)
    rec = oracle.Recurrence.elman([[size, 0.5], [0.25, 1.0]])
    with pytest.raises(oracle.BadInput, match=r"(?s)does not fit.*splitting"):
        oracle.reference(rec, np.zeros((2, 0)), [0.5, 0.25], engine="limbs")
    assert oracle.reference(rec, np.zeros((2, 0)), [0.5, 0.25]).method != "limbs"


def test_what_is_not_of_the_normal_form_is_left_to_balls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GRU; and a Lur'e step takes limbs by default once it is worth it."""
    monkeypatch.setattr(engines, "WORTH", 0.0)
    rng = np.random.default_rng(3)
    gru = oracle.Recurrence.gru(rng.normal(size=(6, 2)), rng.normal(size=(6, 1)), rng.normal(size=6))
    with pytest.raises(oracle.BadInput, match="it is not A h"):
        oracle.reference(gru, np.ones((2, 1)), engine="limbs")
    assert oracle.reference(gru, np.ones((2, 1))).method == "balls"
    assert oracle.reference(network("elman", "tanh", 3, 1, 1.0, 1), np.ones((2, 1))).method == "limbs"


def test_states_that_outgrow_the_integer_limb_are_left_to_balls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A linear network that doubles, past 2^26."""
    monkeypatch.setattr(engines, "WORTH", 0.0)
    rec = oracle.Recurrence.elman([[2.0, 0.125], [0.0, 2.0]], activation="identity")
    found = oracle.reference(rec, np.zeros((40, 0)), [1.0, 0.5])
    assert found.method != "limbs"
    assert found.contains([[a, b] for a, b in _doubled()]).all()


def _doubled() -> list[tuple[Fraction, Fraction]]:
    states = [(Fraction(1), Fraction(1, 2))]
    for _ in range(40):
        a, b = states[-1]
        states.append((2 * a + b / 8, 2 * b))
    return states


def excluded(seen: outlook.Outlook, p: Problem, truth: Array) -> bool:
    """Whether the run that this outlook leads to excludes mpmath's trajectory."""
    return not limb_engine.certify(p, seen).contains(truth[:, None]).all()


def test_an_error_that_is_assumed_to_shrink_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted faults in a chaotic network: q = 1/2, slopes a tenth as steep. The honest radii hold mpmath's states."""
    rng = np.random.default_rng(1)
    rec = oracle.Recurrence.elman(2 * rng.normal(size=(16, 16)) / 4)
    p = Problem(rec, *columns(rec, np.zeros((400, 0)), rng.normal(size=16))[:2], 25)
    truth = in_mpmath(rec, np.zeros((400, 0)), p.h0, 500)
    seen = outlook.outlook(p)
    known = growth.contractions(seen.field)[0]
    plain = outlook.plain(p, seen.field, known)
    assert not excluded(plain, p, truth)
    shrinking = growth.Contraction(0.5, known.norm)
    assert excluded(outlook.plain(p, seen.field, shrinking), p, truth)
    products = outlook.by_products(p, plain, 10.0)
    assert not excluded(products, p, truth)
    real = growth.slopes_over
    monkeypatch.setattr(growth, "slopes_over", lambda *a: tuple(part / 10 for part in real(*a)))
    assert excluded(outlook.by_products(p, plain, 10.0), p, truth)
