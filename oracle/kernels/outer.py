"""b s(z) at z = P + R to within eps, and what eps does to it: the outer activation of the kernel, rows are steps.

    tanh, logistic      from a table at the point c next to P, and a change that needs one division (`tables`)
    relu, identity      b P from halves of both; where relu's sign is in doubt both values are within eps of each other

For one b per unit the table holds s itself, with heads of 26 bits, so that their products with halves of b are exact.
Errors, u = 2^-53: of the change 6u (V and b, e, the sum with 1, product, quotient; others are at most 2^-8.8 of that),
the series 2^-60 and in the two subtractions 2u; one more for V b. Tails of products of halves are at most 2^-25 of the
head, and a dozen roundings of theirs below `HALVED`; Roundings of R are counted
with eps (`crossed`).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from oracle.arithmetic.pairs import Factor, factored
from oracle.arithmetic.tanh_table import LARGEST_TAIL, two_sum
from oracle.kernels.growths import STEEPER, UNITS
from oracle.kernels.tables import HALVER, shortened, table
from oracle.records.exact import Array, Diagonal

Buffer = Callable[..., Array]

HALVED = 2.0**-21  # of the head, in units of u
CURVED = 0.8  # sup |tanh''| = 0.77; the logistic's is smaller
BEYOND = 2.0**-61  # of |b|: what b s may still change beyond the end of the table


class Value(NamedTuple):
    """b s = head + change + tail; |b s| rounded, |b s'| (relu: z), and the error of all but eps in units of u.

    `far`: where the table ends before z, if anywhere.
    """

    head: Array
    change: Array | None
    tail: Array
    size: Array
    slope: Array
    error: Array
    far: Array | None = None


def rows_of(factor: Diagonal) -> Factor:
    """The parts of a coefficient as numbers, or as rows with one per unit."""
    made = factored(factor)
    return Factor(*(part.T for part in made)) if isinstance(factor, np.ndarray) else made


def halve(x: Array, high: Array, low: Array) -> None:
    """x = high + low with 26 bits each."""
    np.multiply(x, HALVER, out=high)
    np.subtract(high, x, out=low)
    high -= low
    np.subtract(x, high, out=low)


def narrowed(x: Array, out: Array) -> Array:
    """|x| in float32; two passes, because NumPy converts element by element where a function changes the type."""
    np.copyto(out, x, casting="same_kind")
    return np.abs(out, out=out)


class Curved:
    """tanh and the logistic."""

    crossed = 1

    def __init__(self, activation: str, b: Diagonal) -> None:
        self.rows = rows_of(b) if isinstance(b, np.ndarray) else None
        self.table = shortened(table(activation, Fraction(1))) if isinstance(b, np.ndarray) else table(activation, b)
        self.alike = bool(np.array_equal(self.table.head, self.table.T))  # b = 1
        # Adding it rounds to the points of the table, whose number is then in the last bits.
        self.shift = 1.5 * 2.0**52 / self.table.per_unit
        self.first = int(np.float64(self.shift).view(np.int64)) - len(self.table.T) // 2
        self.gain = np.abs((self.rows or rows_of(b)).high) * 1.01
        with np.errstate(over="ignore"):
            self.bend = np.asarray(CURVED * self.gain / UNITS).astype(np.float32)
            self.beyond = np.asarray(self.gain * UNITS * BEYOND).astype(np.float32)

    def value(self, P: Array, R: Array | None, buffer: Buffer) -> Value:
        """b s(P + R), R = 0 where there is none; P and R are overwritten."""
        values, (rows, N) = self.table, P.shape
        d, q, v = (buffer(name, rows, N) for name in "dqv")
        index = buffer("index", rows, N, np.intp)
        slope, size, error = (buffer(name, rows, N, np.float32) for name in ("slope", "size", "partial"))
        far = None
        if R is not None and not np.abs(R, out=q).max() <= LARGEST_TAIL:
            P[...], R[...] = two_sum(P, R)
        if not (P.max() <= values.farthest and P.min() >= -values.farthest):
            far = ~(np.abs(P, out=q) <= values.farthest)
            np.clip(P, -values.farthest, values.farthest, out=P)
        np.add(P, self.shift, out=q)
        np.subtract(q.view(np.int64), self.first, out=index, casting="same_kind")
        q -= self.shift
        np.subtract(P, q, out=d)
        if R is not None:
            d += R
        if values.stretch != 1.0:
            d *= values.stretch
        np.multiply(d, d, out=q)
        q *= -1 / 45
        q += 1 / 3
        q *= d
        T = np.take(values.T, index, out=buffer("T", rows, N), mode="clip")
        q += T
        q *= d
        q += 1.0
        np.take(values.slope, index, out=v, mode="clip")
        d *= v
        d /= q
        narrowed(v, slope)
        slope *= np.float32(values.stretch * STEEPER)
        head = T if self.alike else np.take(values.head, index, out=v, mode="clip")
        tail = np.take(values.tail, index, out=q, mode="clip")
        if self.rows is not None:
            self._gained(head, tail, d, slope, P)
        narrowed(np.add(head, d, out=P), size)
        narrowed(d, error)
        error *= np.float32(8 if self.rows is None else 10)
        if self.rows is not None:
            error += size * np.float32(HALVED)
        if far is not None:
            error += self.beyond
        return Value(head, d, tail, size, slope, error, far)

    def _gained(self, head: Array, tail: Array, change: Array, slope: Array, work: Array) -> None:
        """Multiply everything by the gains of the units."""
        b = self.rows
        assert b is not None
        change *= b.high + b.low
        tail *= b.high + b.low
        np.multiply(head, b.low + b.rest, out=work)
        tail += work
        head *= b.high
        slope *= np.abs(b.high).astype(np.float32)

    def reach(self, slope: Array, eps: Array, out: Array) -> Array | None:
        """How far b s may be off for z known to within eps, in units of u; where b s certainly is exactly 0."""
        np.multiply(eps, self.bend, out=out)
        out += slope
        out *= eps
        return None


class Linear:
    """relu and identity."""

    crossed = 3  # R in eight roundings, u|R| < eps / 6

    def __init__(self, activation: str, b: Diagonal) -> None:
        self.rectified, self.b = activation == "relu", rows_of(b)
        self.one = not isinstance(b, np.ndarray) and b == 1
        self.gain = np.asarray(np.abs(self.b.high) * (1 + 2.0**-20)).astype(np.float32)
        self.slope = np.asarray(np.abs(self.b.high) * (1 - 2.0**-20)).astype(np.float32)

    def value(self, P: Array, R: Array | None, buffer: Buffer) -> Value:
        """b s(P + R), R = 0 where there is none; P and R are overwritten."""
        rows, N = P.shape
        if R is None:
            R = buffer("zeros", rows, N)
            R.fill(0.0)
        slope, size, error = (buffer(name, rows, N, np.float32) for name in ("slope", "size", "partial"))
        if self.rectified:
            total = np.add(P, R, out=buffer("d", rows, N))
            slope[...] = total
            positive = total > 0  # the sign of P + R itself: a sum is rounded to nearest
            P *= positive
            R *= positive
        else:
            slope[...] = self.slope
        head, tail = (P, R) if self.one else self._gained(P, R, buffer)
        np.abs(head, out=size, casting="same_kind")
        np.multiply(size, np.float32(HALVED), out=error)
        return Value(head, None, tail, size, slope, error)

    def _gained(self, P: Array, R: Array, buffer: Buffer) -> tuple[Array, Array]:
        b, head, low = self.b, buffer("v", *P.shape), buffer("q", *P.shape)
        halve(P, head, low)
        low += R
        low *= b.high + b.low
        np.multiply(head, b.low + b.rest, out=R)
        low += R
        head *= b.high
        return head, low

    def reach(self, slope: Array, eps: Array, out: Array) -> Array | None:
        """The same as above; z in `slope` becomes |b s'|."""
        np.multiply(eps, self.gain, out=out)
        if not self.rectified:
            return None
        eps *= np.float32(2 / UNITS)
        on, off = slope > eps, slope <= -eps
        np.multiply(on, self.slope, out=slope)
        out *= ~off
        return np.asarray(off)


Outer = Curved | Linear


def outer(activation: str, b: Diagonal) -> Outer:
    """The evaluation of b s for one record."""
    return Linear(activation, b) if activation in ("relu", "identity") else Curved(activation, b)
