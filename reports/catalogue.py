"""The whole claim catalogue on trained networks and on 200 random ones of every convention; every counterexample.

    python reports/catalogue.py [--quick] [--only C6,C7 [--update]] [--family NAME] [--jobs 2]

writes reports/catalogue.json and reports/catalogue.md (with --quick, --only or --family nothing is written, with --only
and --update the columns of these claims are replaced): for each claim and family how often it holds, is not applicable,
or undecided, and the worst slack (bound / measured), for rounding with the observed statistic beside it; then the
counterexamples with the certified amount by which the claim fails without the assumption. Exit code 1 if a claim is
violated, or a counterexample fails to fail.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from families import Case, random_networks, trained_networks

import oracle
from oracle import claims
from oracle.claims.c12 import STATISTIC

QUICK = 3  # networks of a convention
SMALL = 8  # units at most, with --quick
SHORT = {"holds": "holds", "not applicable": "n.a.", "undecided": "undecided", "violated": "VIOLATED"}


def judged(case: Case, chosen: tuple[str, ...]) -> dict[str, Any]:
    """Every claim on one network."""
    row: dict[str, Any] = {"family": case.family, "name": case.name, "units": case.net.N, "claims": {}}
    for identifier in chosen:
        start = time.perf_counter()
        result = oracle.claims[identifier].verify(case.net, **case.options)
        row["claims"][identifier] = {
            "verdict": result.verdict,
            "slack": result.slack,
            "why": reason(result),
            "roundoff": result.observed.get(STATISTIC),
            "seconds": round(time.perf_counter() - start, 2),
        }
    return row


def reason(result: Any) -> str:
    """What keeps a claim from holding: the assumption that is not met, or the evidence."""
    if result.verdict == "holds":
        return ""
    unmet = [f"{a.text}: {a.evidence}" for a in result.assumptions if a.holds is False or a.holds == "undecided"]
    return (unmet or list(result.evidence) or [""])[0]


def cell(found: Iterable[dict[str, Any]]) -> str:
    """Counts of verdicts, and the worst slack of those that hold."""
    entries = list(found)
    counts = Counter(entry["verdict"] for entry in entries)
    slacks = [entry["slack"] for entry in entries if entry["verdict"] == "holds" and entry["slack"] is not None]
    text = ", ".join(f"{counts[name]} {short}" for name, short in SHORT.items() if counts[name])
    seen = [entry["roundoff"] for entry in entries if entry.get("roundoff")]
    beside = f", observed roundoff {min(seen):.2g} to {max(seen):.2g} u" if seen else ""
    return f"{text}; slack {max(slacks):.3g}{beside}" if slacks else text


def markdown(rows: list[dict[str, Any]], examples: list[tuple[str, Any]]) -> str:
    """Three tables."""
    chosen = list(rows[0]["claims"])
    families = list(dict.fromkeys(row["family"] for row in rows))
    lines = [
        "# The claim catalogue",
        "",
        f"{len(rows)} cases, {len(chosen)} claims. Made by `python reports/catalogue.py`. A cell counts the verdicts; "
        "the slack is the largest bound / measured among those that hold, none for exact identities. Every bound is "
        "proved; that of rounding (C12) is for the worst order of every sum, and beside it stands the roundoff that "
        "the differences look like, in units of u = 2^-53 (observed). n.a. means that an assumption is "
        "certainly not met, which the next table explains.",
        "",
        "| family | cases | " + " | ".join(chosen) + " |",
        "|---|---|" + "---|" * len(chosen),
    ]
    for family in families:
        inside = [row for row in rows if row["family"] == family]
        cells = [cell(row["claims"][claim] for row in inside) for claim in chosen]
        lines.append(f"| {family} | {len(inside)} | " + " | ".join(cells) + " |")
    lines += ["", "## Why a claim does not apply, or is undecided", "", "| claim | cases | reason |", "|---|---|---|"]
    lines += why_not(rows, chosen)
    lines += ["", "## Trained networks", "", "| case | claim | verdict | slack | seconds |", "|---|---|---|---|---|"]
    lines += [line for row in rows if "flip-flop" in row["family"] for line in in_full(row)]
    lines += ["", "## Counterexamples", "", "| claim | without | the case | fails by | certificate |"]
    lines += ["|---|---|---|---|---|"]
    for claim, example in examples:
        text = example.text.replace("|", "\\|")
        dropped = example.dropped.replace("|", "\\|")
        lines.append(f"| {claim} | {dropped} | {text} | {float(example.gap):.4g} | {example.certificate} |")
    return "\n".join(lines) + "\n"


def why_not(rows: list[dict[str, Any]], chosen: list[str]) -> list[str]:
    """Reasons by claim, the numbers in them left out, most frequent first."""
    lines = []
    for claim in chosen:
        found = [row["claims"][claim] for row in rows if row["claims"][claim]["verdict"] != "holds"]
        reasons = Counter((entry["verdict"], entry["why"].split(":")[0]) for entry in found)
        for (verdict, why), count in reasons.most_common():
            why = why.replace("|", "\\|")
            lines.append(f"| {claim} | {count} {SHORT[verdict]} | {why} |")
    return lines


def in_full(row: dict[str, Any]) -> list[str]:
    """One line per claim."""
    lines = []
    for claim, entry in row["claims"].items():
        slack = "-" if entry["slack"] is None else f"{entry['slack']:.3g}"
        verdict = entry["verdict"] + (f" ({entry['why'].split(':')[0]})" if entry["why"] else "").replace("|", "\\|")
        lines.append(f"| {row['name']} | {claim} | {verdict} | {slack} | {entry['seconds']} |")
    return lines


def wrong(rows: list[dict[str, Any]], examples: list[tuple[str, Any]]) -> list[str]:
    """Whatever must not happen."""
    violated = [
        f"{claim} violated on {row['name']}"
        for row in rows
        for claim, entry in row["claims"].items()
        if entry["verdict"] == "violated"
    ]
    return violated + [f"{claim}: {e.text} fails by nothing" for claim, e in examples if e.verdict != "violated"]


def merged(kept: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases as they were kept, with the claims that were verified anew."""
    fresh = {row["name"]: row["claims"] for row in rows}
    return [{**row, "claims": {**row["claims"], **fresh.get(row["name"], {})}} for row in kept]


