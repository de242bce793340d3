"""Recurrent layers among named arrays, by the names torch gives to their weights; torch itself is not needed.

    <prefix>weight_hh_l<n>[_reverse]    (N, N) for RNN, (3N, N) for GRU, (4N, N) for LSTM; weight_ih_.. (gates N, I)
    <prefix>weight_hh, weight_ih        the same of a cell
    ..._orig, ..._mask                  a weight pruned by torch.nn.utils.prune is their product

Source: the documentation of torch.nn.RNNBase and of torch.nn.utils.prune (PyTorch 2). The arrays do not say which
nonlinearity an RNN has: it has to be stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from oracle.errors import BadInput
from oracle.records.recurrence import Recurrence

KINDS = {1: "RNN", 3: "GRU", 4: "LSTM"}
NAME = re.compile(r"(?P<prefix>.*?)(?P<kind>weight_hh|weight_ih|bias_ih|bias_hh)(?P<place>_l\d+(?:_reverse)?)?")
LISTED = 12  # names shown in a message


class Layer(NamedTuple):
    """The arrays of one layer and one direction."""

    name: str
    arrays: dict[str, Any]

    @property
    def gates(self) -> int:
        """Blocks of rows: 1 for RNN, 3 for GRU, 4 for LSTM; 0 where the shapes fit none."""
        shape = tuple(self.arrays["weight_hh"].shape)
        whole = len(shape) == 2 and shape[1] > 0 and shape[0] % shape[1] == 0
        return shape[0] // shape[1] if whole and shape[0] // shape[1] in KINDS else 0

    def described(self) -> str:
        """Name, kind and shapes, for messages."""
        W, M = (tuple(self.arrays[kind].shape) if kind in self.arrays else None for kind in ("weight_hh", "weight_ih"))
        return f"{self.name} ({KINDS.get(self.gates, 'unknown')}: weight_hh {W}, weight_ih {M})"


def found(arrays: Mapping[str, Any], source: str) -> list[Layer]:
    """The recurrent layers among the arrays, in their order.

    Raises
    ------
    oracle.BadInput
        There is none.
    """
    layers: dict[str, Layer] = {}
    for name, array in effective(arrays).items():
        match = NAME.fullmatch(name)
        if match is not None:
            title = _title(match["prefix"], match["place"])
            layers.setdefault(title, Layer(title, {})).arrays[match["kind"]] = array
    complete = [layer for layer in layers.values() if "weight_hh" in layer.arrays]
    if complete:
        return complete
    hidden = any("parametrizations." in name for name in arrays)
    raise BadInput(
        f"{source} holds {listed(arrays)}.",
        "its weights are parametrized (weight_norm, say), and the product is not in the file."
        if hidden
        else "none of these is a weight_hh of torch's RNN, GRU or their cells.",
        "remove the parametrizations before saving (torch.nn.utils.parametrize.remove_parametrizations)."
        if hidden
        else "pass the arrays to the equation they belong to: oracle.Recurrence.elman(W, M, b), .leaky(..), .gru(..).",
    )


def _title(prefix: str, place: str | None) -> str:
    """rnn.l0_reverse, l0, decoder.cell, cell."""
    parts = [part for part in (prefix.rstrip("."), (place or "").lstrip("_")) if part]
    return ".".join(parts) or "cell"


def effective(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays with pruned weights as the module computes with them: orig times mask of zeros and ones, exactly."""
    made = {name: array for name, array in arrays.items() if not name.endswith(("_orig", "_mask"))}
    for name, array in arrays.items():
        stem = name.removesuffix("_orig")
        if stem != name and f"{stem}_mask" in arrays:
            made[stem] = array * arrays[f"{stem}_mask"]
    return made


def listed(names: Iterable[str]) -> str:
    """Names for a message, the first few of many."""
    every = list(names)
    more = f" and {len(every) - LISTED} more" if len(every) > LISTED else ""
    return f"{', '.join(every[:LISTED])}{more}" if every else "no arrays"


def equation(layer: Layer, activation: str | None, source: str) -> Recurrence:
    """The documented equation of a layer.

    Parameters
    ----------
    activation : str, optional
        The nonlinearity of an RNN, which its arrays do not say; a GRU has its own.

    Raises
    ------
    oracle.BadInput
        Arrays that are missing or of shapes that fit no class, an RNN without a stated activation.
    """
    if "weight_ih" not in layer.arrays or layer.gates == 0:
        raise BadInput(
            f"{source}: {layer.described()}.",
            "weight_hh is (gates N, N) with 1, 3 or 4 gates, and weight_ih (gates N, I) belongs to it; "
            "a projected LSTM has another equation.",
            "save the state_dict of a torch.nn.RNN, GRU or of one of their cells.",
        )
    W, M = layer.arrays["weight_hh"], layer.arrays["weight_ih"]
    biases = [layer.arrays[kind] for kind in ("bias_ih", "bias_hh") if kind in layer.arrays]
    if layer.gates == 3:
        _refuse_activation(activation, layer, source)
        return Recurrence.gru(W, M, *biases)
    if layer.gates == 4:
        _refuse_activation(activation, layer, source)
        return Recurrence.lstm(W, M, *biases)
    if activation is None:
        raise BadInput(
            f"{source}: {layer.described()}.",
            "one block of rows is a torch.nn.RNN, and its arrays do not say whether it is of tanh or of relu.",
            'say which: oracle.load(path, activation="tanh").',
        )
    return Recurrence.elman(W, M, tuple(biases) or None, activation=activation)


def _refuse_activation(activation: str | None, layer: Layer, source: str) -> None:
    if activation is not None:
        raise BadInput(
            f"activation is {activation!r}; {source}: {layer.described()}.",
            "GRUs and LSTMs have a logistic and a tanh at fixed places.",
            "leave the activation out.",
        )


def only(layers: list[Layer], wanted: str | None, source: str) -> Layer:
    """The layer that is asked for, or the only one there is.

    Raises
    ------
    oracle.BadInput
        Several and none named, or none of that name.
    """
    chosen = [layer for layer in layers if wanted in (None, layer.name)]
    if len(chosen) == 1:
        return chosen[0]
    seen = ", ".join(layer.described() for layer in layers)
    none = "" if wanted is None else f", none of them {wanted!r}"
    raise BadInput(
        f"{source} has {len(layers)} recurrent {'layers' if len(layers) > 1 else 'layer'}{none}: {seen}.",
        "a record is the equation of one layer and one direction.",
        f"name one, oracle.load(path, layer={layers[0].name!r}), or take all: oracle.layers(path).",
    )
