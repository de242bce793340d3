"""The jitter interpretation: float64, with a random error of the size of a rounding after every operation. Observed.

Each operation's result is moved by u times its scatter (`oracle.arithmetic.scatter`) times a normal number. A few such
runs show how far an honest program of unit roundoff u is likely to be from the exact result, whatever the condition of
the problem: stochastic arithmetic (J. Vignes, Math. Comput. Simulation 35, 1993). It is evidence, never a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.scatter import Scatter, Scattered
from oracle.records.exact import Array, Diagonal
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.records.precision import Precision


class Jitter:
    """Arithmetic on float64 arrays (units, columns), with the errors a precision model would make.

    Parameters
    ----------
    model : Precision
    rng : numpy Generator
    slope_at_zero : Fraction
        Slope of max(0, z) at exactly z = 0.
    """

    def __init__(self, model: Precision, rng: np.random.Generator, slope_at_zero: Fraction = Fraction(0)) -> None:
        self._u = model.storage
        self._products = max(model.storage, model.products)
        self._rng = rng
        self._slope = float(slope_at_zero)
        self._scatter = Scatter()

    def _moved(self, exact: Scattered, u: float | None = None) -> Array:
        size = (self._u if u is None else u) * np.sqrt(exact.square)
        noise = self._rng.standard_normal(exact.value.shape) * size
        moved: Array = exact.value + noise
        return moved

    def lift(self, exact: Array) -> Array:
        """Exact numbers."""
        return self._scatter.lift(exact).value

    def affine(
        self, products: Sequence[tuple[Operator, Array]], biases: Sequence[Array] = (), parts: Sequence[Array] = ()
    ) -> Array:
        """The sum, moved by the errors of its terms."""
        summed = self._scatter.affine([(op, _still(v)) for op, v in products], biases, [_still(v) for v in parts])
        return self._moved(summed, self._products)

    def sum(self, parts: Sequence[Array]) -> Array:
        """The sum, moved."""
        return self._moved(self._scatter.sum([_still(v) for v in parts]))

    def mul(self, u: Array, v: Array) -> Array:
        """The product, moved."""
        return self._moved(self._scatter.mul(_still(u), _still(v)))

    def scale(self, factor: Diagonal, v: Array) -> Array:
        """The scaled value, moved."""
        value = self._scatter.scale(factor, _still(v)).value
        return self._moved(Scattered(value, value**2))

    def outer(self, us: Sequence[Array], vs: Sequence[Array]) -> Array:
        """The sum of u v^T over all pairs, moved."""
        u, v = np.concatenate(us, axis=1), np.concatenate(vs, axis=1)
        return self._moved(Scattered(u @ v.T, u**2 @ (v**2).T), self._products)

    def one(self, like: Array) -> Array:
        """Ones."""
        return np.ones_like(like)

    def act(self, activation: str, z: Array) -> Array:
        """The activation, moved."""
        return z if activation == "identity" else self._moved(self._scatter.act(activation, _still(z)))

    def tanh(self, z: Array) -> Array:
        """tanh, moved."""
        return self.act("tanh", z)

    def elementary(self, name: str, z: Array) -> Array:
        """A function, moved."""
        return self.act(name, z)

    def positive_part(self, z: Array) -> Array:
        """max(0, z), which rounds nothing."""
        return self.act("relu", z)

    def unit_step(self, z: Array) -> Array:
        """The slope of max(0, z)."""
        return np.where(z == 0, self._slope, z > 0)

    def indicator(self, z: Array) -> Array:
        """[z > 0]."""
        return np.asarray(z > 0, dtype=np.float64)

    def solution(self, relation: Lure, inputs: Array, start: Array) -> Array:
        """y = relation(y, inputs), off by what a rounding of the right-hand side moves the solution by."""
        from oracle.arithmetic.solving import Relation, in_floats, nudged

        y = in_floats(Relation(Float64(), relation, inputs), start)
        return nudged(Relation(self, relation, inputs), y)

    def solved_back(self, relation: Lure, inputs: Array, y: Array, bar: Array) -> Array:
        """The cotangent of the relation, with the errors of its Jacobian, moved."""
        from oracle.arithmetic.solving import Relation, back_in_floats

        value = back_in_floats(Relation(self, relation, inputs), y, bar)
        return self._moved(Scattered(value, value**2))

    def lower(self, v: Array) -> Array:
        """The array."""
        return v


def _still(v: Array) -> Scattered:
    return Scattered(v, np.zeros_like(v))
