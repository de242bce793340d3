"""Classes that state their own equation: a method oracle_recurrence(), and oracle_run(h0, X) where no bridge runs them.

    class Masked(torch.nn.RNN):                            class Dale:
        def oracle_recurrence(self):                           def oracle_recurrence(self): ...
            W = self.weight_hh_l0 * self.mask                  def oracle_run(self, h0, X): ...
            return oracle.Recurrence.elman(W, ...)

A class that masks its weights, or constrains them to one sign per unit (Dale's law), computes with others than it
holds. Which, only the class can say; the equation is then that of its effective weights.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

EQUATION, RUN = "oracle_recurrence", "oracle_run"


def declares(candidate: Any) -> bool:
    """Whether the class of the object states its equation."""
    return hasattr(type(candidate), EQUATION)


def recurrence(module: Any) -> Recurrence:
    """What the class says it computes."""
    stated = getattr(module, EQUATION)()
    if isinstance(stated, Recurrence):
        return stated
    raise BadInput(
        f"{type(module).__name__}.{EQUATION}() returned a {type(stated).__name__}.",
        "it has to return the equation with the weights the module computes with.",
        "return an oracle.Recurrence: oracle.Recurrence.elman(W, M, b), .leaky(..), .gru(..).",
    )


def candidate(module: Any, framework: ModuleType | None) -> Any:
    """The object as something that can be run: by its own method, or by the bridge of its framework."""
    if hasattr(type(module), RUN):
        return DeclaredCandidate(module)
    if framework is not None:
        return framework.candidate(module)
    raise BadInput(
        f"{type(module).__name__} states its equation and has no {RUN}.",
        "nothing says how it is run.",
        f"give it a method {RUN}(h0, X) -> H, or pass a step and its equation: "
        "oracle.check(step, oracle.recurrence(module), ..).",
    )


class DeclaredCandidate:
    """An object run by its own method; attributes as `oracle.bridges.registry.Candidate`."""

    batch_first: bool | None = None
    final: Array | None = None

    def __init__(self, module: Any) -> None:
        self.module = module
        self.name = type(module).__qualname__
        self.dtype = recurrence(module).dtype

    def run(self, h0: Array, X: Array) -> Array:
        """What the method returns for h0 (N,) or (batch, N) and X (K, I) or (K, batch, I): K or K+1 states."""
        made: Array = getattr(self.module, RUN)(h0, X)
        return made

    def received(self, values: Array) -> Array:
        """Rounded once to the dtype of the weights; to float32 where NumPy has no such format."""
        return np.asarray(values, dtype="float32" if self.dtype == "bfloat16" else self.dtype)
