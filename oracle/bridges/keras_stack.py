"""Keras' SimpleRNN, GRU and LSTM with masks, and Bidirectional around one of them.

A masked step keeps the state, so it is no step of the recurrence. Bidirectional runs a second layer over the reversed
samples and puts out both, the second one in the order of the samples; its outputs have to be side by side
(merge_mode="concat"), because a sum of two states shows neither.

Source: the documentation of keras.layers.RNN and keras.layers.Bidirectional (Keras 3).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from oracle.bridges import keras_equations
from oracle.bridges.keras import KerasCandidate, all_states, as_array, as_state, recurrence
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence


class KerasStack:
    """A layer in one or two directions; attributes as `oracle.bridges.registry.Stack`."""

    finals: tuple[Array, ...] = ()

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.name = f"keras.layers.{type(layer).__name__}"
        self.batch_first: bool | None = True
        both = isinstance(layer, keras.layers.Bidirectional)
        self.parts = [layer.forward_layer, layer.backward_layer] if both else [layer]
        if both:
            _refuse_merged(layer)
        for part, expected in zip(self.parts, (False, True), strict=False):
            config = part.get_config() | {"go_backwards": part.go_backwards != expected}
            keras_equations.refuse_use(type(part).__name__, config, part.name)
        self.directions = len(self.parts)
        self.dtype = str(self.parts[0].compute_dtype)
        names = ("forward", "backward") if both else (layer.name,)
        self.records: dict[str, Recurrence] = {
            name: recurrence(part) for name, part in zip(names, self.parts, strict=True)
        }

    def received(self, values: Array) -> Array:
        """The numbers the layer sees: rounded once to its compute dtype."""
        return KerasCandidate(self.parts[0]).received(values)

    def unpacked(self, inputs: Any) -> tuple[Array, Array]:
        """Keras has no object of its own for sequences of several lengths."""
        raise BadInput(
            f"the inputs are a {type(inputs).__name__}.", "it is torch's.", "pass padded inputs, and lengths= or mask=."
        )

    def outputs(self, h0: Array, X: Array, mask: Array | None) -> list[Array]:
        """The states of both directions side by side, (K, batch, directions N), in the order of the samples."""
        x, *start = (self._given(part) for part in (np.swapaxes(X, 0, 1), *h0))
        masked = None if mask is None else keras.ops.convert_to_tensor(mask.T.copy())
        states = [as_state(part, given) for part, given in zip(self.parts, start, strict=True)]
        flat = [each for state in states for each in (state if isinstance(state, list) else [state])]
        state = states[0] if self.directions == 1 else flat
        with all_states(*(self.parts if self.directions == 1 else [*self.parts, self.layer])):
            made = self.layer(x, initial_state=state, mask=masked, training=False)
        found, *final = made if isinstance(made, list | tuple) else (made,)
        self.finals = tuple(self._apart(final))
        return [self._shown(found).swapaxes(0, 1)]

    def _apart(self, final: list[Any]) -> list[Array]:
        """Final states, each h or h and c, by direction; none where there are none."""
        each = len(final) // self.directions
        parts = (final[i * each : (i + 1) * each] for i in range(self.directions if each else 0))
        return [np.concatenate(list(map(self._shown, part)), axis=-1) for part in parts]

    def _shown(self, tensor: Any) -> Array:
        """As NumPy has it; float32, which holds it exactly, for bfloat16."""
        return as_array(keras.ops.cast(tensor, "float32") if self.dtype == "bfloat16" else tensor)

    def _given(self, values: Array) -> Any:
        return keras.ops.convert_to_tensor(np.ascontiguousarray(values), dtype=self.dtype)


def _refuse_merged(layer: Any) -> None:
    if layer.merge_mode != "concat":
        raise BadInput(
            f"the Bidirectional {layer.name!r} has merge_mode={layer.merge_mode!r}.",
            "the states of the two directions cannot be told apart in its output.",
            'make it with merge_mode="concat", or check its forward_layer.',
        )
