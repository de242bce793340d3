"""What a check costs, beside the simulation it judges and the same check in pairs of floats, in balls and in mpmath.

Then gated cells, float32, runs that fail and are explained, and memory (`costs_others`).

    OMP_NUM_THREADS=1 python reports/costs.py

writes reports/costs.json and reports/costs.md. Simulation, check, the check without glances, and without its kernel run
in turns, then balls and mpmath on the first steps. Times are those of the processor, not of the clock, because those of
a machine with something else to do can be compared; the least of some rounds, for the same reason.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "reports")]

import costs_others  # noqa: E402
import numpy as np  # noqa: E402
from benchmarks.jobs import DIGITS, K, by_mpmath, problem, simulated, stages  # noqa: E402

import oracle  # noqa: E402
from oracle.check import judge, survey  # noqa: E402
from oracle.kernels.lure_rows import LureRows  # noqa: E402
from oracle.records.precision import PRECISIONS  # noqa: E402
from oracle.tolerance import residuals  # noqa: E402
from oracle.tolerance.step import one_step_bound  # noqa: E402

SIZES = {(64, 1): 9, (64, 32): 4, (256, 1): 7, (256, 32): 3, (1024, 1): 4, (1024, 32): 3}
"""N and batch, and how often every job is run."""
RUNS = {(64, 1): 5}
"""Sizes that are timed more than once, because Python's own time counts there and varies; every ratio is shown."""
FEWER = {(256, 32): 300, (1024, 32): 120}  # steps, so that all of it takes minutes
PAIRS = 2**20  # elements that pairs of floats are timed on at most, as a run of fewer steps
IN_BALLS = {64: 20, 256: 4, 1024: 1}
BY_MPMATH = {64: 10, 256: 2, 1024: 1}  # of the first trajectory

INTRODUCTION = """# What a check costs

Made by `python reports/costs.py`. An Elman step with tanh, float64; a plain NumPy loop that writes into preallocated
memory, and the certified check of the run it recorded: as shipped, every step by the full stage (three products), by
pairs of floats alone, by balls alone, and the same residuals by mpmath at {digits} digits. Microseconds of processor
time per step of one trajectory, the least of runs in turns; in brackets the ratio to the simulation. Decided: the stage
that settled it. `activation` and `ulps` of a result are evaluated when they are read, and are not part of it. Nothing
is compiled: numba is not used here. All figures are observed.

What is aimed at: a check at most 1.5 times the simulation unbatched and 2.5 times at batch 32, the full stage 3 and 5.
"""


AIMS = (("check", 1.5, 2.5), ("full", 3.0, 5.0))  # times the simulation: unbatched, in batches


class _Settings:
    """What `stages` needs of a patcher: attributes set, and put back at the end."""

    def __init__(self) -> None:
        self.patches: list[Any] = []

    def setattr(self, module: Any, name: str, value: Any) -> None:
        self.patches.append(patch.object(module, name, value))
        self.patches[-1].start()


@contextmanager
def only(kernel: bool, pairs: bool) -> Iterator[None]:
    """Leave stages out of a check."""
    settings = _Settings()
    try:
        stages(settings, kernel=kernel, pairs=pairs)
        yield
    finally:
        for made in settings.patches:
            made.stop()


