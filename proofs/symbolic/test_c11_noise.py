"""C11: noise under R and D, the covariance of a linear step, and the conventions.

General argument. w(r s) and sqrt(r) w(s) have the same increments, so Sig dw becomes sqrt(r) Sig dw_s, and a step of
Delta / r adds sqrt(Delta / r) sqrt(r) Sig xi = sqrt(Delta) Sig xi. Factors are not negative, so comparing squares is
enough. An input E x with x = Sx w' becomes r E Sx w'(r s), and w'(r s) = w_s'(s) / sqrt(r): sqrt(r) E Sx.

Covariance. For h = L eta and noise G xi, eta and xi independent with unit covariance, E (M h + G xi)(M h + G xi)^T is
M P M^T + G G^T with P = L L^T: expectations of monomials of degree two, 1 for a square and 0 for a product. Summing
P = M P M^T + Q over k steps gives P = P_k + M^k P M^kT for any P; rho(M) < 1 makes the rest vanish, so there is exactly
one P. If rho(M) <= 1 then |tr M^k| <= N, a sum of N eigenvalues' k-th powers.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from generic import Generic, assert_same, assert_zero, field, symbols

from oracle.claims.covariance import defect, transient
from oracle.procedures.discretize import euler
from oracle.procedures.noise import (
    Diffusion,
    leaky_variance,
    noise_covariance,
    noise_per_step,
    rescaled_noise,
    stationary_variance,
)
from oracle.procedures.rescale import rescaled
from oracle.records.exact import objects
from oracle.records.noise import SCALES

r, D, tau, alpha, q, kappa = sympy.symbols("r Delta tau alpha q kappa", positive=True)
N, m = 2, 3


def prove_paths(rescale=rescaled_noise, per_step=noise_per_step, after=D / r) -> None:
    """Drift and noise of a step are the same in both orders."""
    noise = Diffusion(q, symbols("S", N, m))
    first, second = per_step(rescale(noise, r), after), per_step(noise, D)
    assert_zero(objects([sympy.simplify(first.square - second.square)]), "squares")
    assert_zero(first.matrix - second.matrix, "matrices")
    F = field(2, 3, 1)
    assert_same(euler(rescaled(F, r), after), euler(F, D))


def prove_input(intensity=1 / r) -> None:
    """White noise as an input: r E Sx w'(r s) = sqrt(r) E Sx w_s'(s)."""
    gain = rescaled(field(2, 3, 1), r).E.expanded
    held = field(2, 3, 1).E.expanded
    expected = rescaled_noise(Diffusion(sympy.Integer(1), held), r).square
    assert_zero(gain**2 * intensity - expected * held**2, "squares of E Sx")


def matrix(name: str, rows: int, columns: int) -> sympy.Matrix:
    """A matrix of symbols."""
    return sympy.Matrix(symbols(name, rows, columns).tolist())


def expectation(expression, draws):
    """E of a polynomial of degree two in independent standard numbers."""
    p = sympy.Poly(sympy.expand(expression), *draws)
    moments = {0: 1, 1: 0, 2: 1}
    return sum(c * sympy.prod([moments[power] for power in powers]) for powers, c in p.terms())


def prove_recursion(step=lambda M, Q, P: defect(M, Q, P) + P) -> None:
    """E (M h + G xi)(M h + G xi)^T by moments against the library's recursion, G = sqrt(q) Sig."""
    M, L, Sig = matrix("M", N, N), matrix("L", N, N), matrix("S", N, m)
    root = sympy.Symbol("rootq", positive=True)
    eta, xi = sympy.Matrix(symbols("eta", N)), sympy.Matrix(symbols("xi", m))
    h = M * L * eta + root * Sig * xi
    draws = [*eta, *xi]
    found = (h * h.T).applyfunc(lambda entry: expectation(entry, draws))
    Q = noise_covariance(Generic(), Diffusion(root**2, symbols("S", N, m)))
    expected = step(M, sympy.Matrix(Q.tolist()), L * L.T)
    assert (found - expected).applyfunc(sympy.expand) == sympy.zeros(N, N)


def prove_doubling(double=transient) -> None:
    """Two doublings are the sum of four terms."""
    M, Q = matrix("M", N, N), matrix("Q", N, N)
    terms = [M**k * Q * (M**k).T for k in range(4)]
    total = sum(terms[1:], terms[0])
    assert (double(M, Q, 2) - total).applyfunc(sympy.expand) == sympy.zeros(N, N)


def prove_remainder(rest=lambda G, P: G * P * G.T) -> None:
    """P - P_k = M^k P M^kT wherever the defect vanishes, for k = 1, 2."""
    M, P = matrix("M", N, N), matrix("P", N, N)
    Q = P - M * P * M.T
    assert defect(M, Q, P).applyfunc(sympy.expand) == sympy.zeros(N, N)
    for doublings in (0, 1):
        gap = P - transient(M, Q, doublings) - rest(M ** (2**doublings), P)
        assert gap.applyfunc(sympy.expand) == sympy.zeros(N, N)


