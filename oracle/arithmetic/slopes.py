"""The least and the largest slope of an activation over intervals, in float64, rounded outward.

Where s' is monotone piece by piece its ends decide. Elsewhere a table does: s' on cells of length 2^-5 between -16 and
16, each enclosed by balls, and the largest of any run of cells from those of runs of 2^j (a sparse table).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb

from oracle.arithmetic.ball import precision
from oracle.arithmetic.suprema import FAR, derivatives, slope_range
from oracle.equations.activations import ACTIVATIONS, Piece
from oracle.records.exact import Array

PER_UNIT = 32
_OUT = 2.0**-44  # `Piece.slope` is right to 2^-45; a few more roundings
_BITS = 80


def slopes_over(activation: str, low: Array, high: Array) -> tuple[Array, Array]:
    """The least and the largest divided difference of s over [low, high], entry by entry; NaN for NaN."""
    least, most = derivatives_over(activation, low, high)
    kind = ACTIVATIONS[activation]
    if kind.jump:
        for kink in kind.kinks:
            across = (low <= float(kink)) & (high >= float(kink)) & (low < high)
            least, most = np.where(across, -np.inf, least), np.where(across, np.inf, most)
    return least, most


def derivatives_over(activation: str, low: Array, high: Array) -> tuple[Array, Array]:
    """The least and the largest derivative of s over [low, high], jumps left out."""
    pieces = ACTIVATIONS[activation].pieces
    with np.errstate(all="ignore"):
        least, most = _by_pieces(pieces, low, high) if pieces else _by_table(activation, low, high)
        unknown = np.isnan(low) | np.isnan(high)
        bottom, top = _range(activation)
        least, most = np.maximum(least, bottom), np.minimum(most, top)
    return np.where(unknown, np.nan, least), np.where(unknown, np.nan, most)


@lru_cache(maxsize=64)
def _range(activation: str) -> tuple[float, float]:
    """The least and the largest slope anywhere, as floats on the outside; infinite where there is none."""
    low, high = slope_range(activation)
    return (
        -np.inf if low is None else _outside(Fraction(low), -np.inf),
        np.inf if high is None else _outside(Fraction(high), np.inf),
    )


def _outside(end: Fraction, way: float) -> float:
    near = float(end)
    beyond = Fraction(near) > end if way < 0 else Fraction(near) < end
    return float(np.nextafter(near, way)) if beyond else near


@lru_cache(maxsize=256)
def slope_jump(activation: str, kink: float) -> float:
    """How far s' is apart on the two sides of a kink, rounded up."""
    ends = [np.array([kink])]
    pieces = ACTIVATIONS[activation].pieces
    sides = [float(p.slope(ends[0])[0]) for p in pieces if kink in (p.start, p.end)]
    if not pieces:  # nothing is known of the sides
        return float(np.ptp([*(np.array(derivatives_over(activation, ends[0], ends[0])).ravel())]))
    apart = abs(sides[0] - sides[1]) if len(sides) == 2 else 0.0
    return apart * (1 + 2.0**-40) + 2.0**-45 * (apart > 2.0**-40)


def steepest(activation: str, low: Array, high: Array) -> Array:
    """An upper bound of |s'| over [low, high], jumps left out."""
    least, most = derivatives_over(activation, low, high)
    return np.maximum(np.abs(least), np.abs(most))


def _by_pieces(pieces: tuple[Piece, ...], low: Array, high: Array) -> tuple[Array, Array]:
    if len({piece.slope for piece in pieces}) == 1:
        return _by_one(pieces, low, high)
    least, most = np.full(np.shape(low), np.inf), np.full(np.shape(low), -np.inf)
    for start, end, slope in pieces:
        inside = ((low < end) & (high > start)) | ((low == high) & (high == end))
        ends = [np.asarray(slope(np.clip(point, start, end)), dtype=np.float64) for point in (low, high)]
        bottom, top = np.minimum(*ends), np.maximum(*ends)
        least = np.where(inside, np.minimum(least, bottom - np.abs(bottom) * _OUT), least)
        most = np.where(inside, np.maximum(most, top + np.abs(top) * _OUT), most)
    return least, most


def _by_one(pieces: tuple[Piece, ...], low: Array, high: Array) -> tuple[Array, Array]:
    """The same where all pieces have one function: its values at the ends and at the joints between them."""
    slope = pieces[0].slope
    first = np.asarray(slope(low), dtype=np.float64)
    last = first if high is low else np.asarray(slope(high), dtype=np.float64)
    least, most = np.minimum(first, last), np.maximum(first, last)
    for joint in (piece.start for piece in pieces[1:] if high is not low):
        across, value = (low < joint) & (high > joint), slope(np.array([joint]))
        least = np.where(across, np.minimum(least, value), least)
        most = np.where(across, np.maximum(most, value), most)
    return least - np.abs(least) * _OUT, most + np.abs(most) * _OUT


def _by_table(activation: str, low: Array, high: Array) -> tuple[Array, Array]:
    table = _table(activation)
    first, last = _cell(low), _cell(high)
    level = np.frexp(last - first + 1)[1] - 1  # floor(log2 of how many cells)
    second = last - (1 << level) + 1
    most = np.maximum(table[1][level, first], table[1][level, second])
    least = np.minimum(table[0][level, first], table[0][level, second])
    return least, most


def _cell(z: Array) -> Any:
    """0 for what is below -16, then the cells from left to right, the last one for what is above 16."""
    inside = np.floor((np.clip(np.nan_to_num(z, nan=0.0), -FAR - 1, FAR + 1) + FAR) * PER_UNIT) + 1
    return np.clip(inside, 0, 2 * FAR * PER_UNIT + 1).astype(np.intp)


@lru_cache(maxsize=64)
def _table(activation: str) -> tuple[Array, Array]:
    """Least and largest slope of every run of 2^j cells, (levels, cells); each cell touches its neighbours."""
    radius = 0.5 / PER_UNIT
    with precision(_BITS):
        cells = [arb(-FAR + (2 * i + 1) * radius, radius) for i in range(2 * FAR * PER_UNIT)]
        values = derivatives(activation, cells, 2)
        centres = derivatives(activation, [cell.mid() for cell in cells], 1)[1]
        tight = [c + s * arb(0, radius) for c, s in zip(centres, values[2], strict=True)]
        pairs = list(zip(values[1], tight, strict=True))
        least = [max(_end(a, -1), _end(b, -1)) for a, b in pairs]
        most = [min(_end(a, 1), _end(b, 1)) for a, b in pairs]
    beyond = _range(activation)
    rows = [
        _runs(np.array([beyond[0], *least, beyond[0]]), np.minimum),
        _runs(np.array([beyond[1], *most, beyond[1]]), np.maximum),
    ]
    return rows[0], rows[1]


def _end(ball: Any, sign: int) -> float:
    """A lower (-1) or upper (1) bound."""
    if not ball.is_finite():
        return sign * np.inf
    value = float(ball.upper() if sign > 0 else ball.lower())
    return value + sign * (abs(value) * 2.0**-52 + 2.0**-1060)


def _runs(values: Array, better: Any) -> Array:
    levels = [values]
    step = 1
    while 2 * step <= len(values):
        row = levels[-1].copy()
        row[: len(values) - step] = better(row[: len(values) - step], levels[-1][step:])
        levels.append(row)
        step *= 2
    return np.array(levels)
