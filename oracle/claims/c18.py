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
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, precision
from oracle.claims import lyapunov, sampling
from oracle.claims.measured import Compared, judged
from oracle.claims.norms import NORMS, Norm, column, columns_of, logarithmic_norm
from oracle.claims.one_step import jacobian
from oracle.claims.result import Assumption, Claim, Evaluated, shown, symbolic
from oracle.claims.sampling import HELD, LINEAR, accumulated, length
from oracle.claims.sampling_cases import (
    ACROSS_R,
    EXACT_FLOW,
    LIPSCHITZ,
    NEGATIVE,
    NO_LIMIT,
    OWN_TIME,
    counterexamples,
)
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
LARGEST = 64
"""Units up to which the network's own flow and exponents are enclosed, seconds each at 64."""
MOST = 512
"""Units up to which the linearised flow is followed by its series, `FLOW_STEPS` steps: half a minute at 400."""
FLOW_STEPS = 4
"""Samples for which the network's own flow is followed: 8 s at 64 units."""
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
    driven = bool(setting.net.I and setting.run.steps)
    mu = "mu is not computed"
    if small:
        with precision(BITS):
            mus = {norm: sampling.logarithmic_norm_of(field, norm) for norm in NORMS}
        mu = ", ".join(f"mu_{norm} <= {float(value):.6g}" for norm, value in mus.items()) + " for all slopes (proved)"
        least = min(float(value) for value in mus.values())
        mu += ": bounds for all times" if least < 0 else ": bounds of this run only"
    if driven and setting.net.N <= MOST:
        comparisons += linearised(setting, texts)
    if driven and small:
        comparisons += own_flow(setting, texts)
    else:
        texts.append(_unmeasured(setting.net.N) if driven else "no input is sampled")
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


def _unmeasured(N: int) -> str:
    if N > MOST:
        return f"sampling is not measured beyond {MOST} units"
    return f"beyond {LARGEST} units sampling is measured on the linearised flow alone, over {FLOW_STEPS} steps"


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
        small = setting.net.N <= LARGEST
        flow: Any = (sampling.LinearFlow.of if small else sampling.SeriesFlow)(lifted(J), _wide(E), step)
        given = sampling.course(setting.run.X[: None if small else FLOW_STEPS, 0], step)
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
    """Sizes beside bounds. Both bounds are attained (one unit, a slope that is constant): no ball tells equal numbers
    apart, so each bound is rounded up by the width of the value it is held against."""
    values = [length(error, norm) for error in errors]
    bounds = [bound + 2 * value.rad() for value, bound in zip(values, bounds, strict=True)]
    resolution = 2.0 ** -(BITS // 4) * max(1.0, max((float(b) for b in bounds), default=0.0))
    found = Compared.of(name, values, bounds, resolution)
    return Compared(found.name, found.low, found.high, found.bound, found.resolution, by)


def own_flow(setting: Setting, texts: list[str]) -> list[Compared]:
    """The input of the run, linear between its samples, against the same samples held: two flows of the network."""
    net, X = setting.net, setting.run.X[: FLOW_STEPS + 1, 0]
    if not ACTIVATIONS[net.activation].analytic or len(X) < 2:
        texts.append("the network's own flow is followed for analytic activations, between two samples at least")
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


CLAIM = Claim(
    "C18",
    "sampling, Lyapunov exponents, fast limits",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c18_sampling_and_exponents"),
)
