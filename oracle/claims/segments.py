"""How the distance of two runs of one step map grows, from what drives them apart.

Two states on a step are moved to (A + B D W) times their difference, D a diagonal of divided differences of s, each
between the extreme slopes on the segment from z to z'. With v_k what is added besides,

    e_0 = 0,   e_{k+1} = q_k e_k + |v_k|,   q_k >= |A + B D W| for every such D

in the infinity and in the 2-norm; both bound the infinity norm of the distance, so the smaller one is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball
from oracle.claims.norms import (
    NORMS,
    Norm,
    column,
    matrix_norm,
    scaled_columns,
    scaled_rows,
    sizes,
    vector_norm,
)
from oracle.claims.suprema import Shape
from oracle.equations import lure
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.euler_terms import smaller
from oracle.reference.lipschitz import lipschitz, matrix

LARGEST = 64
"""Units up to which every step has its own 2-norm, and powers are formed: cubes of N in balls, 0.1 s each at 64."""


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

    def arguments(self, states: Any) -> Any:
        """z_k = W h_k + M x_k + b, (K, steps)."""
        return self.W * states + self.inside

    def jacobian(self, slopes: list[Any]) -> Any:
        """A + B diag(slopes) W."""
        scaled = scaled_columns(self.B, slopes)
        if self.field.B.is_diagonal:  # N^2 instead of N^3
            return self.A + scaled_rows([scaled[i, i] for i in range(scaled.nrows())], self.W)
        if self.field.W.is_diagonal:
            return self.A + scaled_columns(scaled, [self.W[i, i] for i in range(self.W.nrows())])
        return self.A + scaled * self.W


def slopes_between(shape: Shape, z: Any, other: Any) -> list[Any]:
    """Balls that hold every slope of s between z and other, two columns of balls."""
    ops = Ball()
    found = []
    ends = [_slope(ops, shape, part).entries() for part in (z, other)]
    top = shape.supremum(1)
    for a, b, here, there in zip(*ends, z.entries(), other.entries(), strict=True):
        if shape.low is None:
            found.append(top)
            continue
        assert shape.sigmoid, "slopes are largest at z = 0"
        both = a.union(b)
        found.append(both.union(top) if here.union(there).contains(0) else both)
    return found


def _slope(ops: Ball, shape: Shape, z: Any) -> Any:
    s = ops.act(shape.name, z)
    coefficients = [Ball().rational(_fraction(c)) for c in shape.p.coeffs()]
    return arb_mat(z.nrows(), z.ncols(), [_horner(coefficients, entry) for entry in s.entries()])


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _horner(coefficients: list[Any], s: Any) -> Any:
    total = arb(0)
    for c in reversed(coefficients):
        total = total * s + c
    return total


def growth(factor: Callable[[int, Norm], Any], sources: Sequence[list[Any]]) -> list[Any]:
    """Bounds of |d_k|_inf for k = 1 .. steps, d_0 = 0; factor(k, norm) is q_k, sources[k] bounds |v_k| by entries."""
    best: list[Any] = []
    for norm in NORMS:
        errors, e = [], arb(0)
        for k, source in enumerate(sources):
            grown = factor(k, norm) * e if k else arb(0)
            e = (grown + vector_norm(source, norm)).abs_upper()
            errors.append(e)
        best = [smaller(a, b) for a, b in zip(best, errors, strict=True)] if best else errors
    return best


def along_segments(step: Step, shape: Shape, z: Any, other: Any) -> Callable[[int, Norm], Any]:
    """q_k on the segments between two runs, given by their arguments (K, steps); beyond `LARGEST` the 2-norm's q is
    that of all slopes, one number for all steps."""

    @cache
    def jacobian(k: int) -> Any:
        return step.jacobian(slopes_between(shape, column(z, k), column(other, k)))

    @cache
    def everywhere() -> Any:
        return lipschitz(step.field)

    def factor(k: int, norm: Norm) -> Any:
        large = norm == "two" and step.A.nrows() > LARGEST
        return everywhere() if large else matrix_norm(jacobian(k), norm)

    return factor


def driven(B: Any, errors: Any) -> list[list[Any]]:
    """|B| times upper bounds (units, steps), entry by entry, rounded up: one list per step."""
    product = sizes(sizes(B) * sizes(errors))
    return [column(product, k).entries() for k in range(product.ncols())]


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
