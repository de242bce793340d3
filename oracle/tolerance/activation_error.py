"""The error of a candidate's own activation, in units in the last place. Observed, on elements where z is known.

A residual r of h+ = A h + B s(z) + .. is the activation's error times B, up to the rounding of everything else. Where
the latter is certainly below a quarter of a unit of B s, the residual is the activation's error: units that saturate,
weights that are sparse, and a probe that passes known numbers to s. Elsewhere only a lower bound is certain: what the
residual exceeds the rounding of everything else by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.equations.activations import ACTIVATIONS
from oracle.equations.activations_user import UNTOLD
from oracle.equations.catalogue import advance
from oracle.equations.lure import drive
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence

KNOWN = 0.25
"""Of a unit in the last place, which the rounding of everything else may reach: an error of 1 ulp is then seen as 0.75
to 1.25."""


@dataclass(frozen=True)
class ActivationSeen:
    """The worst error of an activation.

    Attributes
    ----------
    name : str
        As records have it: "tanh", "leaky-relu(0.2)", an expression in z, ..
    ulps : float
        Error at `at`, in units in the last place of the exact value (its spacing in the promised storage); where
        programs are granted an absolute error as well (gelu far below zero, say), in those of what is granted, if more.
    at : str
        The argument in hexadecimal, as `float.hex` writes it.
    unit, step : int
        Where in the run; step k is H[k].
    elements : int
        How many elements were known well enough.
    at_least : float
        The largest error that is certain under the other assumptions, over all elements, in ulps.
    source : str
        "run" or "probe".
    """

    name: str
    ulps: float
    at: str
    unit: int
    step: int
    elements: int
    at_least: float
    source: str = "run"

    def __str__(self) -> str:
        where = f"unit {self.unit}, step {self.step} of the {self.source}"
        return f"{self.name} off by {self.ulps:.3g} ulp at z = {self.at} ({where}; of {self.elements} known arguments)"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return dict(vars(self))


class _Perfect(Rounding):
    """The rounding interpretation with activations that round nothing."""

    def activation_error(self, name: str, low: Any = 0.0, size: Any = 0.0) -> tuple[float, Any]:
        return 0.0, 0.0


def activation_seen(
    rec: Recurrence, H: Array, X: Array, residual: Array, model: Precision, batch: int, known: bool = False
) -> ActivationSeen | None:
    """The worst error of the activation, from states H (N, columns) and certified residuals of their steps.

    Parameters
    ----------
    rec : Recurrence
    H, X, residual : ndarray, (N, columns), (I, columns), (N, columns)
    model : Precision
    batch : int
        Trajectories; column j belongs to step j // batch + 1.
    known : bool
        Whether every argument is exact (a probe).

    Returns
    -------
    ActivationSeen or None
        None where the activation rounds nothing (relu, hardtanh), or no argument is known well enough.
    """
    field = rec.parameters
    if not isinstance(field, Lure) or not rounds(field.activation) or not field.B.is_diagonal:
        return None
    ops: Any = Float64()
    with np.errstate(all="ignore"):
        z = ops.affine([(field.W, H)], parts=drive(ops, field, X).inside)
        z = np.broadcast_to(z, H.shape)
        gain = np.abs(ops._factor(field.B.diagonal_factor())) * np.ones_like(z)
        unit = gain * np.maximum(spacing(ops.act(field.activation, z), model), _absolute(field.activation, z, model))
        other = np.zeros_like(z) if known else _others(rec, H, X, model)
        size = np.where(np.isfinite(residual), np.abs(residual), 0.0)
        ulps, sure = size / unit, np.maximum(size - other, 0.0) / unit
    usable = (other <= KNOWN * unit) & (unit > 0) & np.isfinite(ulps) & np.isfinite(residual)
    if not usable.any():
        return None
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(np.where(usable, ulps, -1.0))), ulps.shape))
    certain = float(np.max(sure[np.isfinite(sure)], initial=0.0))
    return ActivationSeen(
        field.activation, float(ulps[row, column]), float(z[row, column]).hex(), row, column // batch + 1,
        int(usable.sum()), certain, "probe" if known else "run",
    )  # fmt: skip


def rounds(activation: str) -> bool:
    """Whether a program may be off by something as it evaluates an activation."""
    known, at = ACTIVATIONS[activation], np.array([-1.0, 1.0])
    if known.assumed == UNTOLD:
        return True
    relative, absolute = known.error(1.0, 1.0, at, np.abs(at))
    return bool(relative or np.any(absolute))


def _absolute(activation: str, z: Array, model: Precision) -> Array:
    """What is granted beyond an error relative to the value, for each of the assumed units in the last place."""
    ops, units = Rounding(model), 2 * model.storage * model.ulps
    if ACTIVATIONS[activation].assumed == UNTOLD:  # an expression, whose operations round
        found = ops.act(activation, Rounded(z, np.abs(z), np.zeros_like(z), 0.0))
        beyond = found.error - units * np.abs(found.value)
    else:
        relative, beyond = ops.activation_error(activation, z, np.abs(z))
        if relative != units:
            beyond = beyond + (relative - units) * np.abs(Float64().act(activation, z))
    return np.asarray(np.maximum(beyond, 0.0) / model.ulps)


def spacing(value: Array, model: Precision) -> Array:
    """Distance between the storage format's numbers at a value."""
    _, exponent = np.frexp(value)
    return np.asarray(np.maximum(np.ldexp(2 * model.storage, exponent - 1), model.underflow))


def _others(rec: Recurrence, H: Array, X: Array, model: Precision) -> Array:
    """Bound of the rounding of everything but the activation; the result's own storing is part of it."""
    ops: Any = _Perfect(model)
    field, state, samples = rec.parameters, Rounded(H, np.abs(H), np.zeros_like(H), 0.0), ops.lift(X)
    if isinstance(field, Lure) and not (field.A.terms or field.E.terms or field.c) and _identity(field.B):
        z = ops.affine([(field.W, state)], parts=drive(ops, field, samples).inside)
        return np.asarray(ops.act(field.activation, z).error)  # the activation's result is the state
    return np.asarray(advance(ops, rec, state, samples).bound())


def _identity(op: Operator) -> bool:
    return op.is_diagonal and not isinstance(op.diagonal_factor(), np.ndarray) and bool(op.diagonal_factor() == 1)
