"""The criterion of C9 on a Jacobian and a one-step method.

    (i)   R(Delta l) != R(Delta l') for distinct eigenvalues l, l' of J
    (ii)  R'(Delta l) != 0 at defective l
    (iii) S(Delta l) != 0

Rational J and Delta: with m the minimal polynomial of J, p its squarefree part and C the companion matrix of p,
(i) says that the characteristic polynomial of R(Delta C) is squarefree, (ii) that gcd(m, m') and R'(Delta x) have no
common root, (iii) that p and S(Delta x) have none: gcds over Q, exact. Otherwise balls about isolated eigenvalues,
which are simple; they prove that the conditions hold and nothing else. R(z) = 1 + z satisfies them always, R = exp of
the zero-order hold wherever J and Delta are rational: the differences of eigenvalues are algebraic, 2 pi i k / Delta is
transcendental (F. Lindemann, Mathematische Annalen 20 (1882), 213).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from flint import acb, fmpq, fmpq_mat, fmpq_poly

from oracle.arithmetic.ball import Ball, precision
from oracle.claims.one_step import ExactFlow, OneStep
from oracle.claims.rank import EXACT, Pair
from oracle.claims.spectrum import BITS, DIRECT, isolated, rationals
from oracle.records.exact import Array


class Criterion(NamedTuple):
    """Each condition True, False or None (undecided), and how they were decided."""

    distinct: bool | None
    regular: bool | None
    nonzero: bool | None
    how: str

    def survives(self, inputs: int) -> bool | str | None:
        """Whether controllability survives; "silent" where the criterion says nothing (several inputs)."""
        conditions = (self.distinct, self.regular, self.nonzero)
        if all(conditions):
            return True
        if self.nonzero is False or (inputs == 1 and False in conditions):
            return False
        return None if inputs == 1 or None in conditions else "silent"

    def __str__(self) -> str:
        words = {True: "holds", False: "fails", None: "is undecided"}
        named = zip(("(i)", "(ii)", "(iii)"), (self.distinct, self.regular, self.nonzero), strict=True)
        return ", ".join(f"{name} {words[value]}" for name, value in named) + f" ({self.how})"


def criterion(pair: Pair, method: OneStep | ExactFlow | None) -> Criterion:
    """Evaluate the three conditions."""
    if method is None:
        return Criterion(None, None, None, "the method is no function of Delta J")
    if method.affine:
        return Criterion(True, True, True, "R(z) = 1 + z is injective, R' = S = 1")
    if isinstance(method, ExactFlow):
        if pair.rational:
            return Criterion(True, True, True, "l - l' is algebraic, 2 pi i k / Delta is not; R' = exp")
        return _by_balls(pair, method)
    if pair.N <= EXACT and pair.rational and isinstance(method.step, Fraction):
        assert pair.exact is not None, "a rational pair is exact"
        return by_polynomials(pair.exact[0], method)
    return _by_balls(pair, method)


def by_polynomials(J: Array, method: OneStep) -> Criterion:
    """The conditions for rational J and Delta, exactly."""
    R, slope, S = (_scaled(part, method.step) for part in (method.R, method.slope, method.S))
    minimal = fmpq_poly(rationals(J).minpoly())
    repeated = minimal.gcd(minimal.derivative())
    simple = minimal // repeated
    image = _at_matrix(R, _companion(simple)).charpoly()
    return Criterion(
        _coprime(image, image.derivative()), _coprime(repeated, slope), _coprime(simple, S), "exact, by gcds over Q"
    )


def _scaled(coefficients: Sequence[Fraction], step: Any) -> Any:
    """The polynomial in x = z / Delta."""
    values = [c * step**k for k, c in enumerate(coefficients)]
    return fmpq_poly([fmpq(value.numerator, value.denominator) for value in values])


def _coprime(a: Any, b: Any) -> bool:
    return bool(a.gcd(b).degree() == 0)


def _companion(p: Any) -> Any:
    """Multiplication by x modulo a monic polynomial."""
    n = p.degree()
    low = (p / p.leading_coefficient()).coeffs()[:n]
    return fmpq_mat(n, n, [-low[i] if j == n - 1 else fmpq(int(i == j + 1)) for i in range(n) for j in range(n)])


def _at_matrix(p: Any, C: Any) -> Any:
    n = C.nrows()
    identity = fmpq_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])
    total = fmpq_mat(n, n)
    for c in reversed(p.coeffs()):
        total = total * C + identity * c
    return total


def _by_balls(pair: Pair, method: OneStep | ExactFlow) -> Criterion:
    """The conditions where balls prove them."""
    for bits in BITS if pair.N <= DIRECT else BITS[:1]:
        with precision(bits):
            values = pair.eigenvalues()
            if values is None or not isolated(values):
                continue
            step = acb(Ball().number(method.step))
            images, sums = ([f(step * v) for v in values] for f in (method.image, method.held))
            distinct = True if isolated(images) else None
            nonzero = True if not any(value.contains(0) for value in sums) else None
            if distinct and nonzero:
                return Criterion(True, True, True, "every eigenvalue is simple; balls")
    return Criterion(None, None, None, "balls do not decide")
