"""Activations with kinks, where s or one of its derivatives jumps.

    relu        max(0, z)                    identity    z
    leaky-relu  z, slope z below zero        hardtanh    z, kept between low and high
    elu         z, alpha (e^z - 1) below     square      gain max(0, z)^exponent, a supralinear unit
    softplus    with a threshold: z itself where beta z > threshold, a jump of log(1 + e^-threshold)/beta

A leaky relu is slope z + (1 - slope) max(0, z), elu alpha expm1(min(z, 0)) + max(0, z): max(0, .) is all that an
arithmetic has to know. Series refuse at a kink, and are taken region by region.

What a program is granted: relu and hardtanh round nothing (but parameters that are no whole numbers); a leaky relu and
a power round once per product and per parameter. elu for z < 0 may be alpha (e^z - 1): alpha (e + 2u) absolute.

Y. Ahmadian, D. Rubin and K. Miller, Analysis of the stabilized supralinear network, Neural Comput. 25 (2013).
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, exp, log1p
from typing import Any

import numpy as np

from oracle.equations.activations import ONE, WITHIN, ZERO, Activation, Piece, less, plus
from oracle.equations.activations_smooth import (
    INF,
    logistic_floats,
    softplus_error,
    softplus_size,
    softplus_slope,
    softplus_value,
)
from oracle.equations.interface import Arithmetic, V
from oracle.records.exact import Array


def constant(value: Fraction) -> Any:
    """A slope that does not change."""
    return lambda z: np.full_like(np.asarray(z, dtype=np.float64), float(value))


def exact(e: float, u: float, low: Array, size: Array) -> tuple[float, Any]:
    """Nothing is rounded."""
    return 0.0, 0.0


NOTHING = "rounds nothing"  # `exact` in words


def nothing(z: Array, value: Array) -> Array:
    """Nothing is rounded."""
    return np.zeros_like(value)


def rounded(times: int) -> Any:
    """That many roundings, relative to the value."""
    return lambda e, u, low, size: (times * u, 0.0)


def relu(name: str) -> Activation:
    """max(0, z)."""
    return Activation(
        name,
        lambda ops, z: ops.positive_part(z),
        lambda ops, s, z: ops.unit_step(z),
        (ZERO, ONE),
        (Piece(-INF, 0.0, constant(ZERO)), Piece(0.0, INF, constant(ONE))),
        exact,
        NOTHING,
        size=nothing,
        floats=lambda z: np.maximum(z, z.dtype.type(0)),
        kinks=(ZERO,),
        positively_homogeneous=True,
    )


def identity(name: str) -> Activation:
    """z."""
    return Activation(
        name,
        lambda ops, z: z,
        lambda ops, s, z: ops.one(z),
        (ONE, ONE),
        (Piece(-INF, INF, constant(ONE)),),
        exact,
        NOTHING,
        size=nothing,
        floats=lambda z: z,
        odd=True,
        positively_homogeneous=True,
    )


def leaky_relu(name: str, slope: Fraction) -> Activation:
    """z for z > 0, slope z for z < 0."""

    def value(ops: Arithmetic[V], z: V) -> V:
        return ops.sum([ops.scale(slope, z), ops.scale(1 - slope, ops.positive_part(z))])

    return Activation(
        name,
        value,
        lambda ops, s, z: plus(ops, ops.scale(1 - slope, ops.unit_step(z)), slope),
        (min(slope, ONE), max(slope, ONE)),
        (Piece(-INF, 0.0, constant(slope)), Piece(0.0, INF, constant(ONE))),
        rounded(3),
        "within 3u: its slope and the product rounded",
        floats=lambda z: np.where(z > 0, z, z.dtype.type(float(slope)) * z),
        kinks=(ZERO,),
        composed=True,
        positively_homogeneous=True,
    )


def hardtanh(name: str, low: Fraction, high: Fraction) -> Activation:
    """z, kept between low and high."""
    whole = low.denominator == high.denominator == 1

    def value(ops: Arithmetic[V], z: V) -> V:
        above, beyond = ops.positive_part(plus(ops, z, -low)), ops.positive_part(plus(ops, z, -high))
        return plus(ops, less(ops, above, beyond), low)

    def slope(ops: Arithmetic[V], s: V, z: V) -> V:
        return less(ops, ops.unit_step(plus(ops, z, -low)), ops.unit_step(plus(ops, z, -high)))

    def floats(z: Array) -> Array:
        kept: Array = np.clip(z, z.dtype.type(float(low)), z.dtype.type(float(high)))
        return kept

    return Activation(
        name,
        value,
        slope,
        (ZERO, ONE),
        (
            Piece(-INF, float(low), constant(ZERO)),
            Piece(float(low), float(high), constant(ONE)),
            Piece(float(high), INF, constant(ZERO)),
        ),
        exact if whole else rounded(1),
        NOTHING if whole else "rounds its ends",
        size=nothing,
        floats=floats,
        kinks=(low, high),
        composed=True,
        start=min(max(ZERO, low), high),
        low=low,
        high=high,
        odd=low == -high,
    )


def elu(name: str, alpha: Fraction) -> Activation:
    """z for z > 0, alpha (e^z - 1) for z < 0."""

    def below(ops: Arithmetic[V], z: V) -> V:
        return ops.elementary("expm1", less(ops, z, ops.positive_part(z)))

    def value(ops: Arithmetic[V], z: V) -> V:
        return ops.sum([ops.positive_part(z), ops.scale(alpha, below(ops, z))])

    def slope(ops: Arithmetic[V], s: V, z: V) -> V:
        if alpha == 1:  # no jump: both sides have the slope 1
            return plus(ops, below(ops, z), ONE)
        falling = ops.scale(alpha, plus(ops, below(ops, z), ONE))
        return ops.sum([falling, ops.scale(1 - alpha, ops.unit_step(z))])

    def error(e: float, u: float, low: Array, size: Array) -> tuple[float, Any]:
        return e + 2 * u, np.where(low > 0, 0.0, float(alpha) * (e + 2 * u))

    def floats(z: Array) -> Array:
        zero, scale = z.dtype.type(0), z.dtype.type(float(alpha))
        return np.where(z > 0, z, scale * np.expm1(np.minimum(z, zero)))

    return Activation(
        name,
        value,
        slope,
        (ZERO, max(alpha, ONE)),
        (Piece(-INF, 0.0, lambda z: float(alpha) * np.exp(np.minimum(z, 0.0))), Piece(0.0, INF, constant(ONE))),
        error,
        f"{WITHIN}, below zero plus (2 ulps + 2) u alpha absolute, so that it may be e^z - 1",
        size=lambda z, v: np.where(z > 0, 0.0, np.maximum(np.abs(v), float(alpha) / 2)),
        floats=floats,
        kinks=(ZERO,),
        composed=True,
    )


def square(name: str, gain: Fraction, exponent: Fraction) -> Activation:
    """gain max(0, z)^exponent."""
    n = int(exponent)

    def power(ops: Arithmetic[V], z: V, times: int) -> V:
        base = found = ops.positive_part(z)
        for _ in range(times - 1):
            found = ops.mul(found, base)
        return found

    def floats(z: Array) -> Array:
        found: Array = z.dtype.type(float(gain)) * np.maximum(z, z.dtype.type(0)) ** n
        return found

    return Activation(
        name,
        lambda ops, z: ops.scale(gain, power(ops, z, n)),
        lambda ops, s, z: ops.scale(n * gain, power(ops, z, n - 1)),
        (ZERO, None) if gain > 0 else (None, ZERO),
        (Piece(-INF, INF, lambda z: float(n * gain) * np.maximum(z, 0.0) ** (n - 1)),),
        rounded(n + 2),
        f"within {n + 2}u",
        floats=floats,
        kinks=(ZERO,),
        composed=True,
        degree=n,
    )


def softplus_threshold(name: str, threshold: Fraction, beta: Fraction) -> Activation:
    """softplus, and z itself where beta z > threshold."""
    plain, smooth = softplus_value(beta), softplus_slope(beta)
    gain, at = float(beta), float(threshold / beta)

    def over(ops: Arithmetic[V], z: V) -> V:
        return plus(ops, ops.scale(beta, z), -threshold)

    def value(ops: Arithmetic[V], z: V) -> V:
        s = plain(ops, z)
        return less(ops, s, ops.mul(ops.indicator(over(ops, z)), less(ops, s, z)))

    def slope(ops: Arithmetic[V], s: V, z: V) -> V:
        inside, beyond = smooth(ops, s, z), ops.unit_step(over(ops, z))
        return ops.sum([inside, ops.mul(beyond, less(ops, ops.one(z), inside))])

    def floats(z: Array) -> Array:
        scaled = z.dtype.type(gain) * z
        return np.where(
            scaled > z.dtype.type(float(threshold)), z, np.logaddexp(z.dtype.type(0), scaled) / z.dtype.type(gain)
        )

    return Activation(
        name,
        value,
        slope,
        (ZERO, None),  # divided differences across the jump are unbounded
        (
            Piece(-INF, at, lambda z: logistic_floats(np.asarray(gain * z, dtype=np.float64))),
            Piece(at, INF, constant(ONE)),
        ),
        softplus_error(beta),
        "within twice {ulps} ulp, plus 2u absolute",
        softplus_size,
        floats,
        kinks=(threshold / beta,),
        jump=log1p(exp(-float(threshold))) / gain * (1 + 2.0**-45),
        composed=True,
        start=None,
        reach=ceil(max(16 / min(beta, ONE), abs(threshold / beta) + 1)),
    )
