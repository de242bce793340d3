"""L, linearisation at an operating point (h*, x*): s is replaced by its tangent (arXiv 2312.15974, section 4).

    z* = W h* + M x* + b,  S = diag s'(z*):   B -> B S,  s -> identity,  c -> c + B (s(z*) - S z*)

A, W, M, b, E are kept, so the split into leak and recurrent part survives and L commutes with exponential Euler too.
The operating point need not be an equilibrium, only s has to be differentiable at z*.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from oracle.arithmetic.rational import slope_at, value_at
from oracle.errors import BadInput, KinkError
from oracle.records.exact import Array, exact_array, objects
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import sum_vectors
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence
from oracle.records.verbs import provides


def preactivation(field: Lure, h: Array, x: Array) -> Array:
    """z* = W h* + M x* + b, exactly."""
    total: Array = field.W.apply(h) + field.M.apply(x) + sum_vectors(field.b, field.W.shape[0])
    return total


def linearized(field: Lure, z: Array, value: Any = value_at, slope: Any = slope_at) -> Lure:
    """The field with s replaced by its tangent at z*; `value` and `slope` evaluate s and s' in the entries' arithmetic.

    Raises
    ------
    KinkError
        s has no derivative at an entry of z*.
    """
    s = objects(value(field.activation, entry) for entry in z)
    S = objects(slope(field.activation, entry) for entry in z)
    return replace(field, B=field.B.times_diagonal(S), activation="identity", c=(*field.c, field.B.apply(s - S * z)))


def operating_point(record: Network | Recurrence, at: Any) -> tuple[Array, Array]:
    """(h*, x*) as exact vectors; None is the origin, a single array is h* with zero input."""
    if at is None:
        at = (np.zeros(record.N), None)
    h, x = at if isinstance(at, tuple) else (at, None)
    point = exact_array(h, "h*", 1)
    held = exact_array(np.zeros(record.I) if x is None else x, "x*", 1)
    for name, vector, size in (("h*", point, record.N), ("x*", held, record.I)):
        if len(vector) != size:
            raise BadInput(
                f"{name} has {len(vector)} entries; expected {size}.",
                "the operating point belongs to another network.",
                "pass at=(h, x) with h of shape (N,) and x of shape (I,).",
            )
    return point, held


@provides("linearize")
def linearize(record: Network | Recurrence, at: Any = None) -> Network | Recurrence:
    """L of a record in the normal form.

    Raises
    ------
    oracle.BadInput
        The activation has a kink at the operating point, or the record is not in the normal form.
    """
    h, x = operating_point(record, at)
    field = record.field if isinstance(record, Network) else record.lure
    try:
        tangent = linearized(field, preactivation(field, h, x))
    except KinkError as kink:
        raise BadInput(
            f"{kink} at the operating point.",
            "a unit sits exactly at the kink, where the tangent is not defined.",
            "move the operating point off the kink.",
        ) from None
    origin = Origin("linearize", {"at": (h, x)}, record)
    if isinstance(record, Network):
        return Network.made(tangent, origin)
    return Recurrence.made("lure", tangent, record.step, origin)
