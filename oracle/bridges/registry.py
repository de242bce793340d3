"""Which bridge speaks for an object: found by the top-level package of its class, and loaded when it is needed.

A bridge is a module with the functions `handles(object)`, `recurrence(module)` and `candidate(module)`, and, where its
layers can be stacked or take inputs of several lengths, `stack(module)`. Adding one is one file and one line of
`BRIDGES`. Nothing here imports a framework; whoever holds a module of one has imported it.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import numpy as np

from oracle.bridges import declared, native
from oracle.errors import BadInput
from oracle.records.exact import Array, to_numpy
from oracle.records.gates import MemoryGates
from oracle.records.recurrence import Recurrence
from oracle.records.verbs import provides


class Candidate(Protocol):
    """A module as something that can be run; `final` is the state (batch, N) that its last run returned at the end."""

    name: str
    dtype: str
    batch_first: bool | None
    final: Array | None

    def run(self, h0: Array, X: Array) -> Array:
        """States H (K+1, N) or (K+1, batch, N) with H[0] = h0, for X (K, I) or (K, batch, I)."""

    def received(self, values: Array) -> Array:
        """The numbers the module sees when it is given these."""


class Stack(Protocol):
    """A module of one or several layers and directions, each of which is a recurrence over what the layers below made.

    `records` has one entry per layer and direction, in the order of the framework's initial states: "l0",
    "l0_reverse", "l1", ..; `directions` is 1 or 2. `finals` has the state (batch, N) that each of them returned at the
    end of the last run, none where a class returns none.
    """

    name: str
    dtype: str
    batch_first: bool | None
    records: dict[str, Recurrence]
    directions: int
    finals: tuple[Array, ...]

    def outputs(self, h0: Array, X: Array, mask: Array | None) -> list[Array]:
        """What every layer puts out, (K, batch, directions N) each, for h0 (layers directions, batch, N)."""

    def received(self, values: Array) -> Array:
        """The numbers the module sees when it is given these."""

    def unpacked(self, inputs: Any) -> tuple[Array, Array]:
        """Inputs (K, batch, I) and lengths (batch,) of a framework's own object for sequences of several lengths."""


class Entry(NamedTuple):
    """Where a bridge is, and the classes it knows (for messages: it is not loaded to be asked)."""

    module: str
    classes: tuple[str, ...]


BRIDGES = {
    "torch": Entry(
        "oracle.bridges.torch",
        ("torch.nn.RNN", "torch.nn.RNNCell", "torch.nn.GRU", "torch.nn.GRUCell", "torch.nn.LSTM", "torch.nn.LSTMCell"),
    ),
    "keras": Entry(
        "oracle.bridges.keras",
        tuple(f"keras.layers.{name}" for name in ("SimpleRNN", "SimpleRNNCell", "GRU", "GRUCell", "LSTM", "LSTMCell")),
    ),
    "flax": Entry(
        "oracle.bridges.flax",
        tuple(
            f"flax.{room}.{name}" for room in ("linen", "nnx") for name in ("SimpleCell", "GRUCell", "LSTMCell", "RNN")
        ),
    ),
}


INITIAL = ("h0", "initial_state", "init_state")
"""Names under which modules keep a trainable initial state."""
MEMORY = ("c0", "initial_memory")
"""Names under which an LSTM keeps the part of it that its outputs do not show."""


def bridge(candidate: Any) -> Any:
    """The bridge that handles an object, or None: arrays, functions, tensors and records have none."""
    for kind in type(candidate).__mro__:
        entry = BRIDGES.get(str(kind.__module__).partition(".")[0])
        if entry is not None:
            found = import_module(entry.module)
            return found if found.handles(candidate) else None
    return None


@provides("is_module")
def is_module(candidate: Any) -> bool:
    """Whether the object is a framework's module, known to its bridge or not, or states its own equation."""
    return declared.declares(candidate) or bridge(candidate) is not None


def _bridge(module: Any) -> Any:
    found = bridge(module)
    if found is None:
        kind = type(module)
        raise BadInput(
            f"the object is a {kind.__module__}.{kind.__qualname__}.",
            "no bridge knows the equation of this class.",
            f"pass a module of a known class ({', '.join(known())}), or state the recurrence: "
            "oracle.Recurrence.elman(W, M, b), .leaky(..), .gru(..).",
            kind=kind,
        )
    return found


