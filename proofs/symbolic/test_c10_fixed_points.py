"""C10: Phi - 1 is Delta F (Euler) or Delta phi_1(Delta A) F (exponential Euler); Runge-Kutta fixes equilibria.

General argument. Euler: Phi - 1 = Delta F as records. Exponential Euler: exp(z) - 1 = z phi_1(z) entry by entry, so
Phi - 1 = diag(g) F with g = (exp(Delta a) - 1)/a > 0 for every real a (the signs of numerator and denominator agree;
Delta at a = 0): zero where F is and only there.

Runge-Kutta: F(h) = 0 makes the first slope zero, hence the second stage state is h again, and so on: all k_i = 0.
Conversely |k_i - F| <= Delta L sum_j |a_ij| |k_j| gives |k_i| <= m_i |F| by induction, m_i = 1 + z sum_j |a_ij| m_j,
z = Delta L, and |k_i - F| <= (m_i - 1) |F|. With sum b_i = 1, b_i >= 0 and p = sum b_i m_i

    Delta |F| (1 - (p - 1)) <= |Phi(h) - h| = Delta |F + sum b_i (k_i - F)| <= Delta |F| p.

For nonnegative tableaus z p(z) = R(z) - 1, R the stability function: h' = L h attains the upper bound.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy
from generic import SIZES, Generic, Unknown, apply, assert_same, assert_zero, field, point, symbols

from oracle.arithmetic.symbolic import Symbolic
from oracle.claims.c10 import spurious, stage_factor
from oracle.claims.equilibria import moved
from oracle.equations import lure
from oracle.equations.runge_kutta import TABLEAUS, Tableau, stepper
from oracle.procedures.discretize import euler, exponential_euler
from oracle.procedures.linearize import preactivation
from oracle.records.exact import objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.records.staged import Staged

D, z = sympy.symbols("Delta z", positive=True)


def prove_euler(discretise=euler) -> None:
    """Phi - 1 = Delta F, coefficient by coefficient."""
    for sizes in SIZES:
        F = field(*sizes)
        assert_same(moved(discretise(F, D)), F.scaled(D))


def prove_exponential_euler(discretise=exponential_euler) -> None:
    """Phi - 1 = diag(g) F with g = (exp(Delta a) - 1)/a, positive on both sides of zero and Delta at zero."""
    F = field(2, 3, 1, diagonal=True)
    gain = objects((sympy.exp(D * a) - 1) / a for a in symbols("a", 2))
    assert_same(moved(discretise(F, D, sympy.exp)), F.scaled(gain))
    q = sympy.Symbol("q", positive=True)
    growing, decaying = ((sympy.exp(D * a) - 1) / a for a in (q, -q))
    assert sympy.limit((sympy.exp(D * q) - 1) / q, q, 0) == D
    # exp(x) - 1 = int_0^x exp: of the sign of x. Written with positive factors only:
    assert sympy.simplify(growing - sympy.integrate(sympy.exp(q * z), (z, 0, D))) == 0
    assert sympy.simplify(decaying - sympy.integrate(sympy.exp(-q * z), (z, 0, D))) == 0


def balanced(p: Lure, h, x, unknown: Unknown) -> Lure:
    """The field with c chosen such that F(h, x) = 0."""
    s = objects(unknown.value(p.activation, entry) for entry in preactivation(p, h, x))
    return replace(p, c=(-(p.A.apply(h) + p.B.apply(s) + p.E.apply(x)),))


def prove_runge_kutta(scheme: str, balance=balanced) -> None:
    """At an equilibrium a Runge-Kutta step stays."""
    for sizes in SIZES:
        F, (h, x), s = field(*sizes), point(sizes[0], sizes[2]), Unknown()
        F, ops = balance(F, h, x, s), Generic(s)
        assert_zero(apply(ops, F, h, x), "F at the equilibrium")
        step = stepper(scheme)(ops, Staged(F, D), ops.lift(h), lure.drive(ops, F, ops.lift(x)))
        assert_zero(step - ops.lift(h), f"{scheme} at the equilibrium")


def stability(scheme: str):
    """R(z): the library's step of h' = z h with Delta = 1, from h = 1."""
    ops = Symbolic()
    one = Operator.diagonal(sympy.Integer(1), 1)
    empty = Operator.zero(1, 0)
    F = Lure(Operator.diagonal(z, 1), Operator.zero(1, 1), one, empty, (), empty, (), "identity")
    start = objects([sympy.Integer(1)])
    return stepper(scheme)(ops, Staged(F, Fraction(1)), ops.lift(start), lure.drive(ops, F, ops.lift(objects([]))))[
        0, 0
    ]


def prove_stage_factor(scheme: str, factor=stage_factor) -> None:
    """z p(z) = R(z) - 1, with weights that are positive and add up to 1."""
    tableau = TABLEAUS[scheme]
    assert sum(tableau.weights) == 1
    assert all(entry >= 0 for row in (*tableau.stages, tableau.weights) for entry in row)
    assert_zero(objects([z * factor(tableau, z) - (stability(scheme) - 1)]), f"z p(z) - R(z) + 1 of {scheme}")


def prove_spurious(step=Fraction(3, 2)) -> None:
    """RK4 on h' = -h - relu(h) + 1 with Delta = 3/2 fixes 15/22, where F = -4/11."""
    ops, h = Symbolic(), objects([sympy.Rational(15, 22)])
    F = spurious().field
    u = lure.drive(ops, F, ops.lift(objects([])))
    moved_to = stepper("rk4")(ops, Staged(F, step), ops.lift(h), u)
    assert_zero(moved_to - ops.lift(h), "RK4(h) - h")
    assert lure.step(ops, F, ops.lift(h), u)[0, 0] == -sympy.Rational(4, 11)


def test_euler() -> None:
    """Euler fixes h where F(h) = 0 and only there."""
    prove_euler()


def test_exponential_euler() -> None:
    """Exponential Euler with a diagonal leak, the same."""
    prove_exponential_euler()


@pytest.mark.parametrize("scheme", sorted(TABLEAUS))
def test_runge_kutta(scheme: str) -> None:
    """Equilibria are fixed."""
    prove_runge_kutta(scheme)


@pytest.mark.parametrize("scheme", sorted(TABLEAUS))
def test_stage_factor(scheme: str) -> None:
    """The bound is attained by h' = L h."""
    prove_stage_factor(scheme)


def test_spurious_fixed_point() -> None:
    """The converse fails."""
    prove_spurious()


def decay_for_gain(p: Lure, step, exp) -> Lure:
    """A wrong exponential Euler: B is multiplied by exp(Delta a)."""
    made = exponential_euler(p, step, exp)
    return replace(made, B=p.B.scaled(made.A.diagonal_factor()))


def last_stage_lost(tableau: Tableau, step):
    """A wrong p: without the last weight."""
    return stage_factor(Tableau(tableau.stages, (*tableau.weights[:-1], Fraction(0))), step)


FAULTS = {
    "Euler with half the drive": lambda: prove_euler(lambda p, step: replace(euler(p, step), B=p.B.scaled(step / 2))),
    "Euler without I": lambda: prove_euler(lambda p, step: p.scaled(step)),
    "decay for gain": lambda: prove_exponential_euler(decay_for_gain),
    "off equilibrium": lambda: prove_runge_kutta("rk4", balance=lambda p, h, x, s: p),
    "last stage lost": lambda: prove_stage_factor("rk4", last_stage_lost),
    "Delta L for its half": lambda: prove_stage_factor("heun", lambda t, step: stage_factor(t, step / 2)),
    "another step": lambda: prove_spurious(Fraction(1, 2)),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong procedure is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
