"""States scaled on their way out, and masks: with the first row or without it, in both precisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import planted
import pytest
from planted import Code, Net, runs

import oracle


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("first", ["scaled", "as given", "left out"])
def test_scaled_outputs_are_named(first: str, dtype: str) -> None:
    """Every state times 1.5; h0 too, or as it was given, or not written down."""
    net = Net(6, 3, "tanh", dtype, per_unit=True)
    h0, X = net.run_data(20)
    H = runs(Code.of(net))(h0, X)
    scaled = H * np.asarray(1.5, dtype=dtype)
    written = {"scaled": scaled, "as given": np.concatenate([h0[None], scaled[1:]]), "left out": scaled[1:]}[first]
    result = oracle.check(written, net.record(), inputs=X, h0=h0, promised=dtype)
    assert result.explained_by == "output-scaled", result.summary()
    assert float(result.diagnosis[0].parameters["factor"]) == 1.5
    assert result.diagnosis[0].worst <= 1


def test_another_start_is_no_scaled_output() -> None:
    """Scaled states whose first row is neither h0 nor a multiple of it are not explained by the factor."""
    net = Net(6, 3, "tanh")
    h0, X = net.run_data(20)
    H = 1.5 * runs(Code.of(net))(h0, X)
    H[0] = h0[::-1]
    assert oracle.check(H, net.record(), inputs=X, h0=h0).explained_by is None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("N", "K"), [(6, 40), (32, 120)])
def test_masks_are_recognised(N: int, K: int, dtype: str) -> None:
    """A fifth of the recurrent weights set to zero, small ones among them, and nothing else is said to differ."""
    net = Net(N, 3, "tanh", dtype, per_unit=True, seed=8)
    kept = np.random.default_rng(5).uniform(size=(N, N)) > 0.2
    h0, X = net.run_data(K)
    code = Code.of(net).but(W=net.W * kept)

    def step(c: Code, h: Any, x: Any) -> Any:
        return planted.rate(c, h, x)

    result = oracle.check(runs(code, step), net.record(), inputs=X, h0=h0, kind="run", promised=dtype)
    assert result.explained_by == "masked-recurrent-weights", result.summary()
    assert np.array_equal(result.diagnosis[0].parameters["record"].W, code.W)
