"""Honest programs whose roundings add up: no larger than the promise allows, and larger than its format looks like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check import coarse
from oracle.check.result import CheckResult
from oracle.records.precision import Precision, precision_model

from .emulated import stepper, to_nearest
from .matrix import verdict

Array = NDArray[Any]
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
