"""`oracle.probe`: inputs and an initial state that can reveal every bug class a record has room for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

STEPS = 12  # long enough to tell late from early inputs and drift from noise, short enough to print
BATCH = 3


class Probe(NamedTuple):
    """inputs (K, batch, I) and h0 (batch, N), float32 numbers without zeros; K, batch, I and N all differ."""

    inputs: Array
    h0: Array


def probe(rec: Recurrence, *, steps: int = STEPS, batch: int = BATCH, seed: int = 0) -> Probe:
    """Samples that differ at every step, channel and trajectory, and a different nonzero state for each trajectory.

    Parameters
    ----------
    rec : Recurrence
    steps, batch : int
        Raised until steps, batch, inputs and units all differ, so that no swap of axes goes unnoticed.
    seed : int
    """
    taken = {rec.N, rec.I}
    while batch in taken:
        batch += 1
    taken.add(batch)
    while steps in taken or steps < STEPS:
        steps += 1
    rng = np.random.default_rng(seed)
    # Uniform on +-[0.25, 1.25]: away from zero, inside the range where activations bend, exact in float32.
    inputs, h0 = (_away_from_zero(rng, shape) for shape in ((steps, batch, rec.I), (batch, rec.N)))
    return Probe(inputs, h0)


def _away_from_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    size = rng.uniform(0.25, 1.25, shape) * rng.choice([-1.0, 1.0], shape)
    return np.asarray(size.astype(np.float32), dtype=np.float64)
