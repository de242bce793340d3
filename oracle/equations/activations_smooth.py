"""Analytic activations, and the functions that their slopes are made of.

    tanh        s' = 1 - s^2               logistic    s = (1 + tanh(z/2))/2, s' = s - s^2
    softplus    log(1 + e^{beta z})/beta   s' = logistic(beta z)
    erf         s' = (2/sqrt pi) e^{-z^2}  arctan      s' = 1/(1 + z^2)        sin   s' = cos z
    silu        z logistic(z)              gelu        z Phi(z), Phi the distribution function of the normal law
    gelu-tanh   z (1 + tanh w)/2 = z logistic(2w), w = sqrt(2/pi) (z + 0.044715 z^3)

D. Hendrycks and K. Gimpel, Gaussian Error Linear Units, arXiv 1606.08415. The constant sqrt(2/pi) is 2 phi(0).

What a program is granted, e being the error of one elementary function and u the unit roundoff:

    softplus    log(1 + e^z), log1p(e^z) or max(z, 0) + log1p(e^-|z|): e^z changes s by e logistic(z) <= e s, adding 1
                by u at most, the logarithm by e s: 2e relative, 2u absolute
    silu        z times a logistic that may go through tanh, or z/(1 + e^-z): e + 2u relative, 2u|z| absolute
    gelu        z (1 + erf(z/sqrt 2))/2: erf and adding 1 lose (e + 2u)/2, the argument 2u |y erf'(y)|/2 < u/2: with
                erfc there is less. (e + 2u)|z| absolute. Far below zero, where gelu is smaller, that is all of it.
    gelu-tanh   the same with tanh: the argument is formed with 7 roundings and (1 - t^2)|w| < 0.45: (e + 4u)|z|
    sin         2u absolute beside e: a reduction of the argument may lose that much near a multiple of pi
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, pi, sqrt

import numpy as np

from oracle.equations.activations import HALF, MINUS, ONE, WITHIN, ZERO, Activation, Granted, Piece, less, plus
from oracle.equations.interface import Arithmetic, V
from oracle.records.exact import Array, Constant

INF = float("inf")
CUBIC = Fraction(44715, 1_000_000)


def elementary(name: str) -> Callable[[Arithmetic[V], V], V]:
    """A function that every arithmetic knows by itself."""
    return lambda ops, z: ops.elementary(name, z)


# -- slopes -----------------------------------------------------------------------------------------------------------
def _tanh_slope(ops: Arithmetic[V], s: V, z: V) -> V:
    return less(ops, ops.one(s), ops.mul(s, s))


def _logistic(ops: Arithmetic[V], z: V) -> V:
    t = ops.elementary("tanh", ops.scale(HALF, z))
    return ops.scale(HALF, ops.sum([ops.one(t), t]))


def _logistic_slope(ops: Arithmetic[V], s: V, z: V) -> V:
    return less(ops, s, ops.mul(s, s))


def _bell(power: int, factor: int) -> Callable[[Arithmetic[V], V, V], V]:
    """s' = factor z s^power."""

    def slope(ops: Arithmetic[V], s: V, z: V) -> V:
        found = ops.scale(Fraction(factor), ops.mul(z, s))
        return found if power == 1 else ops.mul(found, s)

    return slope


def _negative(name: str) -> Callable[[Arithmetic[V], V, V], V]:
    return lambda ops, s, z: ops.scale(MINUS, ops.elementary(name, z))


def _by(name: str) -> Callable[[Arithmetic[V], V, V], V]:
    return lambda ops, s, z: ops.elementary(name, z)


# -- s' in float64, for the pieces where it is monotone ---------------------------------------------------------------
# 1 - s^2 for |s| near 1 would cancel, 4 e^{-2a}/(1 + e^{-2a})^2 does not.
def _tanh_steep(z: Array) -> Array:
    decay = np.exp(-2 * np.abs(z))
    return np.asarray(4 * decay / (1 + decay) ** 2)


def _logistic_steep(z: Array) -> Array:
    decay = np.exp(-np.abs(z))
    return np.asarray(decay / (1 + decay) ** 2)


