"""The tangent interpretation: a value and its directional derivatives (forward mode), over any arithmetic.

A value has one column, its tangent one column per direction; with the identity as directions it is the Jacobian.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Generic, NamedTuple

from oracle.equations.activations import ACTIVATIONS
from oracle.equations.interface import Arithmetic, V
from oracle.records.exact import Array, Diagonal
from oracle.records.operator import Operator


class Dual(NamedTuple):
    """A value (units, 1) and its tangent (units, directions); None is the zero tangent."""

    value: Any
    tangent: Any


class Tangent(Generic[V]):
    """Arithmetic on `Dual` numbers over a base arithmetic."""

    def __init__(self, base: Arithmetic[V]) -> None:
        self.base = base

    def lift(self, exact: Array) -> Dual:
        """A constant."""
        return Dual(self.base.lift(exact), None)

    def affine(
        self, products: Sequence[tuple[Operator, Dual]], biases: Sequence[Array] = (), parts: Sequence[Dual] = ()
    ) -> Dual:
        """Linear in every argument."""
        value = self.base.affine([(op, v.value) for op, v in products], biases, [v.value for v in parts])
        moving = [(op, v.tangent) for op, v in products if v.tangent is not None]
        carried = [v.tangent for v in parts if v.tangent is not None]
        return Dual(value, self.base.affine(moving, (), carried) if moving or carried else None)

    def sum(self, parts: Sequence[Dual]) -> Dual:
        """Sum of values and of tangents."""
        carried = [v.tangent for v in parts if v.tangent is not None]
        return Dual(self.base.sum([v.value for v in parts]), self.base.sum(carried) if carried else None)

    def mul(self, u: Dual, v: Dual) -> Dual:
        """Product rule."""
        pairs = [(u.value, v.tangent), (v.value, u.tangent)]
        carried = [self.base.mul(value, tangent) for value, tangent in pairs if tangent is not None]
        return Dual(self.base.mul(u.value, v.value), self.base.sum(carried) if carried else None)

    def scale(self, factor: Diagonal, v: Dual) -> Dual:
        """Linear."""
        tangent = None if v.tangent is None else self.base.scale(factor, v.tangent)
        return Dual(self.base.scale(factor, v.value), tangent)

    def one(self, like: Dual) -> Dual:
        """The constant 1."""
        return Dual(self.base.one(like.value), None)

    def tanh(self, z: Dual) -> Dual:
        """By its differential relation."""
        return self.act("tanh", z)

    def elementary(self, name: str, z: Dual) -> Dual:
        """By its differential relation."""
        s = self.base.elementary(name, z.value)
        if z.tangent is None:
            return Dual(s, None)
        return Dual(s, self.base.mul(ACTIVATIONS[name].slope(self.base, s, z.value), z.tangent))

    def positive_part(self, z: Dual) -> Dual:
        """By its slope, where it has one."""
        return self.act("relu", z)

    def unit_step(self, z: Dual) -> Dual:
        """Locally constant."""
        return Dual(self.base.unit_step(z.value), None)

    def indicator(self, z: Dual) -> Dual:
        """Locally constant."""
        return Dual(self.base.indicator(z.value), None)

    def act(self, activation: str, z: Dual) -> Dual:
        """Chain rule with s' = slope(s, z)."""
        s = self.base.act(activation, z.value)
        if z.tangent is None:
            return Dual(s, None)
        if activation == "identity":
            return Dual(s, z.tangent)
        slope = ACTIVATIONS[activation].slope(self.base, s, z.value)
        return Dual(s, self.base.mul(slope, z.tangent))

    def lower(self, v: Dual) -> Any:
        """Value and tangent, lowered."""
        tangent = self.base.scale(Fraction(0), v.value) if v.tangent is None else v.tangent
        return self.base.lower(v.value), self.base.lower(tangent)
