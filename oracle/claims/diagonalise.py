"""A diagonalisation in float64, made rigorous: eigenvalues in discs, and what the inputs do to each mode.

With X, Y approximate eigenvectors and their inverse and D approximate eigenvalues, F = I - Y X and H = Y (J X - X D),

    X^-1 J X = D + G,    G = (I - F)^-1 H,    |G - H| <= f |H|,    f = |F| / (1 - |F|)        (row sums)

so by Gershgorin's theorem every connected component of the discs about D whose radii are the row sums of |G| holds as
many eigenvalues as discs. An isolated disc i holds one simple eigenvalue l. Its left eigenvector of D + G, scaled so
that the largest entry is 1, has |w_j| <= g_j / |l - d_j| with g_j the column sum of |G|; where these are below 1 for
all j != i the largest entry is w_i, and

    |v^T E| >= |(X^-1 E)_i| - sum_{j != i} g_j / |l - d_j| |(X^-1 E)_j|,    v^T = w^T X^-1

for each column of E. Where that is positive the inputs reach the mode: rank [J - l I, E] = N (Hautus).
A few complex products of balls: 400 units take a few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import acb, acb_mat, arb

from oracle.arithmetic.ball import middles
from oracle.records.exact import Array

OUT = 2.0**-40
"""Relative; more than the float64 roundings of a sum of a few thousand bounds (N 2^-53 for N terms)."""
_CLOSE = 0.5  # of |I - Y X|: a product this far from I is no diagonalisation


@dataclass(frozen=True, eq=False)
class Diagonalised:
    """J = X (D + G) X^-1 with bounds of |G| and of |I - Y X|.

    Attributes
    ----------
    values : ndarray of complex, (N,)
        D.
    left : acb_mat, (N, N)
        Y.
    rows, columns : ndarray, (N,)
        Row and column sums of |G|, from above.
    off : float
        f, from above: |X^-1 - Y| <= f |Y| in row sums.
    """

    values: Array
    left: Any
    rows: Array
    columns: Array
    off: float

    @property
    def distances(self) -> Array:
        """|d_i - d_j|, from below."""
        apart: Array = np.abs(self.values[:, None] - self.values[None, :]) * (1 - OUT)
        return apart

    @property
    def isolated(self) -> Array:
        """Which discs touch no other, (N,)."""
        apart = self.distances > (self.rows[:, None] + self.rows[None, :]) * (1 + OUT)
        np.fill_diagonal(apart, True)
        alone: Array = np.all(apart, axis=1)
        return alone

    def enclosures(self) -> tuple[Any, ...]:
        """Every eigenvalue in a ball; discs that touch become one that holds their whole component, each."""
        N, label = len(self.values), self._components()
        made = []
        for i in range(N):
            same = label == label[i]
            centre = self.values[np.flatnonzero(same)[0]]
            reach = np.abs(self.values[same] - centre) * (1 + OUT) + self.rows[same]
            radius = float(np.max(reach)) * (1 + OUT)
            made.append(acb(arb(centre.real, radius), arb(centre.imag, radius)))
        return tuple(made)

    def _components(self) -> Array:
        """The least index of the component each disc belongs to."""
        N, touching = len(self.values), self.distances <= (self.rows[:, None] + self.rows[None, :]) * (1 + OUT)
        label = np.arange(N)
        for _ in range(N):
            smaller = np.min(np.where(touching, label[None, :], N), axis=1)
            if np.array_equal(smaller, label):
                break
            label = smaller
        return label

    def reached(self, E: Any) -> Array:
        """Modes with a simple eigenvalue that some column of E is certified to excite, (N,) booleans."""
        Z = self.left * acb_mat(E)
        low, high = _bounds(Z)
        spread = self.off * np.max(high, axis=0, initial=0.0) * (1 + OUT)  # |X^-1 E - Y E|, by column
        gaps = self.distances - self.rows[:, None] * (1 + OUT)
        np.fill_diagonal(gaps, np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(gaps > 0, self.columns[None, :] / gaps, np.inf) * (1 + OUT)
        dominant = self.isolated & np.all(shares < 1, axis=1)
        others = np.where(dominant[:, None], shares, 0.0) @ ((high + spread) * (1 + OUT))
        excited: Array = dominant & np.any(low - spread > others * (1 + OUT), axis=1)
        return excited


def diagonalised(matrix: Any) -> Diagonalised | None:
    """A diagonalisation of every matrix in an arb_mat; None where it is too ill-conditioned. Use inside `precision`."""
    N = matrix.nrows()
    try:
        values, X = np.linalg.eig(middles(matrix))
        Y = np.linalg.inv(X)
    except np.linalg.LinAlgError:
        return None
    if not (np.all(np.isfinite(X)) and np.all(np.isfinite(Y))):
        return None
    D, right, left = [acb(v) for v in values.tolist()], _complex(X), _complex(Y)
    moved = acb_mat(N, N, [entry * D[k % N] for k, entry in enumerate(right.entries())])
    F = _bounds(left * right - _complex(np.eye(N)))[1]
    H = _bounds(left * (acb_mat(matrix) * right - moved))[1]
    norm = float(np.max(np.sum(F, axis=1), initial=0.0)) * (1 + OUT)
    if not (norm < _CLOSE and np.all(np.isfinite(H))):
        return None
    off = norm / (1 - norm) * (1 + OUT)
    rows, columns, tallest = np.sum(H, axis=1), np.sum(H, axis=0), np.max(H, axis=0, initial=0.0)
    return Diagonalised(
        np.asarray(values, dtype=complex),
        left,
        (rows + off * np.max(rows, initial=0.0)) * (1 + OUT),
        (columns + N * off * tallest) * (1 + OUT),
        off,
    )


def _complex(matrix: Array) -> Any:
    return acb_mat(matrix.shape[0], matrix.shape[1], matrix.ravel().tolist())


def _bounds(m: Any) -> tuple[Array, Array]:
    """|m| entry by entry, from below and from above."""
    sizes = [abs(entry) for entry in m.entries()]
    low = np.array([float(size.abs_lower()) for size in sizes]).reshape(m.nrows(), m.ncols())
    high = np.array([upward(size) for size in sizes]).reshape(m.nrows(), m.ncols())
    return np.maximum(np.nextafter(low, -np.inf), 0.0), high


def upward(value: Any) -> float:
    """An upper bound of a ball that is not negative, as a float."""
    bound = float(value.abs_upper())
    return float(np.nextafter(bound, np.inf)) if bound else 0.0
