"""The degree interpretation: which power of r each quantity of a float64 run carries once time is rescaled by r.

R multiplies A, B, E and c by r and divides the step by r. Read with such coefficients (`Graded`), an equation has a
degree d for every quantity: in the rescaled run it is r^d times what it was. Sums need one degree throughout, tanh and
the logistic need degree 0, relu and the identity keep any degree; what breaks a rule is `NotHomogeneous`.

For r = 2^e rounding commutes with all of it, fl(2^e x) = 2^e fl(x), as long as nothing scaled leaves the normal range.
To decide that on a run, for any order of summation, with FMA or without, flushed to zero or not, each sum is given a
grid: a double x is a multiple of 2^(floor(log2 |x|) - 52), a product one of the product of the grids, a sum of
multiples is a multiple, and rounding to 53 bits leaves it one. So a partial sum is zero or at least its grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.graded import NEVER, Extents, Graded, NotHomogeneous, common, lowest, note, plain
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array, Diagonal
from oracle.records.operator import Operator, Term, is_one

MANTISSA = 52
"""Bits after the leading one of a double."""


class Weighted(NamedTuple):
    """A value (units, columns) in float64 and its degree."""

    value: Array
    degree: int


class _Read(NamedTuple):
    """An operator as given, in plain numbers, and its degree (None: it has no terms)."""

    given: Operator
    plain: Operator
    degree: int | None


@dataclass
class Degrees:
    """Arithmetic on `Weighted` values; `extents` by degree holds how small and large what was scaled has been."""

    extents: Extents = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._floats = Float64()
        self._operators: dict[int, _Read] = {}

    def _note(self, degree: int, value: Array, grid: int = NEVER, size: Array | None = None) -> None:
        note(self.extents, degree, value, grid, size)

    def number(self, value: Any, degree: int) -> Graded:
        """A coefficient or step of this degree; whatever is formed of it is remembered too."""
        return Graded(value, degree, self.extents)

    def _read(self, op: Operator) -> _Read:
        if id(op) not in self._operators:
            terms, degrees = [], []
            for t in op.terms:
                (left, a), (dense, b), (right, c) = (plain(part) for part in (t.left, t.dense, t.right))
                terms.append(Term(left, dense, right))
                degrees.append(a + b + c)
                for part, degree in ((left, a), (dense, b), (right, c)):
                    if part is not None:
                        self._note(degree, _floats(part))
            shared = common(degrees) if degrees else None
            self._operators[id(op)] = _Read(op, Operator(op.shape, tuple(terms)), shared)
        return self._operators[id(op)]

    def watch(self, op: Operator) -> None:
        """Remember the coefficients of an operator whether they are used or not."""
        self._read(op)

    def lift(self, exact: Array) -> Weighted:
        """Numbers, with the degree they carry."""
        numbers, degree = plain(np.asarray(exact))
        value = self._floats.lift(numbers)
        self._note(degree, value)
        return Weighted(value, degree)

    def affine(
        self,
        products: Sequence[tuple[Operator, Weighted]],
        biases: Sequence[Array] = (),
        parts: Sequence[Weighted] = (),
    ) -> Weighted:
        """Sum of products, biases and values of one degree."""
        read = [(self._read(op), v) for op, v in products]
        summands = [*(self.lift(bias) for bias in biases), *parts]
        degree = common([r.degree + v.degree for r, v in read if r.degree is not None] + [v.degree for v in summands])
        value = self._floats.affine([(r.plain, v.value) for r, v in read], (), [v.value for v in summands])
        grids, size = [_grid(v.value) for v in summands], sum(np.abs(v.value) for v in summands)
        for r, v in read:
            for t in r.plain.terms:
                grids.append(_term_grid(t, v.value))
                size = size + _term_size(t, v.value)
        self._note(degree, value, min(grids, default=NEVER), np.asarray(size))
        return Weighted(value, degree)

    def sum(self, parts: Sequence[Weighted]) -> Weighted:
        """Sum of values of one degree."""
        degree = common([v.degree for v in parts])
        value = self._floats.sum([v.value for v in parts])
        size = np.asarray(sum(np.abs(v.value) for v in parts))
        self._note(degree, value, min(_grid(v.value) for v in parts), size)
        return Weighted(value, degree)

    def mul(self, u: Weighted, v: Weighted) -> Weighted:
        """Degrees add."""
        value, degree = u.value * v.value, u.degree + v.degree
        self._note(degree, value, _grid(u.value) + _grid(v.value))
        return Weighted(value, degree)

    def scale(self, factor: Diagonal, v: Weighted) -> Weighted:
        """Degrees add."""
        numbers, degree = plain(factor)
        value = self._floats.scale(numbers, v.value)
        self._note(degree, _floats(numbers))
        self._note(degree + v.degree, value, _grid(_floats(numbers)) + _grid(v.value))
        return Weighted(value, degree + v.degree)

    def one(self, like: Weighted) -> Weighted:
        """The constant 1 is not scaled."""
        return Weighted(np.ones_like(like.value), 0)

    def tanh(self, z: Weighted) -> Weighted:
        """Only of what is not scaled."""
        return self.act("tanh", z)

    def elementary(self, name: str, z: Weighted) -> Weighted:
        """Only of what is not scaled."""
        return self.act(name, z)

    def positive_part(self, z: Weighted) -> Weighted:
        """max(0, r^d z) = r^d max(0, z)."""
        return Weighted(self._floats.positive_part(z.value), z.degree)

    def unit_step(self, z: Weighted) -> Weighted:
        """The sign of z does not depend on r."""
        return Weighted(self._floats.unit_step(z.value), 0)

    def indicator(self, z: Weighted) -> Weighted:
        """The sign of z does not depend on r."""
        return Weighted(self._floats.indicator(z.value), 0)

    def act(self, activation: str, z: Weighted) -> Weighted:
        """An activation of what is not scaled, or a positively homogeneous one."""
        if z.degree and not ACTIVATIONS[activation].positively_homogeneous:
            raise NotHomogeneous(f"{activation} of a quantity of degree {z.degree} in r")
        value = self._floats.act(activation, z.value)
        self._note(z.degree, value)
        return Weighted(value, z.degree)

    def lower(self, v: Weighted) -> Array:
        """The float64 value."""
        return v.value


def _floats(numbers: Any) -> Array:
    if isinstance(numbers, np.ndarray):
        return numbers if numbers.dtype != object else np.array([float(entry) for entry in numbers.flat])
    return np.array(float(numbers))


def _grid(value: Array) -> int:
    return lowest(value) - MANTISSA


def _term_grid(t: Term, v: Array) -> int:
    """The grid of the products in a term, in whichever order its factors are multiplied."""
    factors = [_floats(part) for part in (t.left, t.dense, t.right) if part is not None and not is_one(part)]
    grids = [_grid(part) for part in (*factors, v)]
    return NEVER if max(grids) > NEVER // 2 else sum(grids)


def _term_size(t: Term, v: Array) -> Array:
    left, right = (np.abs(_floats(part)) for part in (t.left, t.right))
    inner = (right[:, None] if right.ndim else right) * np.abs(v)
    inner = inner if t.dense is None else np.abs(_floats(t.dense)) @ inner
    return np.asarray((left[:, None] if left.ndim else left) * inner)
