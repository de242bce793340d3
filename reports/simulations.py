"""What `oracle.simulate` and `oracle.tolerance` take, beside jax.lax.scan in two formulations and a plain NumPy loop.

    python reports/simulations.py

writes reports/simulations.json and reports/simulations.md; needs jax and numba. All jobs run in turns in one process
that keeps to one core: threads of jax would otherwise run beside it, and the processor time of a thread that is still
running elsewhere is not in `time.process_time` yet. Processor time, the least of some rounds, after a first call that
compiles.
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

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
if hasattr(os, "sched_setaffinity"):  # before jax makes its threads
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import jax  # noqa: E402
import numpy as np  # noqa: E402
from benchmarks.jobs import problem, scanned, simulated  # noqa: E402

import oracle  # noqa: E402
from oracle.kernels import compiled_run  # noqa: E402

STEPS = {(64, 1): 2000, (64, 32): 500, (64, 256): 100, (256, 1): 1000, (256, 32): 125, (256, 256): 40}
STEPS |= {(1024, 1): 500, (1024, 32): 60, (1024, 256): 20}
LEAKY = {(64, 32): 500, (256, 32): 125}
GROWTH = {
    "K": ((64, 32, 400), (64, 32, 800)),
    "batch": ((64, 64, 200), (64, 128, 200)),
    "N": ((256, 32, 60), (512, 32, 60)),
}
ROUNDS = 8

INTRODUCTION = """# What a simulation and a tolerance cost

Made by `python reports/simulations.py`. An Elman step with tanh in float64, all states kept: a plain NumPy loop that
writes into preallocated memory, `oracle.simulate` by both engines, and jax.lax.scan with the drive as one product
before the loop and with it inside; `oracle.tolerance` (one step, float64) with the run it makes. Microseconds of
processor time per step on one core, the least of {rounds} runs in turns. Speed: the faster jax over the compiled
engine. Tolerance: over the compiled engine, and over the plain loop. All figures are observed; on a machine with other
work they differ by a tenth and more, most where a job takes a millisecond (N = 64, batch 1).

Aimed at: a speed of 1 in the geometric mean and of 0.8 everywhere; a tolerance at most 3 times a simulation.
"""

PROFILE = """
## Where a compiled step goes

Microseconds per step. Product: [W M b][h x 1] by the BLAS, timed alone as often as there are steps, and N^2 batch per
nanosecond of it. A call: one of a single step, spread over all of them; it reads and checks what is given. Rest: tanh,
two copies of the state, and the trajectory's memory. A single trajectory is one loop, in which a step reads W once.
"""

GROWN = """
## Growth

Seconds of a job, and of the same with K, batch or N doubled; the ratio is 2 where it is linear, and 4 for the product
of N units.
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
        "call": lambda: oracle.simulate(rec, X[:1], h0, engine="compiled"),
        "product": product(rec, batch, steps),
    }
    found = {name: 1e6 * seconds / steps for name, seconds in least(jobs).items()}
    speed = min(found["jax, drive first"], found["jax, drive inside"]) / found["compiled"]
    return {"N": N, "batch": batch, "steps": steps, "microseconds": found, "speed": speed}


def product(rec: Any, batch: int, times: int) -> Callable[[], Any]:
    """The product of a compiled step of a batch, some times."""
    loop = compiled_run.loop_of(rec.parameters)
    assert loop is not None
    given = np.random.default_rng(0).standard_normal((batch, loop.joined.shape[1]))
    weights, z = loop.joined[: rec.N].T, np.empty((batch, rec.N))
    return lambda: [np.matmul(given, weights, out=z) for _ in range(times)]


def leaky(N: int, batch: int) -> dict[str, Any]:
    """Simulation and tolerance of a leaky network."""
    steps = LEAKY[N, batch]
    W, M, b, X, h0 = problem(N, batch, steps)
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.1)
    jobs = {"compiled": lambda: oracle.simulate(rec, X, h0), "tolerance": lambda: oracle.tolerance(rec, X, h0)}
    found = {name: 1e6 * seconds / steps for name, seconds in least(jobs).items()}
    return {"N": N, "batch": batch, "microseconds": found, "ratio": found["tolerance"] / found["compiled"]}


def grown(doubled: str) -> dict[str, Any]:
    """What doubling one of the sizes does."""
    jobs: dict[str, Callable[[], Any]] = {}
    for which, (N, batch, steps) in zip(("once", "twice"), GROWTH[doubled], strict=True):
        W, M, b, X, h0 = problem(N, batch, steps)
        rec = oracle.Recurrence.elman(W, M, b)
        jobs[f"simulate {which}"] = lambda rec=rec, X=X, h0=h0: oracle.simulate(rec, X, h0)
        jobs[f"tolerance {which}"] = lambda rec=rec, X=X, h0=h0: oracle.tolerance(rec, X, h0)
    return {"doubled": doubled, "sizes": GROWTH[doubled], "seconds": least(jobs)}


