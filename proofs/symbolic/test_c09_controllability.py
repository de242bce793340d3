"""C9: which one-step methods keep controllability.

Proof of the criterion, one input. Over C, let (J, e) be controllable: e is cyclic, so v -> v(J) e identifies the state
space with the algebra Q = C[x]/(chi), J with multiplication by x, e with 1; Q is the product of the local algebras
C[x]/(x - l_i)^{n_i}, l_i the distinct eigenvalues, l_i defective if and only if n_i > 1. The discrete pair is
(Phi, g) = (R(Delta x), Delta S(Delta x)) in Q, and its Krylov space is g C[Phi]. Since dim g C[Phi] <= dim C[Phi] <= N,
it is everything if and only if g is a unit and C[Phi] = Q.
  g is a unit if and only if it vanishes at no l_i: (iii).
  dim C[Phi] is the degree of the minimal polynomial of Phi. In the i-th local algebra
  Phi = R(Delta l_i) + Delta R'(Delta l_i)(x - l_i) + .., so its minimal polynomial is (t - R(Delta l_i))^{k_i}, where
  k_i = n_i if n_i = 1 or R'(Delta l_i) != 0, and 2 k_i <= n_i + 1 < 2 n_i otherwise, since Phi - R(Delta l_i) is then
  in the square of the maximal ideal. The minimal polynomial of Phi is the least common multiple: of degree N = sum n_i
  if and only if the values R(Delta l_i) differ, (i), and every k_i = n_i, (ii).
The rank of a real matrix is the same over R and C. Nothing but the values of R and R' at Delta l_i was used, so R may
be any function analytic there, exp for the zero-order hold.

Several inputs. Under (i) and (ii), applied to the minimal polynomial, C[R(Delta J)] = C[J]; under (iii) S(Delta J) is
invertible and commutes: the Krylov space is S C[J] E^ = everything. If S(Delta l) = 0, a left eigenvector w of l has
w [R(Delta J) - R(Delta l), S(Delta J) E^] = 0: (iii) is necessary. Euler: R(z) = 1 + z, S = 1, and
C[I + Delta J] = C[J], so Krylov spaces are kept whether or not they are everything; R likewise, C[rJ] = C[J].
Observability of (J, C) is controllability of the transposed pair, whose input matrix D leaves alone: (i) and (ii).

In coordinates, K(J, E) = [E, J E, ..]:
    det K(R(Delta J), Delta S(Delta J) E) = prod_i Delta S(z_i) prod_{i<j} (R(z_j) - R(z_i))/(l_j - l_i) det K(J, E)
"""

from __future__ import annotations

import pytest
import sympy

from oracle.claims import formulas
from oracle.claims.one_step import stability
from oracle.equations.runge_kutta import TABLEAUS

D, w, tau = sympy.symbols("Delta w tau", positive=True)
z, a, b = sympy.symbols("z a b")
SQRT6, THREE_HALVES = sympy.sqrt(6), sympy.Rational(3, 2)
RK3 = 1 + z + z**2 / 2 + z**3 / 6


def of(scheme: str):
    """R(z) of a catalogued scheme."""
    return sum(sympy.Rational(c.numerator, c.denominator) * z**k for k, c in enumerate(stability(TABLEAUS[scheme])))


def generic():
    """R(z) = 1 + z S(z) with symbols for coefficients."""
    return 1 + sum(c * z ** (k + 1) for k, c in enumerate(sympy.symbols("c_1:4")))


def at_matrix(p, M):
    """A polynomial at a matrix."""
    total = sympy.zeros(*M.shape)
    for c in sympy.Poly(p, z).all_coeffs():
        total = total * M + c * sympy.eye(M.rows)
    return total


def gramian(M, e):
    """det [e, M e, ..]."""
    columns = [e]
    for _ in range(M.rows - 1):
        columns.append(M * columns[-1])
    return sympy.Matrix.hstack(*columns).det()


def discrete(J, e, R):
    """(R(Delta J), Delta S(Delta J) e)."""
    S = sympy.cancel((R - 1) / z)
    return at_matrix(R, D * J), D * at_matrix(S, D * J) * e


