"""The Markdown renderer, for step summaries and comments on GitHub. Every text from outside goes through `_text`.

Pictures have no Markdown: of a plot there remain the steps that decide, of a cube its faces in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import singledispatch
from typing import Any

from oracle.report.model import (
    Code,
    CubePicture,
    Formula,
    Histogram,
    Listing,
    Report,
    ResidualPlot,
    Section,
    Table,
    Tile,
    figure,
)
from oracle.report.plot import deciding_steps

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!$&])")
"""What starts markup inside a line (CommonMark 0.31, section 2.4; tables and strikethrough of GitHub; its $..$)."""
_LEADING = re.compile(r"^(\d*)([-+.)](?=\s|$)|=|-(?=-))")  # what makes a line a list, a heading or a rule


def render(report: Report) -> str:
    """The report as Markdown text."""
    parts = [
        f"## {_text(report.title)}",
        f"**{_text(report.verdict)}**{_label(report.label)} {_text(report.sentence)}",
        _tiles(report.tiles),
        *(part for section in report.all_sections for part in _section(section)),
        *_pasted("To make this run again", report.reproduce),
        *_pasted("The test to paste", report.test),
        ", ".join(f"{_text(name)} {_text(value)}" for name, value in report.environment.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(value: Any) -> str:
    """One line of text that no reader of Markdown or HTML takes for markup."""
    line = " ".join(str(value).split())
    return _LEADING.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", line))


def _label(label: str) -> str:
    return f" ({_text(label)})" if label else ""


def _tiles(tiles: tuple[Tile, ...]) -> str:
    rows = tuple((tile.name, " ".join([tile.value, *_formulas(tile)]), tile.label, tile.note) for tile in tiles)
    return _table(Table(("", "", "worth", ""), rows)) if rows else ""


def _formulas(tile: Tile) -> Iterable[str]:
    return (f"({name}: {formula.text})" for name, formula in tile.formulas)


def _section(section: Section) -> Iterable[str]:
    yield f"### {_text(section.title)}"
    yield _text(section.text)
    for block in section.blocks:
        yield _block(block)


def _pasted(title: str, text: str) -> Iterable[str]:
    return (f"### {title}", _fenced(text)) if text else ()


def _fenced(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _table(table: Table) -> str:
    rule = tuple("---" for _ in table.header)
    head = (tuple(map(_text, table.header)), rule)
    return "\n".join(f"| {' | '.join(row)} |" for row in (*head, *(tuple(map(_text, row)) for row in table.rows)))


@singledispatch
def _block(block: Any) -> str:
    raise TypeError(f"no Markdown for a {type(block).__name__}")


_block.register(Table, _table)


@_block.register
def _(block: Listing) -> str:
    return "\n".join(f"- {_text(line)}" for line in block.lines)


@_block.register
def _(block: Code) -> str:
    return _fenced(block.text)


@_block.register
def _(block: Formula) -> str:
    return _fenced(block.latex, "math")


@_block.register
def _(block: ResidualPlot) -> str:
    rows = tuple(
        (words, str(k), figure(block.residuals[k - 1]), figure(block.bounds[k - 1]))
        for words, k in deciding_steps(block)
    )
    levels = Listing(tuple(words for words, _ in block.levels))
    table = Table(("", "step", "residual", "bound"), rows)
    return "\n\n".join(_block(part) for part, any_ in ((table, rows), (levels, levels.items)) if any_)


@_block.register
def _(block: Histogram) -> str:
    return _table(Table(("", "how often"), tuple((bar.words, str(bar.count)) for bar in block.bars)))


@_block.register
def _(block: CubePicture) -> str:
    rows = tuple((view.name, view.holds, view.evidence, f"{view.measured} {view.figures}") for view in block.faces)
    table = _table(Table(("face", "exactly", "evidence", "float64"), rows))
    return "\n\n".join(filter(None, (table, _text(block.caption))))
