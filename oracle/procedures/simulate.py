"""Simulation of a recurrence in float64 (or a narrower dtype)."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.equations.catalogue import EQUATIONS
from oracle.errors import BadInput
from oracle.kernels import compiled_run
from oracle.kernels.compiled_run import Loop, compiles, loop_of
from oracle.kernels.lure_run import LureRun
from oracle.records.exact import Array
from oracle.records.layout import Samples, samples
from oracle.records.lure import Lure
from oracle.records.recurrence import Recurrence

ENGINES = ("auto", "numpy", "compiled")
WORTH_COMPILING = 2**15
"""Elements of a run: below, it takes milliseconds either way, and loading the compiled loop tenths of a second."""


def simulate(
    rec: Recurrence, inputs: Any = None, h0: Any = None, *, dtype: Any = np.float64, engine: str = "auto"
) -> Array:
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
    engine : {"auto", "numpy", "compiled"}
        "compiled" needs numba (the extra `fast`), float64, and tanh after one matrix W; its tanh is within 1.5 ulp,
        where NumPy's is within 1.1. "auto" takes it for runs of 2^15 elements and more; "numpy" gives the same bits
        with and without numba.

    Returns
    -------
    ndarray, (K+1, N) or (K+1, batch, N)
        H[0] is h0.

    Raises
    ------
    oracle.BadInput
        Shapes that disagree, entries that are not finite, an engine that is not there or does not fit.
    """
    run = samples(inputs, h0, N=rec.N, I=rec.I)
    return run.given(trajectory(rec, run, dtype, loop_for(rec, run, np.dtype(dtype), engine)))


def loop_for(rec: Recurrence, run: Samples, dtype: Any = np.float64, engine: str = "auto") -> Loop | None:
    """What is to be compiled; None for NumPy."""
    if engine not in ENGINES:
        raise BadInput(f"engine is {engine!r}.", "a misspelling.", f"use one of {', '.join(ENGINES)}.")
    few = engine == "auto" and run.steps * run.batch * rec.N < WORTH_COMPILING
    if engine == "numpy" or few:
        return None
    fits = rec.equation == "lure" and isinstance(rec.parameters, Lure) and dtype == np.float64 and compiles()
    loop = loop_of(rec.parameters) if fits else None
    if loop is None and engine == "compiled":
        raise BadInput(
            f"the engine is 'compiled', for a {rec.form} recurrence in {dtype}.",
            "numba is not installed." if not compiles() else "it follows tanh after one matrix, in float64.",
            "install rnn-oracle[fast]." if not compiles() else 'leave engine out, or use engine="numpy".',
        )
    return loop


def trajectory(rec: Recurrence, run: Samples, dtype: Any = np.float64, loop: Loop | None = None) -> Array:
    """The run as (K+1, batch, N); `loop` to have it compiled."""
    H = np.empty((run.steps + 1, run.batch, rec.N), dtype=dtype)
    H[0] = run.h0
    if loop is not None:
        compiled_run.follow(H, run.X, loop)
    elif isinstance(rec.parameters, Lure) and rec.equation == "lure":
        LureRun(rec.parameters, dtype).fill(H, run.X)
    else:
        _stepwise(rec, run, H)
    return H


def _stepwise(rec: Recurrence, run: Samples, H: Array) -> None:
    """Fill H step by step in the float64 interpretation, for equations that are not restated for speed."""
    ops, equation = Float64(H.dtype), EQUATIONS[rec.equation]
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        # Whatever does not depend on the state is one product before the loop.
        drive = equation.drive(ops, rec.parameters, ops.lift(run.columns()))
        for k in range(run.steps):
            now = _columns(drive, slice(k * run.batch, (k + 1) * run.batch))
            H[k + 1] = equation.step(ops, rec.parameters, H[k].T, now).T


def _columns(drive: Any, which: slice) -> Any:
    """The drive of one step; single columns (a bias alone) hold for every step."""
    if isinstance(drive, np.ndarray):
        return drive if drive.shape[1] == 1 else drive[:, which]
    parts = [_columns(part, which) for part in drive]
    return type(drive)(*parts) if hasattr(drive, "_fields") else tuple(parts)
