"""Suprema of |s'|, |s''|, |s'''|, enclosed from the one relation s' = p(s) that an activation is defined by.

    s'' = p'(s) p(s),    s''' = (p' p)'(s) p(s),    s runs through (lo, hi), the roots of p next to s(0)

A polynomial takes its extremes over an interval at its ends or where its derivative vanishes; flint isolates the roots,
so the supremum is a ball of a few units in the last place. Where it is taken at an s inside (lo, hi) it is attained by
some z and cannot be lowered: |s(z* + v) - s(z*) - s'(z*) v| / (v^2/2) tends to |s''(z*)| for v -> 0.

    tanh      p = 1 - s^2   C2 = 4/(3 sqrt 3) at s = -+1/sqrt 3        C3 = 2 at s = 0
    logistic  p = s - s^2   C2 = sqrt(3)/18   at s = 1/2 -+ sqrt(3)/6   C3 = 1/8 at s = 1/2
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Any

from flint import arb, arb_mat, arb_poly, fmpq, fmpq_poly

from oracle.arithmetic import suprema
from oracle.arithmetic.ball import Ball
from oracle.arithmetic.rational import value_at
from oracle.arithmetic.suprema import bounded_slopes, derivatives
from oracle.equations.activations import ACTIVATIONS
from oracle.errors import KinkError
from oracle.records.exact import Constant


class _InS:
    """Polynomials in s, as the arithmetic in which a relation is read."""

    def one(self, like: Any) -> Any:
        return fmpq_poly([1])

    def scale(self, factor: Fraction, v: Any) -> Any:
        return v * fmpq(factor.numerator, factor.denominator)

    def mul(self, u: Any, v: Any) -> Any:
        return u * v

    def sum(self, parts: Any) -> Any:
        return sum(parts, fmpq_poly([0]))

    def unit_step(self, z: Any) -> Any:
        raise KinkError("the slope is no polynomial in s")


@dataclass(frozen=True)
class Shape:
    """A smooth activation whose slope is a polynomial p in its value.

    Attributes
    ----------
    p : fmpq_poly
        s' = p(s).
    start : Fraction
        s(0).
    low, high : arb or None
        s runs through (low, high); None where it is unbounded.
    """

    name: str
    p: Any
    start: Fraction
    low: Any
    high: Any

    def derivative(self, order: int) -> Any:
        """The derivative of s of an order >= 1, as a polynomial in s."""
        found = self.p
        for _ in range(order - 1):
            found = found.derivative() * self.p
        return found

    @property
    def linear(self) -> bool:
        """Whether s has one slope."""
        return self.low is None

    def at(self, order: int, z: list[Any]) -> list[Any]:
        """The derivative of an order >= 1 at balls."""
        q = self.derivative(order)
        return [_at(q, s) for s in Ball().act(self.name, arb_mat(len(z), 1, z)).entries()]

    def ball_at_zero(self, order: int) -> Any:
        """s(0) or a derivative there, as a ball."""
        return Ball().rational(self.start if order == 0 else self.at_zero(order))

    def taken(self, order: int) -> str:
        """Where the supremum is attained, in words."""
        where = None if self.linear else self.attained(order)
        return "" if where is None else f", attained at s = {float(where):.6g}: not improvable"

    def slopes(self, z: list[Any], other: list[Any]) -> list[Any]:
        """Balls that hold every slope of s between z and other: s' falls with |z|, so z = 0 is looked at."""
        top = self.supremum(1)
        if self.linear:
            return [top] * len(z)
        assert self.sigmoid, "slopes are largest at z = 0"
        both = [a.union(b) for a, b in zip(self.at(1, z), self.at(1, other), strict=True)]
        return [
            slope.union(top) if a.union(b).contains(0) else slope for slope, a, b in zip(both, z, other, strict=True)
        ]

    def supremum(self, order: int) -> Any:
        """A ball that holds the supremum of the absolute derivative; use inside `precision`."""
        q = self.derivative(order)
        if self.low is None or self.high is None:
            assert q.degree() <= 0, "an unbounded s with a slope that grows"
            return abs(_at(q, arb(0)))
        sizes = [abs(_at(q, s)) for s in (self.low, self.high, *self._critical(q))]
        best = sizes[0]
        for size in sizes[1:]:
            best = best.max(size)
        return best

    def attained(self, order: int) -> Any:
        """An s strictly inside (low, high) where the supremum is taken, as a ball; None where there is none."""
        q, top = self.derivative(order), self.supremum(order)
        for s in self._critical(q):
            if self.low < s < self.high and abs(_at(q, s)).overlaps(top):
                return s
        return None

    def at_zero(self, order: int) -> Fraction:
        """A derivative at z = 0, exactly."""
        value = self.derivative(order)(fmpq(self.start.numerator, self.start.denominator))
        return Fraction(int(value.p), int(value.q))

    @property
    def sigmoid(self) -> bool:
        """Whether s is odd about (0, s(0)) and s' falls with |z|: p is a downward parabola with vertex s(0)."""
        return self.p.degree() == 2 and self.p[2] < 0 and not self.at_zero(2)

    def _critical(self, q: Any) -> list[Any]:
        """Real zeros of q' in [low, high], and those that may be."""
        slope = q.derivative()
        if slope.degree() < 1:
            return []
        return [s for s in _real_roots(slope) if not (s < self.low or s > self.high)]


