"""Logarithmic norms over all states: how fast two solutions of h' = A h + B s(W h + v) + u can part.

The difference of two solutions obeys d' = (A + B D W) d with a diagonal D of slopes (mean value theorem), all of them
in [0, S], S = sup|s'| (identity: D = I). So |d(t)| <= e^{mu t} |d(0)| with any mu >= mu(A + B D W) for all such D. No
box for the state is needed. In the norms |v|_w = max |v_i|/w_i and |v|_2:

    B diagonal    one slope per row: the row is convex in it, so largest where the slope is 0 or S,
                  mu_w = max_i max_{s in {0, S}} (M_ii + sum_{j != i} |M_ij| w_j/w_i),    M = A + s B W
    W diagonal    one slope per entry: the same with the larger entry of both corners
    else          entries of A + (S/2) B W -+ (S/2) |B||W|
    two           mu_2(A + (S/2) B W) + (S/2) |B|_2 |W|_2            identity: mu_2(A + B W)

Weights are those of the Perron vector of the comparison matrix, the best there are (clipped): any positive weights
are a norm. Tanh, logistic, relu: slopes in [0, S] for every activation of the catalogue. Use inside `precision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, middles
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.lipschitz import matrix, spectral_norm

_LEAST_WEIGHT = 2.0**-16  # of the largest: more would cost more digits than it gains
_POWER_STEPS = 60  # of the Perron vector; the bound is evaluated for whatever they give
_EIGENVECTORS = 64  # units up to which |X|_2 comes from squaring; beyond, eigenvectors are cheaper


@dataclass(frozen=True)
class Norm:
    """A norm and the logarithmic norm of all Jacobians in it.

    Attributes
    ----------
    name : str
        "infinity", "weighted infinity" or "two".
    mu : arb
        Exact, rounded up.
    weights : tuple of arb or None
        |v| = max |v_i| / w_i; None for the 2-norm.
    """

    name: str
    mu: Any
    weights: tuple[Any, ...] | None

    def of(self, sizes: list[Any]) -> Any:
        """An upper bound of the norm of a vector of these absolute entries, exact."""
        if self.weights is None:
            return sum((size * size for size in sizes), arb(0)).sqrt().abs_upper()
        return largest((size / w).abs_upper() for size, w in zip(sizes, self.weights, strict=True))

    def entries(self, size: Any, count: int) -> list[Any]:
        """Upper bounds of the absolute entries of a vector of this norm."""
        return [size] * count if self.weights is None else [(size * w).abs_upper() for w in self.weights]


def norms(field: Lure) -> list[Norm]:
    """The norms there are, the one with the smallest mu first."""
    ops = Ball()
    A, B, W = (matrix(ops, op) for op in (field.A, field.B, field.W))
    corners = _corners(field, A, B, W)
    N = field.state_size
    ones, perron = [arb(1)] * N, _perron(corners)
    found = [
        Norm("infinity", _weighted(corners, ones), tuple(ones)),
        Norm("weighted infinity", _weighted(corners, perron), tuple(perron)),
        Norm("two", _centred(field, A, B, W), None),
    ]
    return sorted((norm for norm in found if norm.mu.is_finite()), key=lambda norm: float(norm.mu))


def largest(values: Any) -> Any:
    """The largest of exact numbers of either sign."""
    found = None
    for value in values:
        found = value if found is None or value > found else found
    return arb(0) if found is None else found


def _slopes(field: Lure) -> tuple[Any, ...]:
    S = ACTIVATIONS[field.activation].lipschitz
    top = arb(S.numerator) / S.denominator
    return (top,) if field.activation == "identity" else (arb(0), top)


def _corners(field: Lure, A: Any, B: Any, W: Any) -> list[Any]:
    """Matrices such that every row of every Jacobian is bounded by that row of one of them."""
    slopes = _slopes(field)
    corners = [A + B * W * s for s in slopes]
    if len(corners) == 1 or field.B.is_diagonal:
        return corners
    if field.W.is_diagonal:
        pairs = list(zip(*(corner.entries() for corner in corners), strict=True))
    else:
        middle, width = A + B * W * (slopes[1] / 2), _sizes(B) * _sizes(W) * (slopes[1] / 2)
        pairs = [(m - w, m + w) for m, w in zip(middle.entries(), width.entries(), strict=True)]
    N = A.nrows()
    return [arb_mat(N, N, [_worse(low, high, k // N == k % N) for k, (low, high) in enumerate(pairs)])]


def _worse(a: Any, b: Any, diagonal: bool) -> Any:
    """The entry that makes a row larger: the larger one on the diagonal, the larger absolute one elsewhere."""
    return largest((a.upper(), b.upper())) if diagonal else largest((a.abs_upper(), b.abs_upper()))


def _sizes(m: Any) -> Any:
    return arb_mat(m.nrows(), m.ncols(), [entry.abs_upper() for entry in m.entries()])


def _weighted(corners: list[Any], weights: list[Any]) -> Any:
    column = arb_mat(len(weights), 1, weights)
    rows = [
        (corner[i, i] + off / weights[i]).upper()
        for corner in corners
        for i, off in enumerate((_off_diagonal(corner) * column).entries())
    ]
    return largest(rows)


def _off_diagonal(m: Any) -> Any:
    """Upper bounds of the absolute entries; zeros on the diagonal."""
    N, entries = m.nrows(), m.entries()
    return arb_mat(N, N, [0 if k % (N + 1) == 0 else entry.abs_upper() for k, entry in enumerate(entries)])


def _perron(corners: list[Any]) -> list[Any]:
    """Approximate Perron vector of the comparison matrix, in few bits; any positive weights would do."""
    floats = [middles(corner) for corner in corners]
    comparison: Array = np.max(np.abs(floats), axis=0)
    diagonal = np.max([np.diag(m) for m in floats], axis=0)
    np.fill_diagonal(comparison, diagonal - min(diagonal.min(), 0.0))
    v = np.ones(len(comparison))
    for _ in range(_POWER_STEPS):
        v = comparison @ v + np.abs(diagonal).max() * v * 0.5
        v = v / v.max() if np.isfinite(v.max()) and v.max() > 0 else np.ones(len(v))
    return [arb(float(np.float16(max(entry, _LEAST_WEIGHT)))) for entry in v]


def _centred(field: Lure, A: Any, B: Any, W: Any) -> Any:
    """mu_2(A + (S/2) B W) + (S/2) |B|_2 |W|_2."""
    slopes = _slopes(field)
    if len(slopes) == 1:
        return largest_eigenvalue(_symmetric(A + B * W * slopes[0]))
    half = slopes[1] / 2
    spread = half * two_norm(B) * two_norm(W)
    return (largest_eigenvalue(_symmetric(A + B * W * half)) + spread).upper()


def _symmetric(m: Any) -> Any:
    return (m + m.transpose()) / 2


def two_norm(x: Any) -> Any:
    """An upper bound of |x|_2, exact; of the identity times a number at once."""
    if x.nrows() <= _EIGENVECTORS:
        return spectral_norm(x)
    return largest_eigenvalue(x.transpose() * x).abs_upper().sqrt().abs_upper()


def largest_eigenvalue(H: Any) -> Any:
    """An upper bound of the largest eigenvalue of every symmetric matrix in H; infinite where none is found.

    With V any approximate eigenvectors, T = V^T H V, G = V^T V: if lambda G - T is diagonally dominant, then
    H <= lambda (G is positive definite and V invertible, because G is diagonally dominant as well).
    """
    centre = middles(H)
    if not np.all(np.isfinite(centre)):
        return arb.pos_inf()
    V = Ball().lift(np.linalg.eigh((centre + centre.T) / 2)[1])
    T, G = V.transpose() * H * V, V.transpose() * V
    ones = arb_mat(H.nrows(), 1, [1] * H.nrows())
    around, rests = (_off_diagonal(m) * ones for m in (T, G))
    bounds = []
    for i, (off, rest) in enumerate(zip(around.entries(), rests.entries(), strict=True)):
        if not G[i, i] > rest:
            return arb.pos_inf()
        top = T[i, i] + off
        bounds += [(top / (G[i, i] - rest)).upper(), (top / (G[i, i] + rest)).upper()]
    return largest(bounds)
