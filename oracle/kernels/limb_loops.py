"""Compiled loops over limbs (numba): carries, products of numbers, products of matrices and vectors.

Arrays are (limb, lane). Sums of products are int64, one row per position p (weight 2^{-28 p}), position m the guard.
With |digits| <= 2^27, in ulp(m) = 2^{-28(m-1)}:

    carry      rounds the guard: |error| <= 1/2
    multiply   positions beyond m are left out: sum_{p>m} (2m-1-p) 2^54 2^{-28 p} <= (m-2)/4 (1 + 2^-27); and the carry:
               |error| <= (m + 2)/4                                                            `product_error`
    matvec     for each of J entries positions beyond m, at most w - 1 pairs at each, before the carry:
               |error| <= sum_j sum_{a>=2} |D_aj| 2^-29 (1 + 2^-26) <= J (w - 1)/4 (1 + 2^-20)  `matvec_error`
               int64: w J' 2^54 + 2^36 < 2^63 for the J' columns between carries, w J' <= PAIRS
    shift      times 2^s: the error of the operand times 2^s, and at most 1 for what falls below the guard
"""

from __future__ import annotations

import numpy as np
from numba import int32, int64

from oracle.kernels.limb_compile import compiled
from oracle.kernels.limbs import HALF, RADIX
from oracle.records.exact import Array

PAIRS = 480  # products of digits that int64 can add up, 511, less room for what was there before
LANES = 128  # lanes of an activation at once: its temporaries stay in the first-level cache


def product_error(m: int) -> float:
    """ulp(m), of `multiply`."""
    return (m + 2) / 4


def matvec_error(D: Array) -> float:
    """ulp(m), of `matvec` with the digits D (w, rows, columns), 2^s = 1."""
    sizes = np.abs(D[1:].astype(np.float64)).sum(axis=(0, 2))
    return float(np.max(sizes, initial=0.0)) * 2.0 ** (-RADIX - 1) * (1 + 2.0**-20)


@compiled
def carry(acc, out):  # type: ignore[no-untyped-def]
    """Digits of sums: out (m, n) from acc (m+1, n), which is spent."""
    m, n = out.shape
    row = acc[m]
    for i in range(n):
        row[i] = (row[i] + HALF) >> RADIX
    for p in range(m - 1, 0, -1):
        here, to = acc[p], out[p]
        for i in range(n):
            total = here[i] + row[i]
            up = (total + HALF) >> RADIX
            to[i] = int32(total - (up << RADIX))
            row[i] = up
    top = 0
    for i in range(n):
        total = acc[0, i] + row[i]
        top = max(top, abs(total))
        out[0, i] = int32(total)
    return top


@compiled
def settle(acc):  # type: ignore[no-untyped-def]
    """Carries between positions, the guard kept: |acc[p]| <= 2^27 + 2^36 afterwards, p >= 1."""
    m, n = acc.shape[0] - 1, acc.shape[1]
    for p in range(m, 0, -1):
        here, above = acc[p], acc[p - 1]
        for i in range(n):
            up = (here[i] + HALF) >> RADIX
            here[i] -= up << RADIX
            above[i] += up


