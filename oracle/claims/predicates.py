"""The assumptions of C1 to C4, as predicates evaluated on a setting, and the comparisons the claims share."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, lower_floats, precision
from oracle.arithmetic.rational import Rational
from oracle.claims.result import Assumption, Evaluated, shown
from oracle.claims.setting import Setting
from oracle.equations import lure
from oracle.equations.activations import ACTIVATIONS
from oracle.procedures.discretize import ALL
from oracle.procedures.linearize import preactivation
from oracle.procedures.sameness import BITS, Sameness
from oracle.procedures.tangent_map import directional
from oracle.records.exact import Array
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence
from oracle.reference.signals import Signal, Steady

CONSTANT_FACTOR = "r is one positive constant"
STEP_RESCALED = "the step is rescaled with the time, Delta' = Delta / r"
SAME_SAMPLES = "inputs are sampled at the same physical instants, x(r s_k) = x(t_k)"
SCALE_FREE = "the method sees the field and the step only through their product"
DIFFERENTIABLE = "s is differentiable at z* = W h* + M x* + b"
SPLIT_OR_EULER = "the scheme is Euler, or exponential Euler with leak and recurrent part kept apart, or Runge-Kutta"
EQUILIBRIUM = (
    "where the scheme is Runge-Kutta or the flow, s is affine or the operating point an equilibrium, input held"
)
SAME_POINT = "both orders linearise at the same operating point"
PULLED_BACK = "along a trajectory, the nominal path is pulled back, h*(r s)"

ALL_DIRECTIONS = 12
"""Up to this many states and inputs a tangent is compared along every unit vector, beyond along seeded directions."""


def constant_factor(setting: Setting) -> Assumption:
    """r is a number here; a function of time is no option."""
    return Assumption(CONSTANT_FACTOR, setting.r > 0, f"r = {shown(setting.r)}")


def step_rescaled(setting: Setting) -> Assumption:
    """Delta' = Delta / r, exactly."""
    met = setting.step_after * setting.r == setting.step
    relation = "Delta / r" if met else shown(setting.step_after)
    return Assumption(STEP_RESCALED, met, f"Delta = {shown(setting.step)}, Delta' = {relation} (exact)")


def same_samples(setting: Setting) -> Assumption:
    """A record carries samples, not how they were taken; of a signal they are those of x(t) and of x(r s)."""
    if setting.signal is not None:
        return _samples_of(setting, setting.signal)
    return Assumption(SAME_SAMPLES, "assumed", "sample k is the same number in both orders; the sampling is the user's")


def _samples_of(setting: Setting, signal: Signal | Steady) -> Assumption:
    """x(r s) of the rescaled signal at s_k = t_k / r against x(t_k), exactly."""
    steps, slower = setting.run.steps, signal.rescale(setting.r)
    times = [k * setting.step for k in range(steps)]
    same = all(np.array_equal(signal.piece(t).value, slower.piece(t / setting.r).value) for t in times)
    return Assumption(SAME_SAMPLES, same, f"x(t_k) = x(r s_k) at {'all' if same else 'not all'} {steps} steps (exact)")


def scale_free(setting: Setting) -> Assumption:
    """True of every scheme in the catalogue, by its equation."""
    known = setting.scheme in ALL
    return Assumption(SCALE_FREE, known, f"{setting.scheme}: its equation is written in Delta F")


def differentiable(setting: Setting) -> Assumption:
    """No unit sits at a kink, at either operating point."""
    field = setting.net.field
    if ACTIVATIONS[field.activation].analytic:
        return Assumption(DIFFERENTIABLE, True, f"{field.activation} is analytic")
    points = [setting.at] if setting.at_after is setting.at else [setting.at, setting.at_after]
    places = ACTIVATIONS[field.activation].kinks
    kinks = [(i, z) for at in points for i, z in enumerate(preactivation(field, *at)) if z in places]
    if kinks:
        i, z = kinks[0]
        return Assumption(DIFFERENTIABLE, False, f"z* = {z} exactly at unit {i}, a kink of {field.activation}")
    told = "zero" if places == (Fraction(0),) else "a kink"
    return Assumption(DIFFERENTIABLE, True, f"no entry of z* is {told} (exact)")


def split_kept(setting: Setting) -> Assumption:
    """Only exponential Euler cares."""
    met = not (setting.collapsed and setting.scheme == "exponential-euler")
    return Assumption(SPLIT_OR_EULER, met, f"{setting.scheme}, {'collapsed' if setting.collapsed else 'split kept'}")


