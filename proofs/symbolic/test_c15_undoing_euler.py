"""C15: U_Delta undoes Euler, and U_{D2} = R_{D1/D2} U_{D1}, proved with generic coefficients and an unknown s.

General argument. Euler is the affine map A -> I + Delta A, (B, E, c) -> Delta (B, E, c) of the coefficients, W, M, b
untouched; it is one-to-one and onto for every Delta != 0, and U_Delta is its inverse. U_{D2} and U_{D1} divide the same
coefficients by D2 and by D1, and R multiplies them by the ratio.

Exponential Euler multiplies B, E, c by Delta phi_1(Delta a) = (exp(Delta a) - 1)/a, which is positive for every real a
(Delta at a = 0), and takes a to exp(Delta a) > 0: one-to-one, and onto the positive leaks only. exp(Delta a) = 0, which
an Elman recurrence would need, has no solution.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from generic import SIZES, assert_same, assert_zero, field, symbols

from oracle.procedures.discretize import euler, exponential_euler
from oracle.procedures.rescale import rescaled
from oracle.procedures.undo import undone
from oracle.records.operator import Operator

D, D1, D2 = sympy.symbols("Delta Delta_1 Delta_2", positive=True)


def prove_inverse(undo=undone, discretise=euler) -> None:
    """U D and D U are the identity on records."""
    for sizes in SIZES:
        F = field(*sizes)
        assert_same(undo(discretise(F, D), D), F)
        assert_same(discretise(undo(F, D), D), F)


def prove_units_of_time(undo=undone, ratio=D1 / D2) -> None:
    """U_{D2} = R_{D1/D2} U_{D1}."""
    for sizes in SIZES:
        F = field(*sizes)
        assert_same(undo(F, D2), rescaled(undo(F, D1), ratio))


def prove_exponential_is_one_to_one(discretise=exponential_euler) -> None:
    """Leak and gain of the exponential step determine those of the field: log and division undo them."""
    F = field(2, 3, 1, diagonal=True)
    made = discretise(F, D, sympy.exp)
    leaks = symbols("a", 2)
    real = {a: sympy.Symbol(f"{a}_real", real=True) for a in leaks}
    for i, a in enumerate(leaks):
        decay = made.A.expanded[i, i].subs(real)
        assert_zero(symbols("x", 1) * 0 + sympy.log(decay) / D - real[a], "the leak from the decay")
        gain = (sympy.exp(D * a) - 1) / a
        assert_zero(made.B.expanded[i] / gain - F.B.expanded[i], "B from the step's B")
        assert decay.is_positive


def test_euler_is_undone() -> None:
    """U D = D U = 1."""
    prove_inverse()


def test_two_steps_differ_by_a_rescaling() -> None:
    """U_{D2} = R_{D1/D2} U_{D1}."""
    prove_units_of_time()


def test_exponential_euler_is_undone() -> None:
    """One-to-one, with positive decay."""
    prove_exponential_is_one_to_one()


def identity_kept(F, step):
    """A wrong U: A/Delta instead of (A - I)/Delta."""
    return F.scaled(1 / step)


def drive_kept(F, step):
    """A wrong U: B stays."""
    return replace(undone(F, step), B=F.B)


def multiplied(F, step):
    """A wrong U: times Delta."""
    return undone(F, 1 / step)


def bias_divided(F, step):
    """A wrong U: the bias inside s is divided too."""
    return replace(undone(F, step), b=tuple(part / step for part in F.b))


def decay_only(F, step, exp):
    """A wrong exponential Euler: B is multiplied by Delta."""
    return replace(exponential_euler(F, step, exp), B=F.B.scaled(step))


def without_identity(F, step):
    """A wrong Euler."""
    return replace(euler(F, step), A=Operator.zero(*F.A.shape) + F.A.scaled(step))


FAULTS = {
    "identity kept": lambda: prove_inverse(identity_kept),
    "B kept": lambda: prove_inverse(drive_kept),
    "times Delta": lambda: prove_inverse(multiplied),
    "bias divided": lambda: prove_inverse(bias_divided),
    "Euler without I": lambda: prove_inverse(discretise=without_identity),
    "ratio upside down": lambda: prove_units_of_time(ratio=D2 / D1),
    "B kept, two steps": lambda: prove_units_of_time(drive_kept),
    "gain Delta": lambda: prove_exponential_is_one_to_one(decay_only),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong procedure is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
