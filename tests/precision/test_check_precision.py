"""`oracle.check_precision` on candidates whose weights can be set, and the error of their activations."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle

from .programs import PROMISED, judged, programs

Array = NDArray[Any]
RNG = np.random.default_rng(7)
N, I = 12, 3
REC = oracle.Recurrence.elman(
    (RNG.standard_normal((N, N)) / 3).astype(np.float32), RNG.standard_normal((N, I)).astype(np.float32),
    RNG.standard_normal(N).astype(np.float32),
)  # fmt: skip
X, H0 = RNG.standard_normal((9, 4, I)).astype(np.float32), RNG.standard_normal((4, N)).astype(np.float32)
WRONG_AT = float(np.float32(0.7))


def builder(dtype: Any, tanh: Callable[[Array], Array] = np.tanh) -> Callable[[oracle.Recurrence], Any]:
    """Candidates in NumPy."""

    def build(rec: oracle.Recurrence) -> Any:
        W, M, *b = (np.asarray(part).astype(dtype) for part in (rec.W, rec.M, *rec.parameters.b))

        def step(h: Array, x: Array) -> Array:
            with np.errstate(all="ignore"):
                z = h.astype(dtype) @ W.T + x.astype(dtype) @ M.T
                for part in b:
                    z = z + part
                return np.asarray(np.maximum(z, dtype(0)) if rec.activation == "relu" else tanh(z))

        return step

    return build


def asked(build: Any, promised: str) -> oracle.CheckResult:
    """The question of this file."""
    return oracle.check_precision(build, REC, inputs=X, h0=H0, promised=promised)


KEPT = [(np.float64, "float64"), (np.float32, "float32"), (np.float16, "float16"), (np.float32, "tf32")]


@pytest.mark.parametrize(("dtype", "promised"), KEPT)
def test_honest_programs_keep_their_promise(dtype: Any, promised: str) -> None:
    """Passed by the bound, the statistic, all probes, and an activation within its ulps."""
    result = asked(builder(dtype), promised)
    assert result
    assert len(result.probes) >= 8
    assert not any(probe.wrong or probe.problem for probe in result.probes)
    assert 0 < result.activation.ulps < 3
    assert "activation: tanh off by" in result.summary()
    assert json.loads(json.dumps(result.to_dict()))["activation"]["at"] == result.activation.at


@pytest.mark.parametrize("promised", PROMISED)
@pytest.mark.parametrize("program", [name for name in programs() if name.startswith("numpy")])
def test_real_programs_are_judged_by_their_format(program: str, promised: str) -> None:
    """NumPy's float64, float32 and float16 under six promises."""
    computed, build = programs()[program]
    found = judged(16, program, computed, build, promised)
    assert (found["verdict"] == "pass") == found["kept"], found


def test_a_broken_promise_is_a_proof() -> None:
    """Flushed subnormal numbers: the run passes, the probes prove it, and the summary says which."""

    def flushing(rec: oracle.Recurrence) -> Any:
        step = builder(np.float32)(rec)

        def flushed(h: Array, x: Array) -> Array:
            after = step(h, x)
            return np.where(np.abs(after) < np.finfo(np.float32).tiny, np.float32(0), after)

        return flushed

    assert oracle.check(flushing(REC), REC, inputs=X, h0=H0, promised="float32")
    result = asked(flushing, "float32")
    assert (result.verdict, result.label) == ("fail", "proved")
    assert {p.name for p in result.probes if p.wrong} == {"small", "tiny weights", "tiny biases"}
    assert "precision:below-float32" in result.summary()
    assert asked(flushing, "float32-flushed")


def test_the_worst_argument_of_an_activation_is_found_in_hexadecimal() -> None:
    """tanh moved by 6 ulp between 0.69 and 0.71: seen there, by that much; 40 ulp are beyond the assumption, proved."""

    def off(ulps: float) -> Callable[[Array], Array]:
        def tanh(z: Array) -> Array:
            right = np.tanh(z.astype(np.float64)).astype(np.float32)
            wrong = (np.abs(z) > 0.69) & (np.abs(z) < 0.71)
            return np.where(wrong, right + np.float32(ulps) * np.spacing(right), right)

        return tanh

    seen = asked(builder(np.float32, off(6)), "float32").activation
    assert 5 <= seen.ulps <= 7
    assert 0.69 < abs(float.fromhex(seen.at)) < 0.71
    far = asked(builder(np.float32, off(40)), "float32")
    assert not far
    assert far.label == "proved"
    assert 39 <= far.activation.ulps <= 41


SHAPES = {
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "erf": np.vectorize(math.erf, otypes=[float]),
    "arctan": np.arctan,
    "sin": np.sin,
    "softplus": lambda z: np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "leaky-relu(0.2)": lambda z: np.where(z > 0, z, 0.2 * z),
    "square": lambda z: np.maximum(z, 0) ** 2,
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z * np.vectorize(math.erfc, otypes=[float])(-z / np.sqrt(2)) / 2,
    "gelu-tanh": lambda z: z / (1 + np.exp(-np.sqrt(8 / np.pi) * (z + 0.044715 * z**3))),
    "z / (1 + abs(z))": lambda z: z / (1 + np.abs(z)),
}


