"""Arguments of activations from their values, in float64: for guesses, which other means confirm or drop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import VALUES, Float64
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array
from oracle.records.names import parsed

NEWTON = 3  # steps of the third order from a guess that is right to 2 %


def _inverse_erf(y: Array) -> Array:
    """erf^-1 by Halley's iteration from the guess of S. Winitzki (2008), erf(z)^2 = 1 - e^-.. ; NaN beyond 1."""
    a, tail = 0.147, np.log1p(-y * y)
    half = 2 / (np.pi * a) + tail / 2
    z: Array = np.copysign(np.sqrt(np.sqrt(half * half - tail / a) - half), y)
    for _ in range(NEWTON):
        step = (VALUES["erf"](z) - y) * np.sqrt(np.pi) / 2 * np.exp(z * z)
        z = z - step / (1 + z * step)
    return np.where(np.abs(y) < 1, z, np.where(np.abs(y) == 1, np.copysign(np.inf, y), np.nan))


INVERSES: dict[str, Callable[..., Any]] = {
    "identity": lambda y: y,
    "tanh": np.arctanh,
    "logistic": lambda y: np.log(y) - np.log1p(-y),
    "relu": lambda y: np.where(y > 0, y, np.nan),
    "leaky-relu": lambda y, slope: np.where(y > 0, y, y / slope) if slope > 0 else np.where(y > 0, y, np.nan),
    "hardtanh": lambda y, low, high: np.where((y > low) & (y < high), y, np.nan),
    "elu": lambda y, alpha: np.where(y > 0, y, np.log1p(np.minimum(y, 0.0) / alpha)),
    "softplus": lambda y, threshold, beta: (beta * y + np.log(-np.expm1(-beta * y))) / beta,
    "erf": lambda y: _inverse_erf(np.asarray(y, dtype=np.float64)),
    "arctan": lambda y: np.where(np.abs(y) < np.pi / 2, np.tan(y), np.nan),
    "square": lambda y, gain, n: np.where(y / gain > 0, np.abs(y / gain) ** (1 / n), np.nan),
}
"""By family; the values that one argument alone has."""


def invertible(activation: str) -> bool:
    """Whether arguments are found at all."""
    return parsed(activation)[0] in INVERSES


def inverse(activation: str, y: Array) -> Array:
    """s^-1(y); NaN where there is none, or none is known."""
    family, parameters = parsed(activation)
    if family not in INVERSES:
        return np.full_like(y, np.nan)
    with np.errstate(all="ignore"):
        numbers = (np.inf if p is None else float(p) for p in parameters)
        return np.asarray(INVERSES[family](y, *numbers))


def inverse_with_slope(activation: str, y: Array) -> tuple[Array, Array]:
    """s^-1(y) and s' there; not finite, or 0, where y has no argument."""
    if activation == "tanh":
        return inverse(activation, y), 1 - y**2
    if activation == "logistic":
        return inverse(activation, y), y - y**2
    z = inverse(activation, y)
    slope = ACTIVATIONS[activation].slope(Float64(), VALUES[activation](z), z)
    return z, np.where(np.isfinite(z), slope, 0.0)
