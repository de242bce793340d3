"""The step maps by name: what a `Recurrence` with this `equation` computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from oracle.equations import gru, implicit, lstm, lure, runge_kutta
from oracle.equations.interface import Arithmetic, V
from oracle.records.recurrence import Recurrence


class Equation(NamedTuple):
    """A step map: its drive (what does not depend on the state) and its step."""

    drive: Callable[..., Any]
    step: Callable[..., Any]


EQUATIONS: dict[str, Equation] = {
    "lure": Equation(lure.drive, lure.step),
    **{name: Equation(runge_kutta.drive, runge_kutta.stepper(name)) for name in runge_kutta.TABLEAUS},
    **{name: Equation(implicit.drive, implicit.step) for name in implicit.THETAS},
    "gru": Equation(gru.drive, gru.step),
    "gru-reset-before": Equation(gru.drive, gru.step_reset_before),
    "lstm": Equation(lstm.drive, lstm.step),
}


def advance(ops: Arithmetic[V], rec: Recurrence, h: V, x: V) -> V:
    """One step of a recurrence in any arithmetic: h (N, columns), x (I, columns)."""
    equation = EQUATIONS[rec.equation]
    result: V = equation.step(ops, rec.parameters, h, equation.drive(ops, rec.parameters, x))
    return result
