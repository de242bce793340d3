"""A polynomial that nearly solves h' = F(h): Newton's method on the Taylor coefficients, corrections in float64.

With D the defect of p (see `defect`), a better one is p + delta with delta' = L (A delta + B s'(z) W delta) - D,

    (k + 1) delta_{k+1} = L (A delta_k + B sum_{j<=k} g_{k-j} W delta_j) - D_k,     g the series of s'(z(sigma)),

so delta needs few digits: every round gains those of float64 and costs one evaluation of series, all orders at once.
It starts from the Taylor series in float64. Nothing here is trusted: `defect` bounds whatever comes out.

The unit of time L is near the radius of convergence, so that coefficients are of the order of the solution and float64
never overflows, whatever the number of digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor, frexp
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import middles, precision
from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.series import Series, SeriesArithmetic
from oracle.equations import lure
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.reference.regions import Pattern, Sides

FIRST_BITS = 64  # of evaluations that are worth a float64
_UNIT_BITS = 5
_KNOWN = 12  # orders from which the radius of convergence is estimated first
_GROWTH = 8  # and by how many times more orders it is estimated again: overflow is then out of reach
_SMALLEST = 2.0**-900  # of a defect that is corrected as it is; smaller ones are scaled into float64's range
_MOST_UNITS = 12  # that are tried: each estimate is nearer than the one before
_OFF = 1.3  # a unit this far from the radius of convergence is changed

InputSeries = Callable[[Fraction, int], Any]
"""(unit, length) -> coefficients of the input in sigma as balls, (I, length)."""


class Linear:
    """A, B and W in float64, and the linear recursion for delta."""

    def __init__(self, field: Lure) -> None:
        self.A, self.B, self.W = (_applied(op) for op in (field.A, field.B, field.W))

    def solve(self, D: Array, g: Array, unit: float) -> Array:
        """delta_0 = 0, .., delta_{n-1} for D (n, N) and g (n, K)."""
        n, N = D.shape
        delta, moved = np.zeros((n, N)), np.zeros((n, g.shape[1]))
        with np.errstate(all="ignore"):  # what under- or overflows here shows in the defect
            for k in range(n - 1):
                moved[k] = self.W(delta[k])
                bent = np.einsum("jk,jk->k", g[k::-1], moved[: k + 1])
                delta[k + 1] = (unit * (self.A(delta[k]) + self.B(bent)) - D[k]) / (k + 1)
        return delta


def _applied(op: Operator) -> Callable[[Array], Array]:
    ops = Float64()
    if op.is_diagonal:
        diagonal = ops.affine([(op, np.ones((op.shape[1], 1)))])[:, 0] if op.terms else np.zeros(op.shape[0])
        return lambda v: diagonal * v
    dense = np.ascontiguousarray(ops.affine([(op, np.eye(op.shape[1]))]))
    return lambda v: dense @ v


def corrected(p: Any, y: Any, D: Any, g: Array, linear: Linear, unit: Fraction) -> Any:
    """p + delta, exact coefficients at the working precision, about y as it is; D (N, n) in balls."""
    floats, shift = middles(D), None
    if not _SMALLEST < np.abs(floats).max() < 1 / _SMALLEST:
        largest = max((abs(entry.mid()) for entry in D.entries()), default=arb(0))
        if not largest > 0:
            return p
        shift = arb(2) ** -_exponent(largest)
        floats = middles(D * shift)
    delta = linear.solve(floats.T, g, float(unit))
    change = arb_mat(p.nrows(), D.ncols(), delta.T.ravel().tolist())
    entries = (p + (change if shift is None else change * (1 / shift))).mid().entries()
    entries[:: D.ncols()] = y.entries()
    return arb_mat(p.nrows(), D.ncols(), entries)


def _exponent(value: Any) -> int:
    """Position of the leading bit of a nonzero number."""
    man, exponent = value.mid().man_exp()
    return int(abs(int(man)).bit_length() + int(exponent))


class FloatSeries(SeriesArithmetic[Array]):
    """Series in float64; remembers what went into the activation and what came out."""

    argument: Any = None
    value: Any = None

    def __init__(self, pattern: Pattern | None) -> None:
        super().__init__(Float64())
        self.sides = Sides(pattern or ())

    def convolution(self, us: Sequence[Array], vs: Sequence[Array]) -> Array:
        """One product of stacked coefficients."""
        found: Array = np.einsum("jk,jk->k", np.concatenate(us, axis=1).T, np.concatenate(vs, axis=1).T)[:, None]
        return found

    def act(self, activation: str, z: Series[Array]) -> Series[Array]:
        """An activation by name; one with kinks in its region."""
        self.argument = z
        self.sides.begin(activation)
        found: Series[Array] = super().act(activation, z)
        self.value = found
        return found

    def positive_part(self, z: Series[Array]) -> Series[Array]:
        """z for units above the kink, else 0."""
        above = np.array(self.sides.above())[:, None]
        return Series(lambda k: np.where(above, z[k], 0.0))

    def unit_step(self, z: Series[Array]) -> Series[Array]:
        """1 for units above the kink, else 0."""
        above = np.array(self.sides.above(), dtype=np.float64)[:, None]
        return Series(lambda k: above if k == 0 else 0 * above)


def expansion(
    field: Lure, y: Any, x: InputSeries, unit: Fraction, order: int, pattern: Pattern | None
) -> tuple[Any, Array, Fraction]:
    """Coefficients 0..order about y, right to about float64, the slopes g (order + 1, K), and the unit L that fits."""
    known = _KNOWN
    while known < order:
        unit = _settled(field, middles(y), x, unit, known, pattern)
        known *= _GROWTH
    p, g = _float_expansion(field, middles(y), x, unit, order, pattern)
    entries = arb_mat(y.nrows(), order + 1, np.nan_to_num(p).ravel().tolist()).entries()
    entries[:: order + 1] = y.entries()
    return arb_mat(y.nrows(), order + 1, entries), g, unit


def _settled(field: Lure, y: Array, x: InputSeries, unit: Fraction, order: int, pattern: Pattern | None) -> Fraction:
    """The unit that fits as many orders."""
    for _ in range(_MOST_UNITS):
        fitting = fitted(_float_expansion(field, y, x, unit, order, pattern)[0], unit)
        if fitting == unit:
            break
        unit = fitting
    return unit


def _float_expansion(
    field: Lure, y: Array, x: InputSeries, unit: Fraction, order: int, pattern: Pattern | None
) -> tuple[Array, Array]:
    """(k + 1) p_{k+1} = L F(p)_k, one order after another: the same equation, read in series of float64."""
    ops, scale = FloatSeries(pattern), float(unit)
    with precision(FIRST_BITS, order + 1):
        inputs = middles(x(unit, order + 1))
    slope: Any = None
    state: Series[Array] = Series(lambda k: y if k == 0 else (scale / k) * slope[k - 1])
    drive = lure.drive(ops, field, Series(lambda k: inputs[:, k : k + 1]))
    with np.errstate(all="ignore"):
        slope = lure.step(ops, field, state, drive)
        p = np.concatenate([state[k] for k in range(order + 1)], axis=1)
        bent = ACTIVATIONS[field.activation].slope(ops, ops.value, ops.argument)
        g = np.concatenate([bent[k] for k in range(order + 1)], axis=1)
    return p, np.ascontiguousarray(g.T)


def fitted(p: Array, unit: Fraction) -> Fraction:
    """The unit near the radius of convergence: how the last third of the coefficients compares to the middle third."""
    sizes = np.abs(p).max(axis=0)
    third = len(sizes) // 3
    middle, last = sizes[-2 * third : -third].max(), sizes[-third:].max()
    if not (np.isfinite(last) and middle > 0 and last > 0):
        return unit
    radius = (middle / last) ** (1 / third)
    return unit if 1 / _OFF < radius < _OFF else dyadic(float(unit) * radius)


def dyadic(value: float) -> Fraction:
    """A positive number rounded down to a few bits."""
    mantissa, exponent = frexp(value)
    return Fraction(floor(mantissa * 2**_UNIT_BITS)) * Fraction(2) ** (exponent - _UNIT_BITS)
