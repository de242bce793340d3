"""Arithmetic in limbs: every error is inside its bound, the bounds are nearly met, and planted faults leave them.

Needs numba. Compiling takes about half a minute the first time on a machine.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numba
import numpy as np
import pytest
from flint import arb, arb_mat
from hypothesis import given
from hypothesis import strategies as st

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.equations.catalogue import advance
from oracle.kernels import limb_compile, limb_record, limb_steps, limbs
from oracle.kernels.limb_loops import carry, matvec, matvec_error, multiply, product_error, shift
from oracle.kernels.limb_record import Steps, initial
from oracle.kernels.limbs import HALF, RADIX, Unsuited, from_integers, split_floats, to_integers, ulp_bits
from oracle.records.exact import Array
from oracle.reference.arguments import columns

ACTIVATIONS = ("tanh", "logistic", "relu", "identity")
FORMS = ("elman", "leaky", "inside", "leak-inside", "euler", "exponential-euler", "general")
LIMBS = (4, 5, 9, 14, 33)


def made(form: str, activation: str, N: int, I: int, seed: int, gain: float = 1.5) -> Any:
    """A record of one form, weights normal, per-unit leaks."""
    rng = np.random.default_rng(seed)
    W, M, b = gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, I)), rng.normal(size=N)
    alpha = rng.uniform(0.05, 0.95, size=N)
    cell: Any = oracle.Recurrence
    if form == "elman":
        return cell.elman(W, M, b, activation=activation)
    if form in ("leaky", "inside"):
        sigma = "inside" if form == "inside" else "outside"
        return cell.leaky(W, M, b, alpha=alpha, sigma=sigma, activation=activation)
    if form == "leak-inside":
        return cell.leak_inside(W, M, b, alpha=alpha, activation=activation)
    if form == "general":
        more = {"A": W.T / 2, "B": rng.normal(size=(N, N + 1)), "W": rng.normal(size=(N + 1, N))}
        driven = {"M": rng.normal(size=(N + 1, I)), "b": rng.normal(size=N + 1), "E": M, "c": b}
        return cell(**more, **driven, activation=activation)
    return oracle.Network.current(W, M, b, tau=2.5, activation=activation).discretize(step=0.3, scheme=form)


def worst(rec: Any, m: int, seed: int = 0, batch: int = 2, K: int = 3) -> tuple[float, float]:
    """The largest |computed - exact| of single steps and its bound, both in ulp, from balls."""
    rng = np.random.default_rng(seed)
    inputs, h0, _ = columns(rec, rng.normal(size=(K, batch, rec.I)), rng.normal(size=(batch, rec.N)))
    steps = Steps.of(rec.parameters, inputs, batch, m)
    before, _ = initial(h0, m)
    states, _, top = steps.run(before, 0, K)
    found = 0.0
    with precision(RADIX * m + 100):
        unit = arb(2) ** -ulp_bits(m)
        for x, after in zip(inputs, states, strict=True):
            h = arb_mat(batch, rec.N, [v * unit for v in to_integers(before)]).transpose()
            exact = advance(Ball(), rec, h, Ball().lift(x)).transpose().entries()
            gaps = [abs(e / unit - v).abs_upper() for e, v in zip(exact, to_integers(after), strict=True)]
            found, before = max(found, *(float(gap) * (1 + 2.0**-50) for gap in gaps)), after
    return found, steps.error(top + 1.0)


def enclosed(rec: Any, m: int, seed: int = 0) -> None:
    """The claim that planted faults break."""
    found, bound = worst(rec, m, seed)
    assert found <= bound


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("form", FORMS)
def test_a_step_is_within_its_bound(form: str, activation: str) -> None:
    """Every form and activation, a batch, in few limbs and many; and the bound is no more than 300 times too large."""
    for m in LIMBS:
        found, bound = worst(made(form, activation, 5, 2, m), m, m)
        assert found <= bound
        assert bound < 300 * max(found, 1.0) * m


@given(
    N=st.integers(1, 12),
    form=st.sampled_from(FORMS),
    activation=st.sampled_from(ACTIVATIONS),
    m=st.integers(4, 20),
    seed=st.integers(0, 2**32 - 1),
    gain=st.sampled_from((0.01, 1.0, 30.0)),
)
def test_drawn_steps_are_within_their_bound(N: int, form: str, activation: str, m: int, seed: int, gain: float) -> None:
    """Weights from small to large: saturated units, arguments beyond the tables, shifts in both directions."""
    enclosed(made(form, activation, N, N % 3, seed, gain), m, seed)


@given(values=st.lists(st.integers(-(2**100), 2**100), min_size=1, max_size=6), m=st.integers(5, 9))
def test_integers_go_in_and_out(values: list[int], m: int) -> None:
    """Digits are balanced, and nothing is lost."""
    digits = from_integers(values, m)
    assert np.abs(digits[1:].astype(np.int64)).max() <= HALF
    assert list(to_integers(digits)) == values
    assert [sum(int(d) << (RADIX * p) for p, d in enumerate(row[::-1])) for row in digits.T] == values


@given(st.lists(st.floats(-1e6, 1e6).filter(lambda v: v == 0 or abs(v) > 1e-9), min_size=1, max_size=5))
def test_floats_are_split_exactly(values: list[float]) -> None:
    """Digits times their weights are the floats as rationals; too few limbs say what is missing."""
    for most in (8, 2):
        split = split_floats(np.array(values), most)
        for i, value in enumerate(values):
            parts = (Fraction(int(d)) / 2 ** (RADIX * (a + 1)) for a, d in enumerate(split.digits[:, i]))
            gap = abs(Fraction(value) / Fraction(2) ** split.scale - sum(parts))
            assert gap <= Fraction(split.missing)
        assert most == 2 or split.missing == 0


def test_the_bounds_of_products_are_nearly_met() -> None:
    """With all digits extreme the error is above half the bound, so that half the bound would be wrong."""
    m, J, w = 14, 6, 3
    x = np.full((m, 1), -HALF, np.int32)
    x[0] = 3
    out, row = np.zeros_like(x), np.zeros(1, np.int64)
    multiply(x, 0, m, x, 0, m, m, np.zeros(m, np.int32), out, row)
    (a,), (product,) = to_integers(x), to_integers(out)
    error = abs(Fraction(a * a, 2 ** ulp_bits(m)) - product)
    assert product_error(m) / 2 < error <= product_error(m)
    D, acc = np.full((w, J, 1), -HALF, np.int32), np.zeros((m + 1, 1), np.int64)
    matvec(D, np.repeat(x, J, axis=1), 0, m, 1, acc)
    weight = sum(Fraction(-HALF) / 2 ** (RADIX * (p + 1)) for p in range(w))
    kept = sum(int(d) * Fraction(2) ** (RADIX * (m - 1 - p)) for p, d in enumerate(acc[:, 0].tolist()))
    error = abs(J * weight * a - kept)
    bound = matvec_error(D.transpose(0, 2, 1))
    assert bound / 2 < error <= bound


def test_sums_of_products_never_overflow() -> None:
    """Extreme digits over 2,000 columns: the int64 sums are right, because they are carried in time."""
    m, J, w = 5, 2000, 4
    D, v = np.full((w, J, 3), -HALF, np.int32), np.full((m, J), -HALF, np.int32)
    v[0] = 2**20
    acc = np.zeros((m + 1, 3), np.int64)
    matvec(D, v, 0, m, 1, acc)
    weight = sum(Fraction(-HALF) / 2 ** (RADIX * (p + 1)) for p in range(w))
    kept = sum(int(d) * Fraction(2) ** (RADIX * (m - 1 - p)) for p, d in enumerate(acc[:, 1].tolist()))
    assert abs(J * weight * to_integers(v[:, :1])[0] - kept) <= matvec_error(D.transpose(0, 2, 1))


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_numbers_out_of_range_are_refused(size: float) -> None:
    """Weights that float64 could not split exactly, or that the integer limb cannot hold."""
    with pytest.raises(Unsuited):
        Steps.of(oracle.Recurrence.elman([[size, 0.5], [0.25, 1.0]]).parameters, [np.zeros((0, 1))], 1, 6)


def test_states_that_grow_too_large_are_seen() -> None:
    """An identity network that doubles leaves the integer limb, and says so instead of wrapping around."""
    rec = oracle.Recurrence.elman([[2.0, 0.125], [0.0, 2.0]], activation="identity")
    steps = Steps.of(rec.parameters, [np.zeros((0, 1))] * 60, 1, 6)
    h, _ = initial(np.array([[1.0], [0.5]]), 6)
    assert steps.run(h, 0, 60)[2] > limbs.LARGEST


def test_compiled_code_belongs_to_its_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept on disk carries a digest of all files it comes from: an edit of any of them makes it stale."""
    assert isinstance(limb_steps.follow, numba.core.dispatcher.Dispatcher)
    stamp = limb_steps.follow._cache._cache_file._source_stamp
    assert stamp == carry._cache._cache_file._source_stamp == (limb_compile.digest(), 64)
    limb_compile.digest.cache_clear()
    monkeypatch.setattr(limb_compile.Path, "read_bytes", lambda self: b"edited" if self.name == "limbs.py" else b"")
    try:
        assert limb_compile.digest() != stamp[0]
    finally:
        limb_compile.digest.cache_clear()


