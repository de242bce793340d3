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
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from fractions import Fraction
from math import ceil, log, log2
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, middles, precision
from oracle.arithmetic.ball_series import resized
from oracle.equations.activations import ACTIVATIONS
from oracle.errors import NotDecidable
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference import cauchy
from oracle.reference.defect import Gains, Misfit, Watched, defect, sized, weighted
from oracle.reference.expansion import FIRST_BITS, Linear, corrected, dyadic, expansion
from oracle.reference.limits import NotReached
from oracle.reference.lognorm import Norm
from oracle.reference.regions import Exit, Pattern, exits

_ORDER = 0.7  # order per natural logarithm of the tolerance; measured: flat between 0.6 and 1
_LEAST_ORDER = 8
_CAUCHY = 2.0  # the radius of convergence over that of Cauchy's bound, about: short steps count with the latter
_BEYOND = 1.15  # length of the checked series over that of the polynomial: Cauchy's R is smaller than the true radius
_GAIN_BITS = 42  # of one correction in float64
_SPARE_BITS = 16  # for rounding in one step: sums of N P terms
_MOST_ROUNDS = 200  # corrections of one step: 8,000 bits; a step that needs more than its share is halved long before
_SHORTEST = -60.0  # log2 of the shortest step, and of 1/longest, in units of the radius of convergence
_SHRINK = Fraction(15, 16)
_SLACK = Fraction(129, 128)  # by which a switch seen in 64 bits may be off
_MOST_FLIPS = 4  # of each unit, to find the region that follows a state at several kinks