def known() -> tuple[str, ...]:
    """Names of the classes whose documented equation is known."""
    return tuple(name for entry in BRIDGES.values() for name in entry.classes)


@provides("recurrence")
def recurrence(module: Any) -> Recurrence:
    """The documented equation of a module of a known class, with its effective weights.

    Parameters
    ----------
    module : object
        A torch.nn.RNN or GRU of one layer and one direction, an RNNCell or a GRUCell; a keras.layers.SimpleRNN or GRU,
        or the cell of one; a SimpleCell or GRUCell of Flax (of linen: bound to its variables), or an RNN of one; any
        object with a method `oracle_recurrence()` that returns its equation, with masked or constrained weights as it
        computes with them.

    Returns
    -------
    Recurrence
        With the biases kept apart as the module has them; `dtype` is that of the parameters.

    Raises
    ------
    oracle.BadInput
        The class is not known, or is used in a way that is more than one recurrence (layers, directions).
    """
    own = declared.declares(module)
    result: Recurrence = declared.recurrence(module) if own else _bridge(module).recurrence(module)
    return result


@provides("candidate")
def candidate(module: Any) -> Candidate:
    """A module of a known class as something that can be run; errors as `recurrence`."""
    own = declared.declares(module)
    result: Candidate = declared.candidate(module, bridge(module)) if own else _bridge(module).candidate(module)
    return result


@provides("stack")
def stack(module: Any) -> Stack | None:
    """A module as a stack of layers, or None: cells, and classes whose bridge knows no stacks."""
    made = None if declared.declares(module) else getattr(_bridge(module), "stack", None)
    result: Stack | None = None if made is None else made(module)
    return result


@provides("initial_state")
def initial_state(module: Any) -> Array | None:
    """The initial state a module brings, (N,), or (parts, 1, N) for several; None for none.

    Read from an attribute h0, initial_state or init_state that holds as many numbers; of an LSTM that holds the outputs
    alone there, the memories are those of c0 or initial_memory, or zero.
    """
    held = next((value for name in INITIAL if _is_array(value := getattr(module, name, None))), None)
    if held is None:
        return None
    records = list(layers(module).values())
    units = records[0].N
    values = to_numpy(held, "h0").astype(np.float64)
    if isinstance(records[0].parameters, MemoryGates) and 2 * values.size == len(records) * units:
        memory = next((value for name in MEMORY if _is_array(value := getattr(module, name, None))), None)
        kept = np.zeros_like(values) if memory is None else to_numpy(memory, "c0").astype(np.float64)
        values = np.concatenate([values, kept.reshape(values.shape)], axis=-1)
    if values.size != len(records) * units:
        raise BadInput(
            f"the module has an initial state of shape {values.shape}, and {len(records)} x {units} states.",
            "it holds one per trajectory, or something else.",
            "pass h0 as (N,) or (batch, N).",
        )
    return values.reshape(units) if len(records) == 1 else values.reshape(len(records), 1, units)


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def layers(source: Any, activation: str | None = None) -> dict[str, Recurrence]:
    """Every recurrent layer and direction of a module or of a file, as recurrences by name.

    Parameters
    ----------
    source : module or path-like
        A torch.nn.RNN or GRU of any number of layers, in one or two directions ("l0", "l0_reverse", "l1", ..); or a
        file as for `oracle.load` (a state_dict: "rnn.l0", ..; a Keras model: the names of its layers).
    activation : str, optional
        Of the RNNs of a state_dict, which does not say whether they are of "tanh" or of "relu".

    Returns
    -------
    dict of Recurrence
        In the order of the layers; the inputs of a layer are the outputs of all directions of the one below.

    Raises
    ------
    oracle.BadInput
        As `oracle.recurrence` and `oracle.load`.
    """
    if isinstance(source, str | os.PathLike):
        return native.load_all(source, activation)
    native.refuse_activation(type(source).__name__, activation)
    found = stack(source)
    return {"cell": recurrence(source)} if found is None else dict(found.records)
