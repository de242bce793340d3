"""Suprema of |s'|, |s''|, |s'''| and the range of s', certified by balls: branch and bound over cells.

On a cell z0 +- r the derivative lies in s^(k)(z0) + s^(k+1)(cell) [-r, r] and in s^(k)(cell); both come from the Taylor
series of s at a ball, so that the differential relation is all that is known of s. Cells whose bound is below the
largest value seen at a midpoint are dropped, the others halved. Cells end at kinks, where derivatives are one-sided.

Beyond |z| = 16 a lemma has to do, the same for all: second and third derivatives are below 2^-8 there, and s' within
2^-8 of an end of what it takes before. arctan: |s^(k)| <= (k-1)!/(1 + z^2)^(k/2). tanh, logistic, softplus and erf:
polynomials in s, and z, times s' <= 4 e^-|z|. silu, gelu: s' is 0 or 1 up to z e^-|z| or z phi(z) (Mills), and
(3 + |z|) e^-|z| bounds the others; gelu-tanh: w and its derivatives, below 60 z^3 in all, times 4 e^-2|w|, |w| > 100.
sin has a period of less than 16. On lines all is constant, e^z and powers rise to the cell beside them, or for ever.
Of a user's activation nothing is known there: its suprema count as infinite, its slopes as what the user says.

M. Berz and G. Hoffstaetter, Computation and application of Taylor polynomials with interval remainder bounds,
Reliable Computing 4 (1998).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import factorial, isfinite
from typing import Any

from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.series import Series, SeriesArithmetic
from oracle.equations.activations import ACTIVATIONS
from oracle.equations.activations_user import UNTOLD
from oracle.errors import NotDecidable

FAR = 16
_BITS = 96
_CLOSE = 2.0**-50  # relative distance of the two ends of what is returned
_FIRST_CELLS = 64
_MOST_CELLS = 200_000


@dataclass(frozen=True)
class Supremum:
    """low <= sup <= high as floats, and an argument where the derivative is at least low.

    `high` is infinite where there is no supremum, or none was found.
    """

    low: float
    high: float
    at: float


class OneSided(SeriesArithmetic[Any]):
    """Series whose kinks are read on the side of the argument's midpoint: right for cells that end at kinks."""

    def _sides(self, z: Series[Any]) -> Any:
        return self.base._each(lambda entry: arb(1) if entry.mid() > 0 else arb(0), z[0])  # type: ignore[attr-defined]

    def positive_part(self, z: Series[Any]) -> Series[Any]:
        """z or 0."""
        side = self._sides(z)
        return Series(lambda k: self.base.mul(side, z[k]))

    def unit_step(self, z: Series[Any]) -> Series[Any]:
        """1 or 0."""
        side = self._sides(z)
        return Series(lambda k: side if k == 0 else self.base.scale(Fraction(0), side))

    def indicator(self, z: Series[Any]) -> Series[Any]:
        """1 or 0."""
        return self.unit_step(z)


def derivatives(activation: str, cells: list[Any], order: int) -> list[list[Any]]:
    """s, s', .., s^(order) on balls that hold no kink inside; use inside `precision`."""
    z = arb_mat(1, len(cells), cells)
    zero = z * 0
    point: Series[Any] = Series(lambda k: z if k == 0 else Ball().one(z) if k == 1 else zero)
    s = OneSided(Ball()).act(activation, point)
    return [[entry * factorial(k) for entry in s[k].entries()] for k in range(order + 1)]


@lru_cache(maxsize=256)
def supremum(activation: str, order: int) -> Supremum:
    """sup |s^(order)| over all arguments, order 1 to 3.

    Notes
    -----
    At kinks one-sided derivatives count, not the jump.
    """
    kind = ACTIVATIONS[activation]
    if order < kind.degree or kind.assumed == UNTOLD:
        return Supremum(0.0, float("inf"), 0.0)
    top, bottom = extreme(activation, order, 1), extreme(activation, order, -1)
    found = top if top.high >= bottom.high else bottom
    ends = slope_range(activation) if order == 1 else (None, None)
    beyond = max((float(abs(end)) for end in ends if end is not None), default=0.0)  # a limit at infinity
    return replace(found, high=max(found.high, beyond))


@lru_cache(maxsize=256)
def extreme(activation: str, order: int, sign: int) -> Supremum:
    """The supremum of sign s^(order) on [-16, 16]."""
    with precision(_BITS):
        return _searched(activation, order, sign)


