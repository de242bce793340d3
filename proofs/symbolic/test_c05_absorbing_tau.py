"""C5: absorbing a time constant: exactly by scaling the state, and otherwise with a bounded error.

(ii) With h = T y, T an invertible diagonal matrix and A diagonal, F(T y, x) = T F'(y, x) for the coefficients
T^-1 (B, E, c), W T: exactly, for every s. Without E and c, and with B = T/tau, only W changes.
(i) s(g z) = g s(z) for g > 0 is what moves g inside; max(0, g z) = g max(0, z). (iii) The tangent of s at z* = 0 with
s(0) = 0 is s'(0) z, which is homogeneous.
(iv) f(z) = g s(z) - s(g z): f(0) = (g - 1) s(0), f' = g (s'(z) - s'(g z)) = -g int_z^{gz} s''. With
|s''(u)| <= c + C3 |u|, |f'(z)| <= g (c |g - 1| z + C3 |g^2 - 1| z^2/2) for z > 0, whose integral is the bound; z < 0 by
reflection. If s' is even and falls with |z|, then f' has the sign of g - 1, and f/(g - 1) rises from s(-oo) through
s(0) to s(oo).
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from generic import SIZES, Generic, Unknown, apply, assert_same, assert_zero, field, point, symbols

from oracle.claims import formulas
from oracle.claims.absorption import inside, scaled
from oracle.claims.formulas import formula
from oracle.procedures.discretize import euler
from oracle.procedures.linearize import linearized
from oracle.procedures.rescale import rescaled
from oracle.records.exact import objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator

D, g, z, c, C3 = sympy.symbols("Delta g z c C_3", positive=True)
u = sympy.Symbol("u", real=True)
HALF = sympy.Rational(1, 2)


def paper(N: int, inputs: int, tau) -> Lure:
    """h' = -h/tau + s(W h + M x + b)."""
    F = field(N, N, inputs)
    empty = Operator.zero(N, inputs)
    return replace(F, A=Operator.diagonal(-1 / tau, N), B=Operator.diagonal(sympy.Integer(1), N), E=empty, c=())


def rate(F: Lure, tau, W: Operator) -> Lure:
    """tau h' = -h + s(W h + M x + b)."""
    return replace(F, A=Operator.diagonal(-1 / tau, 2), B=Operator.diagonal(1 / tau, 2), W=W)


def prove_scaled_state(scale=scaled) -> None:
    """F(T y, x) = T F'(y, x) for any diagonal A and T, any s; and the Euler steps are related alike."""
    for N, K, inputs in SIZES:
        F, (y, x), T, s = field(N, K, inputs, diagonal=True), point(N, inputs), symbols("T", N), Unknown()
        for p, q in ((F, scale(F, T)), (euler(F, D), scale(euler(F, D), T)), (euler(F, D), euler(scale(F, T), D))):
            ours, theirs = apply(Generic(s), p, T * y, x), apply(Generic(s), q, y, x)
            difference = objects(sympy.cancel(sympy.expand(e)) for e in (ours - T[:, None] * theirs).ravel())
            assert_zero(difference, "F(T y) - T F'(y)")


def prove_paper_to_rate(scale=scaled) -> None:
    """h = T y with T = tau turns `paper` into `rate` with W T, M and b as they are, one tau per unit."""
    tau = symbols("tau", 2)
    F = paper(2, 1, tau)
    assert_same(scale(F, tau), rate(F, tau, F.W.times_diagonal(tau)))


def prove_rescaled(scale=scaled, rescale=rescaled) -> None:
    """One tau: R by tau, then h = tau y, leaves y' = -y + s(tau W y + M x + b)."""
    F = paper(2, 1, g)
    assert_same(scale(rescale(F, g), g), rate(F, sympy.Integer(1), F.W.scaled(g)))


def prove_homogeneous(s=lambda v: sympy.Max(0, v), factor=g) -> None:
    """s(g z) = g s(z) for g > 0, on both sides of zero; leaky and linear slopes alike."""
    for sign in (1, -1, 0):
        assert sympy.simplify(s(factor * sign * z) - factor * s(sign * z)) == 0, sign


def prove_inside(move=inside) -> None:
    """With s the identity, a gain before s and inside it is the same map; so it is for every homogeneous s."""
    F, (h, x) = replace(paper(2, 1, g), activation="identity"), point(2, 1)
    gain = symbols("g", 2)
    difference = apply(Generic(), F, h, x) - apply(Generic(), move(F, gain), h, x)
    assert_zero(objects(sympy.cancel(sympy.expand(e)) for e in difference.ravel()), "gain moved inside")


def prove_linear(value=lambda s, z: sympy.Integer(0)) -> None:
    """The tangent at z* = 0 has no constant where s(0) = 0."""
    F = paper(2, 1, g)
    linear = linearized(F, objects([sympy.Integer(0)] * 2), value, lambda s, z: sympy.Symbol("slope"))
    assert_zero(sum(linear.c), "constant of the tangent")


def prove_derivative(of=lambda s: g * s(z) - s(g * z)) -> None:
    """f' = g (s'(z) - s'(g z)) and f(0) = (g - 1) s(0), for any s; s'(z) - s'(gz) = -int_z^{gz} s''."""
    s = sympy.Function("s")
    f = of(s)
    slope = s(u).diff(u)
    expected = g * (slope.subs(u, z) - slope.subs(u, g * z))
    assert sympy.simplify(f.diff(z).doit() - expected.doit()) == 0
    assert sympy.expand(f.subs(z, 0) - (g - 1) * s(0)) == 0


