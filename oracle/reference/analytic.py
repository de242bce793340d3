"""Inputs in closed form: SymPy expressions of t, read exactly, their Taylor series and a bound of what these omit.

    x(t_0 + L sigma) = sum_{k<n} x_k sigma^k + r(sigma),    |r(sigma)| <= X (q L/rho)^n / (1 - q L/rho)   for sigma <= q

with X >= |x| on the complex disc |t - t_0| <= rho, where x is analytic (Cauchy). An expression is evaluated in whatever
numbers are put in for t: balls of series for the coefficients, a complex ball that holds the disc for X, and power
series over mpmath for the readable integrator. Piecewise and Heaviside are taken apart: the integrator restarts at
their breaks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import acb, arb, arb_mat, arb_series

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.ball_series import padded
from oracle.errors import BadInput, NotDecidable
from oracle.records.exact import objects
from oracle.records.recurrence import positive
from oracle.reference.enclosure import exact
from oracle.reference.expressions import InMp, Numbers, OnDisc, evaluate, unreadable
from oracle.reference.power_series import PowerSeries

_BOUND_BITS = 64
_PARTS = 4  # per side, of the square around a disc
_RADII = 200  # discs of up to 2^100 times the step are tried; the search ends where they gain nothing


@dataclass(frozen=True)
class AnalyticPiece:
    """x(origin + s) or x(origin - s) until `end`, in closed form."""

    end: Fraction | None
    expressions: tuple[Any, ...]
    origin: Fraction
    direction: int

    def _replace(self, end: Fraction | None) -> AnalyticPiece:
        return replace(self, end=end)

    def in_balls(self, unit: Fraction, length: int) -> Any:
        """Coefficients of x in sigma as balls, (I, length); use inside `precision(bits, length)`."""
        ops = Numbers()
        t = arb_series([ops.rational(self.origin), ops.rational(self.direction * unit)], length)
        found: list[Any] = []
        for expression in self.expressions:
            value = evaluate(expression, t, ops)
            found.extend(padded(arb_series(value, length).coeffs(), length))
        return arb_mat(len(self.expressions), length, found)

    def beyond(self, time: Fraction, length: int) -> list[Any]:
        """Bounds of |x - its first `length` terms| until origin + time, one per input."""
        with precision(_BOUND_BITS):
            return [self._omitted(expression, time, length) for expression in self.expressions]

    def _omitted(self, expression: Any, time: Fraction, length: int) -> Any:
        """The least of the bounds from discs of 3/2, 2, 3, 4, 6, .. times the step, as far as x is analytic."""
        best = arb.pos_inf()
        for j in range(1, _RADII):
            factor = Fraction(2) ** (j // 2) * (Fraction(3, 2) if j % 2 else 1)
            rho = Ball().rational(time * factor).upper()
            largest = self._largest(expression, rho)
            ratio = Ball().rational(1 / factor)
            bound = (largest * ratio**length / (1 - ratio)).abs_upper()
            if not bound.is_finite() or bound > best:
                break
            best = bound
        return best

    def _largest(self, expression: Any, rho: Any) -> Any:
        """An upper bound of |x| on the disc: on the square around it, and on 16 parts of that if it is infinite."""
        centre, ops = Ball().rational(self.origin), OnDisc()
        for parts in (1, _PARTS):
            half = rho / parts
            middles = [(2 * i + 1 - parts) * half for i in range(parts)]
            tiles = [acb(arb(centre + u, half.upper()), arb(v, half.upper())) for u in middles for v in middles]
            try:
                sizes = [abs(acb(evaluate(expression, tile, ops))).upper() for tile in tiles]
            except NotDecidable:
                continue
            if all(size.is_finite() for size in sizes):
                return max(sizes, key=float)
        return arb.pos_inf()

    def in_mp(self, context: Any, length: int) -> list[Any]:
        """Coefficients of x(origin + s) as columns (I,), each the rational that an mpf is."""
        ops = InMp(context)
        t = PowerSeries(context, [ops.rational(self.origin), context.mpf(self.direction)], length)
        rows = [t.lifted(evaluate(expression, t, ops)).coefficients for expression in self.expressions]
        return [objects(exact(row[k]) for row in rows) for k in range(length)]


@dataclass(frozen=True, eq=False)
class Analytic:
    """An input in closed form; see `analytic`.

    Attributes
    ----------
    expressions : tuple
        One SymPy expression per input.
    symbol : Symbol
        The time.
    breaks : tuple of Fraction
        Where an expression changes to another.
    """

    expressions: tuple[Any, ...]
    symbol: Any
    breaks: tuple[Fraction, ...] = ()

    @property
    def inputs(self) -> int:
        """I."""
        return len(self.expressions)

    @property
    def until(self) -> None:
        """It never ends."""

    @property
    def since(self) -> None:
        """It never begins."""

    def piece(self, t: Fraction) -> AnalyticPiece:
        """The piece that starts at, or contains, t."""
        end = next((b for b in self.breaks if b > t), None)
        return AnalyticPiece(end, self._between(t, end, 1), t, 1)

    def before(self, t: Fraction) -> AnalyticPiece:
        """The piece that ends at, or contains, t, backward in time."""
        end = next((b for b in reversed(self.breaks) if b < t), None)
        return AnalyticPiece(end, self._between(t, end, -1), t, -1)

    def _between(self, t: Fraction, end: Fraction | None, direction: int) -> tuple[Any, ...]:
        """The expressions without Piecewise, as they are between t and end."""
        if not self.breaks:
            return self.expressions
        inside = t + direction if end is None else (t + end) / 2
        return tuple(_chosen(expression, self.symbol, inside) for expression in self.expressions)

    def rescale(self, r: Any) -> Analytic:
        """R: x(t) becomes x(r s)."""
        factor = positive(r, "r")
        scaled = tuple(_scaled(expression, self.symbol, factor) for expression in self.expressions)
        return Analytic(scaled, self.symbol, tuple(b / factor for b in self.breaks))

    def __repr__(self) -> str:
        return f"<oracle.analytic {', '.join(map(str, self.expressions))}>"


def analytic(expressions: Any, symbol: Any = None) -> Analytic:
    """An input in closed form.

    Parameters
    ----------
    expressions : SymPy expression, sequence of them, or callable
        One per input, in one symbol; a callable is given the symbol t and returns them. Known: + - * / ** exp log sqrt
        sin cos sinh cosh tanh, pi, rational and float numbers (read exactly); Piecewise and Heaviside with rational
        breaks.
    symbol : Symbol, optional
        The time, where the expressions have none (constants).

    Raises
    ------
    oracle.BadInput
        Anything else, or more than one symbol.
    """
    import sympy as sp

    t = sp.Symbol("t", real=True) if symbol is None else symbol
    given = expressions(t) if callable(expressions) and not isinstance(expressions, sp.Basic) else expressions
    listed = [given] if isinstance(given, sp.Basic) or np.ndim(given) == 0 else list(given)
    read = tuple(_named(sp.sympify(e), sp) for e in listed)
    symbols = set().union(*(e.free_symbols for e in read))
    if len(symbols) > 1:
        names = ", ".join(sorted(map(str, symbols)))
        raise BadInput(f"the input has the symbols {names}.", "one is a parameter.", "give it a value.")
    t = next(iter(symbols), t)
    found = Analytic(read, t, _breaks(read, t))
    for expression in found.piece(Fraction(0)).expressions:
        _readable(expression)
    return found


def _named(expression: Any, sp: Any) -> Any:
    return expression.rewrite(sp.Piecewise) if expression.has(sp.Heaviside) else expression


def _readable(expression: Any) -> None:
    """Refuse what `evaluate` cannot read, before anything is computed."""
    import mpmath

    try:
        evaluate(expression, mpmath.mpf(1) / 3, InMp(mpmath.MPContext()))
    except BadInput:
        raise
    except (ZeroDivisionError, ValueError, TypeError):
        return  # a pole at the sample point: nothing is wrong with the expression


def _breaks(expressions: tuple[Any, ...], t: Any) -> tuple[Fraction, ...]:
    """Rational times at which a Piecewise changes."""
    import sympy as sp

    found = set()
    for expression in expressions:
        for part in expression.atoms(sp.Piecewise):
            for relation in (r for _, condition in part.args for r in condition.atoms(sp.core.relational.Relational)):
                difference = relation.lhs - relation.rhs
                roots = sp.Poly(difference, t).all_roots() if difference.is_polynomial(t) else []
                if len(roots) != 1 or not roots[0].is_Rational:
                    raise unreadable(part)
                found.add(Fraction(int(roots[0].p), int(roots[0].q)))
    return tuple(sorted(found))


def _chosen(expression: Any, t: Any, inside: Fraction) -> Any:
    """The branch that holds at a time inside an interval without breaks."""
    import sympy as sp

    point = sp.Rational(inside.numerator, inside.denominator)

    def branch(*pairs: Any) -> Any:
        for value, condition in pairs:
            if condition.subs(t, point) == sp.true:
                return value
        raise BadInput(f"the input is not defined at t = {point}.", "no branch of a Piecewise holds there.", "add one.")

    return expression.replace(sp.Piecewise, branch)


def _scaled(expression: Any, t: Any, factor: Fraction) -> Any:
    import sympy as sp

    return expression.subs(t, sp.Rational(factor.numerator, factor.denominator) * t)
