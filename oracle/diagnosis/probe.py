"""`oracle.probe`: inputs and an initial state that can reveal every bug class a record has room for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.diagnosis.deviating import deviating
from oracle.diagnosis.gated import gated_statement
from oracle.diagnosis.statement import statement
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.precision import PRECISIONS, Precision
from oracle.records.recurrence import Recurrence
from oracle.tolerance.exact_probe import LARGEST, ExactProbe, exact_probe
from oracle.tolerance.step import one_step_bound

STEPS = 12  # long enough to tell late from early inputs and drift from noise, short enough to print
BATCH = 3


class Probe(NamedTuple):
    """Inputs and states that see everything.

    Attributes
    ----------
    inputs, h0 : ndarray, (K, batch, I), (batch, N)
        float32 numbers without zeros; K, batch, I and N all differ.
    exact : ExactProbe or None
        A relu layer of the same size whose float32 sums are exact in any order; None for more than 4096 terms.
    """

    inputs: Array
    h0: Array
    exact: ExactProbe | None = None


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
    terms = rec.N + rec.I
    return Probe(inputs, h0, exact_probe(rec.N, rec.I, seed) if 0 < terms <= LARGEST and rec.N else None)


def _away_from_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    size = rng.uniform(0.25, 1.25, shape) * rng.choice([-1.0, 1.0], shape)
    return np.asarray(size.astype(np.float32), dtype=np.float64)


def hidden(rec: Recurrence, made: Probe | None = None, precision: str = "float64") -> tuple[str, ...]:
    """Named deviations that a probe cannot tell from the documented equation, whatever a program rounds.

    Those are other maps whose first step from every state of the probe is within the sum of both proven bounds: weights
    that are symmetric but for their last digits hide their transpose.

    Parameters
    ----------
    rec : Recurrence
    made : Probe, optional
        `probe(rec)` by default.
    precision : str
        What the candidates promise.

    Returns
    -------
    tuple of str
        Observed: the steps are compared in float64, which may err by one bound each.
    """
    made = made or probe(rec)
    model = PRECISIONS[precision]
    stated = statement(rec) or gated_statement(rec)
    h, x = made.h0.T, made.inputs[0].T
    own, own_bound = _step(rec, h, x, model)
    names = []
    for name, other in deviating(stated) if stated is not None else ():
        changed = other.record()
        step, bound = _step(changed, h, x, model)
        if np.all(np.abs(step - own) <= own_bound + bound) and not changed.same_map(rec):
            names.append(name)
    return tuple(dict.fromkeys(names))


def _step(rec: Recurrence, h: Array, x: Array, model: Precision) -> tuple[Array, Array]:
    ops = Float64()
    made = np.asarray(advance(ops, rec, ops.lift(h), ops.lift(x)))
    return made, one_step_bound(rec, h, x, model, after=made)
