"""Many checks as one report: a table of all, and the sections of those that did not pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from oracle.check.result import CheckResult
from oracle.report.environment import environment
from oracle.report.model import TONES, Case, Report, Section, Table, figure
from oracle.report.of_check import check_sections, sentence


def of_session(checks: Sequence[tuple[str, str, CheckResult]]) -> Report:
    """The model of a session's report.

    Parameters
    ----------
    checks : sequence of (test, what, CheckResult)
    """
    verdicts = [result.verdict for *_, result in checks]
    verdict = next((word for word in ("fail", "undecided", "pass") if word in verdicts), "nothing was checked")
    header = ("test", "", "verdict", "worst residual / bound", "promised", "explained by")
    rows = tuple(
        (test, what, r.verdict, figure(r.worst), r.promised, r.explained_by or "-") for test, what, r in checks
    )
    table = Section("All checks", "", (Table(header, rows, tuple(TONES.get(word, "") for word in verdicts)),))
    return Report(
        title="rnn-oracle in this test session",
        verdict=verdict,
        sentence=f"{verdicts.count('pass')} of {len(checks)} checks passed.",
        sections=(table, *(part for check in checks if not check[2] for part in _failed(*check))),
        environment=environment(),
        cases=tuple(_case(*check) for check in checks),
        data={"checks": [{"test": test, "what": what, **result.to_dict()} for test, what, result in checks]},
    )


def _case(test: str, what: str, result: CheckResult) -> Case:
    """One check; a pytest node "file::test" is grouped by its file."""
    group, _, name = test.partition("::")
    return Case(f"{name or group} ({what})", result.verdict, sentence(result), result.summary(), group)


def _failed(test: str, what: str, result: CheckResult) -> list[Section]:
    first, *others = check_sections(result)
    lead = Section(f"{test} ({what})", sentence(result))
    return [lead, *(replace(part, title=f"{test}: {part.title}") for part in (first, *others))]
