"""The distance of a pair to the uncontrollable ones: min over complex lambda of sigma_min [J - lambda I, E].

It is the 2-norm of the smallest perturbation of (J, E) that makes it uncontrollable (R. Eising, Systems & Control
Letters 4, 1984). R multiplies it by r and Euler by Delta, since [rJ - r lambda I, rE] = r [J - lambda I, E] and
[I + Delta J - (1 + Delta lambda) I, Delta E] = Delta [J - lambda I, E].

    above    sigma_min at any lambda; the best of a descent from the eigenvalues, lambda <- u* J u with u the left
             singular vector
    below    sigma_min is 1-Lipschitz in lambda, and at least |lambda| - |J|: squares about c of half the side a have
             sigma_min >= sigma_min(c) - sqrt(2) a; they are divided until every one is above a share of the upper bound

J and E are real, so the upper half plane is enough. A singular value decomposition M ~ U diag(s) V* of float64 encloses
sigma_min: with R = M - U diag(s) V*, dU = |U* U - I|, dV = |V* V - I| in Frobenius norms (rounded up with the a-priori
bounds of products, N. J. Higham, Accuracy and Stability of Numerical Algorithms, chapter 3)

    s_min sqrt((1 - dU)(1 - dV)) - |R|  <=  sigma_min  <=  s_min sqrt((1 + dU)(1 + dV)) + |R|
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from flint import arb_mat

from oracle.arithmetic.ball import middles, precision, upper_floats
from oracle.claims.diagonalise import OUT
from oracle.claims.rank import Pair
from oracle.claims.spectrum import BITS
from oracle.records.exact import Array

UNIT = 2.0**-53
SHARE = 0.9
"""The lower bound is at least this share of the upper one, where squares suffice."""
SQUARES = 20_000
"""Squares that are looked at before the lower bound is what it is by then."""
LARGEST = 64
"""Units up to which a lower bound is looked for: some hundred decompositions, 0.1 s at 16 units and 3 s at 64."""
RADIUS = 1.4142136
"""Half the diagonal of a square of half-side 1, sqrt 2 rounded up."""
ZERO = 2.0**-40
"""An upper bound this small, relative to |J|, is not separated from zero: no lower bound is looked for."""
_DESCENTS, _FEW = 12, 3  # of lambda <- u* J u, and of a large pair; every iterate is an upper bound
_STARTS = 4  # of a large pair, the modes that the inputs reach least
_BATCH = 2048  # decompositions at once


class Distance(NamedTuple):
    """The distance lies in [low, high]; `how` says what was done for the lower bound."""

    low: float
    high: float
    how: str

    def __str__(self) -> str:
        return f"in [{self.low:.6g}, {self.high:.6g}] (proved; {self.how})"

    def times(self, factor: float) -> Distance:
        """Scaled, rounded outward."""
        return Distance(self.low * factor * (1 - OUT), self.high * factor * (1 + OUT), self.how)

    def apart(self, other: Distance) -> float:
        """How far two enclosures are from touching; 0 where they overlap."""
        return max(0.0, self.low - other.high, other.low - self.high)


class Sampled(NamedTuple):
    """(J, E) in float64, and a bound of what that changes, in the Frobenius norm."""

    J: Array
    E: Array
    error: float

    @staticmethod
    def of(pair: Pair) -> Sampled:
        """From the balls of a pair."""
        with precision(BITS[0]):
            parts = pair.balls()
            floats = [middles(part) for part in parts]
            rest = [upper_floats(part - _lifted(near)) for part, near in zip(parts, floats, strict=True)]
        error = float(np.sqrt(sum(float(np.sum(part**2)) for part in rest))) * (1 + OUT)
        return Sampled(floats[0], floats[1], error)


def _lifted(matrix: Array) -> Any:
    return arb_mat(matrix.shape[0], matrix.shape[1], matrix.ravel().tolist())


def distance(pair: Pair) -> Distance:
    """Enclose the distance to uncontrollability of a pair with inputs."""
    near = Sampled.of(pair)
    if pair.N > LARGEST:
        return Distance(0.0, _above(near, _weakest(near), _FEW), f"upper bound only beyond {LARGEST} units")
    high = _above(near, np.linalg.eigvals(near.J).astype(complex))
    norm = _frobenius(near.J)
    if high <= ZERO * norm:
        return Distance(0.0, high, "not separated from zero")
    return _covered(near, norm, high)


def _weakest(near: Sampled) -> Array:
    """Eigenvalues of the modes that the inputs reach least."""
    values, X = np.linalg.eig(near.J)
    left = np.linalg.pinv(X)
    reach = np.linalg.norm(left @ near.E, axis=1) / np.linalg.norm(left, axis=1)
    reach = np.where(values.imag < 0, np.inf, reach)  # conjugates have the same
    found: Array = values[np.argsort(reach)[:_STARTS]].astype(complex)
    return found


def _above(near: Sampled, points: Array, descents: int = _DESCENTS) -> float:
    """The least upper bound met by descents from several lambda."""
    best = np.inf
    for _ in range(descents):
        _, high, u = smallest(near, points)
        best = min(best, float(np.min(high)))
        points = np.einsum("bi,ij,bj->b", u.conj(), near.J, u)
    return best


def _covered(near: Sampled, norm: float, high: float) -> Distance:
    """Divide [-rho, rho] x [0, rho] i until every square is above the share; beyond rho = |J| + high all is above."""
    side = (norm + near.error + high) * (1 + OUT) / 2
    centres, low, looked = np.array([-side, side]) + 1j * side, np.inf, 0
    while centres.size and looked < SQUARES:
        sizes = [smallest(near, part) for part in np.array_split(centres, -(-len(centres) // _BATCH))]
        bounds = np.concatenate([part[0] for part in sizes]) - RADIUS * side
        high = min(high, *(float(np.min(part[1])) for part in sizes))
        looked += len(centres)
        settled = bounds >= SHARE * high
        low = min(low, float(np.min(bounds[settled], initial=np.inf)))
        open_ones, side = centres[~settled], side / 2
        centres = (open_ones[:, None] + side * np.array([1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j])[None, :]).ravel()
    if centres.size:
        return Distance(0.0, high, f"no lower bound from {looked} squares")
    return Distance(min(low, high), high, f"{looked} squares of the upper half plane")


def smallest(near: Sampled, points: Array) -> tuple[Array, Array, Array]:
    """Bounds of sigma_min [J - lambda I, E] for every lambda, (B,), and approximate left singular vectors, (B, N)."""
    N, width = near.J.shape[0], near.J.shape[0] + near.E.shape[1]
    M = np.empty((len(points), N, width), dtype=complex)
    M[:, :, :N] = near.J[None] - points[:, None, None] * np.eye(N)[None]
    M[:, :, N:] = near.E[None]
    U, s, Vh = np.linalg.svd(M, full_matrices=False)
    # Products of complex matrices are real inner products of twice the length; the factor covers |.| of both parts.
    gamma = np.sqrt(2) * 2 * (2 * width + 8) * UNIT
    scaled = U * s[:, None, :]
    sizes = [_frobenius(part) for part in (M, scaled, U, Vh)]
    rest = _frobenius(M - scaled @ Vh) + gamma * (sizes[0] + sizes[1] * sizes[3]) + near.error
    dU = _frobenius(_adjoint(U) @ U - np.eye(N)) + gamma * (sizes[2] ** 2 + N)
    dV = _frobenius(Vh @ _adjoint(Vh) - np.eye(N)) + gamma * (sizes[3] ** 2 + N)
    least = s[:, -1]
    low = least * np.sqrt(np.maximum((1 - dU) * (1 - dV), 0.0)) * (1 - OUT) - rest * (1 + OUT)
    high = (least * np.sqrt((1 + dU) * (1 + dV)) + rest) * (1 + OUT)
    return np.maximum(np.where(np.maximum(dU, dV) < 1, low, 0.0), 0.0), high, U[:, :, -1]


def _adjoint(m: Array) -> Array:
    turned: Array = np.conj(np.swapaxes(m, -1, -2))
    return turned


def _frobenius(m: Array) -> Any:
    """The norm of each matrix of a stack, from above."""
    return np.sqrt(np.sum(np.abs(m) ** 2, axis=(-2, -1))) * (1 + OUT)
