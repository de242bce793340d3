"""kappa(r) = sup |I - Y G'| over the secants of G in a box |h - c| <= r, in the infinity norm, rounded up.

G(h) = F(h, x) for a network, Phi(h, x) - h for a recurrence, x held. In the normal form G' = A + B S W, and with S_0
about S(c) one product of matrices serves boxes of every radius:

    kappa(r) <= max_i ( sum_j |I - Y (A + B S_0 W)|_ij + (|Y B| d(r))_i ),    d_u = sup_X |S_u - S_0u| sum_j |W_uj|

Other steps are differentiated over each box, by the tangent interpretation. Secants instead of slopes, so a kink of
ReLU only widens G': its slope there is [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, middles, upper_floats
from oracle.arithmetic.suprema import bounded_slopes
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.claims.diagonalise import OUT
from oracle.claims.spectrum import lifted
from oracle.equations import lure
from oracle.equations.activations import ACTIVATIONS
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import Operator, sum_vectors
from oracle.records.recurrence import Recurrence


class SecantBall(Ball):
    """Balls whose slope of max(0, z) at a kink is [0, 1], which holds every secant there."""

    def unit_step(self, z: Any) -> Any:
        """Slope of max(0, z), or all of them."""
        unknown = arb(0.5, 0.5)
        return self._each(lambda entry: arb(1) if entry > 0 else arb(0) if entry < 0 else unknown, z)


def residual(ops: Any, record: Network | Recurrence, h: Any, x: Any) -> Any:
    """G(h), in any arithmetic."""
    if isinstance(record, Network):
        return lure.step(ops, record.field, h, lure.drive(ops, record.field, x))
    return ops.sum([advance(ops, record, h, x), ops.scale(Fraction(-1), h)])


def with_derivative(base: Any, record: Network | Recurrence, h: Any, x: Array) -> Dual:
    """G and G' at h in an arithmetic, by the tangent interpretation."""
    found: Dual = residual(Tangent(base), record, Dual(h, base.lift(np.eye(record.N))), Dual(base.lift(x), None))
    return found


def contraction(record: Network | Recurrence, c: Any, Y: Any, x: Array) -> Callable[[float], Any]:
    """kappa as a function of the radius, an exact upper bound; use inside `precision`.

    Parameters
    ----------
    record : Network or Recurrence
    c : arb_mat, (N, 1)
        The exact centre of the boxes.
    Y : arb_mat, (N, N)
    x : ndarray, (I,)
        The input, held.
    """
    field = _normal_form(record)
    return _in_general(record, c, Y, x) if field is None else _in_normal_form(field, c, Y, x)


def _normal_form(record: Network | Recurrence) -> Lure | None:
    """G as a field, where it is one."""
    if isinstance(record, Network):
        return record.field
    if record.equation != "lure":
        return None
    return replace(record.lure, A=record.lure.A + Operator.diagonal(Fraction(-1), record.N))


def _in_general(record: Network | Recurrence, c: Any, Y: Any, x: Array) -> Callable[[float], Any]:
    ops, N = SecantBall(), record.N

    def kappa(radius: float) -> Any:
        box = arb_mat(N, 1, [arb(entry, radius) for entry in c.entries()])
        rest = ops.lift(np.eye(N)) - Y * with_derivative(ops, record, box, x).tangent
        return largest(sum((abs(rest[i, j]).abs_upper() for j in range(N)), arb(0)) for i in range(N))

    return kappa


def _in_normal_form(field: Lure, c: Any, Y: Any, x: Array) -> Callable[[float], Any]:
    ops, N = SecantBall(), field.state_size
    B, W = lifted(field.B), lifted(field.W)
    z = W * c + lifted(field.M) * ops.lift(x) + ops.lift(sum_vectors(field.b, W.nrows()))
    S0 = np.nan_to_num(middles(_slopes(ops, field, z))[:, 0])
    YB, eye = Y * B, arb_mat(N, N, np.eye(N).ravel().tolist())
    middle = Y * lifted(field.A) + _times(YB, S0) * W
    rows = np.sum(upper_floats(eye - middle), axis=1)
    mixed, reach = upper_floats(YB), np.sum(upper_floats(W), axis=1) * (1 + OUT)
    least, steepest = (float(end) for end in bounded_slopes(field.activation))  # nearest doubles: OUT covers it

    def kappa(radius: float) -> Any:
        box = arb_mat(z.nrows(), 1, [arb(e, radius * r) for e, r in zip(z.entries(), reach.tolist(), strict=True)])
        off = upper_floats(_slopes(ops, field, box) - ops.lift(S0))[:, 0]
        off = np.fmin(off, np.maximum(S0 - least, steepest - S0) * (1 + OUT))  # all slopes are in [inf s', sup s']
        bound = np.max((rows + mixed @ (off * reach)) * (1 + OUT), initial=0.0)
        return arb(float(bound)) if np.isfinite(bound) else arb("inf")

    return kappa


def _slopes(ops: SecantBall, field: Lure, z: Any) -> Any:
    """s'(z), or all secants."""
    return ACTIVATIONS[field.activation].slope(ops, ops.act(field.activation, z), z)


def _times(m: Any, factors: Array) -> Any:
    """m diag(factors)."""
    return m * arb_mat(len(factors), len(factors), np.diag(factors).ravel().tolist())


def largest(entries: Iterable[Any]) -> Any:
    """An exact upper bound of the largest absolute value."""
    result = arb(0)
    for entry in entries:
        if not entry.is_finite():
            return arb("inf")
        size = entry.abs_upper()
        result = size if size > result else result
    return result
