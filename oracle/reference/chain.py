"""Centres and errors that can be checked without balls: see `certificate` for the recursion and its norm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm, log2
from typing import Any

import numpy as np
from flint import arb

from oracle.arithmetic.ball import Ball, precision
from oracle.equations.catalogue import advance
from oracle.records.exact import Array, objects
from oracle.records.lure import Lure
from oracle.records.names import parsed
from oracle.records.recurrence import Recurrence
from oracle.reference.enclosure import exact, to_mpf
from oracle.reference.limits import MOST_BITS, NotReached, bits_for
from oracle.reference.weighted import perron

CONSTANT_BITS = 64  # q is a multiple of 2^-64
SLOPES = {
    **dict.fromkeys(("tanh", "relu", "hardtanh", "elu", "softplus", "arctan"), (Fraction(0), Fraction(1))),
    **dict.fromkeys(("identity", "leaky-relu"), (Fraction(1),)),
    **dict.fromkeys(("gelu", "gelu-tanh"), (Fraction(-13, 100), Fraction(113, 100))),
    "silu": (Fraction(-1, 10), Fraction(11, 10)),
    "erf": (Fraction(0), Fraction(113, 100)),
    "sin": (Fraction(-1), Fraction(1)),
    "logistic": (Fraction(0), Fraction(1, 4)),
}
"""Ends of the range of s', beside a slope of their own (leaky relu, elu): as in the checker."""
ERROR_BITS = 32  # errors are multiples of 2^-(bits + 32)
_WEIGHT_BITS = 16  # weights are whole numbers up to 2^16
_SPARE_BITS = 64  # of one step, so that the centre's rounding is all that counts
_MARGIN = 2  # multiples of 2^-(bits + 32) for the checker's own enclosure of the activation, which is 2^32 times finer


@dataclass(frozen=True)
class Chain:
    """Centres in multiples of 2^-bits, errors and rounding bounds in multiples of 2^-(bits + 32)."""

    centres: list[list[int]]
    errors: list[int]
    rounding: list[int]


def norm(lure: Lure) -> tuple[list[int], Fraction]:
    """Whole weights, and the least q for the norm that they give."""
    G, over = _sizes(lure)
    v = perron((G / over).astype(np.float64))
    weights = [max(1, round(float(entry) * (1 << _WEIGHT_BITS))) for entry in v]
    rows = zip((G @ objects(weights)).tolist(), weights, strict=True)
    unit = 1 << CONSTANT_BITS
    return weights, Fraction(max(ceil(Fraction(total * unit, over * w)) for total, w in rows), unit)


def slopes(activation: str) -> tuple[Fraction, Fraction]:
    """The range of s' that the checker knows: it contains that of `suprema.bounded_slopes`."""
    family, parameters = parsed(activation)
    own = [value for value in parameters if value is not None] if family in ("leaky-relu", "elu") else []
    ends = [*SLOPES[family], *own]
    return min(ends), max(ends)


def _sizes(lure: Lure) -> tuple[Array, int]:
    """G >= |A + B D W| for D diagonal with entries in the range of s': whole numbers (N, N) over one denominator."""
    (A, of_A), (B, of_B), (W, of_W) = (_whole(op.expanded) for op in (lure.A, lure.B, lure.W))
    low, high = slopes(lure.activation)
    centre, radius = (low + high) / 2, (high - low) / 2
    over = lcm(of_A, of_B * of_W) * lcm(centre.denominator, radius.denominator)
    A, through = A * (over // of_A), (B @ W) * (over // (of_B * of_W))
    sizes = (np.abs(B) @ np.abs(W)) * (over // (of_B * of_W))
    return np.abs(A + _share(through, centre)) + _share(sizes, radius), over


def _share(values: Array, factor: Fraction) -> Array:
    """Multiples of the factor's denominator times the factor."""
    return values * factor.numerator // factor.denominator


def _whole(matrix: Array) -> tuple[Array, int]:
    """Fractions as whole numbers over their common denominator."""
    common = lcm(*(entry.denominator for entry in matrix.ravel()))
    scaled = objects(entry.numerator * (common // entry.denominator) for entry in matrix.ravel())
    return scaled.reshape(matrix.shape), common


def bits_needed(digits: int, weights: list[int], q: Fraction, steps: int) -> int:
    """Enough for the goal: see the head of the file; a factor 4 for what is added to the rounding of centres."""
    growth = max(log2(q), 0.0) if q else 0.0
    bits = bits_for(digits) + ceil(log2(max(weights) / min(weights)) + steps * growth + log2(steps + 1)) + 2
    if bits <= MOST_BITS:
        return bits
    raise NotReached(
        f"a certificate of {digits} digits over {steps} steps would need {bits} bits; the limit is {MOST_BITS}.",
        f"its error bound grows by {float(q):.3g} a step, whatever the trajectory does.",
        "ask for fewer steps, or use oracle.reference, which follows the slopes of this trajectory.",
        bits=bits,
    )


def follow(rec: Recurrence, inputs: tuple[Array, ...], h0: Array, weights: list[int], q: Fraction, bits: int) -> Chain:
    """Centres and errors step by step."""
    fine = 1 << (bits + ERROR_BITS)
    exact_start = [Fraction(entry) for entry in h0.ravel().tolist()]
    centres = [[round(entry * (1 << bits)) for entry in exact_start]]
    off = [abs(h - Fraction(y, 1 << bits)) for h, y in zip(exact_start, centres[0], strict=True)]
    errors, rounding = [ceil(max(o / w for o, w in zip(off, weights, strict=True)) * fine)], []
    for x in inputs:
        balls = _step(rec, centres[-1], x, bits)
        middles = [_fraction(ball.mid()) for ball in balls]
        centre = [round(m * (1 << bits)) for m in middles]
        rows = zip(middles, balls, centre, weights, strict=True)
        worst = max((abs(m - Fraction(y, 1 << bits)) + _fraction(ball.rad())) / w for m, ball, y, w in rows)
        centres.append(centre)
        rounding.append(ceil(worst * fine) + _MARGIN)
        errors.append(ceil(q * errors[-1]) + rounding[-1])
    return Chain(centres, errors, rounding)


def _step(rec: Recurrence, centre: list[int], x: Array, bits: int) -> list[Any]:
    """Phi(y, x) as balls with radii far below 2^-(bits + 32), whatever cancels."""
    y = objects(Fraction(entry, 1 << bits) for entry in centre)[:, None]
    for working in _precisions(bits):
        with precision(working):
            ops = Ball()
            balls: list[Any] = advance(ops, rec, ops.lift(y), ops.lift(x)).entries()
            if all(ball.rad() < arb(2) ** -(bits + ERROR_BITS + 1) for ball in balls):
                return balls
    raise NotReached(
        f"a step could not be evaluated to 2^-{bits} with {MOST_BITS} bits.",
        "the state is astronomically large: the recurrence diverges.",
        "ask for fewer steps.",
    )


def _precisions(bits: int) -> Iterator[int]:
    working = bits + _SPARE_BITS
    while working <= 2 * MOST_BITS:
        yield working
        working *= 2


def _fraction(value: Any) -> Fraction:
    return exact(to_mpf(value))
