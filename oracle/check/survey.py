"""Judging a long run without keeping its residuals: blocks of steps in, the worst of every step out.

Only passes come from here. Every element has |residual| <= (a lower estimate of) its published bound. The kernel looks
at every step with one product, at those that this does not settle with three; what is left is judged like a short run,
and where that leaves a doubt, or many, the whole run is. Equations without a kernel (gates, stages) are judged like
short runs block by block. Memory is that of a block, whatever the length of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from oracle.arithmetic.memory import keep_freed_memory
from oracle.kernels.growths import UNITS, growths
from oracle.kernels.lure_rows import Judged, LureRows, float32_is_float32
from oracle.kernels.restated import restated
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit
from oracle.tolerance.residuals import residuals
from oracle.tolerance.statistic import Statistic, per_step, scatter, statistic
from oracle.tolerance.step import one_step_bound

FEWEST = 2**14  # elements: below, the arrays are small and every residual is kept
ELEMENTS, STEPS = 2**16, 512
"""Of a block where no kernel knows the equation: at least as many elements, and steps, for which weights are made ready
once."""
DOUBTFUL = 0.05  # share of the steps that is judged again one by one; beyond it the run is no clean pass
GLANCED = 0.5
"""Largest ratio that a glance may settle: what its own error counts is below that for honest steps, and a step that
comes near its bound deserves the exact ratio."""
WORTHWHILE = 0.5  # share of the steps that a glance has to settle: it takes a third of the time of a judgement
SAMPLED, NARROWER = 64, 128
"""Steps the statistic looks at. Formats under a float64 promise are a factor 2^15 apart; narrower ones, where TF32 may
pass for float32 in the bound, a factor 2^10. Squares of so many steps per unit, and a median over units, are known to a
few per cent, and a format that only one step in thirty was computed in still shows."""
NEAREST = 16
"""Steps that come nearest to their bound, looked at one by one: a coarser format in a few steps shows there. Where
rounding hides in the bound, from a thousand units on, its steps are a hundred times nearer to it than honest ones."""
SHORT_OF = 2.0**-40  # promised roundoffs above it are seen as well at a glance, whose error is a few hundred 2^-53
CLOSE, FEW = 0.95, 16
"""Elements within 5 % of the largest ratio may be the largest: the kernel's bounds are up to 3 % low. A few of them are
refined."""
SHARP = 0.02  # share of the kernel's error in the largest residual beyond which it is not sharp (tiny states)


class Sampled(NamedTuple):
    """Some steps of a run by their row, and their certified residuals (N, rows), NaN where a step was left open."""

    rows: Array
    residual: Array


class Seen(NamedTuple):
    """Some steps by their row; residuals, whether they are inside their bounds, and typical ones; (N, rows)."""

    rows: Array
    residual: Array
    inside: Array
    scale: Array


class Survey(NamedTuple):
    """Per step and trajectory, (K * batch,): the largest residual / bound, rounded up, and its residual and bound."""

    ratio: Array
    residual: Array
    bound: Array
    statistic: Statistic
    peak: float  # the largest unit roundoff that a single step looks like, of those looked at
    sample: Sampled

    @property
    def worst(self) -> float:
        """The largest ratio; certified, and above `GLANCED` within 5 % of the largest there is."""
        return float(self.ratio.max(initial=0.0))


class Steps(NamedTuple):
    """Single steps as rows: before, after (steps, N), X (steps, I)."""

    before: Array
    after: Array
    X: Array

    def of(self, rows: Array | slice) -> Steps:
        """Some of them."""
        return Steps(*(part[rows] for part in self))


def surveyed(rec: Recurrence, steps: Steps, model: Precision) -> Survey | None:
    """The survey of a run that certainly stays inside its bounds; None where it is short or anything is in doubt."""
    if steps.before.size < FEWEST:
        return None
    kernel = _kernel(rec, model)
    return _without_kernel(rec, steps, model) if kernel is None else _by_kernel(rec, kernel, steps, model)


def _kernel(rec: Recurrence, model: Precision) -> LureRows | None:
    """The kernel of a record, if there is one."""
    form = restated(rec)
    if form is None or not float32_is_float32():
        return None
    known = growths(rec, form, model)
    return LureRows(form, known) if known.moderate else None


def _without_kernel(rec: Recurrence, steps: Steps, model: Precision) -> Survey | None:
    """Block by block as a short run is judged, up to the first that is not certainly inside."""
    if isinstance(rec.parameters, Implicit):
        return None
    found, count = np.empty((4, len(steps.before))), max(STEPS, ELEMENTS // rec.N)
    for start in range(0, len(steps.before), count):
        if not _settled(rec, steps, model, np.arange(start, min(start + count, len(steps.before))), found):
            return None

    def seen(which: Array) -> Seen:
        before, after, X = (np.ascontiguousarray(part.T) for part in steps.of(which))
        signed = residuals(rec, before, after, X, np.full(before.shape, np.inf), fewest=1).signed
        return Seen(which, signed, np.isfinite(signed), scatter(rec, before, X))

    return _summed_up(found, seen, model)


def _by_kernel(rec: Recurrence, kernel: LureRows, steps: Steps, model: Precision) -> Survey | None:
    keep_freed_memory()
    found, glanced = _found(kernel, steps)
    doubtful = np.flatnonzero(~(found[0] <= 1))
    if doubtful.size > DOUBTFUL * len(found[0]) or not _settled(rec, steps, model, doubtful, found):
        return None
    if not glanced or found[0].max() > GLANCED:
        close = np.flatnonzero(found[0] >= CLOSE * found[0].max())
        if close.size <= FEW and not _settled(rec, steps, model, close, found):
            return None
        if found[3, found[0].argmax()] > SHARP:
            return None
    return _summed_up(found, lambda which: _seen(rec, kernel, steps, model, which), model)


def _summed_up(found: Array, seen: Callable[[Array], Seen], model: Precision) -> Survey:
    """The survey of a run that is inside its bounds, with the statistic of some of its steps."""
    spread, peak = seen(_spread(found.shape[1], model)), 0.0
    if model.roundoff > SHORT_OF:
        nearest = seen(np.argsort(-found[0])[:NEAREST])
        peak = float(per_step(nearest.residual, nearest.scale, model).max(initial=0.0))
    sample = Sampled(spread.rows, np.where(spread.inside, spread.residual, np.nan))
    return Survey(found[0], found[1], found[2], statistic(spread.residual, spread.scale, model), peak, sample)


def _spread(count: int, model: Precision) -> Array:
    """Rows spread evenly over the run."""
    return np.linspace(0, count - 1, min(count, SAMPLED if model.name == "float64" else NARROWER)).astype(int)


def _found(kernel: LureRows, steps: Steps) -> tuple[Array, bool]:
    """The scan of all steps, and whether by glances, with the full judgement of what they leave.

    Where they do not settle most of the first steps, they are not worth it; and the rest is not looked at where more of
    the first steps are in doubt than may be of all.
    """
    first = min(kernel.steps_at_once, len(steps.before))
    found = _scanned(kernel, kernel.glanced, steps.of(slice(first)))
    if np.mean(found[0] <= GLANCED) < WORTHWHILE:
        found = _scanned(kernel, kernel.judged, steps.of(slice(first)))
        if np.count_nonzero(~(found[0] <= 1)) > DOUBTFUL * len(steps.before):
            return found, False
        rest = _scanned(kernel, kernel.judged, steps.of(slice(first, None)))
        return np.concatenate([found, rest], axis=1), False
    found = np.concatenate([found, _scanned(kernel, kernel.glanced, steps.of(slice(first, None)))], axis=1)
    left = np.flatnonzero(~(found[0] <= GLANCED))
    for at in _blocks(kernel, left.size):
        found[:, left[at]] = _scanned(kernel, kernel.judged, steps.of(left[at]))
    return found, True


def _blocks(kernel: LureRows, rows: int) -> Iterator[slice]:
    for start in range(0, rows, kernel.steps_at_once):
        yield slice(start, min(start + kernel.steps_at_once, rows))


def _scanned(kernel: LureRows, judge: Callable[..., Judged], steps: Steps) -> Array:
    """Ratio, residual and bound of the worst element of every row, and the share of its error; (4, rows)."""
    found = np.empty((4, len(steps.before)))
    for rows in _blocks(kernel, len(steps.before)):
        judged = judge(*steps.of(rows))
        which = np.arange(rows.stop - rows.start), judged.ratio.argmax(axis=1)
        r, error, ratio = (part[which].astype(np.float64) for part in judged)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            residual = (np.abs(r) * (1 + 2.0**-50) + error / UNITS) * (1 + 2.0**-17)
            found[:, rows] = ratio, residual, residual / ratio, 1 - np.abs(r) / residual
    return found


def _settled(rec: Recurrence, steps: Steps, model: Precision, which: Array, found: Array) -> bool:
    """Judge a few steps by the published bound and put what is found in their place; False if one is not inside."""
    if not which.size:
        return True
    before, after, X = (np.ascontiguousarray(part.T) for part in steps.of(which))
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return False
    bound = one_step_bound(rec, before, X, model)
    upper = residuals(rec, before, after, X, bound, fewest=1).upper
    if not (np.isfinite(bound).all() and np.all(upper <= bound)):
        return False
    ratio = np.divide(upper, bound, out=np.zeros_like(upper), where=upper > 0)
    worst = ratio.argmax(axis=0), np.arange(which.size)
    found[:, which] = *(part[worst] for part in (ratio, upper, bound)), np.zeros(which.size)
    return True


def _seen(rec: Recurrence, kernel: LureRows, steps: Steps, model: Precision, which: Array) -> Seen:
    """Some of the steps: their residuals, by the stage that tells them from rounding, and how they should scatter."""
    some, shape = steps.of(which), (which.size, rec.N)
    residual, inside = np.empty(shape), np.empty(shape, bool)
    judge = kernel.glanced if model.roundoff > SHORT_OF else kernel.judged
    for rows in _blocks(kernel, which.size):
        judged = judge(*some.of(rows))
        residual[rows], inside[rows] = judged.residual, judged.ratio <= 1
    return Seen(which, residual.T, inside.T, scatter(rec, some.before.T, some.X.T))
