"""C8: what R and D do to the eigenvalues of the Jacobian J = A + B S W, and when Euler is stable.

    R                   lambda -> r lambda
    Euler               lambda -> 1 + Delta lambda
    Runge-Kutta         lambda -> R(Delta lambda), at an equilibrium, input held
    exponential Euler   lambda -> 1 + Delta_eff lambda for a scalar leak, no function of lambda otherwise

If Re lambda < 0 for all, Euler is stable if and only if Delta < min -2 Re lambda / |lambda|^2. Eigenvalues are those of
the Jacobian at the operating point, which need not be an equilibrium for Euler; those of W are others.

Both sides are enclosed: the eigenvalues of J mapped by the formula, and those of the derivative of the record that R or
D made, by dual numbers. Two spectra that are certified to be apart violate the claim; they are called the same if the
enclosures overlap one to one and are narrow. That the matrices are equal is tested exactly where they are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from flint import acb, arb_mat

from oracle.arithmetic.ball import Ball, precision
from oracle.claims.one_step import (
    SCALAR_LEAK,
    OneStep,
    evaluated,
    in_balls,
    jacobian,
    leak_is_scalar,
    one_step,
)
from oracle.claims.predicates import DIFFERENTIABLE, EQUILIBRIUM, differentiable, equilibrium
from oracle.claims.result import Claim, Counterexample, Evaluated, shown, symbolic
from oracle.claims.setting import Setting
from oracle.claims.spectrum import BITS, RESOLUTION, Distance, matching, size, spectrum
from oracle.claims.stability import abscissa, below, contracts, decays, radius, threshold
from oracle.procedures.tangent_map import tangent_of
from oracle.records.exact import Array
from oracle.records.network import Network
from oracle.records.operator import Operator
from oracle.records.recurrence import Recurrence

STATEMENT = (
    "Rescaling multiplies the eigenvalues of the Jacobian by r, discretising maps them to R(Delta lambda), 1 + Delta "
    "lambda for Euler; if all have negative real parts, Euler is stable if and only if "
    "Delta < min -2 Re lambda / |lambda|^2."
)
LATEX = (
    r"\operatorname{spec}(rJ)=r\lambda,\quad \operatorname{spec}(D\Phi)=R(\Delta\lambda),\quad "
    r"\text{Euler stable}\iff\Delta<\min_\lambda\frac{-2\operatorname{Re}\lambda}{|\lambda|^2}"
)

LARGEST = 64
"""Units up to which eigenvalues are enclosed, 0.3 s each at 64; beyond, the equality of the matrices decides."""
SHARP = 32
"""Units up to which Euler is tried a little below and a little above its threshold."""
MARGIN = Fraction(1, 1024)
"""How far below and above, relative to the threshold."""


class Side(NamedTuple):
    """One half of the claim: a record's derivative, and what its eigenvalues should be."""

    name: str
    record: Network | Recurrence
    expected: OneStep


def evaluate(setting: Setting) -> Evaluated:
    """Spectra of the records that R and D make against the mapped spectrum of J; Euler's threshold; those of W."""
    assumptions = (differentiable(setting), equilibrium(setting), leak_is_scalar(setting))
    if assumptions[0].holds is False:
        return Evaluated(assumptions, Fraction(0), None, ("there is no Jacobian",))
    J, _ = jacobian(setting.net.field, setting.at)
    found = spectrum(lambda: Ball().lift(J.expanded), J.expanded) if setting.net.N <= LARGEST else None
    sides = [compare(side, J, found, setting.at) for side in _sides(setting)]
    if any(side.measured is not None and side.measured > side.bound for side in sides):
        worst = max(sides, key=lambda side: -1.0 if side.measured is None else float(side.measured))
    else:
        worst = next((side for side in sides if side.measured is None), sides[-1])
    lines, agree = _stability(setting, J, found)
    evidence = (f"eigenvalues of the Jacobian at {_where(setting)}", *(side.text for side in sides), *lines)
    missing = assumptions[2].holds is False
    return Evaluated(
        assumptions, worst.bound, None if missing else worst.measured, evidence, fails=not agree and not missing
    )


def _sides(setting: Setting) -> list[Side]:
    net, step = setting.net, one_step(setting)
    sides = [Side("R", net.rescale(setting.r), OneStep((Fraction(0), setting.r), Fraction(1)))]
    if step is not None:
        sides.append(Side(setting.scheme, net.discretize(setting.step, setting.scheme), step))
    return sides