def main() -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="claims, joined by commas")
    parser.add_argument("--family", default="", help="families whose name contains this")
    parser.add_argument("--update", action="store_true", help="with --only: keep the other claims as they were")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    chosen = tuple(options.only.split(",")) if options.only else tuple(claims)
    cases = [*trained_networks(options.quick)]
    cases += random_networks(QUICK, SMALL) if options.quick else random_networks()
    cases = [case for case in cases if options.family in case.family]
    rows = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for row in pool.map(partial(judged, chosen=chosen), cases):
            rows.append(row)
            spent = sum(entry["seconds"] for entry in row["claims"].values())
            print(f"{row['name']}: {spent:.1f} s", file=sys.stderr)
    folder = Path(__file__).parent
    if options.update:
        rows = merged(json.loads((folder / "catalogue.json").read_text())["cases"], rows)
        chosen = tuple(claims)
    examples = [(claim, example) for claim in chosen for example in oracle.claims[claim].counterexamples()]
    text = markdown(rows, examples)
    if options.update or not (options.quick or options.only or options.family):
        kept = {"cases": rows, "counterexamples": [{"claim": claim} | e.to_dict() for claim, e in examples]}
        (folder / "catalogue.json").write_text(json.dumps(kept, indent=1) + "\n")
        (folder / "catalogue.md").write_text(text)
    print(text)
    problems = wrong(rows, examples)
    print("\n".join(problems) or "no claim violated; every counterexample fails by a certified amount")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
