"""Bad parameters are refused in three parts that name the parameter and what was seen of it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from oracle import BadInput, Network, Recurrence
from oracle.records.exact import Constant, exact_array, exact_scalar
from oracle.records.operator import Operator

W = np.array([[0.5, -1.25], [0.75, 0.125]])
M = np.array([[1.0, 2.0, -0.5], [0.25, -1.0, 3.0]])
E1 = Constant.atom("exp", Fraction(-1))


def with_entry(value: float) -> Any:
    """W with one entry replaced."""
    bad = W.copy()
    bad[1, 0] = value
    return bad


BAD: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "nan": (lambda: Network.rate(with_entry(np.nan)), ("W[1, 0] is nan", "finite")),
    "infinite": (lambda: Recurrence.elman(with_entry(np.inf)), ("W[1, 0] is inf",)),
    "nan among objects": (lambda: Recurrence.elman([[Fraction(1, 3), float("nan")], [1, 2]]), ("W[1] is nan",)),
    "not square": (lambda: Recurrence.elman(M), ("W is (2, 3)", "square", "(units, units)")),
    "no units": (lambda: Recurrence.elman(np.zeros((0, 0))), ("W is (0, 0)", "at least one unit")),
    "a vector": (lambda: Recurrence.elman([1.0, 2.0]), ("W has shape (2,)", "2 dimensions")),
    "a batch axis": (lambda: Recurrence.elman(W[None]), ("W has shape (1, 2, 2)", "batch axis")),
    "ragged": (lambda: Recurrence.elman([[1.0, 2.0], [3.0]]), ("W is not rectangular", "rows differ")),
    "M transposed": (lambda: Recurrence.elman(W, M.T), ("M is (3, 2)", "expected (2, inputs)", "M.T", "Keras")),
    "M of another": (lambda: Recurrence.elman(W, np.ones((4, 5))), ("M is (4, 5)", "another network")),
    "bias too long": (lambda: Recurrence.elman(W, M, np.arange(3.0)), ("b is (3,)", "(2,)", "as a tuple")),
    "bias a number": (lambda: Recurrence.elman(W, M, 1.0), ("b has shape ()", "1 dimension.")),
    "complex": (lambda: Recurrence.elman(W * 1j), ("W has dtype complex128", "float64")),
    "text": (lambda: Recurrence.elman([["a"]]), ("W has dtype <U1",)),
    "boolean": (lambda: Recurrence.elman([[True]]), ("W has dtype bool",)),
    "objects": (lambda: Recurrence.elman([[None]]), ("W[0] is None", "NoneType", "real number")),
    "tau zero": (lambda: Network.rate(W, tau=0), ("tau is 0.0", "> 0", "positive tau")),
    "tau negative": (lambda: Network.rate(W, tau=[0.1, -0.2]), ("tau is -0.2",)),
    "tau nan": (lambda: Network.rate(W, tau=float("nan")), ("tau is nan",)),
    "tau none": (lambda: Network.rate(W, tau=None), ("tau is None", "NoneType")),
    "tau too long": (lambda: Network.rate(W, tau=[0.1, 0.2, 0.3]), ("tau is (3,)", "a number or (2,)")),
    "tau a matrix": (lambda: Network.rate(W, tau=W), ("tau has shape (2, 2)",)),
    "tau transcendental": (lambda: Network.rate(W, tau=E1), ("tau is", "exp(-1)", "not rational")),
    "taus transcendental": (lambda: Network.rate(W, tau=[E1, E1]), ("tau is", "not rational")),
    "tau beyond float64": (lambda: Network.rate(W, tau=10**400), ("tau is 1000", "finite tau")),
    "alpha zero": (lambda: Recurrence.leaky(W, alpha=0.0), ("alpha is 0.0", "> 0")),
    "step several": (lambda: Recurrence.elman(W, step=[0.5]), ("step", "one number")),
    "step negative": (lambda: Network.rate(W).discretize(step=-0.1), ("step is -0.1",)),
    "step missing": (lambda: Network.rate(W).discretize(), ("neither step nor dt",)),
    "step twice": (lambda: Network.rate(W).discretize(step=0.1, dt=0.1), ("both step and dt",)),
    "scheme": (lambda: Network.rate(W).discretize(0.1, "eluer"), ("scheme is 'eluer'", "'euler'")),
    "factor": (lambda: Network.rate(W).rescale(0), ("r is 0.0", "positive r")),
    "sigma": (lambda: Recurrence.leaky(W, alpha=0.5, sigma="in"), ("sigma is 'in'", 'sigma="outside"')),
    "reset": (lambda: Recurrence.gru(np.ones((3, 1)), reset="both"), ("reset is 'both'", 'reset="after"')),
    "gates": (lambda: Recurrence.gru(np.ones((2, 6))), ("W is (2, 6)", "(3N, N)", "W.T")),
    "gate biases": (lambda: Recurrence.gru(np.ones((3, 1)), b=[1.0]), ("b is (1,)", "(3,)")),
    "activation": (lambda: Network.rate(W, activation="tahn"), ("'tahn' is not known", "tanh")),
    "nothing": (lambda: Network(b=[1.0]), ("neither W", "(K, N)")),
    "A of another": (lambda: Network(A=np.ones(3), W=W), ("A is (3, 3)", "(2, 2)", "normal form")),
    "B of another": (lambda: Network(B=np.ones((3, 2)), W=W), ("B is (3, 2)", "expected (2, 2)")),
    "c of another": (lambda: Network(W=W, c=np.arange(3.0)), ("c is (3,)", "(2,)")),
    "operator": (lambda: Network(A=Operator.zero(3, 3), W=W), ("A is (3, 3)",)),
    "point too long": (lambda: Network.rate(W, M).linearize(at=[1.0, 2, 3]), ("h* has 3 entries", "expected 2")),
    "point input": (lambda: Network.rate(W, M).linearize(at=([1.0, 2], [1.0])), ("x* has 1 entries", "expected 3")),
    "collapse": (lambda: Network.rate(W).collapsed(), ("activation is tanh", "linearize")),
    "linearise a scheme": (lambda: Network.rate(W).discretize(0.1, "rk4").linearize(), ("rk4 step", "Euler")),
}


@pytest.mark.parametrize("name", BAD)
def test_refused_in_three_parts(name: str) -> None:
    """What was seen, what it means, what to do; with the parameter's name and shape or value."""
    make, said = BAD[name]
    with pytest.raises(BadInput) as caught:
        make()
    message = str(caught.value)
    assert [part in message for part in said] == [True] * len(said), message
    assert message.splitlines()[1].startswith("  This probably means: ")
    assert message.splitlines()[2].startswith("  What to do: ")
    assert all((caught.value.seen, caught.value.meaning, caught.value.remedy))


