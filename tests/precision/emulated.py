"""Honest programs of every format, one operation at a time: numbers are float64 that lie on the format's grid.

    z  = sum of cast(W_ij) cast(h_j) + cast(M_ij) cast(x_j) + b_i, each product and each sum rounded to the accumulator
    h+ = s(stored z), stored

A float64 result of two numbers of 24 bits or less, rounded once more to 24 bits or less, is rounded correctly (double
rounding is harmless from 2p + 2 bits on: S. Figueroa, 1995); truncation needs the sum exactly, and takes its error from
a two-sum. In the float64 format itself the operations are NumPy's. Written from the parameters alone; nothing of the
library but the names of formats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oracle.records.formats import Format
from oracle.records.precision import Parts

Array = NDArray[Any]
WIDE = 53


def to_nearest(v: Array, form: Format, flushed: bool = False) -> Array:
    """float64 to nearest, ties to even; beyond the largest number infinity, or the largest one where there is none."""
    if form.bits == WIDE and not flushed:
        return v
    with np.errstate(all="ignore"):
        spacing = _spacing(v, form)
        rounded = v if form.bits == WIDE else np.rint(v / spacing) * spacing
        beyond = np.where(np.abs(rounded) > form.largest, np.copysign(_top(form), rounded), rounded)
    return _zeroed(beyond, form, flushed)


def _top(form: Format) -> float:
    return form.largest if form.name == "float8-e4m3" else np.inf


def toward_zero(v: Array, error: Array, form: Format, flushed: bool = False) -> Array:
    """v + error truncated, v the float64 nearest to it: one less where v is on the grid and the error points inward."""
    with np.errstate(all="ignore"):
        spacing = _spacing(v, form)
        cut = np.trunc(v / spacing) * spacing
        inward = (cut == v) & (np.sign(error) == -np.sign(v)) & (v != 0)
        below = np.sign(v) * (np.abs(v) - spacing * np.where(np.frexp(np.abs(v))[0] == 0.5, 0.5, 1.0))
    return _zeroed(np.where(inward, below, cut), form, flushed)


def _spacing(v: Array, form: Format) -> Array:
    _, exponent = np.frexp(v)
    return np.asarray(np.ldexp(1.0, np.maximum(exponent - form.bits, form.lowest)))


def _zeroed(v: Array, form: Format, flushed: bool) -> Array:
    return np.where(np.abs(v) < 2.0**form.normal, 0.0, v) if flushed else v


@dataclass(frozen=True)
class Machine:
    """Arithmetic of a format's parts."""

    parts: Parts

    def store(self, v: Array) -> Array:
        """A state or an intermediate result."""
        return to_nearest(v, self.parts.storage, self.parts.flushed)

    def weight(self, v: Array) -> Array:
        """A parameter."""
        return to_nearest(v, self.parts.weights, self.parts.flushed)

    def factor(self, v: Array) -> Array:
        """A factor of a product."""
        parts = self.parts
        if parts.products is None:
            return _zeroed(v, parts.storage, parts.flushed)
        if parts.nearest:
            return to_nearest(v, parts.products, parts.flushed)
        return toward_zero(v, np.zeros_like(v), parts.products, parts.flushed)

    def product(self, a: Array, b: Array) -> Array:
        """Exact factors times each other, rounded to the accumulator (to nearest also where sums are truncated)."""
        with np.errstate(all="ignore"):
            return to_nearest(a * b, self.parts.accumulation, self.parts.flushed)

    def add(self, a: Array, b: Array) -> Array:
        """A sum, rounded or truncated to the accumulator."""
        with np.errstate(all="ignore"):
            total = a + b
            if not self.parts.chopped:
                return to_nearest(total, self.parts.accumulation, self.parts.flushed)
            shifted = total - a
            error = (a - (total - shifted)) + (b - shifted)
            return toward_zero(total, error, self.parts.accumulation, self.parts.flushed)


def sequential(machine: Machine, terms: Array) -> Array:
    """First to last, terms (units, n, columns)."""
    total = terms[:, 0]
    for j in range(1, terms.shape[1]):
        total = machine.add(total, terms[:, j])
    return total


def tree(machine: Machine, terms: Array) -> Array:
    """A balanced tree."""
    while terms.shape[1] > 1:
        half = terms.shape[1] // 2
        paired = machine.add(terms[:, :half], terms[:, half : 2 * half])
        terms = np.concatenate([paired, terms[:, 2 * half :]], axis=1)
    return terms[:, 0]


def lanes(machine: Machine, terms: Array) -> Array:
    """Sixteen accumulators, side by side, and a tree of them."""
    n = terms.shape[1]
    width = min(16, n)
    padded = np.concatenate([terms, np.zeros((terms.shape[0], -n % width, terms.shape[2]))], axis=1)
    blocks = padded.reshape(terms.shape[0], -1, width, terms.shape[2])
    total = blocks[:, 0]
    for k in range(1, blocks.shape[1]):
        total = machine.add(total, blocks[:, k])
    return tree(machine, total)


def descending(machine: Machine, terms: Array) -> Array:
    """Positive terms first, largest first: the partial sums are as large as they can be."""
    return sequential(machine, -np.sort(-terms, axis=1))


ORDERS: dict[str, Callable[[Machine, Array], Array]] = {
    "sequential": sequential, "tree": tree, "lanes": lanes, "descending": descending,
}  # fmt: skip
SQUASH: dict[str, Callable[[Array], Array]] = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0.0)}
BLOCK = 2**21  # terms held at once


def _used(joined: Array) -> tuple[Array, Array]:
    """Columns of the weights that are not zero, row by row in order, and the weights; padded with zeros."""
    rows, columns = np.nonzero(joined)
    count = np.bincount(rows, minlength=len(joined))
    place = np.arange(rows.size) - np.repeat(np.cumsum(count) - count, count)
    which = np.zeros((len(joined), max(1, int(count.max(initial=1)))), dtype=np.intp)
    given = np.zeros(which.shape)
    which[rows, place], given[rows, place] = columns, joined[rows, columns]
    return which, given


def stepper(parts: Parts, order: str, W: Array, M: Array, b: tuple[Array, ...], activation: str) -> Any:
    """step(h, x) on columns (N, c), (I, c) of an Elman recurrence; terms that are exactly zero are left out of sums."""
    machine, summed = Machine(parts), ORDERS[order]
    which, given = _used(np.concatenate([W, M], axis=1))
    columns = which.shape[1]
    weights = machine.factor(machine.weight(given))
    biases = [machine.weight(part)[:, None] for part in b]

    def step(h: Array, x: Array) -> Array:
        v = machine.factor(np.concatenate([machine.store(h), machine.store(x)]))
        rows = max(1, BLOCK // (columns * v.shape[1]))
        z = np.concatenate([
            summed(machine, machine.product(weights[i : i + rows, :, None], v[which[i : i + rows]]))
            for i in range(0, len(W), rows)
        ])  # fmt: skip
        for bias in biases:
            z = machine.add(z, bias)
        z = machine.store(z)
        with np.errstate(all="ignore"):
            return machine.store(SQUASH[activation](z))

    return step
