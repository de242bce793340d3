"""C6: how far forward Euler is from the flow.

    e_0 = 0,   e_{k+1} = q_k e_k + Delta^2 M2_k / 2 + Delta |E^| |x_k - x(t_k)|

q_k >= |I + Delta J| on the segment from h_k to the flow, M2_k >= |h''| = |J F + E^ x'| along an enclosure of the step;
in a weighted 1-, 2- or infinity-norm, contraction or not. Sharper, the error as a vector: e_{k+1} = (I + Delta J) e_k
+ Delta^2/2 h'' + Delta^3/6 h''' + .. with a certified radius. `oracle.reference.euler_error` has all of them and takes
the least at every step; the textbook's (e^{LT} - 1)/L Delta M2/2 is among them. Everything is proved, rounded outward.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np

from oracle.claims.euler_counterexamples import (
    FLOW_ENCLOSED,
    FORM,
    INPUT,
    MONOTONE,
    SEGMENT,
    SLOWEST,
    at_the_ends,
    expanding,
    fastest,
    not_monotone,
    oscillating,
    rotating,
)
from oracle.claims.measured import Compared, judged
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.equations.activations import ACTIVATIONS
from oracle.reference.euler_error import Distance, EulerBound, euler_bound, euler_distance, tube_distance
from oracle.reference.signals import Signal

STATEMENT = (
    "The distance e_k of Euler's recurrence from the flow obeys e_{k+1} <= q_k e_k + Delta^2 M2_k / 2 + Delta |E^| "
    "|x_k - x(t_k)|, q_k >= |I + Delta J| on the segment between them, M2_k >= |J F + E^ x'| along the flow, in any "
    "norm; and to first order e = Delta eps with eps_{k+1} = (I + Delta J) eps_k + (Delta/2) h''."
)
LATEX = (
    r"e_{k+1}\le q_k\,e_k+\tfrac{\Delta^2}{2}M_{2,k}+\Delta\|\hat E\|\|x_k-x(t_k)\|,\quad "
    r"q_k\ge\sup\|I+\Delta J\|,\ M_{2,k}\ge\sup\|JF+\hat E\dot x\|"
)

LARGEST = 32
"""Units up to which the distance is measured with the flow's own reference; beyond, by a second enclosure."""
DIGITS = 12
"""Of the references: the distance is of order Delta^2, far above their radius."""
_RESOLUTION = 1e-10  # two digits above the radius of the references


def evaluate(setting: Setting) -> Evaluated:
    """Every form of the bound beside the distance at every step; the least form first."""
    net, X, h0 = setting.net, setting.course, setting.run.h0[0]
    bound = euler_bound(net, setting.step, setting.run.steps, X, h0)
    assumptions = _assumptions(setting, bound)
    if bound.bounds is None:
        return Evaluated(assumptions, Fraction(0), None, (bound.reason,))
    found = distance(setting)
    steps = min(len(found.low), len(bound.bounds))
    comparisons = [
        Compared(name, found.low[1:steps], found.high[1:steps], values[1:steps], _RESOLUTION)
        for name, values in (("the least bound", bound.bounds), *bound.forms.items())
    ]
    evidence = (f"the distance is {found.status}", *bound.notes, _by_form(bound))
    if steps < len(bound.bounds):
        text = f"bound proved; the distance is measured up to step {steps - 1} only"
        return Evaluated(assumptions, float(bound.bounds[-1]), None, (text, *evidence))
    return judged(assumptions, comparisons, evidence, _shown(bound, setting))


def distance(setting: Setting) -> Distance:
    """|x(t_k) - h_k|_inf against the flow's own reference, or a second and finer enclosure of the flow."""
    net, X, h0 = setting.net, setting.course, setting.run.h0[0]
    if net.N <= LARGEST and ACTIVATIONS[net.activation].analytic:
        return euler_distance(net, setting.step, X, h0, DIGITS, setting.run.steps)
    return tube_distance(net, setting.step, setting.run.steps, X, h0)


def _assumptions(setting: Setting, bound: EulerBound) -> tuple[Assumption, ...]:
    met = bound.bounds is not None
    inner = min(bound.recursions, key=lambda b: float(b.errors[-1])) if bound.recursions else None
    constants, norm, certificate = "no run", "none", "none"
    if inner is not None:
        constants = f"q_k in [{np.min(inner.q):.6g}, {np.max(inner.q):.6g}], M2_k <= {np.max(inner.M2):.6g}"
        norm = inner.frame.norm.name
        weights = inner.frame.norm.weights
        certificate = f"{norm}: weights in [{np.min(weights):.3g}, {np.max(weights):.3g}], all positive"
    return (
        Assumption(FLOW_ENCLOSED, met, f"{setting.run.steps} steps enclosed" if met else bound.reason),
        Assumption(SEGMENT, True, f"slopes of the whole segment: {constants}"),
        Assumption(FORM, True, f"|I + Delta J| itself in the {norm} norm, or exp(Delta mu) >= |flow of J|"),
        Assumption(MONOTONE, True, certificate),
        Assumption(SLOWEST, True, "the rows are taken with their own time constants"),
        Assumption(INPUT, True, _course(setting)),
    )


def _course(setting: Setting) -> str:
    """What the input does during a step."""
    linear = isinstance(setting.signal, Signal) and setting.signal.linear
    between = "linear between samples: x' is part of M2" if linear else "held over each step: x' = 0"
    return f"{between}, and Euler's samples are the input's"


def _by_form(bound: EulerBound) -> str:
    """How often each form was the least."""
    names = bound.which[1:]
    counts = ", ".join(f"{name} {names.count(name)}" for name in dict.fromkeys(names))
    return f"the least bound by step: {counts} of {len(names)}"


def _shown(bound: EulerBound, setting: Setting) -> dict[str, float]:
    """The other forms at the last step, and the first-order constant."""
    shown = {f"bound at the end, {name}": float(v[-1]) for name, v in bound.forms.items() if np.isfinite(v[-1])}
    if bound.constant is not None:
        shown["first-order error at the end, Delta |eps|"] = float(setting.step) * bound.constant.largest[1]
    return shown


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One per assumption."""
    return (expanding(), at_the_ends(), rotating(), not_monotone(), fastest(), oscillating())


CLAIM = Claim("C6", "Euler's error", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c06_euler_error"))
