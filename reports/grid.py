"""The grid: honest implementations must pass, planted mutants must fail.

    python reports/grid.py [--quick] [--jobs 2]

writes reports/grid.json and reports/grid.md (with --quick only a summary on the terminal). Exit code 1 if an honest
program was not passed or a differing mutant was not caught.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes are the parallelism
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.grid.grid import DTYPES, SEED, SPECS, fingerprint  # noqa: E402
from tests.grid.runner import Honest, Planted, Task, perform  # noqa: E402
from tests.grid.summary import coverage, honest_summary, mutant_summary, render  # noqa: E402

STYLES = 14
"""Styles per cell and precision, besides the plain implementation."""

DIAGNOSED = 64
"""Mutants of smaller cells are diagnosed too, in one precision of each, for time; the verdict does not depend on it."""

QUICK = {"elman-relu-square-input", "outside-alpha-half", "rate-exp-units", "paper-rk4", "current-exp", "gru-after"}


def tasks(quick: bool) -> list[Task]:
    """Units of work, the largest first, so that the last to finish are small."""
    chosen = [i for i, spec in enumerate(SPECS) if not quick or spec.name in QUICK]
    made = []
    for index in chosen:
        for turn, dtype in enumerate(DTYPES):
            made.append(Task("honest", index, dtype, 5 if quick else STYLES))
            alternate = index % 2 == turn
            if alternate or not quick:
                diagnosed = alternate and SPECS[index].N < DIAGNOSED and not quick
                made.append(Task("mutants", index, dtype, diagnosed=diagnosed))
            if SPECS[index].bulk and SPECS[index].N <= 64 and not quick:
                made.append(Task("beyond", index, dtype))
    return sorted(made, key=lambda task: -task.cost)


def run(quick: bool, jobs: int) -> dict[str, Any]:
    """The result of the whole grid."""
    start = time.perf_counter()
    work = tasks(quick)
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        done = list(zip(work, pool.map(perform, work), strict=True))

    def rows(what: str, bulk: bool | None = None) -> list[Any]:
        return [
            row for task, found in done if task.what == what and bulk in (None, SPECS[task.index].bulk) for row in found
        ]

    honest: list[Honest] = rows("honest")
    planted: list[Planted] = rows("mutants", bulk=True)
    return {
        "command": "python reports/grid.py" + (" --quick" if quick else ""),
        "seed": SEED,
        "fingerprint": fingerprint(),
        "coverage": coverage([SPECS[i] for i in sorted({task.index for task in work})]),
        "honest": honest_summary(honest),
        "mutants": mutant_summary(planted),
        "extreme mutants": mutant_summary(rows("mutants", bulk=False)),
        "beyond the model": honest_summary(rows("beyond")),
        "run": {
            "wall time (s)": round(time.perf_counter() - start),
            "processes": jobs,
            "python": platform.python_version(),
            "machine": platform.machine(),
            **{name: version(name) for name in ("numpy", "python-flint", "rnn-oracle")},
        },
    }


def main() -> int:
    """Run, write, and say in one line what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="six small cells, nothing written")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    result = run(options.quick, options.jobs)
    if not options.quick:
        folder = Path(__file__).resolve().parent
        (folder / "grid.json").write_text(json.dumps(result, indent=1) + "\n")
        (folder / "grid.md").write_text(render(result))
    honest, planted = result["honest"], result["mutants"]
    passed = not honest["not passed"] and planted["caught"] + len(planted["below rounding"]) == planted["differing"]
    print(
        f"{honest['checks']} honest checks: {honest['false alarms']} false alarms, {honest['undecided']} undecided; "
        f"worst ratio {max(honest['worst'].values()):.3g}. {planted['planted']} mutants: {planted['caught']} of "
        f"{planted['differing']} differing caught, {planted['equivalent']} equivalent, "
        f"{len(planted['below rounding'])} below rounding. {result['run']['wall time (s)']} s."
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
