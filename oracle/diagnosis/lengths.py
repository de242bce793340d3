"""Sequences of several lengths, masks, and initial states of several layers, as a caller has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, tensor_values, to_numpy
from oracle.records.layout import Samples


def padding(lengths: Any, mask: Any, run: Samples, batch_first: bool | None = None) -> Array | None:
    """Which steps are no padding, (K, batch); None where all are.

    Parameters
    ----------
    lengths : array_like of int, (batch,), optional
    mask : array_like of bool, (K, batch) in the order of the inputs, optional
        True where a sample counts.

    Raises
    ------
    oracle.BadInput
        Both, other shapes or types, a length that is negative or beyond K.
    """
    if lengths is not None and mask is not None:
        raise BadInput(
            "lengths and mask were given.", "they say the same thing, or contradict.", "leave one of them out."
        )
    if mask is not None:
        return _mask(np.asarray(tensor_values(mask)), run, batch_first)
    if lengths is None:
        return None
    counts = np.atleast_1d(np.asarray(tensor_values(lengths)))
    if counts.dtype.kind not in "iu" or counts.shape != (run.batch,):
        raise BadInput(
            f"lengths have shape {counts.shape} and dtype {counts.dtype}; expected {run.batch} integers.",
            "they belong to another batch, or are a mask.",
            "pass one number of steps per trajectory; mask= takes true and false.",
        )
    if ((counts < 0) | (counts > run.steps)).any():
        raise BadInput(
            f"lengths are {counts.tolist()[:20]}; the inputs have {run.steps} steps.",
            "they count something else, or belong to other inputs.",
            f"pass lengths between 0 and {run.steps}.",
        )
    return np.asarray(np.arange(run.steps)[:, None] < counts)


def _mask(mask: Array, run: Samples, batch_first: bool | None) -> Array:
    order = (run.batch, run.steps) if run.batched and batch_first else (run.steps, run.batch)
    expected = order if run.batched else (run.steps,)
    if mask.dtype != bool or mask.shape != expected:
        raise BadInput(
            f"mask has shape {mask.shape} and dtype {mask.dtype}; expected {expected} of true and false.",
            "it belongs to other inputs, its axes are in another order, or it holds lengths.",
            "pass true where a sample counts, in the order of the inputs; lengths= takes numbers of steps.",
        )
    mask = mask if run.batched else mask[:, None]
    return mask.T if run.batched and batch_first else mask


def starts(h0: Any, places: int, run: Samples, N: int) -> Array:
    """Initial states (places, batch, N), one per layer and direction.

    Parameters
    ----------
    h0 : array_like, optional
        Zero by default; (N,) or (batch, N) for all layers alike, or one more axis in front as torch has it:
        (places, N) for inputs without a batch, (places, batch, N) for those with one.

    Raises
    ------
    oracle.BadInput
        Another shape, or entries that are not finite.
    """
    shape = (places, run.batch, N)
    if h0 is None:
        return np.zeros(shape)
    if isinstance(h0, tuple) and len(h0) == 2 and all(hasattr(part, "shape") for part in h0):
        h0 = np.concatenate([to_numpy(part, "h0") for part in h0], axis=-1)  # (h0, c0) of long short-term memories
    given = to_numpy(h0, "h0").astype(np.float64)
    if not np.isfinite(given).all():
        raise BadInput(
            "h0 has entries that are not finite.", "a computation before this one failed.", "pass finite h0."
        )
    whole = given.ndim in (3, 2 + run.batched)
    stacked = given[:, None] if whole and given.ndim == 2 else given
    allowed = [shape, (places, 1, N)] if whole else [(N,), (run.batch, N)] if run.batched else [(N,)]
    if stacked.shape not in allowed:
        raise BadInput(
            f"h0 has shape {given.shape}; the module has {places} layers and directions of {N} units.",
            "it belongs to another module or batch.",
            f"pass ({N},) or ({run.batch}, {N}) for all of them alike, or "
            f"({places}, {f'{run.batch}, ' if run.batched else ''}{N}).",
        )
    return np.ascontiguousarray(np.broadcast_to(stacked, shape))
