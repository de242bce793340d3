"""C6: the recursion of Euler's error, e_{k+1} = q e_k + Delta^2 M2 / 2, and its closed form.

General argument. With the input held, h(t + Delta) = h + Delta F(h) + int_0^Delta (Delta - th) h''(t + th) dth (Taylor
with integral remainder), so the local error is at most Delta^2 M2 / 2. Two states are moved by one Euler step to
(I + Delta (A + B diag(d) W)) times their difference, d_i the divided difference (s(z_i) - s(z'_i)) / (z_i - z'_i),
which lies between the extreme slopes of s. In any norm the errors add up to the recursion. For q < 1 the closed form is
Delta^2 M2 / 2 (1 - q^k) / (1 - q), increasing in k, with limit Delta^2 M2 / (2 (1 - q)); for q = 1 it is
k Delta^2 M2 / 2.

Along Euler's polygon p(th) = h + th f with input x + th y: F(p(th)) - F(h) = th (A f + E y + B D (W f + M y)), D
divided differences, so the polygon's defect integrates to Delta^2 N2/2, times at most max(1, e^{mu Delta}) in any norm
(Gronwall: |d|' <= mu |d| + |defect|). The flow has h'' = J F + (E + B S M) x'.

Weights: |v| = |D^-1 v|, so the matrix is D^-1 M D, with entries M_ij d_j / d_i. For 1 + Delta J_ii >= 0 a row of
|I + Delta J| is 1 + Delta (J_ii + sum |J_ij|), so |I + Delta J| = 1 + Delta mu; otherwise it is larger.

Rate form, a = Delta/tau_i <= 1, slopes in [0, S]: as a function of the slope row i of |I + Delta J| is convex, so its
largest value is max(1 - a, |1 - a + a S w_ii| + a S sum_j |w_ij|). That this is 1 - a + a S max(0, w_ii + sum_j |w_ij|)
needs 1 - a + a S w_ii >= 0; a <= 1 alone is not enough: w = -3, S = 1, a = 1 has the factor 3, and the formula says 0.
(It is 1 + Delta mu always, and a bound of the factor only where the two agree.)

Expansion: a Taylor polynomial p of degree P has p' - F(p) = -(A p_P + B s_P) th^P - B sum_{k > P} s_k th^k. With
|s_k| <= m R^-k, and (th/R)^k <= (th/Delta)^P (Delta/R)^k for k > P, it is at most (th/Delta)^P D entry by entry, and
the integral of its norm at most |D| Delta/(P+1): a geometric series. First order: eps' = J eps + h''/2 is what
e = Delta eps gives.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy
from generic import SIZES, Generic, Unknown, apply, assert_zero, field, identity, point, symbols, tangent

from oracle import Network
from oracle.arithmetic.rational import Rational
from oracle.equations import lure
from oracle.equations.catalogue import advance
from oracle.procedures.discretize import euler
from oracle.procedures.linearize import preactivation
from oracle.records.exact import objects
from oracle.records.lure import Lure

D, M2, q = sympy.symbols("Delta M2 q", positive=True)
k = sympy.Symbol("k", integer=True, nonnegative=True)


class Secant(Unknown):
    """An unknown s known at two arguments: s(z') = s(z) - d (z - z'), d the divided difference."""

    def __init__(self, here, there, d) -> None:
        super().__init__()
        for i, (z, moved) in enumerate(zip(here, there, strict=True)):
            value = self.value("tanh", z)
            self.values[sympy.expand(moved)] = value - d[i] * (z - moved)


def prove_mean_value(discretise=euler) -> None:
    """One step moves two states to (I + Delta (A + B diag(d) W)) (h - h'), exactly."""
    for N, K, inputs in SIZES:
        F, (h, x), d = field(N, K, inputs), point(N, inputs), symbols("d", K)
        other = symbols("g", N)
        ops = Generic(Secant(preactivation(F, h, x), preactivation(F, other, x), d))
        moved = apply(ops, discretise(F, D), h, x) - apply(ops, discretise(F, D), other, x)
        J = F.A.expanded + F.B.times_diagonal(d).expanded @ F.W.expanded
        assert_zero(moved.ravel() - (identity(N) + D * J) @ (h - other), "difference of two steps")


def prove_local_error(weight=lambda th: D - th) -> None:
    """The remainder's weight integrates to Delta^2 / 2, and the remainder is Taylor's."""
    th = sympy.Symbol("theta", positive=True)
    assert sympy.integrate(weight(th), (th, 0, D)) - D**2 / 2 == 0
    h = sympy.Function("h")
    remainder = weight(th) * h(th).diff(th) + h(th)  # an antiderivative of weight * h''
    assert sympy.simplify(remainder.diff(th) - weight(th) * h(th).diff(th, 2)) == 0


def prove_closed_form(closed=lambda n: D**2 * M2 / 2 * (1 - q**n) / (1 - q)) -> None:
    """The closed form starts at zero and obeys the recursion, for q != 1."""
    assert sympy.simplify(closed(sympy.Integer(0))) == 0
    assert sympy.simplify(closed(k + 1) - q * closed(k) - D**2 * M2 / 2) == 0


def test_difference_of_two_steps() -> None:
    """The mean value form of one Euler step."""
    prove_mean_value()


def test_local_error() -> None:
    """The local error is Delta^2 M2 / 2."""
    prove_local_error()


def test_closed_form() -> None:
    """The solution of the recursion."""
    prove_closed_form()


th, mu, jump, N2 = sympy.symbols("theta mu jump N_2", positive=True)


def prove_polygon(moved=lambda y: y) -> None:
    """F along the polygon h + th f with input x + th y, by the library's field with divided differences; any f."""
    for N, K, inputs in SIZES:
        F, (h, x), d = field(N, K, inputs), point(N, inputs), symbols("d", K)
        f, y = symbols("f", N), symbols("y", inputs)
        later, driven = h + th * f, x + th * y
        ops = Generic(Secant(preactivation(F, later, driven), preactivation(F, h, x), d))
        change = apply(ops, F, later, driven) - apply(ops, F, h, x)
        zdot = F.W.expanded @ f + F.M.expanded @ moved(y)
        bend = F.A.expanded @ f + F.E.expanded @ moved(y) + F.B.expanded @ (d * zdot)
        assert_zero(change.ravel() - th * bend, "change along the polygon")


def prove_second_derivative(factor=1) -> None:
    """The derivative of F along the flow is J F + (E + B S M) x'."""
    for N, K, inputs in SIZES:
        F, (h, x), unknown = field(N, K, inputs), point(N, inputs), Unknown()
        dual, velocity = tangent(lure.step, F, h, x, unknown), symbols("y", inputs)
        S = objects(unknown.slope("tanh", z) for z in preactivation(F, h, x))
        BS, f = F.B.times_diagonal(S).expanded, dual.value.ravel()
        along = dual.tangent[:, :N] @ f + dual.tangent[:, N:] @ velocity
        J = F.A.expanded + BS @ F.W.expanded
        assert_zero(along - J @ f - factor * (F.E.expanded + BS @ F.M.expanded) @ velocity, "h''")


def prove_gronwall(bound=lambda: jump * D + N2 * D**2 / 2) -> None:
    """int (jump + th N2) dth, the weight e^{mu (Delta - th)} being at most max(1, e^{mu Delta})."""
    assert sympy.expand(sympy.integrate(jump + th * N2, (th, 0, D)) - bound()) == 0
    error, weight = sympy.Function("e"), sympy.exp(mu * (D - th))
    # (weight e)' = weight (e' - mu e), which is at most weight times the defect.
    assert sympy.simplify((weight * error(th)).diff(th) - weight * (error(th).diff(th) - mu * error(th))) == 0


def prove_row(sign=1) -> None:
    """|I + Delta J| = 1 + Delta mu row by row, in weighted norms, for 1 + Delta J_ii = p of this sign."""
    p, first, second = sympy.Symbol("p", positive=True), *sympy.symbols("J_1 J_2", real=True)
    d = sympy.symbols("d_0 d_1 d_2", positive=True)
    diagonal = (sign * p - 1) / D
    off = sympy.Abs(first) * d[1] / d[0] + sympy.Abs(second) * d[2] / d[0]
    row = sympy.Abs(1 + D * diagonal) + D * off
    assert sympy.simplify(row - (1 + D * (diagonal + off))) == 0


a, S, w, rest = (
    sympy.Symbol(name, **kind)
    for name, kind in (
        ("a", {"positive": True}),
        ("S", {"positive": True}),
        ("w", {"real": True}),
        ("rest", {"nonnegative": True}),
    )
)


def prove_rate_row(kept=1 - a + a * S * w) -> None:
    """With 1 - a + a S w_ii = p >= 0 the two ends of a row are 1 - a and 1 - a + a S (w_ii + rest)."""
    p = sympy.Symbol("p", nonnegative=True)
    own = sympy.solve(kept - p, w)[0]
    at_S = sympy.Abs(1 - a + a * S * own) + a * S * rest
    assert sympy.simplify(at_S - (1 - a + a * S * (own + rest))) == 0


def test_the_rate_row_needs_a_diagonal_that_stays_positive() -> None:
    """The formula where it holds; and a unit that turns its sign at a = 1: two exact states move from 1 apart to 3."""
    prove_rate_row()
    net = Network.rate([[-3.0]], tau=0.5, activation="relu")
    ops, rec = Rational(), net.discretize(step=0.5)
    first, second = (advance(ops, rec, ops.lift(objects([Fraction(v)])), ops.lift(objects([]))) for v in (-1, -2))
    formula = 1 - 1 + max(0, -3)
    assert abs(first - second)[0, 0] == 3 > formula


def prove_similarity(inverse=lambda d: 1 / d) -> None:
    """Entries of D^-1 M D, and that it carries D^-1 v to D^-1 M v."""
    M, v, d = symbols("M", 3, 3), symbols("v", 3), symbols("d", 3)
    similar = objects(M[i, j] * d[j] * inverse(d[i]) for i in range(3) for j in range(3)).reshape(3, 3)
    assert_zero(similar @ (v / d) - (M @ v) / d, "similar matrix")


def prove_centred(rest=lambda s, S: s - S) -> None:
    """J = A + B S W + B (s - S) W."""
    for N, K, inputs in SIZES:
        F, s, S = field(N, K, inputs), symbols("s", K), symbols("S", K)
        J, centre, beside = (F.B.times_diagonal(v).expanded @ F.W.expanded for v in (s, S, rest(s, S)))
        assert_zero(J - centre - beside, "centred form")


def prove_defect(kept=1) -> None:
    """N = 1: the defect of the Taylor polynomial of degree 2 begins with -(A p_2 + B s_2) th^2."""
    A, B, W, y = sympy.symbols("A B W y")
    s, g = sympy.Function("s"), sympy.Symbol("g")
    F = A * g + B * s(W * g)
    p1 = F.subs(g, y)
    p2 = (F.diff(g) * F / 2).subs(g, y).doit()
    p = y + p1 * th + p2 * th**2
    along = [F.subs(g, p).diff(th, k).subs(th, 0).doit() / sympy.factorial(k) for k in range(3)]
    s2 = s(W * p).diff(th, 2).subs(th, 0).doit() / 2
    gaps = [slope - f for slope, f in zip((p1, 2 * p2, sympy.Integer(0)), along, strict=True)]
    assert [sympy.simplify(gap.doit()) for gap in gaps[:2]] == [0, 0]
    assert sympy.simplify((gaps[2] + kept * A * p2 + B * s2).doit()) == 0


def prove_tail(first=lambda P: P + 1) -> None:
    """The geometric series behind the Cauchy tail, the common factor of its terms, and that factor's integral."""
    P, share = sympy.Symbol("P", integer=True, positive=True), sympy.Symbol("q", positive=True)
    R, t, j = sympy.symbols("R t j", positive=True)
    beyond = share ** (P + 1) / (1 - share)  # sum_{k > P} share^k
    assert sympy.simplify(beyond - share * beyond - share ** (P + 1)) == 0
    # With th = t Delta, t <= 1: (th/R)^{P+j} = t^P (Delta/R)^{P+j} t^j, and t^j <= 1.
    assert sympy.simplify((t * D / R) ** (P + j) - t**P * (D / R) ** (P + j) * t**j) == 0
    assert sympy.simplify(sympy.integrate((th / D) ** P, (th, 0, D)) - D / first(P)) == 0


HALF = sympy.Rational(1, 2)


def prove_first_order(share=HALF) -> None:
    """h' = lambda h: the error's step is that of Delta eps, (1 + Delta lambda) e + Delta^2 h''/2, but for Delta^2 e."""
    rate, e, h = sympy.symbols("lambda e h")
    exact = sympy.series(sympy.exp(rate * D) * (h + e) - (1 + rate * D) * h, D, 0, 3).removeO()
    model = (1 + D * rate) * e + share * D**2 * rate**2 * h
    assert sympy.simplify(exact - model - D**2 * rate**2 * e / 2) == 0


def test_polygon_and_second_derivative() -> None:
    """What the scalar recursions integrate, with inputs that move."""
    prove_polygon()
    prove_second_derivative()
    prove_gronwall()


def test_norms() -> None:
    """Weights, the logarithmic norm's identity, the centred form."""
    prove_row()
    prove_similarity()
    prove_centred()


def test_expansion() -> None:
    """Defect, tail and first order."""
    prove_defect()
    prove_tail()
    prove_first_order()


def leak_not_scaled(p: Lure, step) -> Lure:
    """A wrong D: Delta does not multiply B."""
    return replace(euler(p, step), B=p.B)


FAULTS = {
    "B not scaled": lambda: prove_mean_value(leak_not_scaled),
    "weight theta": lambda: prove_local_error(lambda th: th),
    "twice the local error": lambda: prove_closed_form(lambda n: D**2 * M2 * (1 - q**n) / (1 - q)),
    "input's slope left out of the polygon": lambda: prove_polygon(lambda y: 0 * y),
    "input's slope left out of the flow": lambda: prove_second_derivative(0),
    "N2 not halved": lambda: prove_gronwall(lambda: jump * D + N2 * D**2),
    "1 + Delta J_ii negative": lambda: prove_row(-1),
    "unit turns its sign": lambda: prove_rate_row(-(1 - a + a * S * w)),
    "weights not inverted": lambda: prove_similarity(lambda d: d),
    "centred twice": lambda: prove_centred(lambda s, S: s - 2 * S),
    "A p_P dropped": lambda: prove_defect(0),
    "tail with P + 2": lambda: prove_tail(lambda P: P + 2),
    "first order not halved": lambda: prove_first_order(1),
    "q^(k-1)": lambda: prove_closed_form(lambda n: D**2 * M2 / 2 * (1 - q ** (n - 1)) / (1 - q)),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong formula is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
