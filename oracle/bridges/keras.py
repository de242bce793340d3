"""Keras: SimpleRNN, GRU and LSTM layers, and their cells, as recurrences and as candidates, on any backend.

The equations are in `keras_equations`. A layer is run as it is, in inference mode, from a given state; only for the run
it returns all states.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from oracle.bridges import keras_equations
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

LAYERS = (keras.layers.SimpleRNN, keras.layers.GRU, keras.layers.LSTM)
CELLS = (keras.layers.SimpleRNNCell, keras.layers.GRUCell, keras.layers.LSTMCell)


def handles(candidate: Any) -> bool:
    """Whether the object is a Keras layer (a model is one; a tensor is not)."""
    return isinstance(candidate, keras.layers.Layer)


def recurrence(layer: Any) -> Recurrence:
    """The documented equation, with the weights the layer holds."""
    _refuse_unknown(layer)
    cell = layer.cell if isinstance(layer, LAYERS) else layer
    found = {name: getattr(cell, name, None) for name in ("kernel", "recurrent_kernel", "bias")}
    arrays = {name: as_array(value) for name, value in found.items() if value is not None}
    return keras_equations.equation(_kind(layer), _config(layer), arrays, layer.name)


def candidate(layer: Any) -> KerasCandidate:
    """The layer as something that can be run."""
    _refuse_unknown(layer)
    keras_equations.refuse_use(_kind(layer), _config(layer), layer.name)
    return KerasCandidate(layer)


def stack(layer: Any) -> Any:
    """A layer, or both directions of one, as a stack; None for cells."""
    from oracle.bridges.keras_stack import KerasStack

    if isinstance(layer, keras.layers.Bidirectional) and isinstance(layer.forward_layer, LAYERS):
        return KerasStack(layer)
    _refuse_unknown(layer)
    return KerasStack(layer) if isinstance(layer, LAYERS) else None


def _kind(layer: Any) -> str:
    """The known class a layer is of; a subclass documents the equation of its base."""
    return next(str(kind.__name__) for kind in LAYERS + CELLS if isinstance(layer, kind))


def _config(layer: Any) -> dict[str, Any]:
    found: dict[str, Any] = layer.get_config()
    return found


def _refuse_unknown(layer: Any) -> None:
    if isinstance(layer, LAYERS + CELLS):
        return
    if isinstance(layer, keras.layers.Bidirectional):
        raise BadInput(
            f"the layer {layer.name!r} is a Bidirectional.",
            "two directions are two recurrences over the same inputs.",
            'take one of oracle.layers(layer)["forward"]; oracle.check(layer, inputs=X) checks both.',
        )
    inner = [part.name for part in getattr(layer, "layers", ()) if isinstance(part, LAYERS)]
    raise BadInput(
        f"the layer is a {type(layer).__module__}.{type(layer).__qualname__}.",
        f"it is a model; its recurrent layers are {', '.join(inner)}."
        if inner
        else "its equation is not in the catalogue.",
        "pass one recurrent layer, model.get_layer(name)."
        if inner
        else "pass a SimpleRNN, GRU, LSTM, or a cell of one.",
    )


class KerasCandidate:
    """A recurrent layer or cell, run in inference mode in its own compute dtype.

    Attributes
    ----------
    name : str
        "keras.layers.SimpleRNN", ...
    dtype : str
        In which the layer says it computes: its `compute_dtype`.
    batch_first : bool or None
        True for layers, as Keras has it; None for cells, which see one step at a time.
    final : ndarray or None
        The state that the last run of a layer returned beside its outputs, (batch, N); h and c of an LSTM side by side.
    """

    final: Array | None = None

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.name = f"keras.layers.{type(layer).__name__}"
        self.dtype = str(layer.compute_dtype)
        self.batch_first: bool | None = True if isinstance(layer, LAYERS) else None

    def run(self, h0: Array, X: Array) -> Array:
        """States H (K+1, N) or (K+1, batch, N) with H[0] = h0 as the layer received it."""
        alone = X.ndim == 2
        x = self._given(X[:, None] if alone else X)
        h = self._given(np.broadcast_to(h0, (x.shape[1], h0.shape[-1])))
        states = self._layer(h, x) if isinstance(self.layer, LAYERS) else self._cell(h, x)
        H = np.concatenate([self._as_states(h)[None, ..., : states.shape[-1]], states])
        return H[:, 0] if alone else H

    def received(self, values: Array) -> Array:
        """The numbers the layer sees: rounded once to its compute dtype."""
        return self._as_states(self._given(values))

    def _given(self, values: Array) -> Any:
        return keras.ops.convert_to_tensor(np.ascontiguousarray(values), dtype=self.dtype)

    def _as_states(self, tensor: Any) -> Array:
        return as_array(keras.ops.cast(tensor, "float32") if self.dtype == "bfloat16" else tensor)

    def _layer(self, h: Any, x: Any) -> Array:
        with all_states(self.layer):
            made = self.layer(keras.ops.swapaxes(x, 0, 1), initial_state=as_state(self.layer, h), training=False)
        found, *final = made if isinstance(made, list | tuple) else (made,)
        self.final = np.concatenate([self._as_states(part) for part in final], axis=-1) if final else None
        return self._as_states(found).swapaxes(0, 1)

    def _cell(self, h: Any, x: Any) -> Array:
        states = []
        for k in range(x.shape[0]):
            given = as_state(self.layer, h)
            _, state = self.layer(x[k], given if isinstance(given, list) else [given], training=False)
            h = keras.ops.concatenate(list(state), axis=-1) if isinstance(state, list | tuple) else state
            states.append(self._as_states(h))
        return np.stack(states)


def as_state(layer: Any, h: Any) -> Any:
    """A state as the layer takes it: [h, c] of an LSTM, which the oracle has side by side."""
    if isinstance(layer, keras.layers.LSTM | keras.layers.LSTMCell):
        return list(keras.ops.split(h, 2, axis=-1))
    return h


def as_array(tensor: Any) -> Array:
    array: Array = np.array(keras.ops.convert_to_numpy(tensor))
    return array


@contextmanager
def all_states(*layers: Any) -> Iterator[None]:
    """All states as the output, the final ones after it, and the layers' own settings afterwards.

    A class of the user's own may not know what to do with final states: it is asked for them if it was made with
    return_state=True.
    """
    before = [(layer, layer.return_sequences, layer.return_state) for layer in layers]
    final = all(type(layer).__module__.partition(".")[0] == "keras" or layer.return_state for layer in layers)
    for layer in layers:
        layer.return_sequences, layer.return_state = True, final
    try:
        yield
    finally:
        for layer, sequences, state in before:
            layer.return_sequences, layer.return_state = sequences, state
