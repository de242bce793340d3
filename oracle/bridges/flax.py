"""Flax: SimpleCell, GRUCell and LSTMCell of linen and of nnx, and the RNN around one, as recurrences and as candidates.

A linen module holds no weights: it is passed bound to its variables, `cell.bind(variables)`. The equations are in
`flax_equations`. A cell maps (carry, x) to (carry, output); an RNN runs one over (batch, time, features).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

from oracle.bridges import flax_equations
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.names import activation_name
from oracle.records.recurrence import Recurrence

SIMPLE = (linen.SimpleCell, nnx.SimpleCell)
GATED = (linen.GRUCell, nnx.GRUCell)
MEMORY = (linen.LSTMCell, linen.OptimizedLSTMCell, nnx.LSTMCell, nnx.OptimizedLSTMCell)
LAYERS = (linen.RNN, nnx.RNN)
FIXED = {"gate_fn": "logistic", "activation_fn": "tanh"}  # of a GRU and of an LSTM


def handles(candidate: Any) -> bool:
    """Whether the object is a Flax module (an array is not)."""
    return isinstance(candidate, linen.Module | nnx.Module)


def recurrence(module: Any) -> Recurrence:
    """The documented equation, with the weights the module holds or is bound to."""
    cell = _cell(module)
    arrays = _arrays(module)
    if isinstance(cell, SIMPLE):
        return flax_equations.simple(arrays, activation_name(cell.activation_fn), bool(cell.residual))
    for name, expected in FIXED.items():
        if activation_name(getattr(cell, name)) != expected:
            raise BadInput(
                f"the {type(cell).__name__} has {name}={activation_name(getattr(cell, name))}.",
                f"the catalogue's gated cells have {expected} there.",
                "there is no equation for it yet.",
            )
    return flax_equations.lstm(arrays) if isinstance(cell, MEMORY) else flax_equations.gru(arrays)


def candidate(module: Any) -> FlaxCandidate:
    """The module as something that can be run."""
    _refuse_use(module, _cell(module))
    return FlaxCandidate(module)


def _cell(module: Any) -> Any:
    """The cell of a module of a known class.

    Raises
    ------
    oracle.BadInput
        Another class, or a module of linen without variables.
    """
    cell = module.cell if isinstance(module, LAYERS) else module
    if not isinstance(cell, SIMPLE + GATED + MEMORY):
        kind = type(cell)
        raise BadInput(
            f"the module is a {kind.__module__}.{kind.__qualname__}.",
            "its equation is not in the catalogue.",
            "pass a SimpleCell, GRUCell or LSTMCell of flax.linen or flax.nnx, an RNN of one, or state the recurrence "
            'and pass oracle.as_step(cell, order="carry").',
            kind=kind,
        )
    if isinstance(module, linen.Module) and module.scope is None:
        raise BadInput(
            f"the {type(module).__name__} is not bound.",
            "a module of flax.linen keeps its weights apart, in the variables that init returns.",
            "pass module.bind(variables).",
        )
    return cell


def _refuse_use(module: Any, cell: Any) -> None:
    if isinstance(module, LAYERS) and module.reverse:
        raise BadInput(
            f"the {type(module).__name__} has reverse=True.",
            "it steps through its inputs backwards.",
            "make it with reverse=False and the same cell.",
        )


def _arrays(module: Any) -> dict[str, dict[str, Array]]:
    """Kernels and biases by the name of their part."""
    if isinstance(module, linen.Module):
        held = module.variables["params"]
        held = held["cell"] if isinstance(module, linen.RNN) else held
        return {name: _plain(part) for name, part in held.items()}
    cell = _cell(module)
    apart = isinstance(cell, nnx.LSTMCell)
    names = {f"{side}{gate}": f"{side}{gate}" for side in "ih" for gate in "ifgo"} | {"if": "if_"}
    names = names if apart else {"i": "dense_i", "h": "dense_h"}
    return {
        short: _plain({key: getattr(getattr(cell, name), key) for key in ("kernel", "bias")})
        for short, name in names.items()
    }


def _plain(part: Mapping[str, Any]) -> dict[str, Array]:
    values = {name: getattr(entry, "unbox", lambda entry=entry: entry)() for name, entry in part.items()}
    return {name: np.asarray(entry[...]) for name, entry in values.items() if entry is not None}


class FlaxCandidate:
    """A cell, or an RNN of one, run in its own dtype.

    Attributes
    ----------
    name : str
        "flax.linen.SimpleCell", "flax.nnx.RNN", ...
    dtype : str
        In which it says it computes: its `dtype`, or that of its parameters.
    batch_first : bool or None
        As the RNN has it; None for cells, which see one step at a time.
    final : ndarray or None
        The carry that the last run of an RNN returned beside its outputs, as the state (batch, N).
    """

    final: Array | None = None

    def __init__(self, module: Any) -> None:
        self.module, cell = module, _cell(module)
        room = "linen" if isinstance(module, linen.Module) else "nnx"
        self.name = f"flax.{room}.{type(module).__name__}"
        held = next(iter(_arrays(module).values()))["kernel"].dtype
        self.dtype = str(jnp.dtype(cell.dtype if cell.dtype is not None else held))
        self.batch_first: bool | None = not module.time_major if isinstance(module, LAYERS) else None

    def run(self, h0: Array, X: Array) -> Array:
        """States H (K+1, N) or (K+1, batch, N) with H[0] = h0 as the module received it."""
        alone = X.ndim == 2
        x = self._given(X[:, None] if alone else X)
        h = self._given(np.broadcast_to(h0, (x.shape[1], h0.shape[-1])))
        states = self._layer(h, x) if isinstance(self.module, LAYERS) else self._steps(h, x)
        H = np.concatenate([_as_array(h)[None, ..., : states.shape[-1]], states])
        return H[:, 0] if alone else H

    def received(self, values: Array) -> Array:
        """The numbers the module sees: rounded once to its dtype."""
        return _as_array(self._given(values))

    def _given(self, values: Array) -> Any:
        return jnp.asarray(np.ascontiguousarray(values), dtype=self.dtype)

    def _layer(self, h: Any, x: Any) -> Array:
        memory = isinstance(_cell(self.module), MEMORY)
        carry, outputs = self.module(x, initial_carry=as_carry(h) if memory else h, time_major=True, return_carry=True)
        self.final = _as_array(as_joined(carry) if memory else carry)
        return _as_array(outputs)

    def _steps(self, h: Any, x: Any) -> Array:
        states = []
        memory = isinstance(self.module, MEMORY)
        for sample in x:
            if memory:
                carry, _ = self.module(as_carry(h), sample)
                h = as_joined(carry)
            else:
                h, _ = self.module(h, sample)
            states.append(_as_array(h))
        return np.stack(states)


def as_carry(state: Any) -> tuple[Any, ...]:
    """(c, h), the carry of an LSTM, of a state (h, c)."""
    return tuple(reversed(jnp.split(state, 2, axis=-1)))


def as_joined(carry: Any) -> Any:
    """The state (h, c), side by side, of a carry (c, h)."""
    return jnp.concatenate(list(reversed(carry)), axis=-1)


def _as_array(values: Any) -> Array:
    """As NumPy has it; float32, which holds it exactly, for bfloat16."""
    wide = values.astype(jnp.float32) if values.dtype == jnp.bfloat16 else values
    return np.array(wide)
