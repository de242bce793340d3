"""A run of h+ = a h + b tanh(W h + M x + bias) with a compiled loop, numba's (the extra `fast`).

W, M and the bias are one matrix, so that a step is one product, [W M bias] [h x 1], and one pass over its result. For
batches the BLAS forms the product, from states as rows; a single trajectory is one compiled loop from end to end.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.memory import keep_freed_memory
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator

ROWS, COLUMNS = 4, 8  # of the joined matrix, taken at once; zeros fill up the last ones
LINE = 8  # numbers in a cache line


class Loop(NamedTuple):
    """[W M bias] with zeros below and beside it, a and b (N,), the number of inputs; not leaky: a = 0 and b = 1."""

    joined: Array
    a: Array
    b: Array
    inputs: int
    leaky: bool


def compiles() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def loop_of(p: Lure) -> Loop | None:
    """The record as the compiled loop reads it, None where it does not: one W, tanh, diagonal A and B, no E or c."""
    plain = _is_matrix(p.W) and (not p.M.terms or _is_matrix(p.M))
    if p.activation != "tanh" or not plain or p.E.terms or p.c or not (p.A.is_diagonal and p.B.is_diagonal):
        return None
    read, N = Float64()._read, p.state_size
    inputs = p.input_size if p.M.terms else 0
    joined = _aligned(_filled(N, ROWS), _filled(N + inputs + 1, COLUMNS))
    for op, start in ((p.W, 0), *((p.M, N) for _ in p.M.terms)):
        joined[:N, start : start + op.shape[1]] = read(op.terms[0].dense)  # type: ignore[arg-type]
    for part in p.b:
        joined[:N, N + inputs] += read(part)
    a, b = (_one_each(op) for op in (p.A, p.B))
    return Loop(joined, a, b, inputs, bool(np.any(a != 0) or np.any(b != 1)))


def _aligned(rows: int, columns: int) -> Array:
    """Zeros that start with a cache line, as NumPy's need not: vectors across two lines take twice as long to load."""
    made = np.zeros(rows * columns + LINE)
    start = -made.ctypes.data % (8 * LINE) // 8
    return made[start : start + rows * columns].reshape(rows, columns)


def _filled(count: int, at_once: int) -> int:
    return -(-count // at_once) * at_once


def _is_matrix(op: Operator) -> bool:
    """Whether an operator is one dense matrix as it is."""
    if len(op.terms) != 1 or op.terms[0].dense is None:
        return False
    return all(not isinstance(part, np.ndarray) and part == 1 for part in (op.terms[0].left, op.terms[0].right))


def _one_each(op: Operator) -> Array:
    factor = Float64()._factor(op.diagonal_factor())
    return np.ascontiguousarray(np.broadcast_to(np.ravel(factor), op.shape[:1]), dtype=np.float64)


def follow(H: Array, X: Array, loop: Loop) -> None:
    """Fill H (K+1, batch, N) from H[0] with inputs X (K, batch, I), all of them float64."""
    from oracle.kernels.compiled_tanh import follow_one, settle, settle_leaky

    keep_freed_memory()
    (_, batch, N), inputs = H.shape, loop.inputs
    X = X[..., :inputs]
    given = _aligned(batch, loop.joined.shape[1])  # [h x 1 0 ..], a row per trajectory
    given[:, :N], given[:, N + inputs] = H[0], 1.0
    if batch == 1:
        follow_one(H[:, 0], loop.joined, X[:, 0], given[0], loop.a, loop.b, loop.leaky)
        return
    weights, z = loop.joined[:N].T, np.empty((batch, N))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for k in range(len(X)):
            given[:, N : N + inputs] = X[k]
            np.matmul(given, weights, out=z)
            if loop.leaky:
                settle_leaky(z, H[k + 1], given, loop.a, loop.b)
            else:
                settle(z, H[k + 1], given)