@dataclass(frozen=True)
class System:
    """A field, the norm its errors are measured in, and what is evaluated once."""

    lure: Lure
    norm: Norm
    gains: Gains
    linear: Linear
    pattern: Pattern | None = None
    kept: dict[Any, Any] = attribute(default_factory=dict)

    @staticmethod
    def of(lure: Lure, norm: Norm) -> System:
        """Evaluate what does not change."""
        return System(lure, norm, Gains.of(lure), Linear(lure))

    @property
    def tailless(self) -> bool:
        """Whether s of a polynomial is one, in a region at least."""
        return self.lure.activation not in cauchy.STRIPS

    def length(self, P: int) -> int:
        """How many coefficients of the defect are computed for a polynomial of degree P."""
        return P + 1 if self.tailless else ceil(P * _BEYOND) + 1

    def kink_tolerance(self, log2_rate: float) -> Any:
        """How far z may be beyond a kink: what costs an eighth of the tolerance, exact; use inside `precision`."""
        gain = self.norm.of([entry.abs_upper() for entry in self.gains.tail.entries()])
        return (arb(2) ** arb(log2_rate - 3) / gain.max(arb(1))).mid()

    def series(self, length: int) -> Watched:
        """The arithmetic of series of a length."""
        return Watched(length, self.kept, self.pattern)

    def look(self, p: Any, piece: Any, unit: Fraction, bits: int, length: int) -> tuple[Any, Watched]:
        """The defect's coefficients at a precision, and the evaluation they come from."""
        with precision(bits, length):
            ops = self.series(length)
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
    pattern : tuple of bool or None
        The active units of a ReLU network as they were at the end of the last step, whose input may have been another.
    """

    t: Fraction
    y: Any
    error: Any
    spread: Any
    pattern: Pattern | None = None


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
    """One certified step, as long as the tolerance allows and at most `room`; for a ReLU network inside one region."""
    if ACTIVATIONS[system.lure.activation].analytic:
        found = try_step(system, state, piece, unit, room, log2_rate)
        assert isinstance(found, Step), "only regions have exits"
        return found
    pattern = region(system, state, piece)
    for _ in range(_MOST_FLIPS * len(pattern)):
        found = try_step(replace(system, pattern=pattern), state, piece, unit, room, log2_rate)
        if isinstance(found, Step):
            return found
        pattern = tuple(active != (j in found.misplaced) for j, active in enumerate(pattern))
    raise NotDecidable(f"at t = {float(state.t)} several units are at their kinks, and no region is seen to follow")


def region(system: System, state: State, piece: Any) -> Pattern:
    """The active units at the beginning of a step: by the sign of z, or what they were before where z is about zero."""
    with precision(2 * FIRST_BITS, 1):
        ops = Watched(1, {}, (True,) * system.lure.W.shape[0])
        defect(system.lure, state.y, piece.in_balls(Fraction(1), 1), ops.rational(Fraction(1)), ops)
        z = [entry.mid() for entry in ops.argument.entries()]
        clear = arb(2) ** -FIRST_BITS
    before = state.pattern or (False,) * len(z)
    return tuple(bool(e > 0) if abs(e) > clear else was for e, was in zip(z, before, strict=True))


def try_step(system: System, state: State, piece: Any, unit: Fraction, room: Fraction, log2_rate: float) -> Step | Exit:
    """A step, or what shows that the region is another."""
    P = order(-log2_rate * log(2), float(room / unit))
    p, g, unit = expansion(system.lure, state.y, piece.in_balls, unit, P, system.pattern)
    D, ops = system.look(p, piece, unit, FIRST_BITS, system.length(P))
    q = longest(system, (D, ops.argument), piece, P, unit, room, log2_rate)
    if system.pattern is not None:
        q = q * sooner(system.pattern, ops.argument, q)
    with precision(FIRST_BITS):
        p = corrected(p, state.y, resized(D, P + 1), g, system.linear, unit)
    return refined(system, state, piece, (unit, q), p, g, log2_rate)


def sooner(pattern: Pattern, z: Any, q: Fraction) -> Fraction:
    """The share of the step until a little after the region is left, roughly: higher precision decides."""
    with precision(FIRST_BITS):
        seen = exits(z, pattern, q, arb(2) ** -(FIRST_BITS // 2), FIRST_BITS)
    return min(Fraction(1), _SLACK * seen.q / q) if seen.leaving is not None and not seen.misplaced else Fraction(1)


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
) -> Step | Exit:
    """Corrections until the defect is inside the tolerance, and the step that follows."""
    (unit, q), P = length, p.ncols() - 1
    size = log2_above(max((abs(entry) for entry in state.y.entries()), default=arb(0)).max(arb(1)).upper())
    bits, before = FIRST_BITS + _GAIN_BITS, float("inf")
    for _ in range(_MOST_ROUNDS):
        allowed = log2_rate + log2(float(q * unit))
        full = ceil(size - allowed) + _SPARE_BITS
        bits = min(bits, full)
        D, ops = system.look(p, piece, unit, bits, system.length(P) if bits == full else P + 1)
        low = log2_above(weighted(sized(resized(D, P)), q, system.norm))
        if bits == full:
            if low <= allowed - 1:
                found = concluded(system, state, piece, (unit, q), p, (D, ops.argument), log2_rate, bits)
                if found is not None:
                    return found
            if low > before - _GAIN_BITS / 8:
                q = q / 2
        with precision(bits):
            p = corrected(p, state.y, resized(D, P + 1), g, system.linear, unit)
        after = low - _GAIN_BITS
        bits = full if after <= allowed else ceil(size - after) + _GAIN_BITS + _SPARE_BITS
        before = low
    raise _stuck(state.t)


def concluded(
    system: System,
    state: State,
    piece: Any,
    length: tuple[Fraction, Fraction],
    p: Any,
    seen: tuple[Any, Any],
    log2_rate: float,
    bits: int,
) -> Step | Exit | None:
    """The step, if its defect (seen: D and z) is inside the tolerance, or the exit that shows another region."""
    (unit, q), (D, z) = length, seen
    left = None
    if system.pattern is not None:
        with precision(bits):
            left = exits(z, system.pattern, q, system.kink_tolerance(log2_rate), bits)
        if left.misplaced:
            return left
        q = left.q
    rest = piece.beyond(q * unit, z.ncols()), None if left is None else left.wrong
    misfit = Misfit.of(system.lure.activation, D, z, rest, system.gains, unit)
    found = within(system, misfit, q, log2_rate, unit)
    if found is None:
        return None
    step = finished(system, state, unit, found, p, misfit, bits)
    if left is None or system.pattern is None:
        return step
    leaving = left.leaving if found == q else None
    pattern = tuple(active != (j == leaving) for j, active in enumerate(system.pattern))
    return replace(step, end=replace(step.end, pattern=pattern))


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
    if not value.is_finite():
        return float("inf")
    man, exponent = value.man_exp()
    return float(abs(int(man)).bit_length() + int(exponent)) if man else -float("inf")


def _stuck(t: Fraction) -> NotReached:
    return NotReached(
        f"at t = {float(t):.6g} no step of the integrator meets its tolerance.",
        "the solution moves so fast there that its Taylor series has no radius of convergence to speak of.",
        "ask for earlier times, or rescale the network.",
        t=t,
    )
