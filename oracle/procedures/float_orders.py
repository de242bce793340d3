"""Both orders of a face of the cube, run in float64. What is seen here is observed, not proved.

The R,D faces under forward Euler are run as a program would run them, from the field with stored coefficients,

    h + Delta (A h + B s(W h + M x + b) + E x + c),

and, rescaled, the same expression with the *stored* A, B, E, c times r and the step divided by r, all in float64, W, M
and b untouched. For r = 2^e without under- or overflow every scaled quantity is exact, and the two agree bit for bit;
for other r they differ by roundings. Every other vertex is run as its record, each exact coefficient rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.ball import Ball, middles, precision
from oracle.arithmetic.float64 import VALUES, Float64
from oracle.equations.catalogue import advance
from oracle.procedures.cube_shape import FACES
from oracle.procedures.tangent_map import affine
from oracle.records.exact import Array
from oracle.records.layout import Samples
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors
from oracle.records.recurrence import Recurrence

Step = Callable[[Array, Array], Array]

_BITS = 128  # affine maps without exact coefficients are rounded to float64 from this many bits


class Measured(NamedTuple):
    """Two orders of one face in float64.

    Attributes
    ----------
    name : str
        The face.
    bitwise : bool
        Whether the two runs agree bit for bit.
    largest : float
        Largest difference between the two runs.
    one_step : ndarray, (N, columns)
        Differences after one step from the same states, those of the first run.
    H, X : ndarray, (N, columns), (I, columns)
        These states and their inputs.
    """

    name: str
    bitwise: bool
    largest: float
    one_step: Array
    H: Array
    X: Array


@dataclass(frozen=True)
class StoredField:
    """The coefficients of a field as a program stores them: float64; a diagonal operator as a column (N, 1)."""

    A: Array
    B: Array
    W: Array
    M: Array
    b: Array
    E: Array
    c: Array
    activation: str

    def rescaled(self, r: float) -> StoredField:
        """A, B, E and c times r, in float64."""
        return replace(self, A=r * self.A, B=r * self.B, E=r * self.E, c=r * self.c)

    def euler(self, step: float, h: Array, x: Array) -> Array:
        """h + step (A h + B s(W h + M x + b) + E x + c) for columns h (N, columns), x (I, columns)."""
        s = VALUES[self.activation](_times(self.W, h) + self.M @ x + self.b)
        return np.asarray(h + step * (_times(self.A, h) + _times(self.B, s) + self.E @ x + self.c))


def _times(stored: Array, v: Array) -> Array:
    return stored * v if stored.shape[1] == 1 and stored.shape[0] == v.shape[0] else stored @ v


def stored(field: Lure) -> StoredField:
    """The float64 coefficients of a field."""
    ops = Float64()

    def operator(op: Operator, *, keep_diagonal: bool = True) -> Array:
        if keep_diagonal and op.is_diagonal and op.shape[0] == op.shape[1]:
            ones = np.ones((op.shape[0], 1))
            return np.asarray(ops.affine([(op, ones)])) if op.terms else 0 * ones
        return np.asarray(ops.affine([(op, np.eye(op.shape[1]))]))

    def vector(parts: tuple[Array, ...], size: int) -> Array:
        return ops.lift(sum_vectors(parts, size))

    return StoredField(
        A=operator(field.A),
        B=operator(field.B),
        W=operator(field.W),
        M=operator(field.M, keep_diagonal=False),
        b=vector(field.b, field.W.shape[0]),
        E=operator(field.E, keep_diagonal=False),
        c=vector(field.c, field.state_size),
        activation=field.activation,
    )


def record_step(vertex: Any) -> Step:
    """A discrete vertex as a float64 step, every coefficient rounded once."""
    if isinstance(vertex, Recurrence):
        ops = Float64()
        return lambda h, x: np.asarray(advance(ops, vertex, h, x))
    with precision(_BITS):
        matrix, offset = (middles(part) for part in affine(Ball(), vertex))
    return lambda h, x: np.asarray(matrix @ np.concatenate([h, x]) + offset)


def orders(cube: Any, name: str) -> tuple[Step, Step]:
    """The two orders of a face as float64 steps; the first is the one without R, or with D first."""
    first, second, before = FACES[name]
    if cube.scheme == "euler" and {first, second} == {"R", "D"}:
        field = stored(cube.follow(before).field)
        moved, step, shorter = field.rescaled(float(cube.r)), float(cube.step), _divided(cube)
        return (lambda h, x: field.euler(step, h, x)), (lambda h, x: moved.euler(shorter, h, x))
    if cube.scheme == "euler" and {first, second} == {"D", "L"}:
        linear = stored(cube.follow((*before, "L")).field)
        step = float(cube.step_after if "R" in before else cube.step)
        return (lambda h, x: linear.euler(step, h, x)), record_step(cube.follow((*before, "D", "L")))
    return record_step(cube.follow((*before, second, first))), record_step(cube.follow((*before, first, second)))


def _divided(cube: Any) -> float:
    """The step in s: the stored step divided in float64, unless another step was asked for."""
    if cube.step_after == cube.step / cube.r:
        return float(cube.step) / float(cube.r)
    return float(cube.step_after)


def measured(cube: Any, name: str, run: Samples) -> Measured:
    """Run both orders of one face."""
    one, other = orders(cube, name)
    H, K = _run(one, run), _run(other, run)
    states = np.ascontiguousarray(H[:-1].reshape(-1, H.shape[2]).T)
    inputs = run.columns()
    with np.errstate(over="ignore", invalid="ignore"):
        one_step = np.abs(other(states, inputs) - one(states, inputs))
        largest = float(np.max(np.abs(H - K)))
    return Measured(name, bool(np.array_equal(H, K)), largest, one_step, states, inputs)


def _run(step: Step, run: Samples) -> Array:
    """A trajectory (K + 1, batch, N)."""
    H = np.empty((run.steps + 1, run.batch, run.h0.shape[1]))
    H[0] = run.h0
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for k in range(run.steps):
            H[k + 1] = step(H[k].T, run.X[k].T).T
    return H
