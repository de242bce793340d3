"""C1: temporal rescaling and discretisation commute.

    D_{Delta/r} R_r = R_r D_Delta

for every constant r > 0 and any field, time constants of any kind included. As systems with a time grid no other step
does it, whatever the field. As maps, no other step does it for Euler and exponential Euler where F is not identically
zero; a Runge-Kutta step can coincide: R(z) = 1 + z + z^2/2 takes the same value at z and -2 - z, so the midpoint rule
on h' = -h with step 1/2 is the same map as with step 3/2.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from flint import arb

from oracle.arithmetic.ball import lower_floats, precision
from oracle.arithmetic.rational import Rational
from oracle.claims.floats import observed
from oracle.claims.predicates import (
    CONSTANT_FACTOR,
    SAME_SAMPLES,
    SCALE_FREE,
    STEP_RESCALED,
    constant_factor,
    identity,
    same_samples,
    scale_free,
    step_rescaled,
)
from oracle.claims.result import Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.equations import lure
from oracle.equations.catalogue import advance
from oracle.procedures.sameness import Sameness
from oracle.records.exact import Array
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence

STATEMENT = (
    "Rescaling time by a constant r > 0 and discretising with step Delta / r gives the same recurrence, on the same "
    "time grid, as discretising with step Delta and rescaling; with another step the grids differ."
)
LATEX = (
    r"D_{\Delta/r}\,R_r = R_r\,D_\Delta \quad\text{for every constant } r>0,"
    r"\ \text{one-step methods that see the field } F \text{ and the step only as } \Delta F"
)


def evaluate(setting: Setting) -> Evaluated:
    """The face R,D of the cube, exactly; beside it both orders in float64."""
    face = setting.cube.face("R,D nonlinear")
    assumptions = (
        constant_factor(setting),
        step_rescaled(setting),
        same_samples(setting),
        scale_free(setting),
    )
    outcome = Sameness(face.holds, face.evidence, face.gap)
    return identity(assumptions, [(face.name, outcome)], observed(setting.cube, setting.run))


# -- counterexamples --------------------------------------------------------------------------------------------------
STATE = np.array([Fraction(1, 4), Fraction(-1, 8)], dtype=object)
SAMPLE = np.array([Fraction(3, 4)], dtype=object)


def example() -> Network:
    """Two rectified units with their own time constants and one input: everything about it is rational."""
    return Network.rate([[0.5, -1.0], [0.75, 0.25]], [[1.0], [-0.5]], [0.125, 0.25], tau=[1.0, 0.5], activation="relu")


def field_at(net: Network, h: Array = STATE, x: Array = SAMPLE) -> Array:
    """F(h, x), exactly."""
    ops = Rational()
    return lure.step(ops, net.field, ops.lift(h), lure.drive(ops, net.field, ops.lift(x)))


def one_step(rec: Recurrence, h: Array = STATE, x: Array = SAMPLE) -> Array:
    """One step, exactly."""
    ops = Rational()
    return advance(ops, rec, ops.lift(h), ops.lift(x))


def gap_between(a: Array, b: Array) -> Fraction:
    """Largest difference of two exact vectors."""
    return Fraction(max(abs(entry) for entry in (a - b).ravel()))


def unscaled_step() -> Counterexample:
    """D_Delta R_r against R_r D_Delta: one step differs by Delta |r - 1| |F|."""
    net, r, step = example(), 3, Fraction(1, 4)
    gap = gap_between(one_step(net.rescale(r).discretize(step)), one_step(net.discretize(step)))
    return Counterexample(
        STEP_RESCALED,
        "the step stays Delta = 1/4 at r = 3: one Euler step differs by Delta |r - 1| |F(h, x)|",
        gap,
        "exact rational",
    )


def varying_factor() -> Counterexample:
    """r(t) = 1 + t: s = log(1 + t), so the step from t = 0 to t = 1 is log 2 and not 1 / r(0)."""
    size = max(abs(entry) for entry in field_at(example()).ravel())
    with precision(128):
        gap = (1 - arb(2).log()) * arb(size.numerator) / arb(size.denominator)
        certified = float(lower_floats(_single(gap))[0, 0])
    return Counterexample(
        CONSTANT_FACTOR,
        "r(t) = 1 + t: the grid t = 0, 1 becomes s = 0, log 2, no step Delta / r; an Euler step of log 2 differs by "
        "(1 - log 2) |F(h, x)|",
        certified,
        "balls",
    )


def other_instants() -> Counterexample:
    """The input x(t) = t is read at s_k instead of r s_k."""
    net, r, step = example(), 3, Fraction(1, 2)
    rec = net.discretize(step)
    in_t, in_s = (np.array([step / factor], dtype=object) for factor in (1, r))
    gap = gap_between(one_step(rec, x=in_t), one_step(rec, x=in_s))
    return Counterexample(
        SAME_SAMPLES, "x(t) = t is sampled at s_1 = 1/6 instead of r s_1 = t_1 = 1/2", gap, "exact rational"
    )


def capped_step() -> Counterexample:
    """An integrator with an absolute largest step, as adaptive ones have: Euler with steps of at most 1."""
    net = Network(A=-1, B=0, W=[[0.0]], activation="identity")
    h = np.array([Fraction(1)], dtype=object)
    whole = one_step(net.discretize(1), h, np.array([]))
    half = net.rescale(Fraction(1, 2)).discretize(1)
    halves = one_step(half, one_step(half, h, np.array([])).ravel(), np.array([]))
    return Counterexample(
        SCALE_FREE,
        "h' = -h by Euler with steps of at most 1 (an adaptive integrator whose max_step is not scaled): the step "
        "Delta = 1 becomes two steps at r = 1/2, 1/4 instead of 0",
        gap_between(whole, halves),
        "exact rational",
    )


def unscaled_noise() -> Counterexample:
    """Euler-Maruyama adds sqrt(Delta) sigma xi; R multiplies sigma by sqrt(r), which is forgotten here."""
    root_step, root_r, sigma_xi = Fraction(1, 2), Fraction(2), Fraction(1)
    gap = abs(root_step - root_step / root_r) * sigma_xi
    return Counterexample(
        SCALE_FREE,
        "Euler-Maruyama with Delta = 1/4, r = 4 and a noise amplitude that is not multiplied by sqrt(r): for sigma xi "
        "= 1 one step differs by sqrt(Delta) |1 - 1/sqrt(r)|",
        gap,
        "exact rational",
    )


def _single(value: Any) -> Any:
    from flint import arb_mat

    return arb_mat(1, 1, [value])


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (varying_factor(), unscaled_step(), other_instants(), capped_step(), unscaled_noise())


CLAIM = Claim(
    "C1",
    "rescaling and discretisation commute",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c01_rescaling_discretisation"),
)
