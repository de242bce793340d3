"""The flow, enclosed: exact polynomials step by step, and one scalar error beside them.

    e_{n+1} = e^{mu eta} e_n + max(1, e^{mu eta}) int |D| + |rad p(q)|        (see `defect`)

Centres are rounded to the working precision after every step, so balls never grow. The tolerance per unit of time is
what the goal leaves after growth e^{mu T}. Order and step follow from it (`step_length`), and so do the bits: those of
the tolerance, and some for rounding; a missed goal is tried again with the digits that it missed.

Backward in time the field is negated and the input reflected; mu then is that of the negated field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil, log, log2
from typing import Any

from flint import arb

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.ball_series import resized
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array
from oracle.reference.defect import Misfit, Watched, defect, sized, weighted
from oracle.reference.expansion import FIRST_BITS, corrected, dyadic, expansion
from oracle.reference.limits import NotReached
from oracle.reference.local_rates import tubes, watch
from oracle.reference.regions import Exit, Pattern, exits, grazing, moved
from oracle.reference.step_length import longest, order, sooner
from oracle.reference.system import State, Step, System, evaluated

_GAIN_BITS = 42  # of one correction in float64
_SPARE_BITS = 16  # for rounding in one step: sums of N P terms
_MOST_ROUNDS = 200  # corrections of one step: 8,000 bits; a step that needs more than its share is halved long before
_SHRINK = Fraction(15, 16)
_MOST_FLIPS = 4  # of each unit, to find the region that follows a state at several kinks


def steps(system: System, state: State, inputs: Any, until: Fraction, log2_rate: float) -> Iterator[Step]:
    """Steps from a state to `until`, with a tolerance of 2^log2_rate per unit of time."""
    unit = dyadic(1 / (1.0 + abs(float(system.norm.mu))))
    while state.t < until:
        piece = inputs.piece(state.t)
        room = (until if piece.end is None else min(piece.end, until)) - state.t
        step = one_step(system, state, piece, unit, room, log2_rate)
        if system.local:
            watch(step)
        yield step
        state, unit = step.end, step.unit


def one_step(system: System, state: State, piece: Any, unit: Fraction, room: Fraction, log2_rate: float) -> Step:
    """One certified step, as long as the tolerance allows and at most `room`; inside one region where s has kinks."""
    if ACTIVATIONS[system.lure.activation].analytic:
        found = try_step(system, state, piece, unit, room, log2_rate)
        assert isinstance(found, Step), "only regions have exits"
        return found
    pattern = region(system, state, piece)
    for _ in range(_MOST_FLIPS * len(pattern)):
        found = try_step(replace(system, pattern=pattern), state, piece, unit, room, log2_rate)
        if isinstance(found, Step):
            return found
        pattern = moved(pattern, found.misplaced)
    raise grazing(f"at t = {float(state.t):.6g} several units are at their kinks, and no region is seen to follow.")


def region(system: System, state: State, piece: Any) -> Pattern:
    """The region at the beginning of a step: by the side of every kink, or what it was where z is about there."""
    with precision(2 * FIRST_BITS, 1):
        ops = Watched(1, {}, (0,) * system.lure.W.shape[0])
        defect(system.lure, state.y, piece.in_balls(Fraction(1), 1), ops.rational(Fraction(1)), ops)
        z, clear = ops.argument.entries(), arb(2) ** -FIRST_BITS
        beyond = [[(entry - Ball().rational(kink)).mid() for kink in system.kinks] for entry in z]
    before = state.pattern or (0,) * len(z)
    return tuple(
        sum(bool(e > 0) if abs(e) > clear else was > k for k, e in enumerate(each))
        for each, was in zip(beyond, before, strict=True)
    )


def try_step(system: System, state: State, piece: Any, unit: Fraction, room: Fraction, log2_rate: float) -> Step | Exit:
    """A step, or what shows that the region is another."""
    P = order(-log2_rate * log(2), float(room / unit))
    p, g, unit = expansion(system.lure, state.y, piece.in_balls, unit, P, system.pattern)
    D, ops = system.look(p, piece, unit, FIRST_BITS, system.length(P))
    q = longest(system, (D, ops.argument), piece, P, unit, room, log2_rate)
    if system.pattern is not None:
        q = q * sooner(system, ops.argument, q)
    with precision(FIRST_BITS):
        p = corrected(p, state.y, resized(D, P + 1), g, system.linear, unit)
    return refined(system, state, piece, (unit, q), p, g, log2_rate)


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
            if low > before - _GAIN_BITS / 8 or (system.local and low <= allowed - 1):
                q = q / 2
        with precision(bits):
            p = corrected(p, state.y, resized(D, P + 1), g, system.linear, unit)
        after = low - _GAIN_BITS
        bits = full if after <= allowed else ceil(size - after) + _GAIN_BITS + _SPARE_BITS
        before = low
    raise stuck(state.t)


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
            left = exits(z, system.pattern, system.kinks, q, system.kink_tolerance(log2_rate), bits)
        if left.misplaced:
            return left
        q = left.q
    rest = piece.beyond(q * unit, z.ncols()), None if left is None else left.wrong
    misfit = Misfit.of(system.lure.activation, D, system.curved(z), rest, system.gains, unit)
    step = _bounded(system, state, (unit, q), p, (misfit, z), log2_rate, bits)
    if step is None or left is None or system.pattern is None:
        return step
    pattern = moved(system.pattern, left.leaving if step.q == q else {})
    return replace(step, end=replace(step.end, pattern=pattern))


def _bounded(
    system: System,
    state: State,
    length: tuple[Fraction, Fraction],
    p: Any,
    seen: tuple[Misfit, Any],
    log2_rate: float,
    bits: int,
) -> Step | None:
    """The step whose defect is inside the tolerance; where rates are local, the first that stays inside its tube."""
    (unit, q), (misfit, z) = length, seen
    if not system.local:
        found = within(system, misfit, q, log2_rate, unit)
        return None if found is None else finished(system, state, unit, found, p, misfit, bits)
    with precision(FIRST_BITS):
        allowed = arb(2) ** arb(log2_rate) * Ball().rational(q * unit)
    for tube in tubes(system, state.error + state.spread, allowed, z, q, misfit.beyond):
        inside, own = tube.system, replace(misfit, gains=tube.system.gains)
        if not own.bound(q, inside.norm) <= allowed:
            return None
        step = finished(inside, state, unit, q, p, own, bits)
        if tube.holds(step):
            return step
    return None


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


def stuck(t: Fraction) -> NotReached:
    """What is said when no step is short enough."""
    return NotReached(
        f"at t = {float(t):.6g} no step of the integrator meets its tolerance.",
        "the solution moves so fast there that its Taylor series has no radius of convergence to speak of.",
        "ask for earlier times, or rescale the network.",
        t=t,
    )
