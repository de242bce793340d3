"""The scatter interpretation: the typical size of a rounding error, in units of u. Observed, never a bound.

Rounding errors behave like independent random numbers, so they add in squares (N. J. Higham and T. Mary, SIAM J. Sci.
Comput. 41, 2019): a sum of terms t_i scatters by u sqrt(sum t_i^2), an activation by |s'| times that, plus u|s|.
The ratio of residual to scatter estimates the unit roundoff a candidate really computed with: a worst-case bound grows
with N and hides TF32 behind float32 from N ~ 1000 on, the scatter does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.float64 import VALUES, Float64
from oracle.arithmetic.slopes import steepest
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array, Diagonal
from oracle.records.operator import Operator, copied, only_copies


class Scattered(NamedTuple):
    """A value and the square of its scatter, both (units, columns)."""

    value: Array
    square: Array


class Scatter:
    """Arithmetic on `Scattered` values."""

    def __init__(self) -> None:
        self._floats = Float64()

    def lift(self, exact: Array) -> Scattered:
        """Exact numbers."""
        value = self._floats.lift(exact)
        return Scattered(value, np.zeros_like(value))

    def affine(
        self,
        products: Sequence[tuple[Operator, Scattered]],
        biases: Sequence[Array] = (),
        parts: Sequence[Scattered] = (),
    ) -> Scattered:
        """Squares of the terms add."""
        if only_copies(products, biases, parts):
            return Scattered(*(copied([(op, part[i]) for op, part in products]) for i in range(2)))
        value = self._floats.affine([(op, v.value) for op, v in products], biases, [v.value for v in parts])
        square: Any = sum(v.square + v.value**2 for v in parts) + sum(self._floats.lift(b) ** 2 for b in biases)
        single = len(products) == 1 and not biases and not parts
        for op, v in products:
            for term in op.terms:
                exact = single and term.dense is None and len(op.terms) == 1
                inner = self._squared(term.right) * (v.square if exact else v.value**2 + v.square)
                if term.dense is not None:
                    inner = np.square(self._floats._matrix(term.dense)) @ inner
                square = square + self._squared(term.left) * inner
        return Scattered(value, np.broadcast_to(square, value.shape))

    def _squared(self, factor: Diagonal) -> Any:
        return np.square(self._floats._factor(factor))

    def sum(self, parts: Sequence[Scattered]) -> Scattered:
        """Squares of the terms add."""
        square: Any = sum(v.square + v.value**2 for v in parts)
        return Scattered(self._floats.sum([v.value for v in parts]), square)

    def mul(self, u: Scattered, v: Scattered) -> Scattered:
        """Relative scatters add in squares."""
        value = u.value * v.value
        return Scattered(value, value**2 + u.square * v.value**2 + v.square * u.value**2)

    def scale(self, factor: Diagonal, v: Scattered) -> Scattered:
        """An exact factor."""
        return Scattered(self._floats.scale(factor, v.value), self._squared(factor) * v.square)

    def one(self, like: Scattered) -> Scattered:
        """Ones."""
        return Scattered(np.ones_like(like.value), np.zeros_like(like.value))

    def act(self, activation: str, z: Scattered) -> Scattered:
        """|s'| times the scatter of the argument, and the activation's own rounding."""
        if activation == "identity":
            return z
        slope = steepest(activation, z.value, z.value)
        value = VALUES[activation](z.value)
        own = np.square(ACTIVATIONS[activation].size(z.value, value))
        return Scattered(value, slope**2 * z.square + own)

    def elementary(self, name: str, z: Scattered) -> Scattered:
        """A function by name."""
        return self.act(name, z)

    def tanh(self, z: Scattered) -> Scattered:
        """tanh."""
        return self.act("tanh", z)

    def positive_part(self, z: Scattered) -> Scattered:
        """max(0, z)."""
        return self.act("relu", z)

    def unit_step(self, z: Scattered) -> Scattered:
        """Not needed by any forward equation."""
        raise NotImplementedError("scatter of a slope is not modelled")

    def indicator(self, z: Scattered) -> Scattered:
        """Rounds nothing."""
        return Scattered(self._floats.indicator(z.value), np.zeros_like(z.value))

    def lower(self, v: Scattered) -> Array:
        """The scatter, in units of u."""
        return np.asarray(np.sqrt(v.square))
