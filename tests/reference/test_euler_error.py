"""C6: the bound lies above the measured distance between Euler's recurrence and the flow, at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from oracle.arithmetic.ball import precision
from oracle.reference.euler_error import euler_bound, euler_distance, recursion

STEPS = 8


def network(form: str, activation: str, N: int, seed: int) -> tuple[Any, float, Any, Any]:
    """A contracting network with heterogeneous tau, a step below min tau, inputs and an initial state."""
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(N, N))
    W *= rng.uniform(0.2, 0.7) / np.abs(W).sum(axis=1).max()
    tau = rng.uniform(0.5, 2.0, size=N)
    if form == "paper":
        W = W / tau[:, None]  # |W| < 1/tau row by row
    net = getattr(oracle.Network, form)(W, rng.normal(size=(N, 2)), rng.normal(size=N), tau=tau, activation=activation)
    return net, float(rng.uniform(0.05, 0.9) * tau.min()), rng.normal(size=(STEPS, 2)), rng.normal(size=N)


@settings(max_examples=15)
@given(
    form=st.sampled_from(("paper", "rate", "current")),
    activation=st.sampled_from(("tanh", "logistic", "identity")),
    N=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_bound_lies_above_the_distance(form: str, activation: str, N: int, seed: int) -> None:
    """Random contracting networks of every form, per-unit tau, held inputs that jump at every step."""
    net, step, X, h0 = network(form, activation, N, seed)
    bound = euler_bound(net, step, STEPS, X, h0)
    assert bound.status == "proved", bound.reason
    assert bound.bounds is not None
    low, high = euler_distance(net, step, X, h0, digits=10)
    assert (high <= bound.bounds)[1:].all()
    assert low[0] <= bound.bounds[0] == 0
    assert (low[1:] > 0).all()  # something was measured


def decaying(tau: Any, weights: Any, h0: Any, step: float, steps: int) -> tuple[Any, Any, Any]:
    """A linear rate network without input: bound, distance and step."""
    net = oracle.Network.rate(weights, tau=tau, activation="identity")
    X = np.zeros((steps, 0))
    return euler_bound(net, step, steps, X, h0), euler_distance(net, step, X, h0), step


def faulty(q: float, M2: float, step: float, steps: int) -> Any:
    """The recursion with other constants."""
    with precision(64):
        return recursion(arb(q), arb(M2), arb(step), steps)


def test_half_the_constant_is_caught() -> None:
    """Planted fault: Delta^2 M2 / 4 instead of / 2. For h' = -(3/2) h the bound is sharp to first order in Delta, and
    half of it lies below the measured distance at the first step."""
    bound, (low, high), step = decaying(1.0, [[-0.5]], [0.75], 0.01, 5)
    assert abs(bound.M2 - 1.5**2 * 0.75) < 2**-40
    assert (high[1:] <= bound.bounds[1:]).all()
    assert low[1] > faulty(bound.q, bound.M2 / 2, step, 5)[1]


def test_the_fastest_instead_of_the_slowest_tau_is_caught() -> None:
    """Planted fault: tau_min for tau_max in q. The slow unit's error exceeds what the fast one's q allows."""
    tau, step, steps = np.array([0.5, 5.0]), 0.1, 60
    bound, (low, high), _ = decaying(tau, [[-0.02, 0.01], [0.03, -0.01]], [0.0075, 1.0], step, steps)
    assert (high[1:] <= bound.bounds[1:]).all()
    assert bound.q > 1 - step / tau.max()
    assert (low > faulty(1 - step / tau.min() * 0.96, bound.M2, step, steps)).any()


def test_an_input_that_is_left_out_of_the_box_is_caught() -> None:
    """Planted fault: M2 of the undriven network lies below the distance of the driven one."""
    net = oracle.Network.rate([[0.25, -0.25], [0.5, 0.125]], [[1.0], [2.0]], activation="identity")
    X, h0, step = np.full((6, 1), 5.0), np.array([0.01, -0.02]), 0.1
    bound = euler_bound(net, step, 6, X, h0)
    undriven = euler_bound(net, step, 6, np.zeros((6, 1)), h0)
    low, high = euler_distance(net, step, X, h0)
    assert bound.bounds is not None
    assert undriven.bounds is not None
    assert (high[1:] <= bound.bounds[1:]).all()
    assert (low[1:] > undriven.bounds[1:]).any()


def test_q_for_rate_is_the_formula() -> None:
    """max_i {1 - Delta/tau_i + (Delta/tau_i) S max(0, w_ii + sum_{j != i} |w_ij|)}, with one w_ii < 0."""
    rng = np.random.default_rng(7)
    W, tau, step = 0.2 * rng.normal(size=(3, 3)), np.array([0.5, 1.0, 2.0]), 0.125
    W[1, 1] = -0.75
    for activation, S in (("tanh", 1.0), ("logistic", 0.25)):
        bound = euler_bound(oracle.Network.rate(W, tau=tau, activation=activation), step, 2)
        off = np.abs(W).sum(axis=1) - np.abs(np.diag(W))
        expected = (1 - step / tau + step / tau * S * np.maximum(0, np.diag(W) + off)).max()
        assert abs(bound.q - expected) < 2**-45


def test_the_flow_stays_in_the_box() -> None:
    """The invariant box holds the flow at all steps, and is not idle: half of it does not."""
    net, step, X, h0 = network("rate", "tanh", 3, 21)
    bound = euler_bound(net, step, STEPS, X, h0)
    states = oracle.simulate(net.discretize(step=step / 64, scheme="rk4"), np.repeat(X, 64, axis=0), h0)
    assert bound.box is not None
    assert (np.abs(states) <= bound.box).all()
    assert not (np.abs(states) <= bound.box / 2).all()


@pytest.mark.parametrize(
    ("gain", "step", "reason"),
    [(3.0, 0.1, "not contracting"), (0.3, 0.75, "smallest time constant")],
)
def test_not_applicable_says_why(gain: float, step: float, reason: str) -> None:
    """Networks that do not contract and steps beyond min tau are not bounded, and the reason is given."""
    W = gain * np.array([[0.5, -0.25], [0.125, 0.75]])
    bound = euler_bound(oracle.Network.rate(W, tau=[0.5, 2.0]), step, 3)
    assert bound.status == "not applicable"
    assert reason in bound.reason
    assert bound.bounds is None


def test_a_step_of_exactly_tau_is_admitted() -> None:
    """Delta = tau = 0.1 (not dyadic divided) is decided in exact arithmetic: 1 - Delta/tau is zero, not negative."""
    assert euler_bound(oracle.Network.rate([[0.25]], tau=0.1), 0.1, 3, h0=[0.5]).status == "proved"


def test_two_dense_matrices_are_not_applicable() -> None:
    """With B and W both dense a row depends on all slopes at once, and the contraction form is not computed."""
    net = oracle.Network(A=-1, B=[[0.1, 0.2], [0.3, 0.1]], W=[[0.1, -0.2], [0.2, 0.1]])
    bound = euler_bound(net, 0.1, 2)
    assert (bound.status, "dense" in bound.reason) == ("not applicable", True)


@pytest.mark.parametrize(("steps", "shape"), [(0, (0, 2)), (3, (4, 2)), (3, (3, 1))])
def test_inputs_of_the_wrong_shape(steps: int, shape: tuple[int, int]) -> None:
    """One held input per step, and at least one step."""
    net, step, _, h0 = network("rate", "tanh", 2, 1)
    with pytest.raises(oracle.BadInput, match="one held input per step"):
        euler_bound(net, step, steps, np.ones(shape), h0)
