"""Which recursion follows the errors of a problem (`growth`), and how many bits it will lose.

q = sup |J| is known before the run and costs nothing in it, but loses K log2 q bits. Products of Jacobians lose about
what the trajectory itself does, and cost a product of matrices per step and column; what they lose is seen in a pilot
run in float64. Estimates decide here, and nothing rests on them: a run that misses its goal is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log2
from typing import Any

import numpy as np
from flint import arb

from oracle.arithmetic.ball import precision
from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.midrad import total, up
from oracle.equations import lure
from oracle.reference.growth import Contraction, Products, Scalar, coefficients, contractions
from oracle.reference.jacobians import Coefficients
from oracle.reference.limits import bits_for
from oracle.reference.problem import Problem

_PILOT = 48  # steps in float64 that show at which rate products grow
_SETTLING = 16  # of these are left out: the first errors point anywhere, and grow or shrink by chance
_HEADROOM = 1.15  # 32 steps are few
# Seconds, about, on one core of 2024: what decides is their ratio.
_PER_DIGIT_PRODUCT = 1e-10
_PER_FLOP = 5e-11
_PER_CALL = 6e-5
_TERMS, _OTHERS = 0.35, 6  # of an activation in m limbs: products of full length, _TERMS m for the series
_ACTIVATION = 4  # a product of digits of two numbers takes so many times one of a matrix and a number
_PER_LIMB = 28.0


@dataclass(frozen=True, eq=False)
class Outlook:
    """A recursion for the errors, and what it is expected to lose.

    Attributes
    ----------
    scalar : bool
        q, in the norm of `known`; otherwise products.
    rate, once : float
        Bits lost per step, and those lost whatever the number of steps.
    size : float
        Infinity norm of W, rounded up.
    """

    field: Coefficients
    known: Contraction
    q2: float
    scalar: bool
    rate: float
    once: float
    size: float

    @property
    def spread(self) -> float:
        """What an error of every entry makes of the largest entry, through the norm."""
        return self.known.of_ones * self.known.largest if self.scalar else float(len(self.field.A.mid)) ** 0.5

    def bits(self, steps: int) -> float:
        """Expected loss."""
        return self.rate * steps + self.once

    def reach(self, V: float, goal: Any) -> float:
        """How far the argument of s may be from its float64 value, for errors up to the goal and |z| <= V."""
        return float(up(self.size * float(goal.upper()) + 2.0**-50 * V))

    def recursions(self, columns: int) -> list[Any]:
        """One for all columns, or one for each."""
        return [Scalar(self.known)] if self.scalar else [Products(self.field, self.q2) for _ in range(columns)]


def outlook(problem: Problem) -> Outlook:
    """The cheaper one."""
    p, K = problem.rec.parameters, len(problem.inputs)
    field = coefficients(p)
    found = contractions(field)
    best = found[0]
    q2 = min((each.q for each in found if each.norm.name == "two"), default=inf)
    size = float(np.max(total(field.W.sizes, axis=1), initial=0.0))
    lost = log2(best.q) if best.q > 0 else -inf
    once = max(0.0, log2(best.of_ones * best.largest)) + _summed(lost, K)
    made = Outlook(field, best, q2, True, max(lost, 0.0), once, size)
    spared = (_cost(made, problem) - _cost(replace(made, rate=0.0), problem)) * K
    if spared < _PILOT * _per_product(problem.rec.N) or not q2 < inf:
        return made
    rate, first = pilot(problem, field, q2)
    other = Outlook(field, best, q2, False, rate, first + _summed(rate, K), size)
    return min((made, other), key=lambda each: _cost(each, problem))


def _summed(rate: float, steps: int) -> float:
    """log2 of 1 + r + r^2 + .., r = 2^-|rate|, at most `steps` terms."""
    ratio = 2.0 ** -min(abs(rate), 60.0)
    return log2(min(max(steps, 1), 1 / max(1 - ratio, 2.0**-60)))


def _cost(each: Outlook, problem: Problem) -> float:
    """Seconds per step, about: limbs fall in number as errors grow, so half of what is lost counts."""
    N, columns = problem.h0.shape
    m = (bits_for(problem.digits) + each.bits(len(problem.inputs)) / 2) / _PER_LIMB + 1
    digits = 3 * m * N * N + _ACTIVATION * (_TERMS * m + _OTHERS) * m * m / 2 * N
    return float(columns * (digits * _PER_DIGIT_PRODUCT + (0.0 if each.scalar else _per_product(N))))


def _per_product(N: int) -> float:
    return 2.5 * N**3 * _PER_FLOP + _PER_CALL


def pilot(problem: Problem, field: Coefficients, q2: float) -> tuple[float, float]:
    """Bits that products lose per step, and once, on the first trajectory as float64 has it."""
    p, ops, errors, seen = problem.rec.parameters, Float64(), Products(field, q2), []
    h = ops.lift(problem.h0[:, :1])
    errors.add(arb(1))
    with precision(64), np.errstate(all="ignore"):
        for x in problem.inputs[:_PILOT]:
            u = lure.drive(ops, p, ops.lift(x[:, :1]))
            z = ops.affine([(p.W, h)], parts=u.inside)  # type: ignore[arg-type]
            if not np.all(np.isfinite(z)):
                return inf, 0.0
            seen.append(_log2(errors.step(z[:, 0], 2.0**-40, arb(0))))
            h = lure.step(ops, p, h, u)
    settled = min(_SETTLING, len(seen) - 1)
    rate = (seen[-1] - seen[settled]) / max(len(seen) - 1 - settled, 1)
    return max(rate, 0.0) * _HEADROOM, max(0.0, seen[settled])


def _log2(value: Any) -> float:
    man, exponent = value.man_exp()
    return float(int(man).bit_length() + int(exponent)) if man else -inf
