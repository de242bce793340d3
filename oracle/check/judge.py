"""The verdict: a candidate's own trajectory, step by step, against the proven rounding bound of its equation.

pass        every residual is inside its bound (balls), and the roundoff seen belongs to the promised precision
fail        a residual is certainly outside; or the bound holds but the residuals are those of a lower precision
            (labelled observed: the worst-case bound cannot tell TF32 from float32 beyond N ~ 1000)
undecided   neither, because something overflows, balls cannot separate, or there is no step
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.check import candidates
from oracle.check.candidates import Breach, Recording
from oracle.check.result import CheckResult, Finding, Violation
from oracle.check.survey import Steps, Survey, surveyed
from oracle.check.unseen import unseen
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.layout import Samples, ambiguous, samples
from oracle.records.precision import PRECISIONS, Precision, precision_model
from oracle.records.recurrence import Recurrence
from oracle.tolerance.residuals import Residuals, residuals
from oracle.tolerance.statistic import Statistic, scatter, statistic
from oracle.tolerance.step import Recorded, one_step_bound, recorded_as

RANK = {"float64": 0, "float32": 1, "tf32": 2, "float16": 2, "bfloat16-products": 3, "bfloat16": 3}


@dataclass(frozen=True, eq=False)
class Evidence:
    """A recorded run laid out for one evaluation: single steps as columns."""

    rec: Recurrence
    run: Samples
    recording: Recording
    model: Precision
    recorded: Recorded

    @property
    def before(self) -> Array:
        """States a step starts from, (N, K * batch)."""
        return _columns(self.recording.H[:-1])

    @property
    def after(self) -> Array:
        """States it leads to, (N, K * batch)."""
        return _columns(self.recording.H[1:])

    def bound(self, rec: Recurrence, before: Array, after: Array, X: Array, model: Precision | None = None) -> Array:
        """The proven one-step bound under a record; states that are not finite have infinite residuals, not bounds."""
        start, end = (
            part if np.isfinite(part).all() else np.where(np.isfinite(part), part, 0.0) for part in (before, after)
        )
        return one_step_bound(rec, start, X, model or self.model, self.recorded, end)


def _columns(H: Array) -> Array:
    """Steps as columns; a view, so that the order in memory is that of the run."""
    return H.reshape(H.shape[0] * H.shape[1], H.shape[2]).T


def gather(
    candidate: Any,
    rec: Recurrence,
    *,
    inputs: Any,
    h0: Any,
    promised: Any,
    recorded: str | None,
    batch_first: bool | None,
    kind: str | None,
    bridge: Any = None,
) -> Evidence:
    """Run the candidate and lay out what it did.

    `bridge` is the adapter of a framework's module: it is run time first, and says which numbers the module sees.

    Raises
    ------
    oracle.BadInput
        The question itself is unclear (shapes, batch order, kind, precision).
    Breach
        The candidate cannot be judged.
    """
    if ambiguous(inputs, batch_first):
        raise BadInput(
            f"inputs have shape {np.shape(inputs)}: K equals the batch.",
            "time and batch cannot be told apart, and a swap would go unnoticed.",
            "say batch_first=False for (K, batch, I) or batch_first=True for (batch, K, I), or change one of the two.",
        )
    if kind is not None and kind not in candidates.KINDS:
        raise BadInput(f"kind is {kind!r}.", "a misspelling.", f"use one of {', '.join(candidates.KINDS)}.")
    model = precision_model(rec.dtype if promised is None else promised)
    run = samples(inputs, h0, N=rec.N, I=rec.I, batch_first=batch_first)
    dtype = model.name if model.name in ("float64", "float16") else "float32"
    if bridge is not None:
        run = Samples(bridge.received(run.X), bridge.received(run.h0), run.batched)
        recording = candidates.observe(bridge.run, "run", run, dtype, rec.N, None)
        return Evidence(rec, run, recording, model, recorded_as(recorded))
    run = candidates.received(run, dtype) if callable(candidate) else run
    kind = kind or candidates.guess_kind(candidate, run, dtype)
    recording = candidates.observe(candidate, kind, run, dtype, rec.N, batch_first)
    return Evidence(rec, run, recording, model, recorded_as(recorded))


def judge(evidence: Evidence) -> tuple[CheckResult, Residuals]:
    """Verdict on gathered evidence, before any diagnosis.

    The residuals of a long run that passes are not kept; the trivial bounds 0 and infinity stand for them.
    """
    quick = _surveyed(evidence)
    if quick is not None and not too_coarse(evidence, quick.statistic):
        shape = evidence.before.shape
        kept = Residuals(*(np.broadcast_to(value, shape) for value in (0.0, np.inf, np.nan)))
        picked = np.arange(evidence.run.steps), quick.ratio.reshape(-1, evidence.run.batch).argmax(axis=1)
        r, allowed = (part.reshape(-1, evidence.run.batch)[picked] for part in (quick.residual, quick.bound))
        return _result(evidence, "pass", quick.worst, None, quick.statistic, r, allowed), kept
    rec, run = evidence.rec, evidence.run
    before, after, X = evidence.before, evidence.after, run.columns()
    bound = evidence.bound(rec, before, after, X)
    found = residuals(rec, before, after, X, bound)
    seen = _statistic(evidence, found, before, X)
    ratio = _ratios(found.upper, bound)
    start = _start(evidence)
    outside = (found.lower > bound) | (np.isinf(found.upper) & np.isfinite(bound))
    inside = found.upper <= bound
    label = "proved"
    if start is not None or outside.any():
        verdict = "fail"
    elif not (inside.size and (inside & np.isfinite(bound)).all()):
        verdict = "undecided"  # no step at all decides nothing
    elif too_coarse(evidence, seen):
        verdict, label = "fail", "observed"
    else:
        verdict = "pass"
    worst = max(float(ratio.max(initial=0.0)), 0.0 if start is None else _over(start))
    rows = _per_step(ratio, run.batch)
    first = start or _first(outside, found, bound, evidence)
    shown = _picked(found.upper, rows, run.batch), _picked(bound, rows, run.batch)
    return _result(evidence, verdict, worst, first, seen, *shown, label=label), found


def _surveyed(evidence: Evidence) -> Survey | None:
    """A long run that certainly passes; None for any other."""
    if _start(evidence) is not None or evidence.recorded.relative or evidence.recorded.absolute:
        return None
    H, X = evidence.recording.H, evidence.run.X
    rows = (part.reshape(part.shape[0] * part.shape[1], part.shape[2]) for part in (H[:-1], H[1:], X))
    return surveyed(evidence.rec, Steps(*rows), evidence.model)


def _result(
    evidence: Evidence,
    verdict: str,
    worst: float,
    first: Violation | None,
    seen: Statistic,
    shown: Array,
    bounds: Array,
    label: str = "proved",
) -> CheckResult:
    return CheckResult(
        verdict=verdict,
        worst=worst,
        first=first,
        promised=evidence.model.name,
        computed_in=precision_seen(evidence, seen),
        record=evidence.rec,
        steps=evidence.run.steps,
        batch=evidence.run.batch,
        statistic=seen,
        residuals=shown,
        bounds=bounds,
        assumptions=evidence.model.assumptions,
        unseen=unseen(evidence.rec, evidence.run),
        equation=describe(evidence.rec),
        label=label,
    )


def breached(name: str, problem: BadInput, rec: Recurrence, promised: str, steps: int, batch: int) -> CheckResult:
    """The result for a candidate that broke the contract; of one that was interrupted nothing is known."""
    known = name != "time-limit"
    return CheckResult(
        verdict="fail" if known else "undecided",
        worst=float("inf"),
        first=None,
        promised=promised,
        computed_in=None,
        record=rec,
        steps=steps,
        batch=batch,
        diagnosis=(Finding(name, known, float("inf"), problem.seen),),
        problem=problem,
        equation=describe(rec),
        label="observed",
    )


def describe(rec: Recurrence) -> str:
    """The documented equation in a few words."""
    arguments = rec.origin.arguments
    more = [f"{name} {arguments[name]}" for name in ("sigma", "scheme", "reset") if name in arguments]
    stem = rec.form if rec.origin.parent is None else f"{rec.origin.parent.form} form, {rec.form}d"  # type: ignore[attr-defined]
    return ", ".join([stem.replace("discretized", "discretised"), *more])


def _statistic(evidence: Evidence, found: Residuals, before: Array, X: Array) -> Statistic:
    usable = np.isfinite(found.upper).all(axis=0)
    scale = scatter(evidence.rec, before[:, usable], X[:, usable])
    return statistic(found.upper[:, usable], scale, evidence.model)


def precision_seen(evidence: Evidence, seen: Statistic) -> str | None:
    """The name of the precision seen; formats with the same significand are told apart by what is known of the run."""
    alike = [name for name in (evidence.model.name, evidence.recording.dtype) if name in RANK]
    return next((name for name in alike if RANK[name] == RANK.get(seen.precision or "")), seen.precision)


def narrower(evidence: Evidence) -> bool:
    """Whether the states are of a narrower type than promised, and than they are said to have been written down in."""
    model = PRECISIONS.get(evidence.recording.dtype)
    return model is not None and model.storage > max(evidence.model.storage, evidence.recorded.relative)


def too_coarse(evidence: Evidence, seen: Statistic) -> bool:
    """Whether the states, or the residuals, are those of a lower precision than promised."""
    if narrower(evidence):
        return True
    if evidence.recorded.relative:
        return False
    return seen.precision is None or RANK[seen.precision] > RANK[evidence.model.name]


def _ratios(upper: Array, bound: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(upper == 0, 0.0, upper / bound)
    return np.asarray(np.where(np.isnan(ratio), np.inf, ratio))


def _over(violation: Violation) -> float:
    return violation.residual / violation.bound if violation.bound else float("inf")


def _start(evidence: Evidence) -> Violation | None:
    """The candidate's own initial row has to be h0, up to how it was recorded."""
    if not evidence.recording.has_initial:
        return None
    H0, h0 = evidence.recording.H[0], evidence.run.h0
    narrow = precision_model(evidence.recording.dtype).storage
    allowed = max(evidence.recorded.relative, evidence.model.storage, narrow) * np.abs(h0)
    wrong = np.argwhere(~(np.abs(H0 - h0) <= allowed))
    if not wrong.size:
        return None
    trajectory, unit = (int(i) for i in wrong[0])
    residual = float(abs(H0[trajectory, unit] - h0[trajectory, unit]))
    return Violation(0, unit, trajectory, residual, float(allowed[trajectory, unit]), float("inf"))


