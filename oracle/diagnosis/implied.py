"""The argument of the nonlinearity that a recorded step implies, and the weights that would explain it.

    outside, paper, elman    z = s^-1((h+ - A h) / d)
    inside                   z = (h+ - A h) / d                 with s(h) as what the weights see
    leak-inside              z = (s^-1(h+) - A h) / d

It is linear in the unknown weights: z_i = sum_j W_ij h_j + sum_k M_ik x_k + b_i, row by row. A scheme with stages is
read as its Euler step, which is a first guess. Everything here is float64 and only proposes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oracle.arithmetic.float64 import VALUES, Float64
from oracle.arithmetic.inverses import inverse_with_slope
from oracle.diagnosis.coefficients import drive_of, kept_of
from oracle.diagnosis.readings import Steps
from oracle.diagnosis.statement import Statement
from oracle.records.exact import Array
from oracle.records.operator import sum_vectors


@dataclass(frozen=True, eq=False)
class Implied:
    """Rows of an overdetermined linear system per unit.

    Attributes
    ----------
    seen : ndarray, (columns, N + I + 1)
        What the weights multiply: the state (or s of it), the input, and 1.
    off : ndarray, (N, columns)
        Implied argument minus the documented one.
    weight : ndarray, (N, columns)
        d h+/d z over the bound: how many bounds a unit of the argument is; 0 where it cannot be told.
    """

    seen: Array
    off: Array
    weight: Array


def implied(s: Statement, steps: Steps, bound: Array) -> Implied:
    """The systems of all units, on the given steps."""
    with np.errstate(all="ignore"):
        before, after, X = steps
        kept, drive = _column(kept_of(s), s.N), _column(drive_of(s), s.N)
        sent = VALUES[s.activation](before) if s.form == "inside" else before
        seen = np.concatenate([sent, X, np.ones((1, before.shape[1]))]).T
        if s.form == "leak-inside":
            inner, slope = inverse_with_slope(s.activation, after)
            z, gain = (inner - kept * before) / drive, drive * slope
        else:
            z, slope = inverse_with_slope(
                "identity" if s.form == "inside" else s.activation, (after - kept * before) / drive
            )
            gain = drive * slope
        off = z - coefficients_of(s) @ seen.T
        weight = np.abs(gain) / np.maximum(bound, np.finfo(np.float64).tiny)
        usable = np.isfinite(off) & np.isfinite(weight)
        if s.activation == "relu" and s.form != "inside":  # a result of rounding alone is that of a silent unit
            usable &= (after - kept * before if s.form != "leak-inside" else after) > 2 * bound
        return Implied(seen, np.where(usable, off, 0.0), np.where(usable, weight, 0.0))


def coefficients_of(s: Statement) -> Array:
    """[W M b] in float64, (N, N + I + 1)."""
    floats = (np.asarray(part, dtype=np.float64) for part in (s.W, s.M, sum_vectors(s.b, s.N)[:, None]))
    return np.concatenate(list(floats), axis=1)


def with_coefficients(s: Statement, total: Array) -> Statement:
    """The statement with other [W M b]; what has not changed stays as it was given."""
    N, own = s.N, coefficients_of(s)
    W, M, b = total[:, :N], total[:, N:-1], total[:, -1]
    return s.but(
        W=s.W if np.array_equal(W, own[:, :N]) else np.ascontiguousarray(W),
        M=s.M if np.array_equal(M, own[:, N:-1]) else np.ascontiguousarray(M),
        b=s.b if np.array_equal(b, own[:, -1]) else (b,),
    )


def _column(factor: object, N: int) -> Array:
    read = Float64()._read(np.atleast_1d(np.asarray(factor, dtype=object)))
    return np.asarray(np.broadcast_to(read, (N,))[:, None])
