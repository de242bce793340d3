"""Simulation of a recurrence in float64 (or a narrower dtype)."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.equations.catalogue import EQUATIONS
from oracle.records.exact import Array
from oracle.records.layout import Samples, samples
from oracle.records.recurrence import Recurrence


def simulate(rec: Recurrence, inputs: Any = None, h0: Any = None, *, dtype: Any = np.float64) -> Array:
    """Run a recurrence.

    Parameters
    ----------
    rec : Recurrence
    inputs : array_like, (K, I) or (K, batch, I)
        Sample k drives the step from H[k] to H[k+1].
    h0 : array_like, (N,) or (batch, N), optional
        Initial state, zero by default.
    dtype : dtype
        float64; float32 and float16 run the same operations in that precision.

    Returns
    -------
    ndarray, (K+1, N) or (K+1, batch, N)
        H[0] is h0.

    Raises
    ------
    oracle.BadInput
        Shapes that disagree, entries that are not finite.
    """
    run = samples(inputs, h0, N=rec.N, I=rec.I)
    return run.given(trajectory(rec, run, dtype))


def trajectory(rec: Recurrence, run: Samples, dtype: Any = np.float64) -> Array:
    """The run as (K+1, batch, N)."""
    ops = Float64(dtype)
    equation = EQUATIONS[rec.equation]
    H = np.empty((run.steps + 1, run.batch, rec.N), dtype=ops.dtype)
    H[0] = run.h0
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        # Whatever does not depend on the state is one product before the loop.
        drive = equation.drive(ops, rec.parameters, ops.lift(run.columns()))
        for k in range(run.steps):
            now = _columns(drive, slice(k * run.batch, (k + 1) * run.batch))
            H[k + 1] = equation.step(ops, rec.parameters, H[k].T, now).T
    return H


def _columns(drive: Any, which: slice) -> Any:
    """The drive of one step; single columns (a bias alone) hold for every step."""
    if isinstance(drive, np.ndarray):
        return drive if drive.shape[1] == 1 else drive[:, which]
    parts = [_columns(part, which) for part in drive]
    return type(drive)(*parts) if hasattr(drive, "_fields") else tuple(parts)
