"""Formats in very small networks, in runs of few steps, and in one step of a run: no chance is taken for a format."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check import casts, coarse
from oracle.records.precision import Parts, precision_model

from .emulated import stepper, to_nearest

Array = NDArray[Any]
FORMATS = (
    "tf32",
    "bfloat16-products",
    "float16",
    "float16-accumulated-float32",
    "bfloat16",
    "float8-e4m3",
    "float8-e5m2",
)
SHAPES = ((1, 0, 1), (1, 1, 3), (2, 1, 1), (1, 2, 8), (3, 0, 2), (4, 2, 1))  # N, I, K


def parts_of(name: str) -> Parts:
    parts = precision_model(name).parts
    assert parts is not None
    return parts


def checked(form: str, N: int, I: int, K: int, seed: int) -> oracle.CheckResult:
    """An honest program of a format under its own promise."""
    rng, parts = np.random.default_rng([seed, N, I, K]), parts_of(form)
    W, M, b = (rng.standard_normal(size).astype(np.float32).astype(float) for size in ((N, N), (N, I), N))
    X, h0 = (to_nearest(rng.standard_normal(size), parts.storage) for size in ((K, I), N))
    activation = ("tanh", "relu")[seed % 2]
    step, states = stepper(parts, "sequential", W, M, (b,), activation), [h0]
    for x in X:
        states.append(step(states[-1][:, None], x[:, None])[:, 0])
    rec = oracle.Recurrence.elman(W, M if I else None, b, activation=activation)
    return oracle.check(np.array(states), rec, inputs=X, h0=h0, promised=form)


def failing(seeds: int, formats: tuple[str, ...] = FORMATS) -> list[tuple[Any, ...]]:
    return [
        (form, *shape, seed)
        for form in formats
        for shape in SHAPES
        for seed in range(seeds)
        if checked(form, *shape, seed).verdict == "fail"
    ]


def test_few_states_are_not_taken_for_a_coarser_format() -> None:
    """Residuals of one to eight states come near the errors of some cast by chance: honest programs pass."""
    assert failing(6) == []


def test_chance_would_be_taken_for_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: without a look at how likely a chance is, one honest program of ten or twenty fails."""
    monkeypatch.setattr(casts, "CHANCE", 1.0)
    assert len(failing(6, ("float16", "bfloat16"))) >= 3


def test_a_silent_relu_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum that rounds to zero or less where the exact one is positive: many a cast says the same, to the last bit."""
    question = ("bfloat16", 1, 2, 8, 53)
    assert checked(*question)
    monkeypatch.setattr(casts.Sample, "rounded", property(lambda sample: sample.residual != 0))
    assert not checked(*question)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 10])
def test_the_chance_of_a_cast_is_the_one_stated(n: int) -> None:
    """Counted among 2^17 draws: residuals and errors of a cast that are normal and of one size; s as wide as shows."""
    rng, draws, s = np.random.default_rng(n), 2**17, 0.9 if n > 3 else 0.25
    r, c = rng.standard_normal((2, draws, n))
    seen = np.mean(np.linalg.norm(r - c, axis=1) <= s * np.linalg.norm(r, axis=1))
    stated = s**n * math.gamma((n + 1) / 2) / (n * math.sqrt(math.pi) * math.gamma(n / 2))
    assert stated <= s**n / math.pi * (1 + 1e-12)
    if s < 0.5:  # the density is taken to be constant over the ball
        assert seen == pytest.approx(stated, rel=0.15)
    assert casts.allowed_share(n) <= min(casts.SHARE, casts.CHANCE ** (1 / n))


def once(form: str, N: int, activation: str, at: int | None) -> oracle.CheckResult:
    """A program in float32 that promises TF32, with factors of a format in one of 40 steps."""
    rng = np.random.default_rng(N)
    W, M, b = (rng.standard_normal(size).astype(np.float32).astype(float) for size in ((N, N), (N, 3), N))
    W, (X, h0) = (
        W / (2 * np.sqrt(N)),
        (to_nearest(rng.standard_normal(size), parts_of("float32").storage) for size in ((40, 3), N)),
    )
    W = W.astype(np.float32).astype(float)
    narrow, wide = (stepper(parts_of(f), "tree", W, M, (b,), activation) for f in (form, "float32"))
    states = [h0]
    for k, x in enumerate(X):
        states.append((narrow if k == at else wide)(states[-1][:, None], x[:, None])[:, 0])
    rec = oracle.Recurrence.elman(W, M, b, activation=activation)
    return oracle.check(np.array(states), rec, inputs=X, h0=h0, promised="tf32")


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_one_step_in_a_coarser_format_is_seen_though_it_does_not_stand_out(
    activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bfloat16 factors in a step of forty, no larger than TF32 may be: the largest steps are narrowed one by one."""
    assert once("bfloat16-products", 32, activation, None)
    result = once("bfloat16-products", 32, activation, 20)
    assert (result.verdict, result.explained_by, result.worst <= 1) == ("fail", "precision:bfloat16", True)
    monkeypatch.setattr(coarse, "ALONE", 0)
    monkeypatch.setattr(coarse, "standing_out", lambda sample, *more: sample.at(np.zeros(0, dtype=int)))
    assert once("bfloat16-products", 32, activation, 20)


def test_too_few_states_to_tell_are_listed() -> None:
    """A network of two units and a step: what it cannot show is said, with the way to see it."""
    (unseen,) = (u for u in checked("tf32", 2, 1, 1, 0).unseen if "format like tf32" in u.what)
    assert "2 states are too few" in unseen.what
    assert "check_precision" in unseen.probe


def test_a_step_taken_again_is_no_second_witness() -> None:
    """Of six steps three begin alike, and two differ in bits that the format of the factors does not have."""
    rng = np.random.default_rng(3)
    rec = oracle.Recurrence.elman(rng.standard_normal((2, 2)), rng.standard_normal((2, 1)))
    h = np.array([[0.5, 0.5, 0.5, 0.75, 0.25, 0.25 * (1 + 2.0**-20)], [1.5, 1.5, 1.5, 1.25, 0.5, 0.5]])
    x, residual = np.ones((1, 6)), np.full((2, 6), 1e-4)
    residual[0, 3] = 0.0  # that unit was not rounded
    sample = casts.Sample(rec, h, np.full((2, 6), 0.5), x, residual)
    parts = parts_of("bfloat16-products")
    assert casts.witnesses(sample, parts.state_factor) == 5
    assert casts.witnesses(sample, parts_of("float64").state_factor) == 7
