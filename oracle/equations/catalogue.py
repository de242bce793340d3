"""The step maps by name: what a `Recurrence` with this `equation` computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
    "runge-kutta": Equation(runge_kutta.drive, runge_kutta.step),
    "gru": Equation(gru.drive, gru.step),
    "gru-reset-before": Equation(gru.drive, gru.step_reset_before),
    "lstm": Equation(lstm.drive, lstm.step),
}


@dataclass(frozen=True, eq=False)
class Repeated:
    """Parameters of a step that is another one, taken several times with one sample."""

    rec: Recurrence
    times: int

    @property
    def state_size(self) -> int:
        """N."""
        return self.rec.N

    @property
    def input_size(self) -> int:
        """I."""
        return self.rec.I

    @property
    def activation(self) -> str:
        """Name of the nonlinearity."""
        return self.rec.activation

    def __hash__(self) -> int:
        return hash((self.times, self.rec.parameters))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Repeated) and self.times == other.times and self.rec.same_map(other.rec)


def _drive_of_each(ops: Arithmetic[V], p: Repeated, x: V) -> Any:
    return EQUATIONS[p.rec.equation].drive(ops, p.rec.parameters, x)


def _every_step(ops: Arithmetic[V], p: Repeated, h: V, u: Any) -> V:
    for _ in range(p.times):
        h = EQUATIONS[p.rec.equation].step(ops, p.rec.parameters, h, u)
    return h


EQUATIONS["repeated"] = Equation(_drive_of_each, _every_step)


def advance(ops: Arithmetic[V], rec: Recurrence, h: V, x: V) -> V:
    """One step of a recurrence in any arithmetic: h (N, columns), x (I, columns)."""
    equation = EQUATIONS[rec.equation]
    result: V = equation.step(ops, rec.parameters, h, equation.drive(ops, rec.parameters, x))
    return result