def stated():
    """The claim's formula for z > 0 and s(0) = 0."""
    y = formulas.symbols()
    return formula("C5")[0].rhs.subs({y.g: g, y.z: z, y.s_0: 0, y.s_2: c, y.C_3: C3})


def prove_bound(bound=stated) -> None:
    """The majorant of |f'| integrates to the claim's formula, for g above and below one."""
    for larger in (True, False):
        value = 1 + D if larger else 1 / (1 + D)
        low, high = (z, value * z) if larger else (value * z, z)
        majorant = value * sympy.integrate(c + C3 * u, (u, low, high))
        integral = sympy.integrate(majorant.subs(z, u), (u, 0, z))
        assert sympy.simplify(integral - bound().subs(g, value)) == 0


SIGMOIDS = {"tanh": (sympy.tanh(u), 2), "logistic": (1 / (1 + sympy.exp(-u)), sympy.Rational(1, 8))}


def prove_constants(tanh=SIGMOIDS["tanh"][1], logistic=SIGMOIDS["logistic"][1]) -> None:
    """sup|s'''| over all of R, s''(0) = 0, and s' even and falling: by the relation s' = p(s)."""
    s = sympy.Symbol("s", real=True)
    for name, p, ends, centre, C in (
        ("tanh", 1 - s**2, (-1, 1), 0, tanh),
        ("logistic", s - s**2, (0, 1), HALF, logistic),
    ):
        function = SIGMOIDS[name][0]
        assert sympy.simplify((function.diff(u) - p.subs(s, function)).rewrite(sympy.exp)) == 0
        second = sympy.expand(p.diff(s) * p)
        third = sympy.expand(second.diff(s) * p)
        critical = [e for e in (*ends, *sympy.roots(third.diff(s), s)) if ends[0] <= e <= ends[1]]
        assert sympy.Max(*(abs(third.subs(s, e)) for e in critical)) == C
        assert second.subs(s, centre) == 0
        assert sympy.expand(p - p.subs(s, 2 * centre - s)) == 0, "even"
        assert p.diff(s, 2) < 0, "falling away from the vertex"


def prove_sharp(order=3) -> None:
    """f(z) = (g - 1) s(0) + (g - g^3) s'''(0) z^3/6 + ..: at small z the bound is attained."""
    for function, C in SIGMOIDS.values():
        f = g * function.subs(u, z) - function.subs(u, g * z)
        at_zero = [sympy.simplify(f.diff(z, n).subs(z, 0)) for n in (1, 2, order)]
        assert at_zero[:2] == [0, 0]
        assert sympy.expand(at_zero[2] - (g**3 - g) * C) == 0


def test_scaling_the_state() -> None:
    """(ii) for every s, one T per unit."""
    prove_scaled_state()
    prove_paper_to_rate()
    prove_rescaled()


def test_moving_the_gain_inside() -> None:
    """(i) and (iii)."""
    prove_homogeneous()
    prove_homogeneous(lambda v: v)
    prove_inside()
    prove_linear()


def test_bound_of_the_error() -> None:
    """(iv): derivative, majorant, constants, sharpness."""
    prove_derivative()
    prove_bound()
    prove_constants()
    prove_sharp()


def left_instead(F: Lure, T) -> Lure:
    """A wrong scaling: T W instead of W T."""
    return replace(scaled(F, T), W=F.W.scaled(T))


def gain_kept(F: Lure, T) -> Lure:
    """A wrong scaling: B stays."""
    return replace(scaled(F, T), B=F.B)


def bias_scaled(F: Lure, T) -> Lure:
    """A wrong scaling: b takes T as well."""
    return replace(scaled(F, T), b=tuple(T * part for part in F.b))


def bias_forgotten(F: Lure, gain) -> Lure:
    """A wrong move: b stays."""
    return replace(inside(F, gain), b=F.b)


FAULTS = {
    "T W": lambda: prove_paper_to_rate(left_instead),
    "B kept": lambda: prove_scaled_state(gain_kept),
    "b scaled": lambda: prove_paper_to_rate(bias_scaled),
    "R forgotten": lambda: prove_rescaled(rescale=lambda F, r: F),
    "negative gain": lambda: prove_homogeneous(factor=-g),
    "tanh homogeneous": lambda: prove_homogeneous(sympy.tanh),
    "b not moved": lambda: prove_inside(bias_forgotten),
    "s(0) not zero": lambda: prove_linear(lambda s, z: HALF),
    "s(z) - s(g z)": lambda: prove_derivative(lambda s: s(z) - s(g * z)),
    "g^2": lambda: prove_bound(lambda: g * abs(g - 1) * c * z**2 / 2 + abs(g**2 - g) * C3 * z**3 / 6),
    "half the quadratic": lambda: prove_bound(lambda: g * abs(g - 1) * c * z**2 / 4 + abs(g**3 - g) * C3 * z**3 / 6),
    "C3 of tanh halved": lambda: prove_constants(tanh=1),
    "C3 of the logistic doubled": lambda: prove_constants(logistic=sympy.Rational(1, 4)),
    "fourth order": lambda: prove_sharp(4),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong procedure or formula is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
