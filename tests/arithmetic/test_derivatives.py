"""Tangents against symbolic derivatives, and series against mpmath.taylor, SymPy and repeated derivatives."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import factorial
from typing import Any

import mpmath
import numpy as np
import pytest
from enclosing import as_fraction, enclosed, radius
from specimens import INPUTS, H, M, N, W, X, dyadic, networks, recurrences, states, transcendental

import oracle
from oracle import Recurrence
from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.mp import Mp
from oracle.arithmetic.rational import Rational
from oracle.arithmetic.series import Series, SeriesArithmetic
from oracle.arithmetic.symbolic import Symbolic
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.equations import activations, lure
from oracle.equations.catalogue import advance
from oracle.errors import KinkError, NotDecidable
from oracle.records.exact import Array

DIGITS, BITS, TERMS = 60, 100, 9
CHOSEN = ("leaky outside, per unit alpha", "leaky inside, scalar alpha", "leak inside", "general", "rk4", "midpoint")
RECORDS = {name: recurrences()[name] for name in CHOSEN} | transcendental()
QUICK = [name for name in RECORDS if "rk4" not in name and "before" not in name]  # SymPy's nested products explode
POINT = H[:, :1], X[:, :1]


def point(rec: Recurrence) -> tuple[Array, Array]:
    """One state and one sample."""
    return states(rec.N)[:, :1], X[:, :1]


def jacobian(ops: Any, rec: Recurrence) -> Any:
    """D of a step with respect to the state: the tangent along every unit vector."""
    over: Any = Tangent(ops)
    h, x = (ops.lift(value) for value in point(rec))
    return advance(over, rec, Dual(h, ops.lift(np.eye(rec.N))), Dual(x, None)).tangent


def symbolic_jacobian(rec: Recurrence) -> Array:
    """The same by SymPy's diff of the symbolic step, evaluated to 60 digits."""
    ops: Any = Symbolic()
    names = ops.sympy.symbols(f"h:{rec.N}")
    step = advance(ops, rec, ops.lift(np.array(names, dtype=object)), ops.lift(POINT[1]))
    at = {name: ops.rational(Fraction(value)) for name, value in zip(names, point(rec)[0][:, 0], strict=True)}
    made = [[entry.diff(name).subs(at).evalf(DIGITS) for name in names] for entry in step[:, 0]]
    return np.array(made, dtype=object)


def follows_symbols(rec: Recurrence) -> bool:
    """Whether 60 digits of the symbolic Jacobian lie in the balls of the tangents."""
    with precision(BITS):
        balls = jacobian(Ball(), rec)
    return enclosed(balls, symbolic_jacobian(rec)) and radius(balls) < 2.0 ** (40 - BITS)


@pytest.mark.parametrize("name", QUICK)
def test_tangents_are_the_symbolic_derivative(name: str) -> None:
    """Forward mode over balls encloses SymPy's derivative."""
    assert follows_symbols(RECORDS[name])


def differences(rec: Recurrence, digits: int = 240) -> Array:
    """Central differences at 240 digits with a step of 10^-80: the error, of order 10^-160, is far below 100 bits."""
    ops: Any = Mp(digits)
    h, x = (ops.lift(value) for value in point(rec))
    eps = ops.context.mpf(10) ** -80
    moved = ops.lift(np.eye(rec.N)) * eps
    made: Array = (advance(ops, rec, h + moved, x) - advance(ops, rec, h - moved, x)) / (2 * eps)
    return made


@pytest.mark.parametrize("name", RECORDS)
def test_tangents_are_the_limit_of_differences(name: str) -> None:
    """Forward mode over balls encloses difference quotients, for every kind of step."""
    with precision(BITS):
        balls = jacobian(Ball(), RECORDS[name])
    assert enclosed(balls, differences(RECORDS[name]))
    assert radius(balls) < 2.0 ** (40 - BITS)


