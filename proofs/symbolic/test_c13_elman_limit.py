"""C13: forward Euler with Delta = tau of the rate form is s(W h + M x + b); of the paper form tau s(W h + M x + b).

General argument. A = -I/tau, so I + tau A = 0, and tau B is I (rate) or tau I (paper); W, M, b are untouched.
Exponential Euler keeps exp(-Delta/tau) of the state, which is zero for no Delta.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from generic import assert_same, assert_zero, identity, symbols

from oracle.procedures.discretize import euler, exponential_euler
from oracle.records import forms
from oracle.records.lure import Lure
from oracle.records.operator import Operator

tau, D = sympy.symbols("tau Delta", positive=True)
N, I = 3, 2


def network(form, constant=tau) -> Lure:
    """A form of the library with symbols for weights, two biases and an unknown activation."""
    return form(symbols("W", N, N), symbols("M", N, I), (symbols("b", N), symbols("d", N)), constant, "tanh")


def elman() -> Lure:
    """The library's Elman record with the same weights."""
    return forms.elman(symbols("W", N, N), symbols("M", N, I), (symbols("b", N), symbols("d", N)), "tanh")


def prove(form, gain, step=tau, discretise=euler) -> None:
    """The Euler step is gain times the Elman map."""
    target = replace(elman(), B=Operator.diagonal(gain, N))
    assert_same(discretise(network(form), step), target)


def prove_exponential_euler_keeps(share=None) -> None:
    """Exponential Euler keeps exp(-Delta/tau) of the state, for any Delta."""
    share = sympy.exp(-D / tau) if share is None else share
    kept = exponential_euler(network(forms.rate), D, sympy.exp).A.expanded
    assert_zero(kept - share * identity(N), "A of exponential Euler")
    assert sympy.exp(-D / tau).is_positive


def test_rate_form() -> None:
    """Rate form, Delta = tau: Elman, exactly."""
    prove(forms.rate, sympy.Integer(1))


def test_paper_form() -> None:
    """Paper form, Delta = tau: tau times Elman, exactly."""
    prove(forms.paper, tau)


def test_exponential_euler_never_gets_there() -> None:
    """exp(-Delta/tau) > 0."""
    prove_exponential_euler_keeps()


def leak_not_scaled(p: Lure, step) -> Lure:
    """A wrong D: h is added but A h is not."""
    return replace(euler(p, step), A=Operator.diagonal(sympy.Integer(1), p.state_size))


FAULTS = {
    "another step": lambda: prove(forms.rate, sympy.Integer(1), step=D),
    "paper form taken for rate form": lambda: prove(forms.paper, sympy.Integer(1)),
    "leak not scaled": lambda: prove(forms.rate, sympy.Integer(1), discretise=leak_not_scaled),
    "exponential Euler taken for Euler": lambda: prove_exponential_euler_keeps(1 - D / tau),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong procedure is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
