"""C14: v = W h + M x~ + b takes rate to current, before and after D; proved with generic weights and an unknown s.

General argument. v' = W h' + M x~' = (-(W h + M x~) + W s(v) + M x)/tau = (-v + W s(v) + M x + b)/tau: both states
decay with the one rate 1/tau, so the leak acts on v as a number. A step of Euler or exponential Euler multiplies the
states by one number p and the rest by one number q, p - 1 = -q/tau, and the same sum gives
v_{k+1} = p v_k + q (..)/tau.
Without the filter: M x' and M x_{k+1} take the place of M x~'.

The defect d = v - W h - M x~ - b of a v(0) that is not in the range: if h is driven by s(v), d' = -d/tau.
"""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from generic import assert_same, symbols, vanishing

from oracle.claims.c14 import current
from oracle.procedures.conjugate import differenced, filtered, sampled_twice, sides
from oracle.procedures.discretize import euler, exponential_euler
from oracle.records import forms
from oracle.records.exact import objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors

tau, D = sympy.symbols("tau Delta", positive=True)
N, I = 3, 2


def network(form=forms.rate, constant=tau) -> Lure:
    """A form of the library with symbols for weights, two biases and an unknown activation."""
    return form(symbols("W", N, N), symbols("M", N, I), (symbols("b", N), symbols("d", N)), constant, "tanh")


def zeros(*shape):
    """Exact zeros."""
    return objects([sympy.Integer(0)] * int(np.prod(shape))).reshape(shape)


def as_map(rate: Lure):
    """V = [W M] and b."""
    return np.hstack([rate.W.expanded, rate.M.expanded]), sum_vectors(rate.b, N)


def prove_filtered(rate=None, leak=1 / tau) -> None:
    """Fields: rate with filtered input to current."""
    rate = network() if rate is None else rate
    assert_same(*sides(filtered(rate, leak), network(forms.current), *as_map(rate)))


def prove_the_claim_s_current_form(make=current) -> None:
    """What the claim calls the current form is the library's."""
    assert_same(make(network()), network(forms.current))


def prove_steps(method, offset=True) -> None:
    """Steps: the same map, Euler and exponential Euler."""
    rate = network()
    large, small = method(filtered(rate, 1 / tau)), method(network(forms.current))
    assert_same(*sides(large, small, *as_map(rate), step=offset))


def twice(first, second) -> Operator:
    """[first second]."""
    return Operator.dense(np.hstack([first, second]))


def prove_derivative(factor=tau) -> None:
    """Fields, input (x, x'): the current form sees x + tau x'."""
    rate, small = network(), network(forms.current)
    none = zeros(N, I)
    M, E = rate.M.expanded, small.E.expanded
    large = Lure(rate.A, rate.B, rate.W, twice(M, none), rate.b, twice(none, none), rate.c, "tanh")
    driven = Lure(small.A, small.B, small.W, twice(none, none), small.b, twice(E, factor * E), small.c, "tanh")
    now, after = np.hstack([M, none]), np.hstack([none, M])
    assert_same(*sides(large, driven, rate.W.expanded, sum_vectors(rate.b, N), now, after))


def prove_differences(alpha=D / tau) -> None:
    """Euler steps, input (x_k, x_{k+1}): the current form sees (x_{k+1} - (1 - alpha) x_k)/alpha."""
    rate, none = network(), zeros(N, I)
    M = rate.M.expanded
    large = sampled_twice(euler(rate, D))
    small = differenced(euler(network(forms.current), D), alpha)
    now, after = np.hstack([M, none]), np.hstack([none, M])
    assert_same(*sides(large, small, rate.W.expanded, sum_vectors(rate.b, N), now, after, step=True))


def exponential(field: Lure) -> Lure:
    """Exponential Euler with symbols."""
    return exponential_euler(field, D, sympy.exp)


def test_filtered_input() -> None:
    """The continuous forms."""
    prove_filtered()


def test_the_current_form() -> None:
    """The partner is forms.current."""
    prove_the_claim_s_current_form()


@pytest.mark.parametrize("method", [lambda field: euler(field, D), exponential], ids=["euler", "exponential"])
def test_steps(method) -> None:
    """D commutes with the map."""
    prove_steps(method)


def test_derivative() -> None:
    """x + tau x'."""
    prove_derivative()


def test_differences() -> None:
    """(x_{k+1} - (1 - alpha) x_k)/alpha."""
    prove_differences()


def test_per_unit_constants_do_not_commute() -> None:
    """A W - W A is not zero for distinct time constants."""
    several = symbols("tau", N)
    rate, other = network(constant=several), network(forms.current, several)
    first, second = sides(filtered(rate, 1 / several[0]), other, *as_map(rate))
    assert not vanishing(first.A.expanded - second.A.expanded)


FAULTS = {
    "paper form": lambda: prove_filtered(network(forms.paper)),
    "another filter": lambda: prove_filtered(leak=2 / tau),
    "per-unit constants": lambda: prove_filtered(network(constant=symbols("tau", N))),
    "offset forgotten": lambda: prove_steps(lambda field: euler(field, D), offset=False),
    "rate taken for current": lambda: prove_the_claim_s_current_form(lambda rate: rate),
    "x + x'": lambda: prove_derivative(factor=sympy.Integer(1)),
    "alpha = Delta": lambda: prove_differences(alpha=D),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong procedure is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
