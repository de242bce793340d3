"""Gradients of a loss of the outputs of several layers, in one or two directions, as modules stack them.

    y_0 = x,   y_l = (what the directions of layer l put out, driven by y_{l-1}),   L = L(y_last)
    dL/dy_{l-1} = the sum over the directions of layer l of its gradient by its inputs

Each layer and direction is a `Question` of its own: its loss is the cotangent it receives from above, and its inputs
are values in the arithmetic. A direction that runs backwards is a recurrence over the reversed samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from oracle.procedures.parameters import Parameters
from oracle.records.exact import Array
from oracle.records.layout import Samples
from oracle.records.operator import Copies
from oracle.records.recurrence import Recurrence
from oracle.reference.gradients import INPUT, STATE, Backward, Question, assembled, backward, forward
from oracle.reference.loss import Loss

REVERSE = "_reverse"
"""How the place of a direction that runs backwards ends: "l0_reverse"."""


@dataclass(frozen=True, eq=False)
class _Received:
    """A loss known by its cotangents of the states after each step."""

    bars: list[Any]

    def cotangent(self, ops: Any, ahead: int, h: Any) -> Any:
        """That of the state `ahead` steps before the last."""
        bar = self.bars[-1 - ahead]
        return ops.scale(Fraction(0), h) if bar is None and ahead == 0 else bar


@dataclass(frozen=True, eq=False)
class _Part(Question):
    """A layer and direction whose inputs are values in an arithmetic."""

    xs: list[Any]

    def inputs(self, ops: Any) -> list[Any]:
        """These."""
        return self.xs


class Swept(NamedTuple):
    """What was seen of one layer: its inputs, and the states of every direction in its own order."""

    xs: list[Any]
    states: list[list[Any]]


@dataclass(frozen=True, eq=False)
class Layers:
    """What is differentiated, as `oracle.reference.gradients.Question`, of several recurrences.

    Attributes
    ----------
    parts : mapping
        Place ("l0", "l0_reverse", "l1", ..) -> the recurrence as a function of its parameters, layer by layer.
    starts : mapping
        Place -> initial state (batch, N).
    run : Samples
        The inputs of the first layer.
    loss : Loss
        Of the outputs of the last layer, all directions side by side.
    directions : {1, 2}
    """

    parts: Mapping[str, Parameters]
    starts: Mapping[str, Array]
    run: Samples
    loss: Loss
    directions: int = 1

    @property
    def recs(self) -> tuple[Recurrence, ...]:
        """Of every place."""
        return tuple(part.rec for part in self.parts.values())

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every gradient by name: "l0.W", .., "l0.h0", .., "inputs"."""
        made = {f"{place}.{name}": s for place, part in self.parts.items() for name, s in part.shapes.items()}
        return made | {f"{place}.{STATE}": h.shape for place, h in self.starts.items()} | {INPUT: self.run.X.shape}

    def scaled(self, factor: Fraction) -> Layers:
        """The same of a multiple of the loss."""
        return replace(self, loss=self.loss.scaled(factor))

    @property
    def _layers(self) -> list[list[str]]:
        places, count = list(self.parts), self.directions
        return [places[i : i + count] for i in range(0, len(places), count)]

    def states(self, ops: Any) -> tuple[list[Swept], list[Any]]:
        """All layers, and the outputs of the last one, in an arithmetic."""
        xs, swept = [ops.lift(np.ascontiguousarray(x.T)) for x in self.run.X], []
        for places in self._layers:
            states = [forward(ops, self._part(place, _Received([]), xs)) for place in places]
            swept.append(Swept(xs, states))
            xs = self._outputs(ops, places, states)
        return swept, xs

    def gradients(
        self, ops: Any, entries: Callable[[Any], Array], way: Backward | None = None, states: Any = None
    ) -> dict[str, Array]:
        """Gradients by name in an arithmetic; `entries` turns a value into an object or float array."""
        swept, outputs = self.states(ops) if states is None else states
        steps, made, received_below = self.run.steps, dict[str, Array](), list[Any]()
        bars = [self.loss.cotangent(ops, steps - 1 - k, y) for k, y in enumerate(outputs)]
        for places, layer in reversed(list(zip(self._layers, swept, strict=True))):
            below: list[list[Any]] = [[] for _ in range(steps)]
            for at, (place, states_) in enumerate(zip(places, layer.states, strict=True)):
                received = _turned([self._taken(ops, places, at, bar) for bar in bars], place)
                part = self._part(place, _Received(received), layer.xs)
                pieces = backward(ops, part, states_, way)
                found = assembled(part, pieces, entries)
                made |= {f"{place}.{name}": value for name, value in found.items() if name != INPUT}
                for k, bar in enumerate(_turned([pieces[INPUT, k] for k in range(steps)], place)):
                    below[k] += [] if bar is None else [bar]
            received_below = [ops.sum(each) if each else None for each in below]
            bars = received_below if way is None or way.below else [None] * steps
        zero = np.zeros(self.run.X.shape[1:])
        made[INPUT] = np.stack([zero if bar is None else entries(bar).T for bar in received_below])
        return {name: made[name] for name in self.shapes}

    def _part(self, place: str, received: Any, xs: list[Any]) -> _Part:
        traced, start = self.parts[place], self.starts[place]
        X = np.zeros((self.run.steps, self.run.batch, traced.rec.I))  # for its shape
        return _Part(traced, Samples(X, start, True), received, _turned(xs, place))

    def _outputs(self, ops: Any, places: list[str], states: list[list[Any]]) -> list[Any]:
        """What the next layer sees, by step: the outputs of all directions side by side."""
        recs = [self.parts[place].rec for place in places]
        total, operators, row = sum(rec.outputs for rec in recs), [], 0
        for rec in recs:
            sources = np.full(total, -1)
            sources[row : row + rec.outputs] = np.arange(rec.outputs)
            operators.append(Copies.of(sources, rec.N))
            row += rec.outputs
        ordered = [_turned(each[1:], place) for each, place in zip(states, places, strict=True)]
        return [ops.affine(list(zip(operators, step, strict=True))) for step in zip(*ordered, strict=True)]

    def _taken(self, ops: Any, places: list[str], at: int, bar: Any) -> Any:
        """The cotangent of the state of one direction, from that of what all of them put out."""
        if bar is None:
            return None
        recs = [self.parts[place].rec for place in places]
        rec, row = recs[at], sum(rec.outputs for rec in recs[:at])
        sources = np.full(rec.N, -1)
        sources[: rec.outputs] = row + np.arange(rec.outputs)
        return ops.affine([(Copies.of(sources, sum(rec.outputs for rec in recs)), bar)])


def _turned(values: list[Any], place: str) -> list[Any]:
    return values[::-1] if place.endswith(REVERSE) else values
