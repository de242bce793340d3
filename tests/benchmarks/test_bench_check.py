"""How long a check takes, beside the simulation it judges and the same check in balls and mpmath. No time is asserted.

    OMP_NUM_THREADS=1 pytest tests/benchmarks/test_bench_check.py --benchmark-only

`python reports/costs.py` makes the table: these jobs in turns. The plain simulation writes into preallocated memory,
W^T contiguous, M x + b as one product before the loop. The check is of its recorded run, unbatched and 32 at a time,
decided by the kernel ("check"), by pairs of floats alone ("pairs"), or by balls ("balls", few steps; per step like
mpmath).
"""

from __future__ import annotations

from typing import Any

import pytest

import oracle
from benchmarks.jobs import K, by_mpmath, problem, simulated, stages
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

FEW = 2  # steps judged by mpmath: about 66,000 products each at N = 256
IN_BALLS = 20
SIZES = [(64, 1), (64, 32), (256, 1), (256, 32)]


def _per_step(benchmark: Any, steps: int) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["seconds per step"] = benchmark.stats.stats.min / steps


@pytest.fixture
def timed() -> Any:
    """The benchmark fixture, where pytest-benchmark is installed."""
    pytest.importorskip("pytest_benchmark")


@pytest.mark.usefixtures("timed")
@pytest.mark.parametrize(("N", "batch"), SIZES)
def test_numpy_simulation(benchmark: Any, N: int, batch: int) -> None:
    """The plain float64 loop of 1000 steps."""
    H = benchmark.pedantic(simulated, problem(N, batch), rounds=3, iterations=1)
    _per_step(benchmark, K)
    assert H.shape[0] == K + 1


@pytest.mark.usefixtures("timed")
@pytest.mark.parametrize(("N", "batch"), SIZES)
def test_check(benchmark: Any, N: int, batch: int) -> None:
    """oracle.check of the recorded float64 run, and of a run with one fault, which is noticed."""
    W, M, b, X, h0 = problem(N, batch)
    rec, H = oracle.Recurrence.elman(W, M, b), simulated(W, M, b, X, h0)
    result = benchmark.pedantic(oracle.check, (H, rec), {"inputs": X, "h0": h0}, rounds=3, iterations=1)
    _per_step(benchmark, K)
    assert result
    if batch == 1:
        H[2] *= 1 + 1e-9
        assert not oracle.check(H[:4], rec, inputs=X[:3], h0=h0)


@pytest.mark.usefixtures("timed")
@pytest.mark.parametrize(("by", "steps"), [("pairs", K), ("balls", IN_BALLS)])
def test_check_by_the_other_stages(benchmark: Any, monkeypatch: pytest.MonkeyPatch, by: str, steps: int) -> None:
    """N = 256, unbatched; the same `worst` to the stated 5 % above 1/2, and below no more than the survey said."""
    W, M, b, X, h0 = problem(256, 1, steps)
    rec, H = oracle.Recurrence.elman(W, M, b), simulated(W, M, b, X, h0)
    known = oracle.check(H, rec, inputs=X, h0=h0).worst
    stages(monkeypatch, kernel=False, pairs=by == "pairs")
    result = benchmark.pedantic(oracle.check, (H, rec), {"inputs": X, "h0": h0}, rounds=1, iterations=1)
    _per_step(benchmark, steps)
    assert 0 < result.worst <= known * 1.05
    assert known <= max(result.worst * 1.05, 0.5)


@pytest.mark.usefixtures("timed")
def test_the_same_check_by_mpmath_of_2_steps(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The residuals of the first steps in mpmath at 50 digits, against the same bound; balls agree to nine digits."""
    W, M, b, X, h0 = problem(256, 1, FEW)
    H = simulated(W, M, b, X, h0)
    rec = oracle.Recurrence.elman(W, M, b)
    bound = one_step_bound(rec, H[:-1].T.copy(), X.T.copy(), PRECISIONS["float64"])
    worst = benchmark.pedantic(by_mpmath, (H, W, M, b, X, bound), rounds=1, iterations=1)
    _per_step(benchmark, FEW)
    assert 0 < worst <= 1
    assert worst == pytest.approx(oracle.check(H, rec, inputs=X, h0=h0).worst, rel=0.02)
    stages(monkeypatch, kernel=False, pairs=False)
    assert worst == pytest.approx(oracle.check(H, rec, inputs=X, h0=h0).worst, rel=1e-9)
