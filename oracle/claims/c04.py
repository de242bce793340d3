"""C4: the cube commutes: all six orders of R, D and L give the same record, under the union of the assumptions."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from oracle.claims import c01, c02, c03
from oracle.claims.predicates import (
    CONSTANT_FACTOR,
    DIFFERENTIABLE,
    EQUILIBRIUM,
    PULLED_BACK,
    SAME_POINT,
    SAME_SAMPLES,
    SCALE_FREE,
    SPLIT_OR_EULER,
    STEP_RESCALED,
    constant_factor,
    differentiable,
    equilibrium,
    identity,
    pulled_back,
    same_point,
    same_samples,
    scale_free,
    split_kept,
    step_rescaled,
)
from oracle.claims.result import Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.procedures.cube import Cube, Outcome
from oracle.procedures.sameness import Sameness

STATEMENT = (
    "All six orders of rescaling, discretising and linearising give the same recurrence on the same time grid, and all "
    "six faces of the cube commute, under the union of the assumptions of C1, C2 and C3."
)
LATEX = r"RDL = RLD = DRL = DLR = LRD = LDR"


def evaluate(setting: Setting) -> Evaluated:
    """Six faces and six paths, exactly."""
    assumptions = (
        constant_factor(setting),
        step_rescaled(setting),
        same_samples(setting),
        scale_free(setting),
        differentiable(setting),
        split_kept(setting),
        equilibrium(setting),
        same_point(setting),
        pulled_back(setting),
    )
    if any(a.text == DIFFERENTIABLE and a.holds is False for a in assumptions):
        return Evaluated(assumptions, Fraction(0), None, ("there is no tangent to compare",))
    parts: list[Outcome] = [*setting.cube.faces, *setting.cube.paths]
    return identity(assumptions, [(part.name, Sameness(part.holds, part.evidence, part.gap)) for part in parts])


# -- counterexamples --------------------------------------------------------------------------------------------------
def _paths(dropped: str, text: str, **options: Any) -> Counterexample:
    """A cube with one assumption dropped: the largest certified difference between two of its paths."""
    cube = Cube(c02.example(), **{"r": 3, "step": 0.5, "at": c02.POINT, **options})
    different = [path for path in cube.paths if path.holds == "different"]
    gap = max((path.gap or 0 for path in different), default=0)
    names = ", ".join(path.name for path in different)
    certificate = "exact rational" if isinstance(gap, Fraction) else "balls"
    return Counterexample(dropped, f"{text}: the paths {names} end elsewhere than R D L", gap, certificate)


def _on_a_face(dropped: str, face: str, example: Counterexample) -> Counterexample:
    """A counterexample of C1 or C3 breaks the cube, because the square is one of its faces."""
    return Counterexample(dropped, f"on the face {face}: {example.text}", example.gap, example.certificate)


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (
        _on_a_face(CONSTANT_FACTOR, "R,D", c01.varying_factor()),
        _paths(STEP_RESCALED, "the step stays Delta = 1/2 at r = 3", step_after=0.5),
        _on_a_face(SAME_SAMPLES, "R,D", c01.other_instants()),
        _on_a_face(SCALE_FREE, "R,D", c01.capped_step()),
        _on_a_face(DIFFERENTIABLE, "D,L", c02.kink()),
        _paths(SPLIT_OR_EULER, "exponential Euler, collapsed", scheme="exponential-euler", collapsed=True),
        _paths(EQUILIBRIUM, "midpoint rule off equilibrium", scheme="midpoint"),
        _paths(SAME_POINT, "another operating point after R", at_after=([0.25, 0.125], [0.75])),
        _on_a_face(PULLED_BACK, "R,L", c03.not_pulled_back()),
    )


CLAIM = Claim("C4", "the cube commutes", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c04_cube"))