def equilibrium(setting: Setting) -> Assumption:
    """F(h*, x*) = 0, exactly or by balls; not asked of Euler and exponential Euler, nor where J is one everywhere."""
    if setting.scheme in ("euler", "exponential-euler"):
        return Assumption(EQUILIBRIUM, True, f"not needed for {setting.scheme}")
    if setting.net.field.activation == "identity":
        return Assumption(EQUILIBRIUM, True, "s is the identity: the stages of a step have one Jacobian")
    return at_rest(setting)


def at_rest(setting: Setting) -> Assumption:
    """F(h*, x*) = 0, exactly or by balls."""
    ops, field = Rational(), setting.net.field
    h, x = (ops.lift(part) for part in setting.at)
    F = lure.step(ops, field, h, lure.drive(ops, field, x))
    rest = [entry for entry in F.ravel() if entry != 0]
    if not rest:
        return Assumption(EQUILIBRIUM, True, "F(h*, x*) = 0 (exact)")
    rational = [abs(entry) for entry in rest if isinstance(entry, Fraction)]
    size = float(max(rational)) if rational else _certified(rest)
    if size > 0:
        return Assumption(EQUILIBRIUM, False, f"|F(h*, x*)| is at least {size:.6g}")
    return Assumption(EQUILIBRIUM, "undecided", f"|F(h*, x*)| is not separated from 0 at {BITS[-1]} bits")


def _certified(entries: list[Any]) -> float:
    with precision(BITS[-1]):
        return float(np.max(lower_floats(Ball().lift(np.array(entries, dtype=object)))))


def same_point(setting: Setting) -> Assumption:
    """h* and x* agree in both orders."""
    met = all(np.array_equal(a, b) for a, b in zip(setting.at, setting.at_after, strict=True))
    return Assumption(SAME_POINT, met, "the points are equal (exact)" if met else "the points differ")


def pulled_back(setting: Setting) -> Assumption:
    """A single point is constant in time, and its own pull-back."""
    return Assumption(PULLED_BACK, True, "the operating point does not depend on time")


def tangency(record: Network | Recurrence, linear: Network | Recurrence, at: tuple[Array, Array]) -> Sameness:
    """Whether a linearisation in the normal form is the tangent, by forward-mode derivatives in exact arithmetic.

    Independent of the closed form of `linearize`: the record's own equation is evaluated on dual numbers.
    """
    directions, label = _directions(record)
    ops = Rational()
    ours, theirs = (directional(ops, _as_map(part), at, directions) for part in (record, linear))
    same = bool(np.all(ours.value == theirs.value) and np.all(ours.tangent == theirs.tangent))
    if same:
        return Sameness("equal", f"value and tangent agree with dual numbers, exactly, along {label}", Fraction(0))
    with precision(BITS[-1]):
        ball = Ball()
        pairs = ((ours.value, theirs.value), (ours.tangent, theirs.tangent))
        gap = max(float(np.max(lower_floats(ball.lift(a - b)), initial=0.0)) for a, b in pairs)
    if gap > 0:
        return Sameness("different", f"L is not the tangent: off by at least {gap:.6g} along {label}", gap)
    return Sameness("undecided", "value and tangent are not separated from those of dual numbers", None)


def _directions(record: Network | Recurrence) -> tuple[Array, str]:
    size = record.N + record.I
    if size <= ALL_DIRECTIONS:
        return np.eye(size), f"all {size} directions"
    entries = np.random.default_rng(size).integers(1, 8, (size, 1))
    return entries.astype(np.float64), "one seeded direction (a sample)"


def _as_map(record: Network | Recurrence) -> Recurrence:
    """A field is a map too."""
    if isinstance(record, Recurrence):
        return record
    return Recurrence.made("lure", record.field, Fraction(1), record.origin)


def identity(
    assumptions: tuple[Assumption, ...],
    outcomes: Iterable[tuple[str, Sameness]],
    observed: dict[str, Any] | None = None,
) -> Evaluated:
    """The evaluation of an exact identity from the comparisons it consists of: bound 0."""
    found = tuple(outcomes)
    different = [outcome for _, outcome in found if outcome.holds == "different"]
    sizes = [outcome.gap for outcome in different if outcome.gap is not None]
    equal = bool(found) and all(outcomes.holds == "equal" for _, outcomes in found)
    return Evaluated(
        assumptions,
        Fraction(0),
        Fraction(0) if equal else max(sizes, default=None),
        tuple(f"{name}: {outcome.holds}, {outcome.evidence}" for name, outcome in found),
        fails=bool(different),
        observed=observed or {},
    )