def _searched(activation: str, order: int, sign: int) -> Supremum:
    cells = _cells(activation, _FIRST_CELLS)
    best, at, seen = -float("inf"), 0.0, 0
    settled = -float("inf")  # upper bounds of cells that are no longer split
    while cells:
        seen += len(cells)
        middles = [cell.mid() for cell in cells]
        here = [sign * v for v in derivatives(activation, middles, order)[order]]
        lower, upper = _lower(here), _bounds(activation, cells, here, order, sign)
        k = max(range(len(cells)), key=lambda i: lower[i])
        if lower[k] > best:
            best, at = lower[k], float(middles[k])
        close = best + _CLOSE * max(abs(best), 2.0**-20)
        open_cells = [i for i in range(len(cells)) if not upper[i] <= close]
        settled = max([settled, *(upper[i] for i in range(len(cells)) if best < upper[i] <= close)])
        if seen > _MOST_CELLS:
            settled = max([settled, *(upper[i] for i in open_cells)])
            break
        cells = [half for i in open_cells for half in _halves(cells[i])]
    return Supremum(best, max(best, settled), at)


def _bounds(activation: str, cells: list[Any], here: list[Any], order: int, sign: int) -> list[float]:
    """Upper bounds on cells: the derivative there, and the mean value form."""
    whole = derivatives(activation, cells, order + 1)
    forms = []
    for cell, value, direct, steeper in zip(cells, here, whole[order], whole[order + 1], strict=True):
        mean = value + steeper * arb(0, cell.rad())
        forms.append((_up(sign * direct), _up(mean)))
    return [min(pair) for pair in forms]


def _up(ball: Any) -> float:
    """An upper bound, infinite where the ball is not finite."""
    if not ball.is_finite():
        return float("inf")
    top = float(ball.upper())
    return 0.0 if ball == 0 else top + abs(top) * 2.0**-52 + 2.0**-1060


def _lower(balls: list[Any]) -> list[float]:
    found = []
    for ball in balls:
        low = float(ball.lower()) if ball.is_finite() else -float("inf")
        found.append(0.0 if ball == 0 else low - abs(low) * 2.0**-52 - 2.0**-1060)
    return found


def _halves(cell: Any) -> tuple[Any, Any]:
    half = cell.rad() / 2
    half = arb(half.mid())
    return arb(cell.mid() - half, half), arb(cell.mid() + half, half)


def _cells(activation: str, count: int) -> list[Any]:
    """[-16, 16], or as far as the activation says, in balls that end at its kinks."""
    kind = ACTIVATIONS[activation]
    far = max(FAR, kind.reach)
    ends = sorted({Fraction(-far), Fraction(far), *(k for k in kind.kinks if abs(k) < far)})
    found = []
    for start, end in pairwise(ends):
        parts = max(1, int(count * (end - start) / (2 * far)))
        step = (end - start) / parts
        for i in range(parts):
            low, high = Ball().rational(start + i * step), Ball().rational(start + (i + 1) * step)
            middle = ((low + high) / 2).mid()
            found.append(arb(middle, (high - middle).abs_upper().max((middle - low).abs_upper())))
    return found


def bounded_slopes(activation: str) -> tuple[Fraction, Fraction]:
    """The same, where both ends exist.

    Raises
    ------
    NotDecidable
        The slope is unbounded, or no bound is known.
    """
    low, high = slope_range(activation)
    if low is None or high is None:
        raise NotDecidable(f"the slope of {activation} is unbounded, or no bound of it is known")
    return low, high


def steepest_slope(activation: str) -> Fraction:
    """An upper bound of |s'| over all arguments; raises what `bounded_slopes` raises."""
    return max(abs(end) for end in bounded_slopes(activation))


@lru_cache(maxsize=256)
def slope_range(activation: str) -> tuple[Fraction | None, Fraction | None]:
    """inf s' and sup s' over all arguments: exact where that is known, else certified and rounded outward to a double.

    Returns
    -------
    (low, high)
        None in place of one that does not exist or was not found.
    """
    kind = ACTIVATIONS[activation]
    if kind.slopes is not None:
        return kind.slopes
    if kind.assumed == UNTOLD:
        return None, None
    low, high = -extreme(activation, 1, -1).high, extreme(activation, 1, 1).high
    # Beyond 16 the slope is within 2^-8 of 0 or 1, which both are taken in between.
    return (Fraction(min(low, 0.0)) if isfinite(low) else None), (Fraction(high) if isfinite(high) else None)
