"""One-step methods as functions of z = Delta lambda.

    h+ = R(Delta J) h + Delta S(Delta J) E^ x,   S(z) = (R(z) - 1)/z       (linear field, input held over the step)

For an explicit Runge-Kutta tableau R(z) = 1 + sum_k z^{k+1} b^T a^k 1 (E. Hairer and G. Wanner, Solving Ordinary
Differential Equations II, section IV.2). Exponential Euler with a scalar leak is Euler with another step,
Delta_eff = Delta phi_1(Delta a); with several leaks it is no function of z. The zero-order hold has R = exp.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from flint import acb

from oracle.arithmetic.ball import Ball
from oracle.claims.result import Assumption
from oracle.claims.setting import Setting
from oracle.equations.runge_kutta import TABLEAUS, Tableau
from oracle.procedures.collapse import collapsed
from oracle.procedures.discretize import exponential_euler
from oracle.procedures.linearize import linearized, preactivation
from oracle.records.exact import Array, Exact
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import Operator

SCALAR_LEAK = "where the scheme is exponential Euler, the leak is one number for all units"


class OneStep(NamedTuple):
    """Coefficients of R in ascending order, and the step that multiplies J."""

    R: tuple[Fraction, ...]
    step: Exact

    @property
    def S(self) -> tuple[Fraction, ...]:
        """(R - 1)/z."""
        return self.R[1:]

    @property
    def slope(self) -> tuple[Fraction, ...]:
        """R'."""
        return tuple(k * c for k, c in enumerate(self.R))[1:]

    @property
    def affine(self) -> bool:
        """R(z) = a + c z."""
        return len(self.R) == 2

    def image(self, z: Any) -> Any:
        """R(z) in complex balls."""
        return evaluated(self.R, z, in_balls)

    def held(self, z: Any) -> Any:
        """S(z) in complex balls."""
        return evaluated(self.S, z, in_balls)


class ExactFlow(NamedTuple):
    """The zero-order hold of an affine field: R = exp, S(z) = (exp(z) - 1)/z, and R' is never zero."""

    step: Fraction

    @property
    def affine(self) -> bool:
        """Not even for one eigenvalue, as a formula."""
        return False

    def image(self, z: Any) -> Any:
        """exp(z) in complex balls."""
        return z.exp()

    def held(self, z: Any) -> Any:
        """exp(z/2) sinh(z/2)/(z/2), which does not divide by a ball about zero."""
        return (z / 2).exp() * (z * acb(0, 1) / 2).sinc()


def stability(tableau: Tableau) -> tuple[Fraction, ...]:
    """R of an explicit Runge-Kutta method."""
    stages, R = len(tableau.weights), [Fraction(1)]
    v = [Fraction(1)] * stages
    for _ in range(stages):
        R.append(sum((b * entry for b, entry in zip(tableau.weights, v, strict=True)), Fraction(0)))
        v = [sum((a * v[j] for j, a in enumerate(row)), Fraction(0)) for row in tableau.stages]
    while R[-1] == 0:
        R.pop()
    return tuple(R)


def one_step(setting: Setting) -> OneStep | ExactFlow | None:
    """The method of a setting; None where it is no function of Delta J, or none that is known here (relations)."""
    if setting.scheme in TABLEAUS:
        return OneStep(stability(TABLEAUS[setting.scheme]), setting.step)
    euler = (Fraction(1), Fraction(1))
    if setting.scheme == "euler":
        return OneStep(euler, setting.step)
    if setting.scheme == "zoh":
        return ExactFlow(setting.step)
    if setting.scheme != "exponential-euler":
        return None
    leak = scalar_leak(setting.net.field)
    return None if leak is None else OneStep(euler, effective_step(leak, setting.step))


def scalar_leak(field: Lure) -> Exact | None:
    """a where A = a I."""
    leak = field.A.diagonal_factor() if field.A.is_diagonal else None
    return None if leak is None or isinstance(leak, np.ndarray) else leak


def effective_step(leak: Exact, step: Fraction) -> Exact:
    """Delta phi_1(Delta a): what exponential Euler multiplies a constant drive of one unit by."""
    unit = Network(A=leak, B=0, W=[[0]], E=[[1]], activation="identity")
    effective: Exact = exponential_euler(unit.field, step).E.expanded[0, 0]
    return effective


def leak_is_scalar(setting: Setting) -> Assumption:
    """Only exponential Euler cares."""
    if setting.scheme != "exponential-euler":
        return Assumption(SCALAR_LEAK, True, f"not needed for {setting.scheme}")
    met = scalar_leak(setting.net.field) is not None
    return Assumption(SCALAR_LEAK, met, "A = a I (exact)" if met else "the leaks differ between units")


def evaluated(coefficients: Sequence[Fraction], z: Any, number: Any) -> Any:
    """A polynomial at z in any arithmetic; `number` reads a rational."""
    total = number(Fraction(0))
    for c in reversed(coefficients):
        total = total * z + number(c)
    return total


def in_balls(q: Fraction) -> Any:
    """A rational as a complex ball."""
    return acb(Ball().rational(q))


def jacobian(field: Lure, at: tuple[Array, Array]) -> tuple[Operator, Operator]:
    """J = A + B S W and E^ = E + B S M at an operating point, exactly."""
    flat = collapsed(linearized(field, preactivation(field, *at)))
    return flat.A, flat.E
