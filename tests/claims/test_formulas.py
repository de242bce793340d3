"""Every claim has its bound as a formula, and where it has a value the rigorous bound of the code is that value."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import acb, arb

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.claims import absorbing_error, c10, c16, formulas, regular, stability
from oracle.claims.formula_symbols import MEANINGS, symbols
from oracle.claims.remainder import Tangent
from oracle.claims.segments import Step
from oracle.claims.suprema import shape
from oracle.equations.runge_kutta import TABLEAUS
from oracle.reference.euler_error import euler_bound
from oracle.reference.jacobians import Frame
from oracle.reference.weighted import Norm

DIGITS = 45
BITS = 200
Y = symbols()


def rhs(relation, **values):
    """The right hand side at rational or floating numbers, to DIGITS digits."""
    side = relation.rhs.subs({getattr(Y, name): _number(value) for name, value in values.items()})
    assert not side.free_symbols, side
    return side.evalf(DIGITS)


def _number(value):
    if isinstance(value, arb):
        return sympy.Float(value.str(60, radius=False), 60)
    return sympy.Rational(Fraction(value).numerator, Fraction(value).denominator)


def assert_is(bound, value):
    """A ball or float rounded up is at least the value, and no more than rounding above it."""
    exact = isinstance(bound, arb)
    size = sympy.Float(bound.upper().str(60, radius=False) if exact else float(bound), 60)
    slack = sympy.Rational(1, 2 ** (140 if exact else 48))  # of DIGITS digits, of a float
    assert value * (1 - slack) <= size <= value * (1 + slack), (size, value)


def test_every_claim_has_one():
    """C1 to C18 have relations, made of documented symbols; a result shows them as text."""
    assert list(formulas.FORMULAS) == [f"C{k}" for k in range(1, 19)]
    for relations in map(formulas.formula, formulas.FORMULAS):
        assert relations
        assert all(isinstance(relation, sympy.core.relational.Relational) for relation in relations)
    known = {name.rstrip("_") for name in MEANINGS}
    local = {"radius", "v", "R_rate", "e_held", "e_linear", "lambda_i", "lambda_j"}
    local |= {f"deviation_{form}" for form in ("paper", "rate", "scaled")}
    used = {str(s) for k in formulas.FORMULAS for relation in formulas.formula(k) for s in relation.free_symbols}
    assert used <= known | local
    result = oracle.claims["C15"].verify(oracle.Network.rate([[0.5]], tau=2))
    assert result.formula == oracle.claims["C15"].formula == formulas.formula("C15")
    assert result.to_dict()["formula"][0] == "Eq(A, (A_d - 1)/Delta)"
    assert "formula: Eq(A, (A_d - 1)/Delta)" in str(result)


def test_sympy_is_loaded_when_asked_for():
    """`import oracle` and the catalogue load no SymPy; a formula does."""
    code = (
        "import sys, oracle; claims = oracle.claims; claims['C8']; assert 'sympy' not in sys.modules; "
        "claims['C8'].formula; assert 'sympy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_c5():
    """|g s - s(g .)|: the formulas of tanh and of the logistic function are what `absorbing_bound` computes."""
    general, tanh, logistic = formulas.formula("C5")
    with precision(BITS):
        for g, z in ((0.5, 0.75), (3.0, 0.125), (2.5, 4.0)):
            for name, law in (("tanh", tanh), ("logistic", logistic)):
                kind = shape(name)
                bound = absorbing_error.absorbing_bound(kind, arb(g), arb(z))
                assert_is(bound, rhs(law, g=g, z=z))
                loose = (
                    rhs(general, g=g, z=z, s_0=kind.at_zero(0), s_2=kind.at_zero(2), C_3=kind.supremum(3))
                    if name == "tanh"
                    else None
                )
                assert loose is None or loose >= rhs(law, g=g, z=z)
        around = absorbing_error._around_zero(shape("tanh"), arb(3), arb(0.125))
        assert_is(around, rhs(general, g=3, z=0.125, s_0=0, s_2=0, C_3=2))


def test_c6():
    """The recursion of the error, step by step from the q and M2 of a contracting network, in every norm."""
    net = oracle.Network.rate([[0.25, -0.125], [0.25, 0.0625]], [[1.0], [0.5]], tau=1)
    X = np.random.default_rng(6).normal(size=(5, 1))
    found = euler_bound(net, Fraction(1, 8), 5, X, [0.25, -0.5])
    following, limit = formulas.formula("C6")
    for made in found.recursions:
        for k, (e, q, M2) in enumerate(zip(made.errors[:-1], made.q, made.M2, strict=True)):
            side = following.rhs.subs({Y.e: _number(e), Y.q: _number(q), Y.M_2: _number(M2), Y.Delta: _number(0.125)})
            assert_is(made.following[k], side.subs({Y.x_held: 0}).evalf(DIGITS))
            assert made.errors[k + 1] <= made.following[k]
        if made.q.max() < 1:
            assert made.errors[-1] <= rhs(limit, q=made.q.max(), M_2=made.M2.max(), Delta=0.125)
    assert any(made.q.max() < 1 for made in found.recursions)


def test_c7():
    """The remainder law with its C2, and the regular radius from the rate and the norms of a network."""
    law, _, radius = formulas.formula("C7")
    with precision(BITS):
        kind = shape("tanh")
        made = Tangent.at(kind, [arb(0.375)]).quadratic(Ball().lift(np.array([[1.25]])))
        assert_is(made[0, 0], rhs(law, C_2=kind.supremum(2), z=1.25, z_0=0.375))
    net = oracle.Network.rate([[0.25, -0.5], [0.375, 0.125]], tau=1)
    found = regular.regular_radius(net, np.array([]), np.zeros(2))
    with precision(BITS):
        value = rhs(radius, m=found.rate, eps=regular.EPS, C_2=shape("tanh").supremum(2), beta=found.gain, w=1)
        frame = Frame(Step.of(net.field, np.zeros((1, 0))).coefficients, Norm.plain(found.norm, 2))
    # kappa is no more than |B| |W|^2 of the formula, but for rounding.
    norm = {"infinity": np.inf, "two": 2}[found.norm]
    assert found.gain == regular.kappa(frame) <= (1 + 2.0**-40) * np.linalg.norm(net.W, norm) ** 2
    assert abs(found.radius - value) <= 2.0**-46 * value  # a radius and a rate rounded down to floats


def test_c8():
    """The largest stable step is the least of the formula over the eigenvalues."""
    _, limit = formulas.formula("C8")
    pairs = ((-1.0, 3.0), (-0.5, 0.25), (-2.0, 0.0))
    with precision(BITS):
        found = stability.threshold([acb(a, b) for a, b in pairs])
        assert_is(found.step, min(rhs(limit, a=a, b=b) for a, b in pairs))


def test_c10():
    """p of the method of order four, at a number, is what the stages of its tableau give."""
    _, _, p = formulas.formula("C10")
    with precision(BITS):
        assert_is(c10.stage_factor(TABLEAUS["rk4"], arb(0.375)), p.rhs.subs(Y.q, _number(0.375)).evalf(DIGITS))
    net = oracle.Network(A=0.75, B=0, W=[[0.0]], activation="identity")
    result = c10.CLAIM.verify(net, scheme="rk4", step=0.5, at=[0.25])
    upper = formulas.formula("C10")[1].rhs.subs(Y.p_op(Y.q), p.rhs)
    f = _number(0.25) * _number(0.75)
    assert_is(result.bound, upper.subs({Y.q: _number(0.375), Y.Delta: _number(0.5), Y.f: f}).evalf(DIGITS))


def test_c16():
    """The box of a rate network beyond alpha = 1, and of one with an input outside s."""
    box, beyond, _ = formulas.formula("C16")
    with precision(BITS):
        step_map = oracle.Network.rate([[0.5]], tau=1).discretize(1.5).lure
        radius = c16.box(step_map, c16.keeps(step_map), np.array([]))[0]
        assert_is(radius, rhs(beyond, alpha=1.5))
        other = oracle.Network(A=-0.5, B=1, W=[[0.75]], E=[[-2.0]], c=[0.25], activation="tanh").discretize(0.5).lure
        radius = c16.box(other, c16.keeps(other), np.array([3.0]))[0]
        share, gain = Fraction(3, 4), Fraction(1, 2) * (1 + 2 * 3 + Fraction(1, 4))
        assert_is(radius, rhs(box, P=share, G=gain, h_0=0))


def test_c18_has_the_unit_of_a_state():
    """Hold error of h' = -m h + gamma x, |x'| = X1, for x a ramp: exact steady error at the grid points, in rationals.

    The periodic solution of e' = -m e + gamma X1 (t - t_k) is gamma X1/m (Delta/(1 - exp(-m Delta)) - 1/m).
    """
    t, rate, step = sympy.symbols("t m Delta", positive=True)
    held, _, _ = formulas.formula("C18")
    growth = sympy.integrate(sympy.exp(-rate * (step - t)) * t, (t, 0, step))
    steady = Y.gamma * Y.X_1 * growth / (1 - sympy.exp(-rate * step))
    assert sympy.simplify(steady - held.rhs) == 0


FAULTS = {
    "half of the constant": lambda: rhs(formulas.formula("C5")[1], g=0.5, z=0.75) / 2,
    "the other law": lambda: rhs(formulas.formula("C5")[2], g=0.5, z=0.75),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_formula_that_drifts_is_seen(fault):
    """A law that is not the code's is refused."""
    with precision(BITS):
        bound = absorbing_error.absorbing_bound(shape("tanh"), arb(0.5), arb(0.75))
    with pytest.raises(AssertionError):
        assert_is(bound, FAULTS[fault]())
