"""C5: which ways of absorbing a time constant are exact for a network, and what the others cost.

h' = -h/tau + (g/tau) s(W h + M x + b)        paper: g = tau;  rate: g = 1, where nothing is left to absorb

(i)    s positively homogeneous: W, M and b take g
(ii)   h = g y: the rate form, only W changes, W -> W g; per unit as well; with one tau, R makes it y' = -y + s(..)
(iii)  linearised at z* = 0, s(0) = 0: W, M and b take g s'(0)
(iv)   otherwise |g s(z) - s(g z)| is bounded as in `absorbing_error`, and so is the distance of the two runs
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import lower_floats, precision
from oracle.arithmetic.rational import slope_at, value_at
from oracle.claims.absorbing_error import absorbing_error
from oracle.claims.absorbing_run import error_along_run
from oracle.claims.absorption import (
    Gain,
    as_map,
    gains,
    inside,
    rate_form,
    same_field_along,
    scaled,
    tangent_at_zero,
    time_constants,
)
from oracle.claims.predicates import identity
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, shown, symbolic
from oracle.claims.setting import Setting
from oracle.equations.activations import ACTIVATIONS
from oracle.procedures.collapse import collapsed
from oracle.procedures.discretize import euler
from oracle.procedures.rescale import rescaled
from oracle.procedures.sameness import Sameness, same_maps
from oracle.records.exact import Array, exact_object
from oracle.records.lure import Lure
from oracle.records.network import Network

STATEMENT = (
    "The gain g = tau of the paper form is absorbed exactly by W, M and b where s is positively homogeneous, by W "
    "alone with h = g y for every s, and by W, M and b in the linearisation at z* = 0 where s(0) = 0; otherwise "
    "absorbing it costs at most |g - 1||s(0)| + g|g - 1||s''(0)| z^2/2 + |g^3 - g| sup|s'''| |z|^3/6 per unit."
)
LATEX = (
    r"h=Ty:\ T^{-1}D_{A,B}(T\cdot):\ W\mapsto WT;\qquad |g\,\sigma(z)-\sigma(gz)|\le |g-1||\sigma(0)|"
    r"+g|g-1||\sigma''(0)|\tfrac{z^2}{2}+|g^3-g|\sup|\sigma'''|\tfrac{|z|^3}{6}"
)
FORM = "each unit leaks into itself and one gain multiplies its s: A = -1/tau, B = g/tau, nothing outside s"
POSITIVE = "the gain is positive"
ONE_TAU = "time is rescaled only where all units share tau; otherwise the state alone is scaled"
HOMOGENEOUS = "W, M and b take the gain without error only where s is positively homogeneous"
AT_ZERO = "the linearisation takes the gain only at z* = 0, where s(0) = 0"

BITS = 160


def evaluate(setting: Setting) -> Evaluated:
    """The exact ways as record equalities; the error of the others along the run."""
    field = setting.net.field
    tau, gain = time_constants(field), gains(field)
    assumptions = read(field, tau, gain)
    if tau is None or gain is None or assumptions[1].holds is False:
        return Evaluated(assumptions, Fraction(0), None, ("there is no gain to absorb",))
    outcomes = tuple(exact_ways(setting, tau, gain))
    if ACTIVATIONS[field.activation].positively_homogeneous or np.all(gain == 1):
        return identity(assumptions, outcomes)
    wrong = [outcome for _, outcome in outcomes if outcome.holds == "different"]
    if wrong or any(outcome.holds == "undecided" for _, outcome in outcomes):
        return identity(assumptions, outcomes)
    texts = [f"{name}: {outcome.holds}, {outcome.evidence}" for name, outcome in outcomes]
    ways = ", ".join(dict.fromkeys(name.split(":")[0] for name, _ in outcomes))
    found = error_along_run(setting, gain, assumptions, texts)
    return replace(found, observed={**found.observed, "exact ways": ways})


def read(field: Lure, tau: Gain | None, gain: Gain | None) -> tuple[Assumption, ...]:
    """The assumptions on a network."""
    activation = ACTIVATIONS[field.activation]
    positive = gain is not None and bool(np.all(gain > 0))
    several = isinstance(tau, np.ndarray)
    zero = value_at(field.activation, Fraction(0)) == 0
    form = "A is not -1/tau, B not g/tau, or E or c is not zero" if gain is None else f"g = {_span(gain)} (exact)"
    unit = f"{field.activation} is homogeneous: way (i)" if activation.positively_homogeneous else "way (i) is not used"
    return (
        Assumption(FORM, gain is not None, form),
        Assumption(POSITIVE, "undecided" if gain is None else positive, "" if gain is None else f"g = {_span(gain)}"),
        Assumption(ONE_TAU, True, "per unit: h = g y without R" if several else "one tau: R, and h = g y"),
        Assumption(HOMOGENEOUS, True, unit),
        Assumption(AT_ZERO, True, f"{field.activation}(0) = 0: way (iii)" if zero else "way (iii) is not used"),
    )


def _span(gain: Gain) -> str:
    if not isinstance(gain, np.ndarray):
        return shown(gain)
    return f"{float(min(gain)):.6g} to {float(max(gain)):.6g}"


# -- exact ways -------------------------------------------------------------------------------------------------------
def exact_ways(setting: Setting, tau: Gain, g: Gain) -> Iterator[tuple[str, Sameness]]:
    """Each exact way that applies, with the comparison that decides it."""
    p = setting.net.field
    states, inputs = _along(setting)
    one = Fraction(1)
    if ACTIVATIONS[p.activation].positively_homogeneous:
        target = rate_form(tau, p.W.scaled(g), p.M.scaled(g), _times(g, p.b), p.activation)
        yield "(i) W, M and b take g: records", _same(inside(p, g), target)
        yield "(i) W, M and b take g: fields", same_field_along(p, inside(p, g), one, states, inputs)
    only_W = scaled(p, g)
    target = rate_form(tau, p.W.times_diagonal(g), p.M, p.b, p.activation)
    yield "(ii) h = g y, only W changes: records", _same(only_W, target)
    yield "(ii) h = g y, only W changes: fields", same_field_along(p, only_W, g, states, inputs)
    yield "(ii) h = g y, after Euler: records", _same(scaled(euler(p, setting.step), g), euler(only_W, setting.step))
    if not isinstance(tau, np.ndarray):
        unit = rate_form(one, p.W.times_diagonal(g), p.M, p.b, p.activation)
        yield "(ii) R and h = g y, y' = -y + s(..): records", _same(scaled(rescaled(p, tau), g), unit)
    if value_at(p.activation, Fraction(0)) == 0 and Fraction(0) not in ACTIVATIONS[p.activation].kinks:
        linear = tangent_at_zero(p)
        slope = slope_at(p.activation, Fraction(0))
        taken = rate_form(tau, p.W.scaled(g * slope), p.M.scaled(g * slope), _times(g * slope, p.b), "identity")
        yield "(iii) linearised at z* = 0: records", _same(collapsed(taken), collapsed(linear))


def _same(a: Lure, b: Lure) -> Sameness:
    return same_maps(as_map(a), as_map(b))


def _times(g: Gain, parts: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(g * exact_object(part) for part in parts)


def _along(setting: Setting) -> tuple[Array, Array]:
    """States and inputs at which fields are compared: the initial state, and fixed odd 32nds, one per sample."""
    X = setting.run.X[:, 0].T
    rng = np.random.default_rng(5)
    states = (2 * rng.integers(-16, 16, (setting.net.N, X.shape[1])) + 1) / 32
    states[:, 0] = setting.run.h0[0]
    return states, X


# -- counterexamples --------------------------------------------------------------------------------------------------
def outside() -> Counterexample:
    """With an input outside s, scaling the state changes more than W."""
    net = Network(A=-0.5, B=1, W=[[0.75]], E=[[1.0]], activation="tanh")
    moved = scaled(net.field, Fraction(2))
    gap = abs((moved.E.expanded - net.field.E.expanded)[0, 0])
    return Counterexample(
        FORM, "h' = -h/2 + tanh(3h/4) + x with h = 2y: the input outside s is halved too", gap, "exact rational"
    )


def negative() -> Counterexample:
    """-relu(1) is not relu(-1)."""
    relu = [value_at("relu", Fraction(q)) for q in (1, -1)]
    return Counterexample(
        POSITIVE, "relu with g = -1 at z = 1: g s(z) = -1, s(g z) = 0", abs(-relu[0] - relu[1]), "exact rational"
    )


def several() -> Counterexample:
    """R by one number does not remove two time constants."""
    net = Network.paper([[0.5, -1.25], [1.5, 0.25]], tau=[1.0, 2.0])
    leak = rescaled(net.field, Fraction(2)).A.expanded
    gap = max(abs(leak[i, i] + 1) for i in range(2))
    return Counterexample(ONE_TAU, "tau = (1, 2) and R by 2: the first unit's leak is -2", gap, "exact rational")


def saturating() -> Counterexample:
    """2 tanh 1 is not tanh 2."""
    return _apart(HOMOGENEOUS, "tanh with g = 2 at z = 1: |2 tanh 1 - tanh 2|", "tanh", 2, 1)


def offset() -> Counterexample:
    """The logistic function at zero."""
    return _apart(AT_ZERO, "logistic with g = 3, linearised at z* = 0: the constant 3/2 against 1/2", "logistic", 3, 0)


def elsewhere() -> Counterexample:
    """tanh linearised at z* = 1."""
    return _apart(AT_ZERO, "tanh with g = 2, linearised at z* = 1: at z = z* the constants differ", "tanh", 2, 1)


def _apart(dropped: str, text: str, activation: str, g: int, z: int) -> Counterexample:
    with precision(BITS):
        error = absorbing_error(activation, arb(g), arb(z))
        gap = float(lower_floats(arb_mat(1, 1, [error]))[0, 0])
    return Counterexample(dropped, text, gap, "balls")


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (outside(), negative(), several(), saturating(), offset(), elsewhere())


CLAIM = Claim(
    "C5",
    "absorbing the time constant",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c05_absorbing_tau"),
)