@dataclass(frozen=True)
class General:
    """Any other smooth activation with bounded derivatives: what `Shape` says, from balls (`arithmetic.suprema`)."""

    name: str
    linear = False
    sigmoid = False

    def at(self, order: int, z: list[Any]) -> list[Any]:
        """The derivative of an order at balls."""
        return derivatives(self.name, z, order)[order]

    def ball_at_zero(self, order: int) -> Any:
        """s(0) or a derivative there, as a ball."""
        return self.at(order, [arb(0)])[0]

    def taken(self, order: int) -> str:
        """Where the supremum is attained, in words."""
        found = suprema.supremum(self.name, order)
        return f", within 2^-48 of |s^({order})| at z = {found.at:.6g}: not improvable"

    def slopes(self, z: list[Any], other: list[Any]) -> list[Any]:
        """Balls that hold every slope of s between z and other."""
        low, high = (Ball().rational(end) for end in bounded_slopes(self.name))
        every = low.union(high)
        found = self.at(1, [a.union(b) for a, b in zip(z, other, strict=True)])
        return [slope.intersection(every) if slope.is_finite() else every for slope in found]

    def supremum(self, order: int) -> Any:
        """A ball that holds the supremum of the absolute derivative."""
        found = suprema.supremum(self.name, order)
        return arb(found.low).union(arb(found.high))


Known = Shape | General


def _at(q: Any, s: Any) -> Any:
    return arb_poly(q)(s)


def _real_roots(q: Any) -> list[Any]:
    """Enclosures of all real roots, and of those that may be real."""
    found: list[tuple[Any, int]] = q.complex_roots()
    return [root.real for root, _ in found if root.imag.contains(0)]


def shape(activation: str) -> Known | None:
    """The shape of an activation; None where it is not analytic or a derivative unbounded. Use inside `precision`."""
    found = _polynomial(activation)
    if found is not None or not ACTIVATIONS[activation].analytic:
        return found
    finite = all(isfinite(suprema.supremum(activation, order).high) for order in (1, 2, 3))
    return General(activation) if finite else None


def _polynomial(activation: str) -> Shape | None:
    """None where the slope is no polynomial in the value."""
    try:
        p = ACTIVATIONS[activation].slope(_InS(), fmpq_poly([0, 1]), None)  # type: ignore[arg-type]
    except (KinkError, AttributeError, TypeError):
        return None
    start = value_at(activation, Fraction(0))
    if not isinstance(p, fmpq_poly) or isinstance(start, Constant):
        return None
    polynomial: Any = p
    if p.degree() < 1:
        return Shape(activation, p, Fraction(start), None, None)
    here = arb(fmpq(start.numerator, start.denominator))
    real = _real_roots(polynomial)
    below, above = [s for s in real if s < here], [s for s in real if s > here]
    if len(below) + len(above) != len(real) or not below or not above:
        return None
    return Shape(activation, p, Fraction(start), _extreme(below, True), _extreme(above, False))


def _extreme(roots: list[Any], largest: bool) -> Any:
    found = roots[0]
    for root in roots[1:]:
        found = found.max(root) if largest else found.min(root)
    return found
