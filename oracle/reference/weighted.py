"""Norms with weights, and rigorous bounds of matrix norms and logarithmic norms in them.

    |v| = |(v_i / d_i)|_p,  p = 1, 2 or infinity,  d_i > 0           |M| = |D^-1 M D|_p,  D = diag(d)
    mu(M) = lim (|I + t M| - 1)/t:  infinity  max_i (N_ii + sum_{j != i} |N_ij|),  1 the same by columns,
                                    2         the largest eigenvalue of (N + N^T)/2,   N = D^-1 M D

Any positive weights give a norm and hence a bound; good ones are found in floating point and need no proof. For a
matrix of sizes they are its Perron vector (then the infinity norm is the spectral radius). A bound of the spectral
radius of R >= 0 is max_i (R v)_i / v_i for every v > 0 (Collatz and Wielandt).

Largest eigenvalue of a symmetric H: if the floating-point Cholesky factorisation of C = lambda I - H runs to the end,
then C + E is positive semidefinite for some |E|_2 <= gamma_{n+1} / (1 - gamma_{n+1}) tr C, so that the largest
eigenvalue is at most lambda + |E|_2 (S. M. Rump, Verification of positive definiteness, BIT 46, 2006; the analysis is
Higham's theorem 10.3 and holds for every order of summation). lambda comes from LAPACK and need not be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from oracle.arithmetic.midrad import TINY, UNIT, Midrad, gamma, total, up
from oracle.errors import NotDecidable
from oracle.records.exact import Array

Kind = Literal["infinity", "one", "two"]
KINDS: tuple[Kind, ...] = ("infinity", "one", "two")

_POWERS = 40  # of the power iteration; a poor Perron vector only costs sharpness
_FLOOR = 1e-3  # weights are at least this share of the largest, so that entries are bounded by the norm not too badly
_DOUBLINGS = 60  # of the margin in the Cholesky test: from rounding size to anything a double can hold
_VANISHING = 2.0**-900  # radii of zero that were rounded up a few times; no vectors are sought for them


@dataclass(frozen=True, eq=False)
class Norm:
    """|(v_i / d_i)|_p.

    Attributes
    ----------
    kind : {"infinity", "one", "two"}
    weights : ndarray
        (N,): d, all positive.
    name : str
        For the evidence.
    """

    kind: Kind
    weights: Array
    name: str

    def __post_init__(self) -> None:
        good = np.all(np.isfinite(self.weights)) and np.all(self.weights > 0)
        assert good, "weights are positive: anything else is no norm"

    @staticmethod
    def plain(kind: Kind, N: int) -> Norm:
        """All weights 1."""
        return Norm(kind, np.ones(N), kind)

    def of(self, sizes: Array) -> float:
        """An upper bound of the norm of a vector, from upper bounds of its absolute entries."""
        scaled = up(sizes / self.weights)
        if self.kind == "infinity":
            return float(np.max(scaled, initial=0.0))
        if self.kind == "one":
            return float(total(scaled))
        return float(up(np.sqrt(total(scaled * scaled)), 3))

    def entries(self, radius: float) -> Array:
        """Upper bounds of |v_i| for |v| <= radius: d_i radius in all three."""
        return np.asarray(up(self.weights * radius))

    def reach(self, sizes: Array) -> Array:
        """Upper bounds of |(X v)_i| / |v| from upper bounds of |X_ij|: the dual norms of the rows."""
        scaled = up(sizes * self.weights)
        if self.kind == "infinity":
            return np.asarray(total(scaled, axis=1))
        if self.kind == "one":
            return np.asarray(np.max(scaled, axis=1, initial=0.0))
        return np.asarray(up(np.sqrt(total(scaled * scaled, axis=1)), 3))

    def similar(self, m: Midrad) -> Midrad:
        """D^-1 M D."""
        if np.all(self.weights == self.weights[0]):
            return m
        factor = self.weights[None, :] / self.weights[:, None]
        return m * Midrad(factor, up(UNIT * factor))

    def matrix(self, m: Midrad) -> float:
        """An upper bound of |M|."""
        n = self.similar(m)
        if self.kind == "two":
            return spectral_norm(n)
        return float(np.max(total(n.sizes, axis=1 if self.kind == "infinity" else 0), initial=0.0))

    def logarithmic(self, m: Midrad) -> float:
        """An upper bound of mu(M), of either sign."""
        n = self.similar(m)
        if self.kind == "two":
            return largest_eigenvalue(symmetric_part(n))
        return float(np.max(gershgorin(n if self.kind == "infinity" else n.transpose())))


def gershgorin(m: Midrad) -> Array:
    """Upper bounds of M_ii + sum_{j != i} |M_ij| row by row."""
    sizes = m.sizes.copy()
    np.fill_diagonal(sizes, 0.0)
    diagonal = np.diagonal(m.mid)
    rest = up(total(sizes, axis=1) + np.diagonal(m.rad))
    value = diagonal + rest
    return np.asarray(value + up(2 * UNIT * (np.abs(diagonal) + rest)))


def symmetric_part(m: Midrad) -> Midrad:
    """(M + M^T)/2; the middle is symmetric bit by bit."""
    mid = (m.mid + m.mid.T) / 2
    return Midrad(mid, up((m.rad + m.rad.T) / 2 + UNIT * np.abs(mid)))


def largest_eigenvalue(h: Midrad) -> float:
    """An upper bound of the largest eigenvalue of every symmetric matrix in h, whose middle is symmetric.

    Raises
    ------
    NotDecidable
        An entry is not finite.
    """
    if not h.finite:
        raise NotDecidable("a matrix that is not finite has no certified eigenvalues")
    return _plus(_largest_of_floats(h.mid), spectral_radius(np.maximum(h.rad, h.rad.T)))


def _plus(a: float, b: float) -> float:
    """a + b rounded up, b >= 0."""
    return float(a + b + up(2 * UNIT * (abs(a) + b)))


def _largest_of_floats(h: Array) -> float:
    n = len(h)
    if n == 1:
        return float(h[0, 0])
    if not np.any(h):
        return 0.0
    guess = float(np.linalg.eigvalsh(h)[-1])
    margin = gamma(n + 1) * float(np.trace(guess * np.eye(n) - h)) + 4 * UNIT * abs(guess) + TINY
    for _ in range(_DOUBLINGS):
        top = guess + margin
        shifted = -h
        shifted[np.diag_indices(n)] = top - np.diagonal(h)
        try:
            np.linalg.cholesky(shifted)
        except np.linalg.LinAlgError:
            margin *= 2
            continue
        # The Cholesky error, and the rounding of the n subtractions on the diagonal.
        trace = float(total(np.abs(np.diagonal(shifted))))
        error = up(gamma(n + 1) * (1 + 2 * gamma(n + 1)) * trace + UNIT * trace, 4)
        return _plus(top, float(error))
    raise NotDecidable("no upper bound of an eigenvalue could be certified")


def spectral_norm(m: Midrad) -> float:
    """An upper bound of |M|_2: the root of the largest eigenvalue of M^T M, plus the norm of the radii."""
    if not m.finite:
        raise NotDecidable("a matrix that is not finite has no certified norm")
    n = max(m.mid.shape)
    if np.count_nonzero(m.mid) == np.count_nonzero(np.diagonal(m.mid)):
        centre = float(np.max(np.abs(np.diagonal(m.mid)), initial=0.0))
    else:
        scale = float(np.max(np.abs(m.mid)))
        x = m.mid / scale  # an exact division is not needed: its rounding is part of the error below
        gram = x.T @ x
        gram = (gram + gram.T) / 2
        error = (gamma(n) + 4 * UNIT) * total(x * x)
        squared = _plus(_largest_of_floats(gram), float(up(error, 4)))
        centre = float(up(np.sqrt(max(squared, 0.0)) * scale, 3))
    return float(up(centre + norm_of_sizes(m.rad)))


def norm_of_sizes(sizes: Array) -> float:
    """An upper bound of |R|_2 for R >= 0: the root of the spectral radius of R^T R, which is not formed."""
    largest = float(np.max(sizes, initial=0.0))
    if not largest > _VANISHING:
        return float(up(largest * max(sizes.shape)))
    scaled = sizes / largest
    v = np.ones(sizes.shape[1])
    for _ in range(_POWERS):
        v = scaled.T @ (scaled @ v)
        v = np.maximum(v / np.max(v), _FLOOR)
    image = total(scaled.T * total(scaled * v, axis=1), axis=1)
    return float(up(np.sqrt(np.max(up(image / v))) * largest, 4))


def spectral_radius(sizes: Array) -> float:
    """An upper bound of the spectral radius of R >= 0 (of |R|_2 where it is symmetric)."""
    largest = float(np.max(sizes, initial=0.0))
    if not largest > _VANISHING:
        return float(up(largest * len(sizes)))
    v = perron(sizes)
    return float(np.max(up(total(sizes * v, axis=1) / v)))


def perron(sizes: Array) -> Array:
    """An approximate Perron vector of R >= 0, positive: good weights for the infinity norm."""
    v = np.ones(len(sizes))
    for _ in range(_POWERS):
        v = sizes @ v
        largest = float(np.max(v, initial=0.0))
        if not largest > 0 or not np.isfinite(largest):
            return np.ones(len(sizes))
        v = np.maximum(v / largest, _FLOOR)
    return v


def norms_for(sizes: Array, rates: Any = None) -> tuple[Norm, ...]:
    """Norms worth trying for a matrix of given sizes: plain ones, Perron weights, the balance of both Perron vectors.

    Parameters
    ----------
    sizes : ndarray
        (N, N), about |J|.
    rates : ndarray, optional
        (N,), about 1/tau: with weights tau^(-1/2) a heterogeneous leak is symmetric in the 2-norm.
    """
    N = len(sizes)
    right, left = perron(sizes), perron(sizes.T)
    found = [Norm.plain(kind, N) for kind in KINDS]
    if N > 1:
        found.append(Norm("infinity", right, "infinity, Perron weights"))
        found.append(Norm("one", 1 / left, "one, Perron weights"))
        found.append(Norm("two", np.sqrt(right / left), "two, balanced weights"))
    if rates is not None and np.all(rates > 0) and np.ptp(rates) > 0:
        found.append(Norm("two", np.sqrt(rates / np.max(rates)), "two, weights tau^(-1/2)"))
    return tuple(found)
