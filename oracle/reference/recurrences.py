"""Certified trajectories of recurrences in balls: every number as given, every rounding enclosed.

Two ways, and the cheaper one is taken.

    balls    h_{k+1} = Phi(h_k, x_k) with h_k a vector of balls. Any equation. Radii grow by the infinity norm of
             |A| + |B| S |W|, with the slopes S of this very trajectory.
    centres  exact middles c_k and one scalar e_k >= |h_k - c_k| per trajectory, |rad Phi(c_k, x_k)| added in each step:
             by a Lipschitz constant of the step, or by products of Jacobians (`growth`). Lur'e steps only.

Whoever runs stops at the first component that misses the goal 10^-digits max(1, |value|); how many bits were lost until
there says which precision to try next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.midrad import gamma, total, up
from oracle.equations import lure
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.enclosure import Enclosure
from oracle.reference.growth import midrad
from oracle.reference.lazy_enclosure import BallEnclosure
from oracle.reference.limits import GUARD_BITS, MOST_BITS, NotReached, bits_for
from oracle.reference.outlook import outlook
from oracle.reference.problem import Problem

_HEADROOM = 1.1  # a run that failed early underestimates the rate at which the rest of it loses bits
_LEAST_RAISE = (
    1.25  # each attempt raises the precision by at least this factor: so retries stay a bounded share of the cost
)
_TRUSTED_STEPS = 64  # a rate observed over fewer steps may be that of a transient:
_MOST_RAISE = 4  # until then no attempt raises the precision by more than this factor


@dataclass(frozen=True)
class Run:
    """Middles and radii (exact arb) of the states kept, as far as the goal was met; the last step reached, and the bits
    lost by then."""

    middles: list[list[Any]]
    radii: list[list[Any]]
    reached: int
    complete: bool
    bits: int
    lost: float

    @property
    def rate(self) -> float:
        """Bits lost per step."""
        return max(self.lost, 0.0) / max(self.reached, 1)


Follow = Callable[[Problem, Ball], Any]


def follow_balls(problem: Problem, ops: Ball) -> Any:
    """Middles and radii of each state in turn, balls carried from step to step."""
    h, inputs = problem.starts(ops)
    yield _split(h)
    for x in inputs:
        h = advance(ops, problem.rec, h, x)
        yield _split(h)


def follow_centres(recursions: Callable[[int], list[Any]]) -> Follow:
    """Middles and radii of each state in turn; `recursions` of `growth`, one for all columns or one for each."""

    def follow(problem: Problem, ops: Ball) -> Any:
        h, inputs = problem.starts(ops)
        columns, errors = h.ncols(), recursions(h.ncols())
        read = Arguments(problem) if any(each.reads for each in errors) else None
        middles, radii = _split(h)
        for c, each in enumerate(errors):
            each.add(_largest(radii if len(errors) < columns else radii[c::columns]))
        yield middles, radii
        for x, given in zip(inputs, problem.inputs, strict=True):
            z, reach = (None, 0.0) if read is None else read.at(middles, given)
            h = advance(ops, problem.rec, arb_mat(h.nrows(), columns, middles), x)
            middles, radii = _split(h)
            found = []
            for c, each in enumerate(errors):
                delta = _largest(radii if len(errors) < columns else radii[c::columns])
                found.append(each.step(None if z is None else z[:, c], reach, delta))
            yield middles, (found if len(found) == columns else found * columns) * h.nrows()

    return follow


class Arguments:
    """What s is applied to, in float64: slopes need no more. Any order of summation (`midrad`)."""

    def __init__(self, problem: Problem) -> None:
        self.p: Lure = problem.rec.parameters
        self.ops = Float64()
        with precision(64):
            self.W, self.M = (float(np.max(total(midrad(op).sizes, 1), initial=0)) for op in (self.p.W, self.p.M))
        units = self.p.W.shape[0]
        self.b = float(up(sum((np.max(np.abs(self.ops.lift(part)), initial=0) for part in self.p.b), 0.0)))
        self.unit = 2 * gamma(self.p.W.shape[1] + self.p.M.shape[1] + len(self.p.b) + 8)
        self.goal = self.W * 10.0**-problem.digits * (1 + 2.0**-40)
        assert units >= 1

    def at(self, middles: list[Any], x: Array) -> tuple[Array, float]:
        """z (units, columns), and how far the true argument may be from it while the goal is met."""
        columns = x.shape[1]
        h = np.array([float(entry) for entry in middles]).reshape(-1, columns)
        driving = self.ops.lift(x)
        z = self.ops.affine([(self.p.W, h)], parts=lure.drive(self.ops, self.p, driving).inside)  # type: ignore[arg-type]
        sizes = self.W * np.max(np.abs(h), initial=0) + self.M * np.max(np.abs(driving), initial=0) + self.b
        return z, float(up(self.goal + self.unit * sizes))


def _largest(values: list[Any]) -> Any:
    found = arb(0)
    for value in values:
        found = value if value > found else found
    return found


def _split(h: Any) -> tuple[list[Any], list[Any]]:
    entries = h.entries()
    return [entry.mid() for entry in entries], [entry.rad() for entry in entries]


def attempt(problem: Problem, bits: int, follow: Follow) -> Run:
    """Run at one working precision until the end or the first component that misses the goal."""
    middles, radii = [], []
    with precision(bits):
        goal = arb(fmpq(1, 10**problem.digits)).lower()
        for step, (mids, rads) in enumerate(follow(problem, Ball())):
            problem.tell(step)
            if problem.keeps(step):
                middles.append(mids)
                radii.append(rads)
            if not all(_good(m, r, goal) for m, r in zip(mids, rads, strict=True)):
                return Run(middles, radii, step, False, bits, _lost(mids, rads, bits))
        return Run(middles, radii, step, True, bits, _lost(mids, rads, bits))


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
        if name == "balls" and run.reached < _TRUSTED_STEPS:
            bits = min(bits, _MOST_RAISE * run.bits)
        if bits > MOST_BITS:
            raise _unreachable(problem, run, bits, growth)
        run = attempt(problem, bits, follow)
        growth = max(growth, run.rate * _HEADROOM)
    return enclosure(problem, run, name)


def cheapest(problem: Problem, first: Run) -> tuple[Follow, float, str]:
    """The way that is expected to lose fewer bits per step, given how the first attempt with balls fared."""
    growth, steps = first.rate * _HEADROOM, max(len(problem.inputs), 1)
    if not first.complete and problem.normal_form:
        seen = outlook(problem)
        slower = seen.bits(steps) / steps
        if slower < growth:
            return follow_centres(seen.recursions), slower, "centres"
    return follow_balls, growth, "balls"


def enclosure(problem: Problem, run: Run, name: str) -> Enclosure:
    """The states, (states, columns, N)."""
    N, columns = problem.h0.shape
    return BallEnclosure.of(run.middles, run.radii, (len(run.middles), columns, N), run.bits, name)


def _unreachable(problem: Problem, run: Run, bits: int, growth: float) -> NotReached:
    steps, reached = len(problem.inputs), run.reached
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
