"""The pair interpretation: head + tail in float64 with a proven error, 2^-58 or so of a value, at the speed of NumPy.

Every value is |exact - (head + tail)| <= error. Heads are added without error (two_sum), matrices are multiplied by
`split_product`, tanh comes from `tanh_table`; what is rounded is small already. Balls decide the same questions with
any number of bits and 50 times slower; where this arithmetic cannot (overflow, numbers spread over the whole range of
float64) its errors are infinite or NaN, never too small.

T. Dekker, A floating-point technique for extending the available precision, Numer. Math. 18 (1971). u = 2^-53.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from flint import arb

from oracle.arithmetic.ball import FUNCTIONS, Ball, precision
from oracle.arithmetic.split_product import Split, product, split
from oracle.arithmetic.tanh_table import tanh_of, two_sum
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array, Diagonal, Exact
from oracle.records.operator import Operator, copied, is_zero, only_copies

U = 2.0**-53
UNDERFLOW = 2.0**-1000
"""Above what the underflow of one operation can lose, also where subnormals are flushed to zero."""
_UP = 1 + 16 * U  # for the handful of roundings in the errors themselves
_COEFFICIENT_BITS = 200
_FUNCTION_BITS = 140
_HALVER = 2.0**27 + 1  # Veltkamp's constant: splits 53 bits into 26 and 26


class Pair(NamedTuple):
    """head + tail, both (units, columns), known to within `error`; tail and error may be scalars or broadcast."""

    head: Array
    tail: Any
    error: Any


class Factor(NamedTuple):
    """A coefficient, scalar or (units, 1): high + low + rest to within `error`; high and low have 26 bits."""

    high: Any
    low: Any
    rest: Any
    error: Any


class Pairs:
    """Arithmetic on pairs of floats; one instance may serve many blocks of columns."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], tuple[Any, Any]] = {}

    def _keep(self, exact: Any, kind: str, make: Any) -> Any:
        """Prepare a parameter once (the table keeps it alive, so that its id stays its own)."""
        if (id(exact), kind) not in self._kept:
            self._kept[id(exact), kind] = (exact, make(exact))
        return self._kept[id(exact), kind][1]

    def lift(self, exact: Array) -> Pair:
        """Exact numbers, (units,) or (units, columns)."""
        head, tail, error = _floats(np.asarray(exact))
        return Pair(*(part[:, None] if np.ndim(part) == 1 else part for part in (head, tail, error)))

    def affine(
        self, products: Sequence[tuple[Operator, Pair]], biases: Sequence[Array] = (), parts: Sequence[Pair] = ()
    ) -> Pair:
        """Sum of operator-vector products, biases and values."""
        if only_copies(products, biases, parts):
            wide = [(op, [np.broadcast_to(part, v.head.shape) for part in v]) for op, v in products]
            return Pair(*(copied([(op, whole[i]) for op, whole in wide]) for i in range(3)))
        pieces = list(parts)
        for op, v in products:
            diagonal, dense = self._keep(op, "terms", _sorted_terms)
            for term in dense:
                inner = self._times(term.dense, self.scale(term.right, v))
                pieces.append(self.scale(term.left, inner))
            if not is_zero(diagonal):
                pieces.append(self.scale(diagonal, v))
        pieces += [self._keep(bias, "bias", self.lift) for bias in biases]
        if not pieces:
            op, v = products[0]
            return Pair(np.zeros((v.head.shape[1], op.shape[0])).T, 0.0, 0.0)
        return self.sum(pieces)

    def _times(self, dense: Array, v: Pair) -> Pair:
        matrix, unknown = self._keep(dense, "matrix", _matrix)
        head, tail = (v.head, None) if np.ndim(v.tail) == 0 and v.tail == 0 else two_sum(v.head, v.tail)
        exact, crossed, error = product(matrix, head, tail)
        if np.ndim(v.error) or v.error:
            error = error + matrix.size * np.max(np.broadcast_to(v.error, head.shape), axis=0, keepdims=True) * _UP
        if np.any(unknown):
            error = error + unknown * np.max(np.abs(head), axis=0, keepdims=True) * (2 * _UP)
        return Pair(exact, crossed, error)

    def sum(self, parts: Sequence[Pair]) -> Pair:
        """Sum of values."""
        total = parts[0]
        for part in parts[1:]:
            total = _added(total, part)
        return total

    def mul(self, u: Pair, v: Pair) -> Pair:
        """Elementwise product (Dekker's)."""
        u, v = (Pair(*two_sum(w.head, w.tail), w.error) for w in (u, v))
        (a, b), (c, d) = _halves(u.head), _halves(v.head)
        head = u.head * v.head
        low = ((a * c - head) + a * d + b * c) + b * d
        tail = low + (u.head * v.tail + u.tail * v.head)
        size, other = np.abs(u.head), np.abs(v.head)
        # Four roundings at the size of the tails, and tail times tail, which is no larger than another.
        lost = (5 * U) * (size * np.abs(v.tail) + np.abs(u.tail) * other + np.abs(low))
        error = u.error * (other + np.abs(v.tail)) + v.error * (size + np.abs(u.tail)) + u.error * v.error
        return Pair(head, tail, (error + lost) * _UP + UNDERFLOW)

    def scale(self, factor: Diagonal, v: Pair) -> Pair:
        """Exact factor times a value."""
        if not isinstance(factor, np.ndarray) and (power := _power_of_two(factor)):
            return v if power == 1 else Pair(v.head * power, v.tail * power, v.error * abs(power))
        c: Factor = self._keep(factor, "factor", factored) if isinstance(factor, np.ndarray) else factored(factor)
        high, low = _halves(v.head)
        head = c.high * high
        low *= c.high
        low += c.low * v.head
        size = np.abs(low)
        total = c.high + c.low
        if np.ndim(v.tail) or v.tail:
            small = total * v.tail
            low += small
            size += np.abs(small)
        low += c.rest * v.head
        # Roundings at the size of the tail, or of low halves: 2^-26 of the head. c.rest times the tail is left out.
        error = size * (8 * U) + np.abs(head) * (c.error + 2.0**-76)
        error += np.abs(total) * (1 + 2.0**-40) * v.error + UNDERFLOW
        return Pair(head, low, error * _UP)

    def one(self, like: Pair) -> Pair:
        """Ones."""
        return Pair(np.ones_like(like.head), 0.0, 0.0)

    def tanh(self, z: Pair) -> Pair:
        """tanh, from a table."""
        return Pair(*tanh_of(z.head, z.tail, z.error))

    def elementary(self, name: str, z: Pair) -> Pair:
        """A function by name: tanh and the logistic from a table, others entry by entry in balls, far slower."""
        if name == "tanh":
            return self.tanh(z)
        if name == "logistic":
            value: Pair = ACTIVATIONS[name].value(self, z)
            return value
        return _through_balls(FUNCTIONS[name], z)

    def indicator(self, z: Pair) -> Pair:
        """[z > 0]; 1/2 to within 1/2 where it is not certain."""
        size = z.head + z.tail
        doubt = z.error + np.abs(size) * (4 * U)
        sure = (np.abs(size) > doubt) | ((z.head == -z.tail) & (doubt == 0))
        return Pair(np.where(sure, size > 0, 0.5), 0.0, np.where(sure, 0.0, 0.5))

    def positive_part(self, z: Pair) -> Pair:
        """max(0, z): z or 0 where its sign is certain; otherwise both it and 0 are within |z| + error of 0."""
        size = z.head + z.tail
        doubt = z.error + np.abs(size) * (4 * U)
        positive, negative = size > doubt, size < -doubt
        away = np.where(negative | (z.head == -z.tail) & (doubt == 0), 0.0, np.abs(size) + 2 * doubt)
        return Pair(
            *(np.where(positive, kept, other) for kept, other in ((z.head, 0.0), (z.tail, 0.0), (z.error, away)))
        )

    def unit_step(self, z: Pair) -> Pair:
        """Not needed by any forward equation."""
        raise NotImplementedError("slopes are for tangents and balls")

    def act(self, activation: str, z: Pair) -> Pair:
        """An activation by name."""
        value: Pair = ACTIVATIONS[activation].value(self, z)
        return value

    def lower(self, v: Pair) -> Pair:
        """The pair."""
        return v


