"""The published bound's growths, read off the rounding interpretation, for the records that the kernel restates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.equations.catalogue import advance
from oracle.kernels.restated import Restated, sizes
from oracle.records.operator import Operator
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence

UNITS = 2.0**53
STEEPER = 1.013
"""s' changes by a factor within e^(2 (2^-9 + 2^-12)) < 1.0045 from a point of the table, and eps may add to that."""
LARGEST_GROWTH = 2.0**100
_DOWN = 1 - 2.0**-40  # for the handful of roundings in a growth


class Growths(NamedTuple):
    """Factors of |h|, |b s|, |b s'| S and 1 in the bound, in units of u: numbers, or rows with one per unit.

    In S, |W| counts `weights` times: the error of an inner activation is multiplied by it.
    """

    state: Any
    value: Any
    slope: Any
    constant: Any
    weights: float = 1.0

    @property
    def moderate(self) -> bool:
        """Whether all of them are far inside the range of float32."""
        return all(bool(np.all(np.asarray(growth) < LARGEST_GROWTH)) for growth in self)


class _Watched(Rounding):
    """The rounding interpretation, remembering the growth of the argument of s."""

    argument = 0.0

    def act(self, activation: str, z: Rounded) -> Rounded:
        self.argument = z.growth
        return super().act(activation, z)


def summed(terms: int) -> float:
    """The share of S that a product in float32 has at least, in any order of its terms."""
    return 1 - (terms + 8) * 2.0**-24


def growths(rec: Recurrence, form: Restated, model: Precision) -> Growths:
    """What the rounding interpretation says of this record; growths do not depend on the state, sizes of a and b do."""
    lure, ops = rec.parameters, _Watched(model)
    nothing = np.zeros((lure.state_size, 1))
    after = advance(ops, rec, Rounded(nothing, nothing, nothing, 0.0), ops.lift(np.zeros((lure.input_size, 1))))
    relative, absolute = ops.activation_error(lure.activation) if lure.activation != "identity" else (0.0, 0.0)
    absolute = absolute if absolute > model.underflow else 0.0
    counted = summed(form.head.shape[1])
    gain = _gain(ops, lure.B)
    spread = gain / sizes(form.b) * _DOWN  # 1 - exp(-dt/tau) has two atoms, and is formed at their size
    with np.errstate(over="ignore"):
        total, argument = np.expm1(after.growth), np.expm1(ops.argument)
        state = total * _gain(ops, lure.A) * UNITS
        if form.inner is not None:  # its error is multiplied by b W
            rows = np.abs(form.head[:, : form.units]).sum(axis=1)[None] * _DOWN
            heavier = float(1 + (1 + total) / total * relative * _DOWN)
            constant = gain * rows * absolute * _DOWN * UNITS if absolute else 0.0
            return Growths(state, 0.0, total * spread * counted * UNITS, constant, heavier)
        if form.outer == "identity":  # ends no expansion: every atom carries the growth of both sums
            return Growths(state, 0.0, total * spread * counted * UNITS, 0.0)
        steeper = STEEPER**2 if form.outer != "relu" else 1.0
        single = np.minimum(spread, _DOWN)  # the error of s enters with b itself
        slope = (1 + relative) * argument * single * counted * UNITS / steeper
        constant = sizes(form.b) * single * absolute * UNITS
        return Growths(state, (total * spread + relative * single) * UNITS, slope, constant)


def _gain(ops: Rounding, op: Operator) -> Any:
    """The sizes of the atoms of a and of b, as the bound counts them; rows with one per unit where they differ."""
    total: Any = sum(ops._size(term.left) * ops._size(term.right) for term in op.terms)
    return total.T if isinstance(total, np.ndarray) else float(total)
