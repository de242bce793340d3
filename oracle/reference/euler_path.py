"""Euler's run as data for its error bounds: states, slopes and arguments at every step, the input between grid points.

    h_{k+1} = h_k + Delta F(h_k, X_k)       X_k the sample that Euler used
    x(t_k + th) = v_k + th x'_k             the input of the flow, 0 <= th <= Delta: held (x' = 0) or linear

For steps k = 0 .. K-1, in float64 with radii, one column per step:

    f    F(h_k, X_k)                        (N, K)
    z    W h_k + M v_k + b                  (units, K): what is inside s at the start of the step
    zdot W f + M x'                         (units, K): how fast that moves along Euler's polygon
    ramp A f + E x'                         (N, K): h'' along the polygon is ramp + B s'(z) zdot
    jump F(h_k, v_k) - F(h_k, X_k)          (N, K): zero where Euler samples the input at t_k
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball
from oracle.arithmetic.midrad import Midrad
from oracle.equations import lure
from oracle.errors import BadInput
from oracle.records.exact import Array, exact_array, exact_object, objects, to_numpy
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.reference.signals import Signal, Steady


@dataclass(frozen=True, eq=False)
class Drives:
    """The input of every step, exactly: at its start, its slope, and the sample that Euler used; each (K, I)."""

    values: Array
    slopes: Array
    samples: Array

    @property
    def steps(self) -> int:
        """K."""
        return len(self.values)

    def refined(self, part: Fraction, parts: int) -> Drives:
        """The same input on steps that are `parts` times shorter, sampled at their starts."""
        rows = [v + j * part * slope for v, slope in zip(self.values, self.slopes, strict=True) for j in range(parts)]
        values = objects(entry for row in rows for entry in row).reshape(len(rows), self.values.shape[1])
        return Drives(values, np.repeat(self.slopes, parts, axis=0), values)


@dataclass(frozen=True, eq=False)
class Path:
    """See the module."""

    field: Lure
    step: Fraction
    drives: Drives
    states: Any  # arb_mat (N, K + 1)
    f: Midrad
    z: Midrad
    zdot: Midrad
    ramp: Midrad
    jump: Midrad

    @staticmethod
    def of(field: Lure, step: Fraction, drives: Drives, states: Any) -> Path:
        """Evaluate everything, all steps at once; use inside `precision`."""
        ops = Ball()
        start = _first(states, drives.steps)
        X, v, slope = (ops.lift(part.T.copy()) for part in (drives.samples, drives.values, drives.slopes))
        f = lure.step(ops, field, start, lure.drive(ops, field, X))
        here = lure.step(ops, field, start, lure.drive(ops, field, v))
        z = ops.affine([(field.W, start)], field.b, [] if not field.input_size else [ops.affine([(field.M, v)])])
        zdot = ops.affine([(field.W, f), (field.M, slope)])
        ramp = ops.affine([(field.A, f), (field.E, slope)])
        parts = (Midrad.of(part) for part in (f, z, zdot, ramp, here - f))
        return Path(field, step, drives, states, *parts)


def _first(states: Any, columns: int) -> Any:
    entries = states.entries()
    width = states.ncols()
    kept = [entries[i * width + k] for i in range(states.nrows()) for k in range(columns)]
    return type(states)(states.nrows(), columns, kept)


def drives_of(net: Network, step: Fraction, steps: int, inputs: Any, samples: Any = None) -> Drives:
    """The input on each step.

    Parameters
    ----------
    inputs : array_like, Signal, Steady or None
        (K, I) samples held over each step; or a signal, which may change between grid points.
    samples : array_like, optional
        (K, I), what Euler used; by default the input at the grid points.

    Raises
    ------
    oracle.BadInput
        Shapes that disagree, a signal that is too short or breaks inside a step.
    """
    if isinstance(inputs, Signal | Steady):
        values, slopes = _on_grid(inputs, step, steps)
    else:
        X = np.zeros((steps, net.I)) if inputs is None else to_numpy(inputs, "inputs")
        values = _sized(X, net, steps)
        slopes = np.full(values.shape, Fraction(0), dtype=object)
    if values.shape[1] != net.I:
        raise _shape_error(values.shape, net, steps)
    used = values if samples is None else _sized(to_numpy(samples, "samples"), net, steps)
    return Drives(values, slopes, used)


def _on_grid(signal: Signal | Steady, step: Fraction, steps: int) -> tuple[Array, Array]:
    if signal.until is not None and signal.until < steps * step:
        raise BadInput(
            f"the signal is known until {signal.until}; the run ends at {steps * step}.",
            "a linear signal needs one sample more than there are steps.",
            "pass more samples, or fewer steps.",
        )
    rows = []
    for k in range(steps):
        piece = signal.piece(k * step)
        if piece.end is not None and piece.end < (k + 1) * step:
            raise BadInput(
                f"the input changes its course at {piece.end}, inside step {k}.",
                "the signal has a finer grid than the steps, or another one.",
                "use a step that divides the signal's.",
            )
        zero = objects([Fraction(0)] * len(piece.value))
        rows.append((exact_object(piece.value), zero if piece.slope is None else piece.slope))
    shape = (steps, signal.inputs)
    return tuple(objects(e for row in rows for e in row[j]).reshape(shape) for j in (0, 1))  # type: ignore[return-value]


def _sized(X: Array, net: Network, steps: int) -> Array:
    if steps < 1 or X.shape != (steps, net.I):
        raise _shape_error(X.shape, net, steps)
    return exact_array(X, "inputs", 2)


def _shape_error(shape: tuple[int, ...], net: Network, steps: int) -> BadInput:
    return BadInput(
        f"inputs have shape {shape} for {steps} steps; expected ({steps}, {net.I}).",
        "there is one held input per step, and at least one step.",
        "pass inputs of shape (steps, I).",
    )
