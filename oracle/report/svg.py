"""A few SVG elements as text. Everything that comes from outside is escaped here, and nowhere else."""

from __future__ import annotations

from html import escape
from typing import Any


def element(name: str, *children: str, **attributes: Any) -> str:
    """<name attributes>children</name>; children are markup already, attributes are escaped.

    Underscores in names become hyphens, and a trailing one is dropped (class_).
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>"


def _number(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(x: float, y: float, content: str, **attributes: Any) -> str:
    """A line of text; content is escaped."""
    return element("text", escape(content), x=float(x), y=float(y), **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: Any) -> str:
    """A straight line."""
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), **attributes)


def polyline(points: list[tuple[float, float]], **attributes: Any) -> str:
    """Line segments through points."""
    return element("polyline", points=_points(points), fill="none", **attributes)


def polygon(points: list[tuple[float, float]], *children: str, **attributes: Any) -> str:
    """A filled outline."""
    return element("polygon", *children, points=_points(points), **attributes)


def title(content: str) -> str:
    """A tooltip, and what a screen reader says."""
    return element("title", escape(content))


def picture(width: float, height: float, description: str, *children: str) -> str:
    """The whole picture; it scales to the width it is given."""
    return element(
        "svg",
        title(description),
        *children,
        viewBox=f"0 0 {_number(float(width))} {_number(float(height))}",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{_number(float(x))},{_number(float(y))}" for x, y in points)
