"""The loops of `compiled_run`, compiled by numba (the extra `fast`), and their tanh.

With 2|z| = n log(2) + r and R = r coth(r/2) = 2 + r^2/6 - .. , which is even in r and smooth (poles at 2 pi i),

    e^r = (R + r)/(R - r)
    |z| < 0.55   tanh |z| = |z| - r q/(2R),   n = 0, q = R - 2                     what is subtracted is below |z|/11
    elsewhere    tanh |z| = 1 - 2 (R - r)/((R - r) + 2^n (R + r)),   |r| <= log(2)/2      and here below 1/2

so that the errors of one quotient, a few roundings of it, count at most by half. Both are evaluated up to the quotient
and one is taken: the loops are vector code, about 2 ns per element where NumPy's tanh takes 10 and more. Observed
within 1.5 ulp, which a test holds it to; nothing that is proved stands on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from oracle.records.exact import Array

_SMALL, _LARGEST = 0.55, 22.0  # 1 - tanh(22) < 2^-62
_TWO_PER_LOG2 = 2 * 1.4426950408889634
_LOG2, _LOG2_REST = 6.93145751953125e-1, 1.42860682030941723212e-6  # the first has 21 bits: n times it is exact
_TO_INTEGER = 1.5 * 2.0**52  # added to a small number it leaves the nearest integer in the low bits
COEFFICIENTS = (
    0.16666666666666666, -0.00277777777777754, 6.613756613346206e-05, -1.653439126442096e-06,
    4.1753426638046295e-08, -1.0566842105095857e-09, 2.6614251790551928e-11, -5.999767089458454e-13,
)  # fmt: skip
"""(R - 2)/r^2 as a polynomial in r^2 for |r| <= 1.1, to within 1.1e-17 (Remez's algorithm; a test proves it)."""
_C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8 = COEFFICIENTS

_kept = njit(cache=True, error_model="numpy", fastmath={"contract"})
"""Products may be contracted with sums (FMA); divisions by zero are not looked for, which would end vector code."""


@njit(inline="always")
def _tanh(z: Any) -> Any:
    size = abs(z)
    size = _LARGEST if size > _LARGEST else size
    small = size < _SMALL
    shifted = (0.0 if small else size * _TWO_PER_LOG2) + _TO_INTEGER
    n = shifted - _TO_INTEGER
    r = (2.0 * size - n * _LOG2) - n * _LOG2_REST
    s = r * r
    s2 = s * s  # by halves (Estrin), because Horner's scheme waits for every step
    q = s * (((_C1 + s * _C2) + s2 * (_C3 + s * _C4)) + (s2 * s2) * ((_C5 + s * _C6) + s2 * (_C7 + s * _C8)))
    up, down = (2.0 + q) + r, (2.0 + q) - r
    bits = np.float64(shifted).view(np.int64) + np.int64(1023)
    power = np.int64(bits << np.int64(52)).view(np.float64)  # 2^n
    part = (r * q if small else 2.0 * down) / (down + power * up)
    return np.copysign((size if small else 1.0) - part, z)


@_kept
def settle(z: Array, h: Array, given: Array) -> None:
    """H = tanh(z), z and h (rows, N), written to the first N columns of `given` as well."""
    for row in range(len(z)):
        for i in range(z.shape[1]):
            h[row, i] = given[row, i] = _tanh(z[row, i])


@_kept
def settle_leaky(z: Array, h: Array, given: Array, a: Array, b: Array) -> None:
    """H = a h + b tanh(z), where the first N columns of `given` hold the state before, and then the new one."""
    for row in range(len(z)):
        for i in range(z.shape[1]):
            h[row, i] = given[row, i] = a[i] * given[row, i] + b[i] * _tanh(z[row, i])


@njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _product(matrix: Array, given: Array, z: Array) -> None:
    """Z = matrix given, four rows at a time; sums in any order, as many at once as the machine has lanes."""
    for i in range(0, z.size, 4):
        s0 = s1 = s2 = s3 = 0.0
        for j in range(given.size):
            s0 += matrix[i, j] * given[j]
            s1 += matrix[i + 1, j] * given[j]
            s2 += matrix[i + 2, j] * given[j]
            s3 += matrix[i + 3, j] * given[j]
        z[i], z[i + 1], z[i + 2], z[i + 3] = s0, s1, s2, s3


@_kept
def follow_one(H: Array, joined: Array, X: Array, given: Array, a: Array, b: Array, leaky: bool) -> None:
    """All steps of one trajectory, H (K+1, N) with H[0] set; `joined` and `given` as in `compiled_run`."""
    N, z = a.size, np.empty(len(joined))
    for k in range(len(X)):
        given[:N] = H[k]
        given[N : N + X.shape[1]] = X[k]
        _product(joined, given, z)
        for i in range(N):
            s = _tanh(z[i])
            H[k + 1, i] = a[i] * given[i] + b[i] * s if leaky else s
