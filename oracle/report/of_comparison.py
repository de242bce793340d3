"""A comparison as a report: both candidates beside each other, and the sections of whichever does not pass."""

from __future__ import annotations

from dataclasses import replace

from oracle.check.result import CheckResult
from oracle.diagnosis.compare import Comparison
from oracle.report.environment import environment
from oracle.report.model import PROVED, TONES, Case, Report, Section, Table, Tile, figure
from oracle.report.of_check import check_sections, sentence


def of_comparison(
    found: Comparison, *, title: str = "Is what lies between them rounding?", reproduce: str = "", test: str = ""
) -> Report:
    """The model of a comparison's report."""
    both = (("first", found.a), ("second", found.b))
    header = ("candidate", "verdict", "worst residual / bound", "promised", "computed in", "explained by")
    rows = tuple(_row(name, result) for name, result in both)
    table = Table(header, rows, tuple(TONES.get(result.verdict, "") for _, result in both))
    text = "Trajectories drift apart even where both are right: each is held to the equation from its own states."
    return Report(
        title=title,
        verdict=found.verdict,
        label=PROVED if found else "",
        sentence=_sentence(found),
        tiles=tuple(Tile(f"{name}: worst residual / bound", figure(r.worst), r.label, sentence(r)) for name, r in both),
        sections=(Section("Both candidates", text, (table,)), *(s for name, r in both for s in _sections(name, r))),
        environment=environment(),
        reproduce=reproduce,
        test=test
        or "def test_both_follow_one_equation(rnn_oracle):\n    rnn_oracle.compare(a, b, rec, inputs=X, h0=h0)",
        cases=tuple(Case(name, r.verdict, sentence(r), r.summary(), "compare") for name, r in both),
        data=found.to_dict(),
    )


def _row(name: str, result: CheckResult) -> tuple[str, ...]:
    computed, found = result.computed_in or "-", result.explained_by or "-"
    return name, result.verdict, figure(result.worst), result.promised, computed, found


def _sentence(found: Comparison) -> str:
    if found:
        return "Both follow the equation, so that whatever lies between them is rounding."
    wrong = [name for name, result in (("first", found.a), ("second", found.b)) if result.verdict == found.verdict]
    says = "does not follow" if found.verdict == "fail" else "could not be shown to follow"
    return f"The {' and the '.join(wrong)} candidate {says} the equation."


def _sections(name: str, result: CheckResult) -> list[Section]:
    return [replace(part, title=f"{name}: {part.title}") for part in check_sections(result)]
