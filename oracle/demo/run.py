"""All parts in turn, said as they are done."""

from __future__ import annotations

import time
from collections.abc import Callable

from oracle.demo.bug_or_rounding import bug_or_rounding
from oracle.demo.frameworks import frameworks
from oracle.demo.part import Outcome, Part
from oracle.demo.the_cube import the_cube
from oracle.demo.which_equation import which_equation
from oracle.demo.which_tolerance import which_tolerance
from oracle.report.environment import environment
from oracle.report.model import OBSERVED, Report, Section, Table, Tile

PARTS: tuple[tuple[str, Callable[[], Part | None]], ...] = (
    ("which equation is this?", which_equation),
    ("which tolerance?", which_tolerance),
    ("bug or rounding?", bug_or_rounding),
    ("the cube", the_cube),
    ("a framework's module", frameworks),
)


def demo_report(done: list[Part], reproduce: str = "rnn-oracle demo", seconds: float | None = None) -> Report:
    """All parts as one report; it passes if every outcome is the one it claims to show."""
    outcomes = [outcome for part in done for outcome in part.outcomes]
    unmet = [outcome for outcome in outcomes if not outcome.met]
    return Report(
        title="rnn-oracle demo",
        verdict="fail" if unmet else "pass",
        sentence=f"{len(outcomes) - len(unmet)} of {len(outcomes)} outcomes are as described, all measured now.",
        tiles=() if seconds is None else (Tile("measured in", f"{seconds:.1f} s", OBSERVED),),
        sections=(*(s for part in done for s in (part.section, *part.more)), _expected(outcomes)),
        environment=environment(),
        reproduce=reproduce,
        data={"outcomes": [{**outcome._asdict(), "met": outcome.met} for outcome in outcomes]},
    )


def _expected(outcomes: list[Outcome]) -> Section:
    rows = tuple((outcome.what, outcome.expected, outcome.seen) for outcome in outcomes)
    tones = tuple("good" if outcome.met else "bad" for outcome in outcomes)
    return Section("What was to be shown, and what was seen", "", (Table(("", "expected", "seen"), rows, tones),))


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def __call__(self) -> float:
        return time.perf_counter() - self._start