def _erf_steep(z: Array) -> Array:
    return np.asarray(2 / sqrt(pi) * np.exp(-(np.minimum(np.abs(z), 30.0) ** 2)))


def _arctan_steep(z: Array) -> Array:
    return np.asarray(1 / (1 + z * z))


def logistic_floats(z: Array) -> Array:
    """1/(1 + e^-z), written with e^-|z| so that nothing overflows."""
    decay = np.exp(-np.abs(z))
    one = z.dtype.type(1)
    return np.asarray(np.where(z >= 0, one, decay) / (one + decay))


def hill(slope: Callable[[Array], Array]) -> tuple[Piece, ...]:
    """s' rises up to z = 0 and falls from there on."""
    return Piece(-INF, 0.0, slope), Piece(0.0, INF, slope)


# -- softplus with a gain inside, and the products --------------------------------------------------------------------
def softplus_value(beta: Fraction) -> Callable[[Arithmetic[V], V], V]:
    """log(1 + e^{beta z})/beta."""
    return lambda ops, z: ops.scale(1 / beta, ops.elementary("softplus", ops.scale(beta, z)))


def softplus_slope(beta: Fraction) -> Callable[[Arithmetic[V], V, V], V]:
    """logistic(beta z)."""
    return lambda ops, s, z: ops.elementary("logistic", ops.scale(beta, z))


def softplus_error(beta: Fraction) -> Granted:
    """2e, and with a gain two products; the inner one moves s by |z| logistic(beta z) u <= u (s + 0.3/beta)."""
    extra = 0 if beta == 1 else 4
    return lambda e, u, low, size: (2 * e + extra * u, (2 + extra) * u / float(beta))


def softplus_size(z: Array, value: Array) -> Array:
    """log(1 + e^z) rounds at the size of 1 before the logarithm."""
    return np.maximum(value, 0.5)


def softplus(beta: Fraction = ONE) -> Activation:
    """Without a threshold."""
    gain = float(beta)
    return Activation(
        "softplus" if beta == 1 else f"softplus(inf,{beta})", softplus_value(beta), softplus_slope(beta), (ZERO, ONE),
        (Piece(-INF, INF, lambda z: logistic_floats(np.asarray(gain * z, dtype=np.float64))),),
        softplus_error(beta), "within twice {ulps} ulp, plus 2u absolute", softplus_size,
        composed=beta != 1, start=None, reach=ceil(16 / min(beta, ONE)),
    )  # fmt: skip


def _silu(ops: Arithmetic[V], z: V) -> V:
    return ops.mul(z, ops.elementary("logistic", z))


def _silu_slope(ops: Arithmetic[V], s: V, z: V) -> V:
    share = ops.elementary("logistic", z)
    return ops.sum([share, ops.mul(z, _logistic_slope(ops, share, z))])


def _gelu(ops: Arithmetic[V], z: V) -> V:
    return ops.mul(z, ops.elementary("normal-cdf", z))


def _gelu_slope(ops: Arithmetic[V], s: V, z: V) -> V:
    return ops.sum([ops.elementary("normal-cdf", z), ops.mul(z, ops.elementary("normal-density", z))])


SQRT_8_OVER_PI = 4 * Constant.atom("value", ZERO, "normal-density")
"""2 sqrt(2/pi), as the exact number 4 phi(0)."""


def _share(ops: Arithmetic[V], z: V) -> V:
    """logistic(2w)."""
    cubic = ops.scale(CUBIC, ops.mul(z, ops.mul(z, z)))
    return ops.elementary("logistic", ops.scale(SQRT_8_OVER_PI, ops.sum([z, cubic])))


def _gelu_tanh(ops: Arithmetic[V], z: V) -> V:
    return ops.mul(z, _share(ops, z))


def _gelu_tanh_slope(ops: Arithmetic[V], s: V, z: V) -> V:
    share = _share(ops, z)
    rate = ops.scale(SQRT_8_OVER_PI, plus(ops, ops.scale(3 * CUBIC, ops.mul(z, z)), ONE))
    return ops.sum([share, ops.mul(ops.mul(z, rate), _logistic_slope(ops, share, z))])


