"""C3: rescaling and linearisation commute, always, at the matching operating point.

    R_r L_{(h*, x*)} = L_{(h*, x*)} R_r

W, M and b are untouched by R, so z* = W h* + M x* + b is the same number in both orders. Along a trajectory the
nominal path has to be pulled back, h*(r s): it is a function of time as well.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from oracle.claims.c02 import kink
from oracle.claims.predicates import (
    PULLED_BACK,
    SAME_POINT,
    differentiable,
    identity,
    pulled_back,
    same_point,
    tangency,
)
from oracle.claims.result import Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.procedures.sameness import Sameness, compared
from oracle.records.network import Network

STATEMENT = (
    "Rescaling time and linearising commute at any operating point, for any time constants, before and after "
    "discretisation; along a trajectory the nominal path is pulled back with the time."
)
LATEX = r"R_r\,L_{(h^*,x^*)} = L_{(h^*,x^*)}\,R_r,\qquad h^*(t)\mapsto h^*(r s)"


def evaluate(setting: Setting) -> Evaluated:
    """The faces R,L of the cube, and L of the rescaled network against derivatives by dual numbers."""
    assumptions = (differentiable(setting), same_point(setting), pulled_back(setting))
    if assumptions[0].holds is False:
        return Evaluated(assumptions, Fraction(0), None, ("there is no tangent to compare",))
    faces = [setting.cube.face(name) for name in ("R,L continuous", "R,L discrete")]
    outcomes = [(face.name, Sameness(face.holds, face.evidence, face.gap)) for face in faces]
    rescaled = setting.net.rescale(setting.r)
    linear = rescaled.linearize(setting.at_after)
    outcomes.append(("L of the rescaled network", tangency(rescaled, linear, setting.at_after)))
    return identity(assumptions, outcomes)


# -- counterexamples --------------------------------------------------------------------------------------------------
def example() -> Network:
    """One rectified unit with its kink at h = 1/2."""
    return Network.rate([[1.0]], None, [-0.5], tau=0.5, activation="relu")


def _orders(first: float, second: float) -> Fraction:
    """R after L at one state against L at another after R: the certified difference."""
    net, r = example(), 3
    outcome = compared(net.linearize(([first], None)).rescale(r), net.rescale(r).linearize(([second], None)))
    return Fraction(outcome.gap or 0)


def other_point() -> Counterexample:
    """Different operating points on the two sides of a kink."""
    return Counterexample(
        SAME_POINT,
        "one rectified unit linearised at h* = 1 before R and at h* = 1/4 after it: r / tau differs by 6",
        _orders(1.0, 0.25),
        "exact rational",
    )


def not_pulled_back() -> Counterexample:
    """The nominal path h*(t) = t, read at s = 1/4 instead of r s = 3/4."""
    return Counterexample(
        PULLED_BACK,
        "nominal path h*(t) = t, r = 3: at s = 1/4 it is read as h*(s) = 1/4 instead of h*(r s) = 3/4",
        _orders(0.75, 0.25),
        "exact rational",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (kink(), other_point(), not_pulled_back())


CLAIM = Claim(
    "C3",
    "rescaling and linearisation commute",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c03_rescaling_linearisation"),
)
