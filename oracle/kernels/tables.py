"""Tables of b s(c) for a scalar b, with which b s(c + d) needs one division.

    tanh        b tanh(c + d)  = b T + b V e / (e coth(e) + T e),       T = tanh(c),    V = 1 - T^2,      e = d
    logistic    b sigma(c + d) = b S + b V e / (e coth(e) + T e),       T = tanh(c/2),  V = (1 - T^2)/2,  e = d/2

(the addition theorem of tanh, D/(1 + T D) with D = tanh(e)). The points are those of `arithmetic.tanh_table`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from oracle.arithmetic import tanh_table
from oracle.arithmetic.pairs import Pair, Pairs
from oracle.records.exact import Array, Exact

HALF = Fraction(1, 2)
HALVER = 2.0**27 + 1  # Veltkamp's constant: rounds to 26 bits


class Table(NamedTuple):
    """head + tail = b s(c) to 2^-100 of it; T; b V with a relative error of 2u; e = `stretch` d.

    There are `per_unit` points per unit of z up to `farthest`, beyond which b s is its last value to within 2^-61 |b|.
    """

    head: Array
    tail: Array
    T: Array
    slope: Array
    stretch: float
    per_unit: int
    farthest: float


@lru_cache(maxsize=64)
def table(activation: str, gain: Exact) -> Table:
    """The table of b s for tanh or the logistic."""
    T, t, V = tanh_table.table()
    ops, value, stretch = Pairs(), Pair(T, t, 0.0), 1.0
    if activation == "logistic":
        value, stretch = ops.scale(HALF, ops.sum([ops.one(value), value])), 0.5
    scaled, slope = ops.scale(gain, value), ops.scale(gain, Pair(V * stretch, 0.0, 0.0))
    head = scaled.head + scaled.tail
    per_unit = int(tanh_table.SPACING * stretch)
    tail = (scaled.head - head) + scaled.tail
    return Table(head, tail, T, slope.head + slope.tail, stretch, per_unit, tanh_table.FARTHEST / stretch)


def shortened(full: Table) -> Table:
    """The same table with heads of 26 bits, and tails to 2^-79 of the value."""
    moved = full.head * HALVER
    head = moved - (moved - full.head)
    return full._replace(head=head, tail=(full.head - head) + full.tail)
