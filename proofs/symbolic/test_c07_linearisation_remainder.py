"""C7: the remainder of the linearisation, its recursion along a trajectory, and the regular radius.

Taylor with integral remainder: s(z) - s(z*) - s'(z*) zeta = int_0^zeta (zeta - u) s''(z* + u) du, at most
(C2/2) zeta^2; the quotient by zeta^2/2 tends to s''(z*), and |s''| attains C2, so no smaller constant will do.

With R(z) = s(z) - s(z*) - S (z - z*) the difference of a nonlinear and a linear step is, exactly,
    (a)  (A + B D W) d + B R(z_lin)    D the divided differences (s(z) - s(z_lin)) / (z - z_lin)
    (b)  (A + B S W) d + B R(z)
so the Jacobian on the segment goes with the linear run's deviation, that of the linear step with the nonlinear run's.
In continuous time the same identities give d' = J d + B R, and variation of constants the two forms of the claim.

Signs kept: R(z) = s''(z*) zeta^2/2 + int_0^zeta (zeta - u)^2/2 s^(3)(z* + u) du, the last at most C3 |zeta|^3/6. With R
in m -+ w, d = c + r, c_{k+1} = J c_k + B m_k and r_{k+1} = J r_k + B (R_k - m_k), |r_k| <= sum_j |J^{k-1-j} B| w_j.

The regular radius: int_0^t e^{-m(t-s)} e^{-2ms} ds = e^{-mt}(1 - e^{-mt})/m <= 1/(4m).
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from generic import SIZES, Generic, Unknown, apply, assert_zero, field, point, symbols

from oracle.procedures.discretize import euler
from oracle.procedures.linearize import linearized, preactivation
from oracle.records.exact import objects
from oracle.records.lure import Lure

D, m, t, r, C2, B, W, eps = sympy.symbols("Delta m t r C_2 B W epsilon", positive=True)
zeta, u, z = sympy.symbols("zeta u z", real=True)


def prove_recursion(form: str, linearise=linearized, deviation=None) -> None:
    """The distance after one step of the library's Euler record and of its linearisation, in form "a" or "b"."""
    for sizes in SIZES:
        prove_one_step(sizes, form, linearise, deviation or form)


def prove_one_step(sizes, form: str, linearise, deviation: str) -> None:
    """One network; R belongs to the argument whose deviation is used."""
    N, K, inputs = sizes
    F, at, (h, x) = euler(field(*sizes), D), point(N, inputs), (symbols("y", N), symbols("v", inputs))
    lin, s, at_star = symbols("l", N), Unknown(), Unknown()
    z_star, here, there = (preactivation(F, *where) for where in (at, (h, x), (lin, x)))
    star = objects(at_star.value("tanh", entry) for entry in z_star)
    S = objects(at_star.slope("tanh", entry) for entry in z_star)
    d, R, which = symbols("d", K), symbols("R", K), {"a": there, "b": here}[deviation]
    for i in range(K):
        value = star[i] + S[i] * (which[i] - z_star[i]) + R[i]
        s.values[sympy.expand(which[i])] = value
        if which is there:  # s at the other argument, by the divided difference
            s.values[sympy.expand(here[i])] = value + d[i] * (here[i] - there[i])
    L = linearise(F, z_star, at_star.value, at_star.slope)
    step = apply(Generic(s), F, h, x) - apply(Generic(s), L, lin, x)
    J = F.A.expanded + F.B.times_diagonal(d if form == "a" else S).expanded @ F.W.expanded
    assert_zero(step.ravel() - J @ (h - lin) - F.B.expanded @ R, f"form ({form})")


def prove_remainder(weight=lambda u: zeta - u) -> None:
    """The remainder is the weighted integral of s'', and the weight integrates to zeta^2/2."""
    s = sympy.Function("s")
    antiderivative = weight(u) * s(z + u).diff(u) + s(z + u)
    assert sympy.simplify(antiderivative.diff(u) - weight(u) * s(z + u).diff(u, 2)) == 0
    value = (antiderivative.subs(u, zeta) - antiderivative.subs(u, 0)).doit()
    slope = s(z + u).diff(u).subs(u, 0).doit()
    assert sympy.simplify(value - (s(z + zeta) - s(z) - zeta * slope).doit()) == 0
    assert sympy.simplify(sympy.integrate(weight(u), (u, 0, zeta)) - zeta**2 / 2) == 0


def prove_third_order(weight=lambda u: (zeta - u) ** 2 / 2) -> None:
    """The remainder beyond s'' zeta^2/2 is the weighted integral of s^(3), and the weight integrates to zeta^3/6."""
    s = sympy.Function("s")
    parts = weight(u) * s(z + u).diff(u, 2) + (zeta - u) * s(z + u).diff(u) + s(z + u)
    assert sympy.simplify(parts.diff(u) - weight(u) * s(z + u).diff(u, 3)) == 0
    assert sympy.simplify(sympy.integrate(weight(u), (u, 0, zeta)) - zeta**3 / 6) == 0


