"""A recurrence to be followed: what the engines are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oracle.arithmetic.ball import Ball
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.recurrence import Recurrence


@dataclass(frozen=True)
class Problem:
    """A recurrence with exact inputs, one (I, columns) array per step, and an exact initial state (N, columns)."""

    rec: Recurrence
    inputs: tuple[Array, ...]
    h0: Array
    digits: int

    def starts(self, ops: Ball) -> tuple[Any, list[Any]]:
        """The initial state and the inputs as balls."""
        return ops.lift(self.h0), [ops.lift(x) for x in self.inputs]

    @property
    def normal_form(self) -> bool:
        """Whether one step is A h + B s(W h + M x + b) + E x + c."""
        return isinstance(self.rec.parameters, Lure) and self.rec.equation == "lure"
