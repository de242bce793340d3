"""Inputs and initial state from files, or made by `oracle.probe` for a check that was given none."""

from __future__ import annotations

from typing import Any, NamedTuple

import oracle
from oracle.cli.files import read_array
from oracle.records.exact import Array

STEPS = 100
SEED = 1


class Run(NamedTuple):
    """Inputs, initial state, and a sentence on where they come from."""

    inputs: Array
    h0: Array | None
    says: str


def read_run(record: Any, inputs: str | None, h0: str | None, steps: int, batch: int | None, seed: int) -> Run:
    """Inputs and initial state from files, or generated."""
    start = None if h0 is None else _squeezed(read_array(h0, ("h0", "H")), h0)
    if inputs is not None:
        X = read_array(inputs)
        return Run(X, start, f"inputs from {inputs}, {len(X)} steps, h0 {'zero' if h0 is None else f'from {h0}'}")
    made = oracle.probe(record, steps=steps, batch=batch or 1, seed=seed)
    X, start = (made.inputs, made.h0 if start is None else start)
    if batch is None:
        X, start = X[:, 0], (start[0] if h0 is None else start)
    shape = " x ".join(map(str, X.shape))
    return Run(X, start, f"inputs generated: {shape}, between 0.25 and 1.25 in size, seed {seed}")


def _squeezed(array: Array, path: str) -> Array:
    """A column or row of a text file is a vector."""
    return array.ravel() if path.lower().endswith(".csv") and 1 in array.shape else array