def _product_error(roundings: int, squashed: bool = True) -> Granted:
    """Of a product with z: e + 4u relative; per unit of |z| that many u, and e where 1 + erf or 1 + tanh is formed."""
    return lambda e, u, low, size: (e + 4 * u, (e * squashed + roundings * u) * size)


def _size_of_product(z: Array, value: Array) -> Array:
    return np.abs(value) + np.abs(z) / 2


RISING = (Piece(-INF, INF, lambda z: np.exp(np.asarray(z, dtype=np.float64))),)
TABLE: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation(
            "tanh", elementary("tanh"), _tanh_slope, (ZERO, ONE), hill(_tanh_steep), low=MINUS, high=ONE, odd=True
        ),
        Activation(
            "logistic", _logistic, _logistic_slope, (ZERO, Fraction(1, 4)), hill(_logistic_steep),
            lambda e, u, low, size: (e, 2 * u), f"{WITHIN}, plus 2u absolute, so that it may go through tanh",
            lambda z, value: np.maximum(value, 0.5), start=HALF, low=ZERO, high=ONE,
        ),
        softplus(),
        Activation("erf", elementary("erf"), _by("erf-slope"), None, hill(_erf_steep), low=MINUS, high=ONE, odd=True),
        Activation(
            "arctan", elementary("arctan"), _by("arctan-slope"), (ZERO, ONE), hill(_arctan_steep),
            low=Fraction(-11, 7), high=Fraction(11, 7), odd=True,
        ),
        Activation(
            "sin", elementary("sin"), _by("cos"), (MINUS, ONE), (), lambda e, u, low, size: (e, 2 * u),
            f"{WITHIN}, plus 2u absolute, for the reduction of its argument", low=MINUS, high=ONE, odd=True,
        ),
        Activation(
            "silu", _silu, _silu_slope, None, (), _product_error(2, squashed=False), f"{WITHIN}, plus 2u |z| absolute",
            _size_of_product, composed=True,
        ),
        Activation(
            "gelu", _gelu, _gelu_slope, None, (), _product_error(2),
            f"{WITHIN}, plus (2 ulps + 2) u |z| absolute, so that it may go through 1 + erf", _size_of_product,
            composed=True,
        ),
        Activation(
            "gelu-tanh", _gelu_tanh, _gelu_tanh_slope, None, (), _product_error(4),
            f"{WITHIN}, plus (2 ulps + 4) u |z| absolute, so that it may go through 1 + tanh", _size_of_product,
            composed=True,
        ),
        Activation("cos", elementary("cos"), _negative("sin"), (MINUS, ONE), start=ONE),
        Activation("erf-slope", elementary("erf-slope"), _bell(1, -2), start=None),
        Activation("arctan-slope", elementary("arctan-slope"), _bell(2, -2), start=ONE),
        Activation("normal-cdf", elementary("normal-cdf"), _by("normal-density"), start=HALF),
        Activation("normal-density", elementary("normal-density"), _bell(1, -1), start=None),
        Activation("expm1", elementary("expm1"), lambda ops, s, z: plus(ops, s, ONE), (ZERO, None), RISING),
        Activation("exp", elementary("exp"), lambda ops, s, z: s, (ZERO, None), RISING, start=ONE),
        Activation(
            "log", elementary("log"), _by("reciprocal"), (ZERO, None), (Piece(0.0, INF, lambda z: 1 / z),), start=None
        ),
        Activation(
            "reciprocal", elementary("reciprocal"), lambda ops, s, z: ops.scale(MINUS, ops.mul(s, s)), (None, ZERO),
            hill(lambda z: -1 / (z * z)), start=None,
        ),
        Activation(
            "sqrt", elementary("sqrt"), lambda ops, s, z: ops.scale(HALF, ops.elementary("reciprocal", s)),
            (ZERO, None), (Piece(0.0, INF, lambda z: 0.5 / np.sqrt(z)),), start=None,
        ),
    )
}  # fmt: skip
