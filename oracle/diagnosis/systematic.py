"""Is it noise? Residuals of a lower precision are; those of a wrong parameter are a function of state and input.

Low-precision products leave noise: independent roundings, or truncations, whose mean scales the sum and whose spread
is a fifth of their variance or more. A scaled coefficient leaves residuals that are, but for the promised rounding,
the derivative of the step by that coefficient. The residuals are fitted by those derivatives, over the run and unit by
unit. The recorded result is no regressor: with the exact step, which may be among them, it explains every residual.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.check.casts import SHARE, Sample, left_by, rms
from oracle.check.coarse import held
from oracle.equations.catalogue import advance
from oracle.records.exact import Array, exact_object
from oracle.records.formats import FORMATS
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Staged

NOISE = 0.05
"""Smallest share of the variance that noise leaves unexplained. Truncated products leave 0.2, rounded ones 0.9; a
scaled coefficient that looks like 2^-18 or more in float32 leaves (2^-24 / 2^-18)^2 = 2e-4. In between."""

ENOUGH = 64  # residuals: with fewer, nine regressors explain noise
SAMPLED = 256  # steps that are fitted

NUDGE = Fraction(1, 2**20)  # of the difference quotient: half of the digits of float64, rounded to nothing special
PER_UNKNOWN = 3  # columns per regressor below which a unit is not fitted on its own


def systematic(rec: Recurrence, residual: Array, before: Array, X: Array) -> bool:
    """Whether residuals (N, columns) are explained by the state and by scaled coefficients."""
    finite = np.isfinite(residual).all(axis=0)
    if not finite.any():
        return False
    r, H = residual[:, finite], before[:, finite]
    regressors = np.stack([H, np.ones_like(r), *_derivatives(rec, H, X[:, finite])])
    regressors = regressors[np.isfinite(regressors).all(axis=(1, 2))]
    shares = [_unexplained(regressors.reshape(len(regressors), -1).T, r.ravel())]
    if r.shape[1] >= PER_UNKNOWN * len(regressors):
        total = float(np.sum(r**2)) or 1.0
        own = [_unexplained(regressors[:, i].T, r[i]) * float(np.sum(r[i] ** 2)) for i in range(len(r))]
        shares.append(sum(own) / total)
    return min(shares) < NOISE


def narrowed_away(sample: Sample, name: str) -> bool:
    """Whether a format says where residuals come from: it holds every state, or they vanish with its factors. Observed.

    Sums that are rounded to the format as well leave residuals behind, in a run whose states are then held by it.
    """
    form = FORMATS.get(name)
    if form is None or held(sample.after, form.roundoff):
        return True
    some = sample.some()
    left = min(rms(left_by(some, form, truncated)) for truncated in (False, True))
    return bool(some.residual.size) and left <= SHARE * rms(some.residual)


def wrong_inside(rec: Recurrence, residual: Array, before: Array, X: Array) -> bool:
    """Whether residuals inside their bounds are a scaled coefficient and no rounding. Observed.

    Only what holds for all units alike is asked: at a fixed point every residual of a unit repeats.
    """
    finite = np.flatnonzero(np.isfinite(residual).all(axis=0))
    at = finite[np.unique(np.linspace(0, finite.size - 1, SAMPLED).astype(int))] if finite.size else finite
    r, H = residual[:, at], before[:, at]
    if r.size < ENOUGH:
        return False
    regressors = np.stack([H, np.ones_like(r), *_derivatives(rec, H, X[:, at])])
    regressors = regressors[np.isfinite(regressors).all(axis=(1, 2))]
    return _unexplained(regressors.reshape(len(regressors), -1).T, r.ravel()) < NOISE


def _unexplained(design: Array, target: Array) -> float:
    """Share of the variance a fit leaves, corrected for its unknowns; 0 where there are too few equations to tell."""
    scale: Array = np.sqrt(np.sum(design**2, axis=0))
    columns = design[:, scale > 0] / scale[scale > 0]
    spare = len(target) - int(columns.shape[1])
    size = float(np.sum(target**2))
    if spare <= 0 or size == 0:
        return 0.0
    solution, *_ = np.linalg.lstsq(columns, target, rcond=None)
    left = float(np.sum((target - columns @ solution) ** 2)) * len(target)
    return left / (spare * size)


def _derivatives(rec: Recurrence, H: Array, X: Array) -> Iterator[Array]:
    """Derivatives of the step by the logarithm of each coefficient, in float64."""
    parameters = rec.parameters
    field = parameters if isinstance(parameters, Lure) else getattr(parameters, "field", None)
    if not isinstance(field, Lure):
        return
    base = _step(rec, H, X)
    for scaled in _scaled(field):
        moved = scaled if isinstance(parameters, Lure) else Staged(scaled, parameters.step)
        other = Recurrence.made(rec.equation, moved, rec.step, rec.origin)
        yield (_step(other, H, X) - base) / float(NUDGE)


def _scaled(field: Lure) -> Iterator[Lure]:
    factor = 1 + NUDGE
    for name in ("A", "B", "W", "M", "E", "b", "c"):
        given: Any = getattr(field, name)
        changed: dict[str, Any] = {
            name: given.scaled(factor)
            if isinstance(given, Operator)
            else tuple(factor * exact_object(part) for part in given)
        }
        if given.terms if isinstance(given, Operator) else given:
            yield replace(field, **changed)


def _step(rec: Recurrence, H: Array, X: Array) -> Array:
    ops = Float64()
    with np.errstate(all="ignore"):
        return np.asarray(advance(ops, rec, ops.lift(H), ops.lift(X)))
