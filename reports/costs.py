"""What a check costs, beside the simulation it judges and the same check in pairs of floats, in balls and in mpmath.

    OMP_NUM_THREADS=1 python reports/costs.py

writes reports/costs.json and reports/costs.md. Simulation, check and the check without its kernel run in turns, then
balls and mpmath on the first steps; all are medians per step, on a machine that should have nothing else to do.
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
from statistics import median
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402
from benchmarks.jobs import DIGITS, K, by_mpmath, problem, simulated, stages  # noqa: E402

import oracle  # noqa: E402
from oracle.kernels.lure_rows import LureRows  # noqa: E402
from oracle.records.precision import PRECISIONS  # noqa: E402
from oracle.tolerance import residuals  # noqa: E402
from oracle.tolerance.step import one_step_bound  # noqa: E402

SIZES = {(64, 1): 9, (64, 32): 7, (256, 1): 9, (256, 32): 5, (1024, 1): 5, (1024, 32): 3}
"""N and batch, and how often every job is run."""
FEWER = {(1024, 32): 200}  # steps, where K take a quarter of a gigabyte and the pairs of floats a minute
IN_BALLS = {64: 20, 256: 4, 1024: 1}
BY_MPMATH = {64: 10, 256: 2, 1024: 1}  # of the first trajectory

INTRODUCTION = """# What a check costs

Made by `python reports/costs.py`. An Elman step with tanh, float64; a plain NumPy loop that writes into preallocated
memory, and the certified check of the run it recorded: as shipped, by pairs of floats alone, by balls alone, and the
same residuals by mpmath at {digits} digits. Microseconds per step of one trajectory, medians of runs in turns, one
thread; in brackets the ratio to the simulation. Decided: the last stage that was asked. All figures are observed.
"""


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
    """The last stage that a check asked, and its result."""
    asked: set[str] = set()

    def told(stage: str, real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *a, **k: asked.add(stage) or real(*a, **k)

    with (
        patch.object(LureRows, "judged", told("kernel", LureRows.judged)),
        patch.object(residuals, "_in_pairs", told("pairs", residuals._in_pairs)),
        patch.object(residuals, "_evaluate", told("balls", residuals._evaluate)),
    ):
        result = check()
    return next(stage for stage in ("balls", "pairs", "kernel") if stage in asked), result


def seconds(job: Callable[[], Any]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def row(N: int, batch: int, rounds: int) -> dict[str, Any]:
    """One size as plain values; microseconds per step of one trajectory."""
    steps = FEWER.get((N, batch), K)
    W, M, b, X, h0 = problem(N, batch, steps)
    rec, H = oracle.Recurrence.elman(W, M, b), simulated(W, M, b, X, h0)

    def check(count: int = steps) -> Any:
        return oracle.check(H[: count + 1], rec, inputs=X[:count], h0=h0)

    stage, result = decided(check)
    times: dict[str, list[float]] = {"numpy": [], "check": [], "pairs": []}
    for _ in range(rounds):
        times["numpy"].append(seconds(lambda: simulated(W, M, b, X, h0)) / steps)
        times["check"].append(seconds(check) / steps)
        with only(kernel=False, pairs=True):
            times["pairs"].append(seconds(check) / steps)
    few = IN_BALLS[N]
    with only(kernel=False, pairs=False):
        times["balls"] = [seconds(lambda: check(few)) / few]
    first = [part.reshape(len(part), batch, -1)[: BY_MPMATH[N] + 1, 0] for part in (H, X)]
    h, x = first[0], first[1][: BY_MPMATH[N]]
    bound = one_step_bound(rec, h[:-1].T.copy(), x.T.copy(), PRECISIONS["float64"])
    times["mpmath"] = [batch * seconds(lambda: by_mpmath(h, W, M, b, x, bound)) / BY_MPMATH[N]]
    found = {job: 1e6 * median(values) / batch for job, values in times.items()}
    return {
        "N": N,
        "batch": batch,
        "steps": steps,
        "rounds": rounds,
        "microseconds": found,
        "verdict": result.verdict,
        "worst": result.worst,
        "decided": stage,
    }


def markdown(found: dict[str, Any]) -> str:
    """The table."""
    jobs = ("check", "pairs", "balls", "mpmath")
    head = ("N", "batch", "steps", "numpy", *jobs, "decided", "verdict")
    cells = [head, ("---",) * len(head)]
    for r in found["rows"]:
        spent = r["microseconds"]
        ratios = [f"{spent[job]:,.3g} ({spent[job] / spent['numpy']:,.3g})" for job in jobs]
        cells.append((r["N"], r["batch"], r["steps"], f"{spent['numpy']:,.3g}", *ratios, r["decided"], r["verdict"]))
    lines = ["| " + " | ".join(str(c) for c in line) + " |" for line in cells]
    made = f"NumPy {found['numpy']}, Python {found['python']}, {found['machine']}; balls on the first {IN_BALLS} steps"
    made += f", mpmath on the first {BY_MPMATH} of one trajectory (by N), once each."
    return "\n".join([INTRODUCTION.format(digits=DIGITS), *lines, "", made]) + "\n"


def main() -> int:
    """Measure and write; 1 if an honest run does not pass."""
    rows = [row(N, batch, rounds) for (N, batch), rounds in SIZES.items()]
    versions = {"numpy": np.__version__, "python": platform.python_version(), "machine": platform.machine()}
    found = {**versions, "rows": rows}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(found, indent=1) + "\n")
    text = markdown(found)
    path.with_suffix(".md").write_text(text)
    print(text)
    return 0 if all(r["verdict"] == "pass" for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