class Compared(NamedTuple):
    """Bound, measured value and evidence of one side."""

    bound: Fraction | float
    measured: Fraction | float | None
    text: str


def compare(side: Side, J: Operator, found: tuple[Any, ...] | None, at: tuple[Array, Array]) -> Compared:
    """The record's eigenvalues against the mapped ones."""
    exactly = _same_matrix(side, J, at)
    if found is None:
        if exactly:
            return Compared(Fraction(0), Fraction(0), f"{side.name}: the matrices are equal, exactly")
        return Compared(Fraction(0), None, f"{side.name}: the eigenvalues of J were not enclosed at {J.shape[0]} units")
    theirs = spectrum(lambda: derivative(side.record, at))
    if theirs is None and exactly:
        return Compared(Fraction(0), Fraction(0), f"{side.name}: the matrices are equal, exactly; J is defective")
    if theirs is None:
        return Compared(Fraction(0), None, f"{side.name}: the eigenvalues of the record were not isolated")
    with precision(BITS[-1]):
        ball = Ball()
        step = acb(ball.number(side.expected.step))
        ours = [evaluated(side.expected.R, step * value, in_balls) for value in found]
        allowed = RESOLUTION * max(1.0, size(ball.lift(J.expanded)))
    return _judged(side.name, matching(ours, theirs), allowed, exactly)


def _judged(name: str, distance: Distance, allowed: float, exactly: bool) -> Compared:
    if distance.low > 0:
        text = f"{name}: the spectra are apart by at least {distance.low:.6g} (balls)"
        return Compared(Fraction(0), distance.low, text)
    text = f"{name}: the enclosures overlap one to one and agree within {distance.high:.3g} (balls)"
    if exactly:
        text += "; the matrices are equal, exactly"
    if distance.high > allowed:  # a cluster, or a defective eigenvalue
        return Compared(Fraction(0), Fraction(0) if exactly else None, text)
    return Compared(allowed, distance.high, text)


def derivative(record: Network | Recurrence, at: tuple[Array, Array]) -> Any:
    """J of a network in closed form, D Phi of a recurrence by dual numbers, in balls at the working precision."""
    if isinstance(record, Network):
        return Ball().lift(jacobian(record.field, at)[0].expanded)
    matrix = tangent_of(Ball(), record, at).matrix
    return arb_mat([[matrix[i, j] for j in range(record.N)] for i in range(record.N)])


def _same_matrix(side: Side, J: Operator, at: tuple[Array, Array]) -> bool:
    """Whether the derivative in closed form is the expected polynomial in J, exactly; affine ones only."""
    R, record = side.expected.R, side.record
    if len(R) > 2 or (isinstance(record, Recurrence) and record.equation != "lure"):
        return False
    theirs = record.linearize(at).collapsed()
    matrix = (theirs.field if isinstance(theirs, Network) else theirs.lure).A
    return matrix == Operator.diagonal(R[0], record.N) + J.scaled(R[1] * side.expected.step)


def _where(setting: Setting) -> str:
    """Whether the operating point is an equilibrium, in words."""
    held = equilibrium(replace(setting, scheme="rk4")).holds  # asked of Runge-Kutta methods only
    words: dict[bool | str, str] = {True: "an equilibrium", False: "no equilibrium"}
    return f"an operating point that is {words.get(held, 'not told from an equilibrium')}"


# -- stability --------------------------------------------------------------------------------------------------------
def _stability(setting: Setting, J: Operator, found: tuple[Any, ...] | None) -> tuple[list[str], bool]:
    """Lines on stability, and whether the threshold agrees with the eigenvalues of Euler's own records."""
    if not found:
        return (["stability: not decided without eigenvalues"], True)
    with precision(BITS[-1]):
        limit = threshold(found)
        bare = limit.text if limit.step is None else f"{limit.text}: stable iff Delta < {limit.step.str(12)}"
        given = below(Ball().rational(setting.step), limit)
        ours = spectrum(lambda: derivative(setting.net.discretize(setting.step, setting.scheme), setting.at))
        lines = [
            f"Jacobian: max Re lambda = {abscissa(found).str(12)}, {_word(decays(found))} in continuous time",
            f"Euler: {bare}; Delta = {shown(setting.step)}: {_word(given)}",
        ]
        own = contracts(ours) if ours else None
        if ours:
            lines.append(f"{setting.scheme}: max |mu| = {radius(ours).str(12)}, {_word(own)}")
    agree = not (setting.scheme == "euler" and None not in (own, given) and own != given)
    if limit.step is not None and J.shape[0] <= SHARP:
        agree = agree and _sharp(setting, limit.step, lines)
    lines.append(_weights(setting.net, found))
    return lines, agree


