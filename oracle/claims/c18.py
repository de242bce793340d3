"""C18: sampling, Lyapunov exponents, fast limits.

    sampling     flow with the input held:      at most |E^ x'|/|mu| (Delta/(1 - e^{-|mu| Delta}) - 1/|mu|) off
                 linear between samples:        at most |E^ x''| Delta^2/(8 |mu|) off, at the samples Delta^2/(12 |mu|)
    exponents    R multiplies the (finite-time) Lyapunov exponents by r; D has no such rule
    fast limits  commute with the flow and with R, and not with D

Sampling errors are measured on the linearised flow, which is in closed form in balls (`sampling`), and on the network's
own flow. Exponents are those of the run, by products of Jacobians (`lyapunov`).
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from flint import acb, arb, arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, precision
from oracle.claims import lyapunov, sampling
from oracle.claims.measured import Compared, judged
from oracle.claims.norms import NORMS, Norm, column, columns_of, logarithmic_norm
from oracle.claims.one_step import jacobian
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, shown, symbolic
from oracle.claims.sampling import HELD, LINEAR, accumulated, length
from oracle.claims.setting import Setting
from oracle.claims.spectrum import RESOLUTION, eigenvalues, lifted, matching
from oracle.equations.activations import ACTIVATIONS
from oracle.errors import KinkError
from oracle.procedures.sameness import same_maps
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence
from oracle.reference.entry import reference
from oracle.reference.limits import NotReached
from oracle.reference.signals import held, sampled

STATEMENT = (
    "Under the exact flow a held input costs at most |E^ x'|/|mu| (Delta/(1 - exp(-|mu| Delta)) - 1/|mu|) for mu < 0, "
    "a linear one |E^ x''| Delta^2/(8 |mu|), and for any mu what the same recursion gives in finite time. R multiplies "
    "the finite-time Lyapunov exponents by r, and D does not keep them. A fast limit does not commute with D."
)
LATEX = (
    r"\|\tilde h-h\|\le\frac{\|\hat E\dot x\|}{|\mu|}\Big(\frac{\Delta}{1-e^{-|\mu|\Delta}}-\frac1{|\mu|}\Big),\quad "
    r"\|\tilde h-h\|\le\frac{\|\hat E\ddot x\|\Delta^2}{8|\mu|},\qquad \lambda_i(R_r\Phi)=r\,\lambda_i(\Phi)"
)
LIPSCHITZ = "the input is Lipschitz where it is held, and so is its derivative where it is linear between samples"
NEGATIVE = "where a bound for all times is claimed, mu < 0"
EXACT_FLOW = "between samples the flow is exact"
OWN_TIME = "exponents are taken per unit of each system's own time, t = r s"
ACROSS_R = "exponents are compared across R, not across D"
NO_LIMIT = "no time constant is sent to zero"

LARGEST = 64
"""Units up to which flows and exponents are enclosed, seconds each at 64; beyond, the equality of the maps decides."""
LARGEST_FLOW, FLOW_STEPS = 24, 2
"""The network's own flow is followed for so many units and samples: 5 s at 24 units, 20 s at 32."""
RUN_STEPS = 32
"""Steps of a run whose exponents are enclosed."""
BITS = 192
"""Of linear flows: the errors are differences of order Delta^2, and a dozen steps lose a few bits each."""
DIGITS = 8
"""Of the network's own flow: errors of sampling are far above."""


def evaluate(setting: Setting) -> Evaluated:
    """Sampling errors beside their bounds, and exponents of both recurrences."""
    field, small = setting.net.field, setting.net.N <= LARGEST
    comparisons: list[Compared] = []
    texts: list[str] = []
    mu = "mu is not computed"
    if small:
        with precision(BITS):
            mus = {norm: sampling.logarithmic_norm_of(field, norm) for norm in NORMS}
        mu = ", ".join(f"mu_{norm} <= {float(value):.6g}" for norm, value in mus.items()) + " for all slopes (proved)"
        least = min(float(value) for value in mus.values())
        mu += ": bounds for all times" if least < 0 else ": bounds of this run only"
    if small and setting.net.I and setting.run.steps:
        comparisons += linearised(setting, texts) + own_flow(setting, texts)
    else:
        texts.append("no input is sampled" if small else f"sampling is not measured beyond {LARGEST} units")
    maps = rescaled_exponents(setting, texts)
    assumptions = (
        Assumption(LIPSCHITZ, True, "piecewise quadratic and piecewise linear inputs, made of the samples of the run"),
        Assumption(NEGATIVE, True, mu),
        Assumption(EXACT_FLOW, True, "matrix exponentials in balls; Taylor series"),
        _own_time(setting),
        Assumption(ACROSS_R, True, f"both are steps of {setting.scheme}, by Delta and by Delta / r"),
        Assumption(NO_LIMIT, True, _fastest(setting)),
    )
    if maps is None:
        return Evaluated(assumptions, Fraction(0), None, tuple(texts))
    return judged(assumptions, [*comparisons, maps], texts, fails=bool(maps.low[0] > 0))


