"""Certified flows: containment, with zero tolerance, of what closed forms and longer computations say."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb_mat
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.equations.activations import ACTIVATIONS
from oracle.records.names import ACTIVATIONS as KERNELS
from oracle.records.names import CATALOGUE
from oracle.reference.enclosure import exact
from oracle.reference.lipschitz import matrix
from oracle.strategies import networks

DIGITS = 12


def signal_for(net: oracle.Network, kind: str, seed: int) -> Any:
    """An input of a kind: constant, held or linear, known to t = 3."""
    values = np.random.default_rng(seed).normal(size=(6, net.I))
    return {
        "constant": values[0],
        "held": oracle.held(values, Fraction(1, 2)),
        "linear": oracle.sampled(values, Fraction(3, 5)),
    }[kind]


@settings(max_examples=10)
@given(
    st.data(),
    st.sampled_from(["constant", "held", "linear"]),
    st.sampled_from([0.5, 1.2, 2.0]),
    st.integers(0, 2**32 - 1),
)
def test_the_enclosure_contains_mpmath_at_twice_the_digits(data: Any, kind: str, gain: float, seed: int) -> None:
    """Drawn networks, contracting to chaotic, all analytic activations, per-unit tau, forward and backward in time from
    the middle: what mpmath says to twice the digits, its own radius included, is inside the proved radius."""
    activations = tuple(name for name in CATALOGUE if ACTIVATIONS[name].analytic)
    net = data.draw(networks(units=8, inputs=2, activations=activations, gain=gain, dtypes=("float64",))).rescale(
        Fraction(1, 8)
    )
    h0 = np.random.default_rng(seed).normal(size=net.N)
    asked: dict[str, Any] = {
        "inputs": signal_for(net, kind, seed),
        "h0": h0,
        "times": ["0.1", 1, "1.7"],
        "start": "0.7",
    }
    proved = oracle.reference(net, digits=DIGITS, **asked)
    finer = oracle.reference(net, digits=2 * DIGITS, engine="mpmath", **asked)
    assert proved.status == "proved"
    assert proved.digits >= DIGITS
    assert all(contained(proved, finer))


@pytest.mark.slow
@pytest.mark.parametrize(("N", "gain", "activation"), [(64, 2.0, "tanh"), (64, 0.5, "logistic"), (33, 1.2, "tanh")])
def test_sixty_four_units_against_mpmath(N: int, gain: float, activation: str) -> None:
    """The same for N = 33 and 64, contracting to chaotic, a tau for each unit, forward under an input that jumps."""
    rng = np.random.default_rng(N)
    W, M = gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, 2))
    net = oracle.Network.rate(W, M, rng.normal(size=N), tau=rng.uniform(0.5, 2, N), activation=activation)
    x, h0 = oracle.held(rng.normal(size=(2, 2)), Fraction(1, 8)), rng.normal(size=N)
    proved = oracle.reference(net, x, h0, ["0.25"], digits=DIGITS)
    assert all(contained(proved, oracle.reference(net, x, h0, ["0.25"], digits=2 * DIGITS, engine="mpmath")))


def contained(outer: oracle.Enclosure, inner: oracle.Enclosure) -> list[bool]:
    """Whether |inner.mid - outer.mid| + inner.rad <= outer.rad, exactly, entry by entry."""
    parts = zip(*(part.ravel() for part in (outer.mid, outer.rad, inner.mid, inner.rad)), strict=True)
    return [abs(exact(m) - exact(n)) + exact(s) <= exact(r) for m, r, n, s in parts]


def by_exponential(net: oracle.Network, h0: Any, t: Fraction, bits: int) -> list[Any]:
    """e^{tJ} h0 + J^{-1} (e^{tJ} - 1) u of an identity network, J = A + B W, u = B b + c, in balls."""
    with precision(bits):
        ops = Ball()
        A, B, W = (matrix(ops, op) for op in (net.field.A, net.field.B, net.field.W))
        J = A + B * W
        u = sum([B * ops.lift(b) for b in net.field.b] + [ops.lift(c) for c in net.field.c], arb_mat(len(h0), 1))
        N = J.nrows()
        one = arb_mat(N, N, [int(i == j) for i in range(N) for j in range(N)])
        growth = (J * ops.rational(t)).exp()
        found: list[Any] = (growth * ops.lift(h0) + J.inv() * ((growth - one) * u)).entries()
        return found


@pytest.mark.parametrize("form", ["paper", "rate", "current"])
def test_thirty_two_linear_units_against_the_matrix_exponential(form: str) -> None:
    """N = 32, one time constant per unit, forward and backward: the exponential in balls is inside; planted fault: the
    exponential at a time off by 10^-20 is not."""
    rng = np.random.default_rng(9)
    W, b, tau = rng.normal(size=(32, 32)) / 6, rng.normal(size=32), rng.uniform(0.5, 2, 32)
    net, h0 = getattr(oracle.Network, form)(W, None, b, tau=tau, activation="identity"), rng.normal(size=32)
    times = [Fraction(-1, 2), Fraction(1)]
    found = oracle.reference(net, h0=h0, times=times, digits=18)
    for row, t in enumerate(times):
        for shift in (Fraction(0), Fraction(1, 10**16)):
            truth = by_exponential(net, h0, t + shift, 400)
            with precision(400):
                ops = Ball()
                mid, rad = ([ops.rational(exact(v)) for v in part[row]] for part in (found.mid, found.rad))
                inside = [bool(abs(v - m) <= r) for v, m, r in zip(truth, mid, rad, strict=True)]
            assert all(inside) == (shift == 0)


def test_an_equilibrium_stays_put() -> None:
    """With c = -(A h* + B s(W h* + b)) for a rational h* at which s is exact, tanh(0), F(h*) = 0: the enclosure of the
    flow from there contains h* at all times, however unstable it is; the state nearby has left it by then."""
    rest = np.array([Fraction(1, 3), Fraction(-2, 7)], dtype=object)
    W = np.array([[Fraction(4), Fraction(1, 2)], [Fraction(-1), Fraction(5)]], dtype=object)
    net = oracle.Network(A=-1, B=np.eye(2), W=W, b=-(W @ rest), c=rest, activation="tanh")
    found = oracle.reference(net, h0=rest, times=[1, 5], digits=DIGITS)
    assert found.contains([rest, rest]).all()
    nearby = oracle.reference(net, h0=rest + Fraction(1, 10**6), times=[1, 5], digits=DIGITS)
    assert not nearby.contains([rest, rest]).any()


def test_a_batch_is_its_trajectories_one_by_one() -> None:
    """(times, batch, N), each row what it is alone, for different initial states and one input."""
    rng = np.random.default_rng(3)
    net = oracle.Network.rate(1.5 * rng.normal(size=(3, 3)), rng.normal(size=(3, 1)), activation="logistic")
    states, x = rng.normal(size=(2, 3)), oracle.held(rng.normal(size=(2, 1)), 1)
    both = oracle.reference(net, x, states, [0, "0.5", 1.5], digits=DIGITS)
    assert both.shape == (3, 2, 3)
    for j, h0 in enumerate(states):
        alone = oracle.reference(net, x, h0, [0, "0.5", 1.5], digits=2 * DIGITS)
        parts = (both.mid[1:, j], both.rad[1:, j], alone.mid[1:], alone.rad[1:])
        rows = zip(*(part.ravel() for part in parts), strict=True)
        assert all(abs(exact(m) - exact(n)) + exact(s) <= exact(r) for m, r, n, s in rows)
        assert both.contains(np.stack([alone.mid, alone.mid], axis=1))[0, j].all()


@settings(max_examples=6)
@given(
    networks(units=3, inputs=0, activations=KERNELS, gain=1.5),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["0.001", "0.25"]),
)
def test_an_initial_set_contains_what_starts_in_it(net: oracle.Network, seed: int, radius: str) -> None:
    """From corners and points inside the cube about h0, forward and backward, four activations: inside the enclosure of
    the set; planted fault: what starts at ten radii from h0 is outside at the beginning."""
    rng = np.random.default_rng(seed)
    net, h0, size = net.rescale(Fraction(1, 16)), rng.normal(size=net.N), float(radius)
    times = ["-0.25", 0, "0.5"]
    around = oracle.reference(net, h0=h0, times=times, digits=DIGITS, radius=Fraction(radius))
    inner = h0 + 0.999 * size * np.array([np.ones(net.N), rng.choice([-1, 1], net.N), rng.uniform(-1, 1, net.N)])
    for start in inner:
        assert around.contains(oracle.reference(net, h0=start, times=times, digits=2 * DIGITS).mid).all()
    assert not around.contains(np.tile(h0 + 10 * size, (3, 1)))[1].any()


def test_dop853_is_as_far_off_as_its_tolerance_says() -> None:
    """SciPy's DOP853 at 1e-12 lies within a thousand of its tolerances of the certified flow of 32 chaotic units, and
    at 1e-6 it lies outside of that."""
    integrate = pytest.importorskip("scipy.integrate")
    rng = np.random.default_rng(12)
    W, b, h0 = 2 * rng.normal(size=(32, 32)) / np.sqrt(32), rng.normal(size=32), rng.normal(size=32)
    ours = oracle.reference(oracle.Network.rate(W, None, b), h0=h0, times=[2], digits=18).float64()[0]
    gaps = []
    for tolerance in (1e-12, 1e-6):
        run = integrate.solve_ivp(
            lambda _, h: -h + np.tanh(W @ h + b), (0, 2), h0, method="DOP853", rtol=tolerance, atol=tolerance
        )
        gaps.append(np.abs(run.y[:, -1] - ours).max())
    assert gaps[0] < 1e-9 < gaps[1]


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu"])
def test_thirty_two_chaotic_units_to_more_digits(activation: str) -> None:
    """Gain 2, one time constant per unit, an input that jumps: the answer to 24 digits is inside that to 12; planted
    fault: the answer for weights that are off by 10^-9 in one entry is not."""
    rng = np.random.default_rng(6)
    W, M, tau = 2 * rng.normal(size=(32, 32)) / np.sqrt(32), rng.normal(size=(32, 2)), rng.uniform(0.5, 2, 32)
    x, h0 = oracle.held(rng.normal(size=(2, 2)), Fraction(1, 4)), rng.normal(size=32)
    net = oracle.Network.rate(W, M, tau=tau, activation=activation)
    short, long = (oracle.reference(net, x, h0, ["0.5"], digits=digits) for digits in (DIGITS, 2 * DIGITS))
    assert short.contains(long.mid).all()
    W[3, 5] += 1e-9
    off = oracle.reference(oracle.Network.rate(W, M, tau=tau, activation=activation), x, h0, ["0.5"], digits=2 * DIGITS)
    assert not short.contains(off.mid).all()
