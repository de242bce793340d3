"""Containment with zero tolerance: exact numbers and mpmath numbers as balls."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from oracle.arithmetic.ball import precision
from oracle.records.exact import Array

EXACT_BITS = 4000  # dyadic numbers of the tests are exact at this precision, other rationals enclosed far tighter


def as_fraction(value: Any) -> Fraction:
    """A float, a Fraction, an mpf or a SymPy number without rounding."""
    if hasattr(value, "_mpf_"):
        sign, mantissa, exponent, _ = value._mpf_
        return Fraction(-int(mantissa) if sign else int(mantissa)) * Fraction(2) ** int(exponent)
    return Fraction(int(value.p), int(value.q)) if hasattr(value, "p") else Fraction(value)


def enclosed(balls: Any, values: Array) -> bool:
    """Whether every ball of a matrix contains its number."""
    exact = [as_fraction(value) for value in values.ravel()]
    with precision(EXACT_BITS):
        points = [arb(fmpq(value.numerator, value.denominator)) for value in exact]
        return all(ball.contains(point) for ball, point in zip(balls.entries(), points, strict=True))


def radius(balls: Any) -> float:
    """The largest radius of a matrix of balls: containment in a wide ball says little."""
    return max(float(ball.rad()) for ball in balls.entries())
