"""Rates at which errors grow, of activations whose slopes have no bound that holds everywhere: powers, expressions.

On a step x is near p. If everything within rho of p has slopes in [low, high], and the error that follows from the
logarithmic norm of those slopes stays below rho, then x never was farther away, and the error is right (continuation:
x - p starts inside and is continuous). rho is looked for among powers of two times the error there is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat, arb_poly

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.suprema import slope_range
from oracle.reference import discs
from oracle.reference.defect import Gains, sized
from oracle.reference.limits import NotReached
from oracle.reference.lipschitz import matrix
from oracle.reference.lognorm import norms
from oracle.reference.system import Step, System

_BITS = 64
_FIRST, _MOST, _TIMES = 2, 12, 8  # powers of 8 times the error, from which on rho is tried, and how many
LARGEST = 2**16
_BEGIN = Fraction(1, 64)  # of z about the first state: the norm of the whole run is chosen for slopes there


def bounded(activation: str) -> bool:
    """Whether one range of slopes holds for all arguments."""
    return None not in slope_range(activation)


def at_start(field: Any, h0: Any, piece: Any) -> tuple[Fraction, Fraction] | None:
    """Slopes about the first state; use inside `precision`."""
    ops = Ball()
    z = ops.affine([(field.W, ops.lift(h0)), (field.M, piece.in_balls(Fraction(1), 1))], field.b)
    wide = arb(0, Ball().rational(_BEGIN).abs_upper())
    return discs.slopes(field.activation, arb_mat(z.nrows(), 1, [entry + wide for entry in z.entries()]))


class Widened(ArithmeticError):
    """The error of a run exceeds 1: more bits are needed to go on."""


def watch(step: Step) -> None:
    """Let a run end that a solution would not come through.

    Raises
    ------
    Widened
        The error is larger than 1.
    oracle.reference.limits.NotReached
        The state is very large: a power may leave for infinity in finite time, in ever shorter steps.
    """
    if not step.end.error < 1:
        raise Widened
    if not all(abs(entry) < LARGEST for entry in step.end.y.entries()):
        raise NotReached(
            f"at t = {float(step.end.t):.6g} a state exceeds {LARGEST}.",
            "the slope of the activation has no bound, and the solution may become infinite in finite time.",
            "ask for earlier times, or state the network in other units.",
            t=step.end.t,
        )


@dataclass(frozen=True)
class Tube:
    """What holds within rho of a step's polynomial: a norm with its rate, and gains."""

    system: System
    rho: Any

    def holds(self, step: Step) -> bool:
        """Whether the error that follows stays inside."""
        return bool(step.error + step.spread < self.rho)


def tubes(system: System, error: Any, allowed: Any, z: Any, q: Fraction, beyond: Any) -> Any:
    """Tubes about a step, narrow ones first: z (units, length) are the arguments along it."""
    with precision(_BITS):
        field = system.lure
        W, M = (sized(matrix(Ball(), op)) for op in (field.W, field.M))
        ranges = [_hull(row, q) for row in z.tolist()]
        for k in range(_MOST):
            rho = ((error + allowed) * _TIMES**k * _FIRST).abs_upper()
            off = W * arb_mat(field.state_size, 1, system.norm.entries(rho, field.state_size))
            if beyond is not None:
                off = off + M * arb_mat(len(beyond), 1, beyond)
            wide = [r + arb(0, o.abs_upper()) for r, o in zip(ranges, off.entries(), strict=True)]
            slopes = discs.slopes(field.activation, arb_mat(len(wide), 1, wide))
            if slopes is None or not np.isfinite(float(slopes[1] - slopes[0])):
                return
            found = [norm for norm in norms(field, slopes, system.norm) if norm.name == system.norm.name]
            if not found:
                return
            yield Tube(replace(system, norm=found[0], gains=Gains.of(field, slopes)), rho)


def _hull(row: list[Any], q: Fraction) -> Any:
    """A ball that holds a polynomial on [0, q]."""
    half = Ball().rational(q / 2)
    c = arb_poly(row)(arb_poly([half, half])).coeffs()
    return (c[0] + arb(0, sum((abs(e) for e in c[1:]), arb(0)).abs_upper())) if c else arb(0)
