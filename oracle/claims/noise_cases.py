"""The assumptions of C11 and the cases in which one of them is dropped.

R multiplies Sig by sqrt(r)      not by 1, not by r
a step adds sqrt(Delta) Sig xi   not alpha sigma xi (vanishes), not sigma xi (diverges), not inside s (saturates)
the same draws; forward Euler; slopes that exist; a step that contracts
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from flint import acb, arb, arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, precision
from oracle.claims.covariance import BITS
from oracle.claims.predicates import CONSTANT_FACTOR, DIFFERENTIABLE, STEP_RESCALED
from oracle.claims.result import Counterexample
from oracle.procedures.noise import Diffusion, leaky_variance, noise_per_step, rescaled_noise, stationary_variance
from oracle.records.noise import SCALES

RESCALED = "R multiplies the noise by sqrt(r)"
PER_STEP = "a step adds sqrt(Delta) Sig xi to the new state, outside the nonlinearity"
SAME_DRAWS = "both orders use the same draws xi_k"
EULER = "the scheme is forward Euler"
STABLE = "where the covariance is a stationary one, the step contracts: rho(I + Delta J) < 1"


def varying_factor() -> Counterexample:
    """t = s + s^2/2: the step from s = 0 to 1 lasts until t = 3/2, but r(0) = 1 gives the noise of Delta = 1."""
    lasts, frozen = Fraction(3, 2), noise_per_step(Diffusion(Fraction(1), np.eye(1)), Fraction(1))
    return Counterexample(
        CONSTANT_FACTOR,
        "r(s) = 1 + s: from s = 0 to 1 the time is 3/2, and so is the variance of w; one step with sqrt(r(0)) adds 1",
        lasts - frozen.square,
        "exact rational",
    )


def _variances(r: int, step: Fraction, after: Fraction, factor: Any = None) -> Fraction:
    """Difference of the variances of one step of dh = dw in both orders."""
    noise = Diffusion(Fraction(1), np.eye(1))
    inner = rescaled_noise(noise, r) if factor is None else Diffusion(factor, noise.matrix)
    return abs(Fraction(noise_per_step(inner, after).square - noise_per_step(noise, step).square))


def unscaled_step() -> Counterexample:
    """The step stays Delta: r Delta instead of Delta."""
    step = Fraction(1, 4)
    text = "dh = dw, r = 3, the step stays Delta = 1/4: the variance of a step is r Delta"
    return Counterexample(STEP_RESCALED, text, _variances(3, step, step), "exact rational")


def forgotten_root() -> Counterexample:
    """Sig as it was: Delta/r."""
    text = "dh = dw, r = 3, Delta = 1/4, Sig left as it is: the variance of a step is Delta / r"
    gap = _variances(3, Fraction(1, 4), Fraction(1, 12), Fraction(1))
    return Counterexample(RESCALED, text, gap, "exact rational")


def factor_for_root() -> Counterexample:
    """r Sig instead of sqrt(r) Sig: r Delta."""
    text = "dh = dw, r = 3, Delta = 1/4, Sig multiplied by r: the variance of a step is r Delta"
    gap = _variances(3, Fraction(1, 4), Fraction(1, 12), Fraction(9))
    return Counterexample(RESCALED, text, gap, "exact rational")


def remaining(name: str, alpha: Fraction) -> Fraction:
    """Stationary variance of the leak under a named scale, tau = 1, sigma = 1."""
    found: Fraction = stationary_variance(alpha, SCALES[name].square(alpha, alpha, Fraction(1)))
    return found


def vanishing() -> Counterexample:
    """alpha sigma xi: alpha/(2 - alpha) tends to zero."""
    return _other_scale("alpha", "tends to 0 with alpha")


def diverging() -> Counterexample:
    """sigma xi: 1/(alpha (2 - alpha)) diverges."""
    return _other_scale("unscaled", "diverges as alpha tends to 0")


def _other_scale(name: str, text: str) -> Counterexample:
    alpha = Fraction(1, 100)
    found, right = remaining(name, alpha), remaining("sqrt-2alpha", alpha)
    return Counterexample(
        PER_STEP,
        f"{SCALES[name].formula} sigma xi per step, alpha = 1/100: the variance {float(found):.4g} sigma^2 {text}; "
        f"with sqrt(2 alpha) it is {float(right):.4g} sigma^2",
        abs(found - right),
        "exact rational",
    )


def saturated(alpha: Fraction) -> Any:
    """Stationary standard deviation of h+ = (1 - alpha) h + alpha tanh(sqrt(2/alpha) xi), as a ball.

    sqrt(alpha/(2 - alpha) E tanh^2(sqrt(2/alpha) xi)), by certified quadrature on [-12, 12]; tanh^2 <= 1 beyond.
    """
    with precision(BITS):
        a, edge = Ball().rational(alpha), 12
        gain = Ball().rational(SCALES["sqrt-2-over-alpha"].square(alpha, None, None)).sqrt()

        def density(x: Any, _: Any) -> Any:
            return (x * gain).tanh() ** 2 * (-x * x / 2).exp()

        inner = acb.integral(density, 0, edge).real * 2 / (2 * arb.pi()).sqrt()
        tail = (arb(edge) / arb(2).sqrt()).erfc()
        return (a / (2 - a) * (inner + tail * arb(0.5, 0.5))).sqrt()


def inside() -> Counterexample:
    """sqrt(2/alpha) inside s: tanh saturates."""
    alpha, sizes = Fraction(1, 100), []
    for each in (Fraction(1, 10), alpha, Fraction(1, 1000)):
        sizes.append(saturated(each))
    with precision(BITS):
        right = Ball().rational(remaining("sqrt-2alpha", alpha)).sqrt()
        gap = float(lower_floats(arb_mat(1, 1, [right - sizes[1]]))[0, 0])
    told = ", ".join(f"{float(size):.4f}" for size in sizes)
    return Counterexample(
        PER_STEP,
        f"sqrt(2/alpha) sigma xi inside tanh, W = 0, sigma = 1: the standard deviation is {told} at alpha = .1, .01, "
        ".001, and not near 1: tanh saturates",
        gap,
        "balls",
    )


def other_draws() -> Counterexample:
    """xi = 1 in one order, -1 in the other."""
    root_step, first, second = Fraction(1, 2), Fraction(1), Fraction(-1)
    text = "dh = dw, Delta = 1/4: with xi = 1 in one order and -1 in the other one step differs by 2 sqrt(Delta)"
    return Counterexample(SAME_DRAWS, text, abs(root_step * (first - second)), "exact rational")


def exponential() -> Counterexample:
    """Exponential Euler keeps e^-alpha of the state: P = Delta/(1 - e^-2alpha)."""
    alpha = Fraction(1, 2)
    with precision(BITS):
        a = Ball().rational(alpha)
        found = a / (1 - (-2 * a).exp())
        gap = abs(found - Ball().rational(leaky_variance(alpha, Fraction(1), Fraction(1))))
        certified = float(lower_floats(arb_mat(1, 1, [gap]))[0, 0])
    text = "h' = -h + w', exponential Euler, sqrt(Delta) xi, Delta = 1/2: the variance is Delta/(1 - e^-1), not 2/3"
    return Counterexample(EULER, text, certified, "balls")


def kink() -> Counterexample:
    """h' = -h + relu(h) + w' at 0: the mean moves, which no linearisation at zero does."""
    alpha, step = Fraction(1, 2), Fraction(1, 2)
    with precision(BITS):
        # h_1 = sqrt(Delta) xi, h_2 = (1 - alpha) h_1 + alpha relu(h_1) + ..; E relu(xi) = 1/sqrt(2 pi).
        mean = Ball().rational(alpha) * Ball().rational(step).sqrt() / (2 * arb.pi()).sqrt()
        gap = float(lower_floats(arb_mat(1, 1, [mean]))[0, 0])
    text = "h' = -h + relu(h) + w' at h* = 0, Delta = 1/2: after two steps the mean is alpha sqrt(Delta / (2 pi));"
    return Counterexample(DIFFERENTIABLE, f"{text} with any slope written for relu'(0) it is 0", gap, "balls")


def too_large() -> Counterexample:
    """alpha = 3: the formula is negative, the variance after 4 steps is 85 Delta."""
    alpha, P = Fraction(3), Fraction(0)
    for _ in range(4):
        P = (1 - alpha) ** 2 * P + alpha
    text = "h' = -h + w', alpha = 3: the formula gives -1, and after 4 steps the variance is 255 and grows"
    return Counterexample(STABLE, text, P - leaky_variance(alpha, Fraction(1), Fraction(1)), "exact rational")


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (
        varying_factor(),
        unscaled_step(),
        forgotten_root(),
        factor_for_root(),
        vanishing(),
        diverging(),
        inside(),
        other_draws(),
        exponential(),
        kink(),
        too_large(),
    )
