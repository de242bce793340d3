"""C6: the recursion of Euler's error, e_{k+1} = q e_k + Delta^2 M2 / 2, and its closed form.

General argument. With the input held, h(t + Delta) = h + Delta F(h) + int_0^Delta (Delta - th) h''(t + th) dth (Taylor
with integral remainder), so the local error is at most Delta^2 M2 / 2. Two states are moved by one Euler step to
(I + Delta (A + B diag(d) W)) times their difference, d_i the divided difference (s(z_i) - s(z'_i)) / (z_i - z'_i),
which lies between the extreme slopes of s. In any norm the errors add up to the recursion. For q < 1 the closed form is
Delta^2 M2 / 2 (1 - q^k) / (1 - q), increasing in k, with limit Delta^2 M2 / (2 (1 - q)); for q = 1 it is
k Delta^2 M2 / 2.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from generic import SIZES, Generic, Unknown, apply, assert_zero, field, identity, point, symbols

from oracle.procedures.discretize import euler
from oracle.procedures.linearize import preactivation
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


def leak_not_scaled(p: Lure, step) -> Lure:
    """A wrong D: Delta does not multiply B."""
    return replace(euler(p, step), B=p.B)


FAULTS = {
    "B not scaled": lambda: prove_mean_value(leak_not_scaled),
    "weight theta": lambda: prove_local_error(lambda th: th),
    "twice the local error": lambda: prove_closed_form(lambda n: D**2 * M2 * (1 - q**n) / (1 - q)),
    "q^(k-1)": lambda: prove_closed_form(lambda n: D**2 * M2 / 2 * (1 - q ** (n - 1)) / (1 - q)),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong formula is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
