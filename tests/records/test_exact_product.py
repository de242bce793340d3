"""exact_product: doubles times exact numbers, over one common denominator, is what fractions give term by term."""

from fractions import Fraction

import numpy as np
import pytest

from oracle.records.exact import Constant, objects
from oracle.records.operator import exact_product

TERM_BY_TERM = 60


def plainly(dense, v):
    """Row times column, one fraction after the other."""
    columns = v.reshape(len(v), -1)

    def entry(row, column):
        return sum((Fraction(w) * e for w, e in zip(row, column, strict=True)), Fraction(0))

    rows = [[entry(row, column) for column in columns.T] for row in dense]
    return objects(entry for row in rows for entry in row).reshape((len(dense), *v.shape[1:]))


def drawn(rng, shape, constants):
    """Rationals with all sorts of denominators, or polynomials in tanh of them."""
    entries = [Fraction(int(rng.integers(-99, 100)), int(rng.integers(1, 100))) for _ in range(int(np.prod(shape)))]
    if constants:
        entries = [q + Constant.atom("value", q + 200, "tanh") * q for q in entries]
    return objects(entries).reshape(shape)


@pytest.mark.parametrize("constants", [False, True])
@pytest.mark.parametrize("seed", range(TERM_BY_TERM))
def test_equals_the_product_term_by_term(seed, constants):
    """Exactly, for weights from 2^-60 to 2^60 with zeros among them, vectors and several columns."""
    rng = np.random.default_rng(seed)
    rows, middle, columns = (int(n) for n in rng.integers(1, 6, 3))
    dense = np.ldexp(rng.normal(size=(rows, middle)), rng.integers(-60, 60, (rows, middle)))
    dense[rng.random(dense.shape) < 0.2] = 0
    v = drawn(rng, (middle, columns), constants)
    assert np.all(exact_product(dense, v) == plainly(dense, v))
    assert np.all(exact_product(dense, v[:, 0]) == plainly(dense, v[:, 0]))


def test_extremes_and_emptiness():
    """The smallest and the largest double, all zeros, and no columns at all."""
    v = objects([Fraction(1, 3), Fraction(-7)])
    for dense in (np.array([[5e-324, 1.5e308]]), np.zeros((2, 2))):
        assert np.all(exact_product(dense, v) == plainly(dense, v))
    assert list(exact_product(np.zeros((2, 0)), objects([]))) == [0, 0]
