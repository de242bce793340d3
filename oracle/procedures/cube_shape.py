"""The combinatorics of the cube: vertices, edges, faces, paths, by name."""

from __future__ import annotations

from typing import NamedTuple

Key = tuple[str, str, str]
AXES = {"R": ("t", "s"), "D": ("continuous", "discrete"), "L": ("nonlinear", "linear")}
PROCEDURES = tuple(AXES)
START: Key = ("t", "continuous", "nonlinear")
END: Key = ("s", "discrete", "linear")
VERTICES: tuple[Key, ...] = tuple((t, d, n) for t in AXES["R"] for d in AXES["D"] for n in AXES["L"])


class Edge(NamedTuple):
    """One procedure applied to one vertex."""

    name: str
    start: Key
    end: Key


def moved(key: Key, procedure: str) -> Key:
    """The vertex an edge leads to."""
    axis = PROCEDURES.index(procedure)
    return (*key[:axis], AXES[procedure][1], *key[axis + 1 :])  # type: ignore[return-value]


EDGES = tuple(
    Edge(name, key, moved(key, name))
    for axis, name in enumerate(PROCEDURES)
    for key in VERTICES
    if key[axis] == AXES[name][0]
)
FACES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "R,D nonlinear": ("R", "D", ()),
    "R,D linear": ("R", "D", ("L",)),
    "R,L continuous": ("R", "L", ()),
    "R,L discrete": ("R", "L", ("D",)),
    "D,L in t": ("D", "L", ()),
    "D,L in s": ("D", "L", ("R",)),
}
"""Name -> the two procedures, and the order that leads from the start to the lowest corner of the face."""


def edges_of(name: str) -> tuple[Edge, ...]:
    """The four edges around a face."""
    first, second, before = FACES[name]
    corner = START
    for procedure in before:
        corner = moved(corner, procedure)
    return (
        Edge(first, corner, moved(corner, first)),
        Edge(second, moved(corner, first), moved(moved(corner, first), second)),
        Edge(second, corner, moved(corner, second)),
        Edge(first, moved(corner, second), moved(moved(corner, second), first)),
    )
