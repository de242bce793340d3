"""Hypothesis strategies: networks, recurrences and their inputs. Needs `hypothesis`; nothing else imports this.

The structure (form, sizes, activation, time constants, precision) is drawn, so that it shrinks; the weights are made
from a drawn seed, because a shrunken matrix is zero, constant or symmetric, and those hide most bugs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from oracle.records.exact import Array
from oracle.records.names import CATALOGUE
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence

LARGEST_SEED = 2**32 - 1
NETWORK_FORMS = ("paper", "rate", "current")
RECURRENCE_FORMS = ("elman", "leaky", "leaky-inside", "leak_inside", "gru", "gru-before", "lstm")


def weights(seed: int, shape: tuple[int, ...], gain: float = 1.0, dtype: str = "float64") -> Array:
    """Normal weights of standard deviation gain / sqrt(columns), the same for the same seed.

    Parameters
    ----------
    seed : int
        Seed of the generator.
    shape : tuple of int
        (rows, columns), or (rows,) for a bias.
    gain : float
        The spectral radius of a large square matrix.
    dtype : str
        Precision of the result.
    """
    rng = np.random.default_rng(seed)
    columns = shape[-1] if len(shape) > 1 else 1
    made: Array = rng.standard_normal(shape) * (gain / np.sqrt(max(columns, 1)))
    return made.astype(dtype)


def _drive(draw: st.DrawFn, N: int, rows: int, inputs: int, gain: float, dtype: str) -> dict[str, Array]:
    seed = draw(st.integers(0, LARGEST_SEED))
    given = {"W": weights(seed, (rows, N), gain, dtype)}
    if inputs:
        given["M"] = weights(seed + 1, (rows, inputs), 1.0, dtype)
    if draw(st.booleans()):
        given["b"] = weights(seed + 2, (rows,), 0.5, dtype)
    return given


def _rates(draw: st.DrawFn, N: int, low: float, high: float) -> Any:
    """One rate, or one per unit; all different."""
    if N == 1 or draw(st.booleans()):
        return draw(st.integers(1, 7)) * (high - low) / 8 + low
    spread: Array = np.random.default_rng(draw(st.integers(0, LARGEST_SEED))).uniform(low, high, N)
    return spread


@st.composite
def networks(
    draw: st.DrawFn,
    *,
    units: int = 5,
    inputs: int = 3,
    forms: tuple[str, ...] = NETWORK_FORMS,
    activations: tuple[str, ...] = CATALOGUE,
    dtypes: tuple[str, ...] = ("float64", "float32"),
    gain: float = 1.0,
) -> Network:
    """Continuous-time networks.

    Parameters
    ----------
    units, inputs : int
        Largest number of units N >= 1 and of inputs I >= 0.
    forms, activations, dtypes : tuple of str
        What is drawn from.
    gain : float
        Scale of the recurrent weights: about the spectral radius of W.
    """
    N, dtype = draw(st.integers(1, units)), draw(st.sampled_from(dtypes))
    given = _drive(draw, N, N, draw(st.integers(0, inputs)), gain, dtype)
    form = getattr(Network, draw(st.sampled_from(forms)))
    made: Network = form(**given, tau=_rates(draw, N, 0.02, 0.5), activation=draw(st.sampled_from(activations)))
    return made


@st.composite
def recurrences(
    draw: st.DrawFn,
    *,
    units: int = 5,
    inputs: int = 3,
    forms: tuple[str, ...] = RECURRENCE_FORMS,
    activations: tuple[str, ...] = CATALOGUE,
    dtypes: tuple[str, ...] = ("float64", "float32"),
    gain: float = 1.0,
) -> Recurrence:
    """Discrete-time recurrences; parameters as for `networks`, gated cells have their own activations."""
    form, N = draw(st.sampled_from(forms)), draw(st.integers(1, units))
    dtype = draw(st.sampled_from(dtypes))
    rows = {"gru": 3, "gru-before": 3, "lstm": 4}.get(form, 1) * N
    given: dict[str, Any] = _drive(draw, N, rows, draw(st.integers(0, inputs)), gain, dtype)
    if rows > N:
        given["b_recurrent"] = weights(draw(st.integers(0, LARGEST_SEED)), (rows,), 0.5, dtype)
        if form == "lstm":
            return Recurrence.lstm(**given)
        return Recurrence.gru(**given, reset="before" if form == "gru-before" else "after")
    given["activation"] = draw(st.sampled_from(activations))
    if form.startswith("lea"):
        given["alpha"] = _rates(draw, N, 0.05, 0.95)
    if form.startswith("leaky"):
        given["sigma"] = "inside" if form == "leaky-inside" else "outside"
    made: Recurrence = getattr(Recurrence, form.partition("-")[0])(**given)
    return made


@st.composite
def inputs(draw: st.DrawFn, record: Network | Recurrence, steps: int, *, batch: int | None = None) -> Array:
    """Samples for a record: (steps, I), or (steps, batch, I); different at every step, in the record's precision."""
    shape = (steps, record.I) if batch is None else (steps, batch, record.I)
    dtype = record.dtype if record.dtype in ("float16", "float32") else "float64"
    rng = np.random.default_rng(draw(st.integers(0, LARGEST_SEED)))
    samples: Array = rng.standard_normal(shape).astype(dtype)
    return samples
