"""How long a simulation takes, beside a plain NumPy loop and jax.lax.scan in the same run. No time is asserted.

    OMP_NUM_THREADS=1 XLA_FLAGS=--xla_cpu_multi_thread_eigen=false pytest tests/benchmarks/test_bench_simulate.py \
        --benchmark-only

`python reports/simulations.py` makes the table, with N = 1024.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import oracle
from benchmarks.jobs import problem, scanned, simulated

STEPS = 200
SIZES = [(64, 1), (64, 32), (256, 1), (256, 32)]


@pytest.mark.parametrize(("N", "batch"), SIZES)
@pytest.mark.parametrize("by", ["plain", "numpy", "compiled", "tolerance", "jax, drive first", "jax, drive inside"])
def test_simulation(benchmark: Any, N: int, batch: int, by: str) -> None:
    """All of them follow one run, to what rounding makes of it in a few steps."""
    pytest.importorskip("pytest_benchmark")
    W, M, b, X, h0 = problem(N, batch, STEPS)
    rec = oracle.Recurrence.elman(W, M, b)
    if by == "plain":
        job = lambda: simulated(W, M, b, X, h0)  # noqa: E731
    elif by == "tolerance":
        job = lambda: oracle.tolerance(rec, X, h0)  # noqa: E731
    elif by.startswith("jax"):
        pytest.importorskip("jax")
        job = scanned(W, M, b, X, h0)[by]
    else:
        if by == "compiled":
            pytest.importorskip("numba")
        job = lambda: oracle.simulate(rec, X, h0, engine=by)  # noqa: E731
    benchmark.group = f"N={N}, batch {batch}, {STEPS} steps"
    made = benchmark.pedantic(job, rounds=5, iterations=1, warmup_rounds=1)
    if by != "tolerance":
        states = np.asarray(made)[-STEPS:]
        np.testing.assert_allclose(states[:3], simulated(W, M, b, X, h0)[1:4], atol=1e-12)
