"""The certified flow of a network at given times: precision chosen, goal met, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, e, log2
from typing import Any

from flint import arb

from oracle.arithmetic.ball import Ball, precision
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.certified import log2_above, steps
from oracle.reference.enclosure import Enclosure, mpf_array, to_mpf
from oracle.reference.limits import MOST_FLOW_DIGITS, NotReached, bits_for, not_proved
from oracle.reference.local_rates import Widened, at_start, bounded
from oracle.reference.lognorm import Norm, norms
from oracle.reference.system import State, System, require_known
from oracle.reference.thresholds import below, without

_NORM_BITS = 64
SPARE = 2.0  # bits of the tolerance kept for rounding between steps
_MOST_ATTEMPTS = 6


@dataclass(frozen=True)
class Question:
    """A field forward from time 0: exact initial state (N,), radius of the initial set, times > 0 and the digits."""

    lure: Lure
    inputs: Any
    h0: Array
    radius: Fraction
    times: tuple[Fraction, ...]
    digits: int
    progress: Callable[[float], None] | None = None

    def tell(self, t: Fraction) -> None:
        """Whoever wants to know is told the share of the time that is done."""
        if self.progress is not None:
            self.progress(min(1.0, float(t / self.times[-1])))


Row = tuple[list[Any], list[Any], list[Any]]
Run = Callable[[Norm, float, int], list[Row]]
"""(norm, log2 of the tolerance per unit of time, bits) -> rows."""


def follow(question: Question, run: Run | None = None) -> Enclosure:
    """The flow at the times, (len(times), N), proved, by runs in balls unless others are given.

    Raises
    ------
    oracle.reference.limits.NotReached
        The growth of errors would need more than MOST_FLOW_DIGITS digits of working precision.
    """
    rows, bits, name = answer(question, run or _in_balls(question))
    return enclosure(rows, (len(rows), len(question.h0)), bits, name)


def _in_balls(question: Question) -> Run:
    """Runs in balls; a softplus with a threshold is followed without it, and watched."""
    lure, inputs = without(question.lure), question.inputs
    local = None if bounded(lure.activation) else _first_slopes(question)
    known: dict[str, System] = {}  # by the norm's name: balls have no hash before python-flint 0.8

    def run(norm: Norm, log2_rate: float, bits: int) -> list[Row]:
        if norm.name not in known:
            known[norm.name] = System.of(lure, norm, local)
        system = known[norm.name]
        found = steps(system, initial(system, question, bits), inputs, question.times[-1], log2_rate)
        if lure is not question.lure:
            found = below(found, system, inputs, question.lure.activation)
        return list(outputs(question, found, norm, bits))

    return run


def beginning(h0: Array, radius: Fraction, digits: int) -> Enclosure:
    """The initial state itself, (1, N)."""
    bits = bits_for(digits) + _NORM_BITS
    with precision(bits):
        ops = Ball()
        around = ops.rational(radius).abs_upper()
        balls = ops.lift(h0).entries()
        row = [b.mid() for b in balls], [b.rad() for b in balls], [around] * len(balls)
    return enclosure([row], (1, len(h0)), bits, "any")


def answer(question: Question, run: Run) -> tuple[list[Row], int, str]:
    """One row of middles, radii of the computation and radii of the initial set per time; bits; the norm used."""
    with precision(_NORM_BITS):
        norm = _norm(question)
        growth = max(0.0, float(norm.mu)) * float(question.times[-1]) * log2(e)
    missing = 0.0
    for _ in range(_MOST_ATTEMPTS):
        goal = bits_for(question.digits) + ceil(missing)
        lost = growth + log2(max(float(question.times[-1]), 1.0)) + SPARE
        if goal + lost > bits_for(MOST_FLOW_DIGITS):
            raise _too_far(question, norm, growth, goal + lost)
        try:
            rows = run(norm, -(goal + lost), ceil(goal + lost))
        except Widened:
            missing += goal
            continue
        worst = max(_excess(row, question.digits) for row in rows)
        if worst <= 0:
            return rows, ceil(goal + lost), norm.name
        missing += worst + SPARE
    raise _too_far(question, norm, growth, goal + lost)


def outputs(question: Question, steps: Iterator[Any], norm: Norm, bits: int) -> Iterator[Row]:
    """The rows at the times, from steps that cover them."""
    pending = iter(question.times)
    t = next(pending)
    for step in steps:
        question.tell(step.end.t)
        while t <= step.end.t:
            yield step.at(t, norm, bits + _NORM_BITS)
            following = next(pending, None)
            if following is None:
                return
            t = following


def initial(system: System, question: Question, bits: int) -> State:
    """The initial state: its centre rounded to the working precision, the rounding its first error."""
    with precision(bits + _NORM_BITS):
        ops = Ball()
        h0 = ops.lift(question.h0)
        error = system.norm.of([entry.rad() for entry in h0.entries()])
        spread = system.norm.of([ops.rational(question.radius).abs_upper()] * h0.nrows())
        return State(Fraction(0), h0.mid(), error, spread)


def _excess(row: Row, digits: int) -> float:
    """Bits by which the radius of the computation misses 10^-digits max(1, |value|); <= 0: met."""
    worst = -float("inf")
    with precision(_NORM_BITS):
        goal = arb(10) ** -digits
        for middle, radius, _ in zip(*row, strict=True):
            scale = (abs(middle) - radius).max(arb(1)) * goal
            if not radius <= scale.lower():
                worst = max(worst, 1.0 + log2_above((radius / scale).upper()))
    return worst


def enclosure(rows: list[Row], shape: tuple[int, ...], bits: int, name: str) -> Enclosure:
    """Exact mpf arrays; the radius covers the computation and the initial set."""
    with precision(_NORM_BITS):
        radii = [to_mpf((r + s).abs_upper()) for row in rows for _, r, s in zip(*row, strict=True)]
    middles = [to_mpf(middle) for row in rows for middle in row[0]]
    method = f"Taylor series in balls, one error in the {name} norm"
    return Enclosure(mpf_array(middles, shape), mpf_array(radii, shape), "proved", bits=bits, method=method)


def _first_slopes(question: Question) -> tuple[Fraction, Fraction]:
    """Slopes about the first state."""
    require_known(question.lure.activation)
    with precision(_NORM_BITS, 1):
        found = at_start(question.lure, question.h0, question.inputs.piece(Fraction(0)))
    if found is None:
        missing = "its slope is not finite about the first state, or one of its kinks is there"
        raise not_proved(question.lure.activation, missing)
    return found


def _norm(question: Question) -> Norm:
    """The norm in which errors grow least; about the first state, where no rate holds everywhere."""
    lure = without(question.lure)
    found = norms(lure, None if bounded(lure.activation) else _first_slopes(question))
    if found:
        return found[0]
    raise NotReached(
        "no norm of the network has a finite bound in float64.",
        "weights or rates are near the largest float64, so that their products overflow.",
        "state the network in other units of state or time.",
    )


def _too_far(question: Question, norm: Norm, growth: float, bits: float) -> NotReached:
    mu, last = float(norm.mu), float(question.times[-1])
    return NotReached(
        f"{question.digits} digits at t = {last:.6g} would need about {bits:.0f} bits; the limit is "
        f"{bits_for(MOST_FLOW_DIGITS)}.",
        f"errors may grow like e^({mu:.3g} t), {growth:.0f} bits until then (logarithmic norm, {norm.name}).",
        "ask for earlier times or fewer digits.",
        mu=mu,
        bits=bits,
    )
