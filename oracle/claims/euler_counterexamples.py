"""Where Euler's error bound (C6) fails without one of its assumptions; each certified."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb, arb_mat

from oracle.arithmetic.ball import lower_floats, precision
from oracle.claims.result import Counterexample

FLOW_ENCLOSED = "M2 is taken along a proved enclosure of the flow, which exists for the whole run"
SEGMENT = "q is taken on the whole segment from h_k to the flow, not at its ends"
FORM = "1 + Delta mu stands for |I + Delta J| only where they are equal"
MONOTONE = "slopes are bounded entry by entry in norms with positive diagonal weights only"
SLOWEST = "the slowest unit counts: tau_max in the contraction factor"
INPUT = "M2 counts the input's slope, J F + E^ x', and the step the samples Euler used"

_BITS = 128


def _certified(value: Any) -> float:
    """A lower bound; 0 where the value is not certainly positive."""
    return float(lower_floats(arb_mat(1, 1, [value]))[0, 0]) if value > 0 else 0.0


def _ball(value: Fraction) -> Any:
    return arb(value.numerator) / value.denominator


def expanding() -> Counterexample:
    """h' = h from h = 1, with M2 of the ball that the initial state lies in: the flow leaves it."""
    steps, step = 20, Fraction(1, 2)
    euler = (1 + step) ** steps
    promised = sum(((1 + step) ** j for j in range(steps)), Fraction(0)) * step**2 / 2  # q = 3/2 and M2 = 1
    with precision(_BITS):
        certified = _certified(arb(10).exp() - _ball(euler) - _ball(promised))
    return Counterexample(
        FLOW_ENCLOSED,
        "h' = h, h(0) = 1, Delta = 1/2, 20 steps: q = 3/2 is right, M2 = 1 is that of |h| <= 1, which the flow leaves; "
        "e^10 - (3/2)^20 exceeds the bound",
        certified,
        "balls",
    )


def at_the_ends() -> Counterexample:
    """One step of h' = -h + tanh 3h moves -9/10 and 9/10 closer by less than the slopes at both ends say."""
    with precision(_BITS):
        h, delta = arb(9) / 10, arb(1) / 10
        moved = h + delta * ((3 * h).tanh() - h)
        at_ends = 1 + delta * (3 * (1 - (3 * h).tanh() ** 2) - 1)
        certified = _certified(moved / h - at_ends)
    return Counterexample(
        SEGMENT,
        "h' = -h + tanh 3h, Delta = 1/10, states -9/10 and 9/10: q of the slopes at both ends is .903, the step moves "
        "their distance by .9995",
        certified,
        "balls",
    )


def rotating() -> Counterexample:
    """J = [[-1, 10], [-10, -1]], Delta = 1/10: mu_2 = -1, |I + Delta J|_2 = sqrt(.81 + 1)."""
    delta = Fraction(1, 10)
    squared = (1 - delta) ** 2 + (10 * delta) ** 2  # (I + Delta J)^T (I + Delta J) is this multiple of I
    with precision(_BITS):
        certified = _certified(_ball(squared).sqrt() - _ball(1 - delta))
    return Counterexample(
        FORM,
        "J = [[-1, 10], [-10, -1]], Delta = 1/10, 2-norm: 1 + Delta mu_2 = .9, |I + Delta J|_2 = 1.345",
        certified,
        "balls",
    )


def not_monotone() -> Counterexample:
    """|v| = |P v|_inf with P = [[1, 5], [0, 1]]: |diag(0, 3/4)| is not 3/4."""
    decay, rows = (Fraction(0), Fraction(3, 4)), ((Fraction(1), Fraction(5)), (Fraction(0), Fraction(1)))
    inverse = ((Fraction(1), Fraction(-5)), (Fraction(0), Fraction(1)))
    zero, both = Fraction(0), range(2)
    similar = [[sum((rows[i][k] * decay[k] * inverse[k][j] for k in both), zero) for j in both] for i in both]
    size = max(sum((abs(entry) for entry in row), zero) for row in similar)
    return Counterexample(
        MONOTONE,
        "tau = (1, 4), W = 0, Delta = 1 in |v| = max(|v1 + 5 v2|, |v2|): 1 - Delta/tau_max = 3/4, |I + Delta A| = 15/4",
        size - max(decay),
        "exact rational",
    )


def fastest() -> Counterexample:
    """Two uncoupled units, tau = 1/2 and 5, with q of the fast one."""
    step, steps, taus, start = Fraction(1, 10), 60, (Fraction(1, 2), Fraction(5)), (Fraction(1, 100), Fraction(1))
    M2 = max(h / tau**2 for h, tau in zip(start, taus, strict=True))
    q = 1 - step / taus[0]
    promised = step**2 * M2 / 2 * (1 - q**steps) / (1 - q)
    euler = (1 - step / taus[1]) ** steps * start[1]
    with precision(_BITS):
        flow = (-_ball(steps * step / taus[1])).exp() * _ball(start[1])
        certified = _certified(flow - _ball(euler) - _ball(promised))
    return Counterexample(
        SLOWEST,
        "h_i' = -h_i/tau_i, tau = (1/2, 5), Delta = 1/10, 60 steps: with q = 1 - Delta/tau_min the distance of the "
        "slow unit exceeds the bound",
        certified,
        "balls",
    )


def oscillating() -> Counterexample:
    """h' = -h + cos 50 t with Delta = 2 pi / 50: every sample is 1, and x' is missing from M2."""
    with precision(_BITS):
        step, k = 2 * arb.pi() / 50, 10
        decay = (1 - step) ** k
        flow = (1 - (-k * step).exp()) / 2501  # (cos 50t + 50 sin 50t - e^-t) / 2501 at the grid points
        bound = step / 2 * (1 - decay)  # q = 1 - Delta, M2 = sup |J F| = 1 as for a held input
        certified = _certified((1 - decay) - flow - bound)
    return Counterexample(
        INPUT,
        "h' = -h + cos 50t, h(0) = 0, sampled every 2 pi / 50: with |J F| alone for M2, without x', the distance at "
        "step 10 exceeds the bound",
        certified,
        "balls",
    )