# -- sampling ---------------------------------------------------------------------------------------------------------
def linearised(setting: Setting, texts: list[str]) -> list[Compared]:
    """Both kinds of sampling on the flow linearised at the operating point, in both norms, in balls."""
    try:
        J, E = jacobian(setting.net.field, setting.at)
    except KinkError:
        texts.append("linearised flow: the operating point is at a kink")
        return []
    with precision(BITS):
        step = Ball().rational(setting.step)
        flow = sampling.LinearFlow.of(lifted(J), _wide(E), step)
        given = sampling.course(setting.run.X[:, 0], step)
        errors = sampling.linear_errors(flow, given, Ball().lift(setting.run.h0[0]))
        found = []
        for mu, norm in _by_size({norm: logarithmic_norm(flow.J, norm) for norm in NORMS}):
            forcing = sampling.linear_forcing(flow, given, norm)
            for kind in (HELD, LINEAR):
                name = f"{kind.name} input, linearised flow, {norm}-norm, mu = {float(mu):.4g}"
                found.append(_compared(name, errors[kind], accumulated(kind, mu, step, forcing[kind]), norm))
                if mu < 0:
                    most = lyapunov.largest(forcing[kind]) * kind.uniform(mu, step)
                    found.append(_compared(f"{name}, for all times", errors[kind], [most] * len(errors[kind]), norm))
    return found


def _by_size(mus: dict[Norm, Any]) -> list[tuple[Any, Norm]]:
    """The norm with the smallest mu first: its bound is the one that is reported."""
    return sorted(((mu, norm) for norm, mu in mus.items()), key=lambda pair: float(pair[0]))


def _wide(E: Any) -> Any:
    """An operator that is not square as an arb_mat."""
    return Ball().lift(E.expanded)


