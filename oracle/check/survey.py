"""Judging a long run without keeping its residuals: blocks of steps in, the worst of every step out.

Only passes come from here. Every element has |residual| <= (a lower estimate of) its published bound; steps the kernel
cannot decide are judged like a short run, and where that leaves a doubt, or many, the whole run is. Memory is that of a
block, whatever the length of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from oracle.arithmetic.memory import keep_freed_memory
from oracle.kernels.growths import UNITS, growths
from oracle.kernels.lure_rows import LureRows, float32_is_float32
from oracle.kernels.restated import restated
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence
from oracle.tolerance.residuals import residuals
from oracle.tolerance.statistic import Statistic, scatter, squares, statistic_of
from oracle.tolerance.step import one_step_bound

FEWEST = 2**14  # elements: below, the arrays are small and every residual is kept
DOUBTFUL = 0.05  # share of the steps that is judged again one by one; beyond it the run is no clean pass
SAMPLED = 64
"""Steps the statistic looks at under a float64 promise: its formats are a factor 2^15 apart, and 64 squares per unit
and a median over units are known to a few per cent. Narrower promises, where TF32 may pass for float32 in the bound,
are looked at in full."""
CLOSE, FEW = 0.95, 16
"""Elements within 5 % of the largest ratio may be the largest: the kernel's bounds are up to 3 % low. A few of them are
refined."""
SHARP = 0.02  # share of the kernel's error in the largest residual beyond which it is not sharp (tiny states)


class Survey(NamedTuple):
    """Per step and trajectory, (K * batch,): the largest residual / bound, rounded up, and its residual and bound."""

    ratio: Array
    residual: Array
    bound: Array
    statistic: Statistic

    @property
    def worst(self) -> float:
        """The largest ratio; certified, and within 5 % of the largest there is."""
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
    form = restated(rec) if steps.before.size >= FEWEST else None
    if form is None or not float32_is_float32():
        return None
    known = growths(rec, form, model)
    if not known.moderate:
        return None
    keep_freed_memory()
    kernel = LureRows(form, known)
    found = _scanned(kernel, steps)
    doubtful = np.flatnonzero(~(found[0] <= 1))
    if doubtful.size > DOUBTFUL * len(found[0]) or not _settled(rec, steps, model, doubtful, found):
        return None
    close = np.flatnonzero(found[0] >= CLOSE * found[0].max())
    if close.size <= FEW and not _settled(rec, steps, model, close, found):
        return None
    if found[3, found[0].argmax()] > SHARP:
        return None
    return Survey(found[0], found[1], found[2], _seen(rec, kernel, steps, model))


def _blocks(kernel: LureRows, rows: int) -> Iterator[slice]:
    for start in range(0, rows, kernel.steps_at_once):
        yield slice(start, min(start + kernel.steps_at_once, rows))


def _scanned(kernel: LureRows, steps: Steps) -> Array:
    """Ratio, residual and bound of the worst element of every row, and the share of its error; (4, rows)."""
    found = np.empty((4, len(steps.before)))
    for rows in _blocks(kernel, len(steps.before)):
        judged = kernel.judged(*steps.of(rows))
        which = judged.ratio.argmax(axis=1), np.arange(rows.stop - rows.start)
        ratio, r, error = (part[which[1], which[0]].astype(np.float64) for part in judged[::-1][:1] + judged[:2])
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


def _seen(rec: Recurrence, kernel: LureRows, steps: Steps, model: Precision) -> Statistic:
    """The precision statistic of the run, or of a sample of its steps."""
    count = len(steps.before)
    if model.name == "float64" and count > SAMPLED:
        steps = steps.of(np.linspace(0, count - 1, SAMPLED).astype(int))
        count = SAMPLED
    total = np.zeros(rec.N)
    for rows in _blocks(kernel, count):
        part = steps.of(rows)
        residual = kernel.judged(*part).residual.T
        total += squares(residual, scatter(rec, part.before.T, part.X.T), model)
    return statistic_of(np.sqrt(total / count), model)
