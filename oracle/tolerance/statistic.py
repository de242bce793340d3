"""The precision statistic: which unit roundoff the residuals look like. Observed, not proved.

Per unit, the root mean square of residual / scatter estimates u; the median over units is taken, so that one wrong
weight does not pass for low precision. Measured values, in units of the format's u: float32 0.6 to 3.1 for N = 32 to
2048; float32 with TF32 products 2900 (that is 2^-12.5); with bfloat16 products 23000 (2^-9.5). Each threshold sits in
the geometric middle between neighbouring formats, a factor of 8 or more from either.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.arithmetic.memory import blocks
from oracle.arithmetic.scatter import Scatter, Scattered
from oracle.equations.catalogue import advance
from oracle.equations.implicit import explicit
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence

BLOCK = 2**16  # elements evaluated at once
THRESHOLDS = ((2.0**-38, "float64"), (2.0**-18, "float32"), (2.0**-11, "tf32"), (2.0**-5, "bfloat16"))
"""Upper ends of the estimated roundoff for each precision; beyond the last one it is no rounding at all."""


SQUARABLE = 2.0**-450
"""Scatters below this one come from squares that may have underflowed, and infinite ones from squares that overflowed:
they say nothing. A square of 2^-900 is far above what its terms can lose, 2^-1075 each."""


DEVIATION = 1.4826  # of normal numbers, for each unit of the median of their absolute values


class Statistic(NamedTuple):
    """The estimated unit roundoff, the precision it belongs to, and its ratio to the promised one."""

    roundoff: float
    precision: str | None
    ratio: float


def scatter(rec: Recurrence, H: Array, X: Array, after: Array | None = None) -> Array:
    """Typical rounding error of one step from each column, in units of u; (N, columns). Relations need the result."""
    rec, H, X = explicit(rec, H, after, X)
    ops, result = Scatter(), np.empty(H.shape, order="F" if H.flags.f_contiguous else "C")
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for which in blocks(H, BLOCK):
            start = Scattered(H[:, which], np.zeros_like(H[:, which]))
            result[:, which] = ops.lower(advance(ops, rec, start, ops.lift(X[:, which])))
    return result


def squares(residual: Array, scale: Array, model: Precision) -> Array:
    """Per unit, the sum of (residual / scatter)^2 over the columns; (N,).

    Values so small that they underflow are rounded absolutely: the scatter has a floor of underflow / u. Columns whose
    scatter is not known count as the mean of the others.
    """
    sided = _on_the_other_side(residual, scale)
    scale = np.maximum(scale, model.underflow / model.storage)
    known = (scale >= SQUARABLE) & np.isfinite(scale) & ~sided
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(known, residual / scale, 0.0)
        total: Array = np.sum(np.square(ratio), axis=1)
    counted: Array = total * (scale.shape[1] / np.maximum(known.sum(axis=1), 1))
    return counted


def _on_the_other_side(residual: Array, scale: Array) -> Array:
    """Silent units, whose result rounds nothing, of a candidate in which rounding took z to the other side of a kink.

    Their residual is of no size that the scatter knows; whether it may be so large, the bound decides.
    """
    return np.asarray((scale == 0) & (residual != 0))


def statistic(residual: Array, scale: Array, model: Precision) -> Statistic:
    """The statistic of residuals (N, columns) against their scatter, under the promised precision."""
    with np.errstate(invalid="ignore", over="ignore"):
        per_unit = np.sqrt(squares(residual, scale, model) / residual.shape[1]) if residual.size else np.zeros(1)
    return statistic_of(per_unit, model)


def per_step(residual: Array, scale: Array, model: Precision) -> Array:
    """The same for every column by itself, (columns,): the median over units of |residual| / scatter, as a deviation.

    Units that were not rounded (a silent relu) say nothing; nor does a column without any other.
    """
    sided = _on_the_other_side(residual, scale)
    scale = np.maximum(scale, model.underflow / model.storage)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.abs(residual) / scale
    usable = (scale >= SQUARABLE) & np.isfinite(ratio) & (residual != 0) & ~sided
    ratio = np.where(usable, ratio, np.nan)
    found = np.zeros(residual.shape[1])
    seen = usable.any(axis=0)
    found[seen] = np.nanmedian(ratio[:, seen], axis=0) * DEVIATION
    return found


def statistic_of(per_unit: Array, model: Precision) -> Statistic:
    """The statistic from the root mean square of residual / scatter of every unit."""
    roundoff = float(np.median(per_unit))
    if not np.isfinite(roundoff):
        return Statistic(roundoff, None, float("inf"))
    name = next((name for limit, name in THRESHOLDS if roundoff <= limit), None)
    return Statistic(roundoff, name, roundoff / model.storage)
