"""C6: how far forward Euler is from the flow, for networks whose Euler step contracts.

    e_0 = 0,   e_{k+1} = q e_k + Delta^2 M2 / 2   (infinity norm, input held over each step)

q >= |I + Delta J| for all slopes, M2 >= |h''| along the flow; for q < 1 it stays below Delta^2 M2 / (2 (1 - q)). The
bound is proved, in balls rounded outward (`oracle.reference.euler_error`); the distance beside it is measured between
the certified recurrence and the flow's reference, whose own error is observed.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import lower_floats, precision
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array
from oracle.reference.euler_error import euler_bound, euler_distance

STATEMENT = (
    "If one Euler step contracts in the infinity norm, q < 1, the distance between Euler's recurrence and the flow "
    "obeys e_0 = 0, e_{k+1} = q e_k + Delta^2 M2 / 2, and is at most Delta^2 M2 / (2 (1 - q)) at all times."
)
LATEX = (
    r"\|h_k-h(k\Delta)\|_\infty\le e_k,\quad e_{k+1}=q\,e_k+\tfrac{\Delta^2}{2}M_2,\quad "
    r"q\ge\sup\|I+\Delta J\|_\infty,\ M_2\ge\sup\|\ddot h\|_\infty"
)
CONTRACTING = "one Euler step contracts in the infinity norm, q < 1, which gives a box for M2"
HELD = "the input is constant over each step"

LARGEST = 32
"""Units up to which the distance is measured: the flow's reference takes about 6 s at 32 and 30 s at 64."""
DIGITS = 12
"""Of the references: the distance is of order Delta^2, far above their radius."""


def evaluate(setting: Setting) -> Evaluated:
    """Bound beside distance at every step; the step with the least slack is reported."""
    X, h0 = setting.run.X[:, 0], setting.run.h0[0]
    bound = euler_bound(setting.net, setting.step, setting.run.steps, X, h0)
    met = bound.status == "proved"
    evidence = f"q = {bound.q:.6g}, M2 = {bound.M2:.6g}" if met else bound.reason
    assumptions = (
        Assumption(CONTRACTING, met, evidence),
        Assumption(HELD, True, f"sample k is held from k Delta to (k + 1) Delta, {setting.run.steps} steps"),
    )
    if not met:
        return Evaluated(assumptions, Fraction(0), None, ("no bound was computed",))
    assert bound.bounds is not None, "a proved bound has values"
    if not ACTIVATIONS[setting.net.activation].analytic:
        text = f"bound proved; the flow of a {setting.net.activation} network has no reference here"
        return Evaluated(assumptions, float(bound.bounds[-1]), None, (text,))
    if setting.net.N > LARGEST:
        text = f"bound proved; the distance is not measured beyond {LARGEST} units, where the flow takes minutes"
        return Evaluated(assumptions, float(bound.bounds[-1]), None, (text,))
    return _against(bound.bounds[1:], euler_distance(setting.net, setting.step, X, h0, DIGITS), assumptions)


def _against(bounds: Array, distance: tuple[Array, Array], assumptions: tuple[Assumption, ...]) -> Evaluated:
    """From step 1 on: both start at h0."""
    low, high = (part[1:] for part in distance)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(high > 0, high / bounds, 0.0)
    k = int(np.argmax(ratio))
    undecided = bool(np.any(high > bounds)) and not bool(np.any(low > bounds))
    measured = None if undecided else float(high[k])
    text = f"least slack at step {k + 1}: bound proved, distance observed (the flow's radius is no proof)"
    return Evaluated(assumptions, float(bounds[k]), measured, (text,))


# -- counterexamples --------------------------------------------------------------------------------------------------
def expanding() -> Counterexample:
    """h' = h from h = 1: Euler and flow part without limit, whatever the initial state promises."""
    steps, step = 20, Fraction(1, 2)
    euler = (1 + step) ** steps
    promised = steps * step**2 / 2  # q = 1 and M2 = 1, from the box |h| <= 1 of the initial state
    with precision(128):
        flow = arb(10).exp()
        gap = flow - _ball(euler) - _ball(promised)
        certified = float(lower_floats(arb_mat(1, 1, [gap]))[0, 0])
    return Counterexample(
        CONTRACTING,
        "h' = h, h(0) = 1, Delta = 1/2, 20 steps: no box holds; with M2 from the initial state's box the distance "
        "e^10 - (3/2)^20 exceeds the bound",
        certified,
        "balls",
    )


def oscillating() -> Counterexample:
    """h' = -h + cos 50 t with Delta = 2 pi / 50: every sample is 1, and x' is missing from M2."""
    with precision(128):
        step = 2 * arb.pi() / 50
        k = 10
        decay = (1 - step) ** k
        euler = 1 - decay
        flow = (1 - (-k * step).exp()) / 2501  # (cos 50t + 50 sin 50t - e^-t) / 2501 at the grid points
        bound = step / 2 * (1 - decay)  # q = 1 - Delta, M2 = sup |J F| = 1 as for a held input
        certified = float(lower_floats(arb_mat(1, 1, [euler - flow - bound]))[0, 0])
    return Counterexample(
        HELD,
        "h' = -h + cos 50t, h(0) = 0, sampled every 2 pi / 50: with |J F| alone for M2, without x', the distance at "
        "step 10 exceeds the bound",
        certified,
        "balls",
    )


def _ball(value: Fraction) -> Any:
    return arb(value.numerator) / value.denominator


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One per assumption."""
    return (expanding(), oscillating())


CLAIM = Claim("C6", "Euler's error", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c06_euler_error"))
