"""Whether two fields are one up to the names, the signs and the scales of their variables: decided exactly.

    h_i -> t_i h_p(i)     states renamed and rescaled, t_i != 0
    z_u -> d_u z_q(u)     units renamed; d_u = +-1 where s is odd (tanh), d_u > 0 where it is positively homogeneous

Every coefficient from variable v to variable w is multiplied by (scale of w)/(scale of v). Inputs and the constant 1
keep name and scale. Products around a cycle do not change, and rows of input weights only by one factor: those
invariants colour the variables, colours are refined by those of the neighbours (B. Weisfeiler and A. Leman, 1968), and
what they leave open is tried out. Different colours refute; a trial that succeeds is checked, every coefficient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.procedures.collapse import collapsed
from oracle.records.exact import Array, Constant, objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors

TRIALS = 200
"""Complete assignments tried before giving up: networks in general position need one."""


class Exhausted(Exception):
    """More assignments than are tried."""


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
        if not state and self.field.activation == "tanh":
            factor = first / abs(first)
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


@dataclass(frozen=True, eq=False)
class Match:
    """Variable i of the first field is variable names[i] of the second, scales[i] times as large."""

    names: tuple[int, ...]
    scales: tuple[Fraction, ...]
    N: int


def matched(a: Variables, b: Variables) -> Match | None:
    """A renaming and rescaling that takes one field to the other, or none: there is none, if all is rational.

    Raises
    ------
    Exhausted
        Too many assignments were left open.
    """
    if a.weights.shape != b.weights.shape or a.N != b.N or a.field.activation != b.field.activation:
        return None
    labels: dict[Any, int] = {}
    edges = a.edges(labels), b.edges(labels)
    for tried, names in enumerate(_assignments(edges, a.colours(), b.colours()), start=1):
        scales = _scales(a, b, names)
        if scales is not None and is_image(a, b, names, scales):
            return Match(tuple(names), tuple(scales), a.N)
        if tried >= TRIALS:
            raise Exhausted
    return None


Edges = list[list[tuple[int, int]]]


def _assignments(edges: tuple[Edges, Edges], ours: list[Any], theirs: list[Any]) -> Iterator[list[int]]:
    """Every bijection that respects the refined colours, one by one."""
    ours, theirs = _refined(edges, ours, theirs)
    if Counter(ours) != Counter(theirs):
        return
    sizes = Counter(ours)
    open_classes = [colour for colour, size in sizes.items() if size > 1]
    if not open_classes:
        place = {colour: j for j, colour in enumerate(theirs)}
        yield [place[colour] for colour in ours]
        return
    chosen = min(open_classes, key=lambda colour: sizes[colour])
    i = ours.index(chosen)
    for j in (j for j, colour in enumerate(theirs) if colour == chosen):
        marked = [list(ours), list(theirs)]
        marked[0][i] = marked[1][j] = ("chosen", chosen)
        yield from _assignments(edges, *marked)


def _refined(edges: tuple[Edges, Edges], ours: list[Any], theirs: list[Any]) -> tuple[list[Any], list[Any]]:
    """Colours refined by those of the neighbours until their number stays."""
    count = 0
    while True:
        table: dict[Any, int] = {}
        ours, theirs = ([table.setdefault(colour, len(table)) for colour in part] for part in (ours, theirs))
        if len(table) == count:
            return ours, theirs
        count = len(table)
        ours, theirs = (_neighbourhoods(each, part) for each, part in zip(edges, (ours, theirs), strict=True))


def _neighbourhoods(edges: Edges, colours: list[Any]) -> list[Any]:
    return [
        (colour, frozenset(Counter((label, colours[j]) for j, label in near).items()))
        for colour, near in zip(colours, edges, strict=True)
    ]


def _scales(a: Variables, b: Variables, names: list[int]) -> list[Fraction] | None:
    """The scales that the coefficients force, from the anchors on; 1 for a unit of each part nothing anchors."""
    n = a.size
    image = b.weights[np.ix_(names, [*names, *range(n, b.weights.shape[1])])]
    if np.any((a.weights != 0) != (image != 0)):
        return None
    scales: list[Any] = [None] * n + [Fraction(1)] * (a.weights.shape[1] - n)
    pending = list(range(n, len(scales)))
    roots = [*range(a.N, n), *range(a.N)]
    while True:
        while pending:
            v = pending.pop()
            for w, scale in _implied(a, image, v, scales[v]):
                if scale is None:
                    return None
                if scales[w] is None:
                    scales[w] = scale
                    pending.append(w)
        root = next((i for i in roots if scales[i] is None), None)
        if root is None:
            return scales[:n] if _allowed(a, scales) else None
        scales[root] = Fraction(1)
        pending.append(root)


def _implied(a: Variables, image: Array, v: int, scale: Fraction) -> Iterator[tuple[int, Fraction | None]]:
    """What the scale of v says about the variables it is connected to."""
    n = a.size
    for w in np.flatnonzero(a.weights[:, v] != 0):
        factor = ratio(image[w, v], a.weights[w, v])
        yield int(w), None if factor is None else factor * scale
    for w in np.flatnonzero(a.weights[v, :n] != 0) if v < n else ():
        factor = ratio(image[v, w], a.weights[v, w])
        yield int(w), None if factor is None else scale / factor


def _allowed(a: Variables, scales: list[Fraction]) -> bool:
    units = scales[a.N : a.size]
    return all(scale > 0 if a.field.activation == "relu" else abs(scale) == 1 for scale in units)


def is_image(a: Variables, b: Variables, names: list[int], scales: list[Fraction]) -> bool:
    """Whether every coefficient of a, renamed and rescaled, is that of b, exactly."""
    n = a.size
    to, of = objects(scales), objects([*(1 / scale for scale in scales), *[Fraction(1)] * (a.weights.shape[1] - n)])
    moved = to[:, None] * a.weights * of[None, :]
    image = b.weights[np.ix_(names, [*names, *range(n, b.weights.shape[1])])]
    return bool(np.all(moved == image))


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
