"""How long a check takes, beside the simulation it judges and the same check in mpmath. No time is asserted.

The mpmath check is run on fewer steps; its name says how many, and `extra_info` gives seconds per step for all three.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

pytest.importorskip("pytest_benchmark")
pytestmark = pytest.mark.benchmark(group="check, N = 256")

Array = NDArray[Any]
N, I, K = 256, 4, 1000
FEW = 2  # steps judged by mpmath: about 66,000 products each
DIGITS = 50


def _problem() -> tuple[Array, Array, Array, Array, Array]:
    rng = np.random.default_rng(0)
    W = rng.standard_normal((N, N)) / np.sqrt(N)
    return W, rng.standard_normal((N, I)), rng.standard_normal(N), rng.standard_normal((K, I)), rng.standard_normal(N)


def _simulated(W: Array, M: Array, b: Array, X: Array, h0: Array) -> Array:
    H = np.empty((len(X) + 1, len(W)))
    H[0] = h0
    for k, x in enumerate(X):
        H[k + 1] = np.tanh(W @ H[k] + M @ x + b)
    return H


def _per_step(benchmark: Any, steps: int) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["seconds per step"] = benchmark.stats.stats.min / steps


def test_numpy_simulation_of_1000_steps(benchmark: Any) -> None:
    """The plain float64 loop."""
    H = benchmark(_simulated, *_problem())
    _per_step(benchmark, K)
    assert H.shape == (K + 1, N)


def test_check_of_1000_recorded_steps(benchmark: Any) -> None:
    """oracle.check of the recorded float64 run, verdict by balls."""
    W, M, b, X, h0 = _problem()
    rec, H = oracle.Recurrence.elman(W, M, b), _simulated(W, M, b, X, h0)
    result = benchmark.pedantic(oracle.check, (H, rec), {"inputs": X, "h0": h0}, rounds=1, iterations=1)
    _per_step(benchmark, K)
    assert result
    assert not oracle.check(H[:4] * [[1], [1], [1 + 1e-9], [1]], rec, inputs=X[:3], h0=h0)


def _by_mpmath(H: Array, W: Array, M: Array, b: Array, X: Array, bound: Array) -> float:
    """Largest residual / bound of recorded steps, residuals in mpmath."""
    context = mpmath.mp.clone()
    context.dps = DIGITS
    lines = [[context.mpf(float(w)) for w in row] for row in np.concatenate([W, M, b[:, None]], axis=1)]
    worst = context.mpf(0)
    for k, x in enumerate(X):
        v = [context.mpf(float(value)) for value in (*H[k], *x, 1.0)]
        for i, line in enumerate(lines):
            residual = context.mpf(float(H[k + 1, i])) - context.tanh(context.fdot(line, v))
            worst = max(worst, abs(residual) / float(bound[i, k]))
    return float(worst)


def test_the_same_check_by_mpmath_of_2_steps(benchmark: Any) -> None:
    """The residuals of the first steps in mpmath at 50 digits, against the same bound."""
    W, M, b, X, h0 = _problem()
    H = _simulated(W, M, b, X[:FEW], h0)
    rec = oracle.Recurrence.elman(W, M, b)
    bound = one_step_bound(rec, H[:-1].T.copy(), X[:FEW].T.copy(), PRECISIONS["float64"])
    worst = benchmark.pedantic(_by_mpmath, (H, W, M, b, X[:FEW], bound), rounds=1, iterations=1)
    _per_step(benchmark, FEW)
    assert 0 < worst <= 1
    assert worst == pytest.approx(oracle.check(H, rec, inputs=X[:FEW], h0=h0).worst, rel=1e-9)
