"""The flip-flop task: pulses come in, and each channel's last pulse has to be remembered.

Every channel receives pulses of +1 or -1, `WIDTH` steps long, at random times; the bit of a channel is the sign of its
latest pulse. A bit is scored once `SETTLING` steps have passed since the onset of that pulse. With three channels it is
the task of D. Sussillo and O. Barak, Neural Comput. 25, 626 (2013).
"""

from __future__ import annotations

import numpy as np

from oracle.records.exact import Array

WIDTH = 5  # steps a pulse lasts: one time constant of the network at step tau/5
GAP = (15, 45)  # steps from one onset to the next on a channel
SETTLING = 12  # steps from the onset until the bit is scored: the pulse and a little more than one time constant


def pulses(steps: int, channels: int, seed: int, batch: int | None = None) -> Array:
    """Pulse inputs of the flip-flop task.

    Parameters
    ----------
    steps, channels : int
        K and I.
    seed : int
        Of the generator that draws onsets and signs.
    batch : int, optional
        Number of trials; without it there is one, and no batch axis.

    Returns
    -------
    ndarray, (K, I) or (K, batch, I)
        Entries -1, 0 and 1; every channel's first pulse comes within the first `GAP[0]` steps.
    """
    rng = np.random.default_rng(seed)
    trials = np.zeros((steps, batch or 1, channels))
    for trial in range(batch or 1):
        for channel in range(channels):
            onset = int(rng.integers(0, GAP[0]))
            while onset < steps:
                trials[onset : onset + WIDTH, trial, channel] = rng.choice((-1.0, 1.0))
                onset += int(rng.integers(*GAP))
    return trials[:, 0] if batch is None else trials


def remembered(inputs: Array) -> tuple[Array, Array]:
    """The bits to be remembered after each step, and where they are scored.

    Parameters
    ----------
    inputs : ndarray, (K, I) or (K, batch, I)
        As `pulses` makes them.

    Returns
    -------
    bits, scored : ndarray, of the shape of the inputs
        Signs (0 before the first pulse), and whether the entry counts.
    """
    bits, age = np.zeros(inputs.shape), np.full(inputs.shape, -1)
    before, onset_age = np.zeros(inputs.shape[1:]), np.full(inputs.shape[1:], -1)
    for k, x in enumerate(inputs):
        started = (x != 0) & ((k == 0) | (inputs[k - 1] == 0))
        before = np.where(started, x, before)
        onset_age = np.where(started, 0, np.where(onset_age < 0, -1, onset_age + 1))
        bits[k], age[k] = before, onset_age
    return bits, age >= SETTLING
