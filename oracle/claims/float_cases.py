"""C12: its assumptions, and for each a float64 computation in which only it is dropped; differences are exact."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import sqrt
from typing import Any

import numpy as np

from oracle.claims.result import Counterexample
from oracle.procedures.float_orders import stored
from oracle.procedures.float_programs import as_record, both, in_floats, program
from oracle.records.network import Network

POWER_OF_TWO = "where bit for bit is claimed, r is a power of two"
SCALED = "the stored A, B, E, c are multiplied by r, the stored step is divided by r, and W, M, b are left alone"
ONE_PROGRAM = "both orders are one expression, homogeneous in r, computed by one kernel in one order"
IN_RANGE = "nothing that is scaled over- or underflows, or is subnormal, before or after"
NO_THRESHOLD = "no number of the method is absolute: no tolerance, no first or largest step"
NOISE = "where there is noise, r is a power of four"


def one_step(net: Network, step: Any, r: Any, h: Any = (0.0,), x: Any = (), step_after: Any = None) -> Fraction:
    """|difference| of both Euler programs after one step, exactly."""
    after = float(step) / float(r) if step_after is None else step_after
    column, sample = np.array(h)[:, None], np.array(x)[:, None]
    first, second = (in_floats(part)(column, sample) for part in both(net.field, "euler", step, r, after))
    return max(abs(Fraction(a) - Fraction(b)) for a, b in zip(first[:, 0].tolist(), second[:, 0].tolist(), strict=True))


def driven(c: float, A: float = 0.0) -> Network:
    """h' = A h + c."""
    return Network(A=[A], B=0, W=[[0.0]], c=[c], activation="identity")


def thirds() -> Counterexample:
    """Delta = .1, F = .3, r = 3: .03 against .029999999999999995."""
    text = "r = 3, Delta = .1, F = .3: .1 * .3 is 0.03, (.1 / 3) * (3 * .3) is 0.029999999999999995"
    return Counterexample(POWER_OF_TWO, text, one_step(driven(0.3), 0.1, 3), "exact rational")


def unscaled_step() -> Counterexample:
    """The step is left alone: Delta |r - 1| |F|."""
    text = "r = 2, F = 3/4, Delta = 1/2 for both orders: one step differs by Delta F"
    return Counterexample(SCALED, text, one_step(driven(0.75), 0.5, 2, step_after=0.5), "exact rational")


def scaled_weights() -> Counterexample:
    """W is scaled as well: relu(2 W h) instead of relu(W h)."""
    field = Network(A=[-1], B=[1], W=[[0.5]], activation="relu")
    wrong = Network(A=[-2], B=[2], W=[[1.0]], activation="relu")
    h = np.array([[0.75]])
    first, second = (
        in_floats(program(as_record(stored(net.field)), "euler", step))(h, np.zeros((0, 1)))
        for net, step in ((field, 0.5), (wrong, 0.25))
    )
    gap = abs(Fraction(first[0, 0].item()) - Fraction(second[0, 0].item()))
    return Counterexample(
        SCALED, "r = 2 multiplies W as well: h' = -h + relu(h/2) becomes -2h + 2 relu(h)", gap, "exact rational"
    )


def other_order() -> Counterexample:
    """1 + 2^-53 + 2^-53, from the left and from the right."""
    terms = [1.0, 2.0**-53, 2.0**-53]
    left, right = (terms[0] + terms[1]) + terms[2], terms[0] + (terms[1] + terms[2])
    text = "r = 2, F = 1 + 2^-53 + 2^-53, Delta = 1: one order sums from the left, the other from the right"
    return Counterexample(ONE_PROGRAM, text, abs(Fraction(left) - Fraction((2 * right) / 2)), "exact rational")


def distributed() -> Counterexample:
    """h + Delta A h against (1 + Delta A) h: the same map, not the same expression."""
    h, step, A = 1.1, 0.1, -0.3
    field, formed = h + (step / 2) * ((2 * A) * h), (1.0 + step * A) * h
    text = "r = 2, A = -.3, Delta = .1, h = 1.1: one order computes h + Delta (A h), the other (1 + Delta A) h"
    return Counterexample(ONE_PROGRAM, text, abs(Fraction(field) - Fraction(formed)), "exact rational")


def subnormal() -> Counterexample:
    """c = 3 * 2^-1074 has no half: it becomes 2 * 2^-1074."""
    text = (
        "r = 1/2, c = 3 * 2^-1074, Delta = 2^1000: half of c is rounded to 2^-1073, and one step of 3 * 2^-74 differs"
    )
    return Counterexample(IN_RANGE, text, one_step(driven(3 * 2.0**-1074), 2.0**1000, 0.5), "exact rational")


def first_step() -> Counterexample:
    """h' = -h to t = 1, the first step 1/4 in whichever time, then one step to the end."""
    plain = (1.0 - 0.25) * (1.0 - 0.75)
    moved = (1.0 - 2 * 0.25) * (1.0 - 2 * 0.25)
    text = (
        "r = 2, an adaptive method whose first step is 1/4 in either time: h' = -h to t = 1 takes steps 1/4 and 3/4, "
    )
    return Counterexample(
        NO_THRESHOLD, text + "or 1/2 and 1/2", abs(Fraction(plain) - Fraction(moved)), "exact rational"
    )


def noise_of_two() -> Counterexample:
    """Euler-Maruyama, sqrt(Delta) sigma against sqrt(Delta / r) (sqrt(r) sigma)."""
    return Counterexample(
        NOISE,
        "r = 2, Delta = 1/4, sigma = 1, xi = 1: sqrt(1/4) = 1/2 against sqrt(1/8) sqrt(2) in float64; r = 4 is exact",
        noise_gap(2.0),
        "exact rational",
    )


def noise_gap(r: float, step: float = 0.25) -> Fraction:
    """What one Euler-Maruyama step of unit noise differs by; sqrt is correctly rounded."""
    return abs(Fraction(sqrt(step)) - Fraction(sqrt(step / r) * sqrt(r)))


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (
        thirds(),
        unscaled_step(),
        scaled_weights(),
        other_order(),
        distributed(),
        subnormal(),
        first_step(),
        noise_of_two(),
    )
