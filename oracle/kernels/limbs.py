"""Fixed-point numbers in limbs: balanced digits of 28 bits in int32, the limb outermost, so that lanes are contiguous.

    value = sum_{p=0}^{m-1} d_p 2^{-28 p},   |d_p| <= 2^27 for p >= 1, d_0 the integer part, |d_0| <= 2^26

One unit in the last place of m limbs is ulp(m) = 2^{-28(m-1)}. Products of two digits are at most 2^54, so that int64
holds sums of 511 of them. Numbers leave and enter as Python integers in units of ulp(m), exactly.

    cut      the first m of more limbs: what is left out is at most 2^27 2^{-28 m} (1 + 2^-27) < CUT ulp(m)
    dense    a matrix is 2^s sum_{a=1}^{w} D_a 2^{-28 a}, |W| <= 2^{s-1}: a float64 matrix is exact in 2 to 4 limbs
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array

RADIX = 28
HALF = 1 << (RADIX - 1)
LARGEST = 1 << 26
"""Integer parts beyond it are refused: sums of products of digits have to fit 63 bits."""
CUT = 0.51
"""ulp: rounding one number to nearest, or leaving out its last limbs; 1/2, and room for how tables are made."""
MOST_LIMBS = 256  # 7,100 bits; sums of as many products of digits fit int64 with room for carries
FEWEST_LIMBS = 4
_SMALLEST = 2.0**-900  # of a weight, unless it is zero: below it the exact splitting would meet underflow


class Unsuited(ArithmeticError):
    """The numbers do not fit this engine; another one has to take them."""


class Split(NamedTuple):
    """values = 2^scale sum_{a=1}^{w} digits[a-1] 2^{-28 a} + rest, |rest| <= missing 2^scale entry by entry."""

    digits: Array
    scale: int
    missing: float


def compiler() -> bool:
    """Whether numba is installed."""
    try:
        import_module("numba")
    except ImportError:
        return False
    return True


def demanded() -> BadInput:
    """What is said when the engine was asked for by name and numba is not there."""
    return BadInput(
        'engine is "limbs", and numba is not installed.',
        "the limb engine is compiled by numba, which is the optional extra `fast`.",
        'pip install "rnn-oracle[fast]"; or leave engine out: balls give the same digits, more slowly.',
    )


def ulp_bits(m: int) -> int:
    """-log2 ulp(m)."""
    return RADIX * (m - 1)


def limbs_for(bits: float) -> int:
    """The fewest limbs whose last place is 2^-bits or smaller."""
    return max(FEWEST_LIMBS, 1 + int(-(-bits // RADIX)))


def _offset(m: int) -> int:
    return sum(HALF << (RADIX * p) for p in range(m))


def from_integers(values: Sequence[int], m: int) -> Array:
    """Integers in units of ulp(m) as digits (m, len(values)).

    v + sum 2^27 2^{28 p} has the plain digits d + 2^27: two of them are seven bytes.

    Raises
    ------
    Unsuited
        |v| is not below 2^26.
    """
    pairs, offset, limit = (m + 1) // 2, _offset(m), LARGEST << ulp_bits(m)
    if any(abs(v) >= limit for v in values):
        raise Unsuited("a number is too large for the integer limb")
    raw = b"".join((v + offset).to_bytes(7 * pairs, "little") for v in values)
    groups = np.zeros((len(values), pairs, 8), np.uint8)
    groups[:, :, :7] = np.frombuffer(raw, np.uint8).reshape(len(values), pairs, 7)
    words = groups.view(np.uint64)[:, :, 0]
    plain = np.stack([words & np.uint64(2**RADIX - 1), words >> np.uint64(RADIX)], axis=2).reshape(len(values), -1)
    return np.ascontiguousarray((plain[:, :m].astype(np.int64) - HALF).astype(np.int32).T[::-1])


def to_integers(digits: Array) -> list[int]:
    """Digits (m, n) within [-2^27, 2^27) as integers in units of ulp(m)."""
    m, n = digits.shape
    pairs, offset = (m + 1) // 2, _offset(m)
    plain = np.zeros((n, 2 * pairs), np.uint64)
    plain[:, :m] = (digits[::-1].T.astype(np.int64) + HALF).astype(np.uint64)
    words = plain[:, ::2] | (plain[:, 1::2] << np.uint64(RADIX))
    raw = np.ascontiguousarray(words).view(np.uint8).reshape(n, pairs, 8)[:, :, :7].tobytes()
    size, read = 7 * pairs, int.from_bytes
    return [read(raw[i : i + size], "little") - offset for i in range(0, n * size, size)]


def split_floats(values: Array, most: int, scale: int | None = None) -> Split:
    """Float64 numbers in at most `most` limbs after the point of 2^scale; every operation here is exact.

    Raises
    ------
    Unsuited
        Numbers so large or so small that float64 would round.
    """
    sizes = np.abs(values[values != 0])
    if sizes.size and not (sizes.min() >= _SMALLEST and sizes.max() < float(LARGEST)):
        raise Unsuited("a number is too large or too small for exact splitting")
    if scale is None:
        scale = int(np.frexp(sizes.max())[1]) + 1 if sizes.size else 0
    rest, digits = np.ldexp(values, -scale), list[Array]()
    while len(digits) < most and (np.any(rest) or not digits):
        rest = rest * 2.0**RADIX
        nearest = np.rint(rest)
        digits.append(nearest.astype(np.int32))
        rest = rest - nearest
    missing = float(np.max(np.abs(rest), initial=0.0)) * 2.0 ** (-RADIX * len(digits))
    return Split(np.ascontiguousarray(np.stack(digits)), scale, missing)
