"""Gates with another function than the logistic, written in NumPy as frameworks write it, are named."""

from __future__ import annotations

import numpy as np
import pytest

import oracle

INPUTS, STEPS = 3, 30
GATES = {
    "hard-sigmoid(0.2)": lambda z: np.clip(z.dtype.type(0.2) * z + z.dtype.type(0.5), 0, 1),
    "hard-sigmoid(1/6)": lambda z: np.clip(z + 3, 0, 6) / 6,
    "tanh": np.tanh,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "no name": lambda z: 0.5 + 0.5 * z / (1 + np.abs(z)),
}


def gru(W, M, b, c, gate):
    """h -> h+, reset after the product."""
    N = W.shape[1]

    def step(h, x):
        u, v = M @ x + b, W @ h + c
        r, z = (gate(u[i * N : (i + 1) * N] + v[i * N : (i + 1) * N]) for i in (0, 1))
        n = np.tanh(u[2 * N :] + r * v[2 * N :])
        return (1 - z) * n + z * h

    return step


def lstm(W, M, b, c, gate):
    """(h, c) -> (h+, c+)."""
    N = W.shape[1]

    def step(state, x):
        h, memory = state[:N], state[N:]
        i, f, g, o = np.split(M @ x + b + W @ h + c, 4)
        memory = gate(f) * memory + gate(i) * np.tanh(g)
        return np.concatenate([gate(o) * np.tanh(memory), memory])

    return step


def asked(kind, gate, dtype, *, change=lambda W: W, N=4):
    """A program with these gates against the documented equation."""
    count, program = {"gru": (3, gru), "lstm": (4, lstm)}[kind]
    rng = np.random.default_rng(41)
    W, M = (rng.normal(size=(count * N, size)).astype(dtype) for size in (N, INPUTS))
    b, c = (rng.normal(size=count * N).astype(dtype) for _ in range(2))
    rec = getattr(oracle.Recurrence, kind)(W, M, b, c)
    X, h0 = rng.normal(size=(STEPS, INPUTS)).astype(dtype), rng.uniform(-1, 1, rec.N).astype(dtype)
    return oracle.check(program(change(W), M, b, c, GATES[gate]), rec, inputs=X, h0=h0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_gates_are_named(kind, dtype):
    """Every named function of the gates, and nothing for the documented one; one without a name gets none."""
    for gate in GATES:
        if gate == "no name" and dtype == np.float32:
            continue  # the same search, and slow
        result = asked(kind, gate, dtype)
        name = {"logistic": kind, "no name": None}.get(gate, f"gate-activation:{gate}")
        assert result.verdict == ("pass" if gate == "logistic" else "fail"), gate
        assert result.explained_by == name, (gate, result.summary())


def test_gates_and_another_deviation():
    """A pair with transposed weights."""
    result = asked(
        "gru", "hard-sigmoid(0.2)", np.float64, change=lambda W: np.concatenate([w.T for w in np.split(W, 3)])
    )
    named = set(str(result.explained_by).split("+"))
    assert named == {"transposed-recurrent-weights", "gate-activation:hard-sigmoid(0.2)"}
