"""The mpmath integrator: Taylor series of adaptive order and step, time exact.

    h(t + s) = h_0 + h_1 s + ... + h_P s^P,      (k + 1) h_{k+1} = F(h, x)_k

where F(h, x)_k is coefficient k of A h + B s(W h + M x + b) + E x + c: the same equation as everywhere, read with
series as numbers. To d digits, as A. Jorba and M. Zou (Experimental Mathematics 14, 2005, sections 3.1-3.2):

    order   work per unit of time ~ P^2 / step with step = R e^{-d ln 10 / P} (R the radius of convergence) is least
            where d/dP (2 ln P + d ln 10 / P) = 0:  P = d ln 10 / 2 = 1.15 d, and then step = R / e^2
    step    s <= rho 10^(-d/P), rho = min (max(1, |h_0|) / |h_j|)^(1/j) over the *last third* of the orders. The usual
            choice, the last two, fails for even and odd solutions, whose every second coefficient vanishes; and a
            coefficient that is small by chance would ask for too long a step.
            s <= 1/2 of the radius of convergence estimated from two thirds of the orders, so that what is cut off is
            at most the last term or two even for a solution that is small against the goal.

Where the input ends sooner than that, a lower order is enough: P = d ln 10 / ln (R / room), R from the step before.
Steps are dyadic rationals of a few bits; only the last before a break of the input may be another rational. Output
times are evaluated inside a step and shorten none; `Solution` keeps the polynomials of all steps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, floor, log
from typing import Any

import numpy as np

from oracle.arithmetic.mp import Mp
from oracle.arithmetic.series import Series, SeriesArithmetic
from oracle.equations import lure
from oracle.errors import BadInput
from oracle.records.exact import Array, objects
from oracle.records.lure import Lure
from oracle.reference.signals import Inputs, Piece

EXTRA_DIGITS = 5  # of the working precision beyond the truncation goal: sums of P terms of both signs
_STEP_BITS = 6  # a step is at most 2^-5 shorter than it might be
_LEAST_ORDER = 8
_CAUTION = 1.5  # by which an order for a short step exceeds the estimate: R may be smaller than it was a step before
_SHARE = Fraction(1, 2)  # of the radius of convergence: the terms cut off then sum to at most the first of them times 2


class Numbers(Mp):
    """Mp that remembers the rationals it has read: a Taylor step reads 1/k and j thousands of times."""

    def __init__(self, digits: int) -> None:
        super().__init__(digits)
        self.rational = cache(super().rational)  # type: ignore[method-assign]


class NumberSeries(SeriesArithmetic[Array]):
    """Series over `Numbers`, each convolution one mpmath dot product per unit: exact products, rounded once."""

    def convolution(self, us: Sequence[Array], vs: Sequence[Array]) -> Array:
        """The sum of elementwise products of (N, 1) coefficients."""
        dot = self.base.context.fdot  # type: ignore[attr-defined]
        left, right = (np.concatenate(values, axis=1).tolist() for values in (us, vs))
        return objects(dot(u, v) for u, v in zip(left, right, strict=True))[:, None]


@dataclass(frozen=True)
class Polynomial:
    """h(start + s) = sum coefficients[k] s^k, each (N, 1), for 0 <= s <= length."""

    start: Fraction
    length: Fraction
    coefficients: list[Array]

    def at(self, ops: Mp, t: Fraction) -> Array:
        """The value at time t, by Horner's rule."""
        s = ops.rational(t - self.start)
        total = self.coefficients[-1]
        for coefficient in self.coefficients[-2::-1]:
            total = total * s + coefficient
        return total


def order_for(digits: int) -> int:
    """The order of least work, d ln 10 / 2, rounded up."""
    return ceil(digits * log(10) / 2) + 1


Field = Callable[[Any, Any, Any], Any]
"""A right-hand side F(ops, h, x) in any arithmetic."""


def field_of(coefficients: Lure) -> Field:
    """A h + B s(W h + M x + b) + E x + c."""

    def field(ops: Any, h: Any, x: Any) -> Any:
        return lure.step(ops, coefficients, h, lure.drive(ops, coefficients, x))

    return field


def expansion(ops: Mp, field: Field, h: Array, piece: Piece, order: int) -> list[Array]:
    """Taylor coefficients 0..order of the solution of h' = F(h, x) through h, each (N, 1)."""
    series = NumberSeries(ops)

    def rule(k: int) -> Array:
        return h if k == 0 else ops.scale(Fraction(1, k), slope[k - 1])

    state: Series[Array] = Series(rule)
    slope = field(series, state, _input_series(ops, piece, order + 1))
    return [state[k] for k in range(order + 1)]


def _input_series(ops: Mp, piece: Piece, length: int) -> Series[Array]:
    columns = piece.in_mp(ops.context, length)
    return Series(lambda k: ops.lift(columns[k]))


