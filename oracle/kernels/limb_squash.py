"""tanh and the logistic in limbs, both from g(x) = 1/(1 + e^{-x}), x >= 0.

    tanh z = sign(z) (2 g(2|z|) - 1)            logistic z = g(z) for z >= 0, 1 - g(-z) otherwise
    e^{-x} = e^{-i} e^{-j/2^10} e^{-l/2^20} e^{-rho},   i = d_0; j, l from d_1, unrounded; |rho| < 2^-21 (1 + 2^-6)
    e^{-rho}   Horner, p_k = c_k + rho p_{k+1}, c_k = (-1)^k/k!, in as few limbs m_k as rho^k leaves of an ulp
    1/u        Newton from float64, r + r (1 - u r), in limbs that double

Errors, mu(n) = product_error(n) in units of ulp(n), CUT for a tabulated number:

    eta_k = |rho| eta_{k+1} + (mu + CUT) ulp(m_k),   and |rho|^{t+1} 1.01/(t+1)! for the rest of the series
    E     <= 1.01 (4.3 CUT + 2 mu) ulp + 1.65 eta_0 + mu ulp + ulp/8    tables <= 1, 1.65, 1.001; the end of e^{-i}
    r     |r+ - 1/u| <= 2 delta^2 + (2.03 mu + 1.03 CUT) ulp(n),  delta the error before, 1 <= u <= 2, |r| <= 1.01
    g     E + r, because |d(1/(1+E))/dE| <= 1
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, factorial, log, log2
from typing import Any, NamedTuple

import numpy as np
from flint import arb
from numba import int32, int64

from oracle.arithmetic.ball import precision
from oracle.kernels.limb_compile import compiled
from oracle.kernels.limb_loops import multiply, normalise, product_error
from oracle.kernels.limbs import CUT, HALF, RADIX, from_integers, ulp_bits
from oracle.records.exact import Array

STEPS = 10  # j/2^STEPS, l/4^STEPS
_RHO = 2.0 ** -(2 * STEPS + 1) * (1 + 2.0**-6)
_START = 49  # bits of 1/u from float64: E to 2^-52, one sum, one quotient, 53 bits kept
_SPARE_BITS = 64  # of tables, before they are rounded
_BLOCK = 16  # limbs of the tables are a multiple of it, so that few are made


class Table(NamedTuple):
    """What `squash` reads; one number is one row."""

    whole: Array  # (rows, m): e^{-i}, the last row 0
    part: Array  # (2^STEPS + 1, m): e^{-j/2^STEPS} at j + 2^(STEPS-1)
    fine: Array  # (2^STEPS + 1, m): e^{-l/4^STEPS} at l + 2^(STEPS-1)
    series: Array  # (terms + 1, m): (-1)^k/k!
    first: Array  # limbs of p_k before this one are 0
    length: Array  # m_k
    newton: Array  # limbs of each step
    zeros: Array  # limbs of 1 - u r before this one are 0


def series(m: int) -> tuple[list[int], float]:
    """m_k for k = 0..t, and the error of e^{-rho} in ulp(m)."""
    bits, step = ulp_bits(m), -log2(_RHO)
    terms = 1
    while (terms + 1) * step + log2(factorial(terms + 1)) < bits + 4:
        terms += 1
    lengths = [max(2, m - int(step * k) // RADIX) for k in range(terms + 1)]
    error = 0.07  # 2^-4 1.01 for the rest of the series
    for k, n in enumerate(lengths):
        error += 2.0 ** (RADIX * (m - n) - step * k) * (product_error(n) + CUT)
    return lengths, error


def newton(m: int) -> tuple[list[int], list[int], float]:
    """Limbs of each step, leading zero limbs of its residual, and the error of 1/u in ulp(m)."""
    limbs: list[int] = []
    zeros: list[int] = []
    before, bits, rounding = 0.0, float(_START), 0.0
    while not limbs or limbs[-1] < m or 1 - 2 * before + ulp_bits(m) > -2:
        before = bits
        n = min(m, ceil(2 * before / RADIX) + 1)
        rounding = 2.03 * product_error(n) + 1.03 * CUT
        rounded = ulp_bits(n) - log2(rounding)
        residual = min(before - 1.01, rounded) - 1  # bits of a sum: one less than those of the larger part
        zeros.append(min(n - 1, int((residual - 1.01) // RADIX) + 1))
        limbs.append(n)
        bits = min(2 * before - 1, rounded) - 1
    return limbs, zeros, rounding + 0.25


def squash_error(m: int) -> float:
    """Error of g in ulp(m)."""
    mu = product_error(m)
    exponential = 1.01 * (4.3 * CUT + 2 * mu) + 1.65 * series(m)[1] + mu + 0.125
    return exponential + newton(m)[2]


def table(m: int) -> Table:
    """The tables in m limbs."""
    whole, part, fine, coefficients = _tables(-(-m // _BLOCK) * _BLOCK)
    rows, (lengths, _) = _rows(m), series(m)
    short = whole[:rows, :m].copy()
    short[-1] = 0
    limbs, zeros, _ = newton(m)
    first = [max(0, int((log2(factorial(k)) - 1.1) // RADIX) + 1) for k in range(len(lengths))]
    return Table(
        short,
        np.ascontiguousarray(part[:, :m]),
        np.ascontiguousarray(fine[:, :m]),
        np.ascontiguousarray(coefficients[: len(lengths), :m]),
        np.array(first),
        np.array(lengths),
        np.array(limbs),
        np.array(zeros),
    )


def _rows(m: int) -> int:
    """e^{-(rows - 3/2)} is below ulp(m)/8."""
    return ceil((ulp_bits(m) + 3) * log(2)) + 3


@lru_cache(maxsize=4)
def _tables(m: int) -> tuple[Array, Array, Array, Array]:
    bits, half = ulp_bits(m), 1 << (STEPS - 1)
    with precision(bits + _SPARE_BITS):
        whole = _powers(arb(1), arb(-1).exp(), _rows(m), bits)
        part, fine = (
            _powers((arb(half) * step).exp(), (-step).exp(), 2 * half + 1, bits)
            for step in (arb(1) / 2**STEPS, arb(1) / 4**STEPS)
        )
        terms, term = [], arb(1)
        for k in range(len(series(m)[0])):
            terms.append(nearest(term, bits))
            term = -term / (k + 1)
    made = [np.ascontiguousarray(from_integers(values, m).T) for values in (whole, part, fine, terms)]
    return made[0], made[1], made[2], made[3]


def _powers(first: Any, ratio: Any, count: int, bits: int) -> list[int]:
    found = []
    for _ in range(count):
        found.append(nearest(first, bits))
        first = first * ratio
    return found


def nearest(value: Any, bits: int) -> int:
    """An integer within 0.501 of 2^bits value, of a ball that is small enough."""
    assert value.rad() * arb(2) ** bits < 2.0**-10, "the working precision is too low for a table"
    mantissa, exponent = value.mid().man_exp()
    shift = int(exponent) + bits
    whole = int(mantissa)
    return whole << shift if shift >= 0 else (whole + (1 << (-shift - 1))) >> -shift


@compiled
def _take(x, i, place):  # type: ignore[no-untyped-def]
    """Round the first fractional limb to multiples of 2^place, leave the rest, and say where in the table to look."""
    j = (int64(x[1, i]) + (1 << (place - 1))) >> place
    x[1, i] = int32(x[1, i] - (j << place))
    return j + (1 << (STEPS - 1))


@compiled
def squash(x, g, whole, part, fine, series, first, length, newton, zeros, work, row):  # type: ignore[no-untyped-def]
    """g = 1/(1 + e^{-x}) in lanes; x (m, lanes) >= 0 is spent; work (3, m, lanes), row (lanes,)."""
    m, lanes = x.shape
    a, b, c = work[0], work[1], work[2]
    nothing = np.zeros(m, np.int32)
    last = whole.shape[0] - 1
    for i in range(lanes):
        at = min(int64(x[0, i]), last)
        x[0, i] = 0
        j = _take(x, i, RADIX - STEPS)
        for p in range(m):
            a[p, i] = whole[at, p]
            b[p, i] = part[j, p]
    multiply(a, 0, m, b, 0, m, m, nothing, g, row)
    for i in range(lanes):
        j = _take(x, i, RADIX - 2 * STEPS)
        for p in range(m):
            b[p, i] = fine[j, p]
    multiply(g, 0, m, b, 0, m, m, nothing, c, row)
    # e^{-rho} by Horner: from a to b and back, the result in a
    t = series.shape[0] - 1
    for p in range(length[t]):
        a[p, :] = series[t, p]
    for k in range(t - 1, -1, -1):
        multiply(x, 1, length[k], a, first[k + 1], length[k + 1], length[k], series[k], b, row)
        a, b = b, a
    multiply(c, 0, m, a, 0, m, m, nothing, b, row)
    b[0, :] += int32(1)  # u = 1 + E
    # 1/u by Newton's iteration
    g[:] = 0
    for i in range(lanes):
        rest = 1.0 / (b[0, i] + (b[1, i] + (b[2, i] + b[3, i] * 2.0**-RADIX) * 2.0**-RADIX) * 2.0**-RADIX)
        for p in range(3):
            digit = np.rint(rest)
            g[p, i] = int32(digit)
            rest = (rest - digit) * 2.0**RADIX
    known = 3
    for step in range(newton.shape[0]):
        n = newton[step]
        multiply(b, 0, n, g, 0, min(known, n), n, nothing, a, row)
        for p in range(n):
            for i in range(lanes):
                a[p, i] = -a[p, i]
        a[0, :] += int32(1)
        multiply(g, 0, min(known, n), a, zeros[step], n, n, nothing, c, row)
        for p in range(n):
            for i in range(lanes):
                g[p, i] += c[p, i]
        normalise(g, n)
        known = n


@compiled
def sign(z, i):  # type: ignore[no-untyped-def]
    """Of a balanced number: that of its first digit that is not zero."""
    for p in range(z.shape[0]):
        if z[p, i] != 0:
            return int32(1) if z[p, i] > 0 else int32(-1)
    return int32(0)


@compiled
def activate(kind, z, s, whole, part, fine, series, first, length, newton, zeros, work):  # type: ignore[no-untyped-def]
    """s(z) lane by lane: kind 0 identity, 1 relu, 2 tanh, 3 logistic; work (5, m, lanes at once)."""
    m, n = z.shape
    if kind == 0:
        s[:] = z
        return
    if kind == 1:
        for i in range(n):
            keep = sign(z, i) > 0
            for p in range(m):
                s[p, i] = z[p, i] if keep else int32(0)
        return
    lanes = work.shape[2]
    x, g, row, signs = work[3], work[4], np.empty(lanes, np.int64), np.zeros(lanes, np.int32)
    times = int32(2) if kind == 2 else int32(1)
    for start in range(0, n, lanes):
        used = min(lanes, n - start)
        x[:] = 0
        for i in range(used):
            signs[i] = sign(z, start + i)
        for p in range(m):
            for i in range(used):
                x[p, i] = times * signs[i] * z[p, start + i]
        normalise(x, m)
        squash(x, g, whole, part, fine, series, first, length, newton, zeros, work[:3], row)
        for p in range(m):
            for i in range(used):
                if kind == 2 or signs[i] < 0:
                    g[p, i] = times * signs[i] * g[p, i]
        for i in range(used):
            if signs[i] == 0:
                _at_zero(kind, g, i)
            elif kind == 2:
                g[0, i] -= signs[i]
            elif signs[i] < 0:
                g[0, i] += int32(1)
        normalise(g, m)
        for p in range(m):
            for i in range(used):
                s[p, start + i] = g[p, i]


@compiled
def _at_zero(kind, s, i):  # type: ignore[no-untyped-def]
    """tanh 0 = 0, logistic 0 = 1/2 = 1 - 2^27 2^-28."""
    s[:, i] = 0
    if kind == 3:
        s[0, i] = int32(1)
        s[1, i] = int32(-HALF)
