"""Operators, formal sums of diag(left) dense diag(right), against dense matrices of Fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.records import operator
from oracle.records.exact import Array, Constant, Diagonal, exact_object, objects
from oracle.records.operator import Operator, Term

SIZE = 3


def fractions(rng: np.random.Generator, *shape: int) -> Array:
    """Exact numbers with small denominators."""
    flat = [Fraction(int(p), int(q)) for p, q in zip(rng.integers(-5, 6, 64), rng.integers(1, 5, 64), strict=True)]
    return objects(flat[: int(np.prod(shape))]).reshape(shape)


def diagonal(rng: np.random.Generator, per_unit: bool, size: int) -> Diagonal:
    """A scalar or one number per unit."""
    made: Diagonal = fractions(rng, size) if per_unit else fractions(rng, 1)[0]
    return made


@st.composite
def operators(draw: st.DrawFn, columns: int = SIZE) -> tuple[Operator, Array]:
    """An operator and the dense matrix it stands for, computed entry by entry."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    terms, dense = [], np.full((SIZE, columns), Fraction(0), dtype=object)
    for _ in range(draw(st.integers(0, 3))):
        left, right = (diagonal(rng, draw(st.booleans()), size) for size in (SIZE, columns))
        matrix = None if columns == SIZE and draw(st.booleans()) else fractions(rng, SIZE, columns)
        terms.append(Term(left, matrix, right))
        for i, j in np.ndindex(SIZE, columns):
            entry = Fraction(int(i == j)) if matrix is None else matrix[i, j]
            a = left[i] if isinstance(left, np.ndarray) else left
            b = right[j] if isinstance(right, np.ndarray) else right
            dense[i, j] += a * entry * b
    return Operator((SIZE, columns), tuple(terms)), dense


seeds = st.integers(0, 2**32 - 1)


def same(left: Array, right: Array) -> bool:
    """Exact equality of arrays."""
    return left.shape == right.shape and bool(np.all(left == right))


@given(operators(), operators(), operators(columns=2), seeds)
def test_the_algebra_is_that_of_matrices(
    a: tuple[Operator, Array], b: tuple[Operator, Array], c: tuple[Operator, Array], seed: int
) -> None:
    """Sum, product, scaling from both sides, application, rows and expansion are those of the dense matrices."""
    rng = np.random.default_rng(seed)
    d, v = fractions(rng, SIZE), fractions(rng, SIZE)
    assert same(a[0].expanded, a[1])
    assert same((a[0] + b[0]).expanded, a[1] + b[1])
    assert same((a[0] @ c[0]).expanded, a[1] @ c[1])
    assert same(a[0].scaled(d).expanded, d[:, None] * a[1])
    assert same(a[0].times_diagonal(d).expanded, a[1] * d)
    assert same(a[0].apply(v), a[1] @ v)
    assert all(same(objects(a[0].row(i)), a[1][i]) for i in range(SIZE))


@given(operators(), operators())
def test_equality_is_equality_of_matrices(a: tuple[Operator, Array], b: tuple[Operator, Array]) -> None:
    """However they are written, operators are equal if and only if their matrices are, and then hash alike."""
    assert (a[0] == b[0]) == same(a[1], b[1])
    assert a[0] == Operator.dense(a[1])
    assert hash(a[0]) == hash(Operator.dense(a[1]))


@given(operators(), st.integers(0, SIZE - 1), st.integers(0, SIZE - 1))
def test_one_entry_makes_a_difference(a: tuple[Operator, Array], i: int, j: int) -> None:
    """A change of one entry, in the first row or below it, is seen."""
    changed = a[1].copy()
    changed[i, j] += Fraction(1, 2**80)
    assert a[0] != Operator.dense(changed)


def test_rows_below_the_first_are_compared() -> None:
    """Two operators that agree in row 0 have one hash and are not equal."""
    matrix = fractions(np.random.default_rng(5), SIZE, SIZE)
    other = matrix.copy()
    other[1:] = other[1:] + 1
    assert hash(Operator.dense(matrix)) == hash(Operator.dense(other))
    assert Operator.dense(matrix) != Operator.dense(other)


def test_what_cancels_is_zero() -> None:
    """A - A is the zero operator, and a diagonal is recognised as a scalar."""
    matrix = fractions(np.random.default_rng(6), SIZE, SIZE)
    gone = Operator.dense(matrix) + Operator.dense(matrix).scaled(Fraction(-1))
    assert gone == Operator.zero(SIZE, SIZE)
    half = Operator.diagonal(objects([Fraction(1, 2)] * SIZE), SIZE)
    assert half.diagonal_factor() == Fraction(1, 2)
    assert half == Operator.diagonal(Fraction(1, 2), SIZE)


def test_signed_zeros_and_types_do_not_matter() -> None:
    """0.0 and -0.0, float64 and Fractions, are one matrix."""
    matrix = np.array([[0.0, 1.5], [0.25, -2.0]])
    negated = np.array([[-0.0, 1.5], [0.25, -2.0]])
    assert Operator.dense(matrix) == Operator.dense(negated)
    assert Operator.dense(matrix) == Operator.dense(exact_object(matrix))
    assert hash(Operator.dense(matrix)) == hash(Operator.dense(exact_object(negated)))


def test_shapes_are_compared() -> None:
    """The zero operator of one shape is not that of another."""
    assert Operator.zero(2, 3) != Operator.zero(3, 2)
    assert Operator.zero(2, 3) != "zero"


def test_the_algebra_notices_a_fingerprint_that_is_too_coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: if all dense factors had one fingerprint, different operators would be called equal."""
    monkeypatch.setattr(operator, "_fingerprint", lambda matrix: "same")
    a, b = (Operator.dense(fractions(np.random.default_rng(seed), SIZE, SIZE)) for seed in (1, 2))
    assert a == b
    assert not same(a.expanded, b.expanded)


@given(seeds, st.booleans(), st.booleans())
def test_doubles_of_any_size_are_multiplied_exactly(seed: int, zeros: bool, constants: bool) -> None:
    """Entries from the smallest subnormal to the largest double, against a sum of Fractions entry by entry."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((SIZE, 4)) * 2.0 ** rng.integers(-1070, 1020, (SIZE, 4))
    matrix[0, 1], matrix[1, 2] = 5e-324, -np.finfo(np.float64).max
    if zeros:
        matrix[:, 0], matrix[2] = -0.0, 0.0
    vector = fractions(rng, 4)
    if constants:
        vector[1] = vector[1] + Constant.atom("exp", Fraction(-1, 3))
        vector[2] = Constant.atom("value", Fraction(1), "tanh") * Fraction(2, 7)
    expected = [
        sum((Fraction(w) * v for w, v in zip(row, vector, strict=True)), Fraction(0)) for row in matrix.tolist()
    ]
    assert Operator.dense(matrix).apply(vector).tolist() == expected
    if zeros:
        assert expected[2] == 0
