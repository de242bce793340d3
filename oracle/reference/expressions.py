"""SymPy expressions of t evaluated in whatever numbers are put in for t, and refused where they are not known here.

The numbers are balls of series for the coefficients of an input, a complex ball that holds a disc for its largest
value there, and power series over mpmath for the readable integrator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from flint import acb, arb

from oracle.arithmetic.ball import Ball
from oracle.errors import BadInput, NotDecidable
from oracle.reference.power_series import PowerSeries


class Numbers:
    """What an expression needs beside + and *: constants and functions of some kind of number."""

    def rational(self, value: Fraction) -> Any:
        """A rational."""
        return Ball().rational(value)

    def pi(self) -> Any:
        """Pi."""
        return arb.pi()

    def function(self, name: str, x: Any) -> Any:
        """exp, sin, cos, log or sqrt."""
        return getattr(x if hasattr(x, name) else arb(x), name)()


class OnDisc(Numbers):
    """Complex balls; refuses where a function is not certainly analytic."""

    def function(self, name: str, x: Any) -> Any:
        """exp, sin and cos are entire; log and sqrt are analytic in the right half plane."""
        x = acb(x)
        if name in ("log", "sqrt") and not x.real > 0:
            raise NotDecidable(f"{name} may not be analytic there")
        return getattr(x, name)()


class InMp(Numbers):
    """Numbers and power series over an mpmath context."""

    def __init__(self, context: Any) -> None:
        self.context = context

    def rational(self, value: Fraction) -> Any:
        """A rational, rounded."""
        return self.context.mpf(value.numerator) / value.denominator

    def pi(self) -> Any:
        """Pi, rounded."""
        return +self.context.pi

    def function(self, name: str, x: Any) -> Any:
        """Of a series, or of a number."""
        return getattr(x, name)() if isinstance(x, PowerSeries) else getattr(self.context, name)(x)


def evaluate(expression: Any, t: Any, ops: Numbers) -> Any:
    """An expression with a number of some kind put in for its symbol."""
    import sympy as sp

    head, args = expression.func, expression.args
    if expression.is_Symbol:
        return t
    if expression.is_Rational:
        return ops.rational(Fraction(int(expression.p), int(expression.q)))
    if expression.is_Float:
        ratio = sp.Rational(expression)
        return ops.rational(Fraction(int(ratio.p), int(ratio.q)))
    if expression is sp.pi:
        return ops.pi()
    if expression is sp.E:
        return ops.function("exp", ops.rational(Fraction(1)))
    values = [evaluate(arg, t, ops) for arg in args]
    if head is sp.Add:
        return _reduced(lambda a, b: a + b, values)
    if head is sp.Mul:
        return _reduced(lambda a, b: a * b, values)
    if head is sp.Pow:
        return _power(values[0], args[1], values[1], ops)
    if head in (sp.exp, sp.sin, sp.cos, sp.log):
        return ops.function(head.__name__, values[0])
    if head in (sp.sinh, sp.cosh, sp.tanh):
        return _hyperbolic(head.__name__, ops.function("exp", values[0]), ops)
    raise unreadable(expression)


def _reduced(combine: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    total = values[0]
    for value in values[1:]:
        total = combine(total, value)
    return total


def _power(base: Any, exponent: Any, value: Any, ops: Numbers) -> Any:
    """Integer and half-integer powers of anything; e^x; other powers as exp(x log)."""
    one = ops.rational(Fraction(1))
    if exponent.is_Integer and int(exponent) >= 0:
        return _reduced(lambda a, b: a * b, [one, *[base] * int(exponent)])
    if exponent.is_Integer:
        return one / _reduced(lambda a, b: a * b, [base] * -int(exponent))
    return ops.function("exp", value * ops.function("log", base))


def _hyperbolic(name: str, e: Any, ops: Numbers) -> Any:
    one, half = ops.rational(Fraction(1)), ops.rational(Fraction(1, 2))
    if name == "tanh":
        return one - (one + one) / (e * e + one)
    return half * (e + one / e) if name == "cosh" else half * (e - one / e)


def unreadable(expression: Any) -> BadInput:
    return BadInput(
        f"the input contains {expression}.",
        "it is not analytic, or not known here.",
        "write it with + - * / ** exp log sqrt sin cos sinh cosh tanh; Piecewise for jumps, at rational times.",
    )
