"""The verdict: a candidate's own trajectory, step by step, against the proven rounding bound of its equation.

pass        every residual is inside its bound (balls), and the roundoff seen belongs to the promised precision
fail        a residual is certainly outside; or the bound holds but the residuals are those of a lower precision
            (labelled observed: the worst-case bound cannot tell TF32 from float32 beyond N ~ 1000)
undecided   neither, because something overflows, balls cannot separate, or there is no step
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oracle.check.coarse import largest_roundoff, narrow, unseen_formats
from oracle.check.evidence import Evidence
from oracle.check.format_seen import coarseness, narrower, plainly_fine, precision_seen, statistic_seen
from oracle.check.looked import Looked, activation_of, later
from oracle.check.overflow import beyond_the_range, spilled
from oracle.check.result import CheckResult, Finding, Violation
from oracle.check.survey import Steps, Survey, surveyed
from oracle.check.ulps import in_ulps
from oracle.check.unseen import unseen
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.precision import precision_model
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit
from oracle.tolerance.granted import granted
from oracle.tolerance.residuals import Residuals, residuals
from oracle.tolerance.statistic import Statistic
from oracle.tolerance.step import SETTLED


def judge(evidence: Evidence) -> tuple[CheckResult, Residuals]:
    """Verdict on gathered evidence, before any diagnosis.

    The residuals of a long run that passes are not kept; the trivial bounds 0 and infinity stand for them.
    """
    quick = _surveyed(evidence)
    if quick is not None and plainly_fine(evidence, quick.statistic) and quick.peak <= largest_roundoff(evidence.model):
        shape = evidence.before.shape
        kept = Residuals(*(np.broadcast_to(value, shape) for value in (0.0, np.inf, np.nan)))
        picked = np.arange(evidence.run.steps), quick.ratio.reshape(-1, evidence.run.batch).argmax(axis=1)
        r, allowed = (part.reshape(-1, evidence.run.batch)[picked] for part in (quick.residual, quick.bound))
        result = _result(evidence, "pass", quick.worst, None, quick.statistic, r, allowed)
        return replace(result, looked=later(evidence, *quick.sample)), kept
    rec, run = evidence.rec, evidence.run
    before, after, X = evidence.before, evidence.after, run.columns()
    bound = evidence.bound(rec, before, after, X)
    found = residuals(rec, before, after, X, bound)
    seen = statistic_seen(evidence, found, before, X)
    ratio = _ratios(found.upper, bound)
    start = start_of(evidence)
    outside = (found.lower > bound) | (np.isinf(found.upper) & np.isfinite(bound))
    over = spilled(before, after, bound, run.batch, evidence.model)
    outside &= ~over
    inside = found.upper <= bound
    label, less = "proved", None
    if start is not None or outside.any():
        verdict = "fail"
    elif not (inside.size and (inside & np.isfinite(bound)).all()):
        verdict = "undecided"  # no step at all decides nothing
    elif narrower(evidence) or (less := coarseness(evidence, seen, found)) is not None:
        verdict, label = "fail", "observed"
    else:
        verdict = "pass"
    worst = max(float(ratio.max(initial=0.0)), 0.0 if start is None else _over(start))
    rows = _per_step(ratio, run.batch)
    first = start or _first(outside, found, bound, evidence)
    shown = _picked(found.upper, rows, run.batch), _picked(bound, rows, run.batch)
    result = _result(evidence, verdict, worst, first, seen, *shown, label=label)
    result = replace(result, unseen=(*result.unseen, *beyond_the_range(over, run.batch, evidence.model)))
    ulps = in_ulps(found.upper[evidence.shown], after[evidence.shown], evidence.model.storage)
    result = replace(result, looked=Looked(activation_of(evidence) if verdict == "pass" else None, ulps))
    return (result if less is None or less.name is None else replace(result, computed_in=less.name)), found


def _surveyed(evidence: Evidence) -> Survey | None:
    """A long run that certainly passes; None for any other."""
    known = evidence.shown == slice(None) and not evidence.recorded.rounded
    if not known or narrow(evidence.model) or start_of(evidence) is not None:
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
        assumptions=(*granted(evidence.rec, evidence.model), *_of_relations(evidence.rec)),
        unseen=(*unseen(evidence.rec, evidence.run), *unseen_formats(evidence.model, evidence.run)),
        equation=describe(evidence.rec),
        label=label,
    )


def _of_relations(rec: Recurrence) -> tuple[str, ...]:
    """What is taken for granted where a step is the solution of a relation."""
    if not isinstance(rec.parameters, Implicit):
        return ()
    return (
        f"relations are solved until iterates agree to {SETTLED} units of roundoff of the largest state",
        "a state that meets the relation is the step; where steps are long, another state may meet it as well",
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


def _ratios(upper: Array, bound: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(upper == 0, 0.0, upper / bound)
    return np.asarray(np.where(np.isnan(ratio), np.inf, ratio))


def _over(violation: Violation) -> float:
    return violation.residual / violation.bound if violation.bound else float("inf")


def start_of(evidence: Evidence) -> Violation | None:
    """The candidate's own initial row has to be h0, up to how it was recorded."""
    if not evidence.recording.has_initial:
        return None
    H0, h0 = evidence.recording.H[0], evidence.run.h0
    narrow = precision_model(evidence.recording.dtype).storage
    allowed = np.maximum(max(evidence.model.storage, narrow) * np.abs(h0), evidence.recorded.lost(H0))
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
