"""Each operation on pairs of floats by itself, in exact rationals: whatever a value may be within its error.

Tails are of all sizes up to 2^-12 of their heads, errors are zero or large, and sums cancel, so that every term of an
error is the one that counts somewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from oracle.arithmetic.pairs import Pair, Pairs

Array = NDArray[Any]
OPS, COUNT = Pairs(), 500


def drawn(seed: int, error: bool, tail: bool = True) -> Pair:
    """Values of one row."""
    rng = np.random.default_rng(seed)
    head = rng.standard_normal((1, COUNT)) * 2.0 ** rng.integers(-6, 6, COUNT)
    small = head * rng.uniform(-1, 1, COUNT) * 2.0 ** -rng.integers(12, 60, COUNT).astype(float) if tail else 0.0
    return Pair(head, small, np.abs(head) * 2.0 ** -rng.integers(2, 50, COUNT).astype(float) if error else 0.0)


def exact(value: Pair, ends: tuple[int, ...] = (-1, 0, 1)) -> Iterator[list[Fraction]]:
    """What a value may be exactly, at the ends of its error and in the middle."""
    head, tail, error = (np.broadcast_to(part, (1, COUNT))[0].tolist() for part in value)
    for sign in ends:
        yield [Fraction(h) + Fraction(t) + sign * Fraction(e) for h, t, e in zip(head, tail, error, strict=True)]


def enclosed(found: Pair, right: list[Fraction]) -> bool:
    """Whether all results are within the error claimed, with no tolerance."""
    head, tail, error = (np.broadcast_to(part, (1, COUNT))[0].tolist() for part in found)
    return all(
        abs(r - Fraction(h) - Fraction(t)) <= Fraction(e) for r, h, t, e in zip(right, head, tail, error, strict=True)
    )


BINARY: dict[str, tuple[Callable[[Pair, Pair], Pair], Callable[[Fraction, Fraction], Fraction]]] = {
    "sum": (lambda p, q: OPS.sum([p, q]), lambda a, b: a + b),
    "product": (OPS.mul, lambda a, b: a * b),
}


@pytest.mark.parametrize("errors", [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("name", BINARY)
def test_two_values_are_combined_within_the_error(name: str, errors: tuple[bool, bool]) -> None:
    """Both at the ends of their errors; the first without tails as well."""
    apply, right = BINARY[name]
    for tail in (True, False):
        p, q = drawn(1, errors[0], tail), drawn(2, errors[1])
        found = apply(p, q)
        for a in exact(p):
            for b in exact(q):
                assert enclosed(found, [right(x, y) for x, y in zip(a, b, strict=True)])


@pytest.mark.parametrize("cancelled", ["heads", "tails"])
def test_sums_that_cancel_are_within_the_error(cancelled: str) -> None:
    """Heads that leave a few bits; and tails that cancel what adding the heads left."""
    p = drawn(3, False)
    q = drawn(4, False)
    if cancelled == "heads":
        q = Pair(-p.head * (1 + 2.0**-20), q.tail, 0.0)
    else:
        total = p.head + q.head
        shifted = total - p.head
        left = (p.head - (total - shifted)) + (q.head - shifted)
        q = Pair(q.head, -left * (1 + 2.0**-7) - p.tail, 0.0)
    found = OPS.sum([p, q])
    (a,), (b,) = exact(p, (0,)), exact(q, (0,))
    assert enclosed(found, [x + y for x, y in zip(a, b, strict=True)])


@pytest.mark.parametrize("factor", [Fraction(1, 3), Fraction(-7, 5), Fraction(10**6 + 1, 7), Fraction(3, 2**70)])
@pytest.mark.parametrize("error", [False, True])
def test_scaled_values_are_within_the_error(factor: Fraction, error: bool) -> None:
    """Factors that no float holds, large and small ones."""
    for tail in (True, False):
        p = drawn(5, error, tail)
        found = OPS.scale(factor, p)
        assert all(enclosed(found, [factor * x for x in a]) for a in exact(p))


def test_the_positive_part_holds_both_sides_of_a_kink() -> None:
    """Values whose sign is not certain: because of the error, or because head and tail nearly cancel."""
    rng = np.random.default_rng(6)
    head = rng.standard_normal((1, COUNT))
    tail = np.where(
        np.arange(COUNT) % 2, -head * (1 + rng.integers(-3, 4, COUNT) * 2.0**-53), rng.standard_normal(COUNT)
    )
    error = np.abs(head) * rng.choice([0.0, 2.0**-54, 2.0**-52, 0.5, 3.0], COUNT)
    p = Pair(head, tail, error)
    found = OPS.positive_part(p)
    for a in exact(p):
        assert enclosed(found, [max(x, Fraction(0)) for x in a])


def test_weights_that_no_float_pair_holds_count() -> None:
    """1/3 + 2^-200 as a weight: its own error, times the state, is in that of the product."""
    W = np.array([[Fraction(1, 3), Fraction(10**40 + 1, 10**40)], [Fraction(2, 7), Fraction(-1, 9)]], dtype=object)
    h = np.array([[1.5, 0.1], [-0.7, 2.0**-40]])
    found = OPS._times(W, OPS.lift(h))
    head, tail, error = (np.broadcast_to(part, (2, 2)) for part in found)
    for i in range(2):
        for k in range(2):
            right = sum((W[i, j] * Fraction(h[j, k]) for j in range(2)), Fraction(0))
            assert abs(right - Fraction(head[i, k]) - Fraction(tail[i, k])) <= Fraction(error[i, k])
