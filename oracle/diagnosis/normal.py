"""The statement behind a record that is no convention: coefficients of the normal form, given one by one.

    A h + B s(W h + M x + b) + E x + c       of the step, or of the field of a scheme with stages

The recurrent weights are W where it is dense, and otherwise B, whose nonlinearity is inside; the input weights are M,
or E where there is no M; the biases are b and c. What is left of a convention's edits are those of weights, biases and
the activation, and factors of whole parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.records.exact import Array, exact_object
from oracle.records.lure import Lure
from oracle.records.operator import Operator, spread
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Staged

MOST_EXPANDED = 512  # units up to which a dense A is looked at entry by entry


@dataclass(frozen=True, eq=False)
class NormalStatement:
    """Coefficients that were stated; `record` is the recurrence they mean."""

    p: Lure
    rec: Recurrence

    form = "normal"
    leaky = False

    @property
    def staged(self) -> bool:
        """Whether the coefficients are those of a field."""
        return isinstance(self.rec.parameters, Staged)

    @property
    def activation(self) -> str:
        """Of the nonlinearity."""
        return self.p.activation

    @property
    def N(self) -> int:
        """Number of units."""
        return self.p.state_size

    @property
    def recurrent_place(self) -> str:
        """Which coefficient holds the recurrent weights: "W" or "B"."""
        return "B" if self.p.W.is_diagonal and not self.p.B.is_diagonal else "W"

    @property
    def driving_place(self) -> str:
        """Which coefficient holds the input weights: "M" or "E"."""
        return "M" if _dense(self.p.M) is not None or not self.p.E.terms else "E"

    @property
    def W(self) -> Array:
        """The recurrent weights; nothing where they are diagonal."""
        return _found(_dense(getattr(self.p, self.recurrent_place)))

    @property
    def M(self) -> Array:
        """The input weights."""
        return _found(_dense(getattr(self.p, self.driving_place)))

    @property
    def b(self) -> tuple[Array, ...]:
        """Biases, inside and outside."""
        return (*self.p.b, *self.p.c)

    @property
    def biases(self) -> int:
        """Number of biases that are stated."""
        return len(self.b)

    def biased(self, factors: tuple[int, ...]) -> NormalStatement:
        """Each bias times a factor; 0 leaves it out."""
        made = [exact_object(part) * k if k != 1 else part for k, part in zip(factors, self.b, strict=True)]
        kept = [part if k else None for k, part in zip(factors, made, strict=True)]
        inside = len(self.p.b)
        return self.but(
            inner=tuple(part for part in kept[:inside] if part is not None),
            outer=tuple(part for part in kept[inside:] if part is not None),
        )

    def recurrent(self, change: Callable[[Array], Array]) -> NormalStatement:
        """With other recurrent weights."""
        return self._with(self.recurrent_place, change)

    def driving(self, change: Callable[[Array], Array]) -> NormalStatement:
        """With other input weights."""
        return self._with(self.driving_place, change)

    def _with(self, place: str, change: Callable[[Array], Array]) -> NormalStatement:
        op: Operator = getattr(self.p, place)
        terms = tuple(t if t.dense is None else replace(t, dense=np.asarray(change(t.dense))) for t in op.terms)
        return self.but(**{place: Operator(op.shape, terms)})

    def but(self, **changes: Any) -> NormalStatement:
        """With other coefficients: operators A, B, W, M, E, the activation, or biases `inner` and `outer`."""
        names = {"inner": "b", "outer": "c"}
        return replace(self, p=replace(self.p, **{names.get(name, name): value for name, value in changes.items()}))

    def times(self, factor: Any, names: str = "ABEc") -> NormalStatement:
        """Parts of the result times a number, or a number for each unit."""
        made = {name: getattr(self.p, name).scaled(factor) for name in names if name != "c"}
        if "c" in names:
            made["outer"] = tuple(factor * exact_object(part) for part in self.p.c)
        return self.but(**made)

    def record(self) -> Recurrence:
        """The recurrence these coefficients mean."""
        rec = self.rec
        made: Any = Staged(self.p, rec.parameters.step) if isinstance(rec.parameters, Staged) else self.p
        return Recurrence.made(rec.equation, made, rec.step, Origin("edited", {}, None, rec.dtype))


def normal_statement(rec: Recurrence) -> NormalStatement | None:
    """The coefficients behind a recurrence in the normal form, or of a field in it."""
    p = rec.parameters.field if isinstance(rec.parameters, Staged) else rec.parameters
    return NormalStatement(p, rec) if isinstance(p, Lure) else None


def turned_leak(s: NormalStatement) -> list[NormalStatement]:
    """A of the wrong sign; and the bilinear rule of it, (1 + a/2) / (1 - a/2) with -a, which is 1 / A of every unit."""
    if not s.p.A.terms:
        return []
    turned = [s.times(Fraction(-1), "A")]
    A = None if s.staged else _diagonal(s.p.A)
    if A is None or np.any(A == 0):
        return turned
    inverse = 1 / A
    return [*turned, s.times(inverse).but(A=Operator.diagonal(inverse, s.N))]


def undecayed(s: NormalStatement) -> list[NormalStatement]:
    """The state is kept as it is, or a field without a leak."""
    if not s.p.A.terms:
        return []
    return [s.but(A=Operator.zero(s.N, s.N) if s.staged else Operator.diagonal(Fraction(1), s.N))]


def _diagonal(op: Operator) -> Array | None:
    """The diagonal of an operator that has nothing else, however it was given."""
    if op.is_diagonal:
        return spread(op.diagonal_factor(), op.shape[0])
    if op.shape[0] > MOST_EXPANDED:
        return None
    matrix = op.expanded
    return np.diag(matrix) if np.count_nonzero(matrix) == np.count_nonzero(np.diag(matrix)) else None


def _dense(op: Operator) -> Array | None:
    return next((t.dense for t in op.terms if t.dense is not None), None)


def _found(matrix: Array | None) -> Array:
    return np.zeros((0, 0)) if matrix is None else matrix