def _first(outside: Array, found: Residuals, bound: Array, evidence: Evidence) -> Violation | None:
    columns = np.flatnonzero(outside.any(axis=0))
    if not columns.size:
        return None
    column = int(columns[0])
    excess = np.where(outside[:, column], _ratios(found.upper[:, column], bound[:, column]), -1.0)
    unit = int(np.argmax(excess))
    residual = float(found.upper[unit, column])
    size = np.abs(evidence.after[unit, column]) or residual  # a recorded 0 (a silent ReLU) has no spacing to speak of
    spacing = float(np.spacing(size)) * (evidence.model.storage * 2.0**53)
    k, trajectory = divmod(column, evidence.run.batch)
    return Violation(k + 1, unit, trajectory, residual, float(bound[unit, column]), residual / spacing)


def _per_step(ratio: Array, batch: int) -> Array:
    """Flat index of the worst element of every step."""
    if not ratio.size:
        return np.zeros(0, dtype=int)
    by_step = ratio.reshape(ratio.shape[0], -1, batch).transpose(1, 0, 2).reshape(-1, ratio.shape[0] * batch)
    return np.asarray(by_step.argmax(axis=1))


def _picked(values: Array, rows: Array, batch: int) -> Array:
    if not values.size:
        return np.zeros(0)
    by_step = values.reshape(values.shape[0], -1, batch).transpose(1, 0, 2).reshape(-1, values.shape[0] * batch)
    return np.asarray(by_step[np.arange(len(by_step)), rows])


__all__ = ["Breach", "Evidence", "breached", "describe", "gather", "judge"]
