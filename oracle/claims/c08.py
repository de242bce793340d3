"""C8: what R and D do to the eigenvalues of the Jacobian J = A + B S W, and when Euler is stable.

    R                   lambda -> r lambda
    Euler               lambda -> 1 + Delta lambda
    Runge-Kutta         lambda -> R(Delta lambda), at an equilibrium or where s is affine, input held
    exponential Euler   lambda -> 1 + Delta_eff lambda for a scalar leak, no function of lambda otherwise

If Re lambda < 0 for all, Euler is stable if and only if Delta < min -2 Re lambda / |lambda|^2. Eigenvalues are those of
the Jacobian at the operating point, which need not be an equilibrium for Euler; those of W are others.

How spectra are compared: `oracle.claims.mapped_spectra`; thresholds of stability: `oracle.claims.stable_steps`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from oracle.claims.mapped_spectra import Side, compare, derivative, eigenvalues_of, sides
from oracle.claims.one_step import SCALAR_LEAK, jacobian, leak_is_scalar
from oracle.claims.predicates import DIFFERENTIABLE, EQUILIBRIUM, at_rest, differentiable, equilibrium
from oracle.claims.result import Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.claims.spectrum import matching, spectrum
from oracle.claims.stable_steps import stability_lines
from oracle.records.network import Network
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

LARGEST = 512
"""Units up to which eigenvalues are enclosed: 0.3 s each at 64, 5 s at 400; beyond, equal matrices decide."""


def evaluate(setting: Setting) -> Evaluated:
    """Spectra of the records that R and D make against the mapped spectrum of J; Euler's threshold; those of W."""
    assumptions = (differentiable(setting), equilibrium(setting), leak_is_scalar(setting))
    if assumptions[0].holds is False:
        return Evaluated(assumptions, Fraction(0), None, ("there is no Jacobian",))
    J, _ = jacobian(setting.net.field, setting.at)
    found = eigenvalues_of(J) if setting.net.N <= LARGEST else None
    made = sides(setting)
    compared = [compare(side, J, found) for side in made]
    if any(each.measured is not None and each.measured > each.bound for each in compared):
        worst = max(compared, key=lambda each: -1.0 if each.measured is None else float(each.measured))
    else:
        worst = next((each for each in compared if each.measured is None), compared[-1])
    lines, agree = stability_lines(setting, found, discrete(setting, made) if found else None)
    evidence = (f"eigenvalues of the Jacobian at {_where(setting)}", *(each.text for each in compared), *lines)
    missing = assumptions[2].holds is False
    measured, fails = None if missing else worst.measured, not agree and not missing
    return Evaluated(assumptions, worst.bound, measured, evidence, fails=fails, identity=True)


def discrete(setting: Setting, made: list[Side]) -> tuple[Any, ...] | None:
    """The eigenvalues of the step; of exponential Euler with several leaks there is nothing to compare them with."""
    if made[-1].name == setting.scheme:
        return made[-1].values
    return spectrum(lambda: derivative(setting.net.discretize(setting.step, setting.scheme), setting.at))


def _where(setting: Setting) -> str:
    """Whether the operating point is an equilibrium, in words."""
    words: dict[bool | str, str] = {True: "an equilibrium", False: "no equilibrium"}
    return f"an operating point that is {words.get(at_rest(setting).holds, 'not told from an equilibrium')}"


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
    side = sides(setting)[-1]
    gap = compare(side, J, eigenvalues_of(J)).measured
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