@pytest.mark.parametrize("activation", SHAPES)
def test_every_activation_is_looked_at(activation: str) -> None:
    """Right to a unit in the last place: passes, less than 2 are seen; off by 2^-14 at 0.7: seen there, and fails."""
    rec = oracle.Recurrence.elman(REC.W / 4, REC.M / 4, REC.parameters.b[0] / 4, activation=activation)

    def rounded(z: Array) -> Array:
        return np.asarray(SHAPES[activation](np.float64(z)), dtype=np.float32)

    def off(z: Array) -> Array:
        wrong = (z > 0.69) & (z < 0.71)
        return np.where(wrong, rounded(z) * np.float32(1 + 2.0**-14), rounded(z))

    question = {"inputs": X / 2, "h0": H0 / 2, "promised": "float32"}
    honest = oracle.check_precision(builder(np.float32, rounded), rec, **question)
    assert honest, honest.summary()
    assert 0 < honest.activation.ulps < 2
    seen = oracle.check_precision(builder(np.float32, off), rec, **question)
    assert seen.verdict == "fail"
    assert seen.activation.name == activation
    assert seen.activation.ulps > 100
    assert 0.69 < float.fromhex(seen.activation.at) < 0.71


def test_what_rounds_nothing_has_no_error() -> None:
    """relu and hardtanh: nothing to see."""
    for activation in ("relu", "hardtanh"):
        rec = oracle.Recurrence.elman(REC.W, REC.M, activation=activation)
        shape = (lambda z: np.maximum(z, 0)) if activation == "relu" else (lambda z: np.clip(z, -1, 1))
        result = oracle.check_precision(builder(np.float32, shape), rec, inputs=X, h0=H0, promised="float32")
        assert result
        assert result.activation is None


def test_saturated_units_of_a_run_show_their_activation() -> None:
    """Without any probe, where the slope hides the rounding of z; and nothing is claimed where it does not."""
    bias = np.where(np.arange(N) < 4, 7.0, 0.0).astype(np.float32)
    rec = oracle.Recurrence.elman(REC.W, REC.M, bias)

    def run(tanh: Callable[[Array], Array]) -> Any:
        return builder(np.float32, tanh)(rec)

    honest = oracle.check(run(np.tanh), rec, inputs=X, h0=H0, promised="float32").activation
    assert honest.source == "run"
    assert honest.ulps < 1.5
    off = oracle.check(run(lambda z: np.tanh(z) * np.float32(1 - 2.0**-22)), rec, inputs=X, h0=H0, promised="float32")
    assert 3 <= off.activation.ulps <= 5.5
    assert abs(float.fromhex(off.activation.at)) > 3
    assert (
        oracle.check(builder(np.float32)(REC), REC, inputs=X[:1] / 8, h0=H0 / 8, promised="float32").activation is None
    )


def test_far_below_zero_gelu_is_counted_in_what_it_is_granted() -> None:
    """z (1 + erf)/2 loses all its digits at z = -6, which is granted; counted in its own ulps no argument is known."""
    rng = np.random.default_rng(4)
    W, M, b = rng.normal(size=(8, 8)) / 8, rng.normal(size=(8, 2)), rng.normal(size=8) - 6
    rec = oracle.Recurrence.elman(W, M, b, activation="gelu")

    def step(h: Any, x: Any) -> Any:
        z = W @ h + M @ x + b
        return z * (1 + np.array([math.erf(e / math.sqrt(2)) for e in z])) / 2

    result = oracle.check(step, rec, inputs=rng.normal(size=(40, 2)), h0=rng.normal(size=8))
    assert result
    assert result.activation is not None
    assert result.activation.ulps < 1


def test_a_scaled_coefficient_inside_the_bound_is_no_rounding() -> None:
    """Weights times 1 + 1e-5 in float32 at N = 64: inside the bound, and a function of the state."""
    rng = np.random.default_rng(64)
    W = (rng.standard_normal((64, 64)) * 1.5 / 8).astype(np.float32)
    rec = oracle.Recurrence.elman(W, rng.standard_normal((64, 3)).astype(np.float32))
    inputs = rng.standard_normal((30, 3)).astype(np.float32)

    def run(weights: Array) -> Any:
        return builder(np.float32)(oracle.Recurrence.elman(weights, rec.M))

    assert oracle.check(run(W), rec, inputs=inputs, promised="float32")
    result = oracle.check(run(W * np.float32(1 + 1e-5)), rec, inputs=inputs, promised="float32")
    assert (result.verdict, result.label) == ("fail", "observed")
    assert result.worst < 1
    assert "scaled-recurrent-weights" in (result.explained_by or "")
