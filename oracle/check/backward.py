"""Bringing backward passes to one form: gradients by name, in float64, from a module, a function or a mapping.

    backward(h0, X, objective) -> {"W": dL/dW, "b": dL/db, "h0": dL/dh0, ...}

The candidate gets h0 and X in the promised dtype, and the loss as an `Objective`, which an autograd framework
differentiates (`objective(H)`) and a hand-written pass asks for its cotangent (`objective.cotangent(H)`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from oracle.check.breach import Breach, passes_through, raised, words
from oracle.check.returned import plain, refuse_masked
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.reference.gradients import INPUT, STATE, Asked
from oracle.reference.loss import Loss


@dataclass(frozen=True, eq=False)
class Objective:
    """The loss as a candidate sees it.

    Attributes
    ----------
    kind : {"functional", "squares"}
        sum <w_k, h_k> or sum |h_k - y_k|^2 over the last states, as many as `array` has rows.
    array : ndarray, (K, N) or (K, batch, N); one row for a loss of the last state
        w or y, exact in the promised dtype, in the layout of the inputs.
    """

    kind: str
    array: Array

    @staticmethod
    def of(loss: Loss, batched: bool, batch_first: bool) -> Objective:
        """In the layout of the inputs."""
        array = loss.array if batched else loss.array[:, 0]
        return Objective(loss.kind, (array.swapaxes(0, 1) if batched and batch_first else array).copy())

    def __call__(self, H: Any) -> Any:
        """The loss of the states H[1..K], (K, N) or (K, batch, N), or of all K+1, in the framework H comes from."""
        seen, array = self._seen(H)
        if self.kind == "functional":
            return (seen * array).sum()
        apart = seen - array
        return (apart * apart).sum()

    def cotangent(self, H: Any) -> Any:
        """dL/dH, of the shape of H and in its dtype."""
        seen, array = self._seen(H)
        result = np.zeros(np.shape(H), dtype=np.asarray(H).dtype)
        result[len(H) - len(seen) :] = array if self.kind == "functional" else 2 * (seen - array)
        return result

    def _seen(self, H: Any) -> tuple[Any, Any]:
        seen = H[len(H) - len(self.array) :]
        if hasattr(H, "new_tensor"):
            return seen, H.new_tensor(self.array)
        return seen, np.asarray(self.array, dtype=H.dtype)


@dataclass(frozen=True, eq=False)
class Gradients:
    """What a backward pass returned.

    Attributes
    ----------
    values : dict of ndarray
        By name, float64, with the batch axis of the oracle.
    turned : tuple of str
        Names that came with the transposed shape, and were turned back to be compared.
    dtype : str
        The narrowest dtype among them.
    """

    values: dict[str, Array]
    turned: tuple[str, ...]
    dtype: str


def called(candidate: Any, h0: Any, X: Array, objective: Objective) -> Any:
    """Call a backward pass; h0 is an array, or a dict of them for several layers.

    Raises
    ------
    Breach
        It raised.
    """
    try:
        own = {place: h.copy() for place, h in h0.items()} if isinstance(h0, dict) else h0.copy()
        return candidate(own, X.copy(), objective)
    except BaseException as error:
        raised(error, h0, X, who="the backward pass")


def read(given: Any, question: Asked, batched: bool, batch_first: bool) -> Gradients:
    """Gradients by name, checked for names, shapes and dtypes.

    Raises
    ------
    oracle.BadInput
        No mapping, or names of parameters the recurrence does not have.
    Breach
        Shapes or dtypes that are no gradient of these parameters.
    """
    if not isinstance(given, Mapping) or not given:
        raise BadInput(
            f"the backward pass returned a {type(given).__name__}.",
            "gradients are compared by the names of the parameters.",
            f"return a dict with some of {', '.join(names(question))}.",
        )
    values: dict[str, Array] = {}
    turned, dtypes = [], []
    for name, value in _flat(given, question).items():
        array = _array(name, value)
        dtypes.append(array.dtype)
        array = array.astype(np.float64)
        expected = question.shapes[name]
        kind = name.rpartition(".")[2]
        if kind in (STATE, INPUT):
            array = _batched(kind, array, batched, batch_first)
        elif array.shape != expected and array.shape == expected[::-1]:
            turned.append(name)
            array = array.T
        if array.shape != expected:
            raise Breach("wrong-shape", _shape_problem(name, array.shape, expected))
        values[name] = array
    return Gradients(values, tuple(turned), str(min(dtypes, key=lambda dtype: dtype.itemsize)))


def names(question: Asked) -> tuple[str, ...]:
    """Names of the gradients there are."""
    return tuple(question.shapes)


def _flat(given: Mapping[str, Any], question: Asked) -> dict[str, Any]:
    """Several biases may come as a tuple, or, as all of them have one gradient, as one array."""
    known, result = names(question), {}
    for name, value in given.items():
        several = [each for each in known if each.startswith(f"{name}[")]
        if name in known:
            result[name] = value
        elif several:
            parts = value if isinstance(value, tuple | list) else [value] * len(several)
            result.update(zip(several, parts, strict=False))
        else:
            near = get_close_matches(str(name), known, n=2, cutoff=0.5)
            raise BadInput(
                f"there is no parameter {name!r}.",
                f"a misspelling of {' or '.join(near)}." if near else "the recurrence was stated without it.",
                f"use some of {', '.join(known)}.",
            )
    return result


def _array(name: str, value: Any) -> Array:
    array = _plain(name, value)
    if array.dtype.kind not in "fiu" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        seen = f"the gradient by {name} has dtype {array.dtype}."
        raise Breach("wrong-dtype", BadInput(seen, "it is no real-valued array.", "return float arrays."))
    return array


def _plain(name: str, value: Any) -> Array:
    refuse_masked(value, f"the gradient by {name}")
    try:
        return plain(value)
    except BaseException as error:
        if passes_through(error):
            raise
        seen = f"the gradient by {name} cannot be read as an array: {words(error)}"
        meaning = "it is ragged, sparse, or an object of a framework."
        raise Breach("wrong-dtype", BadInput(seen, meaning, "return dense arrays on the CPU.")) from error


def _batched(name: str, array: Array, batched: bool, batch_first: bool) -> Array:
    if not batched:
        return array[None] if name == STATE else (array[:, None] if array.ndim == 2 else array)
    return array.swapaxes(0, 1) if name == INPUT and batch_first and array.ndim == 3 else array


def _shape_problem(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> BadInput:
    return BadInput(
        f"the gradient by {name} has shape {shape}; expected {expected}.",
        "it is the gradient of another parameter, or summed over another axis.",
        "return gradients of the shapes of the parameters as given.",
    )
