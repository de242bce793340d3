"""C2: L D = D L, proved with generic coefficients, an unknown differentiable s and a generic operating point.

General argument. D of Euler is h + Delta F, and the tangent of a sum with the identity is the sum of the tangents.
On records: L replaces B by B S and adds B (s(z*) - S z*) to c; Euler multiplies B and c by Delta, exponential Euler by
the diagonal Delta phi_1(Delta A) from the left, and z* is the same since neither touches W, M, b: left multiplication
of B and c commutes with right multiplication of B by S. The point need not be an equilibrium.

Runge-Kutta at an equilibrium: every stage state is h* because F(h*, x*) = 0, so every stage slope has the derivative
J (I + Delta sum_j a_ij K_j), K_j the derivative of stage j: the recursion of the same method on the tangent field.
If s is affine, J is one matrix wherever the stages sit, and the tangent field is the field.
Off an equilibrium the stages sit elsewhere; for the midpoint rule the chain rule gives
    D Phi - D Phi_lin = Delta [J(h* + Delta/2 F*) - J(h*)] (I + Delta/2 J(h*)).

Collapsed: J^2 - A^2 - A K = K J with J = A + K, hence (Delta^2/2) K J is the leading term. If K J = 0 then
J^n = A^{n-1} J by induction, and the difference vanishes for every Delta; the leading term shows the converse.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from generic import (
    SIZES,
    Unknown,
    assert_same,
    assert_same_tangent,
    assert_zero,
    field,
    identity,
    point,
    tangent,
    vanishing,
)

from oracle.equations import lure
from oracle.equations.runge_kutta import TABLEAUS, stepper
from oracle.equations.runge_kutta import drive as staged_drive
from oracle.procedures.collapse import collapsed
from oracle.procedures.discretize import euler, exponential_euler
from oracle.procedures.linearize import linearized, preactivation
from oracle.records.exact import objects
from oracle.records.lure import Lure
from oracle.records.staged import Staged

D = sympy.Symbol("Delta", positive=True)
HALF = sympy.Rational(1, 2)


def linear(p: Lure, h, x, unknown: Unknown, linearise=linearized) -> Lure:
    """L of a field or a step in the normal form."""
    return linearise(p, preactivation(p, h, x), unknown.value, unknown.slope)


def prove_records(discretise, linearise=linearized, *, diagonal=False) -> None:
    """L then D and D then L give identical coefficients."""
    for N, K, inputs in SIZES:
        F, (h, x), s = field(N, K, inputs, diagonal=diagonal), point(N, inputs), Unknown()
        assert_same(discretise(linear(F, h, x, s, linearise), D), linear(discretise(F, D), h, x, s, linearise))


def prove_tangent(linearise=linearized) -> None:
    """L is the tangent: value and derivative at (h*, x*) are those of the nonlinear step, by dual numbers."""
    for N, K, inputs in SIZES:
        F, (h, x), s = field(N, K, inputs), point(N, inputs), Unknown()
        L = linear(F, h, x, s, linearise)
        assert_same_tangent(tangent(lure.step, L, h, x, s), tangent(lure.step, F, h, x, s))


def at_equilibrium(p: Lure, h, x, unknown: Unknown) -> Lure:
    """The field with c chosen such that F(h*, x*) = 0."""
    z = preactivation(p, h, x)
    s = objects(unknown.value(p.activation, entry) for entry in z)
    return replace(p, c=(-(p.A.apply(h) + p.B.apply(s) + p.E.apply(x)),))


def prove_runge_kutta(scheme: str, balance=at_equilibrium, linearise=linearized) -> None:
    """At an equilibrium the tangent of a Runge-Kutta step is the step of the tangent field."""
    F, (h, x), s = field(2, 1, 1, diagonal=True), point(2, 1), Unknown()
    F = balance(F, h, x, s)
    L = linear(F, h, x, s, linearise)
    ours, theirs = (tangent(stepper(scheme), Staged(p, D), h, x, s, staged_drive) for p in (F, L))
    assert_same_tangent(ours, theirs)


def prove_affine(scheme: str, activation: str = "identity") -> None:
    """Where s is affine the same holds at every point: all stages of a step have one Jacobian."""
    F, (h, x), s = replace(field(2, 1, 1, diagonal=True), activation=activation), point(2, 1), Unknown()
    L = linear(F, h, x, s)
    ours, theirs = (tangent(stepper(scheme), Staged(p, D), h, x, s, staged_drive) for p in (F, L))
    assert_same_tangent(ours, theirs)


def prove_midpoint_defect(half=D / 2) -> None:
    """Off equilibrium: Delta [J(h* + Delta/2 F*) - J(h*)] (I + Delta/2 J(h*)), exactly."""
    F, (h, x), s = field(2, 2, 1), point(2, 1), Unknown()
    L = linear(F, h, x, s)
    ours, theirs = (tangent(stepper("midpoint"), Staged(p, D), h, x, s, staged_drive) for p in (F, L))
    here = tangent(lure.step, F, h, x, s)
    moved = tangent(lure.step, F, h + half * here.value.ravel(), x, s)
    J, J_moved = here.tangent[:, :2], moved.tangent[:, :2]
    defect = D * (J_moved - J) @ (identity(2) + half * J)
    assert_zero((ours.tangent - theirs.tangent)[:, :2] - defect, "D Phi - D Phi_lin - formula")
    assert not vanishing(defect), "the formula would be vacuous"


def truncated_exp(z):
    """exp up to its cubic term, for identities modulo Delta^3."""
    return 1 + z + z**2 / 2 + z**3 / 6


def prove_collapsed(split=exponential_euler, factor=HALF) -> None:
    """exp(Delta J) - [exp(Delta A) + Delta phi_1(Delta A) K] = Delta^2/2 K J + O(Delta^3)."""
    F = replace(field(2, 2, 1, diagonal=True), activation="identity")
    J = collapsed(F).A.expanded
    flow = identity(2) + D * J + HALF * D**2 * (J @ J)
    kept = collapsed(split(F, D, truncated_exp)).A.expanded
    K = (F.B @ F.W).expanded
    difference = flow - kept - factor * D**2 * (K @ J)
    low = [sympy.expand(entry).coeff(D, power) for entry in difference.ravel() for power in range(3)]
    assert_zero(objects(low), "coefficients of Delta^0, Delta^1, Delta^2")


def test_euler() -> None:
    """L and D commute on records for forward Euler at any point."""
    prove_records(euler)


def test_exponential_euler() -> None:
    """L and D commute on records for exponential Euler, the split kept, any time constants."""
    prove_records(lambda p, step: exponential_euler(p, step, sympy.exp), diagonal=True)


def test_linearisation_is_the_tangent() -> None:
    """The closed form of L is the first-order Taylor polynomial."""
    prove_tangent()


@pytest.mark.parametrize("scheme", sorted(TABLEAUS))
def test_runge_kutta_at_equilibrium(scheme: str) -> None:
    """L and D commute for Runge-Kutta at an equilibrium with constant operating input."""
    prove_runge_kutta(scheme)


@pytest.mark.parametrize("scheme", sorted(TABLEAUS))
def test_runge_kutta_where_s_is_affine(scheme: str) -> None:
    """L and D commute for Runge-Kutta at every point if s is affine."""
    prove_affine(scheme)


def test_midpoint_off_equilibrium() -> None:
    """What the midpoint rule misses off equilibrium."""
    prove_midpoint_defect()


def test_collapsed_leading_term() -> None:
    """The leading difference of collapsed exponential Euler."""
    prove_collapsed()


def constant_dropped(p: Lure, z, value, slope) -> Lure:
    """A wrong L: c stays."""
    return replace(linearized(p, z, value, slope), c=p.c)


def offset_without_slope(p: Lure, z, value, slope) -> Lure:
    """A wrong L: s(z*) - z* instead of s(z*) - S z*."""
    s = objects(value(p.activation, entry) for entry in z)
    return replace(linearized(p, z, value, slope), c=(*p.c, p.B.apply(s - z)))


def constant_not_scaled(p: Lure, step) -> Lure:
    """A wrong D: c stays."""
    return replace(euler(p, step), c=p.c)


FAULTS = {
    "c dropped in L": lambda: prove_tangent(constant_dropped),
    "s(z*) - z*": lambda: prove_tangent(offset_without_slope),
    "c not scaled in D": lambda: prove_records(constant_not_scaled),
    "c dropped in L, heun": lambda: prove_runge_kutta("heun", linearise=constant_dropped),
    "off equilibrium": lambda: prove_runge_kutta("midpoint", balance=lambda p, h, x, s: p),
    "off equilibrium, s not affine": lambda: prove_affine("midpoint", activation="tanh"),
    "midpoint formula with Delta": lambda: prove_midpoint_defect(half=D),
    "collapsed without 1/2": lambda: prove_collapsed(factor=sympy.Integer(1)),
    "collapsed without leading term": lambda: prove_collapsed(factor=sympy.Integer(0)),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong procedure is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
