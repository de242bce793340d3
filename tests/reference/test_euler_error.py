"""C6: every bound lies above the distance between Euler's recurrence and the flow, at every step."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from oracle.arithmetic.ball import precision
from oracle.arithmetic.midrad import Midrad
from oracle.reference import euler_expansion, weighted
from oracle.reference.euler_error import euler_bound, euler_distance, tube_distance
from oracle.reference.euler_path import Drives
from oracle.reference.jacobians import Coefficients, Frame

STEPS = 6


def network(form: str, activation: str, N: int, seed: int, gain: float = 1.0) -> tuple[Any, float, Any, Any]:
    """A network with heterogeneous or scalar tau, contracting or not, inputs and an initial state."""
    rng = np.random.default_rng(seed)
    W, M, b = rng.normal(size=(N, N)) * gain / np.sqrt(N), rng.normal(size=(N, 2)), rng.normal(size=N)
    X, h0, tau = rng.normal(size=(STEPS, 2)), rng.normal(size=N), rng.uniform(0.5, 2.0, size=N)
    step = float(rng.uniform(0.02, 0.3) * tau.min())
    if form == "general":
        dense = {"A": rng.normal(size=(N, N)) - 2 * np.eye(N), "B": rng.normal(size=(N, N + 1)), "E": M}
        wide = {"W": rng.normal(size=(N + 1, N)) / np.sqrt(N), "M": rng.normal(size=(N + 1, 2)), "c": b}
        return oracle.Network(**dense, **wide, activation=activation), step, X, h0
    make = getattr(oracle.Network, form)
    return make(W, M, b, tau=tau if seed % 2 else 0.75, activation=activation), step, X, h0


DRAWN = {
    "form": st.sampled_from(("paper", "rate", "current", "general")),
    "N": st.integers(1, 4),
    "seed": st.integers(0, 2**32 - 1),
    "gain": st.sampled_from((0.25, 1.0, 3.0)),
}


@settings(max_examples=10, deadline=None)
@given(activation=st.sampled_from(("tanh", "logistic", "identity")), **DRAWN)
def test_every_form_lies_above_the_distance(form: str, activation: str, N: int, seed: int, gain: float) -> None:
    """Random networks of every form, held inputs that jump at every step; the expansion is sharp to digits."""
    net, step, X, h0 = network(form, activation, N, seed, gain)
    bound = euler_bound(net, step, STEPS, X, h0)
    assert bound.status == "proved", bound.reason
    low, high, _ = euler_distance(net, step, X, h0, digits=10)
    for name, values in bound.forms.items():
        assert (low <= values).all(), name
    assert (high <= bound.bounds)[1:].all()
    assert (bound.bounds <= np.array(list(bound.forms.values()))).all()
    assert (low[1:] > 0).all()  # something was measured


@settings(max_examples=3, deadline=None)
@given(**DRAWN)
def test_relu_lies_between_two_runs(form: str, N: int, seed: int, gain: float) -> None:
    """relu, slopes being divided differences: the distance from a run of shorter steps, itself enclosed."""
    net, step, X, h0 = network(form, "relu", N, seed, gain)
    bound = euler_bound(net, step, STEPS, X, h0)
    low, high, status = tube_distance(net, step, STEPS, X, h0, finer=2)
    assert status == "proved"
    assert all((low <= values).all() for values in bound.forms.values())
    fine = oracle.simulate(net.discretize(step=Fraction(step) / 128), np.repeat(X, 128, axis=0), h0)[::128]
    coarse = oracle.simulate(net.discretize(step=step), X, h0)
    seen = np.abs(fine - coarse).max(axis=1)
    # The fine run is a 128th of the coarse run's error away, 10-fold at most.
    assert (low[1:] <= seen[1:] * (1 + 10 / 128)).all()
    assert (high[1:] >= seen[1:] * (1 - 10 / 128)).all()


@settings(max_examples=5, deadline=None)
@given(activation=st.sampled_from(("tanh", "logistic")), **DRAWN)
def test_the_tube_holds_the_flow(form: str, activation: str, N: int, seed: int, gain: float) -> None:
    """The enclosure of the distance by expansions meets the one by references, at every step."""
    net, step, X, h0 = network(form, activation, N, seed, gain)
    found, seen = tube_distance(net, step, STEPS, X, h0), euler_distance(net, step, X, h0, digits=14)
    assert len(found.low) == STEPS + 1
    assert (found.low <= seen.high).all()
    assert (found.high >= seen.low).all()


# -- inputs that change between grid points ---------------------------------------------------------------------------
def driven(seed: int = 3) -> tuple[Any, float, Any, Any, Any]:
    """A network whose input is linear between samples that are two steps apart."""
    net, _, _, h0 = network("rate", "tanh", 2, seed, 1.5)
    step, X = 0.125, 2 * np.random.default_rng(seed).normal(size=(STEPS // 2 + 1, 2))
    signal = oracle.sampled(X, 2 * step)
    at_grid = np.array([(X[k // 2] + X[(k + 1) // 2]) / 2 for k in range(STEPS)])
    return net, step, signal, h0, at_grid


def test_a_linear_input() -> None:
    """Euler samples the signal at its own grid points; the bound counts x' and is sharp all the same."""
    net, step, signal, h0, _ = driven()
    bound = euler_bound(net, step, STEPS, signal, h0)
    low, high, _ = euler_distance(net, step, signal, h0, digits=10, steps=STEPS)
    assert all((low <= values).all() for values in bound.forms.values())
    assert (high <= bound.bounds * (1 + 2**-40))[1:].all()
    assert (bound.bounds / high)[1:].max() < 1 + 1e-3


