"""C10: fixed points of the flow and of its discretisations.

    Phi(h) - h = Delta F(h)                  Euler, exactly
    Phi(h) - h = Delta phi_1(Delta A) F(h)   exponential Euler, A diagonal: the factor is positive
    Delta |F(h)| (2 - p) <= |Phi(h) - h| <= Delta |F(h)| p      Runge-Kutta with weights >= 0, p = p(Delta L)

L a Lipschitz constant of F, p(z) = sum_i b_i m_i, m_i = 1 + z sum_j a_ij m_j: from |k_i - F| <= Delta L sum a_ij |k_j|.
For these methods z p(z) = R(z) - 1, so the upper bound is attained by h' = L h. Equilibria are fixed by every method;
for p < 2 (RK4: Delta L < 1.2795..) nothing else is. Beyond, RK4 on h' = -h - relu(h) + 1 with Delta = 3/2 fixes 15/22,
where F = -4/11.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, precision, upper_floats
from oracle.arithmetic.rational import Rational
from oracle.claims.equilibria import equalities, equilibrium, stays
from oracle.claims.fixed_points import BITS, FixedPoint, enclosure, fixed_point, residual
from oracle.claims.predicates import identity
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.equations.runge_kutta import TABLEAUS, Tableau
from oracle.records.network import Network
from oracle.reference.lipschitz import lipschitz

STATEMENT = (
    "F(h) = 0 exactly where forward Euler, or exponential Euler with a diagonal leak, fixes h. Runge-Kutta methods fix "
    "every equilibrium, and nothing else while p(Delta L) < 2: Delta |F| (2 - p) <= |Phi(h) - h| <= Delta |F| p."
)
LATEX = (
    r"F(h)=0\iff\Phi_{\mathrm{Euler}}(h)=h;\qquad "
    r"\Delta\|F\|\,(2-p(\Delta L))\le\|\Phi_{\mathrm{RK}}(h)-h\|\le\Delta\|F\|\,p(\Delta L),\quad "
    r"z\,p(z)=R(z)-1"
)
DIAGONAL = "where the scheme is exponential Euler, A is diagonal"
SMALL_STEP = "where the scheme is Runge-Kutta, p(Delta L) < 2"
HELD = "the input is held over the step"


def stage_factor(tableau: Tableau, z: Any) -> Any:
    """p(z): how much the stages of a method can exceed |F|."""
    sizes: list[Any] = []
    for row in tableau.stages:
        sizes.append(1 + z * sum((_of(z, abs(a)) * m for a, m in zip(row, sizes, strict=True)), 0 * z))
    return sum((_of(z, abs(b)) * m for b, m in zip(tableau.weights, sizes, strict=True)), 0 * z)


def _of(z: Any, value: Fraction) -> Any:
    """A rational in the arithmetic of z."""
    return Ball().rational(value) if isinstance(z, arb) else z * 0 + value


def evaluate(setting: Setting) -> Evaluated:
    """Identities of records and of balanced steps; for Runge-Kutta both inequalities at the operating point."""
    scheme, field = setting.scheme, setting.net.field
    diagonal = field.A.is_diagonal
    factor = _factor(setting)
    assumptions = (
        Assumption(DIAGONAL, scheme != "exponential-euler" or diagonal, f"{scheme}, A diagonal: {diagonal}"),
        _small_step(scheme, factor),
        Assumption(HELD, True, "one sample drives the step, all stages of it"),
    )
    outcomes = list(equalities(setting))
    found, texts = equilibrium(setting)
    seen = {"equilibrium": repr(found)}
    if scheme not in TABLEAUS or any(outcome.holds != "equal" for _, outcome in outcomes):
        made = identity(assumptions, outcomes, seen)
        return replace(made, evidence=(*made.evidence, *texts))
    return _two_sided(setting, factor, assumptions, (*(f"{n}: {o.evidence}" for n, o in outcomes), *texts), seen)


def _factor(setting: Setting) -> Any:
    """p(Delta L) as a ball of the setting's scheme; 1 for Euler."""
    if setting.scheme not in TABLEAUS:
        return arb(1)
    with precision(BITS):
        return stage_factor(TABLEAUS[setting.scheme], Ball().rational(setting.step) * lipschitz(setting.net.field))


def _small_step(scheme: str, factor: Any) -> Assumption:
    if scheme not in TABLEAUS:
        return Assumption(SMALL_STEP, True, f"not needed for {scheme}")
    return Assumption(SMALL_STEP, bool(factor < 2), f"{scheme}: p(Delta L) <= {_up(factor):.6g} (ball, 2-norm)")


