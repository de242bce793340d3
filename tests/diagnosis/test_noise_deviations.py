"""Stochastic candidates with another equation: the deviation is named beside the noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from check.stochastic import ALPHA, Program

import oracle

N, K = 8, 500


def wrong_step(program: Program, kind: str) -> Any:
    """A step of the program with one mistake, around the same noise."""
    W, M, b = program.W, program.M, program.b
    held = [np.zeros(2)]

    def step(h: Any, x: Any) -> Any:
        noise = program.sigma * np.sqrt(2 * ALPHA) * program.generator.standard_normal(h.shape)
        a = ALPHA
        if kind == "transposed-recurrent-weights":
            W_used = W.T
        else:
            W_used = W
        if kind == "input-late":
            x, held[0] = held[0], x
        bias = {"bias-missing": 0 * b, "bias-doubled": 2 * b}.get(kind, b)
        if kind == "alpha-swapped":
            a = 1 - ALPHA
        z = W_used @ h + M @ x + bias
        if kind == "leak-inside":
            return np.tanh((1 - a) * h + a * z) + noise
        return (1 - a) * h + a * np.tanh(z) + noise

    return step


KINDS = (
    "transposed-recurrent-weights",
    "bias-missing",
    "bias-doubled",
    "alpha-swapped",
    "leak-inside",
    "input-late",
)


def judged(kind: str, noise: oracle.Noise, program: Program) -> Any:
    """The check of a wrong step."""
    rng = np.random.default_rng(9)
    X, h0 = rng.normal(size=(K, 2)), rng.normal(size=N)
    return oracle.check(wrong_step(program, kind), program.record, inputs=X, h0=h0, noise=noise, kind="step")


@pytest.mark.parametrize("kind", KINDS)
def test_the_deviation_is_named(kind: str) -> None:
    """Noise of a tenth of the states: the mistake shows through it, and it is the best explanation."""
    program = Program(N, sigma=0.03, seed=4, gain=1.5)
    program.b = program.b + 0.3
    assert judged("none", program.promise(), program).verdict == "pass"
    result = judged(kind, program.promise(), program)
    assert (result.verdict, result.label) == ("fail", "observed")
    assert kind in (result.explained_by or "").split("|"), result.summary()


def test_two_mistakes() -> None:
    """Transposed weights and another scale: both names, joined; 4000 draws do not tell 0.577 sigma from 0.553 sigma."""
    program = Program(N, sigma=0.03, seed=4, gain=1.5)
    result = judged("transposed-recurrent-weights", oracle.Noise(0.03, "unscaled"), program)
    scales = ("noise:sqrt-2alpha", "noise:stationary")
    assert (result.explained_by or "").split("|") == [f"transposed-recurrent-weights+{scale}" for scale in scales]


def test_nothing_is_made_up() -> None:
    """A mistake without a name is described and not explained."""
    program = Program(N, sigma=0.03, seed=4, form="nameless")
    X = np.random.default_rng(9).normal(size=(K, 2))
    result = oracle.check(program.step, program.record, inputs=X, noise=program.promise(), kind="step")
    assert result.explained_by is None
    assert result.diagnosis[0].name == "noise:drift"
