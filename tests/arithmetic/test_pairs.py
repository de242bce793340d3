"""Pairs of floats enclose what balls enclose: every cell and scheme, products, tanh; and planted faults do not."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from specimens import recurrences, transcendental

from oracle.arithmetic import pairs as room
from oracle.arithmetic import split_product, tanh_table
from oracle.arithmetic.ball import Ball, precision, upper_floats
from oracle.arithmetic.pairs import Pair, Pairs
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

BITS = 400
RECORDS = {
    f"{name}, {activation}": record
    for activation in ("tanh", "logistic", "relu", "identity")
    for name, record in recurrences(activation).items()
} | transcendental()


def missed(found: Pair, balls: Any, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """|exact - (head + tail)| rounded up, and the error claimed; inside `precision`."""
    ops = Ball()
    head, tail, error = (np.broadcast_to(part, shape) for part in found)
    return upper_floats(balls - ops.lift(head) - ops.lift(tail)), error


def states(seed: int, rows: int, columns: int, spread: int) -> Array:
    """Normal numbers of very different sizes."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.standard_normal((rows, columns)) * 2.0 ** rng.integers(-spread, 3, (rows, columns)))


def step_is_enclosed(record: Any, spread: int = 3) -> None:
    """One step in pairs and in balls."""
    h, x = states(1, record.N, 60, spread), states(2, record.I, 60, 2)
    ops = Pairs()
    found = advance(ops, record, ops.lift(h), ops.lift(x))
    with precision(BITS):
        balls = Ball()
        error, claimed = missed(found, advance(balls, record, balls.lift(h), balls.lift(x)), h.shape)
    assert np.all(error <= claimed)
    if spread <= 3:
        assert np.all(claimed <= 2.0**-5 * one_step_bound(record, h, x, PRECISIONS["float64"]))


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("spread", [3, 40])
def test_one_step_of_every_record_is_enclosed(name: str, spread: int) -> None:
    """Zero tolerance; and for states of ordinary size the error is below 1/32 of the proven bound."""
    step_is_enclosed(RECORDS[name], spread)


def product_is_enclosed(n: int = 300, with_tail: bool = True) -> None:
    """A split product of matrices with heads and tails, in rationals."""
    A, G = states(3, 3, n, 20), states(4, n, 2, 20)
    tail = (G * 2.0**-54).round(70) if with_tail else None
    made = split_product.split(A)
    leading, crossed, error = split_product.product(made, np.asfortranarray(G), tail)
    for i in range(3):
        for k in range(2):
            column = [Fraction(g) + (Fraction(tail[j, k]) if tail is not None else 0) for j, g in enumerate(G[:, k])]
            exact = sum(Fraction(a) * g for a, g in zip(A[i], column, strict=True))
            assert abs(exact - Fraction(leading[i, k]) - Fraction(crossed[i, k])) <= Fraction(error[i, k])


@pytest.mark.parametrize("n", [1, 2, 3, 64, 300])
@pytest.mark.parametrize("with_tail", [False, True])
def test_products_are_enclosed(n: int, with_tail: bool) -> None:
    """Zero tolerance, in exact rationals."""
    product_is_enclosed(n, with_tail)


def tanh_is_enclosed(count: int = 20_000) -> None:
    """tanh at heads of all sizes, near points of the table, between them, and beyond its end."""
    rng = np.random.default_rng(5)
    j = rng.integers(-23 * 256, 23 * 256, count)
    head = np.concatenate(
        [rng.standard_normal(count) * 2.0 ** rng.integers(-60, 6, count), (j + rng.choice([0, 0.5], count)) / 256]
    )
    tail = head * rng.uniform(-1, 1, head.size) * 2.0 ** rng.integers(-60, -13, head.size)
    tail[::7] = rng.uniform(-1, 1, tail[::7].size) * 2.0**-12
    at = (head[None], tail[None], np.where(np.arange(head.size) % 5 == 0, 2.0**-30, 0.0)[None])
    found = Pair(*tanh_table.tanh_of(*at))
    with precision(200):
        ops = Ball()
        error, claimed = missed(found, ops.tanh(ops.lift(at[0]) + ops.lift(at[1])), at[0].shape)
        moved, _ = missed(found, ops.tanh(ops.lift(at[0]) + ops.lift(at[1]) + ops.lift(at[2])), at[0].shape)
    assert np.all(error <= claimed)
    assert np.all(moved <= claimed)


