"""What a part of the demonstration hands back: a section, and whether everything came out as it says it does."""

from __future__ import annotations

from typing import NamedTuple

from oracle.check.result import CheckResult
from oracle.report.model import Section, figure


class Outcome(NamedTuple):
    """One thing the demonstration claims to show, and what the run showed."""

    what: str
    expected: str
    seen: str

    @property
    def met(self) -> bool:
        """Whether the run showed it."""
        return self.expected == self.seen


class Part(NamedTuple):
    """A section for the terminal and the report, further sections for the report alone, and the outcomes."""

    section: Section
    outcomes: tuple[Outcome, ...]
    more: tuple[Section, ...] = ()


def said(result: CheckResult) -> str:
    """Verdict and name of what was found: "pass", or "fail: leak-inside"."""
    return "pass" if result else f"{result.verdict}: {result.explained_by or 'unexplained'}"


def row(what: str, result: CheckResult) -> tuple[str, str, str, str]:
    """A check as a row: what, verdict, worst, name."""
    name = "" if result else result.explained_by or "unexplained"
    return what, result.verdict.upper(), figure(result.worst), name


HEADER = ("", "verdict", "worst residual / bound", "named")
TONE = {"PASS": "good", "FAIL": "bad", "UNDECIDED": "open"}