def table(cells: list[tuple[Any, ...]]) -> list[str]:
    """Markdown; the first row is the head."""
    return ["| " + " | ".join(str(c) for c in line) + " |" for line in (cells[0], ("---",) * len(cells[0]), *cells[1:])]


def compared(found: dict[str, Any]) -> list[str]:
    """The table of all cells, and what is met."""
    jobs = ("plain", "jax, drive first", "jax, drive inside", "numpy", "compiled")
    cells: list[tuple[Any, ...]] = [("N", "batch", "steps", *jobs, "speed", "tolerance", "over compiled", "over plain")]
    for r in found["rows"]:
        spent = r["microseconds"]
        over = (f"{spent['tolerance'] / spent[job]:.2f}" for job in ("compiled", "plain"))
        named = (f"{spent[job]:,.3g}" for job in jobs)
        cells.append((r["N"], r["batch"], r["steps"], *named, f"{r['speed']:.2f}", f"{spent['tolerance']:,.3g}", *over))
    slow = [f"N = {r['N']}, batch {r['batch']}: {r['speed']:.2f}" for r in found["rows"] if r["speed"] < 0.8]
    dear = [(r, r["microseconds"]["tolerance"] / r["microseconds"]["compiled"]) for r in found["rows"]]
    dearest = max(ratio for _, ratio in dear)
    mean = "met" if found["mean"] >= 1 else "missed"
    return [
        *table(cells), "",
        f"Speed in the geometric mean: {found['mean']:.2f} ({mean}). Below 0.8: {'; '.join(slow) or 'none'}.", "",
        f"The dearest tolerance: {dearest:.2f} compiled simulations ({'met' if dearest <= 3 else 'missed'}). Leaky "
        "networks, where the activity has to be solved for: "
        + "; ".join(f"N = {r['N']}, batch {r['batch']}: {r['ratio']:.2f}" for r in found["leaky"])
        + ".",
    ]  # fmt: skip


def profiled(found: dict[str, Any]) -> list[str]:
    """Where a compiled step goes."""
    head = ("N", "batch", "step", "product", "N^2 batch per ns", "call", "rest", "ns per element")
    cells: list[tuple[Any, ...]] = [head]
    for r in found["rows"]:
        spent, N, batch = r["microseconds"], r["N"], r["batch"]
        loop = spent["compiled"] - spent["call"]
        call, per_ns = f"{spent['call']:.2g}", N * N * batch / 1e3
        if batch == 1:
            cells.append((N, batch, f"{spent['compiled']:,.3g}", "", f"{per_ns / loop:.1f}", call, f"{loop:,.3g}", ""))
            continue
        rest = loop - spent["product"]
        numbers = (f"{v:,.3g}" for v in (spent["compiled"], spent["product"]))
        share, each = f"{per_ns / spent['product']:.1f}", f"{1e3 * rest / N / batch:.2g}"
        cells.append((N, batch, *numbers, share, call, f"{rest:,.3g}", each))
    return table(cells)


def growing(found: dict[str, Any]) -> list[str]:
    """What doubling does."""
    cells: list[tuple[Any, ...]] = [("doubled", "from (N, batch, K)", "simulate", "ratio", "tolerance", "ratio")]
    for r in found["growth"]:
        spent = r["seconds"]
        both = [(spent[f"{job} once"], spent[f"{job} twice"]) for job in ("simulate", "tolerance")]
        shown = [text for once, twice in both for text in (f"{once:.4f}", f"{twice / once:.2f}")]
        cells.append((r["doubled"], tuple(r["sizes"][0]), *shown))
    return table(cells)


def markdown(found: dict[str, Any]) -> str:
    """The page."""
    made = f"NumPy {found['numpy']}, jax {found['jax']}, Python {found['python']}, {found['machine']}."
    parts = [INTRODUCTION.format(rounds=ROUNDS), *compared(found), PROFILE, *profiled(found), GROWN, *growing(found)]
    return "\n".join([*parts, "", made]) + "\n"


def main() -> int:
    """Measure and write."""
    rows = [row(N, batch) for N, batch in STEPS]
    mean = float(np.exp(np.mean([np.log(r["speed"]) for r in rows])))
    versions = {"numpy": np.__version__, "jax": jax.__version__, "python": platform.python_version()}
    found = {**versions, "machine": platform.machine(), "mean": mean, "rows": rows}
    found |= {"leaky": [leaky(*size) for size in LEAKY], "growth": [grown(doubled) for doubled in GROWTH]}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(found, indent=1) + "\n")
    text = markdown(found)
    path.with_suffix(".md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
