"""Faults of programs whose equation is stated by its coefficients, with as many nonlinear units as one likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import oracle

N, K, I, STEPS = 5, 4, 3, 25
rng = np.random.default_rng(20241105)
A, E, c = rng.uniform(0.3, 0.9, N), rng.normal(size=(N, I)), rng.normal(size=N) / 3
B, W, M, b = rng.normal(size=(N, K)) / 3, rng.normal(size=(K, N)) / 2, rng.normal(size=(K, I)), rng.normal(size=K) / 3
V, Q, q = rng.normal(size=(N, N)) / 2, rng.normal(size=(N, I)), rng.normal(size=N) / 3
X, H0 = rng.normal(size=(STEPS, I)), rng.uniform(-0.9, 0.9, N)

Step = Callable[[Any, Any], Any]


def general(A: Any = A, W: Any = W, M: Any = M, b: Any = b, c: Any = c, s: Any = np.tanh, gain: float = 1.0) -> Step:
    """A h + gain (B s(W h + M x + b) + E x + c)."""
    return lambda h, x: A * h + gain * (B @ s(W @ h + M @ x + b) + E @ x + c)


def square(V: Any = V, q: Any = q) -> Step:
    """A h + s(V h + Q x + q)."""
    return lambda h, x: A * h + np.tanh(V @ h + Q @ x + q)


GENERAL = oracle.Recurrence(A=np.diag(A), B=B, W=W, M=M, b=b, E=E, c=c)
SQUARE = oracle.Recurrence(A=np.diag(A), B=np.eye(N), W=V, M=Q, b=q)
FAULTS: dict[str, tuple[oracle.Recurrence, Step]] = {
    "bias-missing": (GENERAL, general(b=0)),
    "bias-missing (outside)": (GENERAL, general(c=0)),
    "bias-doubled": (GENERAL, general(c=2 * c)),
    "activation:relu": (GENERAL, general(s=lambda z: np.maximum(z, 0))),
    "negated-recurrent-weights": (GENERAL, general(W=-W)),
    "scaled-recurrent-weights": (GENERAL, general(W=1.25 * W)),
    "scaled-input-weights": (GENERAL, general(M=0.5 * M)),
    "leak-missing": (GENERAL, general(A=1)),
    "leak-negated": (GENERAL, general(A=-A)),
    "wrong-leak": (GENERAL, general(A=1.1 * A)),
    "drive-gain": (GENERAL, general(gain=0.9)),
    "state-scaled": (GENERAL, lambda h, x: 0.99 * general()(h, x)),
    "state-scaled (per unit)": (SQUARE, lambda h, x: np.linspace(0.9, 1, N) * square()(h, x)),
    "leak-negated (of a bilinear rule)": (SQUARE, lambda h, x: (h + square()(h, x) - A * h) / A),
    "transposed-recurrent-weights": (SQUARE, square(V=V.T)),
    "bias-missing (square)": (SQUARE, square(q=0)),
    "input-late": (SQUARE, square()),
}


@pytest.mark.parametrize("rec", [GENERAL, SQUARE], ids=["general", "square"])
def test_the_stated_equation_passes(rec: oracle.Recurrence) -> None:
    """Biases inside and outside may differ in number."""
    step = general() if rec is GENERAL else square()
    assert oracle.check(step, rec, inputs=X, h0=H0, kind="step")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named(name: str) -> None:
    """By the same names as those of conventions, and certified on every step."""
    rec, step = FAULTS[name]

    def run(h0: Any, X: Any) -> Any:
        states = [h0]
        for k in range(len(X)):
            x = X[k] if name != "input-late" else X[k - 1] if k else 0 * X[0]
            states.append(step(states[-1], x))
        return np.array(states)

    result = oracle.check(run, rec, inputs=X, h0=H0, kind="run")
    assert result.verdict == "fail"
    assert name.partition(" (")[0] in (result.explained_by or "").split("|"), result.summary()
    assert all(f.worst <= 1 for f in result.diagnosis if f.explains)


def test_nothing_is_made_up() -> None:
    """A fault without a name stays unexplained."""
    result = oracle.check(lambda h, x: general()(h, x) - 0.01 * h**3, GENERAL, inputs=X, h0=H0, kind="step")
    assert result.verdict == "fail"
    assert result.explained_by is None
