"""From residuals and bounds to a verdict: what is not decided does not pass, and each comparison is the stated one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check import judge as judging
from oracle.check.candidates import observe
from oracle.check.evidence import Evidence, gather
from oracle.records.layout import samples
from oracle.tolerance.residuals import Residuals, residuals

Array = NDArray[Any]
RNG = np.random.default_rng(3)
N, I, K = 5, 2, 6
W, M, B = RNG.normal(size=(N, N)) / 2, RNG.normal(size=(N, I)), RNG.normal(size=N)
X, H0 = RNG.normal(size=(K, I)), RNG.normal(size=N)
REC = oracle.Recurrence.elman(W, M, B)
H = oracle.simulate(REC, inputs=X, h0=H0)
PLACE = (3, 4)  # unit and step


def evidence(states: Array = H, **changes: Any) -> Evidence:
    """A recorded run."""
    question: dict[str, Any] = {"inputs": X, "h0": H0, "promised": None, "recorded": None, "batch_first": None}
    return gather(states, REC, **{**question, **changes}, kind="trajectory")


def verdict_with(monkeypatch: pytest.MonkeyPatch, lower: float, upper: float, bound: float | None = None) -> Any:
    """The verdict where one residual is known to be in [lower, upper] of its bound and all others are inside theirs."""

    def found(rec: Any, before: Array, after: Array, X: Array, bounds: Array) -> Residuals:
        if bound is not None:
            bounds[PLACE] = bound
        made = residuals(rec, before, after, X, bounds)
        scale = bounds[PLACE] if np.isfinite(bounds[PLACE]) else 1.0
        made.lower[PLACE], made.upper[PLACE] = lower * scale, upper * scale
        return made

    monkeypatch.setattr(judging, "residuals", found)
    return judging.judge(evidence())[0]


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [(0.0, 1.0, "pass"), (1.0, 1.0, "pass"), (0.9, 1.01, "undecided"), (0.0, np.inf, "fail"), (1.01, 1.02, "fail")],
)
def test_a_residual_that_may_be_on_either_side_is_undecided(
    lower: float, upper: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside: the upper end up to the bound. Outside: the lower end beyond it, or infinity and a finite bound."""
    result = verdict_with(monkeypatch, lower, upper)
    assert result.verdict == verdict
    assert (result.first is not None) == (verdict == "fail")
    if verdict == "fail":
        assert (result.first.unit, result.first.step) == (PLACE[0], PLACE[1] + 1)


@pytest.mark.parametrize("bound", [np.inf, np.nan])
def test_where_nothing_is_promised_nothing_is_decided(bound: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A residual of zero is inside of no bound that does not exist, and outside of none."""
    assert verdict_with(monkeypatch, 0.0, 0.0, bound).verdict == "undecided"


def test_the_first_violation_is_the_worst_by_its_own_bound() -> None:
    """Two units off in one step: the one that is further beyond its bound is shown, and not the larger residual."""
    rec = oracle.Recurrence.elman(np.diag([1.0, 2.0**-20]), activation="relu")
    states = np.array([[1.5, 1.5]] * 3)
    states[1:] = np.array([[1.5, 1.5 * 2.0**-20], [1.5, 1.5 * 2.0**-40]])
    wrong = states.copy()
    wrong[2] += [1e-12, 1e-14]
    result = oracle.check(wrong, rec, inputs=np.zeros((2, 0)), h0=states[0])
    assert (result.verdict, result.first.step, result.first.unit) == ("fail", 2, 1)


@pytest.mark.parametrize("unit", [0, N - 1])
def test_an_initial_row_is_h0_to_the_last_bit(unit: int) -> None:
    """The next float is another state; that of a run in float32 is h0 rounded, and not the second next."""
    states = H.copy()
    states[0, unit] = np.nextafter(H0[unit], 9.0)
    result = judging.judge(evidence(states))[0]
    assert (result.verdict, result.first.step, result.first.unit) == ("fail", 0, unit)
    narrow = H.astype(np.float32)
    assert judging.start_of(evidence(narrow)) is None
    narrow[0, unit] = np.nextafter(np.nextafter(narrow[0, unit], np.float32(9)), np.float32(9))
    found = judging.start_of(evidence(narrow))
    assert found is not None
    assert found.unit == unit


@pytest.mark.parametrize("value", [-(2**62), 2**62])
def test_integers_beyond_the_floats_are_no_states(value: int) -> None:
    """Of either sign."""
    result = oracle.check(lambda h, x: np.full(N, value), REC, inputs=X, h0=H0, kind="step")
    assert (result.verdict, result.explained_by) == ("fail", "wrong-dtype")
    assert "2^53" in result.problem.seen


@pytest.mark.parametrize("part", ["inputs", "h0"])
def test_what_overflows_as_it_is_received_is_refused(part: str) -> None:
    """Inputs or an initial state beyond float16."""
    question: dict[str, Any] = {"inputs": X, "h0": H0, "promised": "float16"}
    question[part] = question[part] * 1e6
    with pytest.raises(oracle.BadInput, match="overflow in float16"):
        oracle.check(lambda h, x: np.tanh(W @ h + M @ x + B), REC, **question)


def test_runs_that_differ_by_a_bit_differ() -> None:
    """Two runs are compared as they are: a last bit that changes from call to call is not deterministic."""
    calls = iter(range(1000))

    def run(h0: Array, X: Array) -> Array:
        made = oracle.simulate(REC, inputs=X, h0=h0)
        made[-1, 0] = np.nextafter(made[-1, 0], 2.0 * (next(calls) % 2) - 1.0)
        return made

    recording = observe(run, "run", samples(X, H0, N=N, I=I, batch_first=None), "float64", N, None)
    assert [name for name, _ in recording.breaches] == ["not-deterministic"]


def test_the_second_run_has_to_keep_the_contract_as_well() -> None:
    """A candidate that writes into its arguments from its second run on."""
    calls = iter(range(1000))

    def run(h0: Array, X: Array) -> Array:
        made = oracle.simulate(REC, inputs=X, h0=h0)
        if next(calls):
            X += 1.0
        return made

    recording = observe(run, "run", samples(X, H0, N=N, I=I, batch_first=None), "float64", N, None)
    assert [name for name, _ in recording.breaches] == ["mutates-arguments"]
