"""The float64 interpretation: NumPy arrays; every exact coefficient is rounded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import erf, erfc, exp, pi, sqrt
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.entrywise import columned
from oracle.arithmetic.mp import Mp
from oracle.equations.activations import ACTIVATIONS
from oracle.equations.activations_smooth import logistic_floats
from oracle.records.exact import Array, Constant, Diagonal, Exact
from oracle.records.lure import Lure
from oracle.records.operator import Operator, copied, only_copies

_FLOW_BITS = 160
_CONSTANT_DIGITS = 40  # transcendental constants are evaluated this far before the one rounding to float64


@lru_cache(maxsize=10_000)  # a few constants per record are read again for every hypothesis and every bound
def _rounded(constant: Constant) -> float:
    if any(atom.generator is not None for monomial in constant.terms for atom, _ in monomial):
        with precision(_FLOW_BITS):
            return float(_flows().number(constant).mid())  # mpmath takes minutes for the exponential of 100 units
    return float(_reader().number(constant))


@lru_cache(maxsize=1)
def _flows() -> Ball:
    return Ball()


@lru_cache(maxsize=1)  # a context of its own, made once: making one takes longer than evaluating a hundred constants
def _reader() -> Mp:
    return Mp(_CONSTANT_DIGITS)


class Float64:
    """Arithmetic on float arrays of shape (units, columns); `dtype` float32 or float16 for narrower runs."""

    def __init__(self, dtype: Any = np.float64) -> None:
        self.dtype = np.dtype(dtype)
        self._operators: dict[int, tuple[Operator, list[tuple[Any, Array | None, Any]]]] = {}

    def number(self, value: Exact | float) -> float:
        """An exact number, correctly rounded (constants: rounded from 40 digits)."""
        if isinstance(value, Constant):
            return _rounded(value)
        return float(value)

    def _read(self, exact: Array) -> Array:
        if exact.dtype != object:
            return exact.astype(self.dtype)
        flat = [self.number(entry) for entry in exact.ravel()]
        return np.array(flat, dtype=np.float64).reshape(exact.shape).astype(self.dtype)

    def _matrix(self, exact: Array) -> Array:
        """The same, and not copied where it is of the type already: for reading alone."""
        return exact if exact.dtype == self.dtype else self._read(exact)

    def _factor(self, factor: Diagonal) -> Any:
        return self._read(factor)[:, None] if isinstance(factor, np.ndarray) else self.dtype.type(self.number(factor))

    def _terms(self, op: Operator) -> list[tuple[Any, Array | None, Any]]:
        """Factors of an operator; its diagonal terms are added exactly before the one rounding."""
        if id(op) not in self._operators:
            diagonal = op if op.is_diagonal else Operator(op.shape, tuple(t for t in op.terms if t.dense is None))
            factors: list[tuple[Any, Array | None, Any]] = [
                (_unless_one(self._factor(t.left)), self._matrix(t.dense), _unless_one(self._factor(t.right)))
                for t in op.terms
                if t.dense is not None
            ]
            if diagonal.terms and np.any((left := self._factor(diagonal.diagonal_factor())) != 0):
                factors.append((_unless_one(left), None, None))
            self._operators[id(op)] = (op, factors)
        return self._operators[id(op)][1]

    def lift(self, exact: Array) -> Array:
        """Exact numbers as (units, columns)."""
        return columned(self._read(np.asarray(exact)))

    def affine(
        self, products: Sequence[tuple[Operator, Array]], biases: Sequence[Array] = (), parts: Sequence[Array] = ()
    ) -> Array:
        """Sum of operator-vector products, biases and values."""
        if only_copies(products, biases, parts):
            return copied(products)
        total: Any = None
        for op, v in products:
            for left, dense, right in self._terms(op):
                inner = v if right is None else right * v
                inner = inner if dense is None else dense @ inner
                inner = inner if left is None else left * inner
                total = inner if total is None else total + inner
        for piece in (*(columned(self._read(bias)) for bias in biases), *parts):
            total = piece if total is None else total + piece
        if total is None:
            rows, columns = (products[0][0].shape[0], products[0][1].shape[1]) if products else (0, 1)
            return np.zeros((rows, columns), dtype=self.dtype)
        return np.asarray(total)

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
        return np.asarray(self._factor(factor) * v)

    def outer(self, us: Sequence[Array], vs: Sequence[Array]) -> Array:
        """The sum of u v^T over all pairs."""
        return np.asarray(np.concatenate(us, axis=1) @ np.concatenate(vs, axis=1).T)

    def one(self, like: Array) -> Array:
        """Ones."""
        return np.ones_like(like)

    def tanh(self, z: Array) -> Array:
        """numpy.tanh."""
        return np.tanh(z)

    def elementary(self, name: str, z: Array) -> Array:
        """A function by name."""
        value: Array = VALUES[name](z)
        return value

    def positive_part(self, z: Array) -> Array:
        """max(0, z)."""
        positive: Array = np.maximum(z, self.dtype.type(0))
        return positive

    def unit_step(self, z: Array) -> Array:
        """Slope of max(0, z), 0 at 0 as the frameworks have it."""
        return (z > 0).astype(self.dtype)

    def indicator(self, z: Array) -> Array:
        """[z > 0]."""
        return (z > 0).astype(self.dtype)

    def act(self, activation: str, z: Array) -> Array:
        """An activation by name, in the form that keeps relative accuracy."""
        value: Array = VALUES[activation](z)
        return value

    def solution(self, relation: Lure, inputs: Array, start: Array) -> Array:
        """y = relation(y, inputs), by Newton's method from `start`."""
        from oracle.arithmetic.solving import Relation, in_floats

        return in_floats(Relation(self, relation, inputs), start)

    def solved_back(self, relation: Lure, inputs: Array, y: Array, bar: Array) -> Array:
        """The cotangent of the relation, from that of its solution."""
        from oracle.arithmetic.solving import Relation, back_in_floats

        return back_in_floats(Relation(self, relation, inputs), y, bar)

    def lower(self, v: Array) -> Array:
        """The array."""
        return v


