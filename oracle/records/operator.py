"""Linear operators of a record: formal sums of (diagonal) (dense) (diagonal), kept as written.

The terms are not combined, because they are the *atoms* of the tolerance: 1 - alpha stays {1} + {-alpha}, and a program
that writes h + alpha (s - h) rounds at the size of |h| + alpha|h|, not of (1 - alpha)|h|. Equality combines them.
A dense -I/tau would cost N^2 and count N roundings, so scalars and diagonals stay what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any

import numpy as np

from oracle.records.exact import Array, Constant, Diagonal, combination, exact_object, objects

ONE = Fraction(1)


def is_zero(factor: Diagonal) -> bool:
    """Whether a scalar or diagonal vanishes identically."""
    return not np.any(factor != 0) if isinstance(factor, np.ndarray) else bool(factor == 0)


def is_one(factor: Diagonal) -> bool:
    """Whether a factor is the scalar 1; a vector of ones does not count."""
    return not isinstance(factor, np.ndarray) and bool(factor == ONE)


def spread(factor: Diagonal, size: int) -> Array:
    """The diagonal as a vector of the given size."""
    return factor if isinstance(factor, np.ndarray) else objects([factor] * size)


@dataclass(frozen=True, eq=False)
class Term:
    """diag(left) dense diag(right); `dense` None is the identity."""

    left: Diagonal
    dense: Array | None
    right: Diagonal


@dataclass(frozen=True, eq=False)
class Operator:
    """A (rows, columns) matrix as a formal sum of terms; no term at all is the zero operator."""

    shape: tuple[int, int]
    terms: tuple[Term, ...]

    @staticmethod
    def zero(rows: int, columns: int) -> Operator:
        """The zero operator."""
        return Operator((rows, columns), ())

    @staticmethod
    def diagonal(factor: Diagonal, size: int) -> Operator:
        """A scalar multiple of the identity, or a diagonal matrix."""
        return Operator((size, size), (Term(factor, None, ONE),))

    @staticmethod
    def dense(matrix: Array) -> Operator:
        """A dense matrix of exact numbers."""
        return Operator((matrix.shape[0], matrix.shape[1]), (Term(ONE, matrix, ONE),))

    def __add__(self, other: Operator) -> Operator:
        return Operator(self.shape, self.terms + other.terms)

    def scaled(self, left: Diagonal) -> Operator:
        """diag(left) times the operator, term by term."""
        return Operator(self.shape, tuple(Term(left * t.left, t.dense, t.right) for t in self.terms))

    def times_diagonal(self, right: Diagonal) -> Operator:
        """The operator times diag(right), term by term."""
        return Operator(self.shape, tuple(Term(t.left, t.dense, t.right * right) for t in self.terms))

    def __matmul__(self, other: Operator) -> Operator:
        """The exact product; a product of two dense factors is multiplied out."""
        terms = []
        for a in self.terms:
            for b in other.terms:
                middle = a.right * b.left
                if a.dense is None:
                    terms.append(Term(a.left * middle, b.dense, b.right))
                elif b.dense is None:
                    terms.append(Term(a.left, a.dense, middle * b.right))
                else:
                    inner = exact_object(a.dense) * middle
                    terms.append(Term(a.left, inner @ exact_object(b.dense), b.right))
        return Operator((self.shape[0], other.shape[1]), tuple(terms))

    def apply(self, vector: Array) -> Array:
        """The exact product with a vector of exact numbers."""
        total = objects([Fraction(0)] * self.shape[0])
        for t in self.terms:
            inner = t.right * exact_object(vector)
            total = total + t.left * (inner if t.dense is None else exact_product(t.dense, inner))
        return total

    @property
    def is_diagonal(self) -> bool:
        """Whether every term is a multiple of the identity or a diagonal."""
        return all(t.dense is None for t in self.terms)

    @property
    def is_identity(self) -> bool:
        """Whether this is one term, and it is the scalar 1."""
        t = self.terms[0] if len(self.terms) == 1 else None
        return t is not None and t.dense is None and is_one(t.left) and is_one(t.right)

    def diagonal_factor(self) -> Diagonal:
        """The operator as one scalar or diagonal; only for `is_diagonal` operators. Not to be written into."""
        return self._factor

    @cached_property
    def _factor(self) -> Diagonal:
        total: Diagonal = Fraction(0)
        for i, t in enumerate(self.terms):
            factor = t.left if is_one(t.right) else t.left * t.right
            total = total + factor if i else factor
        if isinstance(total, np.ndarray) and all(entry == total[0] for entry in total[1:]):
            return total[0] if total.size else Fraction(0)
        return total

    @cached_property
    def expanded(self) -> Array:
        """Every entry as an exact number."""
        rows, columns = self.shape
        total = np.full(self.shape, Fraction(0), dtype=object)
        for t in self.terms:
            if t.dense is None:
                index = np.arange(rows)
                total[index, index] = total[index, index] + spread(t.left, rows) * spread(t.right, rows)
            else:
                total = total + spread(t.left, rows)[:, None] * exact_object(t.dense) * spread(t.right, columns)
        return total

    def row(self, i: int) -> tuple[Any, ...]:
        """Row i as exact numbers, without expanding the rest."""
        total = objects([Fraction(0)] * self.shape[1])
        for t in self.terms:
            left = t.left[i] if isinstance(t.left, np.ndarray) else t.left
            if t.dense is None:
                total[i] += left * (t.right[i] if isinstance(t.right, np.ndarray) else t.right)
            else:
                total = total + left * exact_object(t.dense[i]) * t.right
        return tuple(total)

    @cached_property
    def _combined(self) -> dict[Any, tuple[Any, ...]]:
        """Terms collected by dense factor: a sufficient, cheap key of equality."""
        rows, columns = self.shape
        parts: dict[Any, Any] = {}
        for t in self.terms:
            if t.dense is None:
                key: Any = None
                left: Diagonal = t.left * t.right
            else:
                right = t.right
                left = t.left
                if not isinstance(right, np.ndarray):
                    left, right = left * right, ONE
                key = (_fingerprint(t.dense), tuple(spread(right, columns)))
            parts[key] = parts[key] + left if key in parts else left
        return {key: tuple(spread(left, rows)) for key, left in parts.items() if not is_zero(left)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Operator):
            return NotImplemented
        if self.shape != other.shape:
            return False
        if self is other or self._combined == other._combined:
            return True
        if self.shape[0] and self.row(0) != other.row(0):
            return False
        return bool(np.all(self.expanded == other.expanded))

    def __hash__(self) -> int:
        return hash((self.shape, self.row(0) if self.shape[0] else ()))


@dataclass(frozen=True, eq=False)
class Copies(Operator):
    """Row i is entry `sources[i]` of the vector, or zero where that is negative: a program copies these numbers.

    Its term is the matrix of zeros and ones, for arithmetics that know of nothing else.
    """

    sources: Array

    @staticmethod
    def of(sources: Array, columns: int) -> Copies:
        """The operator that copies these entries of a vector of `columns` entries."""
        matrix = (sources[:, None] == np.arange(columns)).astype(np.float64)
        matrix.setflags(write=False)
        return Copies((len(sources), columns), (Term(ONE, matrix, ONE),), sources)


def only_copies(products: Sequence[tuple[Operator, Any]], *others: Any) -> bool:
    """Whether a sum of products does nothing but put entries of vectors side by side, so that nothing is rounded."""
    if any(others) or not products or not all(isinstance(op, Copies) for op, _ in products):
        return False
    used = np.sum([op.sources >= 0 for op, _ in products], axis=0)  # type: ignore[attr-defined]
    return bool(np.max(used, initial=0) <= 1)


def copied(products: Sequence[tuple[Operator, Array]]) -> Array:
    """The entries of the vectors side by side, (rows, columns)."""
    made = np.zeros((products[0][0].shape[0], max(v.shape[1] for _, v in products)), dtype=products[0][1].dtype)
    for op, v in products:
        rows = np.flatnonzero(op.sources >= 0)  # type: ignore[attr-defined]
        made[rows] = v[op.sources[rows]]  # type: ignore[attr-defined]
    return made


def _fingerprint(matrix: Array) -> Any:
    return matrix.tobytes() if matrix.dtype != object else tuple(matrix.ravel().tolist())


def exact_product(dense: Array, v: Array) -> Array:
    """dense @ v, exactly; v is (columns,) or (columns, k).

    Doubles times rationals are integers over one common denominator, which is far faster than fractions.
    """
    entries = v.ravel().tolist()
    if not dense.size:
        return np.full((dense.shape[0], *v.shape[1:]), Fraction(0), dtype=object)
    if dense.dtype == object or not all(isinstance(entry, Fraction) for entry in entries):
        rows, columns = exact_object(dense).tolist(), v.reshape(len(v), -1).T.tolist()
        return objects(combination(row, column) for row in rows for column in columns).reshape(
            (len(rows), *v.shape[1:])
        )
    mantissa, exponent = np.frexp(dense)
    numerators = (mantissa * 2.0**53).astype(np.int64).astype(object)
    exponent = np.where(mantissa == 0, exponent.max(), exponent)
    lowest = int(exponent.min())
    numerators = numerators << (exponent - lowest).astype(object)
    common = lcm(*(entry.denominator for entry in entries))
    scaled = objects(entry.numerator * (common // entry.denominator) for entry in entries).reshape(v.shape)
    unit = Fraction(2) ** (lowest - 53) / common
    total = numerators @ scaled
    return objects(unit * int(entry) for entry in total.ravel()).reshape(total.shape)


def sum_vectors(parts: tuple[Array, ...], size: int) -> Array:
    """The exact sum of a formal sum of vectors."""
    total = objects([Fraction(0)] * size)
    for part in parts:
        total = total + exact_object(part)
    return total


def constant_free(values: Array) -> bool:
    """Whether no entry carries a transcendental constant."""
    return not any(isinstance(entry, Constant) for entry in values.ravel().tolist()) if values.dtype == object else True
