"""Faults planted in the code of the claims, and what each claim says then.

    python reports/claim_mutants.py

runs the tests in tests/claims that plant them (each first sees the claim hold on the network, where it can) and writes
reports/claim_mutants.json and reports/claim_mutants.md. Exit code 1 if a fault is not reported (violated by a certified
amount, or refused because an assumption is certainly not met), or if one that has to be there is missing.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEAST = 30
NAMED = {
    "step not rescaled": ("step not rescaled", "step not divided"),
    "input not rescaled": ("input not rescaled", "E not scaled", "distance: E not rescaled"),
    "Jacobian transposed": ("Jacobian transposed",),
    "constant halved": ("constant halved", "C2 halved", "C3 halved"),
    "norm swapped": ("norm swapped",),
    "mu of the wrong trajectory in C7": ("mu of the linear, deviation of the linear",),
    "order-P defect dropped": ("order term dropped", "expansion cut off"),
    "tau_min for tau_max in C6": ("tau_min for tau_max",),
}
"""Faults that have to be among them, and the names they have in the tests."""


class Collector:
    """A pytest plugin that keeps what the fixture `planted` recorded, and the tests that failed."""

    def __init__(self) -> None:
        self.planted: list[dict[str, Any]] = []
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Once per phase of a test."""
        if report.failed:
            self.failed.append(report.nodeid)
        if report.when == "call":
            names = ("claim", "fault", "verdict", "measured", "bound")
            kept = [value for name, value in report.user_properties if name == "planted"]
            self.planted += [dict(zip(names, values, strict=True)) for values in kept]


def number(value: float | None) -> str:
    """For a table."""
    return "-" if value is None else f"{value:.4g}"


def markdown(found: list[dict[str, Any]]) -> str:
    """The score, the faults that have to be there, and all of them."""
    score = Counter(row["verdict"] for row in found)
    lines = [
        "# Faults planted in the claims",
        "",
        f"{len(found)} faults in the code of {len({row['claim'] for row in found})} claims, all reported: "
        f"{score['violated']} violated, {score['not applicable']} refused. Made by `python reports/claim_mutants.py`. "
        "Measured and bound are those of the faulty claim; a violated identity has the bound 0.",
        "",
        "| has to be there | reported as |",
        "|---|---|",
    ]
    for name, faults in NAMED.items():
        seen = [f"{row['claim']} {row['fault']}: {row['verdict']}" for row in found if row["fault"] in faults]
        lines.append(f"| {name} | {'; '.join(seen) or 'MISSING'} |")
    lines += ["", "| claim | fault | verdict | measured | bound |", "|---|---|---|---|---|"]
    lines += [
        f"| {r['claim']} | {r['fault']} | {r['verdict']} | {number(r['measured'])} | {number(r['bound'])} |"
        for r in found
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the tests, write the table."""
    collector = Collector()
    sys.path.remove(str(ROOT / "reports"))  # claims.py there is not the folder of tests
    arguments = ["-q", "-p", "no:cacheprovider", "-k", "planted or refused or reported", str(ROOT / "tests" / "claims")]
    pytest.main([*arguments, f"--rootdir={ROOT}"], plugins=[collector])
    found = sorted(collector.planted, key=lambda row: (int(row["claim"][1:]), row["fault"]))
    there = {row["fault"] for row in found}
    missing = [name for name, faults in NAMED.items() if not there & set(faults)]
    text = markdown(found)
    if found and not collector.failed:
        (ROOT / "reports" / "claim_mutants.json").write_text(json.dumps(found, indent=1) + "\n")
        (ROOT / "reports" / "claim_mutants.md").write_text(text)
    print(text)
    print("\n".join(f"not reported: {name}" for name in (*collector.failed, *missing)))
    return 1 if collector.failed or missing or len(found) < LEAST else 0


if __name__ == "__main__":
    sys.exit(main())