def _sharp(setting: Setting, limit: Any, lines: list[str]) -> bool:
    """Euler's own eigenvalues a little below and a little above the threshold."""
    seen = []
    for sign in (-1, 1):
        step = Fraction(float(limit.mid())) * (1 + sign * MARGIN)
        rec = setting.net.discretize(step)

        def lifted(rec: Recurrence = rec) -> Any:
            return derivative(rec, setting.at)

        values = spectrum(lifted)
        with precision(BITS[-1]):
            seen.append(contracts(values) if values else None)
    lines.append(
        f"Euler's record 1/{MARGIN.denominator} below the threshold: {_word(seen[0])}, above: {_word(seen[1])}"
    )
    return seen[0] is not False and seen[1] is not True


def _weights(net: Network, found: tuple[Any, ...]) -> str:
    """The eigenvalues of the recurrent weights are not those of the Jacobian."""
    text, given = "these are eigenvalues of the Jacobian A + B S W, not of W", net.origin.arguments.get("W")
    W = net.field.W.expanded if given is None else np.asarray(given)
    if W.ndim != 2 or W.shape != (len(found), len(found)):
        return text
    values = spectrum(lambda: Ball().lift(W), W)
    gap = 0.0 if values is None else matching(found, values).low
    return f"{text}, which are at least {gap:.6g} away" if gap > 0 else text


def _word(stable: bool | None) -> str:
    return {True: "stable", False: "unstable", None: "not decided"}[stable]


# -- counterexamples --------------------------------------------------------------------------------------------------
def kink() -> Counterexample:
    """h' = -h + 2 relu(h) at 0 grows to the right and decays to the left; -1 + 2a can be only one of the two."""
    right, left = Fraction(1), Fraction(-1)
    return Counterexample(
        DIFFERENTIABLE,
        "h' = -h + 2 relu(h) at h* = 0: perturbations to the right grow at the rate 1, those to the left decay at -1; "
        "whatever is written for s'(0), the one eigenvalue misses a rate by at least 1",
        (right - left) / 2,
        "exact rational",
    )


def off_equilibrium() -> Counterexample:
    """The midpoint rule where F is not zero: its stages use the slopes at another point."""
    net = Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], tau=[1.0, 0.5])
    setting = Setting.read(net, step=0.5, at=([0.5, -0.25], [0.75]), scheme="midpoint")
    J, _ = jacobian(net.field, setting.at)
    side = _sides(setting)[-1]
    gap = compare(side, J, spectrum(lambda: Ball().lift(J.expanded)), setting.at).measured
    return Counterexample(
        EQUILIBRIUM,
        "the midpoint rule off equilibrium, Delta = 1/2: the eigenvalues of D Phi are not R(Delta lambda)",
        float(gap or 0),
        "balls",
    )


def several_leaks() -> Counterexample:
    """J = diag(-2, -1) and diag(-1, -2) have one spectrum; exponential Euler of the leak diag(-1, -3) has two."""
    spectra = []
    for weights in ([-1, 2], [0, 1]):
        net = Network(A=[-1, -3], W=np.diag(weights), activation="identity")
        rec = net.discretize(1, "exponential-euler")
        spectra.append(spectrum(_lifting(rec)))
    first, second = spectra
    return Counterexample(
        SCALAR_LEAK,
        "leaks -1 and -3, Delta = 1: the Jacobians diag(-2, -1) and diag(-1, -2) have the same eigenvalues, the steps "
        "of exponential Euler have not, so these are no function of lambda",
        matching(first or (), second or ()).low,
        "balls",
    )


def _lifting(rec: Recurrence) -> Callable[[], Any]:
    origin = (np.zeros(rec.N), np.zeros(rec.I))
    return lambda: derivative(rec, origin)


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One per assumption."""
    return (kink(), off_equilibrium(), several_leaks())


CLAIM = Claim(
    "C8",
    "spectrum and stability",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c08_spectrum"),
)
