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

from oracle.equations.activations import ACTIVATIONS
from oracle.procedures.variables import Variables, ratio
from oracle.records.exact import Array, objects

TRIALS = 200
"""Complete assignments tried before giving up: networks in general position need one."""


class Exhausted(Exception):
    """More assignments than are tried."""


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
    kind = ACTIVATIONS[a.field.activation]
    if kind.positively_homogeneous:
        return all(scale > 0 for scale in units)
    return all(abs(scale) == 1 if kind.odd else scale == 1 for scale in units)


def is_image(a: Variables, b: Variables, names: list[int], scales: list[Fraction]) -> bool:
    """Whether every coefficient of a, renamed and rescaled, is that of b, exactly."""
    n = a.size
    to, of = objects(scales), objects([*(1 / scale for scale in scales), *[Fraction(1)] * (a.weights.shape[1] - n)])
    moved = to[:, None] * a.weights * of[None, :]
    image = b.weights[np.ix_(names, [*names, *range(n, b.weights.shape[1])])]
    return bool(np.all(moved == image))
