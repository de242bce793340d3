"""Activations: a value and one differential relation s' = slope(s, z).

Series, tangents and higher derivatives follow from the relation. `lipschitz` is sup |s'|; `steepest` bounds |s'| over
an interval. For tanh and the logistic |s'| is even and falls with |z|, so the point nearest to zero decides.

    tanh        s' = 1 - s^2            logistic    s = (1 + tanh(z/2))/2,  s' = s - s^2
    relu        s' = [z > 0]            identity    s' = 1
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.equations.interface import Arithmetic, V
from oracle.records.exact import Array

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Activation:
    """One activation: its value and slope in any arithmetic, and what is known about it."""

    name: str
    value: Callable[[Arithmetic[Any], Any], Any]
    slope: Callable[[Arithmetic[Any], Any, Any], Any]
    lipschitz: Fraction
    steepest: Callable[[Array, Array], Array]
    positively_homogeneous: bool = False
    analytic: bool = True


def _tanh(ops: Arithmetic[V], z: V) -> V:
    return ops.tanh(z)


def _tanh_slope(ops: Arithmetic[V], s: V, z: V) -> V:
    return ops.sum([ops.one(s), ops.scale(Fraction(-1), ops.mul(s, s))])


def _logistic(ops: Arithmetic[V], z: V) -> V:
    t = ops.tanh(ops.scale(HALF, z))
    return ops.scale(HALF, ops.sum([ops.one(t), t]))


def _logistic_slope(ops: Arithmetic[V], s: V, z: V) -> V:
    return ops.sum([s, ops.scale(Fraction(-1), ops.mul(s, s))])


def _relu(ops: Arithmetic[V], z: V) -> V:
    return ops.positive_part(z)


def _relu_slope(ops: Arithmetic[V], s: V, z: V) -> V:
    return ops.unit_step(z)


def _identity(ops: Arithmetic[V], z: V) -> V:
    return z


def _identity_slope(ops: Arithmetic[V], s: V, z: V) -> V:
    return ops.one(z)


# The factor (1 + 2^-45) on the float64 values below covers their own rounding: a handful of operations on numbers in
# [0, 1] whose only cancellation, 1 - s^2 for |s| near 1, is avoided by writing 4 e^{-2a}/(1 + e^{-2a})^2.
_UP = 1 + 2.0**-45


def _nearest_to_zero(low: Array, high: Array) -> Array:
    return np.maximum(np.maximum(low, -high), 0.0)


def _steepest_tanh(low: Array, high: Array) -> Array:
    decay = np.exp(-2 * _nearest_to_zero(low, high))
    bound: Array = np.minimum(4 * decay / (1 + decay) ** 2 * _UP, 1.0)
    return bound


def _steepest_logistic(low: Array, high: Array) -> Array:
    decay = np.exp(-_nearest_to_zero(low, high))
    bound: Array = np.minimum(decay / (1 + decay) ** 2 * _UP, 0.25)
    return bound


def _steepest_relu(low: Array, high: Array) -> Array:
    return np.where(high > 0, 1.0, 0.0)


def _steepest_identity(low: Array, high: Array) -> Array:
    return np.ones_like(low)


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("tanh", _tanh, _tanh_slope, Fraction(1), _steepest_tanh),
        Activation("logistic", _logistic, _logistic_slope, Fraction(1, 4), _steepest_logistic),
        Activation(
            "relu", _relu, _relu_slope, Fraction(1), _steepest_relu, positively_homogeneous=True, analytic=False
        ),
        Activation(
            "identity", _identity, _identity_slope, Fraction(1), _steepest_identity, positively_homogeneous=True
        ),
    )
}
