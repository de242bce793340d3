"""A record in limbs: its coefficients as digits, and the bound of what one compiled step is off by.

Float64 weights are exact in a few limbs; 1 - alpha, dt/tau, biases and inputs are rounded to the nearest of m limbs,
which costs at most CUT ulp(m) each (`limb_steps` says what that does to a step). An operator with more than one dense
term, or with a factor for each column, is multiplied out and rounded in as many limbs as the state has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, log2
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.suprema import steepest_slope
from oracle.kernels.limb_loops import matvec_error
from oracle.kernels.limb_squash import nearest
from oracle.kernels.limb_steps import KINDS, Linear, Sizes, activation_error, follow, linear_error, tables, work_space
from oracle.kernels.limbs import (
    CUT,
    LARGEST,
    RADIX,
    Split,
    Unsuited,
    from_integers,
    split_floats,
    to_integers,
    ulp_bits,
)
from oracle.records.exact import Array, Constant, Diagonal, exact_object
from oracle.records.lure import Lure
from oracle.records.operator import Operator, is_zero, spread, sum_vectors

_UP = 1 + 2.0**-40  # covers the roundings of sums of up to 2^10 float64 numbers, all positive
_SPARE_BITS = 64


def integer(value: Any, bits: int) -> int:
    """An integer within 0.501 of 2^bits value."""
    if isinstance(value, Constant):
        with precision(bits + _SPARE_BITS):
            return nearest(Ball().number(value), bits)
    number = Fraction(value)
    return ((number.numerator << (bits + 1)) // number.denominator + 1) >> 1


def digits(values: Array, m: int) -> Array:
    """Exact numbers, flattened, as (m, count) within CUT ulp(m)."""
    bits = ulp_bits(m)
    return from_integers([integer(value, bits) for value in values.ravel().tolist()], m)


def size(value: Any) -> float:
    """|value| rounded up."""
    if isinstance(value, Constant):
        with precision(_SPARE_BITS):
            return float(Ball().number(value).abs_upper()) * _UP
    return abs(float(value)) * _UP


def split_exact(matrix: Array, most: int) -> Split:
    """A matrix of exact numbers; float64 without rounding where `most` limbs suffice."""
    if matrix.dtype != object:
        return split_floats(matrix, most)
    largest = max((size(value) for value in matrix.ravel().tolist()), default=0.0)
    if not largest < LARGEST:
        raise Unsuited("a coefficient is too large for the integer limb")
    scale = ceil(log2(largest)) + 2 if largest else 0
    whole = [integer(value, RADIX * most - scale) for value in matrix.ravel().tolist()]
    made = from_integers(whole, most + 1)[1:].reshape(most, *matrix.shape)
    return Split(made, scale, CUT * 2.0 ** (-RADIX * most))


@dataclass(frozen=True)
class Map:
    """A linear map in `limbs` limbs, for some number of columns."""

    linear: Linear
    sizes: Sizes
    diagonal: float  # sup |diag|

    @staticmethod
    def of(op: Operator, limbs: int, columns: int, square: bool) -> Map:
        """`square`: a diagonal part is kept apart; rectangular maps are dense."""
        rows = op.shape[0]
        terms = [t for t in op.terms if not is_zero(t.left) and not is_zero(t.right)]
        diagonal: Diagonal = Fraction(0)
        for t in terms:
            diagonal = diagonal + t.left * t.right if t.dense is None else diagonal
        dense = [t for t in terms if t.dense is not None]
        left: Diagonal = Fraction(1)
        matrix: Array | None = None
        if not square and terms and (len(dense) != len(terms)):
            matrix, diagonal = op.expanded, Fraction(0)
        elif len(dense) == 1 and not isinstance(dense[0].right, np.ndarray):
            matrix, left = dense[0].dense, dense[0].left * dense[0].right
        elif dense:
            matrix = Operator(op.shape, tuple(dense)).expanded
        split = None if matrix is None or not matrix.size else split_exact(matrix, limbs)
        return Map._made(split, left, diagonal, (limbs, rows, columns))

    @staticmethod
    def _made(split: Split | None, left: Diagonal, diagonal: Diagonal, extent: tuple[int, int, int]) -> Map:
        limbs, rows, columns = extent
        absent = np.zeros((limbs, 1), np.int32)
        one = not isinstance(left, np.ndarray) and left == 1
        none = is_zero(diagonal)
        identity = not isinstance(diagonal, np.ndarray) and diagonal == 1
        linear = Linear(
            int(split is not None),
            int(split is not None and not one),
            0 if none else 2 if identity else 1,
            0 if split is None else split.scale,
            np.zeros((1, 0, 0), np.int32) if split is None else np.ascontiguousarray(split.digits.transpose(0, 2, 1)),
            absent if split is None or one else lanes(left, rows, columns, limbs),
            absent if none or identity else lanes(diagonal, rows, columns, limbs),
        )
        sums = 0.0 if split is None else _row_sums(split)
        left_out = 0.0 if split is None else matvec_error(split.digits)
        largest = [max(map(size, spread(f, rows).tolist()), default=0.0) for f in (left, diagonal)]
        return Map(linear, Sizes(0.0 if split is None else split.missing, sums, largest[0], left_out), largest[1])

    def cut(self, m: int) -> Map:
        """The same in fewer limbs."""
        parts: dict[str, Any] = {
            name: np.ascontiguousarray(getattr(self.linear, name)[:m]) for name in ("dense", "left", "diag")
        }
        dropped = max(self.sizes.missing, CUT * 2.0 ** (-RADIX * m)) if len(self.linear.dense) > m else None
        sizes = self.sizes if dropped is None else self.sizes._replace(missing=dropped)
        return Map(self.linear._replace(**parts), sizes, self.diagonal)

    def error(self, V: float, m: int) -> float:
        """ulp(m), for an exact vector of entries at most V."""
        return linear_error(self.linear, self.sizes, V, m)

    @property
    def norm(self) -> float:
        """Infinity norm, rounded up."""
        left = self.sizes.left if self.linear.left_on else 1.0
        return (left * self.sizes.row_sum + self.diagonal) * _UP


def _row_sums(split: Split) -> float:
    weights = 2.0 ** (split.scale - RADIX * np.arange(1.0, len(split.digits) + 1))
    entries = np.abs(np.tensordot(weights, split.digits.astype(np.float64), 1)) + split.missing * 2.0**split.scale
    return float(np.max(np.sum(entries, axis=1), initial=0.0)) * _UP


def lanes(values: Diagonal, rows: int, columns: int, limbs: int) -> Array:
    """One number per row, repeated for every column: (limbs, columns rows)."""
    return np.ascontiguousarray(np.tile(digits(spread(values, rows), limbs), (1, columns)))


@dataclass(frozen=True)
class Steps:
    """A record and its inputs in m limbs, ready to run.

    Attributes
    ----------
    x : ndarray
        (steps, limbs, columns I); exact unless `x_error`, in absolute terms, is positive.
    """

    activation: str
    maps: dict[str, Map]
    b: Array
    c: Array
    x: Array
    x_error: float
    x_size: float
    columns: int
    m: int

    @staticmethod
    def of(p: Lure, inputs: Sequence[Array], columns: int, m: int) -> Steps:
        """Everything in m limbs.

        Raises
        ------
        Unsuited
            Numbers beyond the range of the integer limb, or weights below 2^-900.
        """
        units = p.W.shape[0]
        square = {name: getattr(p, name).shape[0] == getattr(p, name).shape[1] for name in "ABW"}
        maps = {name: Map.of(getattr(p, name), m, columns, square.get(name, False)) for name in "ABWME"}
        b, c = (lanes(sum_vectors(v, n), n, columns, m) for v, n in ((p.b, units), (p.c, p.state_size)))
        x, missing, largest = _inputs(inputs, columns, m)
        return Steps(p.activation, maps, b, c, x, missing, largest, columns, m)

    def cut(self, m: int) -> Steps:
        """The same in fewer limbs."""
        if m >= self.m:
            return self
        maps = {name: map.cut(m) for name, map in self.maps.items()}
        error = CUT * 2.0 ** -ulp_bits(m) if self.x.shape[1] > m else 0.0
        b, c, x = np.ascontiguousarray(self.b[:m]), np.ascontiguousarray(self.c[:m]), self.x[:, :m]
        return Steps(self.activation, maps, b, c, x, self.x_error + error, self.x_size, self.columns, m)

    def run(self, h: Array, start: int, count: int) -> tuple[Array, Array, int]:
        """States (count, m, columns N) after h (m, columns N), arguments of s in float64, the largest integer part."""
        x = np.ascontiguousarray(self.x[start : start + count])
        states, z = np.empty((count, *h.shape), np.int32), np.empty((count, self.b.shape[1]))
        linear = (self.maps[name].linear for name in "ABWME")
        given = (KINDS[self.activation], h, x, self.columns, *linear, self.b, self.c, *self._kept, states, z)
        top = follow(*given)
        return states, z, int(top)

    @cached_property
    def _kept(self) -> tuple[Any, Any]:
        return tables(self.activation, self.m), work_space(self.m, self.b.shape[1])

    def z_error(self, V: float) -> float:
        """|z computed - z of the computed state|, ulp(m), for |h| <= V."""
        x_error = self.x_error * 2.0 ** ulp_bits(self.m) if self.x_error else 0.0
        error = self.maps["W"].error(V, self.m) + self.maps["M"].error(self.x_size, self.m)
        return (error + self.maps["M"].norm * x_error + CUT + 0.5) * _UP

    def error(self, V: float) -> float:
        """delta: |one step computed - one step of the equation|, entry by entry, in ulp(m), for |h| <= V."""
        bounded = self.activation in ("tanh", "logistic")
        slope = float(steepest_slope(self.activation))
        x_error = self.x_error * 2.0 ** ulp_bits(self.m) if self.x_error else 0.0
        s = slope * self.z_error(V) + activation_error(self.activation, self.m)
        error = self.maps["A"].error(V, self.m) + self.maps["E"].error(self.x_size, self.m)
        error += self.maps["B"].error(1.01 if bounded else V, self.m) + self.maps["B"].norm * s
        return (error + self.maps["E"].norm * x_error + CUT + 0.5 + 1) * _UP


def _inputs(inputs: Sequence[Array], columns: int, m: int) -> tuple[Array, float, float]:
    """Digits (steps, limbs, columns I), their error and their size."""
    if not inputs or not inputs[0].size:
        return np.zeros((len(inputs), 1, 0), np.int32), 0.0, 0.0
    X = np.stack([x.T.ravel() for x in inputs])
    if X.dtype == object:
        made = digits(X, m).reshape(m, *X.shape)
        error, largest = CUT * 2.0 ** -ulp_bits(m), max(map(size, X.ravel().tolist()))
    else:
        split = split_floats(X, m, RADIX)
        made, error, largest = split.digits, split.missing * 2.0**RADIX, float(np.max(np.abs(X))) * _UP
    return np.ascontiguousarray(made.transpose(1, 0, 2)), error, largest


def initial(h0: Array, m: int) -> tuple[Array, bool]:
    """h0 (N, columns) as digits (m, columns N), and whether nothing was rounded."""
    values = exact_object(h0.T)
    made, bits = digits(values, m), ulp_bits(m)
    exact = (Fraction(v, 1 << bits) for v in to_integers(made))
    return made, all(a == b for a, b in zip(exact, values.ravel().tolist(), strict=True))
