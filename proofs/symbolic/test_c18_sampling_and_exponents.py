"""C18: what sampling costs the flow, exponents under R and D, and a fast limit.

Sampling. Two flows under x and x~ obey (h~ - h)' = J (h~ - h) + E^ (x~ - x), J and E^ with slopes on the segment, so
in any norm the distance e has a right derivative of at most mu e + |E^ (x~ - x)|. A held input is off by at most
|x'| th, a chord by at most |x''| th (Delta - th)/2 (Rolle's theorem). Integrated over a step this is e^{mu Delta} e +
weight; for mu < 0 the fixed point weight/(1 - e^{mu Delta}) bounds every sample of a run that starts without error, as
the recursion is increasing. The formula for a held input needs the factor 1/|mu|: e has the unit of E^ x' time^2.

A held input attains it (h' = mu h + t). Its error is convex in between, so largest at the samples. A chord's forcing
is at most |E^ x''| Delta^2/8, which bounds its error at all times by |E^ x''| Delta^2/(8 |mu|).

Exponents. R leaves the step map and its derivative, so the product of Jacobians of any run, as it is, and divides
the time by r. Under D they change at first order in Delta, by (Im^2 - Re^2)/2 for one mode.

Fast limit. y' = -y + f, eps f' = -f - 3y: stable for every eps > 0, y' = -4y for eps -> 0. Exponential Euler of that
(leak -1) has the factor 4a - 3, a = e^{-Delta}, stable iff Delta < log 2; exponential Euler of the pair tends to a
matrix of determinant 3 (1 - a), unstable if Delta > log(3/2). Euler of the pair has a trace of order Delta/eps.
"""

from __future__ import annotations

import pytest
import sympy
from generic import Unknown, assert_same_tangent, field, point, tangent

from oracle.claims.sampling import HELD, LINEAR, Kind
from oracle.equations import lure
from oracle.procedures.discretize import euler
from oracle.procedures.rescale import rescaled

D, m, th, r, eps = sympy.symbols("Delta m theta r epsilon", positive=True)
mu = sympy.Symbol("mu", real=True, nonzero=True)


def vanishes(expression) -> bool:
    """Whether an expression in exponentials is identically zero."""
    return sympy.simplify(sympy.expand(expression.rewrite(sympy.exp))) == 0


def prove_weights(weight=Kind.weight, held=th, chord=th * (D - th) / 2) -> None:
    """The weights are the integrals of e^{mu (Delta - th)} times what the input is off by."""
    for kind, off in ((HELD, held), (LINEAR, chord)):
        integral = sympy.integrate(sympy.expand(sympy.exp(mu * (D - th)) * off), (th, 0, D))
        assert vanishes(sympy.simplify(integral) - weight(kind, mu, D, sympy.exp)), kind.name


def prove_uniform(uniform=lambda kind: kind.uniform(-m, D, sympy.exp, sympy.coth)) -> None:
    """weight/(1 - e^{mu Delta}) in closed form, the fixed point of the recursion."""
    for kind in (HELD, LINEAR):
        bound = uniform(kind)
        assert vanishes(sympy.exp(-m * D) * bound + kind.weight(-m, D, sympy.exp) - bound), kind.name


def prove_attained(x=th, kind=HELD) -> None:
    """h' = mu h + x from any error e: one step turns it into e^{mu Delta} e -+ weight, so the bound is attained."""
    e, h, v = sympy.symbols("e h v")
    sampled = x.subs(th, 0) if kind is HELD else x.subs(th, 0) + (x.subs(th, D) - x.subs(th, 0)) * th / D

    def after(start, drive):
        return sympy.exp(mu * D) * start + sympy.integrate(sympy.expand(sympy.exp(mu * (D - th)) * drive), (th, 0, D))

    error = after(h + e, sampled + v) - after(h, x + v)
    sign = -1 if kind is HELD else 1
    assert vanishes(sympy.simplify(error) - sympy.exp(mu * D) * e - sign * kind.weight(mu, D, sympy.exp))


def prove_convex(held=th) -> None:
    """Between samples the error of a held input has a positive second derivative."""
    e = sympy.Symbol("e", nonnegative=True)
    s = sympy.Symbol("s", positive=True)
    course = sympy.exp(-m * s) * e + sympy.integrate(sympy.exp(-m * (s - th)) * held, (th, 0, s))
    assert sympy.simplify(course.diff(s, 2) * sympy.exp(m * s)).is_positive


