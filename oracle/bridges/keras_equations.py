"""Keras' recurrent layers as recurrences, from their configuration and arrays; Keras itself is not needed.

    SimpleRNN   h+ = s(x kernel + h recurrent_kernel + bias)
    GRU         gates z, r, h along the columns; reset_after: bias (2, 3N), r * (h U_h + c_h); else bias (3N,),
                (r * h) U_h;  h+ = z h + (1 - z) n
    LSTM        gates i, f, c, o along the columns, one bias (4N,), to which nothing is added: unit_forget_bias says
                how it is initialised

Source: the documentation and `call` of keras.layers.SimpleRNNCell, GRUCell and LSTMCell (Keras 2.3 to 3). Kernels are
(in, out) and act on rows, so they are transposed here; torch and the records have a GRU's gates as r, z, n.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

KINDS = ("SimpleRNN", "GRU", "LSTM")
ORDER = (1, 0, 2)  # Keras has z, r, h
PLAIN: dict[str, Any] = {"go_backwards": False, "stateful": False}


def kind_of(class_name: str) -> str:
    """The layer a class is or has inside: SimpleRNNCell is a SimpleRNN of one step."""
    return class_name.removesuffix("Cell")


def equation(class_name: str, config: Mapping[str, Any], arrays: Mapping[str, Array], name: str) -> Recurrence:
    """The documented equation of a layer.

    Parameters
    ----------
    class_name : str
        SimpleRNN, GRU or LSTM, or the cell of one.
    config : mapping
        The layer's configuration, as `get_config` gives it.
    arrays : mapping
        kernel (I, gates N), recurrent_kernel (N, gates N) and, if used, bias.
    name : str
        Of the layer, for messages.

    Returns
    -------
    Recurrence
        `dtype` is that of the arrays.

    Raises
    ------
    oracle.BadInput
        Another class, an activation that is not known or not that of the catalogue's GRU, arrays that are missing.
    """
    kind = kind_of(class_name)
    if kind not in KINDS:
        raise BadInput(
            f"the layer {name!r} is a {class_name}.",
            "its equation is not in the catalogue.",
            f"pass a layer of a known class ({', '.join(KINDS)}), or state the recurrence.",
        )
    missing = [key for key in ("kernel", "recurrent_kernel") if key not in arrays]
    if missing:
        held = ", ".join(sorted(arrays)) or "no arrays"
        raise BadInput(
            f"the layer {name!r} has no {' and no '.join(missing)}; there are {held}.",
            "it was never built, or the file holds another layer under this name.",
            "call the layer once on an input, or save the model after building it.",
        )
    W, M = (np.ascontiguousarray(arrays[key].T) for key in ("recurrent_kernel", "kernel"))
    form = {"SimpleRNN": _simple, "GRU": _gru, "LSTM": _lstm}[kind]
    return form(config, W, M, arrays.get("bias"), name)


def _simple(config: Mapping[str, Any], W: Array, M: Array, b: Array | None, name: str) -> Recurrence:
    return Recurrence.elman(W, M, b, activation=activation(config.get("activation", "tanh")))


def _refuse_activations(kind: str, config: Mapping[str, Any], name: str) -> None:
    for key, expected in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        if activation(config.get(key, expected)) != activation(expected):
            raise BadInput(
                f"the {kind} {name!r} has {key}={config[key]!r}.",
                f"the catalogue's {kind} has {expected} there; Keras 2.3 and before had hard_sigmoid gates by default.",
                "there is no equation for it yet.",
            )


def _gru(config: Mapping[str, Any], W: Array, M: Array, bias: Array | None, name: str) -> Recurrence:
    _refuse_activations("GRU", config, name)
    after = bool(config.get("reset_after", True))
    biases = [] if bias is None else [_stacked(row) for row in np.atleast_2d(bias)]
    return Recurrence.gru(_stacked(W), _stacked(M), *biases, reset="after" if after else "before")


def _lstm(config: Mapping[str, Any], W: Array, M: Array, b: Array | None, name: str) -> Recurrence:
    _refuse_activations("LSTM", config, name)
    return Recurrence.lstm(W, M, b)


def _stacked(array: Array) -> Array:
    """Gates z, r, h along the first axis as r, z, n."""
    parts = np.split(array, 3)
    return np.concatenate([parts[gate] for gate in ORDER])


def activation(value: Any) -> str:
    """The name of an activation as a configuration has it: a name, or an object with one inside.

    Raises
    ------
    oracle.BadInput
        Not a known activation.
    """
    from oracle.records.names import activation_name

    if isinstance(value, Mapping):
        value = value.get("config", value.get("class_name"))
    return "identity" if value is None else activation_name(value)


def refuse_use(class_name: str, config: Mapping[str, Any], name: str) -> None:
    """A layer that is used in a way that is no run of one recurrence from a state that is given."""
    meanings = {
        "go_backwards": "it steps through its inputs backwards",
        "stateful": "its state is carried over from one call to the next, and would be changed by running it",
    }
    for key, expected in PLAIN.items():
        if bool(config.get(key, expected)) != expected:
            raise BadInput(
                f"the {class_name} {name!r} has {key}={config[key]}.",
                f"{meanings[key]}.",
                f"make the layer with {key}={expected} and the same weights.",
            )
