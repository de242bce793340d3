"""The cube as a report: six faces compared in exact arithmetic, and run in float64."""

from __future__ import annotations

from typing import Any

from oracle.claims.floats import agreement
from oracle.procedures.cube import Cube
from oracle.procedures.cube_shape import FACES
from oracle.records.layout import Samples
from oracle.report.environment import environment
from oracle.report.model import PROVED, TONES, CubePicture, FaceView, Report, Section, Table, figure


def face_views(cube: Cube, run: Samples | None = None) -> tuple[FaceView, ...]:
    """The faces, and with a run what float64 makes of those with a discrete corner."""
    return tuple(_view(cube, face, run) for face in cube.faces)


def _view(cube: Cube, face: Any, run: Samples | None) -> FaceView:
    first, second, before = FACES[face.name]
    if run is None or "D" not in (first, second, *before):
        return FaceView(face.name, face.holds, face.evidence)
    seen = agreement(cube, face.name, run)
    if seen.bitwise:
        return FaceView(face.name, face.holds, face.evidence, "bitwise")
    if seen.worst is None:
        return FaceView(face.name, face.holds, face.evidence, "run", f"largest difference {figure(seen.difference)}")
    word = "inside" if seen.worst <= 1 else "outside"
    return FaceView(face.name, face.holds, face.evidence, word, f"(difference / bound {figure(seen.worst)})")


def cube_section(title: str, cube: Cube, views: tuple[FaceView, ...]) -> Section:
    """Picture and tables of one cube."""
    rows = tuple((f"face {v.name}", v.holds, v.evidence, f"{v.measured} {v.figures}".strip()) for v in views)
    paths = tuple((f"path {p.name}", p.holds, p.evidence, "") for p in cube.paths)
    words = [view.holds for view in views] + [path.holds for path in cube.paths]
    tones = tuple(TONES.get(word, "") for word in words)
    table = Table(("square or path", "exactly", "evidence (proved)", "float64 (observed)"), (*rows, *paths), tones)
    text = f"r = {cube.r}, step {float(cube.step):g}, scheme {cube.scheme}{', L collapsed' if cube.collapsed else ''}."
    return Section(title, text, (CubePicture(views), table))


def of_cube(cube: Cube, run: Samples | None = None, *, title: str = "The cube", reproduce: str = "") -> Report:
    """The model of a cube's report."""
    words = {part.holds for part in (*cube.faces, *cube.paths)}
    verdict = "fail" if "different" in words else "undecided" if "undecided" in words else "pass"
    says = {"pass": "commute", "fail": "do not all commute", "undecided": "could not all be compared"}[verdict]
    return Report(
        title=title,
        verdict=verdict,
        label=PROVED,
        sentence=f"Rescaling, discretisation and linearisation of this network {says}.",
        sections=(cube_section("Six faces, six paths", cube, face_views(cube, run)),),
        environment=environment(),
        reproduce=reproduce,
        data=cube.to_dict(),
    )
