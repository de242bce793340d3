"""L of a step map that leaves the normal form: its tangent, an affine map, at an operating point.

    L Phi (h, x) = Phi(h*, x*) + D_h Phi (h - h*) + D_x Phi (x - x*) = A h + E x + c

For the normal form L is a record (`linearize`); for a Runge-Kutta step it is this map, whose coefficients exist in
whichever arithmetic evaluates the step: exact rationals where the activation has rational values, balls otherwise.
The matrix exponential step of a collapsed network, exp(Delta J) h + Delta phi_1(Delta J)(E x + c), is another affine
map that no record holds exactly; it exists in balls.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from flint import arb_mat

from oracle.arithmetic.ball import Ball
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.equations.catalogue import advance
from oracle.errors import NotDecidable
from oracle.procedures.linearize import operating_point
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import sum_vectors
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Staged


class Affine(NamedTuple):
    """h+ = [A E] (h, x) + c in some arithmetic: `matrix` (N, N + I), `offset` (N, 1)."""

    matrix: Any
    offset: Any


@dataclass(frozen=True, eq=False)
class TangentStep:
    """L of a recurrence of any kind, at the operating point (h, x)."""

    recurrence: Recurrence
    at: tuple[Array, Array]

    @property
    def step(self) -> Fraction:
        """Spacing of the time grid."""
        return self.recurrence.step

    def rescale(self, r: Any) -> TangentStep:
        """R: the same map on the grid step / r."""
        return TangentStep(self.recurrence.rescale(r), self.at)

    def same_map(self, other: object) -> bool:
        """Whether both are tangents of one map at one point."""
        if not isinstance(other, TangentStep):
            return False
        same_point = all(np.array_equal(mine, theirs) for mine, theirs in zip(self.at, other.at, strict=True))
        return same_point and self.recurrence.same_map(other.recurrence)

    def affine(self, ops: Any) -> Affine:
        """The coefficients in an arithmetic."""
        return tangent_of(ops, self.recurrence, self.at)


@dataclass(frozen=True, eq=False)
class ExponentialStep:
    """D of a collapsed linear network by exponential Euler: exp(Delta J) h + Delta phi_1(Delta J) (E x + c)."""

    parameters: Staged
    step: Fraction

    def rescale(self, r: Any) -> ExponentialStep:
        """R: the same map on the grid step / r."""
        return ExponentialStep(self.parameters, self.step / Fraction(r))

    def same_map(self, other: object) -> bool:
        """Whether both are exponentials of one Delta J with one drive."""
        return isinstance(other, ExponentialStep) and self.parameters == other.parameters

    @cached_property
    def _scaled(self) -> Lure:
        return self.parameters.field.scaled(self.parameters.step)

    def affine(self, ops: Any) -> Affine:
        """The coefficients in balls: the exponential of [[J, E, c], [0, 0, 0]], whose blocks are what is wanted."""
        if not isinstance(ops, Ball):
            raise NotDecidable("the exponential of a dense matrix has no exact coefficients")
        N, width = self._scaled.state_size, self._scaled.state_size + self._scaled.input_size
        offset = sum_vectors(self._scaled.c, N)
        generator = np.full((width + 1, width + 1), Fraction(0), dtype=object)
        generator[:N] = np.concatenate([self._scaled.A.expanded, self._scaled.E.expanded, offset[:, None]], axis=1)
        flow = ops.lift(generator).exp()
        rows = [[flow[i, j] for j in range(width)] for i in range(N)]
        return Affine(arb_mat(rows), arb_mat([[flow[i, width]] for i in range(N)]))


Vertex = Network | Recurrence | TangentStep | ExponentialStep


def directional(ops: Any, rec: Recurrence, at: Any, directions: Array) -> Dual:
    """Value of a step at (h, x) and its derivatives along the columns of `directions`, (N + I, columns)."""
    h, x = operating_point(rec, at)
    state = Dual(ops.lift(h), ops.lift(directions[: rec.N]))
    drive = Dual(ops.lift(x), ops.lift(directions[rec.N :]) if rec.I else None)
    moved: Dual = advance(Tangent(ops), rec, state, drive)
    if moved.tangent is not None:
        return moved
    return Dual(moved.value, ops.lift(np.zeros((rec.N, directions.shape[1]))))


def tangent_of(ops: Any, rec: Recurrence, at: Any = None) -> Affine:
    """The tangent of a step map at (h, x), the zero point by default, in any arithmetic."""
    h, x = operating_point(rec, at)
    value, matrix = directional(ops, rec, (h, x), np.eye(rec.N + rec.I))
    point = ops.lift(np.concatenate([h, x]))
    shift = matrix * point if isinstance(ops, Ball) else matrix @ point
    return Affine(matrix, value - shift)


def affine(ops: Any, vertex: Recurrence | TangentStep | ExponentialStep) -> Affine:
    """The coefficients of a linear vertex in an arithmetic."""
    return tangent_of(ops, vertex) if isinstance(vertex, Recurrence) else vertex.affine(ops)
