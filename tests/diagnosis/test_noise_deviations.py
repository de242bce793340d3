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


SHAPES: dict[str, tuple[Any, str | None]] = {
    "softsign": (lambda z: z / (1 + np.abs(z)), "activation:softsign"),
    "hard tanh": (lambda z: np.clip(z, -1, 1), "activation:hardtanh"),
    "sin": (np.sin, "activation:sin"),
    "arctan": (np.arctan, "activation:arctan"),
    "tanh with a gain inside": (lambda z: np.tanh(1.3 * z), "scaled-pre-activation"),
    "tanh with a gain": (lambda z: 1.15 * np.tanh(z), "drive-gain"),
    "algebraic": (lambda z: z / np.sqrt(1 + z * z), None),
    "tanh and a cubic term": (lambda z: np.tanh(z) - 0.05 * np.clip(z, -4, 4) ** 3, None),
    "hard tanh with a gain": (lambda z: 0.9 * np.clip(z, -1.2, 1.2), None),
    "Gudermannian": (lambda z: 2 * np.arctan(np.tanh(z / 2)), None),
    "arctan of unit range": (lambda z: 2 / np.pi * np.arctan(np.pi / 2 * z), None),
}


CASES = [(shape, 0.1) for shape in SHAPES] + [("algebraic", 0.03), ("arctan of unit range", 0.03)]


@pytest.mark.parametrize(("shape", "sigma"), CASES)
def test_shapes_in_and_outside_of_the_table(shape: str, sigma: float) -> None:
    """An activation of the table is named, perhaps beside what noise does not separate; any other gets no name."""
    value, name = SHAPES[shape]
    program = Program(N, sigma=sigma, seed=4, gain=1.5)
    W, M, b = program.W, program.M, program.b + 0.3

    def step(h: Any, x: Any) -> Any:
        noise = sigma * np.sqrt(2 * ALPHA) * program.generator.standard_normal(h.shape)
        return (1 - ALPHA) * h + ALPHA * value(W @ h + M @ x + b) + noise

    program.b = b
    X, h0 = np.random.default_rng(9).normal(size=(K, 2)), np.random.default_rng(10).normal(size=N)
    result = oracle.check(step, program.record, inputs=X, h0=h0, noise=program.promise(), kind="step")
    assert result.verdict == "fail"
    found = (result.explained_by or "").split("|")
    assert found == [""] if name is None else name in found, result.summary()