def _no_carries(patch: Any) -> None:
    def digits_alone(acc: Array, out: Array) -> int:
        out[...] = ((acc[: len(out)] + HALF) & (2**RADIX - 1)) - HALF
        return 0

    patch.setattr(limb_steps, "settle", lambda acc: None)
    patch.setattr(limb_steps, "carry", digits_alone)


def _tables(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    def plant(patch: Any) -> None:
        real = limb_steps.tables
        patch.setattr(limb_record, "tables", lambda *a: change(list(real(*a))))

    return plant


def _truncated(tables: Any) -> Any:
    tables[1][:, -1] = 0  # e^{-j/1024} without its last limb
    return tuple(tables)


def _one_entry(tables: Any) -> Any:
    tables[0][0, -1] += 2000  # e^0
    return tuple(tables)


def _shorter(tables: Any) -> Any:
    tables[5] = np.maximum(tables[5] - 1, 2)
    return tuple(tables)


FAULTS: dict[str, Callable[[Any], None]] = {
    "carries dropped": _no_carries,
    "a wrong limb shift": lambda patch: patch.setattr(limb_steps, "shift", lambda x, s, acc: shift(x, s - RADIX, acc)),
    "a shift off by one bit": lambda patch: patch.setattr(limb_steps, "shift", lambda x, s, acc: shift(x, s + 1, acc)),
    "a table in fewer limbs": _tables(_truncated),
    "one table entry off": _tables(_one_entry),
    "a series in too few limbs": _tables(_shorter),
    "a bound a hundredth as large": lambda patch: patch.setattr(
        Steps, "error", lambda self, V, real=Steps.error: real(self, V) / 100
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_leaves_the_bound(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them, in a step whose weights need a shift; without it the same step is enclosed."""
    rec = made("leaky", "tanh", 4, 2, 3, 6.0)
    monkeypatch.setattr(limb_record, "follow", limb_steps.follow.py_func)
    monkeypatch.setattr(limb_steps, "apply", limb_steps.apply.py_func)
    enclosed(rec, 8)
    FAULTS[fault](monkeypatch)
    with pytest.raises(AssertionError):
        enclosed(rec, 8)


def test_an_interrupt_that_is_swallowed_comes_back() -> None:
    """Ctrl-C while a loop is compiled may be raised in a callback of LLVM, which ignores it: it is raised afterwards.
    Planted fault: without the guard it is gone; one that was not swallowed is not raised twice, no handler stays."""
    usual = signal.default_int_handler
    before = signal.signal(signal.SIGINT, usual)  # tests in the background may ignore it

    def swallowed() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    try:
        swallowed()
        with pytest.raises(KeyboardInterrupt), limb_compile.interruptible():
            swallowed()
        with pytest.raises(KeyboardInterrupt), limb_compile.interruptible():
            signal.raise_signal(signal.SIGINT)
        with limb_compile.interruptible():
            pass
        assert signal.getsignal(signal.SIGINT) is usual
    finally:
        signal.signal(signal.SIGINT, before)
