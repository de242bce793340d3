"""How long a step may be, and of which order: estimates, mostly in float64, that the certified defect then confirms.

order    cost per step grows little faster than P, and steps are R e^{-b ln 2/P} long for b bits: P ~ b ln 2
step     the longest q for which the defect beyond order P and the Cauchy tail stay inside the tolerance
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, log, log2
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import middles, precision
from oracle.reference import cauchy
from oracle.reference.expansion import FIRST_BITS, dyadic
from oracle.reference.regions import exits
from oracle.reference.system import System

_ORDER = 0.7  # order per natural logarithm of the tolerance; measured: flat between 0.6 and 1
_LEAST_ORDER = 8
_CAUCHY = 2.0  # the radius of convergence over that of Cauchy's bound, about: short steps count with the latter
_SHORTEST = -60.0  # log2 of the shortest step, and of 1/longest, in units of the radius of convergence
_SLACK = Fraction(129, 128)  # by which a switch seen in 64 bits may be off


def order(digits: float, reach: float) -> int:
    """P for so many natural digits, and steps of at most `reach` radii of convergence."""
    best, ratio = _ORDER * digits, _CAUCHY * reach
    return max(_LEAST_ORDER, ceil(min(best, digits / -log(ratio)) if ratio < 0.5 else best))


def longest(
    system: System, seen: tuple[Any, Any], piece: Any, P: int, unit: Fraction, room: Fraction, log2_rate: float
) -> Fraction:
    """The longest q for which what is beyond order P stays well inside the tolerance, by float64 estimates."""
    D, z = seen
    k = np.arange(P, D.ncols()) + 1
    sizes = np.abs(middles(D)).max(axis=0)[P:]
    logs = np.where(sizes > 0, np.log2(np.maximum(sizes, 2.0**-1000)) - np.log2(k), -np.inf)
    log2_unit, tail = log2(float(unit)), _tail_estimate(system, z, D.ncols() - 1)

    def fits(log2_q: float) -> bool:
        worst = max(float((logs + k * log2_q).max()), log2_unit + tail(log2_q))
        return worst <= log2_rate + log2_q + log2_unit - 3

    low, high = _SHORTEST, -_SHORTEST
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    q, most = dyadic(2.0**low), room / unit
    while not _input_fits(system, piece, min(q, most) * unit, D.ncols(), log2_rate):
        q = min(q, most) * Fraction(3, 4)
    if q >= most:
        return most
    return q if q < most * Fraction(2, 3) else most / 2


def sooner(system: System, z: Any, q: Fraction) -> Fraction:
    """The share of the step until a little after the region is left, roughly: higher precision decides."""
    assert system.pattern is not None
    with precision(FIRST_BITS):
        seen = exits(z, system.pattern, system.kinks, q, arb(2) ** -(FIRST_BITS // 2), FIRST_BITS)
    return min(Fraction(1), _SLACK * seen.q / q) if seen.leaving and not seen.misplaced else Fraction(1)


def _input_fits(system: System, piece: Any, time: Fraction, length: int, log2_rate: float) -> bool:
    """Whether what the input's coefficients leave out is an eighth of the tolerance, or the step hopelessly short."""
    beyond = piece.beyond(time, length)
    if beyond is None or time < Fraction(2) ** round(_SHORTEST):
        return True
    with precision(FIRST_BITS):
        unseen = (system.gains.inputs * arb_mat(len(beyond), 1, beyond)).entries()
        return bool(system.norm.of([u.abs_upper() for u in unseen]) <= arb(2) ** arb(log2_rate - 3))


def _tail_estimate(system: System, z: Any, last: int) -> Callable[[float], float]:
    """log2 of |B| times the Cauchy tail at log2 q."""
    curved = system.curved(z)
    if curved is None:
        return lambda log2_q: -float("inf")
    disc = cauchy.disc(system.lure.activation, curved)
    if not disc.R > 0:
        return lambda log2_q: float("inf")
    gain = log2(max(*(float(b) for b in system.gains.tail.entries()), 2.0**-1000))
    return lambda log2_q: gain + cauchy.log2_tail(disc, last, log2_q)
