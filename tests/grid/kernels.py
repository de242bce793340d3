"""Ways to compute W h for a batch of rows: kernels and orders of summation, all in the dtype they are given.

W (out, in), h (batch, in) -> (batch, out). Every product and every partial sum is stored in the dtype of W; `fsum` and
`wide` accumulate more accurately and round once, as a fused or extended accumulator does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .given import Array

Kernel = Callable[[Array, Array], Array]


def rows(W: Array, h: Array) -> Array:
    """BLAS on rows (one product for the batch)."""
    return h @ W.T


def columns(W: Array, h: Array) -> Array:
    """BLAS on columns, W copied to the other memory order."""
    return np.ascontiguousarray((np.asfortranarray(W) @ np.ascontiguousarray(h.T)).T)


def one_by_one(W: Array, h: Array) -> Array:
    """BLAS matrix-vector products, one per trajectory."""
    return np.stack([W @ row for row in h])


def einsum(W: Array, h: Array) -> Array:
    """NumPy's own loops."""
    return np.einsum("ij,bj->bi", W, h, optimize=False)


def reversed_columns(W: Array, h: Array) -> Array:
    """Column by column, last to first."""
    total = np.zeros((len(h), len(W)), dtype=W.dtype)
    for j in range(W.shape[1] - 1, -1, -1):
        total = total + h[:, j : j + 1] * W[:, j]
    return total


def sequential(W: Array, h: Array) -> Array:
    """Left to right, by a running sum."""
    if not W.shape[1]:
        return np.zeros((len(h), len(W)), dtype=W.dtype)
    return np.stack([np.cumsum(W * row, axis=1)[:, -1] for row in h])


def pairwise(W: Array, h: Array) -> Array:
    """NumPy's pairwise sum of the products."""
    return np.stack([np.add.reduce(W * row, axis=1) for row in h])


def halves(W: Array, h: Array) -> Array:
    """A balanced tree down to single products."""
    products = W[None, :, :] * h[:, None, :]
    while products.shape[2] > 1:
        even = products.shape[2] // 2 * 2
        paired = products[:, :, 0:even:2] + products[:, :, 1:even:2]
        products = np.concatenate([paired, products[:, :, even:]], axis=2)
    return products[:, :, 0] if products.shape[2] else np.zeros(products.shape[:2], dtype=W.dtype)


def blocks(W: Array, h: Array, width: int = 5) -> Array:
    """Blocks of columns by BLAS, added up from the last."""
    total = np.zeros((len(h), len(W)), dtype=W.dtype)
    for start in reversed(range(0, W.shape[1], width)):
        total = h[:, start : start + width] @ W[:, start : start + width].T + total
    return total


def shuffled(W: Array, h: Array) -> Array:
    """BLAS over the columns in another order."""
    order = np.random.default_rng(W.shape[1]).permutation(W.shape[1])
    return np.ascontiguousarray(h[:, order]) @ np.ascontiguousarray(W[:, order]).T


def ascending(W: Array, h: Array) -> Array:
    """Products sorted by size, smallest first, then summed left to right."""
    if not W.shape[1]:
        return np.zeros((len(h), len(W)), dtype=W.dtype)
    products = W[None, :, :] * h[:, None, :]
    order = np.argsort(np.abs(products), axis=2)
    return np.cumsum(np.take_along_axis(products, order, axis=2), axis=2)[:, :, -1]


def fsum(W: Array, h: Array) -> Array:
    """Rounded products, their sum exact, rounded once."""
    total = [[math.fsum((line * row).tolist()) for line in W] for row in h]
    return np.array(total, dtype=W.dtype).reshape(len(h), len(W))


def wide(W: Array, h: Array) -> Array:
    """A wider accumulator (float64 for float32, long double for float64), rounded once."""
    wider = np.float64 if W.dtype == np.float32 else np.longdouble
    return np.einsum("ij,bj->bi", W.astype(wider), h.astype(wider)).astype(W.dtype)


KERNELS: dict[str, Kernel] = {
    "BLAS, rows": rows,
    "BLAS, columns": columns,
    "BLAS, one by one": one_by_one,
    "einsum": einsum,
    "columns, reversed": reversed_columns,
    "running sum": sequential,
    "pairwise sum": pairwise,
    "balanced tree": halves,
    "blocks of 5, reversed": blocks,
    "BLAS, shuffled columns": shuffled,
    "sorted by size": ascending,
    "fsum": fsum,
    "wide accumulator": wide,
}
COSTLY = {"balanced tree": 300_000, "sorted by size": 100_000, "fsum": 1_000, "running sum": 800_000}
"""Products per step beyond which a kernel is left out of the grid, for time alone."""
