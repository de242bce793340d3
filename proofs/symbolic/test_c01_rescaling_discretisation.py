"""C1: D_{Delta/r} R_r = R_r D_Delta, proved with generic coefficients, an unknown activation and generic r, Delta.

General argument. R_r multiplies the field F by r, and divides the time grid of a discrete system by r without touching
its map. Every coefficient of the Euler record is linear in Delta (A, B, E, c), or independent of it (I, W, M, b), so
D_{Delta/r} of r (A, B, E, c) is D_Delta of (A, B, E, c); exponential Euler's are functions of Delta a, times Delta B.
A Runge-Kutta step is made of products Delta a_ij k_j with k_j values of F: in r F they are r k_j, and
(Delta/r) (r k_j) = Delta k_j, stage by stage. Both systems live on the grid k Delta / r. Nothing depends on N, K, I.

Uniqueness, Euler: the steps of r F by Delta' and of F by Delta differ by (r Delta' - Delta) F, so where F is not
identically zero only Delta' = Delta / r gives the same map. For Runge-Kutta this fails as a statement about maps:
R(z) = 1 + z + z^2/2 takes the same value at z and at -2 - z. The time grids differ in any case.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from generic import SIZES, Generic, Unknown, apply, assert_same, assert_zero, field, point

from oracle.equations import lure
from oracle.equations.runge_kutta import TABLEAUS, stepper
from oracle.procedures.discretize import euler, exponential_euler
from oracle.procedures.rescale import rescaled
from oracle.records.lure import Lure
from oracle.records.staged import Staged

r, D = sympy.symbols("r Delta", positive=True)


def symbolic_exponential_euler(p: Lure, step) -> Lure:
    """The library's exponential Euler with SymPy's exponential."""
    return exponential_euler(p, step, sympy.exp)


def prove_normal_form(discretise, rescale=rescaled, shorter=D / r, *, diagonal=False) -> None:
    """The record of D_{Delta/r} R_r is that of D_Delta, coefficient by coefficient; R leaves the map alone."""
    for N, K, inputs in SIZES:
        F = field(N, K, inputs, diagonal=diagonal)
        assert_same(discretise(rescale(F, r), shorter), discretise(F, D))


def prove_runge_kutta(scheme: str, rescale=rescaled, shorter=D / r) -> None:
    """One step of r F by Delta / r is one step of F by Delta, for an unknown s."""
    N, K, inputs = 2, 2, 1
    F, (h, x), ops = field(N, K, inputs), point(2, 1), Generic()
    steps = []
    for parameters in (Staged(rescale(F, r), shorter), Staged(F, D)):
        drive = lure.drive(ops, parameters.field, ops.lift(x))
        steps.append(stepper(scheme)(ops, parameters, ops.lift(h), drive))
    assert_zero(steps[0] - steps[1], f"one {scheme} step")


def prove_unscaled_step(discretise=euler) -> None:
    """Euler steps of r F by Delta' and of F by Delta differ by (r Delta' - Delta) F, exactly."""
    other = sympy.Symbol("Delta'", positive=True)
    N, K, inputs = 2, 3, 1
    F, (h, x), ops = field(N, K, inputs), point(2, 1), Generic(Unknown())
    difference = apply(ops, discretise(rescaled(F, r), other), h, x) - apply(ops, discretise(F, D), h, x)
    assert_zero(difference - (r * other - D) * apply(ops, F, h, x), "difference - (r Delta' - Delta) F")


def test_euler() -> None:
    """R and D commute on records for forward Euler."""
    prove_normal_form(euler)


def test_exponential_euler() -> None:
    """R and D commute on records for exponential Euler, time constants of any kind."""
    prove_normal_form(symbolic_exponential_euler, diagonal=True)


@pytest.mark.parametrize("scheme", sorted(TABLEAUS))
def test_runge_kutta(scheme: str) -> None:
    """R and D commute for every Runge-Kutta step in the catalogue."""
    prove_runge_kutta(scheme)


def test_unscaled_step() -> None:
    """With another step, one Euler step is off by exactly (r Delta' - Delta) F."""
    prove_unscaled_step()


def test_midpoint_maps_can_coincide() -> None:
    """The midpoint rule on h' = a h: z and -2 - z give one map, so uniqueness of the step is a matter of the grid."""
    z = sympy.Symbol("z")
    p = replace(field(1, 1, 1), activation="identity")
    empty = {name: replace(getattr(p, name), terms=()) for name in ("B", "W", "M", "E")}
    p = replace(p, b=(), c=(), **empty)
    ops = Generic()
    step = [
        stepper("midpoint")(ops, Staged(p, w / p.A.expanded[0, 0]), ops.lift(point(1, 1)[0]), lure.Drive((), ()))
        for w in (z, -2 - z)
    ]
    assert_zero(step[0] - step[1], "R(z) - R(-2 - z)")


def weights_scaled_too(p: Lure, factor) -> Lure:
    """A wrong R: W is multiplied as well."""
    return replace(rescaled(p, factor), W=p.W.scaled(factor))


def input_not_scaled(p: Lure, factor) -> Lure:
    """A wrong R: E stays."""
    return replace(rescaled(p, factor), E=p.E)


def quadratic_step(p: Lure, step) -> Lure:
    """A wrong D: Delta^2 in front of B."""
    return replace(euler(p, step), B=p.B.scaled(step**2))


FAULTS = {
    "W scaled too": lambda: prove_normal_form(euler, rescale=weights_scaled_too),
    "E not scaled": lambda: prove_normal_form(euler, rescale=input_not_scaled),
    "step not rescaled": lambda: prove_normal_form(euler, shorter=D),
    "step multiplied": lambda: prove_normal_form(symbolic_exponential_euler, shorter=D * r, diagonal=True),
    "Delta^2 B": lambda: prove_normal_form(quadratic_step),
    "rk4, W scaled too": lambda: prove_runge_kutta("rk4", rescale=weights_scaled_too),
    "heun, step not rescaled": lambda: prove_runge_kutta("heun", shorter=D),
    "difference formula with a wrong D": lambda: prove_unscaled_step(quadratic_step),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong procedure is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