def test_tangents_of_piecewise_linear_steps_are_exact() -> None:
    """ReLU: A + B S W with S = 0 or 1 by the sign of z, as rationals."""
    exact = np.vectorize(Fraction, otypes=[object])
    rec = Recurrence.leaky(W, M, dyadic(3, N), alpha=0.25, activation="relu")
    z = W @ POINT[0] + M @ POINT[1] + dyadic(3, N)[:, None]
    expected = Fraction(3, 4) * exact(np.eye(N)) + Fraction(1, 4) * exact((z > 0) * W)
    assert set((z > 0).ravel()) == {True, False}, "the point has units on both sides of the kink"
    assert jacobian(Rational(), rec).tolist() == expected.tolist()


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_a_wrong_slope_relation_is_noticed(activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: s' = 1 - s instead of 1 - s^2 (tanh), instead of s - s^2 (logistic)."""
    rec = Recurrence.elman(W, M, activation=activation)
    assert follows_symbols(rec)

    def wrong(ops: Any, s: Any, z: Any) -> Any:
        return ops.sum([ops.one(s), ops.scale(Fraction(-1), s)])

    right = activations.ACTIVATIONS[activation]
    monkeypatch.setitem(activations.ACTIVATIONS, activation, replace(right, slope=wrong))
    assert not follows_symbols(rec)
    assert not series_follows_taylor(activation)


def polynomial(ops: Any, *coefficients: Fraction) -> Series[Any]:
    """A polynomial in one variable as a series of one unit."""
    padded = [*coefficients, *[Fraction(0)] * TERMS]
    return Series(lambda k: ops.lift(np.array([padded[k]], dtype=object)))


Z = Fraction(1, 3), Fraction(-5, 4), Fraction(7, 8)  # z(t) = 1/3 - 5/4 t + 7/8 t^2
FUNCTIONS = {"tanh": "tanh", "logistic": "sigmoid"}


def series_follows_taylor(activation: str) -> bool:
    """s(z(t)) against mpmath's Taylor coefficients, by numerical differentiation at 60 digits."""
    ops = Mp(DIGITS)
    made = SeriesArithmetic(ops).act(activation, polynomial(ops, *Z))
    mp: Any = mpmath.MPContext()
    mp.dps = 4 * DIGITS  # numerical differentiation loses digits with the order

    def composed(t: Any) -> Any:
        z = sum((mp.mpf(c.numerator) / c.denominator) * t**k for k, c in enumerate(Z))
        return mp.tanh(z) if activation == "tanh" else 1 / (1 + mp.exp(-z))

    expected = mp.taylor(composed, 0, TERMS)
    # P^2 operations at 60 digits on coefficients below 2^TERMS stay ten digits clear of this
    return all(abs(mp.mpf(made[k][0, 0]) - expected[k]) < mp.mpf(10) ** (10 - DIGITS) for k in range(TERMS + 1))


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_series_are_the_taylor_coefficients(activation: str) -> None:
    """The differential relation gives the coefficients that differentiation gives."""
    assert series_follows_taylor(activation)


def test_series_of_tanh_are_exact_rationals() -> None:
    """tanh(3t - t^2) over the rationals equals SymPy's series, coefficient by coefficient."""
    import sympy

    ops = Rational()
    made = SeriesArithmetic(ops).act("tanh", polynomial(ops, Fraction(0), Fraction(3), Fraction(-1)))
    t = sympy.Symbol("t")
    expected = sympy.series(sympy.tanh(3 * t - t**2), t, 0, TERMS).removeO()
    assert [made[k][0, 0] for k in range(TERMS)] == [as_fraction(expected.coeff(t, k)) for k in range(TERMS)]
    assert made[5][0, 0] != 0


def solution(ops: Any, net: oracle.Network) -> Series[Any]:
    """The Taylor series of h' = F(h) from the first state, the input held: coefficient k + 1 is F(h)_k / (k + 1)."""
    over: Any = SeriesArithmetic(ops)
    h: Series[Any] = Series(lambda k: ops.lift(POINT[0]) if k == 0 else ops.scale(Fraction(1, k), field[k - 1]))
    field: Series[Any] = lure.step(over, net.field, h, lure.drive(over, net.field, over.lift(POINT[1])))
    return h


def test_the_flow_of_a_linear_field_is_the_exponential() -> None:
    """h' = J h gives J^k h0 / k!, as rationals."""
    exact = np.vectorize(Fraction, otypes=[object])
    net = oracle.Network.rate(W, tau=0.5, activation="identity")
    J, term = 2 * (exact(W) - exact(np.eye(N))), exact(POINT[0])
    h: Series[Any] = Series(lambda k: exact(POINT[0]) if k == 0 else ops.scale(Fraction(1, k), field[k - 1]))
    ops: Any = Rational()
    over: Any = SeriesArithmetic(ops)
    field: Series[Any] = lure.step(over, net.field, h, lure.drive(over, net.field, over.lift(np.zeros((0, 1)))))
    for k in range(TERMS):
        assert (h[k] * Fraction(factorial(k))).tolist() == term.tolist()
        term = J.dot(term)


@pytest.mark.parametrize("name", ["rate, per unit tau", "current, scalar tau", "general"])
def test_the_second_coefficient_is_the_jacobian_times_the_field(name: str) -> None:
    """h'' = J F: 60 digits of the series lie in the balls of the tangent along the field itself."""
    net = networks()[name]
    with precision(BITS):
        ops = Ball()
        over: Any = Tangent(ops)
        h, x = (ops.lift(value) for value in POINT)
        F = lure.step(ops, net.field, h, lure.drive(ops, net.field, x))
        moving = lure.step(over, net.field, Dual(h, F), lure.drive(over, net.field, Dual(x, None)))
    series = solution(Mp(DIGITS), net)
    assert enclosed(moving.value, series[1])
    assert enclosed(moving.tangent, 2 * series[2])


def test_kinks_are_refused() -> None:
    """ReLU has no series, and no tangent at exactly zero; a ball that may hold the kink has none either."""
    rec = Recurrence.elman(np.array([[0.5, -0.25], [0.25, 0.75]]), activation="relu")
    zero = np.zeros((2, 1))
    for ops in (Rational(), Mp(DIGITS)):
        over: Any = Tangent(ops)
        with pytest.raises(KinkError, match="z = 0"):
            advance(over, rec, Dual(ops.lift(zero), ops.lift(np.eye(2))), over.lift(np.zeros((0, 1))))
    with precision(BITS):
        balls: Any = Tangent(Ball())
        h, x = Dual(balls.base.lift(zero), balls.base.lift(np.eye(2))), balls.lift(np.zeros((0, 1)))
        with pytest.raises(KinkError, match="kink"):
            advance(balls, rec, h, x)
    with pytest.raises(KinkError, match="no Taylor series"):
        SeriesArithmetic(Rational()).act("relu", polynomial(Rational(), Fraction(1)))


def test_transcendentals_of_transcendentals_are_refused_exactly() -> None:
    """tanh(tanh(1)) is no number the exact arithmetic has; two steps of a tanh network stop with an error."""
    rec = Recurrence.elman(W, M)
    ops: Any = Rational()
    once = advance(ops, rec, ops.lift(H), ops.lift(X))
    with pytest.raises(NotDecidable, match="transcendental of a transcendental"):
        advance(ops, rec, once, ops.lift(X))
    assert X.shape[0] == INPUTS
