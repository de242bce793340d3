"""brainstate.nn: ValinaRNNCell (its spelling) and GRUCell; one weight matrix on (x, h), stored (in, out).

Its update gate z is the weight of the new state, where torch's z keeps the old one. The logistic function of -a is 1
minus that of a, so that the record is a GRU whose update gate has all signs turned, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import brainstate
import jax.numpy as jnp
import numpy as np

import oracle
from oracle.records.exact import Array
from real.packages.case import Case, N, Weights, samples, weights

BITS = {"float32": 32, "float64": 64}
REMARK = "float64 in environ.context(precision=64); importing brainstate switches jax_enable_x64 off"


def _step(make: Callable[[], Any], dtype: str) -> Callable[[Array, Array], Array]:
    """One update from a given state, in the precision of the package's own environment."""

    made: list[Any] = []

    def step(h: Array, x: Array) -> Array:
        with brainstate.environ.context(precision=BITS[dtype]):
            if not made:  # only here, because a cell takes its precision from the environment
                made.append(make())
                made[0].init_state()
            made[0].h.value = jnp.asarray(h)
            return np.asarray(made[0].update(jnp.asarray(x)))

    return step


def _linear(parts: list[Weights]) -> dict[str, Any]:
    """Gates side by side, inputs above states."""
    stacked = np.hstack([np.vstack([w.M.T, w.W.T]) for w in parts])
    return {"weight": jnp.asarray(stacked), "bias": jnp.asarray(np.hstack([w.b for w in parts]))}


def _vanilla(w: Weights, activation: str) -> Callable[[], Any]:
    def make() -> Any:
        cell = brainstate.nn.ValinaRNNCell(w.M.shape[1], N, activation=activation)
        cell.W.weight.value = _linear([w])
        return cell

    return make


def _gru(gates: list[Weights]) -> Callable[[], Any]:
    def make() -> Any:
        cell = brainstate.nn.GRUCell(gates[0].M.shape[1], N)
        cell.Wrz.weight.value, cell.Wh.weight.value = _linear(gates[:2]), _linear(gates[2:])
        return cell

    return make


def _documented_gru(gates: list[Weights]) -> oracle.Recurrence:
    signs = (1, -1, 1)
    W, M = (np.vstack([s * w[i] for s, w in zip(signs, gates, strict=True)]) for i in (0, 1))
    b = np.hstack([s * w.b for s, w in zip(signs, gates, strict=True)])
    return oracle.Recurrence.gru(W, M, b, reset="before")


def cases() -> Iterator[Case]:
    """The vanilla cell with its default activation and with tanh, the gated cell; both precisions."""
    for dtype in BITS:
        w = weights().astype(dtype)
        for activation in ("relu", "tanh"):
            yield Case(
                package="brainstate",
                what=f"ValinaRNNCell, {activation}, {dtype}",
                documented="h_t = phi(W [x_t, h_{t-1}] + b)",
                where="docstring of brainstate.nn.ValinaRNNCell",
                candidate=_step(_vanilla(w, activation), dtype),
                kind="step",
                record=oracle.Recurrence.elman(w.W, w.M, w.b, activation=activation),
                question=samples(),
                remark=REMARK if dtype == "float64" else "",
            )
        gates = [weights(seed).astype(dtype) for seed in (4, 5, 6)]
        yield Case(
            package="brainstate",
            what=f"GRUCell, {dtype}",
            documented="n = phi(W_h [x, r * h] + b_h), h+ = (1 - z) * h + z * n",
            where="docstring of brainstate.nn.GRUCell",
            candidate=_step(_gru(gates), dtype),
            kind="step",
            record=_documented_gru(gates),
            question=samples(),
            remark=REMARK if dtype == "float64" else "",
        )
