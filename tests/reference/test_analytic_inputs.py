"""Inputs in closed form: series, what they omit, breaks, and flows driven by them in both engines."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb, fmpq

import oracle
from oracle.arithmetic.ball import precision
from oracle.reference import analytic as analytics
from oracle.reference.enclosure import exact
from oracle.reference.power_series import PowerSeries

t = sp.Symbol("t")
EXPRESSIONS = [
    sp.sin(3 * t) + t**2 / 5,
    sp.exp(-t) * sp.cos(2 * t),
    sp.tanh(2 * t) / (1 + t**2),
    sp.sqrt(1 + t**2) * sp.pi,
    sp.log(2 + sp.cos(t)) + sp.sinh(t) - sp.cosh(t) / 3,
]


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_three_ways_to_the_series(expression: Any, direction: int) -> None:
    """Balls of series contain SymPy's exact derivatives, and mpmath's power series agree with them to its precision,
    forward and backward; planted fault: the series about a point 1e-20 away is outside."""
    origin, length = Fraction(1, 3), 6
    piece = analytics.AnalyticPiece(None, (expression,), origin, direction)
    truth = []
    for k in range(length):
        value = expression.diff(t, k).subs(t, sp.Rational(1, 3)) * direction**k / sp.factorial(k)
        truth.append(exact(mpmath.mp.make_mpf(sp.N(value, 60)._mpf_)))
    moved = analytics.AnalyticPiece(None, (expression,), origin + Fraction(1, 10**20), direction)
    with precision(150, length):
        found, other = (p.in_balls(Fraction(1), length).entries() for p in (piece, moved))
        slack = arb(0, arb(2) ** -140)
        points = [arb(fmpq(v.numerator, v.denominator)) for v in truth]
        assert all((ball + slack).contains(point) for ball, point in zip(found, points, strict=True))
        assert not all((ball + slack).contains(point) for ball, point in zip(other, points, strict=True))
    ctx = mpmath.MPContext()
    ctx.dps = 40
    observed = piece.in_mp(ctx, length)
    assert all(abs(o[0] - v) < Fraction(1, 10**36) for o, v in zip(observed, truth, strict=True))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_the_series_omit_is_bounded(expression: Any) -> None:
    """At the end of a step the value minus the first terms is inside the bound, for 3 and 9 terms; planted fault: a
    bound a thousand times smaller than that of 9 terms does not hold for 3."""
    time = Fraction(1, 8)
    piece = analytics.AnalyticPiece(None, (expression,), Fraction(1, 3), 1)
    ctx = mpmath.MPContext()
    ctx.dps = 40
    value = ctx.mpf(mpmath.mp.make_mpf(sp.N(expression.subs(t, sp.Rational(11, 24)), 40)._mpf_))
    gaps, bounds = [], []
    for length in (3, 9):
        terms = piece.in_mp(ctx, length)
        gaps.append(abs(exact(value) - sum(c[0] * time**k for k, c in enumerate(terms))))
        bounds.append(Fraction(float(piece.beyond(time, length)[0].upper())))
    assert all(gap <= bound for gap, bound in zip(gaps, bounds, strict=True))
    assert gaps[0] > bounds[1] / 1000


def test_a_driven_linear_unit_in_closed_form() -> None:
    """h' = -h + sin 2t from 0: h = (sin 2t - 2 cos 2t + 2 e^-t)/5, before and after 0; an input that jumps at 1/3."""
    net = oracle.Network(A=-1, W=[[0.0]], M=[[0.0]], E=[[1.0]], activation="identity")
    times = [Fraction(-1, 2), Fraction(1), Fraction(5, 2)]
    ctx = mpmath.MPContext()
    ctx.dps = 50
    truth = [[(ctx.sin(2 * s) - 2 * ctx.cos(2 * s) + 2 * ctx.exp(-s)) / 5] for s in map(ctx.mpf, (-0.5, 1, 2.5))]
    assert oracle.reference(net, oracle.analytic(sp.sin(2 * t)), [0], times, digits=25).contains(truth).all()
    jump = oracle.analytic(lambda s: sp.Heaviside(s - sp.Rational(1, 3)) * sp.exp(-s))
    third = ctx.mpf(1) / 3
    jumped = [[(s - third) * ctx.exp(-s)] for s in map(ctx.mpf, (1, 2.5))]
    assert oracle.reference(net, jump, [0], times[1:], digits=25).contains(jumped).all()
    late = oracle.analytic(lambda s: sp.Heaviside(s - sp.Rational(34, 100)) * sp.exp(-s))
    assert not oracle.reference(net, late, [0], times[1:], digits=25).contains(jumped).any()


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_both_engines_and_a_closed_form_agree(activation: str) -> None:
    """Two units driven by two expressions: mpmath to more digits is inside (tanh); for relu, the longer answer."""
    rng = np.random.default_rng(0)
    net = oracle.Network.rate(rng.normal(size=(2, 2)), rng.normal(size=(2, 2)), [0.2, -0.3], activation=activation)
    x = oracle.analytic(EXPRESSIONS[:2])
    found = oracle.reference(net, x, [0.3, -0.2], ["0.5"], digits=12)
    engine = {"tanh": "mpmath", "relu": "balls"}[activation]
    finer = oracle.reference(net, x, [0.3, -0.2], ["0.5"], digits=22, engine=engine)
    assert found.contains(finer.mid).all()
    assert found.status == "proved"
    fast = oracle.reference(net.rescale(4), x.rescale(4), [0.3, -0.2], [Fraction(1, 8)], digits=12)
    assert fast.contains(finer.mid).all()


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (sp.Abs(sp.Symbol("t", real=True)), "Abs"),
        (sp.gamma(t), "gamma"),
        (sp.Symbol("a") * t, "the symbols a, t"),
        (sp.Piecewise((1, sp.sin(t) > 0), (0, True)), "Piecewise|sin"),
    ],
)
def test_what_is_not_known_is_refused(expression: Any, words: str) -> None:
    """Before anything is computed, with what can be written instead."""
    with pytest.raises(oracle.BadInput, match=words):
        oracle.analytic([expression])


def test_power_series_are_what_they_say() -> None:
    """exp(log u) = u, sin^2 + cos^2 = 1, (u / v) v = u to rounding, for u, v with all coefficients different."""
    ctx = mpmath.MPContext()
    ctx.dps = 30
    u, v = (PowerSeries(ctx, [ctx.mpf(c) for c in cs], 7) for cs in ([2, 1, -3, 0.5, 7], [3, -1, 0.25, 2]))
    sine, cosine = u.sin(), u.cos()
    pairs = [(u.log().exp(), u), (sine * sine + cosine * cosine, u.lifted(1)), (u / v * v, u)]
    for left, right in pairs:
        gaps = [abs(a - b) for a, b in zip(left.coefficients, right.coefficients, strict=True)]
        assert max(gaps) < ctx.mpf(10) ** -26
