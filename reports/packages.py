"""Published packages: is their leaky or vanilla network what their documentation says?

    python reports/packages.py

writes reports/packages.json and reports/packages.md from whatever is installed; a package that is not is listed as
absent. The adapters, with the documented equation of each and the place that states it, are in tests/real/packages.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

from real.packages.case import STEPS, Case  # noqa: E402
from real.packages.registry import PACKAGES, Package  # noqa: E402

INTRODUCTION = f"""# Published packages against their documentation

Made by `python reports/packages.py`. Each row runs the package's own code for {STEPS} steps, from weights drawn from
a seed, and judges it against the equation of its documentation. Worst: largest residual / proven bound (proved; at most
1 passes). Roundoff: unit roundoff seen, in units of the promised one (observed). Named: what `check` called it.
Certified: the largest residual / bound under what it was found to compute (proved).
"""


def row(package: Package, case: Case) -> dict[str, Any]:
    """One judgement as plain values."""
    found, reading = case.result, case.certificate
    return {
        "package": package.distribution,
        "version": package.version,
        "what": case.what,
        "documented": case.documented,
        "where": case.where,
        "verdict": found.verdict,
        "expected": case.expected,
        "worst": found.worst,
        "promised": found.promised,
        "roundoff": None if found.statistic is None else found.statistic.ratio,
        "computed_in": found.computed_in,
        "named": _named(case),
        "deviates": case.deviates if found.verdict == "fail" else None,
        "really": None if case.reading is None else case.reading.sentence,
        "certified": None if reading is None else {"verdict": reading.verdict, "worst": reading.worst},
        "remark": case.remark,
    }


def _named(case: Case) -> str | None:
    if case.result.verdict == "pass":
        return None
    return case.result.explained_by or "unexplained"


def markdown(rows: list[dict[str, Any]], absent: list[str]) -> str:
    """Verdicts, then what deviating code really computes, then where each equation is documented."""
    lines = [INTRODUCTION]
    if absent:
        lines += [f"Absent: {', '.join(absent)}.", ""]
    lines += _table(
        ("package", "code", "verdict", "worst", "promised", "computed in", "roundoff", "named"),
        [(_of(r), r["what"], *_figures(r), _code(r["named"])) for r in rows],
    )
    lines += ["", "## Where the verdict is fail", ""]
    lines += _table(
        ("package", "code", "deviates", "what it really computes", "certified", "remark"),
        [
            (_of(r), r["what"], r["deviates"], r["really"], _certified(r), r["remark"])
            for r in rows
            if r["verdict"] == "fail"
        ],
    )
    lines += ["", "## What was judged", ""]
    lines += _table(
        ("package", "code", "documented", "place", "remark"),
        [(_of(r), r["what"], r["documented"], r["where"], r["remark"]) for r in rows],
    )
    return "\n".join(lines) + "\n"


def _of(r: dict[str, Any]) -> str:
    return f"{r['package']} {r['version']}"


def _figures(r: dict[str, Any]) -> tuple[str, ...]:
    seen = "-" if r["roundoff"] is None else f"{r['roundoff']:.2g} u"
    return r["verdict"], f"{r['worst']:.2g}", r["promised"], r["computed_in"] or "no format", seen


def _certified(r: dict[str, Any]) -> str:
    return "-" if r["certified"] is None else f"{r['certified']['verdict']}, {r['certified']['worst']:.2g}"


def _is_certified(r: dict[str, Any]) -> bool:
    return r["certified"] is None or r["certified"]["verdict"] == "pass"


def _code(name: str | None) -> str:
    return "-" if name is None else f"`{name}`"


def _table(head: tuple[str, ...], body: list[tuple[Any, ...]]) -> list[str]:
    cells = [head, ("---",) * len(head), *body]
    return ["| " + " | ".join(str(c or "").replace("|", "\\|") for c in line) + " |" for line in cells]


def main() -> int:
    """Judge and write; 1 if a verdict is not the one that was checked by hand, or a reading is not certified."""
    rows = [row(package, case) for package in PACKAGES if package.installed for case in package.cases()]
    absent = [package.distribution for package in PACKAGES if not package.installed]
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps({"absent": absent, "rows": rows}, indent=1) + "\n")
    text = markdown(rows, absent)
    path.with_suffix(".md").write_text(text)
    print(text)
    return 0 if all(r["verdict"] == r["expected"] and _is_certified(r) for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
