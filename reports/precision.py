"""The precision matrix: every promised format against every format computed in, at five sizes, and who decides.

    python reports/precision.py [--quick] [--sizes 16 64 256 1024 4096] [--orders tree sequential ..]

writes reports/precision.json and reports/precision.md (with --quick only a summary on the terminal). Exit code 1 if a
cell is wrong: a promise that is not kept has to fail, and one that is kept has to pass.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from oracle.records.precision import PRECISIONS, honours  # noqa: E402
from oracle.tolerance.promise_probes import promise_probes  # noqa: E402
from tests.precision.matrix import FORMATS, Cell, broken, cells, prepare  # noqa: E402
from tests.precision.programs import PROMISED, judged, programs  # noqa: E402

LARGEST = 4096
SIZES = (16, 64, 256, 1024, LARGEST)
QUICK = ("float64", "float32", "tf32", "bfloat16-products", "float8-e4m3", "float16", "bfloat16")
LARGE = (*QUICK, "float8-e5m2", "float16-accumulated-float32")
"""Formats at 4096 units, where a cell takes ten seconds and a gigabyte; --all-formats asks for the others as well."""
REAL = (16, 256)  # sizes of real programs
ORDERS = {16: ("tree", "sequential", "lanes", "descending"), 64: ("tree", "sequential", "lanes", "descending"),
          256: ("tree", "descending"), 1024: ("tree",), 4096: ("tree",)}  # fmt: skip
MARK = {"bound (proved)": "b", "probes (proved)": "p", "statistic (observed)": "s", "none fails": "."}


def row(cell: Cell) -> dict[str, Any]:
    """A cell as JSON-ready values."""
    return {
        "promised": cell.promised, "computed": cell.computed, "kept": cell.honest, "verdict": cell.verdict,
        "right": cell.right, "decided_by": cell.decided_by, "bound": cell.bound, "statistic": cell.statistic,
        "probes": list(cell.probes), "worst": float(f"{cell.worst:.3g}"), "seen": cell.seen,
    }  # fmt: skip


def found(sizes: Iterable[int], orders: tuple[str, ...] | None, formats: tuple[str, ...], whole: bool) -> list[Cell]:
    """All cells, with a line of progress for every size and order."""
    made: list[Cell] = []
    for N in sizes:
        for order in orders or ORDERS.get(N, ("tree",)):
            start = time.perf_counter()
            asked = tuple(name for name in formats if whole or name in LARGE or N < LARGEST)
            part = list(cells(N, order, asked))
            print(summary(part), f"(N = {N}, {order}, {time.perf_counter() - start:.0f} s)", flush=True)
            made += part
    return made


def by_probes(N: int, order: str = "tree") -> tuple[int, int]:
    """Cells of a size, and those that the exact probes alone judge rightly, for all formats."""
    count = good = 0
    for promised in FORMATS:
        probes = prepare(promise_probes(PRECISIONS[promised], N))
        for computed in FORMATS:
            ours, theirs = PRECISIONS[computed].parts, PRECISIONS[promised].parts
            assert ours is not None
            assert theirs is not None
            count += 1
            good += (not broken(computed, order, probes)) == honours(ours, theirs)
    return count, good


def summary(part: list[Cell]) -> str:
    """One line."""
    honest = [cell for cell in part if cell.honest]
    wrong = [cell for cell in part if not cell.honest]
    alone = sum("fail" in (cell.bound, cell.statistic) for cell in wrong)
    return (
        f"{len(part)} cells, {sum(not cell.right for cell in part)} wrong; of {len(honest)} honest ones "
        f"{sum(cell.verdict == 'pass' for cell in honest)} pass; of {len(wrong)} others {alone} fail on a recorded run "
        f"and {sum(bool(cell.probes) for cell in wrong)} on exact probes"
    )


def mark(cell: Cell) -> str:
    """What a table shows of a cell."""
    if not cell.right:
        return f"WRONG: {cell.verdict}"
    return MARK[cell.decided_by] + ("s" if cell.statistic == "fail" and cell.decided_by.startswith("probes") else "")


def table(part: list[Cell]) -> list[str]:
    """Promised formats as rows, formats computed in as columns."""
    names = list(dict.fromkeys(cell.computed for cell in part))
    lines = ["| promised \\ computed | " + " | ".join(str(i + 1) for i in range(len(names))) + " |"]
    lines.append("|---|" + "---|" * len(names))
    for i, promised in enumerate(names):
        cells_of = [next(c for c in part if (c.promised, c.computed) == (promised, name)) for name in names]
        marks = [mark(c) for c in cells_of]
        lines.append(f"| {i + 1} {promised} | " + " | ".join(marks) + " |")
    return lines


def written(made: list[Cell], real: list[dict[str, Any]], command: str) -> str:
    """JSON with one cell a line."""
    rows: dict[str, list[Any]] = {}
    for cell in made:
        rows.setdefault(f"N = {cell.N}, {cell.order}", []).append(row(cell))
    rows["real programs"] = real
    parts = [f" {json.dumps('command')}: {json.dumps(command)}"]
    for name, cells_of in rows.items():
        parts.append(f" {json.dumps(name)}: [\n  " + ",\n  ".join(map(json.dumps, cells_of)) + "\n ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def real_programs() -> list[tuple[str, str, Any]]:
    """Program, format and builder."""
    return [(name, computed, build) for name, (computed, build) in programs().items()]


def right(found: dict[str, Any]) -> bool:
    """Whether a real program was judged as its format says."""
    return bool((found["verdict"] == "pass") == found["kept"])


def real_table(real: list[dict[str, Any]]) -> list[str]:
    """Real programs: rows are programs, columns promises."""
    lines = ["", "## Real programs, by `oracle.check_precision`", ""]
    lines += [f"{sum(map(right, real))} of {len(real)} right. The number is the worst error of tanh seen on known "
              "arguments where the promise is the program's own format (observed).", ""]  # fmt: skip
    lines += ["| program | N | " + " | ".join(PROMISED) + " | tanh |", "|---|---|" + "---|" * (len(PROMISED) + 1)]
    for name, N in dict.fromkeys((r["program"], r["N"]) for r in real):
        mine = [r for r in real if (r["program"], r["N"]) == (name, N)]
        own = next((r["activation"] for r in mine if r["promised"] == name.split()[1]), None)
        marks = [f"{r['verdict']} ({r['label']})" if right(r) else f"WRONG: {r['verdict']}" for r in mine]
        lines.append(f"| {name} | {N} | " + " | ".join(marks) + f" | {own} |")
    return lines


def render(made: list[Cell], real: list[dict[str, Any]], command: str) -> str:
    """The report."""
    lines = [
        "# The precision matrix",
        "",
        f"Made by `{command}`; Python {platform.python_version()}, NumPy {version('numpy')}, {platform.machine()}.",
        "",
        "A cell says which instrument decides whether a program that computes in the column's format keeps the promise "
        "of the row: `.` it does, and none fails; `b` it does not: a recorded run is outside the bound (proved); "
        "`p` it is inside, and an exact probe fails (proved); `ps` the precision statistic sees it as well (observed), "
        "so that a recorded run is enough. Where the weights cannot be set, `p` alone goes unseen: the statistic "
        "decides what it can (observed); it never contradicts a proof.",
        "",
        "| size, order | cells | wrong | kept promises that pass | broken ones: run outside the bound (proved) "
        "| inside, seen by the statistic (observed) | by probes (proved) | only by probes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[int, str], list[Cell]] = {}
    for cell in made:
        groups.setdefault((cell.N, cell.order), []).append(cell)
    for (N, order), part in groups.items():
        honest, broken = [c for c in part if c.honest], [c for c in part if not c.honest]
        seen = sum(c.statistic == "fail" for c in broken)
        only = sum("fail" not in (c.bound, c.statistic) for c in broken)
        lines.append(
            f"| {N}, {order} | {len(part)} | {sum(not c.right for c in part)} "
            f"| {sum(c.verdict == 'pass' for c in honest)} of {len(honest)} "
            f"| {sum(c.bound == 'fail' for c in broken)} of {len(broken)} | {seen} "
            f"| {sum(bool(c.probes) for c in broken)} | {only} |"
        )
    for (N, order), part in groups.items():
        lines += ["", f"## N = {N}, {order}", "", *table(part)]
    if real:
        lines += real_table(real)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run, write, and say in one line what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="seven formats, two sizes, nothing written")
    parser.add_argument("--sizes", type=int, nargs="+")
    parser.add_argument("--orders", nargs="+")
    parser.add_argument("--all-formats", action="store_true", help="all of them at 4096 units too (hours)")
    parser.add_argument("--probes", action="store_true", help="the exact probes alone, all formats; nothing written")
    options = parser.parse_args()
    if options.probes:
        results = {N: by_probes(N) for N in options.sizes or SIZES}
        for N, (count, good) in results.items():
            print(f"N = {N}: {good} of {count} cells right by exact probes alone")
        return 0 if all(count == good for count, good in results.values()) else 1
    sizes = options.sizes or (SIZES[:2] if options.quick else SIZES)
    orders = tuple(options.orders) if options.orders else (("tree",) if options.quick else None)
    made = found(sizes, orders, QUICK if options.quick else FORMATS, options.all_formats)
    real = (
        []
        if options.quick
        else [judged(N, *each, promised) for N in REAL for each in real_programs() for promised in PROMISED]
    )
    if not options.quick:
        folder = Path(__file__).resolve().parent
        command = " ".join(["python reports/precision.py", *sys.argv[1:]])
        (folder / "precision.json").write_text(written(made, real, command))
        (folder / "precision.md").write_text(render(made, real, command))
    print(summary(made))
    return 0 if all(cell.right for cell in made) and all(map(right, real)) else 1


if __name__ == "__main__":
    sys.exit(main())
