"""Products of float64 matrices to about 2^-64 of their terms, with three products of the BLAS and a proven error.

Rows of A and columns of G are split on grids: a_hi is a rounded to a multiple of 2^(e - p), where |a| < 2^e in its row,
and g_hi likewise with 2^(f - q) in its column. Every product of heads is a multiple of 2^(e + f - p - q), and n of them
sum to at most n 2^(e + f); with p + q + ceil(log2 n) <= 53 no partial sum is ever rounded, in any order, with or
without FMA. What remains is small and may be rounded:

    A G = A_hi G_hi  +  (A_hi G_lo + A_lo G)                    leading (exact)  +  crossed (gamma_2n of 2^-22 or so)

S. M. Rump, T. Ogita and S. Oishi, Accurate floating-point summation I, SIAM J. Sci. Comput. 31 (2008); K. Ozaki et al.,
Error-free transformations of matrix multiplication, Numer. Algorithms 59 (2012). The BLAS is taken to round to nearest
and to form the classical products, not Strassen's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oracle.records.exact import Array

U = 2.0**-53
EXPONENTS = 400
"""Rows and columns whose largest entry is beyond 2^(+-400) are left to balls: products neither overflow, nor underflow
by anything that counts, also where subnormals are flushed to zero: the error claimed is above 2^-900."""


@dataclass(frozen=True, eq=False)
class Split:
    """A matrix ready for products: both parts side by side, and what the error of a product needs of its rows.

    `joined` is [A_hi A_lo] of shape (rows, 2n), `error` (rows, 1) the error for columns below 1, `size` (rows, 1) the
    sums of |A|, `bits` q.
    """

    joined: Array
    error: Array
    size: Array
    bits: int

    @property
    def terms(self) -> int:
        """n."""
        return int(self.joined.shape[1]) // 2


def split(head: Array, tail: Array | None = None) -> Split:
    """Prepare the matrix head + tail, where |tail| <= 2^-52 |head|."""
    n = head.shape[1]
    together = 53 - int(np.ceil(np.log2(max(n, 1))))
    bits = together // 2
    rows, exponent = _peaks(head, axis=1)
    leading = _on_grid(head, exponent - (together - bits))
    rest = head - leading if tail is None else (head - leading) + tail
    size, large, small = (np.sum(np.abs(part), axis=1, keepdims=True) for part in (head, leading, rest))
    # gamma_2n for the crossed products; 4u for forming both low parts and for low times low, which is left out.
    crossed = ((2 * n + 4) * U / (1 - 2 * n * U)) * (large * 2.0 ** (1 - bits) + small) * 1.01
    error = np.where(rows == 0, 0.0, np.where(np.abs(exponent) <= EXPONENTS, crossed, np.inf))
    return Split(np.concatenate([leading, rest], axis=1), error, size * 1.01, bits)


def product(A: Split, head: Array, tail: Array | None = None) -> tuple[Array, Array, Array]:
    """(rows, columns): leading and crossed products with head + tail (n, columns), and a bound of what both leave.

    |tail| <= 2^-52 |head|. Columns lie one after the other in memory (Fortran order) for speed.
    """
    n, columns = head.shape
    peak, exponent = _peaks(head, axis=0)
    both = np.empty((columns, 2 * n))
    leading = _on_grid(head, exponent - A.bits).T
    np.subtract(head.T, leading, out=both[:, :n])
    if tail is not None:
        both[:, :n] += tail.T
    both[:, n:] = head.T
    ordinary = np.isfinite(peak) & (np.abs(exponent) <= EXPONENTS)
    scale = np.where(peak == 0, 0.0, np.where(ordinary, np.ldexp(1.0, np.where(ordinary, exponent, 0)), np.inf))
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        exact = (leading @ A.joined[:, :n].T).T
        crossed = (both @ A.joined.T).T
        error = A.error * scale
    return exact, crossed, error


def _peaks(values: Array, axis: int) -> tuple[Array, Array]:
    """max |values| along an axis, and the e with max < 2^e."""
    peak = np.maximum(
        values.max(axis=axis, keepdims=True, initial=0.0), -values.min(axis=axis, keepdims=True, initial=0.0)
    )
    return peak, np.frexp(np.where(np.isfinite(peak), peak, 0.0))[1]


def _on_grid(values: Array, unit: Array) -> Array:
    """Values rounded to multiples of 2^unit; exact while |values| <= 2^(51 + unit)."""
    shift = np.ldexp(1.5, np.clip(unit, -1000, 900) + 52)
    moved: Array = values + shift
    moved -= shift
    return moved
