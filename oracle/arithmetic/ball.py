"""The ball interpretation: every value is enclosed (python-flint's arb; F. Johansson, IEEE Trans. Comput. 66, 2017).

flint's precision and its bound on the length of series belong to the process. `precision` owns them: a lock for
threads, and the old values restored whatever happens. Parallel work is by processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx, fmpq

from oracle.equations.activations import ACTIVATIONS
from oracle.errors import KinkError
from oracle.records.exact import Array, Atom, Constant, Diagonal, Exact, Generator
from oracle.records.lure import Lure
from oracle.records.operator import Operator, is_zero, only_copies

_LOCK = threading.RLock()


@contextmanager
def precision(bits: int, terms: int = 0) -> Iterator[None]:
    """Work with this many bits, and series of up to `terms` terms, alone; restore what was there."""
    with _LOCK:
        before = ctx.prec, ctx.cap
        ctx.prec, ctx.cap = bits, max(terms, ctx.cap)
        try:
            yield
        finally:
            ctx.prec, ctx.cap = before


class Ball:
    """Arithmetic on arb_mat values; use it inside `precision`, and one instance per precision."""

    def __init__(self) -> None:
        self._lifted: dict[int, tuple[Any, Any]] = {}

    def rational(self, value: Fraction) -> Any:
        """A rational, enclosed."""
        return arb(fmpq(value.numerator, value.denominator))

    def atom(self, atom: Atom) -> Any:
        """exp(q), s(q), s'(q) or an entry of e to a matrix, enclosed."""
        if atom.generator is not None:
            return self._flow(atom)
        q = self.rational(atom.argument)
        if atom.kind == "exp":
            return q.exp()
        z = arb_mat(1, 1, [q])
        s = self.act(atom.activation, z)
        return (s if atom.kind == "value" else ACTIVATIONS[atom.activation].slope(self, s, z))[0, 0]

    def _flow(self, atom: Atom) -> Any:
        """An entry of the exponential of a matrix (arb_mat's exp: F. Johansson's scaling and Taylor series, proved)."""
        assert atom.generator is not None
        i, j = divmod(int(atom.argument), len(atom.generator.matrix))
        return _exponential(atom.generator, ctx.prec)[i, j]

    def number(self, value: Exact | float) -> Any:
        """An exact number, enclosed; a float is its own ball."""
        if isinstance(value, float):
            return arb(value)
        if isinstance(value, Constant):
            return value.evaluate(self.rational, self.atom)
        return self.rational(Fraction(value))

    def lift(self, exact: Array) -> Any:
        """Exact numbers as a matrix of (units, columns)."""
        exact = np.asarray(exact)
        rows, columns = (len(exact), 1) if exact.ndim == 1 else exact.shape
        if exact.dtype != object:
            return arb_mat(rows, columns, exact.astype(np.float64).ravel().tolist())
        return arb_mat(rows, columns, [self.number(entry) for entry in exact.ravel().tolist()])

    def _kept(self, exact: Array) -> Any:
        if id(exact) not in self._lifted:
            self._lifted[id(exact)] = (exact, self.lift(exact))
        return self._lifted[id(exact)][1]

    def affine(
        self, products: Sequence[tuple[Operator, Any]], biases: Sequence[Array] = (), parts: Sequence[Any] = ()
    ) -> Any:
        """Sum of operator-vector products, biases and values."""
        if only_copies(products, biases, parts):
            return _side_by_side(products)
        pieces = [self._kept(bias) for bias in biases] + list(parts)
        for op, v in products:
            for term in op.terms:
                if is_zero(term.left) or is_zero(term.right):
                    continue
                inner = self.scale(term.right, v)
                if term.dense is not None:
                    inner = self._kept(term.dense) * inner
                pieces.append(self.scale(term.left, inner))
        if not pieces:
            op, v = products[0]
            return arb_mat(op.shape[0], v.ncols())
        return self.sum(pieces)

    def sum(self, parts: Sequence[Any]) -> Any:
        """Sum of values, columns broadcast."""
        columns = max(part.ncols() for part in parts)
        total = widened(parts[0], columns)
        for part in parts[1:]:
            total = total + widened(part, columns)
        return total

    def mul(self, u: Any, v: Any) -> Any:
        """Elementwise product."""
        columns = max(u.ncols(), v.ncols())
        left, right = widened(u, columns), widened(v, columns)
        pairs = zip(left.entries(), right.entries(), strict=True)
        return arb_mat(left.nrows(), columns, [a * b for a, b in pairs])

    def scale(self, factor: Diagonal, v: Any) -> Any:
        """Exact factor times a value."""
        if not isinstance(factor, np.ndarray):
            return v if factor == 1 else v * self.number(factor)
        columns = v.ncols()
        factors = self._kept(factor).entries()
        return arb_mat(v.nrows(), columns, [factors[i // columns] * e for i, e in enumerate(v.entries())])

    def outer(self, us: Sequence[Any], vs: Sequence[Any]) -> Any:
        """The sum of u v^T over all pairs, as one product."""
        return beside(us) * beside(vs).transpose()

    def one(self, like: Any) -> Any:
        """Ones."""
        return arb_mat(like.nrows(), like.ncols(), [1] * (like.nrows() * like.ncols()))

    def _each(self, function: Callable[[Any], Any], z: Any) -> Any:
        return arb_mat(z.nrows(), z.ncols(), [function(entry) for entry in z.entries()])

    def tanh(self, z: Any) -> Any:
        """Elementwise tanh."""
        return self._each(lambda entry: entry.tanh(), z)

    def elementary(self, name: str, z: Any) -> Any:
        """A function by name."""
        return self._each(FUNCTIONS[name], z)

    def positive_part(self, z: Any) -> Any:
        """Elementwise max(0, z)."""
        zero = arb(0)
        return self._each(lambda entry: entry.max(zero), z)

    def unit_step(self, z: Any) -> Any:
        """Slope of max(0, z); refuses a ball that holds zero."""

        def slope(entry: Any) -> Any:
            if entry > 0:
                return arb(1)
            if entry < 0:
                return arb(0)
            raise KinkError(f"max(0, z) may be at its kink: z = {entry}")

        return self._each(slope, z)

    def indicator(self, z: Any) -> Any:
        """[z > 0], or [0, 1] where it is not certain."""
        both = arb(0).union(arb(1))
        return self._each(lambda entry: arb(1) if entry > 0 else arb(0) if entry <= 0 else both, z)

    def act(self, activation: str, z: Any) -> Any:
        """An activation by name."""
        return ACTIVATIONS[activation].value(self, z)

    def solution(self, relation: Lure, inputs: Any, start: Any) -> Any:
        """y = relation(y, inputs) near what Newton's method finds from `start`, enclosed."""
        from oracle.arithmetic.solving import Relation, in_balls

        return in_balls(Relation(self, relation, inputs), Relation(Bracketing(), relation, inputs), start)

    def solved_back(self, relation: Lure, inputs: Any, y: Any, bar: Any) -> Any:
        """The cotangent of the relation, from that of its solution."""
        from oracle.arithmetic.solving import Relation, back_in_balls

        return back_in_balls(Relation(self, relation, inputs), y, bar)

    def lower(self, v: Any) -> Any:
        """The matrix of balls."""
        return v


class Bracketing(Ball):
    """Balls whose slope at a kink is every number between both: what a difference quotient may be."""

    def unit_step(self, z: Any) -> Any:
        """Slope of max(0, z); [0, 1] for a ball that holds zero."""
        return self._each(lambda entry: arb(int(entry > 0)) if entry > 0 or entry < 0 else arb(0.5, 0.5), z)


@lru_cache(maxsize=16)  # every entry of a matrix is asked for by itself
def _exponential(generator: Generator, bits: int) -> Any:
    return Ball().lift(generator.matrix).exp()


def _side_by_side(products: Sequence[tuple[Operator, Any]]) -> Any:
    """Rows of matrices as one matrix."""
    columns = max(v.ncols() for _, v in products)
    rows: list[list[Any]] = [[0] * columns for _ in range(products[0][0].shape[0])]
    for op, v in products:
        held = widened(v, columns).tolist()
        for i, source in enumerate(op.sources.tolist()):  # type: ignore[attr-defined]
            if source >= 0:
                rows[i] = held[source]
    return arb_mat(len(rows), columns, [entry for row in rows for entry in row])


def _softplus(z: Any) -> Any:
    """log(1 + e^z) with terms that neither overflow nor cancel: rising, so that its ends enclose a wide ball."""
    ends = [end.max(arb(0)) + (-abs(end)).exp().log1p() for end in (z.lower(), z.upper())]
    return ends[0].union(ends[1])


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda z: z.tanh(),
    "logistic": lambda z: 1 / (1 + (-z).exp()),
    "softplus": _softplus,
    "erf": lambda z: z.erf(),
    "sin": lambda z: z.sin(),
    "cos": lambda z: z.cos(),
    "arctan": lambda z: z.atan(),
    "exp": lambda z: z.exp(),
    "expm1": lambda z: z.expm1(),
    "log": lambda z: z.log(),
    "sqrt": lambda z: z.sqrt(),
    "reciprocal": lambda z: 1 / z,
    "arctan-slope": lambda z: 1 / (1 + z * z),
    "erf-slope": lambda z: 2 / arb.pi().sqrt() * (-z * z).exp(),
    "normal-cdf": lambda z: (-z / arb(2).sqrt()).erfc() / 2,
    "normal-density": lambda z: (-z * z / 2).exp() / (2 * arb.pi()).sqrt(),
}
"""Elementary functions of one ball."""


def beside(parts: Sequence[Any]) -> Any:
    """Matrices of equal height side by side."""
    tables = [part.tolist() for part in parts]
    rows = [[entry for table in tables for entry in table[i]] for i in range(parts[0].nrows())]
    return arb_mat(parts[0].nrows(), sum(part.ncols() for part in parts), [e for row in rows for e in row])


def widened(v: Any, columns: int) -> Any:
    """A single column repeated."""
    if v.ncols() == columns:
        return v
    return arb_mat(v.nrows(), columns, [entry for entry in v.entries() for _ in range(columns)])


def upper_floats(v: Any) -> Array:
    """Upper bounds of |v| as float64, (units, columns).

    arb.abs_upper rounds up to the working precision; the conversion to float64 may round down by half an ulp, which
    nextafter undoes. An exact zero (a silent ReLU) stays zero.
    """
    entries = v.entries()
    bounds = np.array([float(entry.abs_upper()) for entry in entries])
    zero = np.array([entry == 0 for entry in entries], dtype=bool)
    above: Array = np.where(zero, 0.0, np.nextafter(bounds, np.inf))
    return above.reshape(v.nrows(), v.ncols())


def lower_floats(v: Any) -> Array:
    """Lower bounds of |v| as float64, (units, columns)."""
    bounds = np.array([float(entry.abs_lower()) for entry in v.entries()])
    below: Array = np.maximum(np.nextafter(bounds, -np.inf), 0.0)
    return below.reshape(v.nrows(), v.ncols())


def middles(v: Any) -> Array:
    """Midpoints rounded to float64, (units, columns)."""
    return np.array([float(entry.mid()) for entry in v.entries()]).reshape(v.nrows(), v.ncols())
