"""Flows in limbs: against balls and closed forms with zero tolerance, and planted faults that are found.

Needs numba. Compiling takes about a minute the first time on a machine.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from oracle.kernels import limb_field
from oracle.records.exact import Array
from oracle.reference import flows, limb_flow
from oracle.reference.enclosure import exact

assert numba.__version__, "test files that import an absent package are left out"


def network(form: str, activation: str, N: int, gain: float, seed: int) -> oracle.Network:
    """A form with one time constant per unit, or the general one with other shapes of W and B, both dense."""
    rng = np.random.default_rng(seed)
    W, M, b = gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, 2)), rng.normal(size=N)
    if form == "general":
        inner = {"B": rng.normal(size=(N, N + 1)), "W": gain * rng.normal(size=(N + 1, N)) / N}
        driven = {"M": rng.normal(size=(N + 1, 2)), "b": rng.normal(size=N + 1), "E": M, "c": b}
        return oracle.Network(A=-np.eye(N) + W.T / 8, **inner, **driven, activation=activation)
    return getattr(oracle.Network, form)(W, M, b, tau=rng.uniform(0.5, 2, N), activation=activation)


def signal(kind: str, seed: int) -> Any:
    """Constant, held, linear or analytic."""
    values = np.random.default_rng(seed).normal(size=(9, 2))
    if kind == "analytic":
        return oracle.analytic(["sin(3*t)/2", "exp(-t)"])
    return {
        "constant": values[0],
        "held": oracle.held(values, Fraction(1, 3)),
        "linear": oracle.sampled(values, Fraction(2, 7)),
    }[kind]


def apart(a: oracle.Enclosure, b: oracle.Enclosure) -> bool:
    """Whether two enclosures exclude each other somewhere."""
    rows = zip(*(part.ravel() for part in (a.mid, a.rad, b.mid, b.rad)), strict=True)
    return any(abs(exact(p) - exact(q)) > exact(r) + exact(s) for p, r, q, s in rows)


@settings(max_examples=8)
@given(
    form=st.sampled_from(("rate", "paper", "current", "general")),
    activation=st.sampled_from(("tanh", "logistic", "identity")),
    kind=st.sampled_from(("constant", "held", "linear", "analytic")),
    N=st.integers(1, 9),
    gain=st.sampled_from((0.0, 0.5, 1.2, 2.0)),
    digits=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
)
def test_balls_lie_inside(form: str, activation: str, kind: str, N: int, gain: float, digits: int, seed: int) -> None:
    """Forward, backward, inside steps and at their ends: balls at ten digits more are inside, radii are as asked."""
    net, x = network(form, activation, N, gain, seed), signal(kind, seed)
    h0 = np.random.default_rng(seed + 1).normal(size=N)
    asked: dict[str, Any] = {"inputs": x, "h0": h0, "times": ["0.1", "0.7", 1, "1.9"], "start": "0.7"}
    found = oracle.reference(net, digits=digits, engine="limbs", **asked)
    assert (found.status, "limbs" in found.method) == ("proved", True)
    assert found.digits >= digits
    balls = oracle.reference(net, digits=int(found.digits) + 10, engine="balls", **asked)
    assert found.contains(balls.mid).all()
    assert not apart(found, oracle.reference(net, digits=digits, engine="balls", **asked))


def test_the_readable_integrator_lies_inside() -> None:
    """mpmath to ten digits more: another series, another summation, no proof."""
    net, h0 = network("rate", "tanh", 3, 1.2, 4), np.array([0.5, -0.25, 0.125])
    asked: dict[str, Any] = {"inputs": signal("held", 2), "h0": h0, "times": ["0.4", 1], "digits": 40}
    found = oracle.reference(net, engine="limbs", **asked)
    assert found.contains(oracle.reference(net, engine="mpmath", **{**asked, "digits": 60}).mid).all()


def test_an_initial_set_is_carried_along() -> None:
    """Trajectories from inside the set stay inside, and the radius is that of the balls."""
    net, h0 = network("rate", "logistic", 4, 1.2, 5), np.array([0.5, -0.25, 0.125, 0.0])
    asked: dict[str, Any] = {"times": ["0.5", 1], "digits": 20}
    found, balls = (oracle.reference(net, None, h0, radius="1e-6", engine=e, **asked) for e in ("limbs", "balls"))
    for sign in (-1, 1):
        assert found.contains(oracle.reference(net, None, h0 + sign * 0.99e-6, **asked).mid).all()
    assert max(found.rad.ravel()) <= max(balls.rad.ravel()) * 1.01


def test_a_hundred_and_fifty_digits_and_a_unit_at_rest() -> None:
    """From the origin of an odd network nothing moves; beside it, 150 digits are met."""
    net = oracle.Network.rate(np.array([[1.5, -0.5], [0.25, 1.0]]))
    still = oracle.reference(net, times=[1], digits=30, engine="limbs")
    assert still.contains(np.zeros((1, 2))).all()
    found = oracle.reference(net, h0=[0.5, 0.0], times=[1], digits=150, engine="limbs")
    assert found.contains(oracle.reference(net, h0=[0.5, 0.0], times=[1], digits=165, engine="balls").mid).all()


FAULTS = {
    "truncation": {"truncation": 1e-12, "rounding": 1.0},
    "rounding": {"truncation": 1.0, "rounding": 1e-12},
}


@pytest.mark.parametrize("left_out", sorted(FAULTS))
def test_neither_part_of_the_defect_can_be_left_out(left_out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one part of the bound divided by 10^12 the answer is wrong, and seen to be."""
    honest = limb_field.Field.misfit

    def faulty(self: Any, found: Any, q: Fraction) -> limb_field.Misfit:
        given, by = honest(self, found, q), FAULTS[left_out]
        return limb_field.Misfit(given.rounding * by["rounding"], given.truncation * by["truncation"])

    net, h0 = network("rate", "tanh", 4, 1.2, 6), np.array([0.5, -0.25, 0.125, 1.0])
    asked: dict[str, Any] = {"inputs": np.zeros(2), "h0": h0, "times": [2]}
    truth = oracle.reference(net, digits=60, engine="balls", **asked).mid
    assert oracle.reference(net, digits=30, engine="limbs", **asked).contains(truth).all()
    monkeypatch.setattr(limb_field.Field, "misfit", faulty)
    if left_out == "rounding":
        monkeypatch.setattr(limb_flow, "_ROUNDING_BITS", -40.0)
        monkeypatch.setattr(limb_flow, "end", lambda found, q: (limb_field.end(found, q)[0], 0.0))
    assert not oracle.reference(net, digits=30, engine="limbs", **asked).contains(truth).all()


