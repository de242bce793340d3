"""Parameters of gated cells: one set of weights per gate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from oracle.records.exact import Array
from oracle.records.operator import Copies, Operator, sum_vectors


@dataclass(frozen=True, eq=False)
class Gates:
    """Parameters of a gated cell, one entry per gate: W (N, N), M (N, I), input biases and recurrent biases (N,).

    `activation` is that of the candidate, `gate` that of the gates; every documented cell has tanh and the logistic.
    """

    W: tuple[Array, ...]
    M: tuple[Array, ...]
    b: tuple[tuple[Array, ...], ...]
    b_recurrent: tuple[tuple[Array, ...], ...]
    activation: str = "tanh"
    gate: str = "logistic"

    @property
    def units(self) -> int:
        """Number of units."""
        return int(self.W[0].shape[1])

    @property
    def state_size(self) -> int:
        """N."""
        return self.units

    @property
    def input_size(self) -> int:
        """I."""
        return int(self.M[0].shape[1])

    @cached_property
    def recurrent(self) -> tuple[Operator, ...]:
        """The recurrent weights as operators."""
        return tuple(Operator.dense(part) for part in self.W)

    @cached_property
    def driving(self) -> tuple[Operator, ...]:
        """The input weights as operators."""
        return tuple(Operator.dense(part) for part in self.M)

    def key(self) -> tuple[Any, ...]:
        """What equality compares."""
        totals = (tuple(sum_vectors(part, self.units)) for part in (*self.b, *self.b_recurrent))
        return (self.recurrent, self.driving, tuple(totals), self.activation, self.gate)

    def __eq__(self, other: object) -> bool:
        return self.key() == other.key() if isinstance(other, Gates) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key())


GATES = {"gru": 3, "gru-reset-before": 3, "lstm": 4}
"""Gated cells, and how many matrices each stacks."""


@dataclass(frozen=True, eq=False)
class MemoryGates(Gates):
    """Parameters of a long short-term memory, gates i, f, g, o; the state is (h, c), 2N numbers for N units."""

    @property
    def state_size(self) -> int:
        """2 N: outputs h, then memories c."""
        return 2 * self.units

    @cached_property
    def parts(self) -> tuple[Copies, Copies]:
        """(h, c) -> h, and (h, c) -> c."""
        first, second = np.split(np.arange(self.state_size), 2)
        return Copies.of(first, self.state_size), Copies.of(second, self.state_size)

    @cached_property
    def places(self) -> tuple[Copies, Copies]:
        """h -> (h, 0), and c -> (0, c)."""
        here, none = np.arange(self.units), np.full(self.units, -1)
        return (
            Copies.of(np.concatenate([here, none]), self.units),
            Copies.of(np.concatenate([none, here]), self.units),
        )
