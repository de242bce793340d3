"""Steps that are off while the others follow, and units that are off while the others follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import oracle
from oracle.diagnosis import pairs

N, I, K = 6, 2, 40
RNG = np.random.default_rng(12)
W, M, B = RNG.normal(size=(N, N)) / 2, RNG.normal(size=(N, I)), RNG.normal(size=N)
TAU, STEP = RNG.uniform(0.5, 2, N), 0.125
X, H0 = RNG.normal(size=(K, I)), RNG.uniform(-1, 1, N)


def ran(weights: Any = W, spoiled: tuple[int, ...] = ()) -> Any:
    """A run, with a state of unit 3 moved after some steps, which goes on from there."""
    H = [H0]
    for k, x in enumerate(X):
        h = H[-1] + STEP / TAU * (-H[-1] + np.tanh(weights @ H[-1] + M @ x + B))
        h[3] += 1e-6 if k + 1 in spoiled else 0
        H.append(h)
    return np.array(H)


def judged(H: Any) -> oracle.CheckResult:
    """The check of a recorded run."""
    rec = oracle.Network.rate(W, M, B, tau=TAU).discretize(STEP)
    return oracle.check(H, rec, inputs=X, h0=H0)


def never(*given: Any) -> Any:
    """What is not called."""
    raise AssertionError("pairs were looked for")


def test_a_few_spoiled_steps_are_said_and_no_pair_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of 40 steps: nothing explains them, and the finding says which they are."""
    monkeypatch.setattr(pairs, "_pairs", never)
    result = judged(ran(spoiled=(18, 31)))
    assert (result.verdict, result.explained_by) == ("fail", None)
    assert result.first is not None
    assert (result.first.step, result.first.unit) == (18, 3)
    assert "all but 2 of 40 steps follow; off are steps 18, 31" in result.diagnosis[0].text


def test_one_units_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of the weights that is another one is found before pairs are, and the unit is said."""
    monkeypatch.setattr(pairs, "_pairs", never)
    result = judged(ran(np.where(np.arange(N)[:, None] == 2, 1.01 * W, W)))
    assert result.explained_by == "wrong-weights"
    assert result.diagnosis[0].parameters["units"] == [2]
