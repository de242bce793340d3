"""For which records there is a kernel, and the published bound's growths, read off the rounding interpretation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.equations.catalogue import advance
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence

UNITS = 2.0**53
STEEPER = 1.013
"""s' changes by a factor within e^(2 (2^-9 + 2^-12)) < 1.0045 from a point of the table, and eps may add to that."""
GAINS = 2.0**40  # |b| within 2^(+-40), and growths below 2^100: everything is then far inside the range of float32
LARGEST_GROWTH = 2.0**100


class Growths(NamedTuple):
    """Factors of |h|, |b s|, |b s'| S and 1 in the bound, in units of u."""

    state: float
    value: float
    slope: float
    constant: float


class _Watched(Rounding):
    """The rounding interpretation, remembering the growth of the argument of s."""

    argument = 0.0

    def act(self, activation: str, z: Rounded) -> Rounded:
        self.argument = z.growth
        return super().act(activation, z)


def growths(rec: Recurrence, model: Precision) -> Growths:
    """What the rounding interpretation says of this record; growths do not depend on the state, sizes of a and b do."""
    lure, ops = rec.parameters, _Watched(model)
    nothing = np.zeros((lure.state_size, 1))
    after = advance(ops, rec, Rounded(nothing, nothing, nothing, 0.0), ops.lift(np.zeros((lure.input_size, 1))))
    relative, absolute = ops.activation_error(lure.activation)
    terms = sum(len(op.terms) and op.shape[1] for op in (lure.W, lure.M)) + len(lure.b)
    summed = 1 - (terms + 8) * 2.0**-24  # the product in float32, in any order
    state, gain = (sum(float(abs(ops._size(t.left) * ops._size(t.right))) for t in op.terms) for op in (lure.A, lure.B))
    spread = gain / abs(_value(lure.B)) * (1 - 2.0**-40)  # 1 - exp(-dt/tau) has two atoms, and is formed at their size
    with np.errstate(over="ignore"):
        return Growths(
            float(np.expm1(after.growth)) * state * UNITS,
            float(np.expm1(after.growth) + relative) * spread * UNITS,
            float((1 + relative) * np.expm1(ops.argument)) * spread * summed * UNITS / STEEPER**2,
            gain * absolute * UNITS if absolute > model.underflow else 0.0,
        )


def restated(rec: Recurrence) -> bool:
    """Whether a recurrence is h+ = a h + b s(W h + M x + b) with scalars a and b and matrices of floats."""
    p = rec.parameters
    if not isinstance(p, Lure) or p.activation not in ("tanh", "logistic") or p.E.terms or p.c:
        return False
    plain = _floats(p.W) and (not p.M.terms or _floats(p.M)) and all(part.dtype != object for part in p.b)
    return plain and _scalar(p.A) and _scalar(p.B) and 1 / GAINS < abs(_value(p.B)) < GAINS


def _floats(op: Operator) -> bool:
    term = op.terms[0] if len(op.terms) == 1 else None
    return (
        term is not None
        and term.dense is not None
        and term.dense.dtype != object
        and not isinstance(term.left, np.ndarray)
        and not isinstance(term.right, np.ndarray)
        and bool(term.left == 1 and term.right == 1)
    )


def _scalar(op: Operator) -> bool:
    return op.is_diagonal and not isinstance(op.diagonal_factor(), np.ndarray)


def _value(op: Operator) -> float:
    return Float64().number(op.diagonal_factor())  # type: ignore[arg-type]
