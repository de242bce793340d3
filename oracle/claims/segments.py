"""How the distance of two runs of one step map grows, from what drives them apart.

Two states on a step are moved to (A + B D W) times their difference, D a diagonal of divided differences of s, each
between the extreme slopes on the segment from z to z'. With v_k what is added besides,

    e_0 = 0,   e_{k+1} = q_k e_k + |v_k|,   q_k >= |A + B D W| for every such D

in weighted 1-, 2- and infinity-norms (`oracle.reference.weighted`); each bounds the infinity norm of the distance, and
the smallest is kept. The matrices are in float64 with radii, so that 400 units take milliseconds a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, upper_floats
from oracle.arithmetic.midrad import Midrad, total, up
from oracle.claims.norms import column
from oracle.claims.suprema import Known
from oracle.equations import lure
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.jacobians import Coefficients, Frame
from oracle.reference.lipschitz import matrix
from oracle.reference.weighted import KINDS, Norm, norms_for

Factor = Callable[[int, Norm], float]


@dataclass(frozen=True, eq=False)
class Step:
    """The coefficients of a Lur'e step as matrices of balls, and what is inside s for every input of a run."""

    field: Lure
    A: Any
    B: Any
    W: Any
    inside: Any  # M x_k + b, (K, steps)

    @staticmethod
    def of(p: Lure, X: Array) -> Step:
        """Evaluate once; X (steps, I); use inside `precision`."""
        ops = Ball()
        drive = lure.drive(ops, p, ops.lift(X.T.copy()))
        inside = ops.sum([arb_mat(p.W.shape[0], len(X)), *drive.inside])
        A, B, W = (matrix(ops, op) for op in (p.A, p.B, p.W))
        return Step(p, A, B, W, inside)

    @cached_property
    def coefficients(self) -> Coefficients:
        """The same in float64 with radii; use inside `precision`."""
        A, B, W = (Midrad.of(part) for part in (self.A, self.B, self.W))
        return Coefficients(self.field.activation, A, B, W, self.field.B.is_diagonal, self.field.W.is_diagonal)

    @cached_property
    def norms(self) -> tuple[Norm, ...]:
        """Of each kind the norm in which the step's Jacobians are smallest over all slopes."""
        best: dict[str, Frame] = {}
        for norm in norms_for(self.coefficients.sizes):
            frame = Frame(self.coefficients, norm)
            if norm.kind not in best or frame.largest < best[norm.kind].largest:
                best[norm.kind] = frame
        return tuple(frame.norm for frame in best.values())

    def arguments(self, states: Any) -> Any:
        """z_k = W h_k + M x_k + b, (K, steps)."""
        return self.W * states + self.inside

    def jacobian(self, slopes: list[Any]) -> Midrad:
        """A + B diag(slopes) W, the slopes balls."""
        return self.coefficients.jacobian(Midrad.of(arb_mat(len(slopes), 1, slopes))[:, 0])


def slopes_between(shape: Known, z: Any, other: Any) -> list[Any]:
    """Balls that hold every slope of s between z and other, two columns of balls."""
    return shape.slopes(z.entries(), other.entries())


def ends(slopes: list[Any]) -> tuple[Array, Array]:
    """The least and the largest number of each ball, rounded outward."""
    balls = Midrad.of(arb_mat(len(slopes), 1, slopes))[:, 0]
    room = up(balls.rad + 2.0**-52 * np.abs(balls.mid))
    return balls.mid - room, balls.mid + room


def growth(factor: Factor, sources: Sequence[Array], norms: Sequence[Norm] = ()) -> list[float]:
    """Bounds of |d_k|_inf for k = 1 .. steps, d_0 = 0, rounded up.

    Parameters
    ----------
    factor : callable
        factor(k, norm) is q_k.
    sources : sequence of ndarray
        Upper bounds of the entries of |v_k|.
    norms : sequence of Norm
        The plain 1-, 2- and infinity-norm by default.
    """
    tried = norms or [Norm.plain(kind, len(sources[0])) for kind in KINDS]
    return [float(entry) for entry in np.min([_one_norm(factor, sources, norm) for norm in tried], axis=0)]


def _one_norm(factor: Factor, sources: Sequence[Array], norm: Norm) -> Array:
    errors, e = [], 0.0
    for k, source in enumerate(sources):
        grown = factor(k, norm) * e if k else 0.0
        e = float(up(grown + norm.of(source), 2))
        errors.append(float(np.max(norm.entries(e))))
    return np.array(errors)


def along_segments(step: Step, shape: Known, z: Any, other: Any) -> Factor:
    """q_k on the segments between two runs, given by their arguments (K, steps); use inside `precision`."""
    ranges: dict[int, tuple[Array, Array]] = {}
    frames: dict[int, Frame] = {}

    def factor(k: int, norm: Norm) -> float:
        if k not in ranges:
            ranges[k] = ends(slopes_between(shape, column(z, k), column(other, k)))
        frame = frames.setdefault(id(norm), Frame(step.coefficients, norm))
        return frame.matrix(*ranges[k])

    return factor


def driven(B: Any, errors: Any) -> list[Array]:
    """|B| times upper bounds (units, steps), entry by entry, rounded up: one vector per step."""
    sizes, columns = upper_floats(B), upper_floats(errors)
    return [np.asarray(total(up(sizes * columns[:, k]), axis=1)) for k in range(columns.shape[1])]


def distances(a: Any, b: Any) -> list[Any]:
    """|a_k - b_k|_inf for k = 1 .. steps, as balls."""
    gaps = a - b
    result = []
    for k in range(1, gaps.ncols()):
        size = arb(0)
        for i in range(gaps.nrows()):
            size = size.max(abs(gaps[i, k]))
        result.append(size)
    return result
