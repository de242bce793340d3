"""Ranks of exact matrices: Krylov matrices and pencils of rationals, modulo a prime, and minors in named constants."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
from flint import fmpq_mat, nmod_mat

from oracle.claims.spectrum import rationals
from oracle.records.exact import Array

PRIME = 2**61 - 1
"""A Mersenne prime: no denominator of a double, and full rank is missed with a probability of about N^2 / 2^61."""


def krylov(J: Array, E: Array) -> Array:
    """[E, J E, .., J^{N-1} E] in exact numbers."""
    columns = [E]
    for _ in range(len(J) - 1):
        columns.append(J @ columns[-1])
    return np.concatenate(columns, axis=1)


def rational_krylov(J: Array, E: Array) -> Any:
    """The same in flint's rationals."""
    N, A, v = len(J), rationals(J), rationals(E)
    blocks = [v.tolist()]
    for _ in range(N - 1):
        v = A * v
        blocks.append(v.tolist())
    return beside(blocks)


def beside(blocks: list[list[list[Any]]]) -> Any:
    rows = [[entry for block in blocks for entry in block[i]] for i in range(len(blocks[0]))]
    return fmpq_mat(rows)


def controllable_modulo(J: Array, E: Array) -> bool:
    """Full rank modulo a prime that divides no denominator is full rank: a minor that is not 0 there is not 0."""
    N, width = E.shape
    if any(q.denominator % PRIME == 0 for part in (J, E) for q in part.ravel().tolist()):
        return False
    A, v = (_modulo(part) for part in (J, E))
    blocks = [v.tolist()]
    for _ in range(N - 1):
        v = A * v
        blocks.append(v.tolist())
        if len(blocks) * width >= N and len(blocks) % max(1, N // width) == 0 and _rank_modulo(blocks, N) == N:
            return True
    return bool(_rank_modulo(blocks, N) == N)


def _rank_modulo(blocks: list[Any], N: int) -> int:
    entries = [int(entry) for i in range(N) for block in blocks for entry in block[i]]
    return int(nmod_mat(N, len(entries) // N, entries, PRIME).rank())


def full_rank_modulo(matrix: Array) -> bool:
    """Whether a square matrix of rationals is shown to be invertible, modulo a prime that divides no denominator."""
    if any(q.denominator % PRIME == 0 for q in matrix.ravel().tolist()):
        return False
    return bool(_modulo(matrix).rank() == len(matrix))


def deficient_at(J: Array, E: Array, values: Iterable[Fraction]) -> tuple[Fraction, int] | None:
    """The first of the given numbers at which [J - lambda I, E] has not full rank, exactly, and its rank.

    A number at which the rank is full modulo a prime is passed over; a deficient one is computed over the rationals.
    """
    N = len(J)
    for value in values:
        shifted = J.copy()
        shifted[range(N), range(N)] -= value
        pencil = np.concatenate([shifted, E], axis=1)
        if any(q.denominator % PRIME == 0 for q in pencil.ravel().tolist()) or _modulo(pencil).rank() == N:
            continue
        rank = int(rationals(pencil).rank())
        if rank < N:
            return value, rank
    return None


def _modulo(matrix: Array) -> Any:
    return nmod_mat(matrix.shape[0], matrix.shape[1], [_residue(q) for q in matrix.ravel().tolist()], PRIME)


def _residue(q: Fraction) -> int:
    return q.numerator * pow(q.denominator, -1, PRIME) % PRIME


def minors_vanish(J: Array, E: Array) -> bool:
    """Whether every maximal minor of the Krylov matrix is identically zero."""
    K = krylov(J, E)
    return all(determinant(K[:, list(chosen)]) == 0 for chosen in combinations(range(K.shape[1]), len(J)))


def determinant(matrix: Array) -> Any:
    """Laplace's expansion, in any commutative ring."""
    if len(matrix) == 0:
        return Fraction(1)
    total: Any = Fraction(0)
    for j in range(len(matrix)):
        if matrix[0, j] != 0:
            minor = np.delete(matrix[1:], j, axis=1)
            total = total + (-1) ** j * (matrix[0, j] * determinant(minor))
    return total