def _compared(name: str, errors: list[Any], bounds: list[Any], norm: Any, by: str = "balls") -> Compared:
    values = [length(error, norm) for error in errors]
    resolution = 2.0 ** -(BITS // 4) * max(1.0, max((float(b) for b in bounds), default=0.0))
    found = Compared.of(name, values, bounds, resolution)
    return Compared(found.name, found.low, found.high, found.bound, found.resolution, by)


def own_flow(setting: Setting, texts: list[str]) -> list[Compared]:
    """The input of the run, linear between its samples, against the same samples held: two flows of the network."""
    net, X = setting.net, setting.run.X[: FLOW_STEPS + 1, 0]
    if not ACTIVATIONS[net.activation].analytic or net.N > LARGEST_FLOW or len(X) < 2:
        texts.append(f"the network's own flow is followed for analytic activations and up to {LARGEST_FLOW} units")
        return []
    times = [k * setting.step for k in range(len(X))]
    h0 = setting.run.h0[0]
    try:
        smooth, rough = (reference(net, x, h0, times, digits=DIGITS) for x in _signals(X, setting.step))
    except NotReached as reason:
        texts.append(f"the network's own flow is not followed: {reason.seen}")
        return []
    by = "balls" if smooth.status == "proved" else "balls; the radius of the flow is observed"
    with precision(BITS):
        gaps = columns_of(smooth) - columns_of(rough)
        errors = [column(gaps, k) for k in range(1, gaps.ncols())]
        step = Ball().rational(setting.step)
        slopes = Ball().lift(np.diff(X, axis=0).T.copy()) * (1 / step)
        found = []
        for mu, norm in _by_size({norm: sampling.logarithmic_norm_of(net.field, norm) for norm in NORMS}):
            bounds = accumulated(HELD, mu, step, sampling.forcing_of(net.field, slopes, norm))
            found.append(_compared(f"held input, the network's own flow, {norm}-norm", errors, bounds, norm, by))
    return found


def _signals(X: Array, step: Fraction) -> tuple[Any, Any]:
    return sampled(X, step), held(X[:-1], step)


# -- exponents --------------------------------------------------------------------------------------------------------
def rescaled_exponents(setting: Setting, texts: list[str]) -> Compared | None:
    """Exponents of D_Delta and of D_{Delta/r} R_r: the second are r times the first."""
    net, X, h0 = setting.net, setting.run.X[:RUN_STEPS, 0], setting.run.h0[0]
    if setting.scheme == "exponential-euler" and not net.field.A.is_diagonal:
        texts.append("exponents: exponential Euler needs a diagonal leak")
        return None
    first = net.discretize(setting.step, setting.scheme)
    second = net.rescale(setting.r).discretize(setting.step_after, setting.scheme)
    name = f"exponents after R against r times those before, {len(X)} steps"
    same, ours, theirs = same_maps(first, second), _exponents(first, X, h0), _exponents(second, X, h0)
    lasted = first.step == setting.r * second.step
    texts.append(f"the maps are {same.holds} ({same.evidence}), their time is {'' if lasted else 'not '}divided by r")
    if ours is None or theirs is None:
        if same and lasted:
            return _single(name, 0.0, 0.0, 0.0, "exact; not enclosed")
        return (
            None
            if same.holds == "undecided"
            else _single(name, float(same.gap or 1), float(same.gap or 1), 0.0, "exact")
        )
    texts += _told(setting, ours)
    with precision(BITS):
        distance = matching(lyapunov.as_complex(theirs, 1), lyapunov.as_complex(ours, Ball().rational(setting.r)))
        allowed = RESOLUTION * max(1.0, *(abs(float(value)) for value in theirs))
    if same and lasted and not distance.low:
        return _single(name, 0.0, 0.0, 0.0, f"exact; enclosures overlap one to one within {distance.high:.3g}")
    return _single(name, distance.low, distance.high, allowed, "balls")


def _single(name: str, low: float, high: float, bound: float, by: str) -> Compared:
    """One pair; an identity has bound 0, and is resolved."""
    return Compared(name, np.array([low]), np.array([high]), np.array([bound]), -1.0, by)


def _exponents(rec: Recurrence, X: Array, h0: Array) -> tuple[Any, ...] | None:
    try:
        return lyapunov.exponents(rec, X, h0) if rec.N <= LARGEST and len(X) else None
    except KinkError:
        return None


def _told(setting: Setting, ours: tuple[Any, ...]) -> list[str]:
    """The largest exponent of the run, and what D makes of those of the linearised flow."""
    lines = [f"largest finite-time exponent of the run {lyapunov.largest(ours).str(8)} (proved)"]
    try:
        J, _ = jacobian(setting.net.field, setting.at)
    except KinkError:
        return lines
    with precision(BITS):
        values = eigenvalues(lifted(J))
        if values is not None:
            step = Ball().rational(setting.step)
            flow, euler = (value.real for value in values), lyapunov.asymptotic([1 + step * v for v in values], step)
            pair = lyapunov.largest(list(flow)).str(8), lyapunov.largest(euler).str(8)
            lines.append(f"linearised: largest exponent of the flow {pair[0]}, of its Euler steps {pair[1]} (proved)")
    return lines


def _own_time(setting: Setting) -> Assumption:
    met = setting.step_after * setting.r == setting.step
    relation = "Delta / r" if met else shown(setting.step_after)
    return Assumption(OWN_TIME, met, f"steps of Delta = {shown(setting.step)} in t and of {relation} in s (exact)")


def _fastest(setting: Setting) -> str:
    tau = setting.net.tau
    if tau is None:
        return "the coefficients are given numbers"
    least = min(Fraction(entry) for entry in (tau if isinstance(tau, np.ndarray) else [tau]))
    return f"the smallest is {shown(least)}, Delta = {float(setting.step / least):.6g} of it"


# -- counterexamples --------------------------------------------------------------------------------------------------
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


FAST = Fraction(1, 1000)
FAST_STEP = Fraction(1, 2)


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


CLAIM = Claim(
    "C18",
    "sampling, Lyapunov exponents, fast limits",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c18_sampling_and_exponents"),
)
