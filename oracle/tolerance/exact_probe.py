"""Exact probes: inputs on which every honest float32 sum is exact in any order, and TF32 is wrong in every unit.

Weights are small positive integers and states are odd multiples of 2^-11 below 2 that need all 12 bits. A sum of N +
I products with weights up to w is below w (N + I) 2 and a multiple of 2^-11, so it has at most 24 bits while w (N +
I) is at most 4096: w = 4 up to 1024 terms, 1 up to 4096. Nothing is ever rounded in float32. Rounding a state to
TF32's 11 bits moves it by exactly 2^-11: the numerators are 1 modulo 4, so that rounding to nearest (ties to even)
and truncation both go down, all errors have one sign and cannot cancel. The relu and the zero bias pass the sum on
unchanged: the verdict is exact, not statistical.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

SIGNIFICANT = 12  # bits of a state: one more than TF32, bfloat16 and float16 have
FLOAT32_BITS = 24
LARGEST = 2 ** (FLOAT32_BITS - SIGNIFICANT)  # terms of weight 1 that still sum exactly


class ExactProbe(NamedTuple):
    """A float32 recurrence, inputs (1, I) and an initial state (N,) whose one step is exact in float32."""

    rec: Recurrence
    X: Array
    h0: Array


def exact_probe(N: int, I: int = 0, seed: int = 0) -> ExactProbe:
    """A one-step probe for relu networks of N units and I inputs; N + I <= 4096.

    Returns
    -------
    ExactProbe
        Check a candidate with `oracle.check(run, probe.rec, inputs=probe.X, h0=probe.h0)` and compare its state with
        `exact_step`: any difference proves that products or sums are not those of float32.
    """
    terms = N + I
    if not 0 < N <= terms <= LARGEST:
        raise BadInput(
            f"N + I is {terms}.",
            f"with {SIGNIFICANT}-bit states more than {LARGEST} terms do not sum exactly in float32.",
            "probe a smaller layer.",
        )
    rng = np.random.default_rng(seed)
    heaviest = max(1, min(4, LARGEST // terms))
    weights = rng.integers(1, heaviest + 1, size=(N, terms)).astype(np.float32)
    # Numerators 2049, 2053, .., 4093: twelve bits, all 1 modulo 4.
    numerators = 2 ** (SIGNIFICANT - 1) + 1 + 4 * rng.integers(0, 2 ** (SIGNIFICANT - 3), size=terms)
    states = (numerators / 2.0 ** (SIGNIFICANT - 1)).astype(np.float32)
    rec = Recurrence.elman(weights[:, :N], weights[:, N:] if I else None, activation="relu")
    return ExactProbe(rec, states[None, N:], states[:N])


def exact_step(probe: ExactProbe) -> Array:
    """The exact next state (N,), in integers scaled by 2^-11; no rounding anywhere."""
    scale = 2.0 ** (SIGNIFICANT - 1)
    states = np.rint(np.concatenate([probe.h0, probe.X[0]]).astype(np.float64) * scale).astype(np.int64)
    weights = np.concatenate([probe.rec.W, probe.rec.M], axis=1).astype(np.int64)
    return np.asarray((weights @ states) / scale)
