"""What a report says, whatever it looks like: a verdict, tiles, sections made of blocks. No markup, no arithmetic.

Every number carries its label: "proved" (certified arithmetic), "exhaustive" (every case was tried) or "observed".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROVED, EXHAUSTIVE, OBSERVED = "proved", "exhaustive", "observed"
ASSUMED = "assumed"  # what a proof takes for granted
TONES = {
    "pass": "good",
    "holds": "good",
    "equal": "good",
    "fail": "bad",
    "violated": "bad",
    "different": "bad",
    "undecided": "open",
    "not applicable": "quiet",
}
"""Verdict -> how it is shown: good, bad, open or quiet."""


@dataclass(frozen=True)
class Table:
    """Rows of text; `tones` colours whole rows by verdict (good, bad, open, quiet or empty)."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    tones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """A list of sentences, in the order of their importance; `labels` says what each is worth, where that is said."""

    items: tuple[str, ...]
    labels: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """Sentences with their labels in brackets."""
        if not self.labels:
            return self.items
        return tuple(f"{item} ({label})" for item, label in zip(self.items, self.labels, strict=True))


@dataclass(frozen=True)
class Code:
    """Text to be pasted."""

    text: str


@dataclass(frozen=True)
class Formula:
    """A formula in LaTeX, of the project's own making, and what stands for it in plain text."""

    latex: str
    text: str


@dataclass(frozen=True)
class ResidualPlot:
    """Residual against bound per step; step k is H[k]. `levels` are horizontal lines (text, value)."""

    residuals: tuple[float, ...]
    bounds: tuple[float, ...]
    violation: int | None = None
    levels: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Bar:
    """How often something was seen: its words, its count, and a tone as in `TONES`, or none."""

    words: str
    count: int
    tone: str = ""


@dataclass(frozen=True)
class Histogram:
    """Bars from left to right."""

    bars: tuple[Bar, ...]
    caption: str = ""


@dataclass(frozen=True)
class FaceView:
    """One face of the cube: what is proved of it, and what float64 makes of it.

    `holds` is "equal", "different" or "undecided"; `measured` is "bitwise", "inside" or "outside" the bound, "run"
    where there is no bound, or empty.
    """

    name: str
    holds: str
    evidence: str
    measured: str = ""
    figures: str = ""


@dataclass(frozen=True)
class CubePicture:
    """The six faces, in the order of `oracle.procedures.cube_shape.FACES`."""

    faces: tuple[FaceView, ...]
    caption: str = ""


@dataclass(frozen=True)
class Tile:
    """One headline number or word, with the label that says what it is worth, and formulas with their names."""

    name: str
    value: str
    label: str = ""
    note: str = ""
    formulas: tuple[tuple[str, Formula], ...] = ()


Block = Table | Listing | Code | Formula | ResidualPlot | Histogram | CubePicture


@dataclass(frozen=True)
class Section:
    """A heading, a sentence or two, and blocks."""

    title: str
    text: str = ""
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Case:
    """One result among many, for programs that count cases; `details` is text of several lines."""

    name: str
    verdict: str
    sentence: str
    details: str = ""
    group: str = "rnn-oracle"

    @property
    def tone(self) -> str:
        """How the verdict is shown."""
        return TONES.get(self.verdict, "quiet")


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes
    ----------
    title, verdict, label, sentence : str
        The heading, the verdict's word, what it is worth, and the verdict as a sentence.
    tiles, sections : tuple
    environment : mapping
        Versions the run was made with.
    reproduce : str
        A line that makes the run again.
    data : mapping
        The result as plain values, for programs.
    opening : tuple of tuples of Section
        Columns of the sections that come first, side by side where there is room, beside the lines to paste.
    test : str
        A test to paste.
    cases : tuple of Case
        The results of a report on many; empty where it is on one.
    """

    title: str
    verdict: str
    sentence: str
    label: str = ""
    tiles: tuple[Tile, ...] = ()
    sections: tuple[Section, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    reproduce: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    opening: tuple[tuple[Section, ...], ...] = ()
    test: str = ""
    cases: tuple[Case, ...] = ()

    @property
    def all_sections(self) -> tuple[Section, ...]:
        """Every section, those of the opening first."""
        return (*(section for column in self.opening for section in column), *self.sections)

    @property
    def tone(self) -> str:
        """How the verdict is shown."""
        return TONES.get(self.verdict, "quiet")


def figure(value: Any, digits: int = 3) -> str:
    """A number for a person: three digits, words for what is no number."""
    if value is None:
        return "-"
    number = float(value)
    if number != number:
        return "not a number"
    if number in (float("inf"), float("-inf")):
        return "infinite" if number > 0 else "-infinite"
    return f"{number:.{digits}g}"