def step_length(ops: Mp, coefficients: list[Array], digits: int) -> Fraction | None:
    """The dyadic step whose cut-off terms stay below 10^-digits max(1, |h_0|); None: a constant, any step will do."""
    ctx = ops.context
    scale = [max(ctx.one, abs(entry)) for entry in coefficients[0].ravel()]
    sizes = [max(abs(e) / s for e, s in zip(c.ravel(), scale, strict=True)) for c in coefficients]
    order = len(sizes) - 1
    last = range(order - order // 3, order + 1)
    if not any(sizes[j] for j in last):
        last = range(1, order + 1)
    roots = [ctx.root(1 / sizes[j], j) for j in last if sizes[j]]
    if not roots:
        return None
    longest = min(roots) * ctx.mpf(10) ** (-ctx.mpf(digits) / order)
    middle = max(sizes[j] for j in range(last.start - order // 3, last.start)) if last.start > order // 3 else 0
    if middle:
        radius = ctx.root(middle / max(sizes[j] for j in last), order // 3)
        longest = min(longest, radius * _SHARE.numerator / _SHARE.denominator)
    return dyadic(ctx, longest)


def dyadic(ctx: Any, length: Any) -> Fraction:
    """A positive number rounded down to a few bits."""
    mantissa, exponent = ctx.frexp(length)
    kept = floor(mantissa * 2**_STEP_BITS)
    return Fraction(kept) * Fraction(2) ** (int(exponent) - _STEP_BITS)


def pieces(
    ops: Mp, field: Field, h0: Array, inputs: Inputs, until: Fraction, order: int, digits: int
) -> Iterator[Polynomial]:
    """The solution from t = 0 to `until`, one polynomial per step."""
    t, h, reach = Fraction(0), ops.lift(h0), None
    while t < until:
        piece = inputs.piece(t)
        end = until if piece.end is None else min(piece.end, until)
        P = sufficient(order, digits, reach, end - t)
        coefficients = expansion(ops, field, h, piece, P)
        longest = step_length(ops, coefficients, digits)
        reach = None if longest is None else log(longest) + digits * log(10) / P
        length = end - t if longest is None else min(longest, end - t)
        step = Polynomial(t, length, coefficients)
        yield step
        t += length
        h = step.at(ops, t)


def sufficient(order: int, digits: int, reach: float | None, room: Fraction) -> int:
    """The order for a step of at most `room`, reach = ln R of the step before: at most `order`, of its parity."""
    if reach is None or reach - log(room) < 1:
        return order
    enough = max(_LEAST_ORDER, ceil(_CAUTION * digits * log(10) / (reach - log(room))))
    return min(order, enough + (order - enough) % 2)


@dataclass(frozen=True)
class Solution:
    """A solution between 0 and the end of its last step: call it with a time.

    Attributes
    ----------
    steps : tuple of Polynomial
        One after another, without gaps.
    """

    ops: Mp
    steps: tuple[Polynomial, ...]

    def __call__(self, t: Fraction) -> Array:
        """h(t), (N,), mpf of the working precision.

        Raises
        ------
        oracle.BadInput
            t is outside.
        """
        last = self.steps[-1].start + self.steps[-1].length
        if not 0 <= t <= last:
            raise BadInput(
                f"t is {float(t):.6g}; the solution is known from 0 to {float(last):.6g}.",
                "it was followed to another end, or the time is in another unit.",
                "follow it farther.",
            )
        k = max(bisect_right(self.steps, t, key=lambda step: step.start) - 1, 0)
        return self.steps[k].at(self.ops, t)[:, 0]


def solution(field: Field, h0: Array, inputs: Inputs, until: Fraction, digits: int) -> Solution:
    """The solution from h(0) = h0 until a time, everywhere in between.

    Parameters
    ----------
    field : callable
        F(ops, h, x); see `field_of`. For a solution backward in time negate it, and look at the input backward
        (`signals.Seen`).
    digits : int
        Each step's cut-off terms stay below 10^-digits max(1, |h|).
    """
    ops = Numbers(digits + EXTRA_DIGITS)
    return Solution(ops, tuple(pieces(ops, field, h0, inputs, until, order_for(digits), digits)))


def solve(
    field: Field,
    h0: Array,
    inputs: Inputs,
    times: tuple[Fraction, ...],
    order: int,
    digits: int,
    precision: int,
) -> Array:
    """h at the given times, (len(times), N), entries mpf of this working precision (decimal digits).

    Parameters
    ----------
    field : callable
        F(ops, h, x), the right-hand side; see `field_of`.
    order : int
        Degree of the Taylor polynomials.
    digits : int
        Each step's cut-off terms stay below 10^-digits max(1, |h|).
    precision : int
        Working precision.
    """
    ops = Numbers(precision)
    values = [ops.lift(h0)] if times[0] == 0 else []
    for polynomial in pieces(ops, field, h0, inputs, times[-1], order, digits):
        while len(values) < len(times) and times[len(values)] <= polynomial.start + polynomial.length:
            values.append(polynomial.at(ops, times[len(values)]))
    return objects(entry for value in values for entry in value.ravel()).reshape(len(times), -1)