def _entrywise(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """A function of Python's math module, which NumPy does not have; in double, rounded once."""
    each = np.frompyfunc(function, 1, 1)

    def value(z: Array) -> Array:
        return np.asarray(each(np.asarray(z, dtype=np.float64)), dtype=np.float64).astype(z.dtype)

    return value


class Values(dict[str, Callable[[Array], Array]]):
    """Activations in floating point by name: as they say themselves, or by their equation."""

    def __missing__(self, name: str) -> Callable[[Array], Array]:
        kind = ACTIVATIONS[name]
        self[name] = kind.floats or (lambda z: np.asarray(kind.value(Float64(z.dtype), z)))
        return self[name]


VALUES: dict[str, Callable[[Array], Array]] = Values(
    {
        "tanh": np.tanh,
        "logistic": logistic_floats,
        "softplus": lambda z: np.logaddexp(z.dtype.type(0), z),
        "erf": _entrywise(erf),
        "sin": np.sin,
        "cos": np.cos,
        "arctan": np.arctan,
        "exp": np.exp,
        "expm1": np.expm1,
        "log": np.log,
        "sqrt": np.sqrt,
        "reciprocal": lambda z: z.dtype.type(1) / z,
        "arctan-slope": lambda z: 1 / (1 + z * z),
        "erf-slope": _entrywise(lambda z: 2 / sqrt(pi) * exp(-z * z)),
        "normal-cdf": _entrywise(lambda z: erfc(-z / sqrt(2)) / 2),
        "normal-density": _entrywise(lambda z: exp(-z * z / 2) / sqrt(2 * pi)),
    }
)


def _unless_one(factor: Any) -> Any:
    return None if np.ndim(factor) == 0 and factor == 1 else factor
