"""The cube on a network the project trained: proved, run in float64 at r = 4 and r = 3, and a counterexample."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from oracle.data import flipflop, pulses
from oracle.demo.part import Outcome, Part
from oracle.procedures.cube import Cube
from oracle.records.layout import samples
from oracle.report.model import CubePicture, FaceView, Listing, Section, Table
from oracle.report.of_cube import cube_section, face_views

STEP = Fraction(1, 50)
STEPS = 12
SIXTEENTHS = 16  # an operating point of short dyadic numbers keeps exact arithmetic short
EXACT, ROUNDED = 4, 3  # a power of two, and a factor that is none
RD = ("R,D nonlinear", "R,D linear")


def the_cube(seed: int = 14) -> Part:
    """Six faces and six paths, then the collapsed Jacobian under exponential Euler."""
    net = flipflop()
    rng = np.random.default_rng(seed)
    run = samples(
        pulses(STEPS, net.I, seed) + rng.normal(0, 0.1, (STEPS, net.I)), rng.uniform(-0.9, 0.9, net.N), N=net.N, I=net.I
    )
    at = tuple((2 * rng.integers(-SIXTEENTHS, SIXTEENTHS, size) + 1) / (2 * SIXTEENTHS) for size in (net.N, net.I))
    cubes = {r: Cube(net, r=r, step=STEP, at=at) for r in (EXACT, ROUNDED)}
    views = {r: face_views(cube, run) for r, cube in cubes.items()}
    broken = Cube(net, r=ROUNDED, step=STEP, at=at, scheme="exponential-euler", collapsed=True)
    rows = tuple(
        (four.name, four.holds, _seen(four), _seen(three), lost.holds)
        for four, three, lost in zip(views[EXACT], views[ROUNDED], broken.faces, strict=True)
    )
    header = ("face", "proved", f"float64, r = {EXACT}", f"float64, r = {ROUNDED}", "collapsed Jacobian")
    text = (
        f"Rescaling R, discretisation D and linearisation L of a trained network ({net.N} units, flip-flop task), "
        f"forward Euler, step {float(STEP):g}."
    )
    gap = next((face for face in broken.faces if face.name == "D,L in t"), None)
    told = (
        "The counterexample: exponential Euler after the Jacobian was collapsed into one matrix. "
        f"Face D,L: {gap.holds if gap else '-'}, {gap.evidence if gap else '-'}."
    )
    section = Section("The cube", text, (Table(header, rows), Listing((told,))))
    more = (
        *(cube_section(f"The cube at r = {r}", cube, views[r]) for r, cube in cubes.items()),
        Section("The counterexample", told, (CubePicture(face_views(broken)),)),
    )
    return Part(section, tuple(_outcomes(cubes, views, broken)), more)


def _seen(view: FaceView) -> str:
    return " ".join(filter(None, (view.measured, view.figures))) or "-"


def _outcomes(cubes: dict[int, Any], views: dict[int, tuple[FaceView, ...]], broken: Any) -> list[Outcome]:
    outcomes = [Outcome(f"all faces and paths at r = {r}", "True", str(cube.commutes)) for r, cube in cubes.items()]
    measured = {(r, view.name): view.measured for r, seen in views.items() for view in seen}
    for name in RD:
        outcomes.append(Outcome(f"{name} at r = {EXACT}", "bitwise", measured[EXACT, name]))
        outcomes.append(Outcome(f"{name} at r = {ROUNDED}", "inside", measured[ROUNDED, name]))
    lost = {face.name: face.holds for face in broken.faces}
    return [*outcomes, Outcome("D,L with the collapsed Jacobian", "different", lost["D,L in t"])]
