"""What a run could not see: each statement has a mutant that indeed passes on that run, and fails on the probe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle

Array = NDArray[Any]
RNG = np.random.default_rng(8)
N, I, K = 4, 2, 6
W, M, B = RNG.standard_normal((N, N)), RNG.standard_normal((N, I)), RNG.standard_normal(N)
X, H0 = RNG.standard_normal((K, I)), RNG.standard_normal(N)
SYMMETRIC = W + W.T
SQUARE = RNG.standard_normal((N, N))


def steps(W: Array, M: Array, b: Array, X: Array, h0: Array, a: float = 1.0) -> Array:
    """(1-a) h + a tanh(W h + M x + b), along a batch too."""
    states = [np.asarray(h0, dtype=float)]
    for x in X:
        h = states[-1]
        states.append((1 - a) * h + a * np.tanh(h @ W.T + x @ M.T + b))
    return np.stack(states)


def leaky(W: Array, M: Array, b: Array | None, alpha: float = 1.0) -> Any:
    """The documented record."""
    return oracle.Recurrence.leaky(W, M, b, alpha=alpha)


def rate(tau: float) -> Any:
    """A documented network, step 0.4."""
    return oracle.Network.rate(W, M, B, tau=tau).discretize(step=0.4)


DIAGONAL = np.diag(W.diagonal())
ZERO = np.zeros(N)
CONSTANT = np.repeat(X[:1], K, axis=0)
ALIKE = np.repeat(X[:, None], 3, axis=1)
MIXED_H0 = np.repeat(H0[None], 3, axis=0)

# what is said: (record, mutant's states, inputs, h0), blind run first, then a run that sees it
CASES: dict[str, tuple[Any, Any]] = {
    "transposed recurrent weights": (
        (leaky(SYMMETRIC, M, B), steps(SYMMETRIC.T, M, B, X, H0), X, H0),
        (leaky(W, M, B), steps(W.T, M, B, X, H0), X, H0),
    ),
    "transposed input weights": (
        (leaky(W, SYMMETRIC, B), steps(W, SYMMETRIC.T, B, SQUARE, H0), SQUARE, H0),
        (leaky(W, SQUARE, B), steps(W, SQUARE.T, B, SQUARE, H0), SQUARE, H0),
    ),
    "a bias that is missing": (
        (leaky(W, M, ZERO), steps(W, M, 0 * B, X, H0), X, H0),
        (leaky(W, M, B), steps(W, M, 0 * B, X, H0), X, H0),
    ),
    "an ignored initial state": (
        (leaky(W, M, B), steps(W, M, B, X, ZERO)[1:], X, None),
        (leaky(W, M, B), steps(W, M, B, X, ZERO)[1:], X, H0),
    ),
    "inputs one step early or late": (
        (leaky(W, M, B), steps(W, M, B, np.roll(CONSTANT, 1, axis=0), H0), CONSTANT, H0),
        (leaky(W, M, B), steps(W, M, B, np.roll(X, 1, axis=0), H0), X, H0),
    ),
    "trajectories mixed up": (
        (leaky(W, M, B), steps(W, M, B, ALIKE[:, ::-1], MIXED_H0), ALIKE, MIXED_H0),
        (
            leaky(W, M, B),
            steps(W, M, B, (ALIKE * [[[1], [2], [3]]])[:, ::-1], MIXED_H0),
            ALIKE * [[[1], [2], [3]]],
            MIXED_H0,
        ),
    ),
    "where the leak is": (
        (oracle.Recurrence.leak_inside(W, M, B, alpha=1), steps(W, M, B, X, H0), X, H0),
        (oracle.Recurrence.leak_inside(W, M, B, alpha=0.5), steps(W, M, B, X, H0, 0.5), X, H0),
    ),
    "where the leak is, and its size": (
        (rate(tau=0.4), steps(W, M, B, X, H0), X, H0),
        (rate(tau=0.8), steps(W, M, B, X, H0), X, H0),
    ),
    "a factor tau that is missing": (
        (rate(tau=1), steps(W, M, B, X, H0, 0.4), X, H0),
        (rate(tau=0.8), steps(W, M, B, X, H0, 0.4), X, H0),
    ),
    "transposed recurrent weights, and units connected to others (W is diagonal)": (
        (leaky(DIAGONAL, M, B), steps(DIAGONAL.T, M, B, X, H0), X, H0),
        (leaky(W, M, B), steps(W.T, M, B, X, H0), X, H0),
    ),
    "transposed recurrent weights, and units in another order (W is constant)": (
        (leaky(0 * W + 0.3, M, B), steps(0 * W[::-1] + 0.3, M, B, X, H0), X, H0),
        (leaky(W, M, B), steps(W[::-1], M, B, X, H0), X, H0),
    ),
    "what needs more than 2 steps": (
        (leaky(W, M, B), np.concatenate([steps(W, M, B, X[:2], H0), [ZERO]])[:3], X[:2], H0),
        (leaky(W, M, B), np.concatenate([steps(W, M, B, X[:2], H0), [ZERO]]), X[:3], H0),
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_what_is_called_unseen_is_unseen_and_the_probe_sees_it(what: str) -> None:
    """The mutant passes on the blind run, which says so; it fails on the other, which does not."""
    blind, seeing = CASES[what]
    rec, H, inputs, h0 = blind
    result = oracle.check(H, rec, inputs=inputs, h0=h0)
    assert result, result.summary()
    assert any(str(unseen).startswith(what) for unseen in result.unseen), result.unseen
    rec, H, inputs, h0 = seeing
    result = oracle.check(H, rec, inputs=inputs, h0=h0)
    assert result.verdict == "fail"
    assert not any(str(unseen).startswith(what) for unseen in result.unseen)


def test_a_probe_sees_everything() -> None:
    """oracle.probe leaves nothing unseen, for a record without blind spots of its own."""
    rec = leaky(W, M, B, alpha=0.4)
    probe = oracle.probe(rec)
    assert len({probe.inputs.shape[0], probe.inputs.shape[1], rec.I, rec.N}) == 4
    result = oracle.check(steps(W, M, B, probe.inputs, probe.h0, 0.4), rec, inputs=probe.inputs, h0=probe.h0)
    assert result
    assert result.unseen == ()


def test_what_single_steps_hide_is_said_of_narrow_promises() -> None:
    """TF32's neighbours are told by narrowing 24 steps again; of float32 every step is looked at."""
    rng = np.random.default_rng(0)
    rec = oracle.Recurrence.elman(rng.normal(size=(4, 4)), rng.normal(size=(4, 2)), rng.normal(size=4))
    X, h0 = rng.normal(size=(40, 2)), rng.normal(size=4)
    H = oracle.simulate(rec, X, h0, dtype="float32")

    def hidden(promised: str, steps: int) -> list[str]:
        result = oracle.check(H[: steps + 1], rec, inputs=X[:steps], h0=h0.astype("float32"), promised=promised)
        return [item.what for item in result.unseen if "in a few steps" in item.what]

    assert len(hidden("tf32", 40)) == 1
    assert "24 of 40" in hidden("tf32", 40)[0]
    assert hidden("tf32", 20) == hidden("float32", 40) == []


def said(result: oracle.CheckResult) -> str:
    """All that is said to be unseen."""
    return "; ".join(unseen.what for unseen in result.unseen)


def test_one_unit_or_pair_that_hides_something_is_not_all_that_do() -> None:
    """A leak is hidden where alpha is 1 in every unit, and an exchange of trajectories where all are driven alike."""
    leaks = np.array([1.0, 0.5, 0.25, 1.0])
    assert "where the leak is" not in said(
        oracle.check(steps(W, M, B, X, H0, leaks), leaky(W, M, B, leaks), inputs=X, h0=H0)
    )
    assert "where the leak is" in said(oracle.check(steps(W, M, B, X, H0), leaky(W, M, B, np.ones(N)), inputs=X, h0=H0))
    some = ALIKE.copy()
    some[:, 2] += 1.0
    question = {"h0": MIXED_H0, "batch_first": False}
    assert "mixed up" in said(oracle.check(steps(W, M, B, ALIKE, MIXED_H0), leaky(W, M, B), inputs=ALIKE, **question))
    assert "mixed up" not in said(oracle.check(steps(W, M, B, some, MIXED_H0), leaky(W, M, B), inputs=some, **question))
