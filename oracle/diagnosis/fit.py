"""Fitting an unknown: Gauss-Newton in float64 on (after - Phi(before, x)) / bound, for one number or one per unit.

What it finds is only a proposal. An unknown of unit i moves the residual of unit i; what it does to other units through
the stages of a scheme is of higher order in the step and only slows the iteration down.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from oracle.diagnosis.families import Family
from oracle.diagnosis.numbers import simple, simple_vectors
from oracle.diagnosis.sliced import Slice
from oracle.records.exact import Array, objects

ITERATIONS = 30
NUDGE = 2.0**-20  # of the difference quotient; its error only slows the last digits down
STARTS = (1.0, 0.3, 3.0)  # times the documented value, for times, which are nonlinear and may be far off
FARTHEST = 30.0  # an unknown is moved by no more than this factor in one iteration
LARGEST = 2.0**450  # beyond it squares overflow, and an unknown of that size is none that anybody wrote
FALLING = 0.7  # a fit that works falls faster than this from one iteration to the next
PATIENCE = 2  # iterations that may fail to
HALVINGS = 6  # of a move that makes things worse
LINEAR = 1e-5  # relative; the error of the difference quotient is a tenth of it
SHARE = 0.1  # of the squares that the first move of an unknown that is worth a fit takes away
UNSOLVED = 1e-8  # of the squares: what a linear problem leaves beyond that after one move, it leaves after all
FINISHED = 1e-3  # bounds: moves of less are rounding

LARGER = 2.0**20
"""Documented bounds up to which a fit is judged by its own bound: a step in milliseconds for one in seconds makes the
terms, and their roundings, a thousand times larger; a fit that is no explanation leaves many more in every precision
but the narrowest, and is refused by its own bound there."""


class Fit(NamedTuple):
    """A fitted unknown, the largest |residual| / bound it leaves (in float64), and how far it may be off.

    `spread` is the smallest move of the unknown that takes a residual out of its bound, to first order; observed.
    """

    value: Any
    worst: float
    spread: Any


def fitted(family: Family, part: Slice, bound: Array, patience: int = PATIENCE) -> Fit | None:
    """The unknown of a family on a slice; None where no iteration stays finite.

    Parameters
    ----------
    family : Family
    part : Slice
    bound : ndarray, (rows, columns)
        What a residual is measured in.
    patience : int
        Iterations that may fail; with less than usual, there is one start only.
    """
    weight = 1 / np.maximum(bound, np.finfo(np.float64).tiny)
    best: Fit | None = None
    several = family.positive and np.ndim(family.start) == 0 and patience >= PATIENCE
    for start in STARTS if several else STARTS[:1]:
        found, final = _iterated(family, part, weight, np.asarray(family.start) * start, patience)
        if found is not None and (best is None or found.worst < best.worst):
            best = found
        if final or (best is not None and best.worst <= 1):
            break
    return best


def promising(family: Family, part: Slice, left: Array | None = None) -> bool:
    """Whether a small move of an unknown number explains a share of what it leaves where the fit starts.

    For searches that ask the same of hundreds of statements. An unknown of which all residuals are a nonlinear function
    leaves residuals along its slope still; one that has nothing to do with them explains one part in as many as there
    are. `left` is what the documented value leaves, where that is known.
    """
    with np.errstate(all="ignore"):
        start = np.asarray(family.start)
        residual = left if left is not None and family.documented else _residual(family, part, start)
        slope = _slope(family, part, start, residual)
        usable = np.isfinite(slope) & np.isfinite(residual)
        along, off = np.where(usable, slope, 0.0), np.where(usable, residual, 0.0)
        share = np.sum(along * off) ** 2 / (np.sum(along**2) * np.sum(off**2))
        return bool(share >= SHARE)


def _iterated(family: Family, part: Slice, weight: Array, start: Array, patience: int) -> tuple[Fit | None, bool]:
    """A fit from one start, and whether the problem is linear, so that another start finds the same."""
    with np.errstate(all="ignore"):
        value, residual = start, _residual(family, part, start)
        best, failures, linear = (value, residual), 0, False
        for _ in range(ITERATIONS):
            slope = _slope(family, part, value, residual)
            move = _move(family, part, weight**2, slope, residual)
            if move is None:
                break
            moved = _limited(family, value, move)
            if not np.all(np.abs(moved) < LARGEST):
                break
            free = bool(np.all(moved == value + move))
            moved, after = _no_worse(family, part, weight, (value, residual), moved)
            step = moved - value if np.ndim(moved) == 0 else (moved - value)[part.rows][:, None]
            expected, value, residual = residual + slope * step, moved, after
            was, now = _size(best[1], weight), _size(residual, weight)
            linear = linear or _size(residual - expected, weight) <= LINEAR**2 * was
            failures += not now <= FALLING * was
            best = (value, residual) if now <= was else best
            solved = linear and (failures > 0 or (free and now > UNSOLVED * was))
            if failures >= patience or solved or largest(np.abs(slope * step) * weight) < FINISHED:
                break
        return _judged(family, part, weight, *best), linear


def _no_worse(
    family: Family, part: Slice, weight: Array, was: tuple[Array, Array], moved: Array
) -> tuple[Array, Array]:
    """A move and its residual, halved where it overshoots: a saturated activation throws the first moves far."""
    value, before = was
    residual = _residual(family, part, moved)
    for _ in range(HALVINGS):
        if np.ndim(moved) == 0:
            if _size(residual, weight) <= _size(before, weight):
                break
            moved = (value + moved) / 2
        else:
            worse = ~(_sizes(residual, weight) <= _sizes(before, weight))
            if not worse.any():
                break
            moved = moved.copy()
            moved[part.rows[worse]] = (value[part.rows[worse]] + moved[part.rows[worse]]) / 2
        residual = _residual(family, part, moved)
    return moved, residual


def _limited(family: Family, value: Array, move: Array) -> Array:
    limit = FARTHEST * np.maximum(np.abs(value), 1.0)
    moved = value + np.clip(move, -limit, limit)
    return np.asarray(np.where(moved > 0, moved, value / 4) if family.positive else moved)


def _residual(family: Family, part: Slice, value: Array) -> Array:
    return part.residual(family.make(exact(value)))


def exact(value: Array) -> Any:
    """The unknown as exact numbers."""
    if np.ndim(value) == 0:
        return Fraction(float(value))
    return objects(Fraction(entry) for entry in np.asarray(value, dtype=np.float64).tolist())


def _slope(family: Family, part: Slice, value: Array, residual: Array) -> Array:
    nudge = NUDGE * np.where(value == 0, 1.0, np.abs(value))
    step = nudge if np.ndim(nudge) == 0 else nudge[part.rows][:, None]
    return np.asarray((_residual(family, part, value + nudge) - residual) / step)


def _move(family: Family, part: Slice, weight: Array, slope: Array, residual: Array) -> Any:
    usable = np.isfinite(slope) & np.isfinite(residual)
    size, along = np.where(usable, weight * slope**2, 0.0), np.where(usable, weight * slope * residual, 0.0)
    if np.ndim(family.start) == 0:
        return -np.sum(along) / np.sum(size) if np.sum(size) > 0 and np.isfinite(np.sum(size)) else None
    move = np.zeros(np.shape(family.start))
    total = size.sum(axis=1)
    move[part.rows] = np.where(total > 0, -along.sum(axis=1) / np.where(total > 0, total, 1.0), 0.0)
    return np.where(np.isfinite(move), move, 0.0)


def _size(residual: Array, weight: Array) -> float:
    return float(np.sum(_sizes(residual, weight)))


def _sizes(residual: Array, weight: Array) -> Array:
    """Squares summed over the steps, per unit."""
    return np.asarray(np.sum(np.where(np.isfinite(residual), weight * residual, np.inf) ** 2, axis=1))


def _judged(family: Family, part: Slice, weight: Array, value: Array, residual: Array) -> Fit | None:
    ratio = np.abs(residual) * weight
    if not np.isfinite(ratio).any():
        return None
    if not largest(ratio) <= LARGER:
        return Fit(value, largest(ratio), 0.0)
    slope = np.abs(_slope(family, part, value, residual))
    room = np.maximum(1 - ratio, 0.0) / np.where(slope > 0, slope * weight, np.nan)
    spread = np.nanmin(room) if np.ndim(value) == 0 and np.isfinite(room).any() else 0.0
    return Fit(value, largest(ratio), float(spread))


def largest(values: Array) -> float:
    """The largest entry that is a number; infinite where there is none."""
    return float(np.max(values, initial=-np.inf, where=~np.isnan(values))) if not np.isnan(values).all() else np.inf


def proposals(family: Family, fit: Fit) -> Iterator[tuple[Any, Any]]:
    """Exact values near a fit, simplest first, with the statement that each makes."""
    if np.ndim(fit.value):
        for values in simple_vectors(np.asarray(fit.value)):
            if not family.positive or all(entry > 0 for entry in values.tolist()):
                yield values, family.make(values)
        return
    for value in simple(float(fit.value)):
        if value > 0 or not family.positive:
            yield value, family.make(value)