def prove_sum_of_powers(power=lambda k, j: k - 1 - j) -> None:
    """Three steps of d = J d + B R are the sum of J^{k-1-j} B R_j, for matrices: symbols that do not commute."""
    J, gain = sympy.symbols("J b", commutative=False)
    R = sympy.symbols("R_0 R_1 R_2", commutative=False)
    d = sympy.Integer(0)
    for k in range(3):
        d = J * d + gain * R[k]
    assert sympy.expand(d - sum(J ** power(3, j) * gain * R[j] for j in range(3))) == 0


RELATIONS = {
    "tanh": (lambda s: 1 - s**2, (-1, 1), 4 / (3 * sympy.sqrt(3))),
    "logistic": (lambda s: s - s**2, (0, 1), sympy.sqrt(3) / 18),
}


def prove_constant(name: str, claimed=None) -> None:
    """sup|s''| by the relation s' = p(s), and that it is attained inside the range of s."""
    p, ends, C = RELATIONS[name]
    s = sympy.Symbol("s", real=True)
    second = sympy.expand(p(s).diff(s) * p(s))
    inner = [e for e in sympy.roots(second.diff(s), s) if ends[0] < e < ends[1]]
    assert all(second.subs(s, e) == 0 for e in ends)
    sizes = {sympy.simplify(abs(second.subs(s, e)) - (C if claimed is None else claimed)) for e in inner}
    assert sizes == {sympy.Integer(0)}


def prove_not_improvable(limit=lambda slope: slope) -> None:
    """The remainder divided by zeta^2/2 tends to s''(z*)."""
    for s in (sympy.tanh(z), 1 / (1 + sympy.exp(-z))):
        series = sympy.series(s.subs(z, z + u), u, 0, 3).removeO()
        rest = sympy.expand(series).coeff(u, 2) * 2
        assert sympy.simplify((rest - limit(s.diff(z, 2))).rewrite(sympy.exp)) == 0


THIRD = sympy.Rational(1, 3)


def prove_at_zero(power=3, factor=THIRD) -> None:
    """tanh at z* = 0: v - tanh v and v^3/3 - (v - tanh v) vanish at 0 and rise for v > 0."""
    gap = factor * zeta**power - (zeta - sympy.tanh(zeta))
    assert gap.subs(zeta, 0) == 0
    # Its derivative is v^2 - tanh(v)^2, which is >= 0 because |tanh v| <= |v|.
    assert sympy.simplify(gap.diff(zeta) - (zeta**2 - sympy.tanh(zeta) ** 2)) == 0


def prove_radius(radius=lambda: sympy.sqrt(8 * m * eps / (C2 * B * W**2))) -> None:
    """The forced response is largest at e^{-mt} = 1/2, where it is eps."""
    s = sympy.Symbol("s", positive=True)
    response = sympy.integrate(sympy.exp(-m * (t - s)) * sympy.exp(-2 * m * s), (s, 0, t))
    decay = sympy.Symbol("decay", positive=True)
    assert sympy.simplify(response - sympy.exp(-m * t) * (1 - sympy.exp(-m * t)) / m) == 0
    assert sympy.solve((decay * (1 - decay)).diff(decay), decay) == [sympy.Rational(1, 2)]
    peak = response.subs(t, sympy.log(2) / m)
    assert sympy.simplify(C2 / 2 * B * W**2 * radius() ** 2 * peak - eps) == 0


def test_recursion() -> None:
    """Both forms, with generic coefficients and an unknown s."""
    prove_recursion("a")
    prove_recursion("b")


def test_remainder() -> None:
    """Taylor's remainder, the constants, and that they are attained."""
    prove_remainder()
    prove_constant("tanh")
    prove_constant("logistic")
    prove_not_improvable()
    prove_at_zero()
    prove_third_order()


def test_sum_of_powers() -> None:
    """Form (b) without norms."""
    prove_sum_of_powers()


def test_regular_radius() -> None:
    """The regular radius."""
    prove_radius()


def constant_dropped(p: Lure, z_star, value, slope) -> Lure:
    """A wrong L: c stays."""
    return replace(linearized(p, z_star, value, slope), c=p.c)


FAULTS = {
    "linear factor with the linear deviation": lambda: prove_recursion("b", deviation="a"),
    "segment factor with the nonlinear deviation": lambda: prove_recursion("a", deviation="b"),
    "c dropped in L": lambda: prove_recursion("b", constant_dropped),
    "weight zeta": lambda: prove_remainder(lambda u: zeta),
    "C2 halved": lambda: prove_constant("tanh", 2 / (3 * sympy.sqrt(3))),
    "C2 of the other activation": lambda: prove_constant("logistic", 4 / (3 * sympy.sqrt(3))),
    "half the curvature": lambda: prove_not_improvable(lambda slope: slope / 2),
    "zeta^3/6": lambda: prove_at_zero(factor=sympy.Rational(1, 6)),
    "weight (zeta - u)^2": lambda: prove_third_order(lambda u: (zeta - u) ** 2),
    "powers one too many": lambda: prove_sum_of_powers(lambda k, j: k - j),
    "radius with 4 m": lambda: prove_radius(lambda: sympy.sqrt(4 * m * eps / (C2 * B * W**2))),
    "radius with |W|": lambda: prove_radius(lambda: sympy.sqrt(8 * m * eps / (C2 * B * W))),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong formula is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