@compiled
def multiply(x, x0, x1, y, y0, y1, m, constant, out, row):  # type: ignore[no-untyped-def]
    """out = x y + constant in m limbs; only limbs x0..x1-1 of x and y0..y1-1 of y are not zero. row is scratch.

    Returns the largest |integer part|, which int32 may not hold.
    """
    n = row.shape[0]
    row[:] = 0
    for p in range(m, -1, -1):
        a, last = max(x0, p - y1 + 1), min(p - y0, x1 - 1)
        while a + 3 <= last:
            xa, xb, xc, xd = x[a], x[a + 1], x[a + 2], x[a + 3]
            ya, yb, yc, yd = y[p - a], y[p - a - 1], y[p - a - 2], y[p - a - 3]
            for i in range(n):
                row[i] += (
                    int64(xa[i]) * int64(ya[i])
                    + int64(xb[i]) * int64(yb[i])
                    + int64(xc[i]) * int64(yc[i])
                    + int64(xd[i]) * int64(yd[i])
                )
            a += 4
        while a <= last:
            xa, ya = x[a], y[p - a]
            for i in range(n):
                row[i] += int64(xa[i]) * int64(ya[i])
            a += 1
        if p == m:
            for i in range(n):
                row[i] = (row[i] + HALF) >> RADIX
        elif p > 0:
            to, add = out[p], int64(constant[p])
            for i in range(n):
                total = row[i] + add
                up = (total + HALF) >> RADIX
                to[i] = int32(total - (up << RADIX))
                row[i] = up
    top = int64(0)
    for i in range(n):
        total = row[i] + constant[0]
        top = max(top, abs(total))
        out[0, i] = int32(total)
    return top


@compiled
def normalise(x, m):  # type: ignore[no-untyped-def]
    """Digits below 2^30 in absolute value brought within 2^27, in place; exact."""
    for p in range(m - 1, 0, -1):
        here, above = x[p], x[p - 1]
        for i in range(here.shape[0]):
            up = (int64(here[i]) + HALF) >> RADIX
            here[i] = int32(here[i] - (up << RADIX))
            above[i] = int32(above[i] + up)


@compiled
def matvec(D, v, start, limbs, columns, acc):  # type: ignore[no-untyped-def]
    """acc[a + b] += sum_j D[a-1, j, :] v[b, j] for a = 1..w, start <= b < limbs, a + b <= m; then settled.

    D (w, J, R), the transposed matrix; v (limbs, columns J); acc (m+1, columns R).
    """
    w, J, R = D.shape
    m = acc.shape[0] - 1
    tile = max(4, PAIRS // w // 4 * 4)
    for begin in range(0, J, tile):
        end = min(J, begin + tile)
        j = begin
        while j + 3 < end:
            for a in range(min(w, m)):
                da, db, dc, dd = D[a, j], D[a, j + 1], D[a, j + 2], D[a, j + 3]
                for c in range(columns):
                    at = c * J + j
                    for b in range(start, min(limbs, m - a)):
                        va, vb, vc, vd = int64(v[b, at]), int64(v[b, at + 1]), int64(v[b, at + 2]), int64(v[b, at + 3])
                        row = acc[a + 1 + b, c * R : (c + 1) * R]
                        for i in range(R):
                            row[i] += int64(da[i]) * va + int64(db[i]) * vb + int64(dc[i]) * vc + int64(dd[i]) * vd
            j += 4
        while j < end:
            for a in range(min(w, m)):
                da = D[a, j]
                for c in range(columns):
                    for b in range(start, min(limbs, m - a)):
                        va = int64(v[b, c * J + j])
                        row = acc[a + 1 + b, c * R : (c + 1) * R]
                        for i in range(R):
                            row[i] += int64(da[i]) * va
            j += 1
        settle(acc)


@compiled
def shift(x, s, acc):  # type: ignore[no-untyped-def]
    """acc = x 2^s; returns the largest |position 0|, capped, so that overflow is seen."""
    m, n = x.shape
    q, t = s // RADIX, s % RADIX  # floored: 0 <= t < 28
    acc[:] = 0
    for p in range(1, m + 1):
        if 0 <= p + q < m:
            for i in range(n):
                acc[p, i] = int64(x[p + q, i]) << t
    for p in range(min(q, m - 1) + 1):
        for i in range(n):
            total = (acc[0, i] << RADIX) + (int64(x[p, i]) << t)
            acc[0, i] = min(max(total, -(int64(1) << 33)), int64(1) << 33)
    if q >= m:
        acc[0] = np.where(acc[0] != 0, int64(1) << 33, 0)
    return np.abs(acc[0]).max() if n else 0
