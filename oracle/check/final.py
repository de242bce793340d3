"""The state a layer returns beside its outputs: h_n, and the memory c_n of an LSTM, from which a next run starts.

Nothing that a layer puts out depends on it, so its outputs may be right and it be wrong. It is the state after the last
step, of which two programs that are each within the bound of that step differ by no more than twice the bound; the
memories, which the outputs do not show, are known from them to within as much (`oracle.check.memory`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from oracle.check.evidence import Evidence
from oracle.check.memory import OutputEvidence
from oracle.check.result import CheckResult, Finding, Violation
from oracle.records.exact import Array

NAME = "final-state"
MEANING = "the outputs are right, and the final state is not the one after the last step"
UP = 1 + 2.0**-50  # covers the roundings of the comparison itself


def with_final(result: CheckResult, evidence: Evidence, final: Any) -> CheckResult:
    """A passing result that answers for the final state as well.

    Parameters
    ----------
    result : CheckResult
        Of the outputs; returned as it is unless it passes.
    evidence : Evidence
        What it is a result of.
    final : ndarray, (batch, N), or None
        The state that was returned at the end; None where none was.
    """
    if final is None or not result or not evidence.run.steps:
        return result
    expected, allowed = _state(evidence, evidence.run.steps)
    if np.shape(final) != expected.shape:
        text = f"the final state has shape {np.shape(final)}, and the outputs have states of {expected.shape}"
        return _failed(result, Finding(NAME, False, np.inf, text), np.inf, None)
    ratio = _ratios(np.asarray(final, dtype=np.float64), expected, allowed)
    worst = float(ratio.max(initial=0.0))
    if worst <= 1:
        return replace(result, worst=max(result.worst, worst))
    what = next((words for words, *other in _mistakes(evidence) if np.all(_ratios(final, *other) <= 1)), None)
    finding = Finding(NAME, what is not None, 0.0 if what else worst, MEANING + (f": it is {what}" if what else ""))
    return _failed(result, finding, worst, _violation(evidence, final, expected, allowed, ratio))


def _failed(result: CheckResult, finding: Finding, worst: float, first: Violation | None) -> CheckResult:
    """The result with the finding in place of the equation that its outputs follow."""
    others = tuple(each for each in result.diagnosis if not each.explains)
    return replace(result, verdict="fail", worst=worst, first=first, label="proved", diagnosis=(finding, *others))


def _state(evidence: Evidence, step: int) -> tuple[Array, Array]:
    """The state (batch, N) after a step, and how far that of a program may be from it; h0 was given."""
    state = evidence.recording.H[step]
    if step == 0:
        return state, np.zeros_like(state)
    if isinstance(evidence, OutputEvidence):
        known = evidence.known.reshape(evidence.rec.N, evidence.run.steps, evidence.run.batch)[:, step - 1]
    else:
        known = evidence.bound(evidence.rec, evidence.recording.H[step - 1].T, state.T, evidence.run.X[step - 1].T)
    return state, 2 * UP * known.T


def _ratios(final: Array, expected: Array, allowed: Array) -> Array:
    """Distance over what is allowed; infinite where either is no number."""
    with np.errstate(all="ignore"):
        apart = np.abs(final - expected)
        ratio = np.where(apart == 0, 0.0, apart / allowed)
    return np.where(np.isnan(ratio), np.inf, ratio)


def _violation(evidence: Evidence, final: Array, expected: Array, allowed: Array, ratio: Array) -> Violation:
    trajectory, unit = (int(i) for i in np.argwhere(ratio > 1)[0])
    place = trajectory, unit
    residual = float(abs(final[place] - expected[place]))
    spacing = float(np.spacing(abs(expected[place]) or residual)) * (evidence.model.storage * 2.0**53)
    bound = float(allowed[place])
    return Violation(evidence.run.steps, unit, trajectory, residual, bound, residual / spacing, "bookkeeping")


def _mistakes(evidence: Evidence) -> Iterator[tuple[str, Array, Array]]:
    """What a final state may be instead: words, the state, and how well it is known."""
    steps = evidence.run.steps
    if isinstance(evidence, OutputEvidence):
        state, allowed = (np.roll(part, evidence.rec.N // 2, axis=1) for part in _state(evidence, steps))
        yield "(c, h) in place of (h, c)", state, allowed
    for step, words in ((steps - 1, "that before the last step"), (1, "that after the first step"), (0, "h0")):
        state, allowed = _state(evidence, step)
        yield words, state, allowed
    zero = np.zeros_like(evidence.run.h0)
    yield "zero", zero, zero
