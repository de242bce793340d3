"""reservoirpy.nodes.Reservoir: leaky, sigma outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from reservoirpy.nodes import Reservoir

import oracle
from oracle.records.exact import Array
from real.packages.case import Case, Weights, samples, weights

DOCUMENTED = "x[t+1] = (1 - lr) x[t] + lr f(Win u[t+1] + W x[t]), with a bias vector among the parameters"
COLUMN = "a bias of the documented shape (units, 1) is broadcast to (units, units), and run raises; given as (units,)"
WHERE = "docstring of reservoirpy.nodes.Reservoir"


def _node(w: Weights, lr: Any, dtype: str, X: Array) -> Reservoir:
    node = Reservoir(W=w.W, Win=w.M, bias=w.b, lr=lr, dtype=np.dtype(dtype).type)
    node.initialize(X)
    return node


def _run(w: Weights, lr: Any, dtype: str) -> Callable[[Array, Array], Array]:
    def run(h0: Array, X: Array) -> Array:
        node = _node(w, lr, dtype, X)
        node.state = {"out": h0}  # there is no argument for it
        made: Array = node.run(X)
        return made

    return run


def _own_state(w: Weights, lr: Any, dtype: str) -> Callable[[Array, Array], Array]:
    return lambda h0, X: _node(w, lr, dtype, X).run(X)


def cases() -> Iterator[Case]:
    """Leak rate scalar and per unit, both precisions; float32 from the state the node makes itself."""
    for dtype in ("float64", "float32"):
        w = weights().astype(dtype)
        for what, lr in (("lr scalar", 0.3), ("lr per unit", w.alpha)):
            record = oracle.Recurrence.leaky(w.W, w.M, w.b, alpha=lr)
            yield Case(
                package="reservoirpy",
                what=f"Reservoir, {what}, {dtype}",
                documented=DOCUMENTED,
                where=WHERE,
                candidate=_run(w, lr, dtype),
                kind="run",
                record=record,
                question=samples(),
                remark=COLUMN if (what, dtype) == ("lr scalar", "float64") else "",
            )
    yield Case(
        package="reservoirpy",
        what="Reservoir(dtype=float32), its own initial state",
        documented=DOCUMENTED,
        where=WHERE,
        candidate=_own_state(w, 0.3, "float32"),
        kind="run",
        record=oracle.Recurrence.leaky(w.W, w.M, w.b, alpha=0.3),
        question={"inputs": samples()["inputs"]},
        remark="the states are float64: the node starts from float64 zeros whatever its dtype says",
    )
