"""The series interpretation: truncated Taylor series over any arithmetic, lazy and memoised.

A product is a Cauchy product; an activation follows its differential relation, s' = slope(s, z) z', that is

    k s_k = sum_{j=1..k} j z_j slope_{k-j}

so every coefficient is computed once and P coefficients cost O(P^2) products, without a tape. A solution of
h' = F(h) is the series whose coefficient k + 1 is F(h)_k / (k + 1): tie the knot with `Series(base, rule)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Generic

import numpy as np

from oracle.equations.activations import ACTIVATIONS
from oracle.equations.interface import Arithmetic, V
from oracle.errors import KinkError
from oracle.records.exact import Array, Diagonal
from oracle.records.operator import Operator


class Series(Generic[V]):
    """A power series in one variable; coefficient k is computed by the rule when it is first asked for.

    `functions` holds the elementary functions of this series that were asked for, by name.
    """

    def __init__(self, rule: Callable[[int], V]) -> None:
        self._rule = rule
        self._known: list[V] = []
        self.functions: dict[str, Series[V]] = {}

    def __getitem__(self, k: int) -> V:
        while len(self._known) <= k:
            self._known.append(self._rule(len(self._known)))
        return self._known[k]

    def first(self, count: int) -> list[V]:
        """Coefficients 0 .. count - 1."""
        if count > len(self._known):
            self[count - 1]
        return self._known[:count]


class SeriesArithmetic(Generic[V]):
    """Arithmetic on `Series` with coefficients in a base arithmetic."""

    def __init__(self, base: Arithmetic[V]) -> None:
        self.base = base

    def lift(self, exact: Array) -> Series[V]:
        """A constant series."""
        value = self.base.lift(exact)
        zero = self.base.scale(Fraction(0), value)
        return Series(lambda k: value if k == 0 else zero)

    def affine(
        self,
        products: Sequence[tuple[Operator, Series[V]]],
        biases: Sequence[Array] = (),
        parts: Sequence[Series[V]] = (),
    ) -> Series[V]:
        """Coefficient by coefficient; biases are constants."""

        def rule(k: int) -> V:
            at_k = [(op, v[k]) for op, v in products]
            if k == 0 or not biases:
                return self.base.affine(at_k, biases if k == 0 else (), [v[k] for v in parts])
            if at_k or parts:
                return self.base.affine(at_k, (), [v[k] for v in parts])
            return self.base.lift(np.zeros(len(biases[0])))

        return Series(rule)

    def sum(self, parts: Sequence[Series[V]]) -> Series[V]:
        """Coefficient by coefficient."""
        return Series(lambda k: self.base.sum([v[k] for v in parts]))

    def mul(self, u: Series[V], v: Series[V]) -> Series[V]:
        """Cauchy product."""
        return Series(lambda k: self.convolution(u.first(k + 1), v.first(k + 1)[::-1]))

    def convolution(self, us: Sequence[V], vs: Sequence[V]) -> V:
        """The sum of elementwise products; where the work is."""
        return self.base.sum([self.base.mul(u, v) for u, v in zip(us, vs, strict=True)])

    def scale(self, factor: Diagonal, v: Series[V]) -> Series[V]:
        """Coefficient by coefficient."""
        return Series(lambda k: self.base.scale(factor, v[k]))

    def one(self, like: Series[V]) -> Series[V]:
        """The constant 1."""
        value = self.base.one(like[0])
        zero = self.base.scale(Fraction(0), value)
        return Series(lambda k: value if k == 0 else zero)

    def _solve(self, name: str, z: Series[V]) -> Series[V]:
        """By the differential relation; every function of one argument is made once, so that sin and cos may meet."""
        if name in z.functions:
            return z.functions[name]

        def rule(k: int) -> V:
            if k == 0:
                return self.base.elementary(name, z[0])
            total = self.convolution(moved.first(k + 1)[1:], slope.first(k)[::-1])
            return self.base.scale(Fraction(1, k), total)

        s: Series[V] = Series(rule)
        z.functions[name] = s
        moved: Series[V] = Series(lambda j: self.base.scale(Fraction(j), z[j]))
        slope: Series[V] = ACTIVATIONS[name].slope(self, s, z)
        return s

    def tanh(self, z: Series[V]) -> Series[V]:
        """By its differential relation."""
        return self.elementary("tanh", z)

    def elementary(self, name: str, z: Series[V]) -> Series[V]:
        """By its differential relation."""
        return self._solve(name, z)

    def positive_part(self, z: Series[V]) -> Series[V]:
        """Refused: not analytic."""
        raise KinkError("max(0, z) has no Taylor series across its kink; go region by region")

    def unit_step(self, z: Series[V]) -> Series[V]:
        """Refused: not analytic."""
        raise KinkError("the slope of max(0, z) has no Taylor series across its kink; go region by region")

    def indicator(self, z: Series[V]) -> Series[V]:
        """Refused: not analytic."""
        return self.unit_step(z)

    def act(self, activation: str, z: Series[V]) -> Series[V]:
        """What is made of other functions by its value, analytic activations by their differential relation."""
        kind = ACTIVATIONS[activation]
        if kind.composed or not kind.analytic or activation == "identity":
            found: Series[V] = kind.value(self, z)
            return found
        return self._solve(activation, z)

    def lower(self, v: Series[V]) -> Any:
        """The series itself."""
        return v
