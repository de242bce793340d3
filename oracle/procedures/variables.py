"""A field as a weighted graph of its variables, with what renaming and rescaling them cannot change.

States, units and the anchors (inputs and the constant 1, which keep name and scale). Every coefficient from variable v
to variable w is multiplied by (scale of w)/(scale of v), so products around a cycle are invariant, and rows of input
weights up to one factor; R multiplies the traces of A and of B W by r.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.equations.activations import ACTIVATIONS
from oracle.procedures.collapse import collapsed
from oracle.records.exact import Array, Constant, objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors


@dataclass(frozen=True, eq=False)
class Variables:
    """A field as a weighted graph: states 0..N-1, units N..N+K-1, then the anchors (inputs and the constant)."""

    field: Lure
    weights: Array  # (N + K, N + K + I + 1): row = receiving variable
    N: int

    @staticmethod
    def of(field: Lure) -> Variables:
        """The graph of a field; units that nothing depends on are left out."""
        field = plain(field)
        N = field.state_size
        B = field.B.expanded
        used = [u for u in range(B.shape[1]) if np.any(B[:, u] != 0)]
        W, M, b = (part[used] for part in (field.W.expanded, field.M.expanded, sum_vectors(field.b, B.shape[1])))
        silent = np.full((len(used), len(used)), Fraction(0), dtype=object)
        states = np.hstack([field.A.expanded, B[:, used], field.E.expanded, sum_vectors(field.c, N)[:, None]])
        units = np.hstack([W, silent, M, b[:, None]])
        return Variables(field, np.vstack([states, units]), N)

    @property
    def size(self) -> int:
        """Number of states and units."""
        return int(self.weights.shape[0])

    @property
    def exact(self) -> bool:
        """Whether all coefficients are rational, so that different ones are different numbers."""
        return not any(isinstance(entry, Constant) for entry in self.weights.ravel())

    def edges(self, labels: dict[Any, int]) -> list[list[tuple[int, int]]]:
        """For each variable its neighbours, with a number for what is invariant between the two."""
        W, n = self.weights, self.size
        found: list[list[tuple[int, int]]] = [[] for _ in range(n)]
        there = W[:, :n] != 0
        through = self._through
        for i, j in np.argwhere(there | there.T | self._padded(through != 0)):
            both = W[i, j] * W[j, i] if there[i, j] and there[j, i] else 0
            via: Any = 0
            if i < self.N and j < self.N and through[i, j] != 0:
                via = (1, through[i, j] * through[j, i] if through[j, i] != 0 else 0)
            label = (bool(there[i, j]), bool(there[j, i]), both, via)
            found[int(i)].append((int(j), labels.setdefault(label, len(labels))))
        return found

    @property
    def _through(self) -> Array:
        """B W, what a state does to another through all units."""
        return (self.field.B @ self.field.W).expanded

    def _padded(self, states: Array) -> Array:
        whole = np.zeros((self.size, self.size), dtype=bool)
        whole[: self.N, : self.N] = states
        return whole

    def colours(self) -> list[Any]:
        """What is invariant about each variable alone: its row of input weights, up to the factor it may have."""
        n = self.size
        return [(i < self.N, self.weights[i, i], self._normalised(self.weights[i, n:], i < self.N)) for i in range(n)]

    def _normalised(self, row: Array, state: bool) -> Any:
        first = next((entry for entry in row if entry != 0), Fraction(0))
        if any(isinstance(entry, Constant) for entry in row) or first == 0:
            return tuple(bool(entry != 0) for entry in row)
        factor = first if state else abs(first)
        kind = ACTIVATIONS[self.field.activation]
        if not state and not kind.positively_homogeneous:
            factor = first / abs(first) if kind.odd else Fraction(1)
        return tuple(row / factor)


def plain(field: Lure) -> Lure:
    """The same field with fewer ways to write it: linear ones collapsed, logistic units as tanh units.

    logistic(z) = (1 + tanh(z/2))/2.
    """
    if field.activation == "identity":
        return collapsed(field)
    if field.activation != "logistic":
        return field
    half = Fraction(1, 2)
    units = field.W.shape[0]
    return Lure(
        A=field.A,
        B=field.B.scaled(half),
        W=field.W.scaled(half),
        M=field.M.scaled(half),
        b=(half * sum_vectors(field.b, units),),
        E=field.E,
        c=(sum_vectors(field.c, field.state_size) + field.B.apply(objects([half] * units)),),
        activation="tanh",
    )


def ratio(p: Any, q: Any) -> Fraction | None:
    """p/q where it is rational: of rationals, and of constants that are multiples of one another."""
    if isinstance(p, Fraction) and isinstance(q, Fraction):
        return p / q
    if isinstance(p, Constant) and isinstance(q, Constant):
        monomial, value = next(iter(q.terms.items()))
        factor = p.terms.get(monomial, Fraction(0)) / value
        return factor if factor and q * factor == p else None
    return None


def trace(op: Operator) -> Any:
    """The sum of the diagonal."""
    return sum(np.diag(op.expanded), Fraction(0))


def time_factor(a: Lure, b: Lure) -> tuple[Fraction | None, bool]:
    """r such that b can only be r times a in other variables, and whether no other r is possible.

    The traces of A and of B W are invariant under renaming and rescaling, and R multiplies them by r.
    """
    ours, theirs = plain(a), plain(b)
    for mine, other in ((ours.A, theirs.A), (ours.B @ ours.W, theirs.B @ theirs.W)):
        p, q = trace(other), trace(mine)
        if p == 0 and q == 0:
            continue
        if p == 0 or q == 0:
            return None, isinstance(p, Fraction) and isinstance(q, Fraction)
        factor = ratio(p, q)
        if factor is None:
            return Fraction(1), False
        return (factor if factor > 0 else None), True
    return Fraction(1), False
