"""The cells of Flax as recurrences, from their arrays; Flax itself is not needed.

    SimpleCell   h+ = s(W_i x + b_i + W_h h), and + h inside s with residual=True
    LSTMCell     as `oracle.equations.lstm`, biases with the recurrent products; OptimizedLSTMCell is the same
    GRUCell      as `oracle.equations.gru`, reset after the product: r * (W_hn h + b_hn); no recurrent bias of r and z

Arrays by name: linen has one pair per gate ("i", "h"; "ir", "iz", "in", "hr", "hz", "hn"; "ii", "if", ..), nnx one pair
for all ("dense_i", "dense_h", gates along the columns), but one for each in its LSTMCell ("ii", "if_", ..). Kernels are
(in, out) and act on rows, so they are transposed. The documentation of nnx.GRUCell has b_hn; its cell holds no such
array (0.12), and the equation is that without it.

Source: the class documentation of flax.linen and flax.nnx (Flax 0.12).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

Pairs = Mapping[str, Mapping[str, Array]]


def simple(arrays: Pairs, activation: str, residual: bool) -> Recurrence:
    """The equation of a SimpleCell; arrays {"i": {"kernel", "bias"}, "h": {"kernel"}}."""
    M, b = _dense([arrays["i"]])
    W, _ = _dense([arrays["h"]])
    return Recurrence.elman(W, M, b, activation=activation, residual=residual)


def gru(arrays: Pairs) -> Recurrence:
    """The equation of a GRUCell; arrays {"ir": {"kernel", "bias"}, .., "hn": ..}, or all gates in {"i", "h"}."""
    return Recurrence.gru(*_stacked(arrays, "rzn"))


def lstm(arrays: Pairs) -> Recurrence:
    """The equation of an LSTMCell; arrays {"ii": {"kernel"}, .., "ho": {"kernel", "bias"}}, or all gates in one."""
    return Recurrence.lstm(*_stacked(arrays, "ifgo"))


def _stacked(arrays: Pairs, gates: str) -> tuple[Array, Array, Array | None, Array | None]:
    """W, M and the biases of both products, gate under gate."""
    every = [""] if "i" in arrays else list(gates)
    M, b = _dense([arrays[f"i{gate}"] for gate in every])
    W, b_recurrent = _dense([arrays[f"h{gate}"] for gate in every])
    return W, M, b, b_recurrent


def _dense(parts: Sequence[Mapping[str, Array]]) -> tuple[Array, Array | None]:
    """Kernels side by side as (out, in), and their biases, zeros where a part has none; None where none has."""
    weights = np.concatenate([np.asarray(part["kernel"]).T for part in parts])
    if all(part.get("bias") is None for part in parts):
        return weights, None
    biases = [part.get("bias") for part in parts]
    zeros = [np.zeros(np.shape(part["kernel"])[1], weights.dtype) for part in parts]
    return weights, np.concatenate([zero if b is None else b for zero, b in zip(zeros, biases, strict=True)])