def decided(check: Callable[[], Any]) -> tuple[str, Any]:
    """The stage that settled a check, and its result; the kernel asks others about the few steps it is judged by."""
    asked: set[str] = set()

    def told(stage: str, real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *a, **k: asked.add(stage) or real(*a, **k)

    def settled(*run: Any) -> Any:
        found = survey.surveyed(*run)
        if found is not None:
            asked.add("kernel")
        return found

    with (
        patch.object(judge, "surveyed", settled),
        patch.object(LureRows, "glanced", told("glance", LureRows.glanced)),
        patch.object(residuals, "_in_pairs", told("pairs", residuals._in_pairs)),
        patch.object(residuals, "_evaluate", told("balls", residuals._evaluate)),
    ):
        result = check()
    if "kernel" in asked:
        return "glance" if "glance" in asked else "full", result
    return next(stage for stage in ("balls", "pairs") if stage in asked), result


def seconds(job: Callable[[], Any]) -> float:
    """How long the processor takes."""
    start = time.process_time()
    job()
    return time.process_time() - start


def turns(simulation: Callable[[], Any], check: Callable[[], Any], rounds: int) -> dict[str, list[float]]:
    """Seconds of simulation, check, and check without glances, one after the other, some rounds of them."""
    times: dict[str, list[float]] = {"numpy": [], "check": [], "full": []}
    for _ in range(rounds):
        times["numpy"].append(seconds(simulation))
        times["check"].append(seconds(check))
        with patch.object(survey, "GLANCED", -1.0):
            times["full"].append(seconds(check))
    return times


def row(N: int, batch: int, rounds: int) -> dict[str, Any]:
    """One size as plain values; microseconds per step of one trajectory."""
    steps = FEWER.get((N, batch), K)
    W, M, b, X, h0 = problem(N, batch, steps)
    rec, H = oracle.Recurrence.elman(W, M, b), simulated(W, M, b, X, h0)

    def check(count: int = steps) -> Any:
        return oracle.check(H[: count + 1], rec, inputs=X[:count], h0=h0, batch_first=False)

    stage, result = decided(check)
    runs = [turns(lambda: simulated(W, M, b, X, h0), check, rounds) for _ in range(RUNS.get((N, batch), 1))]
    times = {job: [spent / steps for run in runs for spent in run[job]] for job in runs[0]}
    part = min(steps, max(1, PAIRS // (N * batch)))
    with only(kernel=False, pairs=True):
        times["pairs"] = [seconds(lambda: check(part)) / part for _ in range(2)]
    few = IN_BALLS[N]
    with only(kernel=False, pairs=False):
        times["balls"] = [seconds(lambda: check(few)) / few]
    first = [part.reshape(len(part), batch, -1)[: BY_MPMATH[N] + 1, 0] for part in (H, X)]
    h, x = first[0], first[1][: BY_MPMATH[N]]
    bound = one_step_bound(rec, h[:-1].T.copy(), x.T.copy(), PRECISIONS["float64"])
    times["mpmath"] = [batch * seconds(lambda: by_mpmath(h, W, M, b, x, bound)) / BY_MPMATH[N]]
    found = {job: 1e6 * min(values) / batch for job, values in times.items()}
    return {
        "N": N,
        "batch": batch,
        "steps": steps,
        "rounds": rounds,
        "microseconds": found,
        "ratios": [min(run["check"]) / min(run["numpy"]) for run in runs],
        "verdict": result.verdict,
        "worst": result.worst,
        "decided": stage,
    }


def missed(rows: list[dict[str, Any]]) -> str:
    """Where a check, or its full stage, costs more than is aimed at."""
    found = []
    for r in rows:
        for job, alone, batched in AIMS:
            ratio, aim = r["microseconds"][job] / r["microseconds"]["numpy"], alone if r["batch"] == 1 else batched
            ratio = max(ratio, *r["ratios"]) if job == "check" else ratio
            if ratio > aim:
                found.append(f"{job}, N = {r['N']}, batch {r['batch']}: {ratio:.3g} for {aim:g}")
    again = [(f"N = {r['N']}, batch {r['batch']}", ", ".join(f"{x:.3g}" for x in r["ratios"])) for r in rows]
    several = "".join(f" Check of {size}, by runs: {many}." for size, many in again if "," in many)
    return f"Missed: {'; '.join(found) or 'nothing'}.{several}"


def markdown(found: dict[str, Any]) -> str:
    """The table."""
    jobs = ("check", "full", "pairs", "balls", "mpmath")
    head = ("N", "batch", "steps", "numpy", *jobs, "decided", "verdict")
    cells = [head, ("---",) * len(head)]
    for r in found["rows"]:
        spent = r["microseconds"]
        ratios = [f"{spent[job]:,.3g} ({spent[job] / spent['numpy']:,.3g})" for job in jobs]
        cells.append((r["N"], r["batch"], r["steps"], f"{spent['numpy']:,.3g}", *ratios, r["decided"], r["verdict"]))
    lines = ["| " + " | ".join(str(c) for c in line) + " |" for line in cells]
    made = f"NumPy {found['numpy']}, Python {found['python']}, {found['machine']}; balls on the first {IN_BALLS} steps"
    made += f", mpmath on the first {BY_MPMATH} of one trajectory (by N), once each."
    others = ["", "## Other checks", "", *costs_others.lines(found["others"], found["memory"])]
    return "\n".join([INTRODUCTION.format(digits=DIGITS), *lines, "", missed(found["rows"]), "", made, *others]) + "\n"


def main() -> int:
    """Measure and write; 1 if an honest run does not pass."""
    rows = [row(N, batch, rounds) for (N, batch), rounds in SIZES.items()]
    versions = {"numpy": np.__version__, "python": platform.python_version(), "machine": platform.machine()}
    spent = costs_others.memory()
    found = {**versions, "rows": rows, "others": costs_others.rows(seconds), "memory": spent}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(found, indent=1) + "\n")
    text = markdown(found)
    path.with_suffix(".md").write_text(text)
    print(text)
    return 0 if all(r["verdict"] == "pass" for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