def test_what_does_not_fit_is_refused_by_name_and_taken_by_balls() -> None:
    """A kink has no series; more digits than bounds in float64 reach; numbers beyond the integer limb."""
    relu = oracle.Network.rate(np.eye(2) / 2, activation="relu")
    with pytest.raises(oracle.BadInput, match=r"(?s)does not fit.*relu.*balls"):
        oracle.reference(relu, h0=[1.0, 2.0], times=[1], engine="limbs")
    tanh = oracle.Network.rate(np.eye(2) / 2)
    with pytest.raises(oracle.BadInput, match="bits would be needed"):
        oracle.reference(tanh, h0=[1.0, 2.0], times=[1], digits=400, engine="limbs")
    with pytest.raises(oracle.BadInput, match="too large"):
        oracle.reference(tanh, h0=[1e9, 2.0], times=[1], engine="limbs")


def test_large_networks_are_followed_in_limbs(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, where it is worth it and they fit; small ones do not wait for compiled code to load."""
    net = oracle.Network.rate(np.array([[0.5, 1.0], [-1.0, 0.25]]))
    assert "balls" in oracle.reference(net, h0=[1.0, 0.5], times=[1]).method
    monkeypatch.setattr(flows, "WORTH", 0.0)
    assert "limbs" in oracle.reference(net, h0=[1.0, 0.5], times=[1]).method
    relu = oracle.Network.rate(np.eye(2) / 2, activation="relu")
    assert "balls" in oracle.reference(relu, h0=[1.0, 0.5], times=[1]).method


def test_the_estimate_grows_with_the_work() -> None:
    """Units, time in time constants, and digits."""

    def seconds(N: int, T: int, digits: int, tau: Any = 1) -> float:
        field = oracle.Network.rate(np.eye(N) / 2, tau=tau).field
        nothing: Array = np.zeros(N)
        return flows.seconds(flows.Question(field, None, nothing, Fraction(0), (Fraction(T),), digits))

    assert seconds(2, 5, 50) < flows.WORTH < seconds(32, 5, 50) < seconds(32, 5, 100) < seconds(64, 5, 100)
    assert seconds(8, 5, 50, Fraction(1, 10)) == pytest.approx(10 * seconds(8, 5, 50))


def test_a_series_made_for_too_long_a_step_is_used_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few digits, where truncation is no power of the length yet; p(q), q < 1, begins the next step."""
    net, h0 = network("rate", "tanh", 1, 2.0, 8), np.array([1.5])
    for digits in (1, 13):
        asked: dict[str, Any] = {"inputs": np.zeros(2), "h0": h0, "times": ["1.2"]}
        found = oracle.reference(net, digits=digits, engine="limbs", **asked)
        assert found.contains(oracle.reference(net, digits=40, engine="balls", **asked).mid).all()
    monkeypatch.setattr(limb_flow, "end", lambda found, q: (limb_field.end(found, Fraction(1))[0], 0.0))
    faulty = oracle.reference(net, digits=13, engine="limbs", **asked)
    assert not faulty.contains(oracle.reference(net, digits=40, engine="balls", **asked).mid).all()