def test_errors_keep_their_data() -> None:
    """Programs read the values from the exception, not from its text."""
    with pytest.raises(BadInput) as caught:
        Recurrence.elman(M)
    assert caught.value.data == {"shape": (2, 3)}
    with pytest.raises(BadInput) as caught:
        Network.rate(with_entry(np.nan))
    assert caught.value.data == {"index": (1, 0)}


@pytest.mark.parametrize(
    ("given", "exact"),
    [
        (0.1, Fraction(3602879701896397, 2**55)),
        (Decimal("0.1"), Fraction(1, 10)),
        (mpmath.mpf(-3) / 8, Fraction(-3, 8)),
        (mpmath.mpf("0.1"), Fraction(0.1)),
        (mpmath.mpf(0), Fraction(0)),
        (np.float32(0.1), Fraction(13421773, 2**27)),
        (np.int64(7), Fraction(7)),
        (np.array(0.25), Fraction(1, 4)),
        (Fraction(1, 3), Fraction(1, 3)),
    ],
)
def test_scalars_are_read_exactly(given: Any, exact: Fraction) -> None:
    """A float is the dyadic rational it stores; decimals and fractions stay what they are."""
    assert exact_scalar(given, "tau") == exact


@pytest.mark.parametrize("given", [mpmath.inf, mpmath.nan, mpmath.pi, mpmath.mpc(1, 0)])
def test_what_is_no_rational_of_mpmath(given: Any) -> None:
    """Infinity and no number, pi (whose digits depend on the context), complex numbers."""
    with pytest.raises(BadInput, match="tau is"):
        exact_scalar(given, "tau")


def test_arrays_are_read_exactly() -> None:
    """float32 widens; integers beyond 2^53 and Fractions become exact objects; nothing is rounded."""
    single = np.array([0.1, 0.2], dtype=np.float32)
    assert exact_array(single, "b", 1).tolist() == [float(entry) for entry in single]
    for kind, value in ((np.int64, 2**62 + 1), (np.uint64, 2**64 - 1)):
        assert exact_array(np.array([value], dtype=kind), "b", 1).tolist() == [Fraction(value)]
    assert exact_array([Fraction(1, 3), 2], "b", 1).tolist() == [Fraction(1, 3), 2]


def test_the_callers_array_is_copied_and_the_record_s_is_read_only() -> None:
    """Writing to the array that was passed does not change the record, and the record's own refuses writes."""
    mine = W.copy()
    rec = Recurrence.elman(mine)
    before = hash(rec)
    mine[0, 0] = 99.0
    assert rec == Recurrence.elman(W)
    assert hash(rec) == before
    with pytest.raises(ValueError, match="read-only"):
        rec.origin.arguments["W"][0, 0] = 99.0
