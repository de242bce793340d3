"""Matrices of float64 with an entrywise radius: every true entry is within rad of mid. For bounds on large matrices.

A product of arb matrices at N = 400 takes seconds, one of float64 a millisecond. With u = 2^-53, rounding to nearest:

    fl(a op b) = (a op b)(1 + d), |d| <= u          a sum or product of n terms, in any order, with or without FMA:
    |fl(X Y) - X Y| <= gamma_n |X| |Y|               gamma_n = n u / (1 - n u)

(N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., lemma 3.1 and section 3.5; classical products, not
Strassen's). A number >= 0 that took n such operations is at most (1 + n 2^-52) times what was computed, and underflow
adds less than 2^-1000 (`up`). Nothing here depends on the rounding mode being changed.
S. M. Rump, Fast and parallel interval arithmetic, BIT 39 (1999), has the same representation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.arithmetic.ball import middles, upper_floats
from oracle.records.exact import Array

UNIT = 2.0**-53
TINY = 2.0**-1000
"""Above what underflow can add in 2^70 operations, below any radius that matters."""
_OTHERS = 8  # roundings beside the n of a sum: the factor in `up` itself, a scaling, a conversion, and some to spare


def up(x: Any, n: int = 1) -> Any:
    """An upper bound of a number >= 0 that was computed as x with at most n + 6 roundings from upper bounds."""
    return x * (1 + (n + _OTHERS) * 2 * UNIT) + TINY


def gamma(n: int) -> float:
    """An upper bound of n u / (1 - n u)."""
    return (n + 2) * UNIT * (1 + (n + _OTHERS) * 4 * UNIT)


@dataclass(frozen=True, eq=False)
class Midrad:
    """|true - mid| <= rad, entry by entry; mid and rad of one shape, (rows, columns) or (units,)."""

    mid: Array
    rad: Array

    @staticmethod
    def of(balls: Any) -> Midrad:
        """The balls of an arb_mat; use inside `precision`."""
        mid = middles(balls)
        centre = type(balls)(*mid.shape, mid.ravel().tolist())
        return Midrad(mid, upper_floats(balls - centre))

    @staticmethod
    def exactly(values: Array) -> Midrad:
        """Floats as the numbers they are."""
        return Midrad(np.asarray(values, dtype=np.float64), np.zeros(np.shape(values)))

    @staticmethod
    def between(low: Array, high: Array) -> Midrad:
        """Every number from low to high."""
        mid = (low + high) / 2
        return Midrad(mid, up(np.maximum(high - mid, mid - low)))

    def transpose(self) -> Midrad:
        """The transposed matrix."""
        return Midrad(self.mid.T, self.rad.T)

    @property
    def sizes(self) -> Array:
        """Upper bounds of the absolute entries."""
        return np.asarray(up(np.abs(self.mid) + self.rad))

    def __add__(self, other: Midrad) -> Midrad:
        mid = self.mid + other.mid
        return Midrad(mid, up(self.rad + other.rad + UNIT * np.abs(mid)))

    def __sub__(self, other: Midrad) -> Midrad:
        return self + Midrad(-other.mid, other.rad)

    def __mul__(self, other: Midrad) -> Midrad:
        """Entrywise product, broadcast."""
        mid = self.mid * other.mid
        spread = np.abs(self.mid) * other.rad + self.rad * (np.abs(other.mid) + other.rad)
        return Midrad(mid, up(spread + UNIT * np.abs(mid), 3))

    def __matmul__(self, other: Midrad) -> Midrad:
        n = self.mid.shape[-1]
        sizes, others = np.abs(self.mid), np.abs(other.mid)
        spread = sizes @ (other.rad + gamma(n) * others)
        if np.any(self.rad):
            spread = spread + self.rad @ (others + other.rad)
        return Midrad(self.mid @ other.mid, up(spread, 2 * n + 4))

    def __getitem__(self, index: Any) -> Midrad:
        return Midrad(self.mid[index], self.rad[index])

    @property
    def finite(self) -> bool:
        """Whether it says anything: no overflow happened."""
        return bool(np.all(np.isfinite(self.mid)) and np.all(np.isfinite(self.rad)))


def total(values: Array, axis: int | None = None) -> Any:
    """An upper bound of sums of numbers >= 0."""
    return up(np.sum(values, axis=axis), values.size if axis is None else values.shape[axis])
