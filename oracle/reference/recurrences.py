"""Certified trajectories of recurrences: every number as given, every rounding enclosed.

Two ways, and the cheaper one is taken.

    balls    h_{k+1} = Phi(h_k, x_k) with h_k a vector of balls. Any equation. Radii grow by the infinity norm of
             |A| + |B| S |W|, with the slopes S of this very trajectory.
    centres  exact middles c_k and one scalar e_k >= |h_k - c_k|_2 per trajectory,
             e_{k+1} = q e_k + |rad Phi(c_k, x_k)|_2,  q the Lipschitz constant of the step (2-norm).
             Lur'e steps only; at large N the 2-norm grows far more slowly than the radii of balls.

Whoever runs stops at the first component that misses the goal 10^-digits max(1, |value|); how many bits were lost until
there says which precision to try next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

from flint import arb, arb_mat, fmpq

from oracle.arithmetic.ball import Ball, precision
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.recurrence import Recurrence
from oracle.reference.enclosure import Enclosure, mpf_array, to_mpf
from oracle.reference.limits import GUARD_BITS, MOST_BITS, NotReached, bits_for
from oracle.reference.lipschitz import lipschitz

_HEADROOM = 1.1  # a run that failed early underestimates the rate at which the rest of it loses bits
_LEAST_RAISE = (
    1.25  # each attempt raises the precision by at least this factor: so retries stay a bounded share of the cost
)
_TRUSTED_STEPS = 64  # a rate observed over fewer steps may be that of a transient:
_MOST_RAISE = 4  # until then no attempt raises the precision by more than this factor


@dataclass(frozen=True)
class Problem:
    """A recurrence with exact inputs, one (I, columns) array per step, and an exact initial state (N, columns)."""

    rec: Recurrence
    inputs: tuple[Array, ...]
    h0: Array
    digits: int

    def starts(self, ops: Ball) -> tuple[Any, list[Any]]:
        """The initial state and the inputs as balls."""
        return ops.lift(self.h0), [ops.lift(x) for x in self.inputs]


@dataclass(frozen=True)
class Run:
    """Middles and radii (exact arb) per step as far as the goal was met, and the bits lost by the last step reached."""

    middles: list[list[Any]]
    radii: list[list[Any]]
    complete: bool
    bits: int
    lost: float

    @property
    def rate(self) -> float:
        """Bits lost per step."""
        return max(self.lost, 0.0) / max(len(self.middles) - 1, 1)


Follow = Callable[[Problem, Ball], Any]


def follow_balls(problem: Problem, ops: Ball) -> Any:
    """Middles and radii of each state in turn, balls carried from step to step."""
    h, inputs = problem.starts(ops)
    yield _split(h)
    for x in inputs:
        h = advance(ops, problem.rec, h, x)
        yield _split(h)


def follow_centres(q: Any) -> Follow:
    """Middles and radii of each state in turn, one scalar error per column carried."""

    def follow(problem: Problem, ops: Ball) -> Any:
        h, inputs = problem.starts(ops)
        columns = h.ncols()
        errors = [arb(0)] * columns
        for x in [None, *inputs]:
            h = h if x is None else advance(ops, problem.rec, h, x)
            middles, radii = _split(h)
            errors = [(q * e + _norm(radii[j::columns])).abs_upper() for j, e in enumerate(errors)]
            h = arb_mat(h.nrows(), columns, middles)
            yield middles, errors * h.nrows()

    return follow


def _split(h: Any) -> tuple[list[Any], list[Any]]:
    entries = h.entries()
    return [entry.mid() for entry in entries], [entry.rad() for entry in entries]


def _norm(radii: list[Any]) -> Any:
    return sum((r * r for r in radii), arb(0)).sqrt()


def attempt(problem: Problem, bits: int, follow: Follow) -> Run:
    """Run at one working precision until the end or the first component that misses the goal."""
    middles, radii = [], []
    with precision(bits):
        goal = arb(fmpq(1, 10**problem.digits)).lower()
        for mids, rads in follow(problem, Ball()):
            middles.append(mids)
            radii.append(rads)
            if not all(_good(m, r, goal) for m, r in zip(mids, rads, strict=True)):
                return Run(middles, radii, False, bits, _lost(mids, rads, bits))
        return Run(middles, radii, True, bits, _lost(mids, rads, bits))


def _good(middle: Any, radius: Any, goal: Any) -> bool:
    """Whether radius <= goal max(1, |value|), for every value in the ball; false for balls that are not finite."""
    return bool(radius <= goal) or bool(radius <= goal * (abs(middle) - radius))


def _lost(middles: list[Any], radii: list[Any], bits: int) -> float:
    """Bits by which the worst relative radius exceeds the working precision."""
    worst = max((_log2(r) - max(_log2(m), 0.0) for m, r in zip(middles, radii, strict=True)), default=-float(bits))
    return worst + bits


def _log2(value: Any) -> float:
    if not value.is_finite():
        return float("inf")
    man, exponent = value.man_exp()
    return float(abs(int(man)).bit_length() + int(exponent)) if man else -float("inf")


def certify(problem: Problem) -> Enclosure:
    """The certified trajectory, with the working precision raised until the goal is met everywhere.

    Raises
    ------
    oracle.reference.limits.NotReached
        More than MOST_BITS bits would be needed.
    """
    goal_bits = bits_for(problem.digits) + GUARD_BITS
    run = attempt(problem, goal_bits, follow_balls)
    follow, growth, name = cheapest(problem, run)
    while not run.complete:
        bits = max(goal_bits + ceil(growth * len(problem.inputs)), ceil(run.bits * _LEAST_RAISE))
        if name == "balls" and len(run.middles) <= _TRUSTED_STEPS:
            bits = min(bits, _MOST_RAISE * run.bits)
        if bits > MOST_BITS:
            raise _unreachable(problem, run, bits, growth)
        run = attempt(problem, bits, follow)
        growth = max(growth, run.rate * _HEADROOM)
    return enclosure(problem, run, name)


def cheapest(problem: Problem, first: Run) -> tuple[Follow, float, str]:
    """The way that is expected to lose fewer bits per step, given how the first attempt with balls fared."""
    growth = first.rate * _HEADROOM
    if not first.complete and isinstance(problem.rec.parameters, Lure) and problem.rec.equation == "lure":
        q = lipschitz(problem.rec.parameters)
        slower = max(0.0, _log2_of(q)) + log2(max(problem.rec.N, 2)) / max(len(problem.inputs), 1)
        if slower < growth:
            return follow_centres(q), slower, "centres"
    return follow_balls, growth, "balls"


def _log2_of(q: Any) -> float:
    return log2(float(q)) if q > 0 else -float("inf")


def enclosure(problem: Problem, run: Run, name: str) -> Enclosure:
    """Exact mpf arrays of shape (K+1, N) or (K+1, batch, N)."""
    N, columns = problem.h0.shape
    shape = (len(run.middles), N, columns)

    def array(rows: list[list[Any]]) -> Array:
        entries = mpf_array((to_mpf(entry) for row in rows for entry in row), shape)
        return entries.transpose(0, 2, 1).copy()

    return Enclosure(array(run.middles), array(run.radii), "proved", bits=run.bits, method=name)


def _unreachable(problem: Problem, run: Run, bits: int, growth: float) -> NotReached:
    steps, reached = len(problem.inputs), len(run.middles) - 1
    return NotReached(
        f"{problem.digits} digits over {steps} steps would need about {bits} bits; the limit is {MOST_BITS}. "
        f"At {run.bits} bits the goal was missed at step {reached}.",
        f"the recurrence loses about {growth:.1f} bits per step (chaos, or a norm far above 1): the error bound "
        "grows by that factor whatever the precision.",
        "ask for fewer steps or digits, or check steps one at a time (kind='step'), where errors do not grow.",
        bits=bits,
        step=reached,
        rate=growth,
    )
