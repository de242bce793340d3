"""Flows of softplus with a threshold, proved for as long as no argument reaches it.

Beyond beta z = threshold the frameworks return z itself, and s jumps by log(1 + e^-threshold)/beta: the right-hand side
is discontinuous there. As long as every z stays below, the flow is that of softplus without a threshold, which is
followed with its proven error; on every step z = W h + M x + b, its error included, is compared with the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from flint import arb, arb_mat, arb_poly

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.ball_series import BallSeries
from oracle.equations.activations import ACTIVATIONS
from oracle.records.lure import Lure
from oracle.records.names import parsed, spelled
from oracle.reference.defect import sized
from oracle.reference.limits import NotProved
from oracle.reference.lipschitz import matrix
from oracle.reference.regions import Side
from oracle.reference.system import Step, System

_BITS = 64
_CLEAR = -20  # log2 of the distance from the threshold at which z counts as having reached it


def without(field: Lure) -> Lure:
    """The field whose softplus has no threshold; any other field as it is."""
    family, parameters = parsed(field.activation)
    if family != "softplus" or parameters[0] is None:
        return field
    return replace(field, activation=spelled("softplus", (None, parameters[1])))


def below(steps: Iterator[Step], system: System, inputs: Any, activation: str) -> Iterator[Step]:
    """Steps of the field without a threshold, each of them below that of `activation`.

    Raises
    ------
    oracle.reference.limits.NotProved
        An argument reaches the threshold, or cannot be kept apart from it.
    """
    (kink,) = ACTIVATIONS[activation].kinks
    with precision(_BITS):
        sizes = [sized(matrix(Ball(), op)) for op in (system.lure.W, system.lure.M)]
    for step in steps:
        if not _stays_below(step, system, inputs.piece(step.start), kink, sizes):
            raise _reached(activation, step)
        yield step


def _stays_below(step: Step, system: System, piece: Any, kink: Fraction, sizes: list[Any]) -> bool:
    """Whether kink - z(sigma) is more than what z is off by on the step, for every unit."""
    length = step.p.ncols()
    with precision(_BITS, length):
        ops, field = BallSeries(length), system.lure
        z = ops.affine([(field.W, step.p), (field.M, piece.in_balls(step.unit, length))], field.b)
        off = [sizes[0] * arb_mat(step.p.nrows(), 1, system.norm.entries(step.error + step.spread, step.p.nrows()))]
        beyond = piece.beyond(step.q * step.unit, length)
        if beyond is not None:
            off.append(sizes[1] * arb_mat(len(beyond), 1, beyond))
        near = arb(2) ** _CLEAR
        for j, unit in enumerate(z.tolist()):
            room = ops.rational(kink) - unit[0] - near - sum(m[j, 0] for m in off)
            side = Side(arb_poly([room, *(-c for c in unit[1:])]), near, _BITS)
            if side.first(step.q)[0] is not None:
                return False
    return True


def _reached(activation: str, step: Step) -> NotProved:
    low, high = float(step.start), float(step.end.t)
    (kink,) = ACTIVATIONS[activation].kinks
    return NotProved(
        f"between t = {low:.6g} and {high:.6g} an argument of {activation} comes to {float(kink):.6g}, where it jumps.",
        f"beyond, frameworks return z, {ACTIVATIONS[activation].jump:.1e} less: across a jump nothing is proved.",
        "ask for earlier times, or state softplus without a threshold if that is meant.",
        start=step.start,
        end=step.end.t,
    )
