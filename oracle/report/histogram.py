"""How often: bars side by side, each with its words below and its count above."""

from __future__ import annotations

from oracle.report import svg
from oracle.report.model import Histogram

WIDTH, HEIGHT = 880.0, 190.0
TOP, BOTTOM, GAP = 26.0, 30.0, 0.22  # the gap is a part of a bar's place


def histogram(block: Histogram) -> str:
    """The bars as SVG."""
    most = max((bar.count for bar in block.bars), default=0) or 1
    place = WIDTH / max(len(block.bars), 1)
    parts = []
    for i, bar in enumerate(block.bars):
        height = (HEIGHT - TOP - BOTTOM) * bar.count / most
        left, foot, middle = (i + GAP / 2) * place, HEIGHT - BOTTOM, (i + 0.5) * place
        shape = {"x": left, "y": foot - height, "width": place * (1 - GAP), "height": height}
        parts += [
            svg.element("rect", svg.title(f"{bar.words}: {bar.count}"), class_=f"bar {bar.tone}".rstrip(), **shape),
            svg.text(middle, foot - height - 6, str(bar.count), text_anchor="middle", class_="mute"),
            svg.text(middle, HEIGHT - 10, bar.words, text_anchor="middle", class_="mute"),
        ]
    ground = svg.line(0, HEIGHT - BOTTOM, WIDTH, HEIGHT - BOTTOM, class_="grid")
    return svg.picture(WIDTH, HEIGHT, block.caption, ground, *parts)
