"""A field in limbs, and what its Taylor polynomial misses the equation by: every error bounded next to the loops.

With p, s = sum_k c_k sigma^k, sum_k s_k sigma^k, k <= P, the exact polynomials of the digits of `limb_series`, and
z = W p + M x + b, S the activation, S' = G(S) = a_0 + a_1 S - S^2, on 0 <= sigma <= 1:

    s against S(z)   delta = s - S(z) obeys delta' = (a_1 - s - S) z' delta + r,  r = s' - G(s) z', a polynomial:
                     |delta| <= e^{lambda V} (|delta(0)| + int |r|),  lambda = 1 + sum |s_k|, V = sum_{k>=1} |z_k|
    int |r|          orders below P: the roundings of s_n, u_n and z_n;  beyond: what the products have there,
                     sum_{n>P} 1/n |sum_j j z_j g_{n-j}| <= sum_j j/(P+1) |z_j| sum_{i>P-j} |g_i|,
                     g_i = u_i to a rounding for i <= P, |g_i| <= sum_a |s_a||s_{i-a}| for i > P
    p against F      p' - L F(p) = sum_{k<P} (roundings) - L f_P sigma^P + L B delta(sigma)
    int |D|          sum of the roundings of c_k + L/(P+1) |f_P| + L |B| |delta|

Nothing is assumed about where the digits come from, no complex disc is needed, and errors do not recur: r and D are
residuals of what was computed. All sums are of positive float64 numbers, taken times _UP.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb

from oracle.arithmetic.suprema import steepest_slope
from oracle.kernels.limb_record import Map, size
from oracle.kernels.limb_series import evaluate, expand
from oracle.kernels.limb_squash import nearest
from oracle.kernels.limb_steps import KINDS, activation_error, tables, work_space
from oracle.kernels.limbs import CUT, LARGEST, MOST_LIMBS, Unsuited, from_integers, to_integers, ulp_bits
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator, spread

FLOWS = ("identity", "tanh", "logistic")
MOST_BITS = 800  # of an ulp: products of two sizes then stay far above what float64 loses
_UP = 1 + 2.0**-36  # covers the roundings of sums of up to 2^14 positive float64 numbers
_TINY = 2.0**-1000  # and their underflow
_FEW = 2.0**-20  # of a pair, per product: what lies beyond the first position left out (`limb_series`)


@dataclass(frozen=True)
class Misfit:
    """int |D_i| in the time of the step: what rounding and what truncation contribute, each (N,), rounded up."""

    rounding: Array
    truncation: Array


@dataclass(frozen=True)
class Series:
    """Digits of c (P+1, m, N), float64 sizes of what they were made of, and the pairs of limbs left out."""

    c: Array
    seen: Array  # (3, P+1, K): |z_k|, |s_k|, |u_k|
    forces: Array  # (P+1, N): |f_k|
    counts: Array
    length: Fraction


@dataclass(frozen=True)
class Field:
    """h' = A h + B s(W h + v) + w in m limbs, and up to order P."""

    activation: str
    maps: dict[str, Map]
    output: Array  # |B| rounded up: (N,) of a diagonal, or (N, K)
    inputs: Array  # |E| + |B| S |M|, (N, I)
    units: int
    m: int
    P: int

    @staticmethod
    def of(field: Lure, m: int, P: int) -> Field:
        """The coefficients in limbs.

        Raises
        ------
        Unsuited
            Another activation, more digits than float64 has exponents for bounds, or coefficients out of range.
        """
        if field.activation not in FLOWS:
            raise Unsuited(f"{field.activation} has no series in limbs; tanh, the logistic and the identity have")
        if ulp_bits(m) > MOST_BITS or m > MOST_LIMBS:
            raise Unsuited(f"{ulp_bits(m)} bits would be needed; bounds in float64 reach {MOST_BITS}")
        maps = {
            name: Map.of(op, m, 1, op.shape[0] == op.shape[1])
            for name, op in (("A", field.A), ("B", field.B), ("W", field.W))
        }
        B, S = absolute(field.B), float(steepest_slope(field.activation))
        M, E = (matrix(absolute(op), op.shape) for op in (field.M, field.E))
        inputs = (E + S * (B[:, None] * M if B.ndim == 1 else B @ M)) * _UP
        return Field(field.activation, maps, B, inputs, field.W.shape[0], m, P)

    @cached_property
    def _over(self) -> Array:
        """(P+1, m): 1/k."""
        return self._shares(Fraction(1))

    def _shares(self, length: Fraction) -> Array:
        above, below = length.numerator << (ulp_bits(self.m) + 1), length.denominator
        whole = [0, *((above // (below * k) + 1) >> 1 for k in range(1, self.P + 1))]
        return np.ascontiguousarray(from_integers(whole, self.m).T)

    @cached_property
    def _kept(self) -> tuple[Any, Any]:
        return tables(self.activation, self.m), work_space(self.m, self.units)

    def expand(self, y: Array, inside: Array, outside: Array, length: Fraction) -> Series:
        """The series about y (m, N) in sigma = t / length, driven by digits (orders, m, K) and (orders, m, N).

        Raises
        ------
        Unsuited
            A number on the way is beyond 2^26.
        """
        n = y.shape[1]
        c = np.zeros((self.P + 1, self.m, n), np.int32)
        c[0] = y
        seen, forces, counts = np.zeros((3, self.P + 1, self.units)), np.zeros((self.P + 1, n)), np.zeros(4)
        linear = (self.maps[name].linear for name in "ABW")
        given = (inside, outside, self._over, self._shares(length))
        top = expand(KINDS[self.activation], c, *linear, *given, *self._kept, seen, forces, counts)
        if top > LARGEST:
            raise Unsuited("a coefficient of the Taylor series exceeds 2^26")
        return Series(c, seen, forces, counts, length)

    def misfit(self, found: Series, q: Fraction) -> Misfit:
        """The bound of the defect on 0 <= sigma <= q, for a drive that is exact to CUT ulp.

        On the shorter step the coefficients are those times q^k <= 1, and so are their errors.
        """
        ulp, L, P = 2.0 ** -ulp_bits(self.m), _above(found.length * q), self.P
        z, s, u = found.seen * (float(q) * (1 + 2.0**-52)) ** np.arange(P + 1)[:, None] * _UP
        largest = float(np.abs(found.c[:, 0]).max(initial=0)) + 1, float(found.seen[1].max(initial=0.0)) * _UP
        zeta = (self.maps["W"].error(largest[0], self.m) + CUT + 0.5) * ulp
        alpha = (self.maps["A"].error(largest[0], self.m) + self.maps["B"].error(largest[1], self.m) + CUT + 0.5) * ulp
        delta, rest = self._squash_misfit(z, s, u, zeta, found.counts * ulp)
        shares = float(np.sum(1 / np.arange(1, P + 1)))
        tau = (0.25 * (found.counts[3] + _FEW * P * P) + P * 0.5) * ulp + CUT * ulp * found.forces[:P].sum(axis=0)
        rounding = tau + L * (shares + 1) * alpha + L * self._through_output(delta)
        last = found.forces[P] * (float(q) * (1 + 2.0**-52)) ** P
        truncation = L / (P + 1) * last + L * self._through_output(rest)
        return Misfit(rounding * _UP + _TINY, truncation * _UP + _TINY)

    def _squash_misfit(self, z: Array, s: Array, u: Array, zeta: float, counts: Array) -> tuple[Array, Array]:
        """sup |s - S(z)| on the step, what rounding and what truncation contribute, unit by unit."""
        P, nothing = self.P, np.zeros(z.shape[1])
        if self.activation == "identity":
            return nothing + (P + 1) * zeta, nothing
        ulp = 2.0 ** -ulp_bits(self.m)
        few = _FEW * (P + 1) ** 2 / 4 * ulp
        order = np.arange(P + 1)[:, None]
        phi = counts[0] / 4 + few + (P + 1) * 0.5 * ulp  # of all u_k together
        rho = (counts[1] + counts[2]) / 4 + 2 * few + P * 1.5 * ulp + CUT * ulp * ((order * s).sum(axis=0) + P)
        moving = z[1:].sum(axis=0)
        s_from, u_from = (values[::-1].cumsum(axis=0)[::-1] for values in (s, u))
        beyond = (s[1:] * s_from[:0:-1]).sum(axis=0)
        tail = (order[1:] / (P + 1) * z[1:] * (u_from[:0:-1] + beyond)).sum(axis=0)
        rounding = rho + moving * phi + P * zeta * (u_from[0] + phi + beyond)
        first = activation_error(self.activation, self.m) * ulp + float(steepest_slope(self.activation)) * zeta
        with np.errstate(over="ignore"):
            growth = np.exp((1 + s_from[0]) * (moving + P * zeta))
        return growth * (first + rounding) * _UP, growth * tail * _UP

    def unseen(self, beyond: Array, length: Fraction) -> Array:
        """What inputs that are off by so much, at most, add to the defect, (N,)."""
        found: Array = self.inputs @ beyond * (_above(length) * _UP) + _TINY
        return found

    def _through_output(self, v: Array) -> Array:
        """|B| v, rounded up, for v >= 0."""
        found: Array = self.output * v if self.output.ndim == 1 else self.output @ v
        return found * _UP


def absolute(op: Operator) -> Array:
    """The entries' absolute values, rounded up: the vector of a diagonal, or a matrix."""
    rows, columns = op.shape
    if op.is_diagonal and rows == columns:
        return sum((_sizes(spread(t.left * t.right, rows)) for t in op.terms), np.zeros(rows)) * _UP
    found = np.zeros(op.shape)
    for t in op.terms:
        if t.dense is None:
            found += np.diag(_sizes(spread(t.left * t.right, rows)))
        else:
            entries = _sizes(t.dense.ravel()).reshape(op.shape) if t.dense.dtype == object else np.abs(t.dense)
            found += _sizes(spread(t.left, rows))[:, None] * entries * _sizes(spread(t.right, columns))
    return found * _UP + _TINY


def matrix(sizes: Array, shape: tuple[int, int]) -> Array:
    """A diagonal written out."""
    return np.diag(sizes) if sizes.ndim == 1 and shape[0] == shape[1] else sizes.reshape(shape)


def _sizes(values: Array) -> Array:
    return np.array([size(value) for value in values.tolist()])


def _above(value: Fraction) -> float:
    return float(value) * _UP


def rounded(coefficients: Any, m: int) -> Array:
    """A matrix of small balls (units, orders) as digits (orders, m, units), to CUT ulp."""
    units, orders, bits = coefficients.nrows(), coefficients.ncols(), ulp_bits(m)
    made = from_integers([nearest(entry, bits) for entry in coefficients.entries()], m)
    return np.ascontiguousarray(made.reshape(m, units, orders).transpose(2, 0, 1))


def end(found: Series, q: Fraction) -> tuple[Array, float]:
    """p(q) in digits (m, N), for a dyadic q of a few bits, and what rounding adds to each, in ulp: nothing at q = 1.

    Raises
    ------
    Unsuited
        It is beyond 2^26.
    """
    orders, m, n = found.c.shape
    at = from_integers([(q.numerator << ulp_bits(m)) // q.denominator], m)[:, 0].copy()
    made = np.empty((m, n), np.int32)
    top, dropped = evaluate(found.c, at, np.empty((m + 1, n), np.int64), made)
    if top > LARGEST:
        raise Unsuited("a state exceeds 2^26")
    return made, 0.0 if q == 1 else ((dropped + _FEW * orders) / 4 + orders / 2) * _UP


def balls(digits: Array) -> list[Any]:
    """Digits (m, n) as exact balls; use inside a sufficient `precision`."""
    bits = ulp_bits(len(digits))
    return [arb((value, -bits)) for value in to_integers(digits)]
