"""Up to where the argument of a nonlinearity can be told from its value, which is known up to rounding.

Where s' < flat, the value is too flat. On both sides of the steepest piece of s' the points up to which s' >= flat are
found by bisection, for every activation whose inverse is known and whose slope is nowhere negative.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from oracle.arithmetic.float64 import VALUES
from oracle.arithmetic.inverses import invertible
from oracle.arithmetic.suprema import slope_range
from oracle.equations.activations import ACTIVATIONS, Piece
from oracle.records.exact import Array

FARTHEST = 2.0**40
"""Stands for infinity: the slope of arctan, which falls slowest, is 2^-80 there, below every `flat` that occurs."""
BISECTIONS = 100  # of [-2^40, 2^40], to a relative 2^-60 of it


@cache
def told(activation: str) -> bool:
    """Whether arguments can be told from values: a known inverse, slopes known piece by piece and never negative."""
    if not (invertible(activation) and ACTIVATIONS[activation].pieces):
        return False
    least = slope_range(activation)[0]
    return least is not None and least >= 0


def extent(activation: str) -> tuple[float, float]:
    """The values s comes near to, infinite where it has no limit."""
    with np.errstate(all="ignore"):
        ends = VALUES[activation](np.array([-1e300, 1e300]))
    low, high = (float(end) if abs(end) < 2.0**20 else float(np.copysign(np.inf, end)) for end in ends)
    return low, high


def steep(activation: str, flat: Array) -> tuple[Array, Array, Array, Array]:
    """Arguments (N, 1) between which s' >= flat, and whether s' jumps there: kinks, where s may be constant beyond."""
    pieces = ACTIVATIONS[activation].pieces
    ends = np.array([_at_ends(piece) for piece in pieces])
    peak = int(np.argmax(ends.max(axis=1)))
    low, high = np.full_like(flat, -np.inf), np.full_like(flat, np.inf)
    left, right = np.zeros_like(flat, dtype=bool), np.zeros_like(flat, dtype=bool)
    for i, piece in enumerate(pieces):
        rises = ends[i, 1] >= ends[i, 0]
        if i < peak or (i == peak and rises):
            point, kink = _crossing(piece, flat, ends[i], 1)
            left, low = np.where(point > low, kink, left), np.maximum(low, point)
        if i > peak or (i == peak and not rises):
            point, kink = _crossing(piece, flat, ends[i], -1)
            right, high = np.where(point < high, kink, right), np.minimum(high, point)
    return low, high, left, right


def _at_ends(piece: Piece) -> tuple[float, float]:
    with np.errstate(all="ignore"):
        start, end = piece.slope(np.clip(np.array([piece.start, piece.end]), -FARTHEST, FARTHEST))
    return float(start), float(end)


def _crossing(piece: Piece, flat: Array, ends: Array, side: int) -> tuple[Array, Array]:
    """Where s' passes `flat` on the way to the peak (side 1: from the left), and whether it jumps over it."""
    outer, inner = (piece.start, piece.end) if side == 1 else (piece.end, piece.start)
    at_outer, at_inner = (ends[0], ends[1]) if side == 1 else (ends[1], ends[0])
    far, near = (np.full_like(flat, np.clip(end, -FARTHEST, FARTHEST)) for end in (outer, inner))
    with np.errstate(all="ignore"):
        for _ in range(BISECTIONS):
            middle = (far + near) / 2
            enough = piece.slope(middle) >= flat
            far, near = np.where(enough, far, middle), np.where(enough, middle, near)
    every, none = at_outer >= flat, at_inner < flat
    return np.where(every, -side * np.inf, np.where(none, inner, near)), ~every & none
