"""How far two trajectories of one Lur'e step part: what becomes of an error, and of everything added to it later.

With exact centres c_k, |c_{k+1} - Phi(c_k)| <= delta_k, and h_k = c_k + e_k the true trajectory, the mean value theorem
gives e_{k+1} = J_k e_k + r_k, |r_k| <= delta_k, J_k = A + B D_k W, D_k slopes of s between z(c_k) and z(h_k).

    Scalar      |e_{k+1}| <= q |e_k| + |delta_k|,  q = sup |J| over all slopes, in the norm where it is smallest
    Products    |e_k| <= |J_{k-1} .. J_0| |e_0| + T_k, the product P in float64 with E >= |product - P|_2; each factor
                J^ in float64 with |J - J^|_2 <= eps, q_J >= |J|_2, gamma_N = N u/(1 - N u) for products (any order)

                Q <- J^ Q         E_Q <- q_J E_Q + eps |Q|_F + gamma |J^|_F |Q|_F,     T_Q <- q_J T_Q + |delta|_2
                P <- Q P          E_P <- |Q|_2 E_P + E_Q (|P|_F + E_P) + gamma |Q|_F |P|_F,   T <- |Q|_2 T + T_Q
                after INNER steps Q is the identity again, and P once E_P is not small beside P: e_0 is e_k then

Norms of products grow with the Lyapunov exponent, products of norms with the norm: a chaotic network of 256 units
loses a fifth of the digits. D_k is known from z(c_k) and from |e_k| <= goal, which holds as long as the run goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any

import numpy as np
from flint import arb

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.midrad import TINY, UNIT, Midrad, gamma, up
from oracle.arithmetic.slopes import slopes_over
from oracle.errors import NotDecidable
from oracle.records.exact import Array, Constant, exact_object
from oracle.records.lure import Lure
from oracle.records.operator import Operator, spread
from oracle.reference.jacobians import Coefficients, Frame
from oracle.reference.weighted import Norm, norms_for, spectral_norm

INNER = 8  # steps between two-norms of a product: a factor (|J|_2/|product|)^8 in the error it carries
_LOOSE = 2.0**-6  # E/|P| from which a product starts anew
_BITS = 64  # of scalars: their rounding is outward, so more bits would only be sharper


def midrad(op: Operator) -> Midrad:
    """An operator in float64 with radii, without a product of matrices; use inside `precision`."""
    rows, columns = op.shape
    total = Midrad.exactly(np.zeros(op.shape))
    for term in op.terms:
        left, right = (_numbers(spread(f, n)) for f, n in ((term.left, rows), (term.right, columns)))
        if term.dense is None:
            diagonal = left * right
            total = total + Midrad(np.diag(diagonal.mid), np.diag(diagonal.rad))
        else:
            total = total + left[:, None] * _numbers(term.dense) * right[None, :]
    return total


def _numbers(values: Array) -> Midrad:
    if values.dtype != object:
        return Midrad.exactly(values)
    exact = exact_object(values).ravel().tolist()
    if any(isinstance(value, Constant) for value in exact):
        found = Midrad.of(Ball().lift(values))
        return Midrad(found.mid.reshape(values.shape), found.rad.reshape(values.shape))
    mid = np.array([float(value) for value in exact]).reshape(values.shape)
    off = [UNIT * abs(m) if Fraction(m) != v else 0.0 for m, v in zip(mid.ravel().tolist(), exact, strict=True)]
    return Midrad(mid, up(np.array(off).reshape(values.shape)) * (np.array(off).reshape(values.shape) > 0))


def coefficients(p: Lure) -> Coefficients:
    """A, B and W in float64 with radii."""
    with precision(_BITS), np.errstate(all="ignore"):
        return Coefficients(p.activation, midrad(p.A), midrad(p.B), midrad(p.W), p.B.is_diagonal, p.W.is_diagonal)


@dataclass(frozen=True)
class Contraction:
    """q = sup |J| in a norm, of one step; infinite where float64 cannot tell."""

    q: float
    norm: Norm

    @property
    def of_ones(self) -> float:
        """Norm of a vector of ones."""
        return self.norm.of(np.ones(len(self.norm.weights)))

    @property
    def largest(self) -> float:
        """|v_i| <= largest |v|."""
        return float(up(np.max(self.norm.weights)))


def contractions(field: Coefficients) -> list[Contraction]:
    """One for each norm that is tried, the smallest q first."""
    found = []
    with np.errstate(all="ignore"):
        for norm in norms_for(field.sizes):
            if norm.kind == "two" and norm.name != "two":
                continue  # eigenvalues take longer than all the rest, and balanced weights gain little
            try:
                q = Frame(field, norm).largest
            except (NotDecidable, np.linalg.LinAlgError):
                continue
            found.append(Contraction(q if np.isfinite(q) else inf, norm))
    return sorted(found, key=lambda each: each.q) or [Contraction(inf, Norm.plain("two", len(field.sizes)))]


class Scalar:
    """e <- q e + |delta|."""

    reads = False  # the arguments of s

    def __init__(self, known: Contraction) -> None:
        self.q, self.ones, self.largest, self.e = arb(known.q), arb(known.of_ones), arb(known.largest), arb(0)

    @property
    def least(self) -> Any:
        """Errors far below this do not matter any more."""
        return self.e

    def settle(self, delta: Any, most: Any) -> Any:
        """A bound of the error of every entry in all steps that add delta, at most `most`; None where there is none.

        For q < 1: e = max(e, |delta|/(1 - q)) is mapped to something smaller.
        """
        if not self.q < 1:
            return None
        rest = (self.ones * delta / (1 - self.q)).abs_upper()
        e = rest if rest > self.e else self.e
        if not e * self.largest <= most:
            return None
        self.e = e
        return (e * self.largest).abs_upper()

    def add(self, size: Any) -> None:
        """An error of at most `size` (arb) in every entry of the state."""
        self.e = (self.e + self.ones * size).abs_upper()

    def step(self, z: Array | None, reach: float, delta: Any) -> Any:
        """The error of every entry after a step, delta (arb) what it adds to every entry."""
        self.e = (self.q * self.e + self.ones * delta).abs_upper()
        return (self.e * self.largest).abs_upper()


class Products:
    """Products of Jacobians in float64; 2-norm."""

    reads = True

    def __init__(self, field: Coefficients, q: float) -> None:
        self.field, self.q = field, q
        self.N = len(field.A.mid)
        self.ones = arb(self.N).sqrt().upper()
        self.e0, self.T, self.T_inner = arb(0), arb(0), arb(0)
        A, B, W = field.A, field.B, field.W
        self.columns, self.rows = _norms(B.sizes, 0), _norms(W.sizes, 1)
        self.fixed = float(_norms(A.rad) + np.sum(_norms(B.rad, 0) * self.rows + self.columns * _norms(W.rad, 1)))
        self.fixed = float(up(self.fixed, 2 * self.N))
        self.left = np.diagonal(B.mid)[:, None] if field.left else None
        self.right = np.diagonal(W.mid)[None, :] if field.right else None
        self.gamma = gamma(self.N + 4)
        self._renew()

    def _renew(self) -> None:
        self.P = self.Q = np.eye(self.N)
        self.E = self.E_inner = 0.0
        self.steps = 0

    def settle(self, delta: Any, most: Any) -> Any:
        """Products say nothing about steps to come."""
        return None

    def add(self, size: Any) -> None:
        """An error of at most `size` in every entry of the state."""
        self.T_inner = (self.T_inner + self.ones * size).abs_upper()

    def _jacobian(self, z: Array, reach: float) -> tuple[Array, float]:
        """J^ and eps: entries A + b s w take three roundings, a product of matrices N + 3."""
        f = self.field
        low, high = slopes_over(f.activation, z - reach, z + reach)
        slopes, off = (low + high) / 2, up((high - low) / 2 + UNIT * np.abs(high))
        if self.left is not None:
            J = f.A.mid + self.left * slopes[:, None] * f.W.mid
        elif self.right is not None:
            J = f.A.mid + f.B.mid * (slopes[None, :] * self.right)
        else:
            J = f.A.mid + (f.B.mid * slopes) @ f.W.mid
        sizes = np.sum(self.columns * self.rows * np.abs(slopes))
        eps = np.sum(self.columns * self.rows * off) + self.fixed + self.gamma * (_norms(f.A.mid) + sizes)
        return J, float(up(eps, 4 * self.N))

    def step(self, z: Array, reach: float, delta: Any) -> Any:
        """The error of every entry after a step; z (units,) its argument in float64 +- reach, delta what it adds."""
        J, eps = self._jacobian(z, reach)
        size = _norms(J)
        q = min(self.q, float(up(size + eps)))
        if self.steps % INNER:
            self.E_inner = float(up(q * self.E_inner + (eps + self.gamma * size) * _norms(self.Q), 4))
            self.Q = J @ self.Q
        else:
            self.E_inner, self.Q = eps, J
        self.T_inner = (arb(q) * self.T_inner + self.ones * delta).abs_upper()
        self.steps += 1
        if self.steps % INNER == 0:
            self._join()
        return self.bound

    @property
    def least(self) -> Any:
        """Errors far below this do not matter any more."""
        return self.bound

    @property
    def bound(self) -> Any:
        """Of every entry of the state."""
        outer = arb(float(up(_norms(self.P) + self.E, 2))) * self.e0 + self.T
        if self.steps % INNER:
            outer = arb(float(up(_norms(self.Q) + self.E_inner, 2))) * outer
        return (outer + self.T_inner).abs_upper()

    @property
    def small(self) -> bool:
        """Whether the product is known well enough to go on with it."""
        return bool(_LOOSE * _norms(self.P) > self.E)

    def _join(self) -> None:
        whole = float(up(spectral_norm(Midrad.exactly(self.Q)) + self.E_inner))
        before = _norms(self.P)
        error = whole * self.E + self.E_inner * (before + self.E) + self.gamma * _norms(self.Q) * before
        self.E = float(up(error, 6))
        self.P = self.Q @ self.P if self.steps > INNER else self.Q
        self.T = (arb(whole) * self.T + self.T_inner).abs_upper()
        self.T_inner, self.E_inner = arb(0), 0.0
        if not self.small:
            closed = float(up(spectral_norm(Midrad.exactly(self.P)) + self.E))
            self.e0 = (arb(closed) * self.e0 + self.T).abs_upper()
            self.T = arb(0)
            self._renew()


def _norms(x: Array, axis: int | None = None) -> Any:
    """Frobenius norm rounded up; of columns (axis 0) or rows (axis 1)."""
    n = x.size if axis is None else x.shape[axis]
    return up(np.sqrt(np.sum(x * x, axis=axis)), n // 2 + 2) + (TINY if axis is None else 0.0)
