"""Coefficients as float64 arrays, for looking at; nothing is computed with them."""

from __future__ import annotations

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors
from oracle.records.verbs import provides


@provides("view")
def view(field: Lure, name: str) -> Array:
    """A, B, W, M, b, E or c of the normal form, every entry rounded."""
    ops = Float64()
    coefficient = getattr(field, name)
    if isinstance(coefficient, Operator):
        return ops.affine([(coefficient, np.eye(coefficient.shape[1]))])
    size = field.W.shape[0] if name == "b" else field.state_size
    return ops.lift(sum_vectors(coefficient, size))[:, 0]
