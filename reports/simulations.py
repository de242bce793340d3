"""What `oracle.simulate` and `oracle.tolerance` take, beside jax.lax.scan in two formulations and a plain NumPy loop.

    OMP_NUM_THREADS=1 XLA_FLAGS=--xla_cpu_multi_thread_eigen=false python reports/simulations.py

writes reports/simulations.json and reports/simulations.md; needs jax and, for the compiled engine, numba. All jobs run
in turns in one process; processor time, the least of some rounds, after a first call that compiles.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import jax  # noqa: E402
import numpy as np  # noqa: E402
from benchmarks.jobs import problem, scanned, simulated  # noqa: E402

import oracle  # noqa: E402

STEPS = {(64, 1): 2000, (64, 32): 500, (64, 256): 100, (256, 1): 1000, (256, 32): 125, (256, 256): 40}
STEPS |= {(1024, 1): 500, (1024, 32): 60, (1024, 256): 20}
ROUNDS = 8

INTRODUCTION = """# What a simulation and a tolerance cost

Made by `python reports/simulations.py`. An Elman step with tanh in float64, all states kept: a plain NumPy loop that
writes into preallocated memory, `oracle.simulate` by both engines, and jax.lax.scan with the drive as one product
before the loop and with it inside; `oracle.tolerance` (one step, float64) with the run it makes. Microseconds of
processor time per step, the least of {rounds} runs in turns, one thread. Speed: the faster jax over the compiled
engine. All figures are observed.

What is aimed at: a speed of 1 in the geometric mean and of 0.8 everywhere; a tolerance at most 3 times the simulation.

What is missed: some cells, and so the mean. At N = 64 in batches the compiled tanh (3 ns per element, within 1.6 ulp)
takes about two fifths of the time, and jax's, which is less accurate, less. The tolerance of a batch: a plain step
takes 20 to 100 ns per element there, and the bound two products and, timed apart, 13 ns for tanh once more and 5 for
the exp of the slope; the rest is passes over memory. Runs of this program on a machine with other work differ by a
third, and more at N = 64 unbatched, where a job takes a millisecond.
"""


def least(jobs: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Processor time of each job, in seconds."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(ROUNDS + 1):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            if turn:
                times[name].append(time.process_time() - start)
    return {name: min(found) for name, found in times.items()}


def row(N: int, batch: int) -> dict[str, Any]:
    """One size as plain values."""
    steps = STEPS[N, batch]
    W, M, b, X, h0 = problem(N, batch, steps)
    rec = oracle.Recurrence.elman(W, M, b)
    jobs = {
        "plain": lambda: simulated(W, M, b, X, h0),
        "numpy": lambda: oracle.simulate(rec, X, h0, engine="numpy"),
        "compiled": lambda: oracle.simulate(rec, X, h0, engine="compiled"),
        "tolerance": lambda: oracle.tolerance(rec, X, h0),
        **scanned(W, M, b, X, h0),
    }
    found = {name: 1e6 * seconds / steps for name, seconds in least(jobs).items()}
    speed = min(found["jax, drive first"], found["jax, drive inside"]) / found["compiled"]
    return {"N": N, "batch": batch, "steps": steps, "microseconds": found, "speed": speed}


def markdown(found: dict[str, Any]) -> str:
    """The table."""
    jobs = ("plain", "jax, drive first", "jax, drive inside", "numpy", "compiled")
    head = ("N", "batch", "steps", *jobs, "speed", "tolerance")
    cells: list[tuple[Any, ...]] = [head, ("---",) * len(head)]
    for r in found["rows"]:
        spent = r["microseconds"]
        bound = f"{spent['tolerance']:,.3g} ({spent['tolerance'] / spent['plain']:.2f})"
        named = (f"{spent[job]:,.3g}" for job in jobs)
        cells.append((r["N"], r["batch"], r["steps"], *named, f"{r['speed']:.2f}", bound))
    lines = ["| " + " | ".join(str(c) for c in line) + " |" for line in cells]
    mean = f"Speed in the geometric mean: {found['mean']:.2f}; tolerance in brackets: over the plain loop."
    made = f"NumPy {found['numpy']}, jax {found['jax']}, Python {found['python']}, {found['machine']}."
    return "\n".join([INTRODUCTION.format(rounds=ROUNDS), *lines, "", mean, "", made]) + "\n"


def main() -> int:
    """Measure and write."""
    rows = [row(N, batch) for N, batch in STEPS]
    mean = float(np.exp(np.mean([np.log(r["speed"]) for r in rows])))
    versions = {"numpy": np.__version__, "jax": jax.__version__, "python": platform.python_version()}
    found = {**versions, "machine": platform.machine(), "mean": mean, "rows": rows}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(found, indent=1) + "\n")
    text = markdown(found)
    path.with_suffix(".md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
