"""The constants of the Euler bound (C6), in balls rounded outward: contraction, invariant box, second derivative.

    q  >= |I + Delta (A + B D W)|_inf for every diagonal D of slopes: the mean value theorem maps the distance of two
          states by such a matrix. Row i is a convex function of the slopes, so it is largest where they are 0 or
          S = sup|s'|. B diagonal: one slope per row,
          max over s in {0, S} of sum_j |delta_ij + Delta (A_ij + B_i s W_ij)|;
          W diagonal: one slope per column, sum_j max over s in {0, S} of |delta_ij + Delta (A_ij + B_ij s W_j)|.
          For `rate`, Delta <= min tau: max_i {1 - Delta/tau_i + (Delta/tau_i) S max(0, w_ii + sum_{j != i} |w_ij|)}.
    M2 >= |h''| = |J F| along the flow: bounded over a box |h_i| <= R_i that the flow never leaves.

The box, for q < 1. Contraction: mu(J) <= (q - 1)/Delta, so |h| <= max(|h_0|, max_k |F(0, x_k)| Delta / (1 - q)). And
where A = -diag(a) with a > 0 and |B s + E x + c|_i <= V_i in a box that holds: |h_i| <= max(|h_0i|, V_i / a_i) (C16),
a smaller box that holds, and so on. relu, tanh and identity have |s(z)| <= |z|; tanh and logistic |s| <= 1.
Use everything here inside `ball.precision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, upper_floats
from oracle.equations import lure
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.lipschitz import matrix

_REFINEMENTS = 3  # of the box: each is proved, and each after the first gains little


@dataclass(frozen=True)
class Terms:
    """The coefficients as matrices of balls, inputs as columns."""

    field: Lure
    step: Fraction
    delta: Any
    A: Any
    B: Any
    W: Any
    inside: Any  # M x_k + b, (K, steps)
    outside: Any  # E x_k + c, (N, steps)
    h0: Any

    @staticmethod
    def of(field: Lure, delta: Fraction, X: Array, h0: Array) -> Terms:
        """Evaluate everything once."""
        ops = Ball()
        columns = ops.lift(np.ascontiguousarray(X.T))
        drive = lure.drive(ops, field, columns)
        inside = ops.sum([arb_mat(field.W.shape[0], len(X)), *drive.inside])
        outside = ops.sum([arb_mat(field.state_size, len(X)), *drive.outside])
        A, B, W = (matrix(ops, op) for op in (field.A, field.B, field.W))
        return Terms(field, delta, ops.rational(delta), A, B, W, inside, outside, ops.lift(h0))

    @property
    def slopes(self) -> tuple[Any, ...]:
        """The extreme slopes."""
        S = ACTIVATIONS[self.field.activation].lipschitz
        top = arb(S.numerator) / S.denominator
        return (top,) if self.field.activation == "identity" else (arb(0), top)


def contraction_factor(t: Terms) -> Any:
    """An exact arb q >= |I + Delta (A + B D W)|_inf for all slopes D; None where B and W are both dense."""
    N = t.A.nrows()
    one = arb_mat(N, N, [int(i == j) for i in range(N) for j in range(N)])
    base = one + t.A * t.delta
    if not (t.field.B.is_diagonal or t.field.W.is_diagonal):
        return None
    moved = [base + t.B * t.W * (s * t.delta) for s in t.slopes]
    sizes = [[[abs(m[i, j]).abs_upper() for j in range(N)] for i in range(N)] for m in moved]
    if t.field.B.is_diagonal:
        rows = [largest([total(size[i]) for size in sizes]) for i in range(N)]
    else:
        rows = [total([largest([size[i][j] for size in sizes]) for j in range(N)]) for i in range(N)]
    return largest(rows).abs_upper()


def obstacle(t: Terms, q: Any) -> str:
    """Why the contraction form does not apply, or nothing."""
    if q is None:
        return "B and W are both dense: no convention of the paper"
    if any(_exceeds(t, i) for i in range(t.A.nrows())):
        return "the step exceeds the smallest time constant"
    if not q < 1:
        return f"the step is not contracting in the infinity norm: q <= {float(q):.6g}, not below 1"
    return ""


def _exceeds(t: Terms, i: int) -> bool:
    """Whether Delta |A_ii| > 1, or may be: exactly where A_ii is rational, so that Delta = tau is admitted."""
    leak = t.field.A.row(i)[i]
    return bool(leak * t.step < -1) if isinstance(leak, Fraction) else not t.A[i, i] * t.delta >= -1


def invariant_box(t: Terms, q: Any) -> list[Any]:
    """Radii R_i that the flow from h0 never exceeds, upper bounds as exact arb."""
    start = [entry.abs_upper() for entry in t.h0.entries()]
    at_rest = _speed_at_zero(t)
    radius = largest([*start, (at_rest * t.delta / (1 - q)).abs_upper()])
    box = [radius] * len(start)
    for _ in range(_REFINEMENTS if t.field.A.is_diagonal else 0):
        drives = _drive_bound(t, _gain(t, box))
        for i, drive in enumerate(drives):
            decay = -t.A[i, i]
            if decay > 0:
                box[i] = smaller(box[i], largest([start[i], (drive / decay).abs_upper()]))
    return box


def _gain(t: Terms, box: list[Any]) -> list[Any]:
    """Bounds of |s(z_j)| while the state is in the box and the input is any x_k: sup |s|, or |z_j| where s(0) = 0."""
    drives = [largest([t.inside[j, k].abs_upper() for k in range(t.inside.ncols())]) for j in range(t.W.nrows())]
    arguments = [total([drive, _row(t.W, j, box)]) for j, drive in enumerate(drives)]
    if t.field.activation == "logistic":
        return [arb(1)] * len(arguments)
    return [smaller(arb(1), z) for z in arguments] if t.field.activation == "tanh" else arguments


def _speed_at_zero(t: Terms) -> Any:
    """max_k |F(0, x_k)|_inf."""
    value = t.B * Ball().act(t.field.activation, t.inside) + t.outside
    return largest([entry.abs_upper() for entry in value.entries()])


def _drive_bound(t: Terms, gain: list[Any]) -> list[Any]:
    """Bounds of |B s + E x_k + c|_i over all k, for |s_j| <= gain_j."""
    result = []
    for i in range(t.B.nrows()):
        constant = largest([t.outside[i, k].abs_upper() for k in range(t.outside.ncols())])
        result.append(total([constant, *(t.B[i, j].abs_upper() * gain[j] for j in range(t.B.ncols()))]))
    return result


def second_derivative(t: Terms, box: list[Any]) -> Any:
    """An upper bound of |J F|_inf over the box, all slopes and all steps: |J| <= |A| + |B| S |W|, or |A + B W|."""
    N = t.B.nrows()
    drive = _drive_bound(t, _gain(t, box))
    speed = [total([_row(t.A, i, box), drive[i]]) for i in range(N)]
    steepest = jacobian_bound(t)
    return largest([_row(steepest, i, speed) for i in range(N)]).abs_upper()


def jacobian_bound(t: Terms) -> Any:
    """A matrix of upper bounds of |J_ij|; each entry is linear in one slope, so its extremes are at extreme slopes."""
    corners = [_sizes(t.A + t.B * t.W * s).entries() for s in t.slopes]
    return arb_mat(t.A.nrows(), t.A.ncols(), [largest(list(pair)) for pair in zip(*corners, strict=True)])


def _row(m: Any, i: int, radii: list[Any]) -> Any:
    return total([m[i, j].abs_upper() * radii[j] for j in range(m.ncols())])


def _sizes(m: Any) -> Any:
    return arb_mat(m.nrows(), m.ncols(), [entry.abs_upper() for entry in m.entries()])


def total(values: list[Any]) -> Any:
    """An upper bound of a sum of numbers >= 0, exact."""
    return sum(values, arb(0)).abs_upper()


def largest(values: list[Any]) -> Any:
    """The largest of exact numbers >= 0; 0 of none."""
    result = arb(0)
    for value in values:
        result = value if value > result else result
    return result


def smaller(a: Any, b: Any) -> Any:
    """The smaller of two exact numbers."""
    return a if a < b else b


def upper(value: Any) -> float:
    """An exact number >= 0 as a float, rounded up."""
    return float(upper_floats(arb_mat(1, 1, [value]))[0, 0])
