"""The statement of a gated unit, with the edits that its published implementations differ by.

Gates of a GRU are stored as r, z, n. A program that stacks them as z, r, n (Keras) and reads them as r, z, n (torch)
swaps the first two; one that writes h+ = z n + (1 - z) h (Cho et al.) has the update gate complemented, which is the
gate of negated weights, because logistic(-v) = 1 - logistic(v). Those of an LSTM are i, f, g, o; programs add 1 to the
bias of the forget gate (Keras' unit_forget_bias; TensorFlow 1's forget_bias, which is no stored number), or tie i to
1 - f.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np

from oracle.records.exact import Array
from oracle.records.gates import Gates
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence

GRU_GATES = ("reset", "update", "candidate")
LSTM_GATES = ("input", "forget", "candidate", "output")
FORGET = 1  # the place of the forget gate
PARAMETERS = ("W", "M", "b", "b_recurrent")
OPEN = 64.0  # a gate with this argument is open: 1 - logistic(64) = 1.6e-28
Parts = tuple[tuple[Array, ...], ...]


@dataclass(frozen=True, eq=False)
class GatedStatement:
    """What was stated of a gated unit; `record` is the recurrence it means."""

    gates: Gates
    equation: str
    step: Fraction
    dtype: str

    staged = False
    leaky = False

    @property
    def form(self) -> str:
        """ "gru" or "lstm"."""
        return self.equation.partition("-")[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the gates, as they are stored."""
        return LSTM_GATES if self.form == "lstm" else GRU_GATES

    @property
    def activation(self) -> str:
        """Of the candidate."""
        return self.gates.activation

    @property
    def N(self) -> int:
        """Number of units."""
        return self.gates.units

    @property
    def M(self) -> Array:
        """Input weights of one gate, for their shape."""
        return self.gates.M[0]

    @property
    def b(self) -> tuple[Array, ...]:
        """Every bias of every gate."""
        return tuple(part for group in (self.gates.b, self.gates.b_recurrent) for parts in group for part in parts)

    def but(self, **changes: Any) -> GatedStatement:
        """The statement with some of it changed: fields of the statement, or of its gates."""
        own = {name: value for name, value in changes.items() if name in ("equation", "step", "dtype")}
        inner = {name: value for name, value in changes.items() if name not in own}
        return replace(self, gates=replace(self.gates, **inner), **own)

    def recurrent(self, change: Callable[[Array], Array]) -> GatedStatement:
        """With other recurrent weights in every gate."""
        return self.but(W=tuple(change(part) for part in self.gates.W))

    def recurrent_of(self, gate: int, change: Callable[[Array], Array]) -> GatedStatement:
        """With other recurrent weights in one gate."""
        return self.but(W=tuple(change(part) if g == gate else part for g, part in enumerate(self.gates.W)))

    def driving(self, change: Callable[[Array], Array]) -> GatedStatement:
        """With other input weights in every gate."""
        return self.but(M=tuple(change(part) for part in self.gates.M))

    @property
    def biases(self) -> int:
        """Number of biases that are stated: of the input, and recurrent."""
        return sum(any(group) for group in (self.gates.b, self.gates.b_recurrent))

    def biased(self, factors: tuple[int, ...]) -> GatedStatement:
        """Each bias times a factor; 0 leaves it out."""
        rest = iter(factors)
        groups = {
            name: _times(group, next(rest)) if any(group) else group
            for name, group in (("b", self.gates.b), ("b_recurrent", self.gates.b_recurrent))
        }
        return self.but(**groups)

    def biased_in(self, name: str, gate: int, factor: int) -> GatedStatement:
        """The bias "b" or "b_recurrent" of one gate times a factor."""
        group: Parts = getattr(self.gates, name)
        times = _times(group, factor)
        return self.but(**{name: tuple(times[g] if g == gate else parts for g, parts in enumerate(group))})

    def unreset(self) -> GatedStatement:
        """r = 1, but for exp(-OPEN), which is far below the roundoff of float64."""
        p = self.gates
        no_weights = (0 * part[0] for part in (p.W, p.M))
        W, M = ((zero, *part[1:]) for zero, part in zip(no_weights, (p.W, p.M), strict=True))
        open_gate = (np.full(self.N, OPEN),)
        return self.but(W=W, M=M, b=(open_gate, *p.b[1:]), b_recurrent=((), *p.b_recurrent[1:]))

    def unreset_bias(self) -> list[GatedStatement]:
        """r * (W h) + c for r * (W h + c)."""
        p = self.gates
        if self.equation != "gru" or not any(np.any(part != 0) for part in p.b_recurrent[2]):
            return []
        b, b_recurrent = (*p.b[:2], (*p.b[2], *p.b_recurrent[2])), (*p.b_recurrent[:2], ())
        return [self.but(b=b, b_recurrent=b_recurrent)]

    def reordered(self, order: tuple[int, ...], names: tuple[str, ...] = PARAMETERS) -> GatedStatement:
        """The gates in another order: gate g uses the parameters of gate order[g], those that are named."""
        p = self.gates
        return self.but(**{name: tuple(getattr(p, name)[g] for g in order) for name in names})

    def orders(self) -> list[tuple[int, ...]]:
        """Other orders of the gates: two swapped, or three moved on, as formats differ (ONNX has i, o, f, g)."""
        places = tuple(range(len(self.names)))
        moved = [(sum(a != b for a, b in zip(order, places, strict=True)), order) for order in permutations(places)]
        return [order for count, order in sorted(moved) if 0 < count <= 3]

    def complemented(self) -> GatedStatement:
        """z for 1 - z."""
        p = self.gates
        return self.but(
            W=(p.W[0], -p.W[1], p.W[2]),
            M=(p.M[0], -p.M[1], p.M[2]),
            b=(p.b[0], tuple(-part for part in p.b[1]), p.b[2]),
            b_recurrent=(p.b_recurrent[0], tuple(-part for part in p.b_recurrent[1]), p.b_recurrent[2]),
        )

    def forgetting(self, more: int) -> GatedStatement:
        """With another number added to the bias of the forget gate."""
        b = list(self.gates.b)
        b[FORGET] = (*b[FORGET], np.full(self.N, float(more)))
        return self.but(b=tuple(b))

    def coupled(self) -> GatedStatement:
        """1 - f for i, which is the gate of the forget gate's negated parameters."""
        p = self.gates
        W, M = ((-part[FORGET], *part[1:]) for part in (p.W, p.M))
        b, c = ((tuple(-part for part in group[FORGET]), *group[1:]) for group in (p.b, p.b_recurrent))
        return self.but(W=W, M=M, b=b, b_recurrent=c)

    def record(self) -> Recurrence:
        """The recurrence this statement means."""
        return Recurrence.made(self.equation, self.gates, self.step, Origin("edited", {}, None, self.dtype))


def gated_statement(rec: Recurrence) -> GatedStatement | None:
    """The statement behind a gated recurrence."""
    if not isinstance(rec.parameters, Gates):
        return None
    return GatedStatement(rec.parameters, rec.equation, rec.step, rec.dtype)


def _times(group: Parts, factor: int) -> Parts:
    if factor == 0:
        return ((),) * len(group)
    return tuple(tuple(np.asarray(factor * part) for part in parts) for parts in group)