def prove_chord(limit=12) -> None:
    """The uniform bound of a chord is at most Delta^2/(limit m): x coth x <= 1 + x^2/3, coefficient by coefficient."""
    k = sympy.Symbol("k", integer=True, positive=True)
    x = m * D / 2
    bound = LINEAR.uniform(-m, D, sympy.exp, sympy.coth) * m**3
    assert vanishes(bound - (x * sympy.coth(x) - 1))
    target = sympy.expand(m**3 * D**2 / (limit * m) / x**2)  # the factor of x^2
    coefficient = 1 / sympy.factorial(2 * k) - 1 / sympy.factorial(2 * k + 1) - target / sympy.factorial(2 * k - 1)
    n = sympy.Symbol("n", integer=True, nonnegative=True)  # k = n + 1
    scaled = sympy.gammasimp((coefficient * sympy.factorial(2 * k + 1)).rewrite(sympy.gamma)).subs(k, n + 1)
    assert sympy.factor(sympy.expand(scaled)).is_nonpositive
    assert sympy.diff(th * (D - th) / 2, th).subs(th, D / 2) == 0
    assert (th * (D - th) / 2).subs(th, D / 2) == D**2 / 8


def prove_exponents(rescale=rescaled, shorter=D / r) -> None:
    """The derivative of the step, for unknown s, is that of the step after R; K Delta / r is the time."""
    N, K, inputs = 2, 3, 1
    F, (h, x), unknown = field(N, K, inputs), point(N, inputs), Unknown()
    steps = [tangent(lure.step, euler(part, step), h, x, unknown) for part, step in ((F, D), (rescale(F, r), shorter))]
    assert_same_tangent(*steps)
    sigma, count = sympy.symbols("sigma K", positive=True)
    assert sympy.simplify(sympy.log(sigma) / (count * shorter) - r * sympy.log(sigma) / (count * D)) == 0


def prove_no_rule_for_euler(first=lambda a, w: (w**2 - a**2) / 2) -> None:
    """log|1 + Delta (a + iw)| / Delta = a + Delta (w^2 - a^2)/2 + O(Delta^2)."""
    a, w = sympy.symbols("a w", real=True)
    exponent = sympy.log((1 + D * a) ** 2 + (D * w) ** 2) / (2 * D)
    series = sympy.series(exponent, D, 0, 2).removeO()
    assert sympy.expand(series - a - D * first(a, w)) == 0


def prove_fast_limit(gain=3) -> None:
    """Stable for every eps; the two orders of exponential Euler part for log(3/2) < Delta < log 2."""
    J = sympy.Matrix([[-1, 1], [-gain / eps, -1 / eps]])
    assert J.trace().is_negative
    assert sympy.simplify(J.det()).is_positive
    a, q = sympy.exp(-D), sympy.exp(-D / eps)
    pair = sympy.Matrix([[a, 1 - a], [-gain * (1 - q), q]])
    limit = pair.applyfunc(lambda entry: sympy.limit(entry, eps, 0, "+"))
    assert sympy.simplify(limit.det() - 3 * (1 - a)) == 0
    assert sympy.solve(limit.det() - 1, D) == [sympy.log(sympy.Rational(3, 2))]
    assert sympy.simplify((a - gain * (1 - a)).subs(D, sympy.log(2)) + 1) == 0
    assert sympy.log(sympy.Rational(3, 2)) < sympy.Rational(1, 2) < sympy.log(2)
    euler_trace = (sympy.eye(2) + D * J).trace()
    assert sympy.limit(sympy.Abs(euler_trace.subs(D, sympy.Rational(1, 2))), eps, 0, "+") == sympy.oo


def test_weights() -> None:
    """One step."""
    prove_weights()


def test_uniform() -> None:
    """All steps."""
    prove_uniform()


def test_attained() -> None:
    """h' = mu h + t held, and t^2/2 by chords."""
    prove_attained()
    prove_attained(th**2 / 2, LINEAR)


def test_convex() -> None:
    """Samples are where a held input is worst."""
    prove_convex()


def test_chord() -> None:
    """Delta^2/(12 |mu|) at the samples, Delta^2/(8 |mu|) at all times."""
    prove_chord()


def test_exponents() -> None:
    """r times."""
    prove_exponents()


def test_no_rule_for_euler() -> None:
    """First order in Delta."""
    prove_no_rule_for_euler()


def test_fast_limit() -> None:
    """The counterexample, for every Delta between log(3/2) and log 2."""
    prove_fast_limit()


def without_unit(kind):
    """As if e had the unit of E^ x' time."""
    return kind.uniform(-m, D, sympy.exp, sympy.coth) * m


def twice(p, factor):
    return rescaled(rescaled(p, factor), factor)


FAULTS = {
    "weight halved": lambda: prove_weights(lambda kind, *args: kind.weight(*args) / 2),
    "decay forgotten": lambda: prove_weights(held=sympy.exp(-mu * (D - th)) * th),
    "1/|mu| forgotten": lambda: prove_uniform(without_unit),
    "another input": lambda: prove_attained(th**2),
    "concave": lambda: prove_convex(sympy.exp(-2 * m * th)),
    "Delta^2/16": lambda: prove_chord(16),
    "step not divided": lambda: prove_exponents(shorter=D),
    "r squared": lambda: prove_exponents(twice),
    "Euler exact to first order": lambda: prove_no_rule_for_euler(lambda a, w: 0),
    "no loop": lambda: prove_fast_limit(0),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong formula is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