def test_samples_that_miss_the_input() -> None:
    """Euler one sample behind: Delta |E^| |x_k - x(t_k)| is part of the bound, and without it the bound is violated."""
    net, step, signal, h0, at_grid = driven()
    late = np.vstack([at_grid[:1], at_grid[:-1]])
    bound = euler_bound(net, step, STEPS, signal, h0, samples=late)
    low, high, _ = euler_distance(net, step, signal, h0, digits=10, steps=STEPS, samples=late)
    assert all((low <= values).all() for values in bound.forms.values())
    assert (high <= bound.bounds * (1 + 2**-40))[1:].all()
    on_time = euler_bound(net, step, STEPS, signal, h0)
    assert (low > on_time.bounds).any()


def test_a_slope_that_is_left_out_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: x' left out of M2, for an input that oscillates between samples of the same size."""
    step, X = 0.125, np.array([[8.0], [-8.0]] * 4)
    net, h0 = oracle.Network.rate([[0.25]], [[1.0]], tau=1, activation="identity"), [0.0]
    signal = oracle.sampled(X, step)
    low, _, _ = euler_distance(net, step, signal, h0, digits=10, steps=7)
    right = Drives.__init__

    def without(self: Drives, values: Any, slopes: Any, samples: Any) -> None:
        right(self, values, slopes * 0, samples)

    assert (low <= euler_bound(net, step, 7, signal, h0).bounds).all()
    monkeypatch.setattr(Drives, "__init__", without)
    assert (low > euler_bound(net, step, 7, signal, h0).bounds).any()


def test_a_break_inside_a_step_is_refused() -> None:
    """A signal on a grid that is not the steps' is not the input of one step."""
    net, _, _, h0 = network("rate", "tanh", 3, 1)
    with pytest.raises(oracle.BadInput, match="inside step 1"):
        euler_bound(net, 0.25, 4, oracle.held(np.arange(10.0).reshape(5, 2), 0.375), h0)
    with pytest.raises(oracle.BadInput, match="known until"):
        euler_bound(net, 0.25, 4, oracle.sampled(np.ones((4, 2)), 0.25), h0)


