"""Products of float64 matrices in blocks of the inner dimension: one product's work, a small part of its error.

    A G = (..(A_1 G_1 + A_2 G_2) + ..) + A_m G_m        blocks of w columns of A, added one after the other

Whatever order the BLAS takes inside a block, with FMA or without, a term sees at most w roundings there and m - 1 in
the sum of blocks, so that the error is at most gamma_k |A||G| with k = w + m - 1, where an honest program may take any
order and is allowed gamma_n. (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 4.2,
blocked sums; the BLAS is taken to form the classical products.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oracle.records.exact import Array

WIDTHS = ((48, 16), (128, 24), (512, 32))
WIDEST = 64
"""Terms in a block for sums up to that long: narrower blocks add up sooner, and keep the BLAS less busy."""
PLENTY = 2.0**10
"""Roundings allowed for each term from which on blocks gain nothing: a promise of float32 allows 2^29."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """A matrix (rows, n) in blocks of columns, each transposed and with its columns contiguous: (w, rows)."""

    parts: tuple[Array, ...]
    width: int

    @property
    def roundings(self) -> int:
        """k: how many roundings a term sees."""
        return self.width + len(self.parts) - 1

    def product(self, given: Array, out: Array, work: Array) -> None:
        """Out = given A^T for given (columns, n); out and work are (columns, rows)."""
        np.matmul(given[:, : self.width], self.parts[0], out=out)
        for j, part in enumerate(self.parts[1:], 1):
            np.matmul(given[:, j * self.width : (j + 1) * self.width], part, out=work)
            out += work


def blocks(matrix: Array, allowed: float) -> Blocks:
    """Cut a matrix into blocks of columns, unless n roundings are nothing beside those that are allowed."""
    n = matrix.shape[1]
    width = next((w for longest, w in WIDTHS if n <= longest), WIDEST) if allowed < PLENTY * n else n
    cut = (np.ascontiguousarray(matrix[:, j : j + width]).T for j in range(0, max(n, 1), max(width, 1)))
    return Blocks(tuple(cut), min(width, n))
