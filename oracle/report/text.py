"""The plain text renderer: sections for a terminal of 100 columns. Pictures have no text; their tables say the same."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from oracle.report.model import Code, Formula, Listing, Section, Table

WIDTH = 100
GAP = "  "


def render_section(section: Section, indent: str = "  ") -> str:
    """A section as lines."""
    lines = [section.title, *(indent + line for line in wrap(section.text, WIDTH - len(indent)))]
    for block in section.blocks:
        if isinstance(block, Table):
            lines += [indent + line for line in table_lines(block)]
        elif isinstance(block, Listing):
            lines += [indent + line for item in block.lines for line in wrap(item, WIDTH - len(indent))]
        elif isinstance(block, Formula):
            lines.append(indent + GAP + block.text)
        elif isinstance(block, Code):
            lines += [indent + GAP + line for line in block.text.splitlines()]
    return "\n".join(lines)


def table_lines(table: Table) -> Iterable[str]:
    """Columns as wide as their widest cell, the last one as it is."""
    rows = [table.header, *table.rows] if any(table.header) else list(table.rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.header))]
    for row in rows:
        yield GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
