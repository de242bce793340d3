"""How long a check takes, beside the simulation it judges and the same check in balls and mpmath. No time is asserted.

    OMP_NUM_THREADS=1 pytest tests/benchmarks/test_bench_check.py --benchmark-only
    python tests/benchmarks/test_bench_check.py            the table: simulation and check in turns, their best times

The plain simulation writes into preallocated memory, W^T contiguous, M x + b as one product before the loop. The check
is of its recorded run, unbatched and 32 at a time, decided by the kernel ("check"), by pairs of floats alone ("pairs"),
or by balls ("balls", few steps; per step like mpmath).
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check import survey
from oracle.records.precision import PRECISIONS
from oracle.tolerance import residuals
from oracle.tolerance.step import one_step_bound

Array = NDArray[Any]
I, K = 4, 1000
FEW = 2  # steps judged by mpmath: about 66,000 products each at N = 256
IN_BALLS = 20
DIGITS = 50
SIZES = [(64, 1), (64, 32), (256, 1), (256, 32), (1024, 1)]


def problem(N: int, batch: int, steps: int = K) -> tuple[Array, Array, Array, Array, Array]:
    """W, M, b, inputs and h0; no batch axis for a batch of 1."""
    rng = np.random.default_rng(0)
    many = () if batch == 1 else (batch,)
    W, M, b = rng.standard_normal((N, N)) / np.sqrt(N), rng.standard_normal((N, I)), rng.standard_normal(N)
    return W, M, b, rng.standard_normal((steps, *many, I)), rng.standard_normal((*many, N))


def simulated(W: Array, M: Array, b: Array, X: Array, h0: Array) -> Array:
    """The plain float64 loop."""
    transposed, drive = np.ascontiguousarray(W.T), X @ M.T
    drive += b
    H = np.empty((len(X) + 1, *h0.shape))
    H[0] = h0
    for k in range(len(X)):
        np.matmul(H[k], transposed, out=H[k + 1])
        np.add(H[k + 1], drive[k], out=H[k + 1])
        np.tanh(H[k + 1], out=H[k + 1])
    return H


def stages(patch: Any, kernel: bool, pairs: bool) -> None:
    """Leave stages out; what is left decides."""
    if not kernel:
        patch.setattr(survey, "FEWEST", np.inf)
    if not pairs:
        patch.setattr(residuals, "FEWEST", np.inf)


def _per_step(benchmark: Any, steps: int) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["seconds per step"] = benchmark.stats.stats.min / steps


@pytest.fixture
def timed() -> Any:
    """The benchmark fixture, where pytest-benchmark is installed."""
    pytest.importorskip("pytest_benchmark")


@pytest.mark.usefixtures("timed")
@pytest.mark.parametrize(("N", "batch"), SIZES[:4])
def test_numpy_simulation(benchmark: Any, N: int, batch: int) -> None:
    """The plain float64 loop of 1000 steps."""
    H = benchmark.pedantic(simulated, problem(N, batch), rounds=3, iterations=1)
    _per_step(benchmark, K)
    assert H.shape[0] == K + 1


@pytest.mark.usefixtures("timed")
@pytest.mark.parametrize(("N", "batch"), SIZES[:4])
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
    """N = 256, unbatched; the same `worst` to the stated 5 %."""
    W, M, b, X, h0 = problem(256, 1, steps)
    rec, H = oracle.Recurrence.elman(W, M, b), simulated(W, M, b, X, h0)
    known = oracle.check(H, rec, inputs=X, h0=h0).worst
    stages(monkeypatch, kernel=False, pairs=by == "pairs")
    result = benchmark.pedantic(oracle.check, (H, rec), {"inputs": X, "h0": h0}, rounds=1, iterations=1)
    _per_step(benchmark, steps)
    assert result.worst == pytest.approx(known, rel=0.05)


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


@pytest.mark.usefixtures("timed")
def test_the_same_check_by_mpmath_of_2_steps(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The residuals of the first steps in mpmath at 50 digits, against the same bound; balls agree to nine digits."""
    W, M, b, X, h0 = problem(256, 1, FEW)
    H = simulated(W, M, b, X, h0)
    rec = oracle.Recurrence.elman(W, M, b)
    bound = one_step_bound(rec, H[:-1].T.copy(), X.T.copy(), PRECISIONS["float64"])
    worst = benchmark.pedantic(_by_mpmath, (H, W, M, b, X, bound), rounds=1, iterations=1)
    _per_step(benchmark, FEW)
    assert 0 < worst <= 1
    assert worst == pytest.approx(oracle.check(H, rec, inputs=X, h0=h0).worst, rel=0.02)
    stages(monkeypatch, kernel=False, pairs=False)
    assert worst == pytest.approx(oracle.check(H, rec, inputs=X, h0=h0).worst, rel=1e-9)


def _seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def row(N: int, batch: int, rounds: int) -> str:
    """Simulation, check and check without the kernel, in turns; best times, and the memory of the check."""
    W, M, b, X, h0 = problem(N, batch)
    rec, best = oracle.Recurrence.elman(W, M, b), [np.inf] * 3
    H = simulated(W, M, b, X, h0)
    oracle.check(H, rec, inputs=X, h0=h0)
    for _ in range(rounds):
        best[0] = min(best[0], _seconds(lambda: simulated(W, M, b, X, h0)))
        best[1] = min(best[1], _seconds(lambda: oracle.check(H, rec, inputs=X, h0=h0)))
        with pytest.MonkeyPatch.context() as patch:
            stages(patch, kernel=False, pairs=True)
            best[2] = min(best[2], _seconds(lambda: oracle.check(H, rec, inputs=X, h0=h0)))
    tracemalloc.start()
    result = oracle.check(H, rec, inputs=X, h0=h0)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    times = "  ".join(f"{1e3 * t:8.1f}" for t in best)
    ratios = "  ".join(f"{t / best[0]:6.2f}" for t in best[1:])
    return f"{N:5} {batch:5}  {times}  {ratios}  {memory / 2**20:8.0f}  {result.verdict} {result.worst:.3f}"


if __name__ == "__main__":
    print("    N batch  numpy ms  check ms  pairs ms   check   pairs  check MiB")
    for N, batch in SIZES:
        print(row(N, batch, 12 if batch == 1 else 3), flush=True)
