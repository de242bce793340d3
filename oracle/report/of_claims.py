"""Claims as a report: the bound beside what was measured, the assumptions with their evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from oracle.report.environment import environment
from oracle.report.model import TONES, Case, Formula, Listing, Report, Section, Table, Tile, figure

HOLDS = {True: "holds", False: "does not hold", "assumed": "assumed", "undecided": "undecided"}


def of_claims(results: Sequence[Any], *, title: str = "Claims", reproduce: str = "") -> Report:
    """The model of a report on claims (`oracle.claims.result.ClaimResult`)."""
    verdict = claims_verdict(results)
    counts = {word: sum(result.verdict == word for result in results) for word in TONES}
    said = ", ".join(f"{word}: {count}" for word, count in counts.items() if count)
    return Report(
        title=title,
        verdict=verdict,
        sentence=f"{len(results)} claims on this network, {said}." if results else "No claim was verified.",
        tiles=tuple(Tile(result.id, result.verdict, note=result.title) for result in results),
        sections=tuple(claims_sections(results)),
        environment=environment(),
        reproduce=reproduce,
        cases=tuple(Case(f"{r.id}: {r.title}", r.verdict, r.statement, r.summary(), "claims") for r in results),
        data={"claims": [result.to_dict() for result in results]},
    )


def claims_verdict(results: Sequence[Any]) -> str:
    """Of all claims: fail if one is violated, undecided if one is open, pass if at least one holds."""
    words = {result.verdict for result in results}
    if "violated" in words:
        return "fail"
    if "undecided" in words:
        return "undecided"
    return "pass" if "holds" in words else "not applicable"


def claims_sections(results: Sequence[Any]) -> Iterable[Section]:
    """A table of all claims, and a section for each one."""
    if not results:
        return
    rows = tuple((f"{r.id}: {r.title}", r.verdict, _bound(r), exactly(r.measured), figure(r.slack)) for r in results)
    header = ("claim", "verdict", "bound", "measured", "slack")
    text = (
        "Bounds are proved. A measured value is an exact rational or certified in balls unless its evidence says "
        "that it was observed. Slack is bound / measured."
    )
    yield Section("Claims", text, (Table(header, rows, tuple(TONES.get(r.verdict, "") for r in results)),))
    for result in results:
        yield _section(result)


def _section(result: Any) -> Section:
    assumptions = Table(
        ("assumption", "here", "evidence"),
        tuple((a.text, HOLDS.get(a.holds, str(a.holds)), a.evidence) for a in result.assumptions),
        tuple("good" if a.holds is True else "bad" if a.holds is False else "open" for a in result.assumptions),
    )
    blocks: list[Table | Listing | Formula] = [*_formulas(result), assumptions, Listing(tuple(result.evidence))]
    if result.observed:
        seen = tuple(
            f"{name}: {figure(v) if isinstance(v, float) else v} (observed)" for name, v in result.observed.items()
        )
        blocks.append(Listing(seen))
    if result.counterexamples:
        rows = tuple((c.dropped, c.text, exactly(c.gap), c.certificate) for c in result.counterexamples)
        blocks.append(Table(("without", "the claim fails: case", "by at least", "certified by"), rows))
    if result.proofs:
        blocks.append(Table(("proof", "status"), tuple((p.file, p.status) for p in result.proofs)))
    return Section(f"{result.id}: {result.title}", result.statement, tuple(blocks))


def _formulas(result: Any) -> Iterable[Formula]:
    """The statement as it is typeset, then the relations that the numbers are held to."""
    from sympy import latex

    yield Formula(result.latex, result.latex)
    for relation in result.formula:
        yield Formula(latex(relation), str(relation))


def _bound(result: Any) -> str:
    """The bound, where there was anything to bound."""
    return "-" if result.verdict == "not applicable" and result.measured is None else exactly(result.bound)


def exactly(value: Any) -> str:
    """A rational as it is where that is short, a figure otherwise."""
    if isinstance(value, Fraction) and len(str(value)) <= 12:
        return str(value)
    return figure(value)
