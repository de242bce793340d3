"""The cube as a picture: R to the right, D downwards, L into the depth; six faces numbered and coloured.

Front is the nonlinear face, back the linear one, left is time t, right is time s, top continuous, bottom discrete.
"""

from __future__ import annotations

from oracle.procedures.cube_shape import EDGES, FACES, VERTICES, Key, edges_of
from oracle.report import svg
from oracle.report.model import TONES, CubePicture, FaceView

WIDTH, HEIGHT = 880.0, 425.0
CORNER, SIDE = (96.0, 152.0), 210.0
DEPTH = (150.0, -92.0)  # so that the middle of no face is near an edge of another one
ORDER = ("R,D linear", "R,L discrete", "D,L in t", "R,L continuous", "D,L in s", "R,D nonlinear")
"""Painted from back to front."""
MARKS = {"equal": "=", "different": "≠", "undecided": "?"}
MEASURED = {
    "bitwise": "float64: bit for bit",
    "inside": "float64: inside the bound",
    "outside": "float64: outside the bound",
    "run": "float64:",
}


def place(key: Key) -> tuple[float, float]:
    """Where a vertex is drawn."""
    s, discrete, linear = (name in ("s", "discrete", "linear") for name in key)
    return CORNER[0] + SIDE * s + DEPTH[0] * linear, CORNER[1] + SIDE * discrete + DEPTH[1] * linear


def cube_picture(picture: CubePicture) -> str:
    """The picture as SVG, with a key beside it."""
    views = {view.name: view for view in picture.faces}
    number = {name: i + 1 for i, name in enumerate(FACES)}
    parts = [_face(name, views.get(name)) for name in ORDER]
    parts += [svg.line(*place(edge.start), *place(edge.end), class_="edge") for edge in EDGES]
    parts += [svg.element("circle", cx=x, cy=y, r=4.0, class_="vertex") for x, y in map(place, VERTICES)]
    parts += _axes()
    parts += [part for name in ORDER for part in _badge(name, number[name], views.get(name))]
    parts += [part for name in FACES for part in _legend(number[name], name, views.get(name))]
    says = ", ".join(f"{view.name}: {view.holds}" for view in picture.faces)
    return svg.picture(WIDTH, HEIGHT, f"The cube of rescaling, discretisation and linearisation. {says}", *parts)


def _tone(view: FaceView | None) -> str:
    if view is not None and view.measured == "outside":
        return "bad"
    return "quiet" if view is None else TONES.get(view.holds, "quiet")


def _face(name: str, view: FaceView | None) -> str:
    first, second, third, fourth = edges_of(name)
    corners = [place(first.start), place(first.end), place(second.end), place(third.end)]
    assert fourth.end == second.end, "the four edges close"
    return svg.polygon(corners, svg.title(name), class_=f"face {_tone(view)}")


def _centre(name: str) -> tuple[float, float]:
    one, _, other, _ = edges_of(name)
    (ax, ay), (bx, by) = place(one.end), place(other.end)
    return (ax + bx) / 2, (ay + by) / 2


def _badge(name: str, number: int, view: FaceView | None) -> list[str]:
    x, y = _centre(name)
    kind = "solid" if view is not None and view.measured == "bitwise" else ""
    return [
        svg.element("circle", cx=x, cy=y, r=13.0, class_=f"badge {_tone(view)} {kind}"),
        svg.text(x, y + 5, str(number), text_anchor="middle", class_=f"number {_tone(view)} {kind}"),
    ]


def _legend(number: int, name: str, view: FaceView | None) -> list[str]:
    x, y = 520.0, 4.0 + 70 * (number - 1)
    tone, kind = _tone(view), "solid" if view is not None and view.measured == "bitwise" else ""
    holds = "not compared" if view is None else f"{MARKS.get(view.holds, '')} {view.holds} (proved)"
    measured = "" if view is None else " ".join(filter(None, (MEASURED.get(view.measured, ""), view.figures)))
    return [
        svg.element("circle", cx=x, cy=y + 14, r=13.0, class_=f"badge {tone} {kind}"),
        svg.text(x, y + 19, str(number), text_anchor="middle", class_=f"number {tone} {kind}"),
        svg.text(x + 24, y + 11, name, class_="strong"),
        svg.text(x + 24, y + 29, holds, class_=f"{tone} small"),
        svg.text(x + 24, y + 46, measured, class_="mute"),
    ]


def _axes() -> list[str]:
    x, y = CORNER
    back, low = (x + DEPTH[0], y + DEPTH[1]), y + SIDE
    return [
        svg.text(x, low + 26, "time t", text_anchor="middle", class_="strong"),
        svg.text(x + SIDE, low + 26, "time s = t / r", text_anchor="middle", class_="strong"),
        svg.text(x + SIDE / 2, low + 44, "R →", text_anchor="middle", class_="mute"),
        svg.text(x - 10, y - 4, "continuous", text_anchor="end", class_="strong"),
        svg.text(x - 10, low + 4, "discrete", text_anchor="end", class_="strong"),
        svg.text(x - 10, y + SIDE / 2, "D ↓", text_anchor="end", class_="mute"),
        svg.text(x - 4, y - 24, "nonlinear", text_anchor="end", class_="strong"),
        svg.text(back[0] - 10, back[1] - 4, "linear", text_anchor="end", class_="strong"),
        svg.text((x + back[0]) / 2 - 16, (y + back[1]) / 2 - 2, "L ↗", text_anchor="end", class_="mute"),
    ]
