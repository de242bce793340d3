"""The verdict: a candidate's own trajectory, step by step, against the proven rounding bound of its equation.

pass        every residual is inside its bound (balls), and the roundoff seen belongs to the promised precision
fail        a residual is certainly outside; or the bound holds but the residuals are those of a lower precision
            (labelled observed: the worst-case bound cannot tell TF32 from float32 beyond N ~ 1000)
undecided   neither, because something overflows, balls cannot separate, or there is no step
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.check import candidates
from oracle.check.candidates import Breach, Recording
from oracle.check.coarse import (
    Coarse,
    Sample,
    coarse,
    coarse_in_places,
    held,
    largest_roundoff,
    narrow,
    unseen_formats,
)
from oracle.check.result import CheckResult, Finding, Violation
from oracle.check.survey import Sampled, Steps, Survey, surveyed
from oracle.check.unseen import unseen
from oracle.equations.implicit import explicit
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.layout import Samples, ambiguous, samples
from oracle.records.precision import PRECISIONS, Precision, precision_model, rank
from oracle.records.recurrence import Implicit, Recurrence
from oracle.tolerance.activation_error import ActivationSeen, activation_seen
from oracle.tolerance.granted import granted
from oracle.tolerance.residuals import Residuals, residuals
from oracle.tolerance.statistic import Statistic, scatter, statistic
from oracle.tolerance.step import SETTLED, Recorded, one_step_bound, recorded_as

SUSPECT = 16.0
"""Roundoff seen over the promised one from which a passing run is looked at closely. A biased activation reaches 8 (4
ulp), a coefficient that is formed in three roundings less; sums of more than a hundred terms may exceed it."""
WIDE = 2.0**-23  # float64 and float32, their sums truncated or not

ACTIVATIONS_SEEN = 2**13
"""Elements of a passing run whose activation error is looked at: a few milliseconds."""


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

    @property
    def shown(self) -> slice:
        """The units that were seen."""
        return slice(None)

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
    dtype = model.dtype
    if bridge is not None:
        run = Samples(bridge.received(run.X), bridge.received(run.h0), run.batched)
        recording = candidates.observe(bridge.run, "run", run, dtype, rec.N, None, _fewer(rec))
        return Evidence(rec, run, recording, model, recorded_as(recorded))
    run = candidates.received(run, dtype) if callable(candidate) else run
    kind = kind or candidates.guess_kind(candidate, run, dtype)
    recording = candidates.observe(candidate, kind, run, dtype, rec.N, batch_first, _fewer(rec))
    return Evidence(rec, run, recording, model, recorded_as(recorded))


def _fewer(rec: Recurrence) -> int | None:
    """How many states a run may show where it need not show all of them."""
    return rec.outputs if rec.outputs < rec.N else None


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
        return replace(result, activation=_activation(evidence, quick.sample)), kept
    rec, run = evidence.rec, evidence.run
    before, after, X = evidence.before, evidence.after, run.columns()
    bound = evidence.bound(rec, before, after, X)
    found = residuals(rec, before, after, X, bound)
    seen = _statistic(evidence, found, before, X)
    ratio = _ratios(found.upper, bound)
    start = start_of(evidence)
    outside = (found.lower > bound) | (np.isinf(found.upper) & np.isfinite(bound))
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
    if verdict == "pass":
        result = replace(result, activation=_activation(evidence))
    return (result if less is None or less.name is None else replace(result, computed_in=less.name)), found


def _activation(evidence: Evidence, sample: Sampled | None = None) -> ActivationSeen | None:
    """The worst error of the activation in a sample of the steps of a run that passes, residuals known or not."""
    if evidence.recorded.relative or not evidence.run.steps:
        return None
    steps = evidence.run.steps * evidence.run.batch
    count = steps if sample is None else sample.rows.size
    columns = np.unique(np.linspace(0, count - 1, max(1, ACTIVATIONS_SEEN // evidence.rec.N)).astype(int))
    rows = columns if sample is None else sample.rows[columns]
    before, after = (np.ascontiguousarray(part[:, rows]) for part in (evidence.before, evidence.after))
    X = np.ascontiguousarray(evidence.run.X.reshape(steps, evidence.rec.I)[rows].T)
    if sample is None:
        signed = residuals(evidence.rec, before, after, X, np.full(before.shape, np.inf)).signed
    else:
        signed = sample.residual[:, columns]
    seen = activation_seen(evidence.rec, before, X, signed, evidence.model, 1)
    return None if seen is None else replace(seen, step=int(rows[seen.step - 1]) // evidence.run.batch + 1)


def _surveyed(evidence: Evidence) -> Survey | None:
    """A long run that certainly passes; None for any other."""
    if start_of(evidence) is not None or evidence.recorded.relative or evidence.recorded.absolute:
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


def _statistic(evidence: Evidence, found: Residuals, before: Array, X: Array) -> Statistic:
    usable = np.isfinite(found.upper).all(axis=0)
    scale = scatter(evidence.rec, before[:, usable], X[:, usable], evidence.after[:, usable])
    return statistic(found.upper[evidence.shown, usable], scale[evidence.shown], evidence.model)


def precision_seen(evidence: Evidence, seen: Statistic) -> str | None:
    """The name of the precision seen; formats with the same significand are told apart by what is known of the run."""
    alike = [name for name in (evidence.model.name, evidence.recording.dtype) if name in PRECISIONS]
    place = None if seen.precision is None else rank(seen.precision)
    return next((name for name in alike if rank(name) == place), seen.precision)


def narrower(evidence: Evidence) -> bool:
    """Whether the states are of a narrower type than promised, and than they are said to have been written down in."""
    model = PRECISIONS.get(evidence.recording.dtype)
    return model is not None and model.storage > max(evidence.model.storage, evidence.recorded.relative)


def too_coarse(evidence: Evidence, seen: Statistic) -> bool:
    """Whether the states, or the residuals by their size, are those of a lower precision than promised."""
    if narrower(evidence):
        return True
    if evidence.recorded.relative:
        return False
    return not seen.roundoff <= largest_roundoff(evidence.model)


def plainly_fine(evidence: Evidence, seen: Statistic) -> bool:
    """Whether nothing suggests a closer look: short of proof, and the rule for nearly all honest runs."""
    model = evidence.model
    if too_coarse(evidence, seen) or narrow(model) or suspect(evidence, seen):
        return False
    return not any(
        PRECISIONS[name].storage > model.storage and held(evidence.after, PRECISIONS[name].storage)
        for name in ("float32", "float16", "bfloat16")
    )


def suspect(evidence: Evidence, seen: Statistic) -> bool:
    """Whether residuals of a wide format are larger than rounding in short sums, so that they may be no rounding."""
    model = evidence.model
    if model.roundoff > WIDE or evidence.recorded.relative or not np.isfinite(seen.roundoff):
        return False
    return seen.roundoff > SUSPECT * model.roundoff


def coarseness(evidence: Evidence, seen: Statistic, found: Residuals) -> Coarse | None:
    """What gives a coarser format than promised away in a run inside its bound, if anything does (observed)."""
    rec, before, X = explicit(evidence.rec, evidence.before, evidence.after, evidence.run.columns())
    sample = Sample(rec, before, evidence.after, X, found.signed)
    whole = coarse(sample, seen.roundoff, evidence.model, evidence.recorded.relative)
    return whole or coarse_in_places(sample, evidence.model, evidence.recorded.relative)


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
