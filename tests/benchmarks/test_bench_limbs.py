"""Times of certified recurrences in limbs, beside balls and mpmath in one run; printed, never asserted.

    python -m pytest tests/benchmarks/test_bench_limbs.py --benchmark-only

N = 256, 50 digits, a leaky network of gain 1.2 with inputs. Limbs and centres (balls with one scalar error, what the
core alone does) follow all 1,000 steps; balls that carry their radii, which lose 740 bits, and mpmath, which proves
nothing, a few: `extra_info` has milliseconds per step for each. Processor time, because machines are shared. Needs
numba; what is compiled at the first use is timed by itself in a new process, with an empty folder and again with a full
one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import oracle
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from oracle.reference import engines
from oracle.reference.arguments import columns
from oracle.reference.outlook import outlook
from oracle.reference.problem import Problem
from oracle.reference.recurrences import attempt, follow_balls, follow_centres

pytest.importorskip("pytest_benchmark")
assert numba.__version__, "test files that import an absent package are left out"

N, I, K, DIGITS = 256, 4, 1000, 50
RAW_BITS = 960  # balls lose 0.74 bits per step here, and the whole run needs them from its first step
FEW = 20


def problem(steps: int = K) -> Problem:
    """The first steps of one problem."""
    rng = np.random.default_rng(0)
    W, M, b = 1.2 * rng.standard_normal((N, N)) / 16, rng.standard_normal((N, I)), rng.standard_normal(N)
    X, h0 = rng.standard_normal((K, I)), rng.standard_normal(N)
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.1)
    return Problem(rec, *columns(rec, X[:steps], h0)[:2], DIGITS)


def per_step(benchmark: Any, run: Any, steps: int, rounds: int = 1) -> Any:
    """Processor time of a run per step, the least of some rounds."""
    spent: list[float] = []

    def timed() -> Any:
        start = time.process_time()
        found = run()
        spent.append(time.process_time() - start)
        return found

    found = benchmark.pedantic(timed, rounds=rounds)
    benchmark.extra_info.update({"processor seconds": round(min(spent), 3), "ms per step": 1e3 * min(spent) / steps})
    return found


@pytest.mark.benchmark(group="recurrence, N=256, K=1000, 50 digits")
def test_limbs(benchmark: Any) -> None:
    """The certified trajectory in limbs, from the record on."""
    p = problem()
    engines.certify(problem(2), "limbs")
    found = per_step(benchmark, lambda: engines.certify(p, "limbs"), K, 5)
    assert found.method == "limbs"


@pytest.mark.benchmark(group="recurrence, N=256, K=1000, 50 digits")
def test_limbs_as_mpf(benchmark: Any) -> None:
    """The same, and a quarter of a million mpf numbers made of it."""
    p = problem()
    found = per_step(benchmark, lambda: engines.certify(p, "limbs").mid, K, 3)
    assert found.shape == (K + 1, 1, N)


@pytest.mark.benchmark(group="recurrence, N=256, K=1000, 50 digits")
def test_centres_without_numba(benchmark: Any) -> None:
    """python-flint alone: all that the core has."""
    p = problem()
    found = per_step(benchmark, lambda: engines.certify(p, "balls"), K)
    assert found.method == "centres"
    assert engines.certify(problem(FEW), "limbs").contains(found.mid[: FEW + 1]).all()


@pytest.mark.benchmark(group="recurrence, N=256, K=1000, 50 digits")
def test_rigorous_balls(benchmark: Any) -> None:
    """Balls with their radii, in the bits that the whole run needs: what rigour costs without a norm."""
    run = per_step(benchmark, lambda: attempt(problem(FEW), RAW_BITS, follow_balls), FEW)
    assert run.complete
    benchmark.extra_info["bits lost per step"] = run.rate


@pytest.mark.benchmark(group="recurrence, N=256, K=1000, 50 digits")
def test_centres_per_step(benchmark: Any) -> None:
    """Balls with exact centres, in the bits that the whole run needs."""
    seen = outlook(problem())
    run = per_step(benchmark, lambda: attempt(problem(FEW), 340, follow_centres(seen.recursions)), FEW)
    assert run.complete


@pytest.mark.benchmark(group="recurrence, N=256, K=1000, 50 digits")
def test_mpmath(benchmark: Any) -> None:
    """mpmath at the same digits: no bound."""
    p = problem(3)

    def run() -> Any:
        ops = Mp(DIGITS)
        h = ops.lift(p.h0)
        for x in p.inputs:
            h = advance(ops, p.rec, h, ops.lift(x))
        return h

    assert per_step(benchmark, run, 3).shape == (N, 1)


@pytest.mark.benchmark(group="compilation")
@pytest.mark.parametrize("kept", [False, True], ids=["first use", "kept on disk"])
def test_compilation(benchmark: Any, kept: bool, tmp_path_factory: Any) -> None:
    """A new process that follows two units for three steps."""
    folder = tmp_path_factory.getbasetemp() / "compiled"
    code = (
        "import oracle, numpy; W = [[0.5, 0.25], [1.0, -0.5]]\n"
        "print(oracle.reference(oracle.Recurrence.elman(W), numpy.zeros((3, 0)), [1.0, 0.5], engine='limbs'))"
    )

    def run() -> str:
        given = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
        return subprocess.run(
            [sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True
        ).stdout

    assert Path(folder).exists() == kept
    assert "proved" in benchmark.pedantic(run, rounds=1)


@pytest.mark.benchmark(group="flow, gain 1.2, T=5, 50 digits")
@pytest.mark.parametrize(("units", "engine"), [(32, "limbs"), (128, "limbs"), (32, "balls")])
def test_certified_flow(benchmark: Any, units: int, engine: str) -> None:
    """From the network on; `reports/references_speed.py` has heyoka and odefun in the same run."""
    rng = np.random.default_rng(0)
    W, h0 = 1.2 * rng.standard_normal((units, units)) / units**0.5, rng.standard_normal(units)
    net = oracle.Network.rate(W, None, 0.3 * rng.standard_normal(units))
    oracle.reference(net, h0=h0, times=[0.01], digits=20, engine="limbs")
    found = per_step(benchmark, lambda: oracle.reference(net, h0=h0, times=[5], digits=DIGITS, engine=engine), 1, 3)
    assert found.digits >= DIGITS
