"""Candidates that return activities, or states with a readout: honest ones pass, planted faults fail and are named."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from grid.given import record_of
from grid.plain import implement_plain
from test_findings import given

import oracle
from oracle.diagnosis import observed

Array = Any
SQUASH = {"tanh": np.tanh, "logistic": lambda z: 1 / (1 + np.exp(-z))}
RNG = np.random.default_rng(5)
C, D = RNG.standard_normal((3, 6)), RNG.standard_normal(3)


def _cell(dtype: str = "float64", activation: str = "tanh") -> Any:
    return replace(given("current Euler", 6, 2, dtype), activation=activation)


def _run(g: Any, program: Any, **question: Any) -> oracle.CheckResult:
    rng = np.random.default_rng(1)
    X, h0 = rng.uniform(-1, 1, (20, 3, 2)).astype(g.dtype), rng.uniform(0.2, 0.9, (3, 6)).astype(g.dtype)
    return oracle.check(program, record_of(g), inputs=X, h0=h0, promised=str(g.dtype), kind="run", **question)


def _activities(g: Any, first: bool = True) -> Any:
    run = implement_plain(g)
    return lambda h0, X: np.asarray(SQUASH[g.activation](run(h0, X)), dtype=g.dtype)[0 if first else 1 :]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("activation", SQUASH)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_honest_activity_passes_and_a_planted_fault_is_named(dtype: str, activation: str, first: bool) -> None:
    """With and without the first row; transposed weights are named from activities alone."""
    g = _cell(dtype, activation)
    assert _run(g, _activities(g, first), observe="activity")
    wrong = replace(g, W=np.ascontiguousarray(g.W.T))
    result = _run(g, _activities(wrong, first), observe="activity")
    assert result.verdict == "fail"
    assert "transposed-recurrent-weights" in (result.explained_by or "").split("|"), result.summary()
    assert _run(g, implement_plain(g), observe="activity").verdict == "fail", "states are no activities"


def test_the_error_of_an_inverted_activity_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: without what the activity rounds away, an honest program is failed."""
    g = _cell("float32")
    g = replace(g, b=(g.b[0] + np.asarray(4, dtype=g.dtype),))  # near saturation, where little of the state is left
    assert _run(g, _activities(g), observe="activity")
    monkeypatch.setattr(observed.ActivityEvidence, "_lost", lambda self, state, model: 0 * state)
    with pytest.raises(AssertionError):
        assert _run(g, _activities(g), observe="activity")


OTHERS = {
    "erf": np.vectorize(math.erf, otypes=[float]),
    "arctan": np.arctan,
    "softplus": lambda z: np.logaddexp(0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "leaky-relu(0.2)": lambda z: np.where(z > 0, z, 0.2 * z),
}


@pytest.mark.parametrize("activation", OTHERS)
def test_every_activation_that_can_be_inverted_is(activation: str) -> None:
    """Activities of a leaky network pass; those of one with another leak are outside their bounds."""
    rng, s = np.random.default_rng(3), OTHERS[activation]
    W, M, b = rng.normal(size=(5, 5)) / 3, rng.normal(size=(5, 2)), rng.normal(size=5) / 3
    X, h0 = rng.normal(size=(20, 2)), rng.normal(size=5)

    def run(alpha: float) -> Any:
        h, states = h0, []
        for x in X:
            h = (1 - alpha) * h + alpha * s(W @ h + M @ x + b)
            states.append(s(h))
        return np.array(states)

    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.25, activation=activation)
    question: dict[str, Any] = {"inputs": X, "h0": h0, "observe": "activity"}
    assert oracle.check(run(0.25), rec, **question)
    assert oracle.check(run(0.2500001), rec, **question).verdict == "fail"


def test_saturated_activities_are_not_judged() -> None:
    """Where tanh rounds to 1 the state cannot be told: undecided, not passed and not failed."""
    g = _cell()
    g = replace(g, b=(g.b[0] + np.asarray([0, 0, 400.0, 0, 0, 0]),))
    assert _run(g, _activities(g), observe="activity").verdict == "undecided"


def test_what_cannot_be_told_is_refused() -> None:
    """relu has no inverse; a step has to return its state; a readout alone is not enough."""
    g = _cell(activation="relu")
    with pytest.raises(oracle.BadInput, match="many states to one activity"):
        _run(g, implement_plain(g), observe="activity")
    with pytest.raises(oracle.BadInput, match="it says what the candidate returns"):
        _run(g, implement_plain(g), observe="readout")
    result = _run(_cell(), lambda h0, X: implement_plain(_cell())(h0, X) @ C.T + D, observe=(C, D))
    assert result.verdict == "fail"
    assert "no pair" in str(result.problem)


def test_a_readout_is_checked_against_the_returned_states() -> None:
    """The honest pair passes; another C, a missing d, a late readout fail; so do wrong states with a right readout."""
    g = _cell()
    run = implement_plain(g)

    def reading(change: Any) -> Any:
        def both(h0: Array, X: Array) -> Any:
            H = run(h0, X)
            return H, change(H)

        return both

    assert _run(g, reading(lambda H: H @ C.T + D), observe=(C, D))
    for wrong in (lambda H: H @ (C * 1.001).T + D, lambda H: H @ C.T, lambda H: np.roll(H, 1, axis=0) @ C.T + D):
        result = _run(g, reading(wrong), observe=(C, D))
        assert result.verdict == "fail"
        assert result.diagnosis[0].name == "wrong-readout"
    other = implement_plain(replace(g, W=-g.W))
    result = _run(g, lambda h0, X: (other(h0, X), other(h0, X) @ C.T + D), observe=(C, D))
    assert result.explained_by == "negated-recurrent-weights"


def test_long_runs_of_activities_are_judged_in_blocks() -> None:
    """More states than a block of the bound holds, each with an error of its own, and one wrong state is seen."""
    rng = np.random.default_rng(3)
    units, steps = 300, 250
    W, M, b = rng.normal(0, 0.03, (units, units)), rng.normal(size=(units, 2)), rng.normal(size=units)
    rec, X = oracle.Recurrence.leaky(W, M, b, alpha=0.2), rng.normal(size=(steps, 2))
    R = np.tanh(oracle.simulate(rec, inputs=X))
    assert R.size > 2**16
    assert oracle.check(R, rec, inputs=X, observe="activity").verdict == "pass"
    R[100, 7] *= 1 + 1e-9
    result = oracle.check(R, rec, inputs=X, observe="activity")
    assert (result.verdict, result.first.step, result.first.unit) == ("fail", 100, 7)