def _two_sided(
    setting: Setting, factor: Any, assumptions: tuple[Assumption, ...], texts: tuple[str, ...], seen: dict[str, Any]
) -> Evaluated:
    """Both inequalities at the operating point, in balls."""
    h, x = setting.at
    exact = Rational()
    if not np.any(residual(exact, setting.net, exact.lift(h), exact.lift(x)) != 0):
        found = identity(assumptions, [("the step", stays(setting.net.discretize(setting.step, setting.scheme), h, x))])
        return replace(found, evidence=(*texts, "F = 0 at the operating point (exact)", *found.evidence), observed=seen)
    with precision(BITS):
        ops = Ball()
        at, held = ops.lift(h), ops.lift(x)
        speed = norm(residual(ops, setting.net, at, held)) * ops.rational(setting.step)
        move = norm(residual(ops, setting.net.discretize(setting.step, setting.scheme), at, held))
        upper, lower = speed * factor, speed * (2 - factor)
        # |F| is an exact number of both sides, so a violation is certified by balls that do not touch.
        violated = bool(move > upper) or bool(move < lower)
        share = f"|Phi(h) - h| = {float(move):.6g} in [{float(lower):.6g}, {float(upper):.6g}] at the operating point"
        decided = bool(move <= upper) and bool(move >= lower)
        return Evaluated(
            assumptions,
            _up(upper),
            _up(move) if decided or violated else None,
            (*texts, share),
            fails=violated,
            observed=seen,
        )


def norm(v: Any) -> Any:
    """|v|_2 as a ball."""
    return sum((entry * entry for entry in v.entries()), arb(0)).sqrt()


def _up(value: Any) -> float:
    return float(upper_floats(arb_mat(1, 1, [value]))[0, 0])


# -- counterexamples --------------------------------------------------------------------------------------------------
def spurious() -> Network:
    """h' = -h - relu(h) + 1: its equilibrium is 1/2."""
    return Network(A=-1, B=-1, W=[[1.0]], c=[1.0], activation="relu")


def rectified() -> Counterexample:
    """RK4 with Delta = 3/2 fixes h = 15/22."""
    net, h, none = spurious(), np.array([Fraction(15, 22)], dtype=object), np.array([])
    ops = Rational()
    F = residual(ops, net, ops.lift(h), ops.lift(none))[0, 0]
    fixed = stays(net.discretize(Fraction(3, 2), "rk4"), h, none)
    return Counterexample(
        SMALL_STEP,
        "h' = -h - relu(h) + 1 by RK4 with Delta = 3/2 (Delta L = 3): h = 15/22 is fixed, where F = -4/11; the "
        "equilibrium is 1/2",
        abs(F) if fixed else Fraction(0),
        "exact rational",
    )


def smooth() -> tuple[FixedPoint, float]:
    """The fixed point of RK4 on h' = -h + tanh(-h), Delta = 3/2, beside the equilibrium 0; |F| there, from below."""
    net = Network(A=-1, W=[[-1.0]])
    point = fixed_point(net.discretize(Fraction(3, 2), "rk4"), None, [0.3])
    if not point:
        return point, 0.0
    with precision(BITS):
        F = residual(Ball(), net, enclosure(point), Ball().lift(np.array([])))
        return point, float(lower_floats(F)[0, 0])


def tanh() -> Counterexample:
    """The same with tanh, certified by Krawczyk's test."""
    point, size = smooth()
    return Counterexample(
        SMALL_STEP,
        f"h' = -h + tanh(-h) by RK4 with Delta = 3/2: a fixed point of the step in {point!r}, where F is not 0",
        size,
        "balls",
    )


def turning() -> Counterexample:
    """A = [[0, -w], [w, 0]] with Delta w = 2 pi: exp(Delta A) = I, so phi_1(Delta A) = 0 and every state is fixed."""
    with precision(BITS):
        turns = arb(2)
        flow = arb_mat([[turns.cos_pi(), -turns.sin_pi()], [turns.sin_pi(), turns.cos_pi()]])
        state = arb_mat(2, 1, [arb(1), arb(0)])
        moved_by, F = norm(flow * state - state), norm(arb_mat([[0, -1], [1, 0]]) * state)
        gap = float(lower_floats(arb_mat(1, 1, [F]))[0, 0]) if moved_by == 0 else 0.0
    return Counterexample(
        DIAGONAL,
        "h' = A h, A a rotation by angular speed 1, by exponential Euler with the matrix exponential and Delta = 2 pi: "
        "phi_1(Delta A) = 0, every state is fixed, and |F(h)| = 1 at h = (1, 0)",
        gap,
        "balls",
    )


def sampled_input() -> Counterexample:
    """h' = -h + x(t), x(t) = t: F(0) = 0 at t = 0, and a midpoint rule that reads x at half a step moves."""
    step = Fraction(1, 2)
    slope = step / 2  # F(h + Delta/2 F, x(Delta/2)) with F = 0
    return Counterexample(
        HELD,
        "h' = -h + t at t = 0, h = 0: F = 0, but the midpoint rule that reads the input at Delta/2 = 1/4 moves by "
        "Delta^2/2",
        step * slope,
        "exact rational",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (rectified(), tanh(), turning(), sampled_input())


CLAIM = Claim("C10", "fixed points", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c10_fixed_points"))
