"""Float64 matrices with radii: every operation holds the exact result, in rationals, with no tolerance."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb_mat

from oracle.arithmetic import midrad
from oracle.arithmetic.ball import precision
from oracle.arithmetic.midrad import Midrad, total, up


def exact(m):
    """Floats as rationals."""
    return np.vectorize(Fraction, otypes=[object])(m)


def inside(found, true):
    """Whether every true entry is within the radius, exactly."""
    return bool(np.all(abs(exact(found.mid) - true) <= exact(found.rad)))


def drawn(seed, rows=4, columns=5, wide=True):
    """A matrix with entries of very different sizes, and members of it at the ends of the radii."""
    rng = np.random.default_rng(seed)
    mid = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-6, 6, (rows, columns))
    rad = np.abs(mid) * 2.0**-20 * rng.random((rows, columns)) * wide
    return Midrad(mid, rad), exact(mid) + exact(rad) * rng.choice([-1, 1], (rows, columns))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("wide", [False, True])
def test_operations_hold_the_exact_result(seed, wide):
    """Sum, difference, entrywise product, matrix product, sizes and sums of members at the ends of the radii."""
    (a, x), (b, y) = drawn(seed, wide=wide), drawn(seed + 100, wide=wide)
    assert inside(a + b, x + y)
    assert inside(a - b, x - y)
    assert inside(a * b, x * y)
    assert inside(a @ b.transpose(), x @ y.T)
    assert np.all(exact(a.sizes) >= abs(x))
    assert np.all(exact(total(a.sizes, axis=1)) >= abs(x).sum(axis=1))


def test_balls_are_held():
    """1/3 to 128 bits, its neighbours, and numbers that are floats."""
    with precision(128):
        third = arb_mat(1, 1, [1]) * (1 / arb_mat(1, 1, [3])[0, 0])
        found = Midrad.of(third)
    assert inside(found, np.array([[Fraction(1, 3)]]))
    assert 0 < found.rad[0, 0] < 2.0**-54
    between = Midrad.between(np.array([0.1]), np.array([0.7]))
    assert inside(between, exact(np.array([0.1])))
    assert inside(between, exact(np.array([0.7])))


def test_a_radius_that_is_left_out_is_caught(monkeypatch):
    """Planted fault: products without their rounding miss the exact result."""
    (a, x), (b, y) = drawn(3, wide=False), drawn(103, wide=False)
    monkeypatch.setattr(midrad, "gamma", lambda n: 0.0)
    assert not inside(a @ b.transpose(), x @ y.T)


def test_up_covers_its_own_rounding():
    """A sum of n tenths, rounded up, is at least the exact sum."""
    for n in (1, 10, 1000):
        tenths = np.full(n, 0.1)
        assert Fraction(float(total(tenths))) >= n * Fraction(0.1)
        assert Fraction(float(up(0.1 * 0.3))) >= Fraction(0.1) * Fraction(0.3)
