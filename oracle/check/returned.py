"""Reading what a candidate returns: an array of real numbers of a known shape, or the breach that it is none."""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import numpy as np

from oracle.check.breach import Breach, passes_through, words
from oracle.errors import BadInput
from oracle.records.exact import CONSECUTIVE, Array, tensor_values

Shapes = tuple[tuple[int, ...], ...]
HARDEST = 10_000  # candidates for a common address that are tried; beyond it, arrays of odd strides count as apart


def plain(value: Any) -> Array:
    """A numpy array of whatever was returned, in native byte order; tensors are detached, alone or in a list.

    Raises
    ------
    Exception
        Whatever the object raises when it is read.
    """
    if isinstance(value, list | tuple) and any(hasattr(part, "detach") for part in value):
        value = [tensor_values(part) for part in value]
    array = np.asarray(tensor_values(value))
    native: Array = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    return native


def read(value: Any, expected: Shapes, what: str) -> Array:
    """What was returned, as an array that may share memory with the candidate's own.

    Raises
    ------
    Breach
        "wrong-shape", "wrong-dtype", "masked-values": it is no such array.
    """
    array = _array(value, expected, what)
    refuse_masked(value, what)
    if array.dtype.kind not in "fiu" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        raise Breach("wrong-dtype", _no_numbers(value, array, what))
    if isinstance(value, list | tuple) and not value:
        array = np.zeros(next((shape for shape in expected if 0 in shape), (0,)))  # a list of no rows has no columns
    if array.shape not in expected:
        raise Breach("wrong-shape", _shape_problem(value, f"{what} has shape {array.shape}", expected))
    if array.dtype.kind in "iu" and ((array > CONSECUTIVE) | (array < -CONSECUTIVE)).any():
        raise Breach("wrong-dtype", _too_large(array, what))
    return array


def _array(value: Any, expected: Shapes, what: str) -> Array:
    try:
        return plain(value)
    except BaseException as error:
        if passes_through(error):
            raise
        if isinstance(error, ValueError) and isinstance(value, list | tuple):
            seen = f"{what} has rows of different lengths ({words(error)})"
            raise Breach("wrong-shape", _shape_problem(value, seen, expected)) from None
        problem = BadInput(
            f"{what} is a {type(value).__name__} that cannot be read as an array: {words(error)}",
            "it is an object of a framework (a sparse or lazy tensor, another device), and no array.",
            "return a dense array on the CPU.",
            error=error,
        )
        raise Breach("wrong-dtype", problem) from error


def refuse_masked(value: Any, what: str) -> None:
    """What lies under a mask is no number.

    Raises
    ------
    Breach
        "masked-values": some entries are masked.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        problem = BadInput(
            f"{what} has {int(np.ma.getmaskarray(value).sum())} masked entries.",
            "they are marked as invalid, and what lies under the mask is no state.",
            "return plain arrays; leave out the steps that have no state.",
        )
        raise Breach("masked-values", problem)


def _no_numbers(value: Any, array: Array, what: str) -> BadInput:
    if array.dtype == object and array.ndim == 0:
        if isinstance(value, Coroutine):
            value.close()  # nobody will await it
        return BadInput(
            f"{what} has dtype object: it is a {type(value).__name__}.",
            "the candidate returns something that is no array: nothing (no return statement), a generator, an object.",
            "return an array of the states; list(..) makes one of a generator.",
        )
    return BadInput(
        f"{what} has dtype {array.dtype}.",
        "the candidate returns something that is no real-valued state.",
        "return float64, float32 or float16 arrays; for wider formats write down float64.",
    )


def _too_large(array: Array, what: str) -> BadInput:
    return BadInput(
        f"{what} has dtype {array.dtype}, and integers beyond 2^53.",
        "they are no numbers of the promised format; a product of integers wraps around in silence.",
        "compute and return floats.",
    )


def _shape_problem(value: Any, seen: str, expected: Shapes) -> BadInput:
    remedy = "return the state h, units last; say batch_first=True if the batch comes first."
    if isinstance(value, tuple):
        remedy = 'return the state alone; oracle.as_step(step, "carry") takes the first of (h, output).'
    return BadInput(
        f"{seen}; expected {' or '.join(map(str, expected))}.",
        "the candidate returns another quantity (readout, gates), only the last state, or the axes in another order.",
        remedy,
    )


def share(a: Array, b: Array) -> bool:
    """Whether two arrays have memory in common."""
    try:
        return bool(np.shares_memory(a, b, max_work=HARDEST))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return False


def repeats_one_buffer(raw: Any, array: Array, axis: int) -> bool:
    """Whether the steps of a run are one and the same memory: a list of one array, or a broadcast state."""
    if isinstance(raw, list | tuple):
        parts = [part for part in map(tensor_values, raw) if isinstance(part, np.ndarray)]
        return any(share(a, b) for a, b in pairwise(parts))
    return bool(array.size and array.ndim > axis and array.shape[axis] > 1 and array.strides[axis] == 0)
