"""One wrong entry where the step has no normal form: schemes with stages, and gated units.

To first order a wrong entry (i, j) leaves the residual d h+_i/d b_i times what the entry multiplies. The slopes come
from a nudge of the bias, the entries of the worst unit are ranked by the share of its residuals that they explain, and
the best few are fitted by the full step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.float64 import VALUES
from oracle.diagnosis.families import Family
from oracle.diagnosis.gated import GatedStatement
from oracle.diagnosis.sliced import Slice
from oracle.records.exact import Array

NUDGE = 2.0**-20
RANKED = 4  # entries that are fitted


class Entry(NamedTuple):
    """Where a number is: "W", "M" or "b" of a gate (None where there is one, `of` is its name), unit i, source j."""

    name: str
    gate: int | None
    i: int
    j: int
    of: str = ""

    def __str__(self) -> str:
        gate = "" if self.gate is None else f" of the {self.of} gate"
        return f"{self.name}[{self.i}{'' if self.name == 'b' else f', {self.j}'}]{gate}"


def entry_families(s: Any, part: Slice, bound: Array, left: float = 1.0) -> Iterator[Family]:
    """The entries that explain most of what the worst unit is off by, each an unknown; `left` is what it may leave."""
    off = part.residual(s)
    usable = np.isfinite(off).all(axis=0)
    i = int(np.argmax(np.max(np.abs(off[:, usable]) / bound[:, usable], axis=1, initial=0.0)))
    scored = [
        (
            _share(slope[i, usable] / bound[i, usable] * seen[usable], off[i, usable] / bound[i, usable]),
            Entry(*place, i % s.N, j, "" if place[1] is None else s.names[place[1]]),
        )
        for place, slope, all_seen in _regressors(s, part)
        for j, seen in enumerate(all_seen)
    ]
    for share, entry in sorted(scored, key=lambda each: each[0])[:RANKED]:
        if share > left:
            return
        start = float(_read(s, entry))
        yield Family("wrong-bias" if entry.name == "b" else "wrong-weights", str(entry), start, _setter(s, entry))


def _share(design: Array, target: Array) -> float:
    """Share of the residuals that is left."""
    size = float(design @ design)
    return 1.0 if size == 0 else 1 - float(design @ target) ** 2 / (size * float(target @ target))


def _regressors(s: Any, part: Slice) -> Iterator[tuple[tuple[str, int | None], Array, Array]]:
    """((name, gate), slope of the step by that bias, what the entries multiply)."""
    sent = VALUES[s.activation](part.before) if s.form == "inside" else part.before[: s.N]
    documented = part.residual(s)
    for gate in range(len(s.names)) if isinstance(s, GatedStatement) else (None,):
        for recurrent in (True, False) if gate is not None else (True,):
            slope = (documented - part.residual(_lifted(s, gate, recurrent))) / NUDGE
            if recurrent:
                yield ("W", gate), slope, sent
            if not recurrent or gate is None:
                yield ("M", gate), slope, part.X
                yield ("b", gate), slope, np.ones((1, part.X.shape[1]))


def _lifted(s: Any, gate: int | None, recurrent: bool) -> Any:
    """The statement with one bias nudged in every unit."""
    more = np.full(s.N, NUDGE)
    if gate is None:
        return s.but(b=(*s.b, more))
    name = "b_recurrent" if recurrent else "b"
    group = list(getattr(s.gates, name))
    group[gate] = (*group[gate], more)
    return s.but(**{name: tuple(group)})


def _matrix(s: Any, entry: Entry) -> Array:
    """The array an entry is in, in float64."""
    if entry.name == "b":
        parts = s.b if entry.gate is None else s.gates.b[entry.gate]
        return np.asarray(parts[-1], dtype=np.float64)[:, None] if parts else np.zeros((s.N, 1))
    stored = getattr(s, entry.name) if entry.gate is None else getattr(s.gates, entry.name)[entry.gate]
    return np.asarray(stored, dtype=np.float64)


def _read(s: Any, entry: Entry) -> float:
    return float(_matrix(s, entry)[entry.i, entry.j])


def _setter(s: Any, entry: Entry) -> Callable[[Any], Any]:
    """number -> the statement with it in place."""

    def make(value: Any) -> Any:
        matrix = _matrix(s, entry).copy()
        matrix[entry.i, entry.j] = float(value)
        if entry.name == "b":
            return _with_bias(s, entry.gate, matrix[:, 0])
        if entry.gate is None:
            return replace(s, **{entry.name: matrix})
        stored = list(getattr(s.gates, entry.name))
        stored[entry.gate] = matrix
        return s.but(**{entry.name: tuple(stored)})

    return make


def _with_bias(s: Any, gate: int | None, b: Array) -> Any:
    if gate is None:
        return s.but(b=(*s.b[:-1], b))
    group = list(s.gates.b)
    group[gate] = (*group[gate][:-1], b)
    return s.but(b=tuple(group))
