"""A recurrence to be followed: what the engines are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from oracle.arithmetic.ball import Ball
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.recurrence import Recurrence


@dataclass(frozen=True)
class Problem:
    """A recurrence with exact inputs, one (I, columns) array per step, and an exact initial state (N, columns).

    Of the states 0 .. K those in `kept` are returned, increasing; None: all of them. The others are followed, not held.
    `progress` is told the share of the steps that are done, again from 0 where a run is repeated with more bits.
    """

    rec: Recurrence
    inputs: tuple[Array, ...]
    h0: Array
    digits: int
    kept: tuple[int, ...] | None = None
    progress: Callable[[float], None] | None = None

    def tell(self, steps: int) -> None:
        """Whoever wants to know is told the share that is done."""
        if self.progress is not None:
            self.progress(steps / max(len(self.inputs), 1))

    def starts(self, ops: Ball) -> tuple[Any, Iterator[Any]]:
        """The initial state and the inputs as balls, one step after another."""
        return ops.lift(self.h0), (ops.lift(x) for x in self.inputs)

    @cached_property
    def _set(self) -> frozenset[int]:
        return frozenset(self.kept or ())

    def keeps(self, step: int) -> bool:
        """Whether state `step` is returned."""
        return self.kept is None or step in self._set

    def among(self, first: int, count: int) -> list[int]:
        """Which of `count` states from `first` on are returned, counted from `first`."""
        return [k for k in range(count) if self.keeps(first + k)]

    @property
    def rows(self) -> int:
        """How many states are returned."""
        return len(self.inputs) + 1 if self.kept is None else len(self.kept)

    @property
    def normal_form(self) -> bool:
        """Whether one step is A h + B s(W h + M x + b) + E x + c."""
        return isinstance(self.rec.parameters, Lure) and self.rec.equation == "lure"