# -- sharpness ---------------------------------------------------------------------------------------------------------
def test_the_first_order_constant() -> None:
    """|x - h| = Delta |eps| to first order: halving the step halves the relative difference, bound and error alike."""
    net, _, X, h0 = network("rate", "tanh", 3, 5)
    gaps = []
    for parts in (8, 16):
        step, steps = Fraction(1, parts), STEPS * parts // 8
        bound = euler_bound(net, step, steps, np.repeat(X, parts // 8, axis=0), h0)
        low, high = bound.constant.largest
        assert high - low < 1e-12
        gaps.append(abs(bound.bounds[-1] / (float(step) * high) - 1))
    assert 0.35 < gaps[1] / gaps[0] < 0.65
    assert gaps[0] < 0.1


@pytest.mark.parametrize(("gain", "steps"), [(0.9, 8), (2.5, 8)])
def test_never_worse_than_the_textbook(gain: float, steps: int) -> None:
    """Each scalar recursion is at most the textbook's bound in its own norm, at every step."""
    net, step, X, h0 = network("current", "relu", 4, 7, gain)
    bound = euler_bound(net, step, STEPS, X, h0)
    for found in bound.recursions:
        name = found.frame.norm.name
        assert (bound.forms[name] <= bound.forms[f"textbook, {name}"]).all()


def test_sharper_row_form() -> None:
    """q in the infinity norm, rate: max_i {1 - Delta/tau_i + (Delta/tau_i) S max(0, w_ii + sum |w_ij|)}, one w_ii < 0;
    the centred 2-norm holds every Jacobian that was tried."""
    rng = np.random.default_rng(7)
    W, tau, step = 0.2 * rng.normal(size=(3, 3)), np.array([0.5, 1.0, 2.0]), 0.125
    W[1, 1] = -0.75
    for activation, S in (("tanh", 1.0), ("logistic", 0.25)):
        rec = oracle.Network.rate(W, tau=tau, activation=activation).discretize(step=step)
        with precision(96):
            c = Coefficients.of(rec.parameters)
        q = Frame(c, weighted.Norm.plain("infinity", 3)).matrix(*c.everywhere)
        off = np.abs(W).sum(axis=1) - np.abs(np.diag(W))
        expected = (1 - step / tau + step / tau * S * np.maximum(0, np.diag(W) + off)).max()
        assert abs(q - expected) < 2**-45
        centred = Frame(c, weighted.Norm.plain("two", 3)).matrix(*c.everywhere)
        for _ in range(50):
            J = c.jacobian(Midrad.exactly(rng.uniform(0, S, 3))).mid
            assert np.linalg.norm(J, 2) <= centred * (1 + 2**-45)


def test_a_step_of_exactly_tau_is_admitted() -> None:
    """Delta = tau = 0.1 (not dyadic divided)."""
    assert euler_bound(oracle.Network.rate([[0.25]], tau=0.1), 0.1, 3, h0=[0.5]).status == "proved"


def test_a_run_that_leaves_the_doubles_says_so() -> None:
    """h' = 40 h for 30 steps: the bounds of the last steps are not finite, and no number is given."""
    net = oracle.Network.rate([[40.0, 1.0], [-3.0, 45.0]], tau=1, activation="relu")
    bound = euler_bound(net, 1.0, 60, h0=[1.0, 0.5])
    assert bound.status == "not applicable"
    assert bound.bounds is None
    assert "finite" in bound.reason


@pytest.mark.parametrize(("steps", "shape"), [(0, (0, 2)), (3, (4, 2)), (3, (3, 1))])
def test_inputs_of_the_wrong_shape(steps: int, shape: tuple[int, int]) -> None:
    """One held input per step, and at least one step."""
    net, step, _, h0 = network("rate", "tanh", 2, 1)
    with pytest.raises(oracle.BadInput, match="one held input per step"):
        euler_bound(net, step, steps, np.ones(shape), h0)


# -- planted faults in the bounds --------------------------------------------------------------------------------------
RIGHT_EXPAND = euler_expansion.expand


def test_a_dropped_defect_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: what the expansion leaves beyond order 3 is called zero; its enclosure misses the reference's."""
    net, step, X, h0 = network("rate", "tanh", 3, 11)
    seen = euler_distance(net, step, X, h0, digits=14)

    def meets() -> bool:
        found = tube_distance(net, step, STEPS, X, h0, finer=-5)
        return bool((found.low <= seen.high).all() and (found.high >= seen.low).all())

    assert meets()

    def without(*arguments: Any) -> Any:
        found = RIGHT_EXPAND(*arguments)
        return euler_expansion.Expansion(found.step, found.value, found.defect * 0, found.z)

    monkeypatch.setattr(euler_expansion, "expand", without)
    assert not meets()


def test_a_linearised_network_has_a_flow() -> None:
    """Its constants s(z*) and s'(z*) are numbers; the flow is followed with two units, and the tube agrees."""
    net = oracle.Network.rate([[0.4, -0.5], [0.3, 0.2]], [[0.5], [-0.25]], [0.75, -0.5], tau=[1.0, 0.75])
    linear, X, h0 = net.linearize(([0.1, 0.2], [0.5])), np.full((4, 1), 0.25), [0.2, 0.3]
    seen, found = euler_distance(linear, 0.25, X, h0, digits=12), tube_distance(linear, 0.25, 4, X, h0)
    assert seen.low[-1] > 0
    assert (found.low <= seen.high).all()
    assert (found.high >= seen.low).all()
