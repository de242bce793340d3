"""C8: what R and D do to eigenvalues, and Euler's threshold.

General argument. R multiplies J by r. The derivative of Euler's step is I + Delta J at any point (C2), that of a
Runge-Kutta step at an equilibrium is R(Delta J), R(z) = 1 + sum_k z^{k+1} b^T a^k 1 (C2, all stages sit at the
equilibrium). By the spectral mapping theorem the eigenvalues of p(J) are p(lambda), multiplicities included: J is
triangular in some complex basis, and so is p(J), with p of the diagonal on its diagonal. Exponential Euler is
exp(Delta a_i) + Delta phi_1(Delta a_i) K in row i; with exp(z) = 1 + z phi_1(z) it is
I + diag(Delta phi_1(Delta a_i)) J, a polynomial in J if the a_i are equal; with two leaks two Jacobians of one spectrum
have steps of different spectra (the claim's counterexample), so there is no function of lambda.

Threshold. |1 + Delta lambda|^2 - 1 = Delta (2 Re lambda + Delta |lambda|^2) is negative for Delta > 0 if and only if
Delta < -2 Re lambda / |lambda|^2; for Re lambda >= 0, lambda != 0, it is positive for every Delta > 0.
"""

from __future__ import annotations

import pytest
import sympy
from generic import assert_zero, field, identity, symbols

from oracle.claims import formulas
from oracle.claims.one_step import stability
from oracle.equations.runge_kutta import TABLEAUS
from oracle.procedures.collapse import collapsed
from oracle.procedures.discretize import euler, exponential_euler
from oracle.procedures.rescale import rescaled
from oracle.records.exact import objects

D, r = sympy.symbols("Delta r", positive=True)
x, y = sympy.symbols("x y", real=True)
z = sympy.Symbol("z")


def linear(diagonal=False):
    """A generic linear field."""
    from dataclasses import replace

    return replace(field(2, 2, 1, diagonal=diagonal), activation="identity")


def prove_matrices(rescale=rescaled, discretise=euler) -> None:
    """R gives r J, Euler I + Delta J."""
    F = linear()
    J = collapsed(F).A.expanded
    assert_zero(collapsed(rescale(F, r)).A.expanded - r * J, "R")
    assert_zero(collapsed(discretise(F, D)).A.expanded - identity(2) - D * J, "Euler")


def prove_exponential_euler(effective=None) -> None:
    """Row i of exponential Euler is that of I + g_i J with g_i = (exp(Delta a_i) - 1)/a_i."""
    F = linear(diagonal=True)
    gain = effective or (lambda a: (sympy.exp(D * a) - 1) / a)
    made = collapsed(exponential_euler(F, D, sympy.exp)).A.expanded
    g = objects(gain(a) for a in symbols("a", 2))
    assert_zero(made - identity(2) - g[:, None] * collapsed(F).A.expanded, "exponential Euler")


def prove_stability_function(scheme: str, of=stability) -> None:
    """R(z) from the tableau is what one step of h' = lambda h gives, and 1 + z + .. = exp up to the order."""
    tableau, slopes = TABLEAUS[scheme], []
    for row in tableau.stages:
        slopes.append(sympy.expand(z * (1 + sum(a * k for a, k in zip(row, slopes, strict=True)))))
    step = sympy.expand(1 + sum(b * k for b, k in zip(tableau.weights, slopes, strict=True)))
    R = sum(sympy.Rational(c.numerator, c.denominator) * z**k for k, c in enumerate(of(tableau)))
    assert sympy.expand(R - step) == 0
    assert sympy.expand(sympy.series(sympy.exp(z), z, 0, 3).removeO() - R).coeff(z, 2) == 0


def prove_spectral_mapping(p=lambda J: identity(3) + D * J + D**2 / 2 * (J @ J)) -> None:
    """The characteristic polynomial of p(J), J triangular and generic, has the roots p(lambda_i)."""
    J = symbols("j", 3, 3)
    J[1, 0] = J[2, 0] = J[2, 1] = sympy.Integer(0)
    t = sympy.Symbol("t")
    made = sympy.Matrix(p(J).tolist())
    expected = sympy.prod([t - (1 + D * J[i, i] + D**2 * J[i, i] ** 2 / 2) for i in range(3)])
    assert sympy.expand((t * sympy.eye(3) - made).det() - expected) == 0


def stated(x, y):
    """The claim's formula."""
    names = formulas.symbols()
    return formulas.formula("C8")[1].rhs.subs({names.a: x, names.b: y})


def prove_threshold(limit=stated) -> None:
    """|1 + Delta lambda|^2 - 1 = Delta |lambda|^2 (Delta - limit)."""
    modulus = sympy.expand((1 + D * x) ** 2 + (D * y) ** 2 - 1)
    assert sympy.simplify(modulus - D * (x**2 + y**2) * (D - limit(x, y))) == 0


def test_matrices() -> None:
    """r J and I + Delta J."""
    prove_matrices()


def test_exponential_euler() -> None:
    """I + diag(g) J."""
    prove_exponential_euler()


@pytest.mark.parametrize("scheme", sorted(TABLEAUS))
def test_stability_function(scheme: str) -> None:
    """R of every tableau."""
    prove_stability_function(scheme)


def test_spectral_mapping() -> None:
    """Triangular generic matrices."""
    prove_spectral_mapping()


def test_threshold() -> None:
    """Euler's threshold."""
    prove_threshold()


FAULTS = {
    "r squared": lambda: prove_matrices(rescale=lambda p, f: rescaled(p, f * f)),
    "identity forgotten": lambda: prove_matrices(discretise=lambda p, step: p.scaled(step)),
    "Delta for Delta_eff": lambda: prove_exponential_euler(lambda a: D),
    "Euler's R": lambda: prove_stability_function("heun", lambda tableau: stability(tableau)[:2]),
    "p without its square": lambda: prove_spectral_mapping(lambda J: identity(3) + D * J),
    "threshold halved": lambda: prove_threshold(lambda x, y: -x / (x**2 + y**2)),
    "threshold without Im": lambda: prove_threshold(lambda x, y: -2 / x),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong formula is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
