"""Steps of the normal form in limbs: h+ = A h + B s(W h + M x + b) + E x + c, compiled.

A linear map is left (2^s D) + diag: a dense matrix in w limbs, a factor per row, and a diagonal. What each adds to the
error, in ulp(m) and per entry, v exact with |v| <= V and r = sup_i sum_j |D_ij| 2^s:

    dense     left_out + rest of D: J V missing 2^s / ulp(m); rounded once if it is shifted or scaled:
              2^s (.. + 1/2) + 1, |left| (..) + mu + CUT r V
    diag      mu + CUT V, nothing where it is the identity                                            `linear_error`
    carry     1/2;  b, c  CUT;  h+ is made odd, 1: mantissas are then in the normal form of mpmath        `Steps.error`
    s         Lip times the error of z, and that of the activation (tanh 2 g, logistic g)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import int64

from oracle.kernels.limb_compile import compiled
from oracle.kernels.limb_loops import LANES, carry, matvec, multiply, product_error, settle, shift
from oracle.kernels.limb_squash import activate, squash_error, table
from oracle.kernels.limbs import CUT, LARGEST, RADIX, ulp_bits
from oracle.records.exact import Array

KINDS = {"identity": 0, "relu": 1, "tanh": 2, "logistic": 3}
_UP = 1 + 2.0**-40  # covers the roundings of a bound: some hundred float64 operations on positive numbers


class Linear(NamedTuple):
    """What the loops read of a linear map: flags (dense, left, diag: 2 for the identity), s, and the limbs."""

    dense_on: int
    left_on: int
    diag_on: int
    scale: int
    dense: Array  # (w, J, R), transposed
    left: Array  # (m, lanes)
    diag: Array  # (m, lanes)


class Sizes(NamedTuple):
    """What the error of a linear map depends on, all rounded up."""

    missing: float  # of the dense part, in units of 2^s
    row_sum: float  # sup_i sum_j |D_ij| 2^s
    left: float  # sup |left|
    left_out: float = 0.0  # of `matvec`, ulp: at most matvec_error, less where digits of D are smaller


def linear_error(map: Linear, sizes: Sizes, V: float, m: int) -> float:
    """ulp(m), for a vector that is exact and at most V."""
    mu, error = product_error(m), 0.0
    if map.dense_on:
        J = map.dense.shape[1]
        error += sizes.left_out + (J * V * _pow2(np.log2(sizes.missing) + ulp_bits(m)) if sizes.missing else 0.0)
        if map.scale or map.left_on:
            error = _pow2(map.scale) * (error + 0.5) + 1
        if map.left_on:
            error = sizes.left * error + mu + CUT * sizes.row_sum * V
    if map.diag_on == 1:
        error += mu + CUT * V
    return error


def _pow2(exponent: float) -> float:
    return float(2.0**exponent) if exponent < 1000 else float("inf")


def activation_error(activation: str, m: int) -> float:
    """ulp(m)."""
    return {"identity": 0.0, "relu": 0.0, "tanh": 2.0, "logistic": 1.0}[activation] * (
        squash_error(m) if activation in ("tanh", "logistic") else 0.0
    )


def tables(activation: str, m: int) -> tuple[Array, ...]:
    """What `activate` reads."""
    if activation in ("tanh", "logistic"):
        return tuple(table(m))
    few, flat, line = np.zeros((m, 1), np.int32), np.zeros((1, m), np.int32), np.zeros(1, np.int64)
    return (few, few, few, flat, line, line, line, line)


def work_space(m: int, lanes: int) -> Array:
    """Scratch of `activate`: blocks of equal size, at most LANES."""
    blocks = -(-lanes // LANES)
    return np.zeros((5, m, -(-lanes // max(blocks, 1))), np.int32)


@compiled
def apply(map, v, start, limbs, columns, total, product, one, two, row):  # type: ignore[no-untyped-def]
    """total += map v, only limbs start..limbs-1 of v not zero; returns the largest integer part met on the way.

    product, one, two, row: scratch.
    """
    m, top = one.shape[0], int64(0)
    if map.dense_on:
        if map.scale == 0 and not map.left_on:
            matvec(map.dense, v, start, limbs, columns, total)
        else:
            product[:] = 0
            matvec(map.dense, v, start, limbs, columns, product)
            top = max(top, carry(product, one))
            if map.scale != 0:
                top = max(top, shift(one, map.scale, product))
                if not map.left_on:
                    total += product
                else:
                    top = max(top, carry(product, one))
            if map.left_on:
                top = max(top, multiply(map.left, 0, m, one, 0, m, m, np.zeros(m, np.int32), two, row))
                total[:m] += two
    if map.diag_on == 2:
        total[:m] += v
    elif map.diag_on == 1:
        top = max(top, multiply(map.diag, 0, m, v, start, m, m, np.zeros(m, np.int32), two, row))
        total[:m] += two
    return top


@compiled
def follow(kind, h, X, columns, A, B, W, M, E, b, c, tables, work, states, arguments):  # type: ignore[no-untyped-def]
    """Steps from h (m, columns N), X (steps, limbs, columns I), into states (steps, m, columns N) and arguments.

    arguments (steps, columns K): z in float64. Returns the largest integer part anywhere, that of overflow included.
    """
    m, n = h.shape
    k = arguments.shape[1]
    z, s = np.empty((m, k), np.int32), np.empty((m, k), np.int32)
    one_k, two_k, one_n, two_n = np.empty_like(z), np.empty_like(z), np.empty_like(h), np.empty_like(h)
    row_k, row_n = np.empty(k, np.int64), np.empty(n, np.int64)
    inner, inner_product = np.empty((m + 1, k), np.int64), np.empty((m + 1, k), np.int64)
    outer, outer_product = np.empty((m + 1, n), np.int64), np.empty((m + 1, n), np.int64)
    whole, part, fine, series, first, length, newton, zeros = tables
    top = int64(0)
    for step in range(X.shape[0]):
        x, limbs = X[step], min(m, X.shape[1])
        inner[:] = 0
        inner[:m] += b
        top = max(top, apply(W, h, 0, m, columns, inner, inner_product, one_k, two_k, row_k))
        top = max(top, apply(M, x, 0, limbs, columns, inner, inner_product, one_k, two_k, row_k))
        settle(inner)
        top = max(top, carry(inner, z))
        if top > LARGEST:
            return top
        for i in range(k):
            value = 0.0
            for p in range(min(m, 4) - 1, -1, -1):
                value = value * 2.0**-RADIX + z[p, i]
            arguments[step, i] = value
        activate(kind, z, s, whole, part, fine, series, first, length, newton, zeros, work)
        outer[:] = 0
        outer[:m] += c
        top = max(top, apply(A, h, 0, m, columns, outer, outer_product, one_n, two_n, row_n))
        top = max(top, apply(B, s, 0, m, columns, outer, outer_product, one_n, two_n, row_n))
        top = max(top, apply(E, x, 0, limbs, columns, outer, outer_product, one_n, two_n, row_n))
        settle(outer)
        h = states[step]
        top = max(top, carry(outer, h))
        for i in range(n):
            h[m - 1, i] |= 1
        if top > LARGEST:
            return top
    return top