def _through_balls(function: Any, z: Pair) -> Pair:
    """head, tail and error of a function of balls, entry by entry."""
    head, tail, error = np.broadcast_arrays(z.head, z.tail, z.error)
    found = np.empty((3, *head.shape))
    with precision(_FUNCTION_BITS):
        for index in np.ndindex(head.shape):
            z0, z1, e = (float(part[index]) for part in (head, tail, error))
            found[:, *index] = _parts(function(arb(z0) + arb(z1, e)))
    return Pair(*found)


def _parts(ball: Any) -> tuple[float, float, float]:
    """Head, tail and a bound of what they leave out; use inside `precision`."""
    head = float(ball.mid())
    tail = float((ball - head).mid())
    left = float((ball - head - tail).abs_upper())
    return head, tail, left * (1 + 4 * U) + UNDERFLOW


def _added(p: Pair, q: Pair) -> Pair:
    """Two roundings at the size of the tails; the second one also of the exact error of the heads.

    The errors add with roundings of their own: up to three, however small the tails are.
    """
    head, tail = two_sum(p.head, q.head)
    error = p.error + q.error
    both = p.tail + q.tail
    tail += both
    if np.ndim(p.tail) and np.ndim(q.tail):
        error = error + np.abs(both) * (2 * U)
    lost = np.abs(tail)
    lost *= 2 * U
    lost += error
    lost *= _UP
    return Pair(head, tail, lost)


