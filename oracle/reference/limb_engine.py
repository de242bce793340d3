"""Certified recurrences in limbs: exact centres in fixed point, and one scalar error beside them (`growth`).

    c_{k+1} = Phi(c_k) + r_k,  |r_k| <= delta ulp(m) entry by entry        (`kernels.limb_record.Steps.error`)

Digits below the error are noise: where the error grows, later steps are followed in fewer limbs, and cutting the state
adds CUT ulp. How many limbs to begin with follows from the goal and from what errors grow by (`growth.Outlook`); a run
that misses its goal is tried again with the rate it showed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import arb

from oracle.arithmetic.ball import precision
from oracle.kernels.limb_record import Steps, initial
from oracle.kernels.limbs import CUT, LARGEST, MOST_LIMBS, RADIX, Unsuited, limbs_for, ulp_bits
from oracle.records.exact import Array
from oracle.reference.limb_enclosure import LimbEnclosure
from oracle.reference.limits import bits_for
from oracle.reference.outlook import Outlook
from oracle.reference.problem import Problem

_SCALAR_BITS = 64
_CHUNK = 64  # steps in one number of limbs, and between two looks at the error
_KEPT = 3  # bits by which what a chunk adds stays below the error at its beginning
_MARGIN = 14  # bits: delta is about 2^8 ulp, the rest for what is added on the way
_RETRIES = 6  # a retry knows the rate of the run before it; six mean that there is none
_HEADROOM = 1.1


@dataclass
class Run:
    """Of the states kept: digits (states, m, columns N) chunk by chunk, radii per state and column; the last step
    reached, and whether the goal was met until there."""

    limbs: int
    states: list[Array] = field(default_factory=list)
    radii: list[list[Any]] = field(default_factory=list)
    reached: int = 0
    complete: bool = True

    def keep(self, digits: Array, radii: list[list[Any]], which: list[int]) -> None:
        """Those of a chunk's states that are returned."""
        if which:
            self.states.append(digits if len(which) == len(digits) else digits[which])
            self.radii += [radii[k] for k in which]


def attempt(problem: Problem, outlook: Outlook, full: Steps) -> Run:
    """Run until the end or the first step that misses the goal."""
    columns, K = problem.h0.shape[1], len(problem.inputs)
    h, exact = initial(problem.h0, full.m)
    run, goal = Run(full.m), (arb(1) / arb(10) ** problem.digits).lower()
    errors = outlook.recursions(columns)
    start = arb(0) if exact else _ulps(CUT, full.m)
    for each in errors:
        each.add(start)
    run.keep(h[None], [[start] * columns], problem.among(0, 1))
    steps, V = full, float(np.abs(h[0]).max(initial=0)) + 1
    for k in range(0, K, _CHUNK):
        count = min(_CHUNK, K - k)
        steps, h = _cut(steps, h, errors, outlook, V)
        states, z, top = steps.run(h, k, count)
        if top > LARGEST:
            raise Unsuited(f"a state or an argument of the activation exceeds 2^26 after step {k}")
        V = max(V, top + 1.0)
        reach = outlook.reach(V, goal) + steps.z_error(V) * 2.0 ** -min(ulp_bits(steps.m), 1000)
        delta = _ulps(steps.error(V), steps.m)
        h, settled = states[-1].copy(), errors[0].settle(delta, goal)
        radii = [[settled] * columns] * count if settled is not None else []
        rows = z.reshape(count, columns, -1)
        for at in range(count if settled is None else 0):
            found = [each.step(rows[at, c], reach, delta) for c, each in enumerate(errors)]
            radii.append(found if len(found) == columns else found * columns)
            if not all(e <= goal for e in found):
                run.reached, run.complete = k + at + 1, False
                return run
        run.keep(states, radii, problem.among(k + 1, count))
        run.reached = k + count
        problem.tell(run.reached)
    return run


def _ulps(count: float, m: int) -> Any:
    return (arb(count) * arb(2) ** -ulp_bits(m)).abs_upper()


def _cut(steps: Steps, h: Array, errors: list[Any], outlook: Outlook, V: float) -> tuple[Steps, Array]:
    """As few limbs as keep what a chunk adds _KEPT bits below the error there is."""
    least = min(_log2(each.least) for each in errors)
    if not np.isfinite(least):
        return steps, h
    m = limbs_for(-least + np.log2(_CHUNK * outlook.spread * steps.error(V)) + _KEPT)
    if m >= steps.m:
        return steps, h
    for each in errors:
        each.add(_ulps(CUT, m))
    return steps.cut(m), np.ascontiguousarray(h[:m])


def _log2(value: Any) -> float:
    """A lower estimate of log2 of an exact number >= 0."""
    man, exponent = value.man_exp()
    return float(int(man).bit_length() + int(exponent) - 1) if man else -float("inf")


def certify(problem: Problem, outlook: Outlook) -> LimbEnclosure:
    """The certified trajectory.

    Raises
    ------
    Unsuited
        Numbers outside the range of the integer limb, or more limbs than sums of products fit.
    """
    goal, K = bits_for(problem.digits), len(problem.inputs)
    bits = goal + outlook.bits(K) + _MARGIN
    with precision(_SCALAR_BITS):
        for _ in range(_RETRIES):
            m = limbs_for(bits)
            if m > MOST_LIMBS:
                raise Unsuited(f"{m} limbs would be needed; sums of products fit for {MOST_LIMBS}")
            run = attempt(problem, outlook, Steps.of(problem.rec.parameters, problem.inputs, problem.h0.shape[1], m))
            if run.complete:
                shape = (problem.rows, *problem.h0.shape[::-1])
                return LimbEnclosure.of(run.states, run.radii, shape, ulp_bits(m))
            reached = max(1, run.reached)
            bits = max(bits + RADIX, goal + _HEADROOM * (ulp_bits(m) - goal) / reached * K)
    raise Unsuited("the goal was missed again and again")
