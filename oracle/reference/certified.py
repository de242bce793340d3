"""The flow, enclosed: exact polynomials step by step, and one scalar error beside them.

    e_{n+1} = e^{mu eta} e_n + max(1, e^{mu eta}) int |D| + |rad p(q)|        (see `defect`)

Centres are rounded to the working precision after every step, so balls never grow. The tolerance per unit of time is
what the goal leaves after growth e^{mu T}; order, step and precision follow from it:

    order    cost per step grows little faster than P, and steps are R e^{-b ln 2/P} long for b bits: P ~ b ln 2
    step     the longest q for which the defect beyond order P and the Cauchy tail stay inside the tolerance
    bits     those of the tolerance, and some for rounding; a missed goal is tried again with the digits that it missed

Backward in time the field is negated and the input reflected; mu then is that of the negated field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import field as attribute
from fractions import Fraction
from math import ceil, log, log2
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, middles, precision
from oracle.arithmetic.ball_series import resized
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference import cauchy
from oracle.reference.defect import Gains, Misfit, Watched, defect, sized, weighted
from oracle.reference.expansion import FIRST_BITS, Linear, corrected, dyadic, expansion
from oracle.reference.limits import NotReached
from oracle.reference.lognorm import Norm

_ORDER = 0.8  # order per natural logarithm of the tolerance; measured: flat between 0.6 and 1
_LEAST_ORDER = 8
_BEYOND = 1.3  # length of the checked series over that of the polynomial: Cauchy's R is smaller than the true radius
_GAIN_BITS = 42  # of one correction in float64
_SPARE_BITS = 16  # for rounding in one step: sums of N P terms
_MOST_ROUNDS = 200  # corrections of one step: 8,000 bits; a step that needs more than its share is halved long before
_SHORTEST = -60.0  # log2 of the shortest step, and of 1/longest, in units of the radius of convergence
_SHRINK = Fraction(15, 16)


@dataclass(frozen=True)
class System:
    """A field, the norm its errors are measured in, and what is evaluated once."""

    lure: Lure
    norm: Norm
    gains: Gains
    linear: Linear
    kept: dict[Any, Any] = attribute(default_factory=dict)

    @staticmethod
    def of(lure: Lure, norm: Norm) -> System:
        """Evaluate what does not change."""
        return System(lure, norm, Gains.of(lure), Linear(lure))

    @property
    def tailless(self) -> bool:
        """Whether s of a polynomial is one."""
        return self.lure.activation == "identity"

    def look(self, p: Any, piece: Any, unit: Fraction, bits: int, length: int) -> tuple[Any, Watched]:
        """The defect's coefficients at a precision, and the evaluation they come from."""
        with precision(bits, length):
            ops = Watched(length, self.kept)
            return defect(self.lure, p, piece.in_balls(unit, length), ops.rational(unit), ops), ops


@dataclass(frozen=True)
class State:
    """Where a step begins: an exact centre y (N, 1), and norms of what it is off by.

    Attributes
    ----------
    error : arb
        Of the computation.
    spread : arb
        Of the initial set, carried along: a bound of the distance that its members may be apart from the centre.
    """

    t: Fraction
    y: Any
    error: Any
    spread: Any


@dataclass(frozen=True)
class Step:
    """x(start + L sigma) is within error + spread of sum p_k sigma^k for 0 <= sigma <= q, in the norm.

    Attributes
    ----------
    error, spread : arb
        Of the computation and of the initial set, anywhere on the step.
    end : State
        What follows.
    """

    start: Fraction
    unit: Fraction
    q: Fraction
    p: Any
    error: Any
    spread: Any
    end: State

    def at(self, t: Fraction, norm: Norm, bits: int) -> tuple[list[Any], list[Any], list[Any]]:
        """Middles, radii of the computation and of the initial set at a time inside the step: exact arbs."""
        with precision(bits):
            value = evaluated(self.p, (t - self.start) / self.unit).entries()
            spreads = norm.entries(self.spread, len(value))
            errors = norm.entries(self.error, len(value))
            radii = [(v.rad() + e).abs_upper() for v, e in zip(value, errors, strict=True)]
            return [v.mid() for v in value], radii, spreads


def evaluated(p: Any, sigma: Fraction) -> Any:
    """p(sigma) as balls; use inside `precision`."""
    ratio = Ball().rational(sigma)
    powers = [arb(1)]
    for _ in range(1, p.ncols()):
        powers.append(powers[-1] * ratio)
    return p * arb_mat(p.ncols(), 1, powers)


def steps(system: System, state: State, inputs: Any, until: Fraction, log2_rate: float) -> Iterator[Step]:
    """Steps from a state to `until`, with a tolerance of 2^log2_rate per unit of time."""
    unit = dyadic(1 / (1.0 + abs(float(system.norm.mu))))
    while state.t < until:
        piece = inputs.piece(state.t)
        room = (until if piece.end is None else min(piece.end, until)) - state.t
        step = one_step(system, state, piece, unit, room, log2_rate)
        yield step
        state, unit = step.end, step.unit