RATE = sympy.sqrt(2 * tau) / tau  # tau h' = .. + sqrt(2 tau) sigma w'


def prove_forms(sizes=(1, 1 / tau, RATE)) -> None:
    """Euler-Maruyama of the forms, per step and stationary: paper, rate and current, and with sqrt(2 tau)."""
    names = ("sqrt-step", "sqrt-step-over-tau", "sqrt-2alpha")
    left = (tau / 2, 1 / (2 * tau), sympy.Integer(1))
    for size, name, kept in zip(sizes, names, left, strict=True):
        per_step = noise_per_step(Diffusion(size**2, None), D).square
        assert sympy.simplify(per_step - SCALES[name].square(D / tau, D, tau)) == 0, name
        assert sympy.simplify(stationary_variance(D / tau, per_step) - kept / (1 - D / (2 * tau))) == 0, name
    assert sympy.simplify(stationary_variance(D / tau, D * q) - leaky_variance(D / tau, tau, q)) == 0


def prove_table(variance=stationary_variance) -> None:
    """P = (1 - alpha)^2 P + g^2 for every scale; what is kept, what vanishes, what diverges."""
    for scale in SCALES.values():
        g = scale.square(alpha, D, tau)
        P = variance(alpha, g)
        assert sympy.simplify((1 - alpha) ** 2 * P + g - P) == 0, scale.name
    found = {name: variance(alpha, SCALES[name].square(alpha, D, tau)) for name in SCALES}
    assert sympy.simplify(found["stationary"] - 1) == 0
    assert sympy.limit(found["alpha"], alpha, 0) == 0
    assert sympy.limit(found["unscaled"], alpha, 0) == sympy.oo
    assert sympy.limit(found["sqrt-2alpha"], alpha, 0) == 1


def prove_linearised_unit(forgets=(1 - kappa) * alpha) -> None:
    """A unit with the weight kappa = w s' on itself: the leak changes, the noise does not."""
    unit = field(1, 1, 1)
    steady = {symbols("a", 1, 1)[0, 0]: -1 / tau, symbols("W", 1, 1)[0, 0]: kappa, symbols("B", 1, 1)[0, 0]: 1 / tau}
    linear = euler(replace(unit, activation="identity"), alpha * tau)
    kept = (linear.A.expanded + linear.B.expanded.dot(linear.W.expanded))[0, 0].subs(steady)
    P = stationary_variance(forgets, 2 * alpha)
    assert sympy.simplify(kept**2 * P + 2 * alpha - P) == 0


def test_paths() -> None:
    """R and D commute on every path."""
    prove_paths()


def test_input() -> None:
    """White-noise inputs scale by sqrt(r)."""
    prove_input()


def test_recursion() -> None:
    """M P M^T + Q."""
    prove_recursion()


def test_doubling() -> None:
    """P_2k = P_k + M^k P_k M^kT."""
    prove_doubling()


def test_remainder() -> None:
    """P - P_k."""
    prove_remainder()


def test_forms() -> None:
    """The conventions' noise and what it leaves."""
    prove_forms()


def test_table() -> None:
    """Every named scale."""
    prove_table()


def test_linearised_unit() -> None:
    """(1 - kappa) alpha."""
    prove_linearised_unit()


FAULTS = {
    "r for sqrt(r)": lambda: prove_paths(rescale=lambda n, f: Diffusion(f * f * n.square, n.matrix)),
    "R without noise": lambda: prove_paths(rescale=lambda n, f: n),
    "Delta for sqrt(Delta)": lambda: prove_paths(per_step=lambda n, d: Diffusion(d * d * n.square, n.matrix)),
    "the step not rescaled": lambda: prove_paths(after=D),
    "white noise like a signal": lambda: prove_input(sympy.Integer(1)),
    "Jacobian transposed": lambda: prove_recursion(lambda M, Q, P: M.T * P * M + Q),
    "covariance halved": lambda: prove_recursion(lambda M, Q, P: M * P * M.T + Q / 2),
    "M not squared": lambda: prove_doubling(lambda M, Q, k: Q + 2 * M * Q * M.T + M**2 * Q * (M**2).T),
    "remainder transposed": lambda: prove_remainder(lambda G, P: G.T * P * G),
    "sqrt(tau) for sqrt(2 tau)": lambda: prove_forms((1, 1 / tau, 1 / sympy.sqrt(tau))),
    "tau forgotten": lambda: prove_forms((1, 1, RATE)),
    "alpha of the flow": lambda: prove_table(lambda a, v: v / (2 * a)),
    "the leak's alpha": lambda: prove_linearised_unit(alpha),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong rule is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
