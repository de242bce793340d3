"""What an equation may ask of an arithmetic.

Values are vectors with a batch: conceptually (units, columns), one column per trajectory (or per step, when many steps
are evaluated at once). A value with one column broadcasts against any number of columns. Sums are n-ary: a binary plus
would fix an order of summation, and the rounding interpretation would prove too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from oracle.records.exact import Array, Diagonal
from oracle.records.operator import Operator

V = TypeVar("V")


class Arithmetic(Protocol[V]):
    """An interpretation of the equations."""

    def lift(self, exact: Array) -> V:
        """Exact numbers, (units,) or (units, columns), as a value."""

    def affine(
        self, products: Sequence[tuple[Operator, V]], biases: Sequence[Array] = (), parts: Sequence[V] = ()
    ) -> V:
        """The sum of operator-vector products, exact bias vectors and values, in no particular order."""

    def sum(self, parts: Sequence[V]) -> V:
        """The sum of values, in no particular order."""

    def mul(self, u: V, v: V) -> V:
        """Elementwise product."""

    def scale(self, factor: Diagonal, v: V) -> V:
        """An exact scalar, or one exact number per unit, times a value."""

    def one(self, like: V) -> V:
        """Ones of the shape of a value."""

    def tanh(self, z: V) -> V:
        """Hyperbolic tangent."""

    def elementary(self, name: str, z: V) -> V:
        """A function by name, one that slopes and activations are made of (`activations_smooth.TABLE`)."""

    def positive_part(self, z: V) -> V:
        """max(0, z)."""

    def unit_step(self, z: V) -> V:
        """1 for z > 0, 0 for z < 0; `KinkError` where neither is certain."""

    def indicator(self, z: V) -> V:
        """1 for z > 0, 0 for z <= 0, and what holds both where neither is certain."""

    def act(self, activation: str, z: V) -> V:
        """An activation by name."""

    # Arithmetics that can solve have `solution(relation, inputs, start)`: the vector y with y = relation(y, inputs).

    def lower(self, v: V) -> Any:
        """The value as its user wants it: numpy arrays where that makes sense."""
