"""tanh of a number known as head + tail, as head + tail, to about 2^-58 of its value: table and addition theorem.

With c = j/256 nearest to the head, T + t = tanh(c) from a table made in balls, and delta = head - c + tail,

    tanh(c + delta) = T + t + delta - delta (T^2 + w)/(1 + w),    w = T delta + (delta coth(delta) - 1)
    delta coth(delta) - 1 = delta^2/3 - delta^4/45 + .. (2 delta^6/945 < 2^-61 is left out)

head - c is exact, and the last term is at most 2^-8.8 (T^2 + |T delta| + delta^2/3). Error, for |tail| <= 2^-12 and
u = 2^-53: T for T + t in the last term 2^-60.8 T^2; delta rounded 2^-61.8 T^2; nine more roundings
2^-59.4 T^2 + 2^-67 |T delta| + 2^-68 |delta|; what is left out 2^-63 |delta|; assembling the tail 2^-61.8 T^2 + 2u
|tail|. As T^2 <= 1.01 |tanh| and |delta| <= 1.3 |tanh| + |tail|, the sum is below 2^-58 |tanh| + 2^-51 |tail|.
Beyond |z| = 22 tanh is 1 to within 2^-62, and the head is clipped. numpy.tanh is not used: nobody has proved its error.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from flint import arb

from oracle.arithmetic.ball import precision
from oracle.records.exact import Array

SPACING = 256  # points per unit
FARTHEST = 22  # 1 - tanh(22) = 2 e^-44 < 2^-62
LARGEST_TAIL = 2.0**-12
RELATIVE = 2.0**-58
TAILS = 2.0**-51
LAST = 1 / 45  # of the series of delta coth(delta)
TABLE_BITS = 160


@lru_cache(maxsize=1)
def table() -> tuple[Array, Array, Array]:
    """tanh(j/256) for j = -22*256 .. 22*256: heads and tails, and 1 - tanh^2; each rounded to nearest. About 30 ms."""
    rows = []
    with precision(TABLE_BITS):
        for j in range(SPACING * FARTHEST + 1):
            value = (arb(j) / SPACING).tanh()
            head = float(value)
            rows.append((head, float(value - head), float(1 - value * value)))
    half = np.array(rows)
    heads, tails, slopes = np.concatenate([half[:0:-1] * [-1, -1, 1], half]).T.copy()
    return heads, tails, slopes


def tanh_of(head: Array, tail: Array, error: Array) -> tuple[Array, Array, Array]:
    """Head, tail and error of tanh at head + tail, itself known to within `error`; tail and error may broadcast.

    Where |tail| > 2^-12 the sum is renormalised first.
    """
    heads, tails, _ = table()
    spread = np.abs(tail).max(axis=0, keepdims=True) if np.ndim(tail) else np.abs(tail)
    if not np.all(spread <= LARGEST_TAIL):
        head, tail = two_sum(head, tail)
        spread = np.minimum(np.abs(tail).max(axis=0, keepdims=True), LARGEST_TAIL)  # what is larger is clipped below
    if not np.all(np.abs(head) <= FARTHEST):
        tail = np.where(np.abs(head) <= FARTHEST, tail, 0.0)
        head = np.clip(head, -FARTHEST, FARTHEST)
    j = np.rint(head * SPACING)
    delta = head - j * (1.0 / SPACING)
    j += SPACING * FARTHEST
    with np.errstate(invalid="ignore"):
        index = j.astype(np.intp)
    T, t = np.take(heads, index, mode="clip"), np.take(tails, index, mode="clip")
    result = T + delta
    t += delta - (result - T)
    t += tail
    delta += tail
    square = delta * delta
    square *= 1 / 3 - square * LAST
    squared = T * T
    T *= delta
    T += square  # w
    square = squared + T
    square *= delta
    T += 1.0
    square /= T
    t -= square
    slope = 1.013 - 1.013 * squared  # sech^2 within 2^-8.8 of the grid point is at most e^(2^-7.8) times its value
    slope += 2.0**-40 + error  # 1 - T^2 as computed; the slope changes by less than 0.8 per unit
    slope *= error
    slope += np.abs(result) * RELATIVE
    slope += spread * TAILS
    return result, t, slope


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """s + e = a + b exactly, s rounded (D. Knuth, The Art of Computer Programming 2, section 4.2.2)."""
    s = a + b
    bb = s - a
    e = (a - (s - bb)) + (b - bb)
    return s, e
