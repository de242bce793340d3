"""Honest programs whose roundings add up: no larger than the promise allows, and larger than its format looks like."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check import casts, coarse
from oracle.check.result import CheckResult
from oracle.records.precision import Precision, precision_model

from .emulated import stepper, to_nearest
from .matrix import verdict

Array = NDArray[Any]
statistics = import_module("oracle.tolerance.statistic")
TERMS = 96


def one_sign(form: str) -> CheckResult:
    """Positive weights and states under a relu, added one after the other."""
    rng, parts = np.random.default_rng(1), precision_model(form).parts
    assert parts is not None
    W = to_nearest(rng.uniform(0.25, 1, (TERMS, TERMS)) / (0.6 * TERMS), parts.weights)
    h0 = to_nearest(rng.uniform(0.5, 1.5, TERMS), parts.storage)
    step, states = stepper(parts, "sequential", W, np.zeros((TERMS, 0)), (), "relu"), [h0]
    for _ in range(3):
        states.append(step(states[-1][:, None], np.zeros((0, 1)))[:, 0])
    rec = oracle.Recurrence.elman(W, activation="relu")
    return verdict(np.array(states), rec, np.zeros((3, 0)), h0, form)


@pytest.mark.parametrize("form", ["float16", "float16-chopped", "tf32"])
def test_errors_of_one_sign_are_no_coarser_format(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long sums, long sums that are truncated, factors that are truncated: all errors are to one side."""
    assert one_sign(form)
    monkeypatch.setattr(coarse, "ceiling", lambda model, terms: coarse.largest_roundoff(model))
    assert not one_sign(form), "its size alone would be taken for another format's"


def test_truncated_sums_are_no_truncated_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    """700 terms in truncated sums: all states are a tenth short, and so they are with factors truncated to 3 bits."""
    monkeypatch.setattr(sys.modules[__name__], "TERMS", 700)
    assert one_sign("float16-chopped")
    monkeypatch.setattr(casts, "_apart", lambda values, states: 0.0 * values)
    assert not one_sign("float16-chopped")


def biased(ulps: float) -> CheckResult:
    """float16 states added in float32, and a tanh that is off by so many units in the last place, always upwards."""
    rng, f16 = np.random.default_rng(2), np.float16
    W, b = (rng.standard_normal(size).astype(f16).astype(float) / 4 for size in ((24, 24), 24))
    states = [rng.standard_normal(24).astype(f16).astype(float)]
    for _ in range(12):
        z = f16(np.float32(W @ states[-1] + b)).astype(float)
        right = f16(np.tanh(z))
        states.append((right + ulps * np.abs(np.spacing(right))).astype(f16).astype(float))
    rec = oracle.Recurrence.elman(W, None, b)
    return verdict(np.array(states), rec, np.zeros((12, 0)), states[0], "float16-accumulated-float32")


def test_an_activation_that_is_off_by_what_is_granted_is_no_coarser_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three units in the last place are granted, and look like six roundings in each state."""
    assert biased(3.0)
    usual = coarse.ceiling

    def without(model: Precision, terms: int) -> float:
        return usual(Precision(**{**vars(model), "ulps": 0.0}), terms)

    monkeypatch.setattr(coarse, "ceiling", without)
    assert not biased(3.0)


@pytest.mark.parametrize("form", ["float64", "float32", "float16"])
def test_states_that_were_never_rounded_are_on_every_grid(form: str) -> None:
    """Whole numbers that are passed on: they are numbers of bfloat16 as well, and nothing was rounded to it."""
    rec = oracle.Recurrence.elman(np.roll(np.eye(32), 1, axis=1), activation="relu")
    states = [np.arange(32.0)]
    for _ in range(4):
        states.append(np.roll(states[-1], -1))
    assert verdict(np.array(states), rec, np.zeros((4, 0)), states[0], form)


def test_the_smallest_numbers_of_a_format_have_few_bits_anyway() -> None:
    """Subnormal numbers of float16 below 2^-16 are numbers of bfloat16: rounded, and honest."""
    rng, parts = np.random.default_rng(4), precision_model("float16").parts
    assert parts is not None
    W = to_nearest(rng.standard_normal((32, 32)) / 16, parts.weights)
    b = to_nearest(rng.uniform(1, 3, 32) * 2.0**-18, parts.weights)
    step, states = stepper(parts, "tree", W, np.zeros((32, 0)), (b,), "relu"), [to_nearest(b / 2, parts.storage)]
    for _ in range(6):
        states.append(step(states[-1][:, None], np.zeros((0, 1)))[:, 0])
    H, rec = np.array(states), oracle.Recurrence.elman(W, None, b, activation="relu")
    assert coarse.held(H.T, 2.0**-8)
    assert verdict(H, rec, np.zeros((6, 0)), H[0], "float16")


def one_unit(form: str, seed: int) -> CheckResult:
    """A relu unit or two that are silent half of the time, 300 steps."""
    rng, parts = np.random.default_rng([seed, 5]), precision_model(form).parts
    assert parts is not None
    N = 1 + seed % 2
    W = (0.6 * rng.standard_normal((N, N))).astype(np.float32).astype(float)
    M, b = (rng.standard_normal(shape).astype(np.float32).astype(float) for shape in ((N, 1), N))
    X, h0 = to_nearest(rng.standard_normal((300, 1)), parts.storage), to_nearest(rng.standard_normal(N), parts.storage)
    step, states = stepper(parts, "sequential", W, M, (b,), "relu"), [h0]
    for x in X:
        states.append(step(states[-1][:, None], x[:, None])[:, 0])
    return verdict(np.array(states), oracle.Recurrence.elman(W, M, b, activation="relu"), X, h0, form)


@pytest.mark.parametrize("form", ["float8-e4m3", "float8-e5m2"])
def test_units_that_rounding_wakes_are_no_coarser_format(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Factors of two or three bits take z across zero where the exact unit is silent, and its scatter is zero."""
    assert all(one_unit(form, seed) for seed in range(6))
    monkeypatch.setattr(statistics, "_on_the_other_side", lambda residual, scale: np.zeros(scale.shape, bool))
    assert not all(one_unit(form, seed) for seed in range(6))
