"""C18: its assumptions, and for each a case in which only it is dropped and the claim fails, certified in balls."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from flint import acb, arb, arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, precision
from oracle.claims import lyapunov
from oracle.claims.result import Counterexample
from oracle.claims.sampling import HELD
from oracle.claims.spectrum import eigenvalues
from oracle.records.exact import Array

LIPSCHITZ = "the input is Lipschitz where it is held, and so is its derivative where it is linear between samples"
NEGATIVE = "where a bound for all times is claimed, mu < 0"
EXACT_FLOW = "between samples the flow is exact"
OWN_TIME = "exponents are taken per unit of each system's own time, t = r s"
ACROSS_R = "exponents are compared across R, not across D"
NO_LIMIT = "no time constant is sent to zero"


BITS = 192
"""All of them are closed forms of a few operations."""


def lower(value: Any) -> float:
    """A certified lower bound of a positive ball, 0 otherwise."""
    return float(lower_floats(arb_mat(1, 1, [value]))[0, 0]) if value > 0 else 0.0


def jumping() -> Counterexample:
    """h' = -h + x, x = 0 at t = 0 and 1 afterwards; the samples 0 and 1 suggest a slope of 1."""
    with precision(BITS):
        gap = (1 - arb(-1).exp()) - HELD.weight(arb(-1), arb(1))
        return Counterexample(
            LIPSCHITZ,
            "h' = -h + x, Delta = 1, x jumps from 0 to 1 after the first sample: the error 1 - 1/e exceeds the bound "
            "for the slope 1 that the samples suggest",
            lower(gap),
            "balls",
        )


def kinked() -> Counterexample:
    """x = |t - 1/2|: x'' = 0 on both sides, and the chord of the samples 1/2, 1/2 misses the kink."""
    with precision(BITS):
        half = arb(-0.5).exp()  # int_0^1 e^{-(1-t)} (1/2 - |t - 1/2|) dt = (1 - e^{-1/2})^2
        return Counterexample(
            LIPSCHITZ,
            "h' = -h + |t - 1/2|, Delta = 1: x'' = 0 except at the kink, and the chord is off by (1 - e^{-1/2})^2",
            lower((1 - half) ** 2),
            "balls",
        )


def expanding() -> Counterexample:
    """h' = h + t from 0, held: three steps of 1."""
    with precision(BITS):
        mu = arb(1)
        error = HELD.weight(mu, arb(1)) * (1 + mu.exp() + (2 * mu).exp())  # attained: the ramp
        return Counterexample(
            NEGATIVE,
            "h' = h + t, Delta = 1, mu = 1: after 3 steps the error exceeds the bound for all times with |mu| = 1",
            lower(error - HELD.uniform(-mu, arb(1))),
            "balls",
        )


def not_the_flow() -> Counterexample:
    """h' = -h without input: nothing is lost by sampling, and Euler is off."""
    with precision(BITS):
        gap = arb(-0.5).exp() - arb(0.5)
        text = "h' = -h, no input, Delta = 1/2: sampling costs nothing, an Euler step 1/2 is e^{-1/2} - 1/2 off"
        return Counterexample(EXACT_FLOW, text, lower(gap), "balls")


def unscaled_time() -> Counterexample:
    """h+ = h/2, Delta = 1: log(1/2) per unit of t, and after r = 2 the same per unit of t is not twice that."""
    with precision(BITS):
        exponent = -arb(2).log()
        text = "h+ = h/2, Delta = 1, r = 2, exponents per unit of t on both sides: -log 2 is not 2 (-log 2)"
        return Counterexample(OWN_TIME, text, lower(abs(2 * exponent - exponent)), "balls")


def euler_exponent(step: Fraction) -> Any:
    """log|1 + Delta lambda| / Delta for lambda = -1/10 + 3i; use inside `precision`."""
    ops = Ball()
    delta = ops.rational(step)
    return lyapunov.asymptotic([1 + delta * acb(ops.rational(Fraction(-1, 10)), arb(3))], delta)[0]


def across_euler() -> Counterexample:
    """lambda = -.1 + 3i decays at .1; Euler's steps of .1 grow at .339, those of .01 decay at .055."""
    with precision(BITS):
        gap = euler_exponent(Fraction(1, 10)) + Ball().rational(Fraction(1, 10))
        text = "lambda = -.1 + 3i, exponent -.1: Euler with Delta = .1 has +.339, with Delta = .01 it has -.055"
        return Counterexample(ACROSS_R, text, lower(gap), "balls")


FAST, FAST_STEP = Fraction(1, 1000), Fraction(1, 2)
"""eps and Delta of the fast limit; any Delta between log(3/2) and log 2 separates the two orders."""


def fast_matrix(eps: Fraction) -> Array:
    """y' = -y + f, eps f' = -f - 3 y."""
    rows = [[Fraction(-1), Fraction(1)], [-3 / eps, -1 / eps]]
    return np.array(rows, dtype=object)


def fast_radii(eps: Fraction, step: Fraction) -> dict[str, Any]:
    """Of y' = -y + f, eps f' = -f - 3y: the largest real part of the flow, the spectral radii of Euler and exponential
    Euler, and of exponential Euler of the limit y' = -4y, leak -1; balls, to use inside `precision`."""
    ops = Ball()
    J, delta = ops.lift(fast_matrix(eps)), ops.rational(step)
    slow, fast = (-delta).exp(), (-delta / ops.rational(eps)).exp()
    exponential = arb_mat(2, 2, [slow, 1 - slow, -3 * (1 - fast), fast])
    euler = arb_mat(2, 2, [1, 0, 0, 1]) + J * delta
    radius = {name: _radius(part) for name, part in (("euler", euler), ("exponential-euler", exponential))}
    real = lyapunov.largest([value.real for value in eigenvalues(J) or ()])
    return {"flow": real, **radius, "limit first": abs(slow - 3 * (1 - slow))}


def _radius(matrix: Any) -> Any:
    return lyapunov.largest([abs(acb(value)) for value in eigenvalues(matrix) or ()])


def fast_limit() -> Counterexample:
    """The flow is stable, and so is exponential Euler of its limit; the limit of exponential Euler is not."""
    with precision(BITS):
        radii = fast_radii(FAST, FAST_STEP)
        stable = bool(radii["flow"] < 0 and radii["limit first"] < 1)
        gap = min(lower(radii[name] - 1) for name in ("euler", "exponential-euler")) if stable else 0.0
    return Counterexample(
        NO_LIMIT,
        "y' = -y + f, eps f' = -f - 3y, eps = 1/1000, Delta = 1/2: the flow is stable, and so is exponential Euler of "
        "the limit y' = -4y; Euler and exponential Euler of the pair are not, their spectral radius exceeds 1",
        gap,
        "balls",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (
        jumping(),
        kinked(),
        expanding(),
        not_the_flow(),
        unscaled_time(),
        across_euler(),
        fast_limit(),
    )
