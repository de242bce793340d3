"""Cauchy's bound of the tail of s(z(t)) for a polynomial z: what truncated series leave out.

If sum_{k>=1} |z_k| R^k <= rho, then z(t) stays within rho of the real number z_0 for |t| <= R, so in the strip
|Im z| <= rho, where |s| <= m(rho); hence |s_k| <= m(rho) R^{-k}, and for 0 <= q < R

    int_0^q sum_{k>K} |s_k| t^k dt  <=  m q (q/R)^{K+1} / ((K + 2)(1 - q/R)).

    tanh       |tanh(x + iy)|^2 = (sinh^2 x + sin^2 y)/(sinh^2 x + cos^2 y):  m = 1 for rho <= pi/4, tan rho < pi/2
    logistic   |1 + e^{-z}|^2 = 1 + 2 e^{-x} cos y + e^{-2x} >= sin^2 y:      m = 1 for rho <= pi/2, 1/sin rho < pi
    identity   s_k = z_k is a polynomial: no tail at all
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2, sin, tan
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.records.exact import Array


@dataclass(frozen=True)
class Strip:
    """|Im z| <= rho, where |s(z)| <= m; both are floats, and the bound is checked where it is used."""

    rho: float
    m: float


# m grows without bound towards the pole, the radius R hardly: nine tenths of the way to the pole costs 3 bits.
# The margin of 2^-40 covers the rounding of sin and tan in float64.
_UP = 1 + 2.0**-40
STRIPS = {"tanh": Strip(1.45, tan(1.45) * _UP), "logistic": Strip(2.9, 1 / sin(2.9) * _UP)}

_WIDEST = 64.0  # log2 of the largest radius that is tried: of units that hardly move
_BISECTIONS = 24
_MARGIN = 2.0**-16  # by which the radius found in float64 is shortened, so that balls confirm it


def radius(activation: str, z: Any) -> Any:
    """R with sum_{k>=1} |z_k| R^k <= rho for every row of coefficients; None if none is found. z is (units, length)."""
    rho = STRIPS[activation].rho
    sizes = arb_mat(z.nrows(), z.ncols(), [entry.abs_upper() for entry in z.entries()])
    found = _float_radius(np.array([float(e) for e in sizes.entries()]).reshape(z.nrows(), -1)[:, 1:], rho)
    R = arb(found * (1 - _MARGIN))
    powers = [arb(0)]
    for _ in range(1, z.ncols()):
        powers.append(R if len(powers) == 1 else powers[-1] * R)
    reach = (sizes * arb_mat(z.ncols(), 1, powers)).entries()
    return R if all(size <= rho for size in reach) else None


def _float_radius(sizes: Array, rho: float) -> float:
    """The largest power of two, fractional exponents included, for which all sums stay below rho."""
    moving = sizes[sizes.any(axis=1)]
    if not moving.size:
        return float(2.0**_WIDEST)
    k = np.arange(1, sizes.shape[1] + 1)
    low, high = -_WIDEST, _WIDEST
    with np.errstate(all="ignore"):
        logs = np.log2(moving)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            fits = bool(np.exp2(logs + middle * k).sum(axis=1).max() <= rho)
            low, high = (middle, high) if fits else (low, middle)
    return float(2.0**low)


def tail(activation: str, R: Any, last: int, q: Any) -> Any:
    """The bound above, an exact arb: int_0^q sum_{k>last} |s_k| t^k dt for one unit; infinite where q >= R."""
    ratio = (q / R).abs_upper()
    if not ratio < 1:
        return arb.pos_inf()
    m = arb(STRIPS[activation].m)
    return (m * q * ratio ** (last + 1) / ((last + 2) * (1 - ratio))).abs_upper()


def log2_tail(activation: str, log2_R: float, last: int, log2_q: float) -> float:
    """The same in float64 and logarithms, for choosing q."""
    if log2_q >= log2_R - _MARGIN:
        return float("inf")
    ratio = log2_q - log2_R
    bound: float = log2(STRIPS[activation].m) + log2_q + (last + 1) * ratio - log2((last + 2) * (1 - 2.0**ratio))
    return bound
