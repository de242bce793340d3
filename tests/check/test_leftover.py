"""Evidence for structure in what is called noise: as rare as stated without any, and large where there is some."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest

import oracle
from oracle.check import leftover
from oracle.check.leftover import log_evidence
from oracle.check.sites import Steps

N, SIGMA, ALPHA = 3, 0.1, 0.25
SHAPES: dict[str, Any] = {
    "tanh": np.tanh,
    "algebraic": lambda z: z / np.sqrt(1 + z * z),
    "with a cubic term": lambda z: np.tanh(z) - 0.1 * np.clip(z, -3, 3) ** 3,
    "even": lambda z: np.tanh(z) + 0.1 * np.tanh(z) ** 2,
}


def ran(shape: str, K: int, seed: int) -> tuple[Any, Steps]:
    """Draws of the documented tanh network, of a run with another shape, and its steps."""
    rng = np.random.default_rng(seed)
    W, M, b = rng.normal(size=(N, N)), rng.normal(size=(N, 2)), rng.normal(size=N)
    X, H = rng.normal(size=(K, 2)), [rng.normal(size=N)]
    for x in X:
        s = SHAPES[shape](W @ H[-1] + M @ x + b)
        H.append((1 - ALPHA) * H[-1] + ALPHA * s + SIGMA * rng.normal(size=N))
    states = np.array(H).T
    rec = oracle.Recurrence.leaky(W, M, b, alpha=ALPHA)
    steps = Steps(rec, states[:, :-1], states[:, 1:], X.T, lambda: np.full((N, K), 1e-16), 1)
    return steps.laid_out(steps.residuals / SIGMA), steps


def alarms(rate: float, runs: int) -> int:
    """Honest runs whose evidence exceeds 1/rate."""
    return sum(log_evidence(*ran("tanh", 40, seed)) >= log(1 / rate) for seed in range(runs))


def test_structure_is_seen_as_rarely_as_stated_where_there_is_none() -> None:
    """400 honest runs at a rate of 1/20: at most that share, and five standard deviations."""
    assert alarms(0.05, 400) <= 400 * 0.05 + 5 * np.sqrt(400 * 0.05)


def test_a_likelihood_without_its_price_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the determinant is left out, so that every fit looks better than none."""
    right = leftover._one

    def unpaid(G: Any, b: Any, variance: float) -> float:
        return right(G, b, variance) + 0.5 * float(np.linalg.slogdet(np.eye(len(G)) + variance * G)[1])

    monkeypatch.setattr(leftover, "_one", unpaid)
    with pytest.raises(AssertionError):
        test_structure_is_seen_as_rarely_as_stated_where_there_is_none()


@pytest.mark.parametrize("shape", ["algebraic", "with a cubic term", "even"])
def test_another_shape_is_seen(shape: str) -> None:
    """Slight differences of the activation, under noise four times as large as a step of them, in 3000 draws."""
    assert log_evidence(*ran(shape, 1000, 5)) > log(2 / leftover.NAMELESS)
    assert log_evidence(*ran("tanh", 1000, 5)) < 0


def test_the_mixture_is_that_of_the_formula() -> None:
    """One weight: the average of likelihood ratios over a normal weight, by quadrature."""
    rng = np.random.default_rng(3)
    phi, xi = rng.normal(size=20), rng.normal(size=20)
    w = np.linspace(-6, 6, 4001)
    ratios = np.exp(w * (phi @ xi) - 0.5 * w**2 * (phi @ phi)) * np.exp(-0.5 * w**2) / np.sqrt(2 * np.pi)
    expected = np.log(np.trapezoid(ratios, w))
    assert leftover._one(np.array([[phi @ phi]]), np.array([phi @ xi]), 1.0) == pytest.approx(expected, rel=1e-9)
