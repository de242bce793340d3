"""Norms of balls, rounded up: |X|_inf by rows, |X|_2 and mu_2 by a certified largest eigenvalue.

Of a symmetric H, with V any approximate eigenvectors, T = V^T H V and G = V^T V: if lambda G - T is diagonally dominant
then H <= lambda, for V is invertible (G is diagonally dominant) and the forms agree. So lambda is the largest of
(T_ii + sum_j |T_ij|) / (G_ii -+ sum_j |G_ij|), with the sign that makes it larger: tight to rounding and to the radii.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, middles
from oracle.errors import NotDecidable
from oracle.reference.enclosure import Enclosure, exact
from oracle.reference.euler_terms import largest, total

Norm = Literal["infinity", "two"]
NORMS: tuple[Norm, ...] = ("infinity", "two")


def columns_of(enclosure: Enclosure) -> Any:
    """A (K+1, N) enclosure as a matrix of balls (N, K+1); use inside `precision`."""
    ops, (rows, N) = Ball(), enclosure.shape
    pairs = zip(enclosure.mid.T.ravel(), enclosure.rad.T.ravel(), strict=True)
    return arb_mat(N, rows, [_ball(ops, exact(m), exact(r)) for m, r in pairs])


def _ball(ops: Ball, middle: Fraction, radius: Fraction) -> Any:
    return arb(ops.rational(middle), ops.rational(radius))


def column(m: Any, k: int) -> Any:
    """Column k as a matrix."""
    return arb_mat(m.nrows(), 1, [m[i, k] for i in range(m.nrows())])


def block(m: Any, columns: int) -> Any:
    """The first columns."""
    return arb_mat(m.nrows(), columns, [m[i, k] for i in range(m.nrows()) for k in range(columns)])


def sizes(m: Any) -> Any:
    """Upper bounds of the absolute entries."""
    return arb_mat(m.nrows(), m.ncols(), [entry.abs_upper() for entry in m.entries()])


def scaled_columns(m: Any, factors: list[Any]) -> Any:
    """m diag(factors)."""
    return arb_mat(m.nrows(), m.ncols(), [m[i, j] * f for i in range(m.nrows()) for j, f in enumerate(factors)])


def scaled_rows(factors: list[Any], m: Any) -> Any:
    """diag(factors) m."""
    return arb_mat(m.nrows(), m.ncols(), [f * m[i, j] for i, f in enumerate(factors) for j in range(m.ncols())])


def row_sums(m: Any) -> list[Any]:
    """Upper bounds of sum_j |m_ij|."""
    return [total([m[i, j].abs_upper() for j in range(m.ncols())]) for i in range(m.nrows())]


def vector_norm(v: list[Any], norm: Norm) -> Any:
    """An upper bound of the norm of a vector given by upper bounds of its absolute entries."""
    if norm == "infinity":
        return largest([entry.abs_upper() for entry in v])
    return sum((entry * entry for entry in v), arb(0)).sqrt().abs_upper()


def matrix_norm(m: Any, norm: Norm) -> Any:
    """An upper bound of |m|, as an exact arb."""
    if norm == "infinity":
        return largest(row_sums(m))
    return largest_eigenvalue(m.transpose() * m).abs_upper().sqrt().abs_upper()


def logarithmic_norm(m: Any, norm: Norm) -> Any:
    """An upper bound of mu(m) = lim (|I + t m| - 1)/t, as an exact arb of either sign."""
    if norm == "two":
        return largest_eigenvalue((m + m.transpose()) * arb(0.5))
    rows = []
    for i in range(m.nrows()):
        off = total([m[i, j].abs_upper() for j in range(m.ncols()) if j != i])
        rows.append((m[i, i] + off).upper())
    return _greatest(rows)


def largest_eigenvalue(H: Any) -> Any:
    """An upper bound of the largest eigenvalue of every symmetric matrix in H.

    Raises
    ------
    NotDecidable
        The entries are too wide, or not finite.
    """
    centre = middles(H)
    if not np.all(np.isfinite(centre)):
        raise NotDecidable("a matrix that is not finite has no certified eigenvalues")
    V = Ball().lift(np.linalg.eigh((centre + centre.T) / 2)[1])
    T, G = V.transpose() * H * V, V.transpose() * V
    bounds = []
    for i in range(H.nrows()):
        others = [j for j in range(H.nrows()) if j != i]
        top = T[i, i] + total([T[i, j].abs_upper() for j in others])
        rest = total([G[i, j].abs_upper() for j in others])
        if not G[i, i] > rest:
            raise NotDecidable("the approximate eigenvectors are not independent")
        # top may straddle zero: both quotients then hold, and the larger one is kept.
        bounds.append(_greatest([(top / (G[i, i] - rest)).upper(), (top / (G[i, i] + rest)).upper()]))
    return _greatest(bounds)


def _greatest(values: list[Any]) -> Any:
    """The largest of exact numbers of either sign."""
    found = values[0]
    for value in values[1:]:
        found = value if value > found else found
    return found
