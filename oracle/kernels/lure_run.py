"""A run of h+ = A h + B s(W h + M x + b) + E x + c in float64 or narrower, the loop written for speed.

`equations.lure.step` restated: states are rows, so that a product is H W^T with W^T contiguous, the drive of a few
hundred steps is one product, and every result goes where it stays or into a buffer that is used again.

The operations are those of the float64 interpretation, up to the order of sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.arithmetic.float64 import VALUES, Float64
from oracle.arithmetic.memory import keep_freed_memory
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator

DRIVEN = 2**15  # elements of the drive made at once: they stay in the cache until they are used
Terms = list[tuple[Any, Array | None, Any]]


class LureRun:
    """The run of one record from rows of states."""

    def __init__(self, p: Lure, dtype: Any = np.float64) -> None:
        self.p, self.dtype = p, np.dtype(dtype)
        ops = Float64(dtype)
        self.A, self.B, self.W, self.M, self.E = (_terms(ops, op) for op in (p.A, p.B, p.W, p.M, p.E))
        self.b, self.c = (tuple(ops._read(part) for part in parts) for parts in (p.b, p.c))
        self.act = VALUES[p.activation]
        self._kept: dict[Any, Array] = {}

    def fill(self, H: Array, X: Array) -> None:
        """Follow H (K+1, batch, N) from H[0] with inputs X (K, batch, I)."""
        keep_freed_memory()
        steps = max(1, DRIVEN // max(1, H.shape[1] * self.p.W.shape[0]))
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for start in range(0, len(X), steps):
                part = X[start : start + steps].astype(self.dtype, copy=False)
                self._some(H[start : start + len(part) + 1], part)

    def _some(self, H: Array, X: Array) -> None:
        inside, outside = self._drive("m", self.M, self.b, X), self._drive("e", self.E, self.c, X)
        for k in range(len(X)):
            self._step(H[k], H[k + 1], None if inside is None else inside[k], None if outside is None else outside[k])

    def _drive(self, name: str, op: Terms, parts: tuple[Array, ...], X: Array) -> Array | None:
        """M x + b for some steps, (steps, batch, units)."""
        if not op and not parts:
            return None
        units = len(parts[0]) if parts else self.p.W.shape[0] if name == "m" else self.p.state_size
        drive = self._buffer(name, X.shape[0] * X.shape[1], units)
        if not self._apply(op, X.reshape(len(drive), X.shape[2]), drive):
            drive.fill(0)
        for part in parts:
            drive += part
        return drive.reshape(*X.shape[:2], units)

    def _step(self, h: Array, out: Array, inside: Array | None, outside: Array | None) -> None:
        gained = bool(self.A) or outside is not None or not _is_one(self.B)
        z = self._buffer("z", len(h), self.p.W.shape[0]) if gained else out
        if not self._apply(self.W, h, z):
            z.fill(0)
        if inside is not None:
            z += inside
        s = self._activated(z)
        if not gained:
            return
        written = self._apply(self.A, h, out)
        written = self._apply(self.B, s, out, written) or written
        if not written:
            out.fill(0)
        if outside is not None:
            out += outside

    def _activated(self, z: Array) -> Array:
        """s(z), in place."""
        if self.p.activation == "tanh":
            np.tanh(z, out=z)
        elif self.p.activation == "relu":
            np.maximum(z, z.dtype.type(0), out=z)
        elif self.p.activation != "identity":
            z[...] = self.act(z)
        return z

    def _apply(self, op: Terms, v: Array, out: Array, add: bool = False) -> bool:
        """Put the sum of an operator's terms times v into out, or add it; whether there was any."""
        for left, dense, right in op:
            target = self._buffer("term", *out.shape) if add else out
            source = v if right is None else np.multiply(v, right, out=self._buffer("scaled", *v.shape))
            if dense is not None:
                np.matmul(source, dense, out=target)
                source = target
            if left is not None:
                np.multiply(source, left, out=target)
            elif source is not target:
                target[...] = source
            if add:
                out += target
            add = True
        return add

    def _buffer(self, name: str, rows: int, columns: int) -> Array:
        key = (name, rows, columns)
        if key not in self._kept:
            self._kept[key] = np.empty((rows, columns), self.dtype)
        return self._kept[key]


def _terms(ops: Float64, op: Operator) -> Terms:
    """Terms as rows are multiplied: factors (1, units) or numbers, matrices transposed and contiguous."""

    def row(factor: Any) -> Any:
        return factor.T if isinstance(factor, np.ndarray) and factor.ndim else factor

    made = ops._terms(op) if op.terms and all(op.shape) else []
    return [
        (row(left), None if dense is None else np.ascontiguousarray(dense.T), row(right)) for left, dense, right in made
    ]


def _is_one(op: Terms) -> bool:
    return len(op) == 1 and all(part is None for part in op[0])
