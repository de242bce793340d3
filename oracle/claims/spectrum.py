"""Eigenvalues, enclosed, and whether two spectra are one.

Up to `DIRECT` units flint's certified solver is used: it isolates simple eigenvalues, encloses a cluster by as many
identical balls as it has members, and refuses a matrix that is defective. Beyond, a diagonalisation in float64 is made
rigorous (`oracle.claims.diagonalise`). A rational matrix has an exact characteristic polynomial, whose roots come with
their multiplicity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from flint import acb, acb_mat, arb, arb_mat, fmpq, fmpq_mat

from oracle.arithmetic.ball import Ball, precision
from oracle.claims.diagonalise import OUT, diagonalised, upward
from oracle.records.exact import Array
from oracle.records.operator import Operator

DIRECT = 32
"""Units up to which the certified solver runs: 0.2 s at 32, N^3 and a large constant beyond."""
ROOTS = 12
"""Units up to which the characteristic polynomial of a rational matrix is used: its coefficients have 53 N bits."""
BITS = (128, 512)
"""Precisions tried in turn: a cluster of k eigenvalues is known to 1/k of the digits only."""
RESOLUTION = 2.0**-20
"""Two spectra that overlap one to one are called the same if the enclosures are this narrow, relative to |J|."""


class Discs(NamedTuple):
    """Discs in the complex plane, one per eigenvalue: centres (N,) and radii (N,), rounded outward."""

    centres: Array
    radii: Array


class Distance(NamedTuple):
    """The matching distance of two spectra (the least, over pairings, of the largest difference) lies in between."""

    low: float
    high: float


def is_rational(matrix: Array) -> bool:
    """Whether every entry is a rational number."""
    return all(isinstance(entry, Fraction) for entry in matrix.ravel().tolist())


def rationals(matrix: Array) -> Any:
    """A matrix of rationals as flint's."""
    rows, columns = matrix.shape
    return fmpq_mat(rows, columns, [fmpq(q.numerator, q.denominator) for q in matrix.ravel().tolist()])


def lifted(op: Operator) -> Any:
    """An exact operator as an arb_mat at the working precision; its diagonal factors are read once, not per entry."""
    ops, total = Ball(), arb_mat(*op.shape)
    for term in op.terms:
        dense = ops.lift(np.eye(op.shape[0]) if term.dense is None else term.dense)
        total = total + ops.scale(term.left, ops.scale(term.right, dense.transpose()).transpose())
    return total


def exact_eigenvalues(matrix: Array) -> tuple[Any, ...]:
    """Eigenvalues of a rational matrix at the working precision, each as often as its algebraic multiplicity."""
    # A factor with imaginary roots is even: root by root of each factor, their real parts are exactly zero.
    _, factors = rationals(matrix).charpoly().factor()
    return tuple(acb(value) for p, power in factors for value, _ in p.complex_roots() for _ in range(int(power)))


def eigenvalues(matrix: Any) -> tuple[Any, ...] | None:
    """Enclosures of the eigenvalues of an arb_mat at the working precision, or None where none were found."""
    if matrix.nrows() > DIRECT:
        found = diagonalised(matrix)
        return None if found is None else found.enclosures()
    for multiple in (False, True):
        try:
            return tuple(acb_mat(matrix).eig(multiple=multiple))
        except ValueError:  # not isolated, or defective
            continue
    return None


def spectrum(lifted: Callable[[], Any], exact: Array | None = None) -> tuple[Any, ...] | None:
    """Eigenvalues of the matrix that `lifted` encloses, at increasing precision until the discs are narrow.

    Parameters
    ----------
    lifted : callable
        Makes the arb_mat at the working precision.
    exact : array, optional
        The matrix in exact numbers; a rational one has a characteristic polynomial.
    """
    found: tuple[Any, ...] | None = None
    for bits in BITS:
        with precision(bits):
            matrix = lifted()
            exactly = exact is not None and len(exact) <= ROOTS and is_rational(exact)
            values = exact_eigenvalues(exact) if exactly and exact is not None else eigenvalues(matrix)
            found = values if values is not None else found
            narrow = values is not None and bool(np.all(discs(values).radii <= RESOLUTION * size(matrix) / 8))
        if narrow or matrix.nrows() > DIRECT:  # the discs of an approximate diagonalisation do not shrink with the bits
            return found
    return found


def size(matrix: Any) -> float:
    """Largest row sum of moduli of an arb_mat, from above."""
    rows = ([matrix[i, j] for j in range(matrix.ncols())] for i in range(matrix.nrows()))
    return max((upward(sum((abs(entry) for entry in row), arb(0))) for row in rows), default=0.0)


def discs(values: Sequence[Any]) -> Discs:
    """Enclosures as discs with float64 centres."""
    centres = np.array([complex(float(v.real.mid()), float(v.imag.mid())) for v in values], dtype=complex)
    return Discs(centres, np.array([upward(abs(v - acb(c))) for v, c in zip(values, centres.tolist(), strict=True)]))


def isolated(values: Sequence[Any]) -> bool:
    """Whether no two enclosures overlap: every eigenvalue is simple."""
    found = discs(values)
    low = np.asarray(_distances(found, found)[0])
    return bool(np.all(low[~np.eye(len(values), dtype=bool)] > 0))


def matching(a: Sequence[Any], b: Sequence[Any]) -> Distance:
    """The matching distance of two enclosed spectra."""
    low, high = _distances(discs(a), discs(b))
    pairs = _perfect(low <= 0)
    if pairs is not None:
        return Distance(0.0, float(max((high[i, j] for i, j in enumerate(pairs)), default=0.0)))
    levels = np.unique(low)
    first, last = 0, len(levels) - 1
    while first < last:
        middle = (first + last) // 2
        first, last = (first, middle) if _perfect(low <= levels[middle]) is not None else (middle + 1, last)
    pairs = _perfect(low <= levels[first])
    assert pairs is not None, "at the largest distance every pair is allowed"
    return Distance(float(levels[first]), float(max(high[i, j] for i, j in enumerate(pairs))))


def _distances(a: Discs, b: Discs) -> tuple[Array, Array]:
    """Lower and upper bounds of every distance; 0 where discs touch."""
    apart = np.abs(a.centres[:, None] - b.centres[None, :])
    radii = (a.radii[:, None] + b.radii[None, :]) * (1 + OUT)
    return np.maximum(apart * (1 - OUT) - radii, 0.0), (apart * (1 + OUT) + radii) * (1 + OUT)


def _perfect(allowed: Array) -> list[int] | None:
    """A perfect matching of a bipartite graph, or None (augmenting paths)."""
    N = len(allowed)
    if allowed.shape != (N, N):
        return None
    neighbours = [np.flatnonzero(row).tolist() for row in allowed]
    partner: list[int] = [-1] * N  # of the columns

    def augment(i: int, seen: set[int]) -> bool:
        for j in neighbours[i]:
            if j not in seen:
                seen.add(j)
                if partner[j] < 0 or augment(partner[j], seen):
                    partner[j] = i
                    return True
        return False

    if not all(augment(i, set()) for i in range(N)):
        return None
    return [partner.index(i) for i in range(N)]
