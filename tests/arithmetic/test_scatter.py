"""The scatter interpretation estimates the rms of rounding errors: within a small factor of what float32 runs show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import oracle
from oracle.arithmetic.scatter import Scatter, Scattered
from oracle.tolerance.residuals import residuals
from oracle.tolerance.statistic import scatter

f32 = np.float32


def records(N: int, activation: str) -> dict[str, Any]:
    """Records of each kind, numbers of float32."""
    rng = np.random.default_rng(N)
    W, b = (rng.standard_normal((N, N)) / np.sqrt(N)).astype(f32), rng.standard_normal(N).astype(f32)
    cell = oracle.Recurrence
    net = oracle.Network.rate(W, None, b, tau=0.5, activation=activation)
    return {
        "elman": cell.elman(W, None, b, activation=activation),
        "outside": cell.leaky(W, None, b, alpha=0.25, activation=activation),
        "inside": cell.leaky(W, None, b, alpha=0.25, sigma="inside", activation=activation),
        "leak inside": cell.leak_inside(W, None, b, alpha=0.25, activation=activation),
        "heun": net.discretize(step=0.125, scheme="heun"),
        "rk4": net.discretize(step=0.125, scheme="rk4"),
    }


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic", "identity"])
@pytest.mark.parametrize("N", [4, 32, 128])
def test_the_scatter_is_the_size_of_float32_errors(N: int, activation: str) -> None:
    """rms(error) / (u rms(scatter)) of the library's own float32 steps lies between 1/12 and 3, for every record."""
    H = np.random.default_rng(1).standard_normal((N, 40)).astype(f32)
    X = np.zeros((0, 40))
    for name, rec in records(N, activation).items():
        after = np.stack([oracle.simulate(rec, np.zeros((1, 0)), h, dtype=f32)[1] for h in H.T], axis=1)
        wide = H.astype(np.float64)
        error = residuals(rec, wide, after.astype(np.float64), X, np.full(H.shape, np.inf)).upper
        estimate = scatter(rec, wide, X)
        factor = np.sqrt(np.mean(error**2)) / (2.0**-24 * np.sqrt(np.mean(estimate**2)))
        assert 1 / 12 < factor < 3, name


def test_squares_add_and_slopes_multiply() -> None:
    """Values written out by hand: products, sums, factors, and the activation's own rounding."""
    ops = Scatter()
    u, v = Scattered(np.array([[3.0]]), np.array([[4.0]])), Scattered(np.array([[-2.0]]), np.array([[1.0]]))
    assert ops.sum([u, v]).square == 4 + 9 + 1 + 4
    assert ops.mul(u, v).square == 36 + 4 * 4 + 1 * 9
    assert ops.scale(np.array([0.5], dtype=object)[0], u).square == 1
    assert ops.act("relu", u).square == 4
    assert ops.act("relu", v).square == 0
    s = np.tanh(3.0)
    np.testing.assert_allclose(ops.act("tanh", u).square, (1 - s**2) ** 2 * 4 + s**2, rtol=1e-12)
