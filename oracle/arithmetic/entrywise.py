"""Arithmetics whose values are numpy object arrays: anything with +, * and a way to read exact numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.equations.activations import ACTIVATIONS
from oracle.errors import KinkError
from oracle.records.exact import Array, Atom, Constant, Diagonal, Exact
from oracle.records.operator import Operator, is_one, is_zero


def columned(exact: Array) -> Array:
    """A vector as one column; a matrix of columns as it is."""
    return exact[:, None] if exact.ndim == 1 else exact


class Entrywise:
    """Base of the arithmetics on object arrays of shape (units, columns).

    A subclass says how it reads rationals and atoms, and what the elementary functions are; products and sums are those
    of the entries.
    """

    def rational(self, value: Fraction) -> Any:
        """A rational number in this arithmetic."""
        raise NotImplementedError

    def atom(self, atom: Atom) -> Any:
        """A transcendental constant in this arithmetic."""
        raise NotImplementedError

    def function(self, name: str, z: Any) -> Any:
        """An elementary function of one entry."""
        raise NotImplementedError

    def sign(self, z: Any) -> int:
        """Sign of one entry."""
        return int(z > 0) - int(z < 0)

    def number(self, value: Exact | float) -> Any:
        """One exact number in this arithmetic."""
        if isinstance(value, Constant):
            return value.evaluate(self.rational, self.atom)
        return self.rational(Fraction(value))

    def _read(self, exact: Array) -> Array:
        result = np.empty(exact.shape, dtype=object)
        for index, value in np.ndenumerate(exact):
            result[index] = self.number(value)
        return result

    def __init__(self) -> None:
        self._lifted: dict[int, tuple[Any, Array]] = {}

    def _kept(self, exact: Array) -> Array:
        """Lift a parameter once per arithmetic (the record keeps it alive as long as this table does)."""
        if id(exact) not in self._lifted:
            self._lifted[id(exact)] = (exact, self._read(exact))
        return self._lifted[id(exact)][1]

    def _factor(self, factor: Diagonal) -> Any:
        return self._kept(factor)[:, None] if isinstance(factor, np.ndarray) else self.number(factor)

    def product(self, dense: Array, v: Array) -> Array:
        """A matrix of exact numbers times a value."""
        return np.asarray(self._kept(dense) @ v, dtype=object)

    def lift(self, exact: Array) -> Array:
        """Exact numbers as (units, columns)."""
        return columned(self._read(np.asarray(exact)))

    def affine(
        self, products: Sequence[tuple[Operator, Array]], biases: Sequence[Array] = (), parts: Sequence[Array] = ()
    ) -> Array:
        """Sum of operator-vector products, biases and values."""
        rows = next((op.shape[0] for op, _ in products), None) or next(len(p) for p in (*biases, *parts))
        total: Any = None
        pieces: list[Any] = [columned(self._kept(bias)) for bias in biases] + list(parts)
        for op, v in products:
            for term in op.terms:
                inner = v if is_one(term.right) else v * self._factor(term.right)
                if term.dense is not None:
                    inner = self.product(term.dense, inner)
                if not is_zero(term.left):
                    pieces.append(inner if is_one(term.left) else inner * self._factor(term.left))
        for piece in pieces:
            total = piece if total is None else total + piece
        if total is None:
            columns = products[0][1].shape[1] if products else 1
            return self.lift(np.zeros((rows, columns)))
        return np.asarray(total, dtype=object)

    def sum(self, parts: Sequence[Array]) -> Array:
        """Sum of values."""
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def mul(self, u: Array, v: Array) -> Array:
        """Elementwise product."""
        product: Array = u * v
        return product

    def scale(self, factor: Diagonal, v: Array) -> Array:
        """Exact factor times a value."""
        product: Array = v * self._factor(factor)  # array first: an mpf prints the array before it gives way to it
        return product

    def outer(self, us: Sequence[Array], vs: Sequence[Array]) -> Array:
        """The sum of u v^T over all pairs."""
        return np.asarray(np.concatenate(us, axis=1) @ np.concatenate(vs, axis=1).T, dtype=object)

    def one(self, like: Array) -> Array:
        """Ones."""
        return self.lift(np.ones(like.shape))

    def _each(self, function: Callable[[Any], Any], z: Array) -> Array:
        result = np.empty(z.shape, dtype=object)
        for index, value in np.ndenumerate(z):
            result[index] = function(value)
        return result

    def tanh(self, z: Array) -> Array:
        """Elementwise tanh."""
        return self.elementary("tanh", z)

    def elementary(self, name: str, z: Array) -> Array:
        """A function by name."""
        return self._each(lambda entry: self.function(name, entry), z)

    def positive_part(self, z: Array) -> Array:
        """Elementwise max(0, z)."""
        zero = self.rational(Fraction(0))
        return self._each(lambda entry: entry if self.sign(entry) > 0 else zero, z)

    def unit_step(self, z: Array) -> Array:
        """Elementwise slope of max(0, z)."""

        def slope(entry: Any) -> Any:
            sign = self.sign(entry)
            if sign == 0:
                raise KinkError("max(0, z) has no derivative at z = 0")
            return self.rational(Fraction(int(sign > 0)))

        return self._each(slope, z)

    def indicator(self, z: Array) -> Array:
        """Elementwise [z > 0]."""
        return self._each(lambda entry: self.rational(Fraction(int(self.sign(entry) > 0))), z)

    def act(self, activation: str, z: Array) -> Array:
        """An activation by name."""
        return np.asarray(ACTIVATIONS[activation].value(self, z), dtype=object)

    def lower(self, v: Array) -> Array:
        """The object array itself."""
        return v