def one_step(system: System, state: State, piece: Any, unit: Fraction, room: Fraction, log2_rate: float) -> Step:
    """One certified step, as long as the tolerance allows and at most `room`."""
    P = order(-log2_rate * log(2), float(room / unit))
    p, g, unit = expansion(system.lure, state.y, piece.in_balls, unit, P, system.linear, system.kept)
    D, ops = system.look(p, piece, unit, FIRST_BITS, ceil(P * _BEYOND) + 1)
    q = longest(system, D, ops.argument, P, unit, room, log2_rate)
    with precision(FIRST_BITS):
        p = corrected(p, state.y, resized(D, P + 1), g, system.linear, unit)
    return refined(system, state, piece, (unit, q), p, g, log2_rate)


def order(digits: float, reach: float) -> int:
    """P for so many natural digits, and steps of at most `reach` radii of convergence."""
    best = _ORDER * digits
    return max(_LEAST_ORDER, ceil(min(best, digits / -log(reach)) if reach < 0.5 else best))


def longest(system: System, D: Any, z: Any, P: int, unit: Fraction, room: Fraction, log2_rate: float) -> Fraction:
    """The longest q for which what is beyond order P stays well inside the tolerance, by float64 estimates."""
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
    if q >= most:
        return most
    return q if q < most * Fraction(2, 3) else most / 2


def _tail_estimate(system: System, z: Any, last: int) -> Callable[[float], float]:
    """log2 of |B| times the Cauchy tail at log2 q."""
    if system.tailless:
        return lambda log2_q: -float("inf")
    R = cauchy.radius(system.lure.activation, z)
    if R is None:
        return lambda log2_q: float("inf")
    gain = log2(max(*(float(b) for b in system.gains.tail.entries()), 2.0**-1000))
    log2_R = log2(float(R))
    return lambda log2_q: gain + cauchy.log2_tail(system.lure.activation, log2_R, last, log2_q)


def refined(
    system: System, state: State, piece: Any, length: tuple[Fraction, Fraction], p: Any, g: Array, log2_rate: float
) -> Step:
    """Corrections until the defect is inside the tolerance, and the step that follows."""
    (unit, q), P = length, p.ncols() - 1
    K = ceil(P * _BEYOND) + 1
    size = log2_above(max((abs(entry) for entry in state.y.entries()), default=arb(0)).max(arb(1)).upper())
    bits, before = FIRST_BITS + _GAIN_BITS, float("inf")
    for _ in range(_MOST_ROUNDS):
        allowed = log2_rate + log2(float(q * unit))
        full = ceil(size - allowed) + _SPARE_BITS
        bits = min(bits, full)
        D, ops = system.look(p, piece, unit, bits, K if bits == full else P + 1)
        low = log2_above(weighted(sized(resized(D, P)), q, system.norm))
        if bits == full:
            misfit = Misfit.of(system.lure.activation, D, ops.argument, piece.beyond(q * unit), system.gains, unit)
            found = within(system, misfit, q, log2_rate, unit) if low <= allowed - 1 else None
            if found is not None:
                return finished(system, state, unit, found, p, misfit, bits)
            if low > before - _GAIN_BITS / 8:
                q = q / 2
        with precision(bits):
            p = corrected(p, state.y, resized(D, P + 1), g, system.linear, unit)
        after = low - _GAIN_BITS
        bits = full if after <= allowed else ceil(size - after) + _GAIN_BITS + _SPARE_BITS
        before = low
    raise _stuck(state.t)


def within(system: System, misfit: Misfit, q: Fraction, log2_rate: float, unit: Fraction) -> Fraction | None:
    """The q, shortened where that helps, for which the defect is inside the tolerance."""
    for _ in range(16):
        with precision(FIRST_BITS):
            allowed = arb(2) ** arb(log2_rate) * Ball().rational(q * unit)
        if misfit.bound(q, system.norm) <= allowed:
            return q
        q = q * _SHRINK
    return None


def finished(system: System, state: State, unit: Fraction, q: Fraction, p: Any, misfit: Misfit, bits: int) -> Step:
    """The step, its errors, and the state it ends in."""
    added = misfit.bound(q, system.norm)
    with precision(bits):
        end = evaluated(p, q)
        y, rounding = end.mid(), system.norm.of([entry.rad() for entry in end.entries()])
    with precision(FIRST_BITS):
        growth = (system.norm.mu * Ball().rational(q * unit)).exp().upper()
        error = (growth * state.error + added + rounding).abs_upper()
        spread = (growth * state.spread).abs_upper()
        most = growth.max(arb(1))
        during = (most * state.error + added).abs_upper(), (most * state.spread).abs_upper()
    return Step(state.t, unit, q, p, *during, State(state.t + q * unit, y, error, spread))


def log2_above(value: Any) -> float:
    """An upper bound of log2 of an exact number >= 0."""
    man, exponent = value.man_exp()
    return float(abs(int(man)).bit_length() + int(exponent)) if man else -float("inf")


def _stuck(t: Fraction) -> NotReached:
    return NotReached(
        f"at t = {float(t):.6g} no step of the integrator meets its tolerance.",
        "the solution moves so fast there that its Taylor series has no radius of convergence to speak of.",
        "ask for earlier times, or rescale the network.",
        t=t,
    )
