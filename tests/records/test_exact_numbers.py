"""Exact numbers: a commutative ring with merged exponentials."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.arithmetic.mp import Mp
from oracle.records import exact
from oracle.records.exact import Constant

rationals = st.fractions(min_value=-3, max_value=3, max_denominator=12)
arguments = rationals.filter(bool)
atoms = st.one_of(
    arguments.map(lambda q: Constant.atom("exp", q)),
    st.tuples(st.sampled_from(["value", "slope"]), arguments, st.sampled_from(["tanh", "logistic"])).map(
        lambda made: Constant.atom(*made)
    ),
)


@st.composite
def numbers(draw: st.DrawFn) -> Any:
    """A polynomial of at most three terms of degree at most two."""
    total: Any = draw(rationals)
    for _ in range(draw(st.integers(0, 3))):
        total = total + draw(rationals) * draw(atoms) * draw(st.one_of(rationals, atoms))
    return total


@given(numbers(), numbers(), numbers())
def test_ring_laws_hold_as_equalities_with_equal_hashes(a: Any, b: Any, c: Any) -> None:
    """Addition and multiplication commute, associate and distribute; equal numbers have equal hashes."""
    laws = [(a + b, b + a), (a * b, b * a), ((a + b) + c, a + (b + c)), ((a * b) * c, a * (b * c))]
    laws += [(a * (b + c), a * b + a * c), (a - b, -(b - a)), ((a + b) - b, a), (a * 1, a), (a + 0, a)]
    for left, right in laws:
        assert left == right
        assert hash(left) == hash(right)


@given(numbers())
def test_a_number_minus_itself_is_the_rational_zero(a: Any) -> None:
    """Cancellation leaves a Fraction, not an empty polynomial."""
    assert isinstance(a - a, Fraction)
    assert a - a == 0


@given(arguments, arguments)
def test_exponentials_merge(p: Fraction, q: Fraction) -> None:
    """exp(p) exp(q) = exp(p + q), and exp(p) exp(-p) is the rational 1."""
    left, right = Constant.atom("exp", p), Constant.atom("exp", q)
    assert left * right == Constant.atom("exp", p + q)
    assert isinstance(left * Constant.atom("exp", -p), Fraction)
    assert left * Constant.atom("exp", -p) == 1


@given(numbers(), numbers(), arguments)
def test_evaluation_is_a_homomorphism(a: Any, b: Any, q: Fraction) -> None:
    """The value of a sum, product or quotient is that of the values, to the digits of the evaluation."""
    ops = Mp(50)
    mp = ops.context
    u, v = ops.number(a), ops.number(b)
    # 60 roundings at 50 digits of numbers below (3 e^6)^4, against a limit ten digits above that
    limit = mp.mpf(10) ** -30
    for exactly, approximately in ((a + b, u + v), (a * b, u * v), (a / q, u / ops.number(q))):
        assert abs(ops.number(exactly) - approximately) <= limit


@given(numbers())
def test_equality_with_rationals_is_by_value(a: Any) -> None:
    """A polynomial without atoms is a Fraction, and equals nothing else."""
    assert (a == Fraction(1, 7)) == (a - Fraction(1, 7) == 0)
    assert (a + 1) != a


def test_different_atoms_stay_different() -> None:
    """Equality does not identify exp(1), exp(2), tanh(1), tanh'(1), logistic(1)."""
    one = Fraction(1)
    made = [Constant.atom("exp", one), Constant.atom("exp", 2 * one), Constant.atom("value", one, "tanh")]
    made += [Constant.atom("slope", one, "tanh"), Constant.atom("value", one, "logistic")]
    assert len(set(made)) == len(made)
    assert "exp(2)" in repr(made[1])


def test_what_is_no_number_is_not_added() -> None:
    """Text and floats are refused by arithmetic: a float has to be read first."""
    e: Any = Constant.atom("exp", Fraction(1))
    for other in ("1", 0.5, None):
        with pytest.raises(TypeError):
            e + other
        with pytest.raises(TypeError):
            e * other
        with pytest.raises(TypeError):
            e / other
        assert e != other


def test_the_laws_notice_a_merge_that_forgets_the_exponents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: without merging, exp(1) exp(-1) is not 1."""
    monkeypatch.setattr(exact, "_merge", lambda left, right: tuple(sorted(left + right)))
    assert Constant.atom("exp", Fraction(1)) * Constant.atom("exp", Fraction(-1)) != 1
