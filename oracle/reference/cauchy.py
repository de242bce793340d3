"""Cauchy's bound of the tail of s(z(t)) for a polynomial z: what truncated series leave out.

If sum_{k>=1} |z_k| R^k <= rho, then z(t) stays within rho of the real number z_0 for |t| <= R. If |s| <= m on that disc
about z_0, then |s_k| <= m R^{-k}, and for 0 <= q < R

    int_0^q sum_{k>K} |s_k| t^k dt  <=  m q (q/R)^{K+1} / ((K + 2)(1 - q/R)).

Poles lie on the imaginary axis, so s is bounded where |Im z| <= width, and where |Re z| >= distance. A point of the
disc with |Re z| < distance has |Im z|^2 <= rho^2 - (|z_0| - distance)^2, so rho^2 = width^2 + (|z_0| - distance)_+^2 is
admitted: the more a unit is saturated, the faster it may move.

    tanh       |tanh(x + iy)|^2 = (sinh^2 x + sin^2 y)/(sinh^2 x + cos^2 y):  m = tan y (1 for y <= pi/4), coth x
    logistic   |1 + e^{-z}|^2 = 1 + 2 e^{-x} cos y + e^{-2x} >= sin^2 y, (1 - e^{-x})^2:  m = 1/sin y, 1/(1 - e^{-|x|})
    softplus   s or s - z, whichever is small on the side of z_0 (z is a polynomial of degree <= K, so s_k is the same):
               log(1 + e^{-z}), Re z >= -w: sin w <= |1 + e^{-z}| <= 1 + e^w.          With a gain beta z and s/beta.
    arctan     |Re| <= pi/2, |Im| = |log|(1 + iz)/(1 - iz)||/2 <= log((1 + w)/(1 - w))/2 or log(1 + 2/distance)/2
    silu       s or s - z = silu(-z): z/(1 + e^z) with Re z >= -w, by sin w or by e^{Re z} - 1
    gelu       likewise z erfc(z/sqrt 2)/2, |erfc(u)| <= e^{y^2 - x^2} for x >= 0, 2 + e^{y^2} for x < 0
    gelu-tanh  likewise z (1 - tanh w)/2: balls over the strip Re z >= -w (a test covers it)
    erf        1 + (2/sqrt pi) w e^{w^2}, along a vertical line from the real axis;       sin     cosh w
    elu        alpha (e^z - 1) below the kink, z_0 <= 1/2 (`regions`): Re z <= z_0 + rho < 3 for rho^2 = 4 + z_0^2
    others     expressions and powers: `discs`
    identity   s_k = z_k is a polynomial: no tail at all; likewise relu, leaky relu, hardtanh, elu above its kink
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cosh, exp, hypot, inf, log, log2, pi, sin, sqrt, tan, tanh
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import lower_floats
from oracle.records.exact import Array
from oracle.records.names import parsed
from oracle.reference import discs


@dataclass(frozen=True)
class Strip:
    """|s(z)| <= m where |Im z| <= width (towards the pole, if there is one), and where |Re z| >= distance.

    s up to a polynomial in z of degree 1, see above; an infinite distance: in the strip alone.
    """

    width: float
    distance: float
    m: float


# m grows without bound towards the pole, the radius R hardly: nine tenths of the way to the pole costs 3 bits.
_UP = 1 + 2.0**-40  # covers the rounding of sin, tan, tanh and exp in float64
_DOWN = 1 - 2.0**-40
STRIPS = {
    "tanh": Strip(1.45, 0.125, max(tan(1.45), 1 / tanh(0.125)) * _UP),
    "logistic": Strip(2.9, 0.25, max(1 / sin(2.9), 1 / (1 - exp(-0.25))) * _UP),
    "softplus": Strip(2.9, 0.25, hypot(log(1 + exp(2.9)), pi) * _UP),
    "arctan": Strip(0.9, 0.25, hypot(pi / 2, max(log(19), log(9)) / 2) * _UP),
    "silu": Strip(2.9, inf, 2.9 * sqrt(2) / sin(2.9) * _UP),
    "gelu": Strip(2.0, inf, sqrt(2) * (2 + exp(2.0)) * _UP),
    "gelu-tanh": Strip(2.0, inf, 8.0),
    "erf": Strip(2.0, inf, (1 + 4 / sqrt(pi) * exp(4.0)) * _UP),
    "sin": Strip(4.0, inf, cosh(4.0) * _UP),
    "elu": Strip(2.0, 0.0, (1 + exp(3.0)) * _UP),
}


def strip(activation: str) -> Strip | None:
    """What is known of an activation on complex discs."""
    family, parameters = parsed(activation)
    known = STRIPS.get(family)
    if known is not None and family == "elu":
        return replace(known, m=known.m * float(parameters[0] or 1) * _UP)
    if known is None or family != "softplus" or parameters[0] is not None:
        return known if family != "softplus" else None
    beta = float(parameters[1] or 1)
    return Strip(known.width / beta * _DOWN, known.distance / beta * _UP, known.m / beta * _UP)


_WIDEST = 64.0  # log2 of the largest radius that is tried: of units that hardly move
_BISECTIONS = 24
_MARGIN = 2.0**-16  # by which the radius found in float64 is shortened, so that balls confirm it


def _strip(activation: str) -> Strip:
    found = strip(activation)
    assert found is not None, "asked for only where one is known"
    return found


@dataclass(frozen=True)
class Disc:
    """|s(z(t))| <= m for |t| <= R, of all units; R is not positive where no disc was found."""

    R: Any
    m: float


NONE = Disc(arb(0), inf)


def known(activation: str) -> bool:
    """Whether s of a polynomial has a tail here, and a bound of it."""
    return strip(activation) is not None or discs.covers(activation)


def disc(activation: str, z: Any) -> Disc:
    """R with sum_{k>=1} |z_k| R^k <= rho for every row of coefficients, z (units, length), and m."""
    length = z.ncols()
    sizes = arb_mat(z.nrows(), length, [entry.abs_upper() for entry in z.entries()])
    centres = arb_mat(z.nrows(), 1, z.entries()[::length])
    found = strip(activation)
    rho, m = discs.around(activation, centres) if found is None else (reach(activation, centres), found.m)
    if not rho.all():
        return NONE
    moving = np.array([float(e) for e in sizes.entries()]).reshape(-1, length)[:, 1:]
    R = arb(_float_radius(moving / rho[:, None]) * (1 - _MARGIN))
    powers = [arb(0), R][:length]
    while len(powers) < length:
        powers.append(powers[-1] * R)
    moved = (sizes * arb_mat(length, 1, powers)).entries()
    return Disc(R, m) if all(size <= most for size, most in zip(moved, rho.tolist(), strict=True)) else NONE


def reach(activation: str, centres: Any) -> Array:
    """rho for every z_0, rounded down."""
    known = _strip(activation)
    with np.errstate(all="ignore"):
        beyond = np.maximum(lower_floats(centres)[:, 0] - known.distance, 0.0)
        found: Array = np.hypot(known.width, beyond) * _DOWN
    return found


def _float_radius(sizes: Array) -> float:
    """The largest radius for which all weighted sums stay below 1, to a factor 1 + 2^-16 or so."""
    moving = sizes[sizes.any(axis=1)]
    if not moving.size:
        return float(2.0**_WIDEST)
    k = np.arange(1, sizes.shape[1] + 1)
    low, high = -_WIDEST, _WIDEST
    with np.errstate(all="ignore"):
        logs = np.log2(moving)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            fits = bool(np.exp2(logs + middle * k).sum(axis=1).max() <= 1)
            low, high = (middle, high) if fits else (low, middle)
    return float(2.0**low)


def tail(found: Disc, last: int, q: Any) -> Any:
    """The bound above, an exact arb: int_0^q sum_{k>last} |s_k| t^k dt for one unit; infinite where q >= R."""
    ratio = (q / found.R).abs_upper() if found.R > 0 else arb.pos_inf()
    if not ratio < 1:
        return arb.pos_inf()
    m = arb(found.m)
    return (m * q * ratio ** (last + 1) / ((last + 2) * (1 - ratio))).abs_upper()


def log2_tail(found: Disc, last: int, log2_q: float) -> float:
    """The same in float64 and logarithms, for choosing q."""
    log2_R = log2(float(found.R))
    if log2_q >= log2_R - _MARGIN:
        return float("inf")
    ratio = log2_q - log2_R
    bound: float = log2(max(found.m, 2.0**-1000)) + log2_q + (last + 1) * ratio - log2((last + 2) * (1 - 2.0**ratio))
    return bound
