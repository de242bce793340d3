"""The mutant zoo: every planted fault and honest variant through `oracle.check`, and through other projects' own tests.

    python reports/mutants.py [--quick] [--jobs 2]

writes reports/mutants.json and reports/mutants.md (with --quick only a summary of every tenth edit, on the terminal).
Exit code 1 if a mutant that differs passes, an honest program fails, or a mutant is named wrongly.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mutants import continuous, failing, faults, frameworks, noisy, peers, run, variants  # noqa: E402

import oracle  # noqa: E402

THIN = 10  # with --quick


def outcomes(pool: Any, edits: list[Any], dtype: str) -> list[run.Outcome]:
    """Every edit checked in one precision."""
    return list(pool.map(partial(run.judged, dtype=dtype), edits, chunksize=8))


def counted(found: list[run.Outcome]) -> dict[str, Any]:
    """The score of a group of mutants."""
    differing = [o for o in found if o.differs]
    named = Counter(o.named for o in differing)
    nameable = named["right"] + named["wrong"] + named["unnamed"]
    return {
        "mutants": len(found),
        "differ": len(differing),
        "caught": sum(o.verdict == "fail" for o in differing),
        "nameable": nameable,
        "named": named["right"],
        "unexplained": named["unnamed"],
        "named wrongly": named["wrong"],
        "without a name": len(differing) - nameable,
    }


def framework_failures() -> tuple[int, list[str]]:
    """How many honest programs of frameworks there were, and which did not pass."""
    cases = list(frameworks.honest_frameworks())
    results = [(case.title, oracle.check(case.candidate, case.rec, **case.question)) for case in cases]
    return len(cases), [
        f"{title}: {result.verdict}, worst {result.worst:.3g}" for title, result in results if not result
    ]


def smallest(pool: Any, thin: int) -> dict[str, dict[str, list[float | None]]]:
    """The smallest relative change caught, by what is perturbed and precision."""
    cases = list(continuous.continuous())[::thin]
    table: dict[str, dict[str, list[float | None]]] = {}
    for dtype in continuous.DTYPES:
        found = pool.map(partial(continuous.smallest_caught, dtype=dtype), cases, chunksize=4)
        for case, size in zip(cases, found, strict=True):
            table.setdefault(case.title, {}).setdefault(dtype, []).append(size)
    return table


def survival(edits: list[Any]) -> dict[str, dict[str, int]]:
    """Mutants that pass each peer's tests, of all and of the Elman ones."""
    table = {}
    for peer in peers.PEERS:
        passed = [edit for edit in edits if peers.survives(edit, peer)]
        table[peer] = {"survive": len(passed), "elman": sum(e.program.startswith("elman") for e in passed)}
    return table


def prices(costs: list[failing.Costs]) -> list[str]:
    """What failing checks cost."""
    return [
        "",
        "## What a failing check costs",
        "",
        "Processor time, the least of three runs, and how many passing checks that is. What is unexplained (a cubic "
        "decay) was compared with every deviation, every pair that is looked for, and every unknown.",
        "",
        "| program | passes | fails, named | fails, unexplained |",
        "|---|---|---|---|",
        *(
            f"| {c.title} | {1e3 * c.passing:.3g} ms | {_price(c.named, c)} | {_price(c.unexplained, c)} |"
            for c in costs
        ),
    ]


def _price(seconds: float, c: failing.Costs) -> str:
    return f"{1e3 * seconds:.3g} ms ({seconds / c.passing:.2g} x)"


