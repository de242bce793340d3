"""A run of h+ = A h + B s(W h + M x + b) + E x + c in float64 or narrower, the loop written for speed.

`equations.lure.step` restated: states are rows, so that a product is H W^T with W^T contiguous, the drive of a few
hundred steps is one product, and every result goes where it stays or into a buffer that is used again. With numba (the
extra `fast`) everything after the product is one compiled loop, and for short states the product is, too.

The operations are those of the float64 interpretation, up to the order of sums and, compiled, the last bits of tanh.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.float64 import VALUES, Float64
from oracle.arithmetic.memory import keep_freed_memory
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator

DRIVEN = 2**15  # elements of the drive made at once: they stay in the cache until they are used
FEW = 16  # inputs whose product the compiled loop forms, element by element
SHORT = 256  # units up to which the compiled loop forms products of single trajectories: W^T fits a cache
Terms = list[tuple[Any, Array | None, Any]]


class Loop(NamedTuple):
    """One number per unit, for h+ = a h + b tanh(W h + M x + bias); `leaky` false: a = 0 and b = 1."""

    bias: Array
    a: Array
    b: Array
    leaky: bool


def compiles() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def loop_of(p: Lure) -> Loop | None:
    """The record as the compiled loop reads it, None where it does not: one W, tanh, diagonal A and B, no E or c."""
    plain = _is_matrix(p.W) and (not p.M.terms or _is_matrix(p.M))
    if p.activation != "tanh" or not plain or p.E.terms or p.c or not (p.A.is_diagonal and p.B.is_diagonal):
        return None
    a, b = (_one_each(op) for op in (p.A, p.B))
    bias = sum((Float64()._read(part) for part in p.b), np.zeros(p.state_size))
    return Loop(bias, a, b, bool(np.any(a != 0) or np.any(b != 1)))


def _is_matrix(op: Operator) -> bool:
    """Whether an operator is one dense matrix as it is."""
    if len(op.terms) != 1 or op.terms[0].dense is None:
        return False
    return all(not isinstance(part, np.ndarray) and part == 1 for part in (op.terms[0].left, op.terms[0].right))


def _one_each(op: Operator) -> Array:
    factor = Float64()._factor(op.diagonal_factor())
    return np.ascontiguousarray(np.broadcast_to(np.ravel(factor), op.shape[:1]), dtype=np.float64)


class LureRun:
    """The run of one record from rows of states; `loop` as by `loop_of`, to have it compiled."""

    def __init__(self, p: Lure, dtype: Any = np.float64, loop: Loop | None = None) -> None:
        self.p, self.dtype, self.loop = p, np.dtype(dtype), loop
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
        if self.loop is not None:
            self._compiled(H, X, self.loop)
            return
        inside, outside = self._drive("m", self.M, self.b, X), self._drive("e", self.E, self.c, X)
        for k in range(len(X)):
            self._step(H[k], H[k + 1], None if inside is None else inside[k], None if outside is None else outside[k])

    def _compiled(self, H: Array, X: Array, loop: Loop) -> None:
        from oracle.kernels.compiled_tanh import follow, settle, settle_leaky

        weights: Any = self.W[0][1]
        inputs: Any = self.M[0][1] if self.M else np.zeros((0, H.shape[2]))
        if H.shape[1] == 1 and H.shape[2] <= SHORT:
            follow(H[:, 0], weights, X[:, 0, : len(inputs)], inputs, *loop)
            return
        m = self._drive("m", self.M, (), X) if len(inputs) > FEW else None
        X, inputs = (X[..., : len(inputs)], inputs) if m is None else (X[..., :0], inputs[:0])
        for k in range(len(X)):
            z = np.matmul(H[k], weights, out=H[k + 1])
            if m is not None:
                z += m[k]
            if loop.leaky:
                settle_leaky(z, X[k], inputs, loop.bias, H[k], loop.a, loop.b)
            else:
                settle(z, X[k], inputs, loop.bias)

    def _drive(self, name: str, op: Terms, parts: tuple[Array, ...], X: Array) -> Array | None:
        """M x + b for some steps, (steps, batch, units)."""
        if not op and not parts and self.loop is None:
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