def prove_determinant(N: int, holds=lambda z: sympy.cancel((generic() - 1) / z)) -> None:
    """The determinant in coordinates, distinct eigenvalues, generic R and e."""
    R, l, e = generic(), sympy.symbols(f"l_0:{N}"), sympy.Matrix(sympy.symbols(f"e_0:{N}"))
    J = sympy.diag(*l)
    left = gramian(*discrete(J, e, R))
    S = holds(z)
    factor = sympy.prod([D * S.subs(z, D * v) for v in l])
    for j in range(N):
        for i in range(j):
            factor *= sympy.cancel((R.subs(z, D * l[j]) - R.subs(z, D * l[i])) / (l[j] - l[i]))
    assert sympy.expand(left - factor * gramian(J, e)) == 0


def prove_defective(N: int, power=lambda N: N * (N - 1) // 2) -> None:
    """A Jordan block: prod (R(z_j) - R(z_i))/(l_j - l_i) becomes (Delta R'(Delta l))^{N(N-1)/2}."""
    R, l, e = generic(), sympy.Symbol("l"), sympy.Matrix(sympy.symbols(f"e_0:{N}"))
    J = sympy.Matrix(N, N, lambda i, j: l if i == j else int(j == i + 1))
    S, slope = sympy.cancel((R - 1) / z).subs(z, D * l), R.diff(z).subs(z, D * l)
    factor = (D * S) ** N * (D * slope) ** power(N)
    assert sympy.expand(gramian(*discrete(J, e, R)) - factor * gramian(J, e)) == 0


def prove_mixed(power=1) -> None:
    """A Jordan block beside a simple eigenvalue: both factors at once, so that (i), (ii) and (iii) meet in one J."""
    R, l, k, e = generic(), sympy.Symbol("l"), sympy.Symbol("k"), sympy.Matrix(sympy.symbols("e_0:3"))
    J = sympy.Matrix([[l, 1, 0], [0, l, 0], [0, 0, k]])
    S, slope = sympy.cancel((R - 1) / z), R.diff(z).subs(z, D * l)
    apart = sympy.cancel((R.subs(z, D * k) - R.subs(z, D * l)) / (k - l))
    factor = D**3 * S.subs(z, D * l) ** 2 * S.subs(z, D * k) * (D * slope) ** power * apart**2
    assert sympy.expand(gramian(*discrete(J, e, R)) - factor * gramian(J, e)) == 0


def prove_observability(N: int, drive=lambda J, c: c) -> None:
    """(R(Delta J)^T, C^T): D leaves C alone, and S does not occur, (i) and (ii) only."""
    R, l, c = generic(), sympy.symbols(f"l_0:{N}"), sympy.Matrix(sympy.symbols(f"c_0:{N}"))
    J = sympy.diag(*l)
    factor = sympy.prod(
        sympy.cancel((R.subs(z, D * l[j]) - R.subs(z, D * l[i])) / (l[j] - l[i])) for j in range(N) for i in range(j)
    )
    left = gramian(at_matrix(R, D * J).T, drive(J, c))
    assert sympy.expand(left - factor * gramian(J.T, c)) == 0


def prove_distance(factor=lambda formula: formula.rhs) -> None:
    """[rJ - r l I, rE] = r [J - l I, E] and [I + Delta J - (1 + Delta l) I, Delta E] = Delta [J - l I, E].

    l -> r l and l -> 1 + Delta l map C onto C, so the minimum over l of the least singular value is multiplied by the
    factor of the claim's formula.
    """
    y = formulas.symbols()
    J, E, l = sympy.Matrix(2, 2, sympy.symbols("j_0:4")), sympy.Matrix(2, 1, sympy.symbols("e_0:2")), sympy.Symbol("l")
    pencil = sympy.Matrix.hstack(J - l * sympy.eye(2), E)
    slower = sympy.Matrix.hstack(y.r * J - y.r * l * sympy.eye(2), y.r * E)
    stepped = sympy.Matrix.hstack(sympy.eye(2) + y.Delta * J - (1 + y.Delta * l) * sympy.eye(2), y.Delta * E)
    for made, formula in zip((slower, stepped), formulas.formula("C9")[-2:], strict=True):
        assert (made - factor(formula) / y.distance * pencil).expand() == sympy.zeros(2, 3)


def prove_second_order(scheme: str, sum_is=-2) -> None:
    """RK2 loses it iff Delta (l + l') = -2, Delta l = -1 defective, or Delta l = -2."""
    R = of(scheme)
    ratio = sympy.cancel((R.subs(z, a) - R.subs(z, b)) / (a - b))
    assert sympy.solve(ratio, a) == [sum_is - b]
    assert sympy.solve(R.diff(z), z) == [-1]
    assert sympy.solve(sympy.cancel((R - 1) / z), z) == [-2]
    pair = [-D / tau + sympy.I * D * w, -D / tau - sympy.I * D * w]  # -1/tau +- i w
    assert sympy.solve(ratio.subs({a: pair[0], b: pair[1]}), D) == [tau]


def prove_undamped(R, root=SQRT6) -> None:
    """On +- i w the values collide iff Delta w = sqrt 6, where S != 0."""
    odd = sympy.expand((R.subs(z, sympy.I * w) - R.subs(z, -sympy.I * w)) / (2 * sympy.I))
    assert sympy.solve(odd, w) == [root]
    assert sympy.simplify(((R - 1) / z).subs(z, sympy.I * root)) != 0


def prove_zero_order_hold(period=2 * sympy.pi * sympy.I) -> None:
    """exp(z) = exp(z') iff z - z' = 2 pi i k; exp' = exp != 0; S(z) = 0 only at 2 pi i k, whose conjugate fails (i)."""
    k = sympy.Symbol("k", integer=True)
    u, v = sympy.symbols("u v", real=True)
    assert sympy.exp(a + period * k).expand().equals(sympy.exp(a).expand())
    # |exp(u + iv)| = exp(u) = 1 only for u = 0, and cos v + i sin v = 1 only for v in 2 pi Z.
    assert sympy.solveset(sympy.exp(u) - 1, u, sympy.S.Reals) == sympy.FiniteSet(0)
    both = sympy.solveset(sympy.cos(v) - 1, v, sympy.Interval.Ropen(0, 2 * sympy.pi))
    assert both == sympy.FiniteSet(0)
    J = sympy.Matrix([[0, -1], [1, 0]])
    e = sympy.Matrix([1, 0])
    flow = (J * D).exp().applyfunc(lambda entry: sympy.simplify(entry.rewrite(sympy.cos)))
    assert sympy.simplify(sympy.Matrix.hstack(e, flow * e).det() - sympy.sin(D)) == 0


def prove_exponential_euler(second=THREE_HALVES) -> None:
    """Leaks -1, -3, Delta = 1, weights (1 - u - u^2)/2 and 3/2, u = 1/e: one value for two eigenvalues."""
    u = sympy.exp(-1)
    first = (1 - u - u**2) / 2
    steps = [sympy.exp(-1) + (1 - sympy.exp(-1)) * first, sympy.exp(-3) + (1 - sympy.exp(-3)) / 3 * second]
    assert sympy.expand(steps[0] - steps[1]) == 0
    assert sympy.simplify((-1 + first) - (-3 + second)) != 0


@pytest.mark.parametrize("N", [1, 2, 3])
def test_determinant(N: int) -> None:
    """Distinct eigenvalues."""
    prove_determinant(N)


@pytest.mark.parametrize("N", [2, 3])
def test_defective(N: int) -> None:
    """Jordan blocks."""
    prove_defective(N)


def test_mixed() -> None:
    """One double and one simple eigenvalue."""
    prove_mixed()


@pytest.mark.parametrize("N", [1, 2, 3])
def test_observability(N: int) -> None:
    """One readout."""
    prove_observability(N)


def test_distance() -> None:
    """R by r, Euler by Delta."""
    prove_distance()


@pytest.mark.parametrize("scheme", ["midpoint", "heun"])
def test_second_order(scheme: str) -> None:
    """Both methods of order two have one R."""
    prove_second_order(scheme)


@pytest.mark.parametrize("R", [RK3, of("rk4")], ids=["rk3", "rk4"])
def test_undamped_pair(R) -> None:
    """sqrt 6."""
    prove_undamped(R)


def test_zero_order_hold() -> None:
    """Kalman, Ho and Narendra."""
    prove_zero_order_hold()


def test_exponential_euler() -> None:
    """Two leaks."""
    prove_exponential_euler()


FAULTS = {
    "S = 1": lambda: prove_determinant(2, lambda z: sympy.Integer(1)),
    "power N": lambda: prove_defective(3, lambda N: N - 1),
    "slope of the block forgotten": lambda: prove_mixed(power=0),
    "S in what is read": lambda: prove_observability(2, lambda J, c: D * J * c),
    "distance times r squared": lambda: prove_distance(lambda formula: formula.rhs**2),
    "sum -1": lambda: prove_second_order("midpoint", -1),
    "sqrt 3": lambda: prove_undamped(RK3, sympy.sqrt(3)),
    "half a period": lambda: prove_zero_order_hold(sympy.pi * sympy.I),
    "other weight": lambda: prove_exponential_euler(sympy.Integer(1)),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong formula is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
