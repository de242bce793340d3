"""Which bridge speaks for an object: found by the top-level package of its class, and loaded when it is needed.

A bridge is a module with three functions: `handles(object)`, `recurrence(module)` and `candidate(module)`. Adding one
is one file and one line of `BRIDGES`. Nothing here imports a framework; whoever holds a module of one has imported it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple, Protocol

from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence
from oracle.records.verbs import provides


class Candidate(Protocol):
    """A module as something that can be run."""

    name: str
    dtype: str
    batch_first: bool | None

    def run(self, h0: Array, X: Array) -> Array:
        """States H (K+1, N) or (K+1, batch, N) with H[0] = h0, for X (K, I) or (K, batch, I)."""

    def received(self, values: Array) -> Array:
        """The numbers the module sees when it is given these."""


class Entry(NamedTuple):
    """Where a bridge is, and the classes it knows (for messages: it is not loaded to be asked)."""

    module: str
    classes: tuple[str, ...]


BRIDGES = {
    "torch": Entry("oracle.bridges.torch", ("torch.nn.RNN", "torch.nn.RNNCell", "torch.nn.GRU", "torch.nn.GRUCell")),
    "keras": Entry(
        "oracle.bridges.keras",
        tuple(f"keras.layers.{name}" for name in ("SimpleRNN", "SimpleRNNCell", "GRU", "GRUCell")),
    ),
}


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
    """Whether the object is a framework's module, known to its bridge or not."""
    return bridge(candidate) is not None


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
        or the cell of one.

    Returns
    -------
    Recurrence
        With the biases kept apart as the module has them; `dtype` is that of the parameters.

    Raises
    ------
    oracle.BadInput
        The class is not known, or is used in a way that is more than one recurrence (layers, directions).
    """
    result: Recurrence = _bridge(module).recurrence(module)
    return result


@provides("candidate")
def candidate(module: Any) -> Candidate:
    """A module of a known class as something that can be run; errors as `recurrence`."""
    result: Candidate = _bridge(module).candidate(module)
    return result
