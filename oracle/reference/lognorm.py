"""Logarithmic norms over all states: how fast two solutions of h' = A h + B s(W h + v) + u can part.

The difference of two solutions obeys d' = (A + B D W) d with a diagonal D of slopes (mean value theorem), all of them
in [l, S], the range of s' (tanh [0, 1]; identity: D = I). So |d(t)| <= e^{mu t} |d(0)| with any mu >= mu(A + B D W) for
all such D. No box for the state is needed. In the norms |v|_w = max |v_i|/w_i and |v|_2:

    B diagonal    one slope per row: the row is convex in it, so largest where the slope is l or S,
                  mu_w = max_i max_{s in {l, S}} (M_ii + sum_{j != i} |M_ij| w_j/w_i),    M = A + s B W
    W diagonal    one slope per entry: the same with the larger entry of both corners
    else          entries of A + c B W -+ r |B||W|,   c = (l + S)/2, r = (S - l)/2
    two           mu_2(A + c B W) + r |B|_2 |W|_2                    identity: mu_2(A + B W)

Weights are those of the Perron vector of the comparison matrix, the best there are (clipped): any positive weights
are a norm. Matrices are float64 with
proven radii (`Interval`): N^3 operations then cost what BLAS takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from flint import arb

from oracle.arithmetic.ball import Ball, middles, upper_floats
from oracle.arithmetic.suprema import bounded_slopes
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator, Term

_LEAST_WEIGHT = 2.0**-16  # of the largest: more would cost more digits than it gains
_POWER_STEPS = 60  # of the Perron vector; the bound is evaluated for whatever they give
_UNIT = 2.0**-53
_TINY = 1e-290  # covers underflow in sums of up to 2^40 products


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


class Interval(NamedTuple):
    """Real matrices within rad of mid, entry by entry."""

    mid: Array
    rad: Array

    def __add__(self, other: Any) -> Interval:
        mid = self.mid + other.mid
        return Interval(mid, (self.rad + other.rad + np.abs(mid) * _UNIT) * (1 + 4 * _UNIT) + _TINY)

    def __matmul__(self, other: Any) -> Interval:
        """Any order of summation: |fl(XY) - XY| <= gamma |X||Y| (N. Higham, Accuracy and Stability, section 3.5)."""
        inner = self.mid.shape[1]
        gamma = 2 * (inner + 2) * _UNIT
        sizes = np.abs(self.mid), np.abs(other.mid)
        rad = sizes[0] @ (gamma * sizes[1] + other.rad) + self.rad @ (sizes[1] + other.rad)
        return Interval(self.mid @ other.mid, rad * (1 + gamma + 4 * _UNIT) + _TINY)

    def times(self, factor: float) -> Interval:
        """Times a float."""
        mid = self.mid * factor
        return Interval(mid, (self.rad * abs(factor) + np.abs(mid) * _UNIT) * (1 + 4 * _UNIT) + _TINY)

    @property
    def T(self) -> Interval:
        """The transpose."""
        return Interval(self.mid.T, self.rad.T)

    @property
    def sizes(self) -> Array:
        """Upper bounds of the absolute entries."""
        found: Array = (np.abs(self.mid) + self.rad) * (1 + 2 * _UNIT)
        return found


def interval(op: Operator) -> Interval:
    """An operator as a matrix; use inside `precision`. A float64 matrix is what it is, a diagonal N balls."""
    ops, terms = Ball(), op.terms
    if len(terms) == 1 and terms[0].dense is not None and terms[0].dense.dtype != object and _plain(terms[0]):
        return Interval(terms[0].dense.astype(np.float64), np.zeros(op.shape))
    if op.is_diagonal and op.shape[0] == op.shape[1]:
        vector = ops.affine([(op, ops.lift(np.ones(op.shape[1])))])
        mid = middles(vector)
        return Interval(np.diag(mid[:, 0]), np.diag(upper_floats(vector - ops.lift(mid))[:, 0]))
    exact = ops.affine([(op, ops.lift(np.eye(op.shape[1])))])
    mid = middles(exact)
    return Interval(mid, upper_floats(exact - ops.lift(mid)))


def _plain(term: Term) -> bool:
    """Whether nothing multiplies the matrix of a term."""
    return all(not isinstance(f, np.ndarray) and f == 1 for f in (term.left, term.right))


def norms(field: Lure, slopes: tuple[Fraction, Fraction] | None = None, like: Norm | None = None) -> list[Norm]:
    """The norms there are, the one with the smallest mu first. Use inside `precision`.

    Slopes are those of all arguments unless a range is given; with `like` the weights are those of that norm.
    """
    with np.errstate(all="ignore"):  # what overflows is not finite, and sorted out; underflow is covered by _TINY
        return _norms(field, _ends(*(slopes or bounded_slopes(field.activation))), like)


def _norms(field: Lure, slopes: tuple[float, ...], like: Norm | None) -> list[Norm]:
    A, B, W = (interval(op) for op in (field.A, field.B, field.W))
    BW = B @ W
    corners = _corners(field, A, BW, (B, W), slopes)
    ones = np.ones(field.state_size)
    given = None if like is None or like.weights is None else np.array([float(w) for w in like.weights])
    perron = _perron(corners) if given is None else given
    found = [
        Norm("infinity", arb(_weighted(corners, ones)), tuple(map(arb, ones.tolist()))),
        Norm("weighted infinity", arb(_weighted(corners, perron)), tuple(map(arb, perron.tolist()))),
        Norm("two", arb(_centred(A, BW, (B, W), slopes)), None),
    ]
    return sorted((norm for norm in found if norm.mu.is_finite()), key=lambda norm: float(norm.mu))


def largest(values: Any) -> Any:
    """The largest of exact numbers of either sign."""
    found = None
    for value in values:
        found = value if found is None or value > found else found
    return arb(0) if found is None else found


def downward(value: Fraction) -> float:
    """The value as a double, rounded down."""
    return -upward(-value)


def upward(value: Fraction) -> float:
    """The value as a double, rounded up."""
    found = float(value)
    return found if Fraction(found) >= value else float(np.nextafter(found, np.inf))


def _ends(low: Fraction, high: Fraction) -> tuple[float, ...]:
    """The least and the largest slope as doubles, or the only one."""
    ends = downward(low), upward(high)
    return ends[:1] if low == high else ends


def _middle(slopes: tuple[float, ...]) -> tuple[float, float]:
    """A number in the middle, and how far the slopes are from it, rounded up."""
    centre = (slopes[0] + slopes[-1]) / 2
    return centre, 0.0 if len(slopes) == 1 else max(slopes[-1] - centre, centre - slopes[0]) * (1 + 4 * _UNIT)


def _corners(
    field: Lure, A: Interval, BW: Interval, factors: tuple[Interval, Interval], slopes: tuple[float, ...]
) -> list[Interval]:
    """Matrices such that every row of every Jacobian is bounded by that row of one of them."""
    corners = [A + BW.times(s) for s in slopes]
    if len(corners) == 1 or field.B.is_diagonal:
        return corners
    if field.W.is_diagonal:
        low, high = corners
        return [_hull(low, high)]
    B, W = factors
    centre, radius = _middle(slopes)
    spread = (Interval(B.sizes, 0 * B.rad) @ Interval(W.sizes, 0 * W.rad)).times(radius)
    middle = A + BW.times(centre)
    return [Interval(middle.mid, (middle.rad + spread.sizes) * (1 + 2 * _UNIT))]


def _hull(a: Interval, b: Interval) -> Interval:
    """What holds both."""
    mid = (a.mid + b.mid) / 2
    rad = np.maximum(np.abs(a.mid - mid) + a.rad, np.abs(b.mid - mid) + b.rad)
    return Interval(mid, rad * (1 + 4 * _UNIT) + _TINY)


def _weighted(corners: list[Interval], w: Array) -> float:
    """max_i (M_ii + sum_{j != i} |M_ij| w_j/w_i), rounded up."""
    return float(max(_rows(corner, w).max() for corner in corners))


def _rows(m: Interval, w: Array) -> Array:
    off = m.sizes.copy()
    np.fill_diagonal(off, 0.0)
    radius = (off @ w) / w * (1 + 2 * (len(w) + 4) * _UNIT)
    top: Array = np.diag(m.mid) + np.diag(m.rad) * (1 + 2 * _UNIT) + radius
    above: Array = top + 4 * _UNIT * (np.abs(np.diag(m.mid)) + np.diag(m.rad) + radius)
    return above


def _perron(corners: list[Interval]) -> Array:
    """Approximate Perron vector of the comparison matrix, in few bits; any positive weights would do."""
    comparison: Array = np.max([corner.sizes for corner in corners], axis=0)
    diagonal = np.max([np.diag(corner.mid) for corner in corners], axis=0)
    np.fill_diagonal(comparison, diagonal - min(diagonal.min(), 0.0))
    v = np.ones(len(comparison))
    for _ in range(_POWER_STEPS):
        v = comparison @ v + 0.5 * np.abs(diagonal).max() * v
        v = v / v.max() if np.isfinite(v.max()) and v.max() > 0 else np.ones(len(v))
    weights: Array = np.maximum(v, _LEAST_WEIGHT).astype(np.float16).astype(np.float64)
    return weights


def _centred(A: Interval, BW: Interval, factors: tuple[Interval, Interval], slopes: tuple[float, ...]) -> float:
    """mu_2(A + c B W) + r |B|_2 |W|_2 for slopes within r of c, rounded up."""
    centre, radius = _middle(slopes)
    middle = A + BW.times(centre)
    found = largest_eigenvalue((middle + middle.T).times(0.5))
    if len(slopes) == 1:
        return found
    spread = radius * two_norm(factors[0]) * two_norm(factors[1]) * (1 + 4 * _UNIT)
    return found + spread + 2 * _UNIT * (abs(found) + spread)


def two_norm(x: Interval) -> float:
    """An upper bound of |x|_2."""
    if x.mid.shape[0] == x.mid.shape[1] and not np.any(x.mid - np.diag(np.diag(x.mid))) and not np.any(x.rad):
        return float(np.abs(np.diag(x.mid)).max())
    square = max(largest_eigenvalue(x.T @ x), 0.0)
    return float(np.sqrt(square)) * (1 + 2 * _UNIT)


def largest_eigenvalue(H: Interval) -> float:
    """An upper bound of the largest eigenvalue of every symmetric matrix in H; infinite where none is found.

    With V any approximate eigenvectors, T = V^T H V, G = V^T V: if lambda G - T is diagonally dominant, then
    H <= lambda (G is positive definite and V invertible, because G is diagonally dominant as well).
    """
    if not np.all(np.isfinite(H.mid)) or not np.all(np.isfinite(H.rad)):
        return float("inf")
    vectors = np.linalg.eigh((H.mid + H.mid.T) / 2)[1]
    V = Interval(vectors, np.zeros_like(vectors))
    T, G = V.T @ (H @ V), V.T @ V
    ones = np.ones(len(vectors))
    top, rest = _rows(T, ones), _rows(_hollow(G), ones)
    least, most = (np.diag(G.mid) - np.diag(G.rad) - rest) * (1 - 8 * _UNIT), np.diag(G.mid) + np.diag(G.rad) + rest
    if not np.all(least > 0.5):
        return float("inf")
    quotients = np.where(top > 0, top / least, top / (most * (1 + 8 * _UNIT)))
    return float(quotients.max() + 8 * _UNIT * np.abs(top).max())


def _hollow(m: Interval) -> Interval:
    """The same without its diagonal."""
    keep = 1.0 - np.eye(len(m.mid))
    return Interval(m.mid * keep, m.rad * keep)
