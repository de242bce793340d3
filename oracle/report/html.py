"""The HTML renderer: one file that needs nothing else. Every text from outside goes through `_text`."""

from __future__ import annotations

from functools import singledispatch
from html import escape
from typing import Any

from oracle.report.cube_picture import cube_picture
from oracle.report.histogram import histogram
from oracle.report.mathml import typeset
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
)
from oracle.report.plot import residual_plot
from oracle.report.style import CSS

COLUMNS = 9  # of a table that fits on a page of the usual width

# Scripts, frames and anything from elsewhere are refused by the browser too, should an escape ever be forgotten.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render(report: Report) -> str:
    """The report as one HTML document."""
    body = [
        _header(report),
        _tiles(report.tiles),
        _opening(report),
        *(_section(section) for section in report.sections),
        "" if report.opening else _pasted(report),
        _environment(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(report.verdict)}: {_text(report.title)}</title>\n<style>{CSS}</style>\n</head>\n"
        f'<body>\n<main class="{"wide" if _wide(report) else ""}">\n'
        f"{chr(10).join(part for part in body if part)}\n</main>\n</body>\n</html>\n"
    )


def _wide(report: Report) -> bool:
    """Whether there are columns side by side, or tables of many."""
    tables = (block for section in report.sections for block in section.blocks if isinstance(block, Table))
    return bool(report.opening) or any(len(table.header) > COLUMNS for table in tables)


def _text(value: Any) -> str:
    return escape(str(value), quote=True)


def _label(label: str) -> str:
    return f' <span class="label">{_text(label)}</span>' if label else ""


def _header(report: Report) -> str:
    word = f'<span class="word">{_text(report.verdict)}</span>{_label(report.label)}'
    return (
        f'<header class="{report.tone}"><h1>{_text(report.title)}</h1><p>{word} {_text(report.sentence)}</p></header>'
    )


def _tiles(tiles: tuple[Tile, ...]) -> str:
    if not tiles:
        return ""
    return '<div class="tiles">' + "".join(map(_tile, tiles)) + "</div>"


def _tile(tile: Tile) -> str:
    note = f"<span>{_text(tile.note)}</span>" if tile.note else ""
    formulas = "".join(f"<span>{_text(name)} {_formula(formula)}</span>" for name, formula in tile.formulas)
    return (
        f'<div class="tile"><span>{_text(tile.name)}{_label(tile.label)}</span><b>{_text(tile.value)}</b>'
        f"{formulas or note}</div>"
    )


def _formula(formula: Formula) -> str:
    return typeset(formula.latex) or f"<code>{_text(formula.text)}</code>"


def _opening(report: Report) -> str:
    """The columns that are seen first; what is to be pasted begins the last one."""
    columns = ["\n".join(map(_section, sections)) for sections in report.opening]
    if not columns:
        return ""
    columns[-1] = _pasted(report) + columns[-1]
    return '<div class="opening">' + "".join(f"<div>{column}</div>" for column in columns) + "</div>"


def _section(section: Section) -> str:
    text = f"<p>{_text(section.text)}</p>" if section.text else ""
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f"<section><h2>{_text(section.title)}</h2>{text}\n{blocks}</section>"


@singledispatch
def _block(block: Any) -> str:
    raise TypeError(f"no HTML for a {type(block).__name__}")


@_block.register
def _(block: Table) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in block.header)
    tones = block.tones or ("",) * len(block.rows)
    rows = "".join(
        f'<tr class="{_text(tone)}">' + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>"
        for tone, row in zip(tones, block.rows, strict=True)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


@_block.register
def _(block: Listing) -> str:
    labels = block.labels or ("",) * len(block.items)
    pairs = zip(block.items, labels, strict=True)
    return "<ul>" + "".join(f"<li>{_text(item)}{_label(label)}</li>" for item, label in pairs) + "</ul>"


@_block.register
def _(block: Code) -> str:
    return f"<pre>{_text(block.text)}</pre>"


@_block.register
def _(block: Formula) -> str:
    return f'<div class="scroll formula">{_formula(block)}</div>'


@_block.register
def _(block: ResidualPlot) -> str:
    return residual_plot(block)


@_block.register
def _(block: Histogram) -> str:
    return histogram(block)


@_block.register
def _(block: CubePicture) -> str:
    caption = f"<p>{_text(block.caption)}</p>" if block.caption else ""
    return cube_picture(block) + caption


def _pasted(report: Report) -> str:
    texts = (("To make this run again", report.reproduce), ("The test to paste", report.test))
    return "".join(f"<section><h2>{title}</h2><pre>{_text(text)}</pre></section>" for title, text in texts if text)


def _environment(report: Report) -> str:
    versions = ", ".join(f"{_text(name)} {_text(value)}" for name, value in report.environment.items())
    return f"<footer>{versions}</footer>" if versions else ""
