"""Random stochastic candidates: never a crash, honest noise never fails, and what is no such noise never passes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle

ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softplus": lambda z: np.logaddexp(0, z),
    "arctan": np.arctan,
    "silu": lambda z: z / (1 + np.exp(-np.clip(z, -700, 700))),
    "z / (1 + abs(z))": lambda z: z / (1 + np.abs(z)),
}
BROKEN: dict[str, Any] = {
    "nan": lambda h, noise, rng: h * np.nan if rng.random() < 0.1 else h / 2 + noise,
    "zero": lambda h, noise, rng: 0 * h,
    "frozen": lambda h, noise, rng: h,
    "huge": lambda h, noise, rng: 1e200 * h + noise,
    "narrow": lambda h, noise, rng: np.asarray(h / 2 + noise, dtype=np.float32),
}
ALPHA = 0.5


@st.composite
def questions(draw: Any) -> dict[str, Any]:
    """A network, its size and layout, where its noise enters, and what the program does instead, if anything."""
    batch = draw(st.sampled_from([None, None, 0, 1, 3]))
    return {
        "N": draw(st.integers(1, 5)),
        "I": draw(st.integers(0, 2)),
        "K": draw(st.sampled_from([0, 1, 2, 7, 60, 150])),
        "batch": batch,
        "activation": draw(st.sampled_from(sorted(ACTIVATIONS))),
        "site": draw(st.sampled_from(["outside", "inside"])),
        "sigma": draw(st.sampled_from([1e-300, 1e-12, 0.1, 2.0])),
        "fault": draw(st.sampled_from(["", "", "", *BROKEN])),
        "seed": draw(st.integers(0, 2**16)),
    }


@given(questions())
@settings(max_examples=40, deadline=None)
def test_a_random_stochastic_candidate_is_judged(q: dict[str, Any]) -> None:
    """Verdicts that hold whatever is drawn, and results that can be printed and saved."""
    rng, N, I, K, batch = np.random.default_rng(q["seed"]), q["N"], q["I"], q["K"], q["batch"]
    many = () if batch is None else (batch,)
    W, M, s = rng.normal(size=(N, N)) / np.sqrt(N), rng.normal(size=(N, I)), ACTIVATIONS[q["activation"]]
    inside, factor = q["site"] == "inside", q["sigma"] * np.sqrt(2 * ALPHA)

    def step(h: Any, x: Any) -> Any:
        noise = factor * rng.standard_normal(h.shape)
        if q["fault"]:
            return BROKEN[q["fault"]](h, noise, rng)
        z = h @ W.T + x @ M.T + (noise if inside else 0)
        return (1 - ALPHA) * h + ALPHA * s(z) + (0 if inside else noise)

    rec = oracle.Recurrence.leaky(W, M, alpha=ALPHA, activation=q["activation"])
    X, h0 = rng.normal(size=(K, *many, I)), rng.normal(size=(*many, N))
    noise = oracle.Noise(q["sigma"], "sqrt-2alpha", q["site"])
    first = {} if batch is None else {"batch_first": False}
    with np.errstate(all="ignore"):
        result = oracle.check(step, rec, inputs=X, h0=h0, noise=noise, kind="step", **first)
    assert result.summary()
    assert result.to_dict()["verdict"] == result.verdict
    assert result.verdict != ("pass" if q["fault"] else "fail"), result.summary()