def _halves(x: Array) -> tuple[Array, Array]:
    c = x * _HALVER
    high = c - (c - x)
    return high, x - high


def _power_of_two(factor: Exact) -> float:
    """The factor as a float if it is +-2^k with products that cannot leave the range, else 0."""
    if not isinstance(factor, Fraction) or not factor:
        return 0.0
    p, q = abs(factor.numerator), factor.denominator
    small = p & (p - 1) == 0 and q & (q - 1) == 0 and max(p, q) < 2**60
    return float(factor) if small else 0.0


def _sorted_terms(op: Operator) -> tuple[Diagonal, list[Any]]:
    """The diagonal terms added exactly, as one factor, and the dense ones that do not vanish."""
    diagonal = Operator(op.shape, tuple(t for t in op.terms if t.dense is None))
    dense = [t for t in op.terms if t.dense is not None and not is_zero(t.left) and not is_zero(t.right)]
    return diagonal.diagonal_factor() if diagonal.terms else Fraction(0), dense


def _floats(exact: Array) -> tuple[Array, Any, Any]:
    """Head, tail and error of exact numbers."""
    if exact.dtype != object:
        return exact.astype(np.float64, copy=False), 0.0, 0.0
    with precision(_COEFFICIENT_BITS):
        ops = Ball()
        parts = np.array([_number(ops, entry) for entry in exact.ravel().tolist()]).reshape(*exact.shape, 3)
    return parts[..., 0], parts[..., 1], parts[..., 2]


def _number(ops: Ball, value: Exact) -> tuple[float, float, float]:
    """Head, tail, and what they leave out; use inside `precision`."""
    ball = ops.number(value)
    head = float(ball.mid())
    tail = float((ball - head).mid())
    left = float((ball - head - tail).abs_upper())
    return head, tail, left * (1 + 4 * U) if left else 0.0


def factored(factor: Diagonal) -> Factor:
    """The two halves of the head, the tail, and the error relative to the factor."""
    head, tail, error = (part[:, None] for part in _floats(np.atleast_1d(np.asarray(factor, dtype=object))))
    high, low = _halves(head)
    relative = np.divide(error, np.abs(high), out=np.zeros_like(error), where=error > 0) * (1 + 2.0**-20)
    made = (high, low, tail, relative)
    return Factor(*made) if isinstance(factor, np.ndarray) else Factor(*(float(part[0, 0]) for part in made))


def _matrix(dense: Array) -> tuple[Split, Any]:
    """A matrix ready for products, and what is unknown of it, summed over rows."""
    head, tail, error = _floats(dense)
    unknown = np.sum(error, axis=1, keepdims=True) if np.ndim(error) else 0.0
    return split(head, tail if np.ndim(tail) else None), unknown