def markdown(scores: dict[str, Any], honest: dict[str, Any], table: Any, survived: Any, edits: list[Any]) -> str:
    """The report."""
    columns = list(next(iter(scores.values())))
    lines = [
        "# The mutant zoo",
        "",
        "Made by `python reports/mutants.py`. A mutant is one edit of the text of an honest program (two for pairs); "
        "whether it differs at all is decided in 40 digits (noise: by the edit; its verdicts are observed). No mutant "
        "is made from the table of deviations, which `tests/mutants` does not import. Named means that the finding is "
        "one that describes the edit, and that under it every residual is certified to be inside its bound.",
        "",
        "| group | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
        *(f"| {group} | " + " | ".join(str(score[c]) for c in columns) + " |" for group, score in scores.items()),
        "",
        "## Honest programs",
        "",
        f"{honest['checked']} checks: {honest['variants']} variants in two precisions, {len(noisy.STEPS)} stochastic "
        f"programs, and {honest['frameworks']} programs of frameworks: {honest['failed']} failed.",
        "",
        "## Smallest relative change that is caught",
        "",
        "Of one parameter, over all programs: the best and the worst, as powers of two down from 2^-7.",
        "",
        "| parameter | " + " | ".join(continuous.DTYPES) + " |",
        "|---|" + "---|" * len(continuous.DTYPES),
        *(
            f"| {title} | " + " | ".join(_span(row[d]) for d in continuous.DTYPES) + " |"
            for title, row in table.items()
        ),
        "",
        "## Other projects' tests on the same mutants",
        "",
        f"Of {len(edits)} single-point mutants ({sum(e.program.startswith('elman') for e in edits)} of Elman "
        "recurrences), how many pass the probes and tolerances of each project's own test, in float32.",
        "",
        "| tests in the style of | all | Elman |",
        "|---|---|---|",
        *(f"| {peer} | {row['survive']} | {row['elman']} |" for peer, row in survived.items()),
        "| this project | 0 | 0 |" if _none_pass(scores) else "| this project | see above | |",
    ]
    return "\n".join(lines) + "\n"


def _none_pass(scores: dict[str, Any]) -> bool:
    return all(score["caught"] == score["differ"] for score in scores.values())


def _span(sizes: list[float | None]) -> str:
    """The smallest and the largest of the smallest caught."""
    found = [size for size in sizes if size is not None]
    text = f"{min(found):.1e} to {max(found):.1e}" if found else "-"
    missed = len(sizes) - len(found)
    return text + (f", {missed} not caught at 2^-7" if missed else "")


def problems(groups: dict[str, list[run.Outcome]], honest: Iterable[str]) -> list[str]:
    """Whatever must not happen."""
    every = [o for found in groups.values() for o in found]
    missed = [f"not caught: {o}" for o in every if o.differs and o.verdict != "fail"]
    wrong = [f"named wrongly: {o}" for o in every if o.named == "wrong"]
    return missed + wrong + [f"honest, failed: {text}" for text in honest]


def main() -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    thin = THIN if options.quick else 1
    singles, both, others = faults.singles()[::thin], faults.pairs()[::thin], variants.variants()[::thin]
    with ProcessPoolExecutor(options.jobs) as pool:
        groups = {
            f"{group}, {dtype}": outcomes(pool, edits, dtype)
            for group, edits in (("single", singles), ("pairs", both))
            for dtype in run.DTYPES
        }
        stochastic = list(pool.map(noisy.judged, noisy.noisy()[::thin], chunksize=4))
        groups["noise, float64"] = [o for o in stochastic if o.differs]
        honest = [o for o in stochastic if not o.differs]
        honest += [o for dtype in run.DTYPES for o in outcomes(pool, others, dtype)]
        table = smallest(pool, thin)
    count, failures = framework_failures()
    failures += [str(o) for o in honest if o.verdict != "pass"]
    scores = {group: counted(found) for group, found in groups.items()}
    totals = {"checked": len(honest), "variants": len(others), "frameworks": count, "failed": len(failures)}
    survived = survival(singles)
    costs = failing.costs()
    text = markdown(scores, totals, table, survived, singles) + "\n".join(prices(costs)) + "\n"
    if not options.quick:
        folder = Path(__file__).parent
        kept = {"scores": scores, "honest": totals, "smallest": table, "survival": survived}
        kept |= {"costs": [c._asdict() for c in costs]}
        kept |= {"mutants": [o._asdict() for found in groups.values() for o in found]}
        (folder / "mutants.json").write_text(json.dumps(kept, indent=1) + "\n")
        (folder / "mutants.md").write_text(text)
    print(text)
    wrong = problems(groups, failures)
    print("\n".join(wrong) or "every mutant that differs is caught, no honest program fails, none is named wrongly")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
