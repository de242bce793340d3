"""The layout of runs: samples, initial states and trajectories, with or without a batch.

    X (K, I) or (K, batch, I)      h0 (N,) or (batch, N)      H (K+1, N) or (K+1, batch, N), H[0] = h0

Inside the oracle a run always has a batch axis, and a step has one column per trajectory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, to_numpy


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs and initial state of a run: X (K, batch, I), h0 (batch, N), float64 without rounding."""

    X: Array
    h0: Array
    batched: bool

    @property
    def steps(self) -> int:
        """K."""
        return int(self.X.shape[0])

    @property
    def batch(self) -> int:
        """Number of trajectories."""
        return int(self.X.shape[1])

    def columns(self) -> Array:
        """Inputs of all steps and trajectories as (I, K * batch)."""
        return np.ascontiguousarray(self.X.reshape(self.steps * self.batch, self.X.shape[2]).T)

    def given(self, H: Array) -> Array:
        """A (.., batch, N) result in the layout of the inputs as given."""
        return H if self.batched else H[:, 0]


def samples(inputs: Any, h0: Any, *, N: int, I: int, batch_first: bool | None = None) -> Samples:
    """Read inputs and initial state.

    Raises
    ------
    oracle.BadInput
        Not finite, wrong number of axes or sizes, initial states that do not match the batch.
    """
    if inputs is None:
        raise BadInput(
            "inputs are missing.",
            "a run needs samples to say how many steps it has.",
            "pass inputs=X, (K, I) or (K, 0).",
        )
    X = _finite(inputs, "inputs")
    if X.ndim not in (2, 3):
        raise BadInput(
            f"inputs have shape {X.shape}.",
            "the input axis is missing." if X.ndim == 1 else "there are too many axes.",
            "pass inputs of shape (K, I) or (K, batch, I).",
        )
    batched = X.ndim == 3
    if batched and batch_first:
        X = X.swapaxes(0, 1)
    X = X if batched else X[:, None, :]
    if X.shape[2] != I:
        raise BadInput(
            f"inputs have {X.shape[2]} channels; the recurrence has {I}.",
            "the axes are in another order, or the inputs belong to another network.",
            f"pass inputs of shape (K, {I}) or (K, batch, {I}).",
            shape=X.shape,
        )
    return Samples(X, _initial(h0, X.shape[1], N), batched)


def _initial(h0: Any, batch: int, N: int) -> Array:
    if h0 is None:
        return np.zeros((batch, N))
    if isinstance(h0, tuple) and len(h0) == 2 and all(hasattr(part, "shape") for part in h0):
        h0 = np.concatenate([_finite(part, "h0") for part in h0], axis=-1)  # (h0, c0) of a long short-term memory
    start = _finite(h0, "h0")
    start = start[0] if start.ndim == 3 and len(start) == 1 else start  # torch has one per layer
    if start.shape not in ((N,), (batch, N)):
        raise BadInput(
            f"h0 has shape {start.shape}; expected ({N},) or ({batch}, {N}).",
            "h0 belongs to another network, or has an axis for several layers.",
            f"pass h0 with {N} entries, one row per trajectory if they differ.",
        )
    return np.ascontiguousarray(np.broadcast_to(start, (batch, N)))


def _finite(value: Any, name: str) -> Array:
    array = _floats(to_numpy(value, name), name)
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise BadInput(
            f"{name}{list(where)} is {array[where]}.", "a computation before this one failed.", f"pass finite {name}."
        )
    return array


def _floats(array: Array, name: str) -> Array:
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(
            f"{name} holds values that are no floats: {error}.",
            "it is text, a generator or a list of objects, or its numbers exceed 1e308.",
            f"pass {name} as an array of real numbers.",
        ) from None


def ambiguous(inputs: Any, batch_first: bool | None) -> bool:
    """Whether time and batch of three-dimensional inputs cannot be told apart and nobody said which is which."""
    shape = tuple(inputs.shape) if hasattr(inputs, "detach") else to_numpy(inputs, "inputs").shape
    return len(shape) == 3 and batch_first is None and shape[0] == shape[1] > 1
