"""A polynomial that nearly solves h' = F(h): Newton's method on the Taylor coefficients, corrections in float64.

With D the defect of p (see `defect`), a better one is p + delta with delta' = L (A delta + B s'(z) W delta) - D,

    (k + 1) delta_{k+1} = L (A delta_k + B sum_{j<=k} g_{k-j} W delta_j) - D_k,     g the series of s'(z(sigma)),

so delta needs few digits: every round gains those of float64 and costs one evaluation of series, all orders at once.
The first rounds double the order (if p is right to order n, p + delta is to order 2n + 1; Brent and Kung, 1978), the
others add digits. Nothing here is trusted: `defect` bounds whatever comes out.

The unit of time L is near the radius of convergence, so that coefficients are of the order of the solution and float64
never overflows, whatever the number of digits.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor, frexp
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import middles, precision
from oracle.arithmetic.ball_series import resized
from oracle.arithmetic.float64 import Float64
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.reference.defect import Watched, defect

FIRST_BITS = 64  # of the rounds that double the order: what they produce is worth a float64
_UNIT_BITS = 5
_KNOWN = 12  # orders from which the radius of convergence is estimated
_OFF = 1.3  # a unit this far from the radius of convergence is changed

InputSeries = Callable[[Fraction, int], Any]
"""(unit, length) -> coefficients of the input in sigma as balls, (I, length)."""

SeriesOf = Callable[[int], Watched]
"""The arithmetic of series of a length."""


class Linear:
    """A, B and W in float64, and the linear recursion for delta."""

    def __init__(self, field: Lure) -> None:
        self.A, self.B, self.W = (_applied(op) for op in (field.A, field.B, field.W))

    def solve(self, D: Array, g: Array, unit: float, first: int) -> Array:
        """delta_0 .. delta_{n-1} for D (n, N) and g (n, K); zero up to order `first`."""
        n, N = D.shape
        delta, moved = np.zeros((n, N)), np.zeros((n, g.shape[1]))
        with np.errstate(all="ignore"):  # what under- or overflows here shows in the defect
            for k in range(first, n - 1):
                moved[k] = self.W(delta[k])
                bent = np.einsum("jk,jk->k", g[k - first :: -1], moved[first : k + 1])
                delta[k + 1] = (unit * (self.A(delta[k]) + self.B(bent)) - D[k]) / (k + 1)
        return delta


def _applied(op: Operator) -> Callable[[Array], Array]:
    ops = Float64()
    if op.is_diagonal:
        diagonal = ops.affine([(op, np.ones((op.shape[1], 1)))])[:, 0] if op.terms else np.zeros(op.shape[0])
        return lambda v: diagonal * v
    dense = np.ascontiguousarray(ops.affine([(op, np.eye(op.shape[1]))]))
    return lambda v: dense @ v


def slopes(field: Lure, ops: Watched) -> Array:
    """g (n, K) in float64, from the series an evaluation has left behind."""
    return middles(ACTIVATIONS[field.activation].slope(ops, ops.value, ops.argument)).T.copy()


def corrected(p: Any, y: Any, D: Any, g: Array, linear: Linear, unit: Fraction, first: int = 0) -> Any:
    """p + delta, exact coefficients at the working precision, about y as it is; D (N, n) in balls."""
    largest = max((abs(entry.mid()) for entry in D.entries()), default=arb(0))
    if not largest > 0:
        return resized(p, D.ncols())
    shift = arb(2) ** -_exponent(largest)
    delta = linear.solve(middles(D * shift).T, g[: D.ncols()], float(unit), first)
    change = arb_mat(p.nrows(), D.ncols(), delta.T.ravel().tolist())
    entries = (resized(p, D.ncols()) + change * (1 / shift)).mid().entries()
    entries[:: D.ncols()] = y.entries()
    return arb_mat(p.nrows(), D.ncols(), entries)


def _exponent(value: Any) -> int:
    """Position of the leading bit of a nonzero number."""
    man, exponent = value.mid().man_exp()
    return int(abs(int(man)).bit_length() + int(exponent))


def expansion(
    field: Lure, y: Any, x: InputSeries, unit: Fraction, order: int, linear: Linear, series: SeriesOf
) -> tuple[Any, Array, Fraction]:
    """Coefficients 0..order about y, right to about float64, the slopes g, and the unit L that fits them."""
    p, g = y, np.zeros((1, 1))
    while p.ncols() < order + 1:
        n = p.ncols()
        m = min(2 * n + 1, order + 1)
        with precision(FIRST_BITS, m):
            ops = series(m)
            D = defect(field, p, x(unit, m), ops.rational(unit), ops)
            g = slopes(field, ops)
            p = corrected(p, y, D, g, linear, unit, n - 1)
            fitting = fitted(p, unit) if m >= _KNOWN else unit
            with np.errstate(all="ignore"):
                p, g = stretched(p, fitting / unit), g * (float(fitting / unit) ** np.arange(m))[:, None]
            unit = fitting
    return p, g, unit


def fitted(p: Any, unit: Fraction) -> Fraction:
    """The unit near the radius of convergence: how the last third of the coefficients compares to the middle third."""
    sizes = np.abs(middles(p)).max(axis=0)
    third = len(sizes) // 3
    middle, last = sizes[-2 * third : -third].max(), sizes[-third:].max()
    if not (middle > 0 and last > 0):
        return unit
    radius = (middle / last) ** (1 / third)
    return unit if 1 / _OFF < radius < _OFF else dyadic(float(unit) * radius)


def stretched(p: Any, factor: Fraction) -> Any:
    """Coefficients in a unit of time `factor` times longer."""
    if factor == 1:
        return p
    ratio, columns = arb(factor.numerator) / factor.denominator, p.ncols()
    powers = [arb(1)]
    for _ in range(1, columns):
        powers.append(powers[-1] * ratio)
    entries = [entry * powers[i % columns] if i % columns else entry for i, entry in enumerate(p.entries())]
    return arb_mat(p.nrows(), columns, entries).mid()


def dyadic(value: float) -> Fraction:
    """A positive number rounded down to a few bits."""
    mantissa, exponent = frexp(value)
    return Fraction(floor(mantissa * 2**_UNIT_BITS)) * Fraction(2) ** (exponent - _UNIT_BITS)