def test_tanh_is_enclosed_everywhere() -> None:
    """Zero tolerance on 40,000 numbers, with and without an error of the argument."""
    tanh_is_enclosed()


def test_the_table_is_rounded_correctly() -> None:
    """Every head and tail together is tanh to 2^-106 of it, and every slope 1 - tanh^2 to 2^-52."""
    heads, tails, slopes = tanh_table.table()
    with precision(300):
        ops = Ball()
        points = ops.lift(np.arange(-22 * 256, 22 * 256 + 1)[None] / 256)
        exact = ops.tanh(points)
        left = upper_floats(exact - ops.lift(heads[None]) - ops.lift(tails[None]))
        slope = ops.sum([ops.one(exact), ops.scale(Fraction(-1), ops.mul(exact, exact))])
        off = upper_floats(slope - ops.lift(slopes[None]))
    assert np.all(left <= 2.0**-105 * np.abs(heads))
    assert np.all(off <= 2.0**-52 * slopes)


def test_numbers_out_of_range_are_not_known() -> None:
    """Beyond 2^400, errors are infinite or NaN: nothing is claimed."""
    ops = Pairs()
    record = RECORDS["elman, identity"]
    h = np.array([[1.0, 1e200], [0.5, 1.0], [0.25, 1e-3]])
    found = advance(ops, record, ops.lift(h), ops.lift(np.ones((2, 2))))
    assert np.isfinite(found.error[:, 0]).all()
    assert not np.isfinite(found.error[:, 1]).any()


def _no_crossed(patch: pytest.MonkeyPatch) -> None:
    def faulty(*arguments: Any) -> Any:
        leading, crossed, error = split_product.product(*arguments)
        return leading, 0 * crossed, error

    patch.setattr(room, "product", faulty)


def _too_many_bits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(split_product, "_on_grid", lambda values, unit, real=split_product._on_grid: real(values, unit - 8))


def _table_off(column: int) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        parts = [part.copy() for part in tanh_table.table()]
        parts[column][3000] = np.nextafter(parts[column][3000], 2)
        if column == 1:
            parts[1] = 0 * parts[1]
        patch.setattr(tanh_table, "table", lambda: tuple(parts))

    return plant


FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], Any], Callable[[], None]]] = {
    "crossed products dropped": (_no_crossed, lambda: step_is_enclosed(RECORDS["elman, tanh"])),
    "leading products that are rounded": (_too_many_bits, product_is_enclosed),
    "a head of the table off by one ulp": (_table_off(0), tanh_is_enclosed),
    "tails of the table dropped": (_table_off(1), tanh_is_enclosed),
    "no error of tanh": (lambda p: p.setattr(tanh_table, "RELATIVE", 0.0), tanh_is_enclosed),
    "the series cut off": (lambda p: p.setattr(tanh_table, "LAST", 0.0), tanh_is_enclosed),
    "halves that are not halves": (
        lambda p: p.setattr(room, "_HALVER", 2.0**3),
        lambda: step_is_enclosed(RECORDS["exponential Euler"]),
    ),
    "tails of sums lost": (
        lambda p: p.setattr(room, "two_sum", lambda a, b: (a + b, 0 * (a + b))),
        lambda: step_is_enclosed(RECORDS["rk4, tanh"]),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them breaks an enclosure above."""
    plant, test = FAULTS[fault]
    test()
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        test()
