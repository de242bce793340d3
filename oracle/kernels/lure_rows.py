"""Residuals and rounding bounds of h+ = a h + b s(W h + M x + b_1 + b_2 + ..), a and b scalars, s tanh or logistic.

`equations.lure.step` restated and read twice, in pairs of floats (the residual) and as roundings (a lower estimate of
the published one-step bound), in one pass over buffers that are allocated once. Steps are rows here: (steps, units).

    z      = P + R to within eps = kappa_i 2^(f_k)     [W M b] times [h x 1] as in `split_product`
    r      = y - a h - b s(z)                          a table of b s and one division (`tables`)
    S      = |W||h| + |M||x| + sum |b_i|               one product in float32
    bound >= k_h |h| + k_s |b s| + k_z |b s'| S + k_1  the factors k are read off the rounding interpretation

Error of r, u = 2^-53, c = b V e/(..): roundings of c 6u |c| (V, e, e again, the sum with 1, product, quotient; others
are at most 2^-8.8 of that), the series 2^-60 |c|, of the subtractions 3u |r| + u |c|, and what eps does to b s. With a:
see `_decayed`. Everything compared is in units of u and in float32; `SLACK` covers the roundings of that.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.pairs import Factor, factored
from oracle.arithmetic.split_product import EXPONENTS, split
from oracle.arithmetic.tanh_table import LARGEST_TAIL, two_sum
from oracle.kernels.growths import STEEPER, UNITS, Growths
from oracle.kernels.tables import table
from oracle.records.exact import Array
from oracle.records.lure import Lure

SLACK = 1 + 2.0**-17
"""Covers the float32 roundings of a ratio, some thirty of 2^-24, and terms of u^2 that the errors leave out."""
PRODUCTS = 2**14  # elements of a block of products: more keep the BLAS busy, fewer stay in the cache
FEWEST_STEPS = 64
CHUNK = 2**14  # elements of the elementwise part: its buffers fit the second-level cache
LARGEST = 2.0**50
"""Weights and states beyond it are left to other stages: float32 would overflow, and a bound of infinity passes all."""
NOTHING = 2.0**-80
"""Added to every |residual|, in units of u: bounds so small that float32 may have lost something are never met."""
CURVED = 0.8  # sup |tanh''| = 0.77; the logistic's is smaller
BEYOND = 2.0**-61  # of |b|: what b s may still change beyond the end of the table


class Judged(NamedTuple):
    """(steps, units), valid until the next call: residual r, its error in units of u, and |r| / bound rounded up.

    The residual is known to within u (error + 4|r|). A ratio that is NaN or above 1 decides nothing.
    """

    residual: Array
    error: Array
    ratio: Array


@lru_cache(maxsize=1)
def float32_is_float32() -> bool:
    """Whether a product of float32 matrices has 24 bits here: some libraries take TF32 or bfloat16 and do not say so.

    12-bit integers times integers up to 7, 64 at a time, sum to less than 2^22: exact in float32 in any order.
    """
    rng = np.random.default_rng(0)
    A, B = 2 * rng.integers(2**10, 2**11, (64, 64)) + 1, rng.integers(1, 8, (64, 64))
    return bool(np.array_equal(A.astype(np.float32) @ B.astype(np.float32), A @ B))


class LureRows:
    """The kernel for one record and one precision model; `growths.restated` says for which."""

    def __init__(self, lure: Lure, growths: Growths) -> None:
        parts = [lure.W.terms[0].dense, *(term.dense for term in lure.M.terms), *(b[:, None] for b in lure.b)]
        joined = np.concatenate([part for part in parts if part is not None], axis=1)
        self.N, (_, self.n) = lure.state_size, joined.shape
        self.I = lure.input_size if lure.M.terms else 0
        self.split, sizes = split(joined), np.abs(joined)
        a, b = lure.A.diagonal_factor(), lure.B.diagonal_factor()
        assert not isinstance(a, np.ndarray)
        assert not isinstance(b, np.ndarray)
        self.decay: Factor | None = factored(a) if a != 0 else None
        self.table, self.gain = table(lure.activation, b), abs(float(factored(b).high)) * 1.01
        self.growths = growths
        self._kept: dict[Any, Array] = {}
        self.sizes = np.where(sizes < LARGEST, sizes, np.nan).astype(np.float32).T
        kappa = self.split.error.T * (UNITS * SLACK)
        with np.errstate(over="ignore"):  # infinite errors pass nothing
            self.kappa = kappa.astype(np.float32)
            self.bend = np.float32(CURVED * self.gain / UNITS * float(kappa.max()))
        self.lost = np.float32(0.0 if self.decay is None else 8 * 2.0**-self.split.bits * abs(self.decay.high))

    def _buffer(self, name: str, rows: int, columns: int, dtype: Any = np.float64) -> Array:
        key = (name, rows, columns)
        if key not in self._kept:
            self._kept[key] = np.empty((rows, columns), dtype)
        return self._kept[key]

    @property
    def steps_at_once(self) -> int:
        """How many steps to pass to `judged`."""
        return max(FEWEST_STEPS, PRODUCTS // self.N)

    def judged(self, before: Array, after: Array, X: Array) -> Judged:
        """Judge single steps: before, after (steps, N), X (steps, I), all of them finite or not."""
        with np.errstate(all="ignore"):
            steps, n = len(before), self.n
            both, leading = self._buffer("both", steps, 2 * n), self._buffer("leading", steps, n)
            scale = self._split(before, X, both, leading)
            P, R = (self._buffer(name, steps, self.N) for name in "PR")
            S = self._buffer("S", steps, self.N, np.float32)
            np.matmul(leading, self.split.joined.T[:n], out=P)
            np.matmul(both, self.split.joined.T, out=R)
            sizes = self._buffer("sizes", steps, n, np.float32)
            np.abs(both[:, n:], out=sizes, casting="same_kind")
            np.matmul(sizes, self.sizes, out=S)
            found = Judged(P, *(self._buffer(name, steps, self.N, np.float32) for name in ("error", "ratio")))
            chunk = max(1, CHUNK // self.N)
            for start in range(0, steps, chunk):
                rows = slice(start, start + chunk)
                parts = (part[rows] for part in (P, R, S, scale, sizes, leading, both, after, found.error, found.ratio))
                self._judge(*parts)
        return found

    def _split(self, before: Array, X: Array, both: Array, leading: Array) -> Array:
        """[h x 1] and its two parts; returns 2^(f_k), (steps, 1), NaN for a step that is left to other stages."""
        n, N, I = self.n, self.N, self.I
        given = both[:, n:]
        given[:, :N], given[:, N : N + I], given[:, N + I :] = before, X[:, :I], 1.0
        peak = np.maximum(given.max(axis=1, keepdims=True), -given.min(axis=1, keepdims=True))
        usable = peak < min(LARGEST, 2.0**EXPONENTS)
        exponent = np.frexp(np.where(usable, peak, 1.0))[1]
        usable &= exponent > -EXPONENTS
        shift = np.ldexp(1.5, np.where(usable, exponent, 0) - self.split.bits + 52)
        np.add(given, shift, out=leading)
        leading -= shift
        np.subtract(given, leading, out=both[:, :n])
        return np.where(usable, np.ldexp(1.0, np.where(usable, exponent, 0)), np.nan).astype(np.float32)

    def _judge(
        self,
        P: Array,
        R: Array,
        S: Array,
        scale: Array,
        sizes: Array,
        leading: Array,
        both: Array,
        y: Array,
        error: Array,
        ratio: Array,
    ) -> None:
        """Fill error and ratio, and put the residual where P was."""
        values, (rows, N) = self.table, P.shape
        d, q, v, w = (self._buffer(name, rows, N) for name in "dqvw")
        index = self._buffer("index", rows, N, np.intp)
        slope, size = (self._buffer(name, rows, N, np.float32) for name in ("slope", "size"))
        far = None
        if not np.abs(R, out=q).max() <= LARGEST_TAIL:
            P[...], R[...] = two_sum(P, R)
        if not np.abs(P, out=q).max() <= values.farthest:
            far = ~(q <= values.farthest)
            np.clip(P, -values.farthest, values.farthest, out=P)
        np.multiply(P, values.per_unit, out=q)
        np.rint(q, out=q)
        np.multiply(q, 1.0 / values.per_unit, out=d)
        np.subtract(P, d, out=d)
        q += len(values.T) // 2
        index[...] = q
        d += R
        if values.stretch != 1.0:
            d *= values.stretch
        np.multiply(d, d, out=q)
        q *= -1 / 45
        q += 1 / 3
        q *= d
        q += np.take(values.T, index, out=v, mode="clip")
        q *= d
        q += 1.0
        np.take(values.slope, index, out=v, mode="clip")
        d *= v
        d /= q  # c
        np.abs(v, out=slope, casting="same_kind")
        slope *= np.float32(values.stretch * STEEPER)
        head = np.take(values.head, index, out=v, mode="clip")
        tail = np.take(values.tail, index, out=q, mode="clip")
        r = np.subtract(y, head, out=P) if self.decay is None else self._decayed(y, head, tail, leading, both, P, w)
        r -= d
        r -= tail
        np.abs(d, out=error, casting="same_kind")
        error *= np.float32(8 * SLACK)
        head += d  # b s, rounded
        np.abs(head, out=size, casting="same_kind")
        self._compare(r, S, scale, slope, size, sizes[:, :N], error, ratio, far)

    def _decayed(self, y: Array, head: Array, tail: Array, leading: Array, both: Array, out: Array, w: Array) -> Array:
        """y - a h - head: the first difference exactly, what is left of it added to the tail.

        a = a_1 + a_2 + rest with 26 bits in a_1, so that a_1 h_hi is exact; its last bits are 2^-70 of a 2^(f_k).
        """
        a, N = self.decay, self.N
        assert a is not None
        np.multiply(leading[:, :N], -a.high, out=w)
        first, left = two_sum(y, w)
        np.subtract(first, head, out=out)
        tail -= left
        np.multiply(both[:, :N], a.high, out=w)
        tail += w
        np.multiply(both[:, self.n : self.n + N], a.low + a.rest, out=w)
        tail += w
        return out

    def _compare(
        self,
        r: Array,
        S: Array,
        scale: Array,
        slope: Array,
        size: Array,
        state: Array,
        error: Array,
        ratio: Array,
        far: Array | None,
    ) -> None:
        """Complete the error, and divide |r| and it by the bound."""
        k, work = self.growths, self._buffer("work", len(r), self.N, np.float32)
        np.multiply(scale, self.kappa, out=ratio)  # eps
        np.add(slope, scale * self.bend, out=work)
        work *= ratio
        error += work
        error += scale * self.lost
        if far is not None:
            error += np.float32(self.gain * UNITS * BEYOND)
        np.abs(r, out=work, casting="same_kind")
        work *= np.float32(UNITS)
        work += error
        work += np.float32(NOTHING)
        work *= np.float32(SLACK)
        S *= slope
        S *= np.float32(k.slope)
        if far is not None:
            S[far] = 0.0  # beyond the table its last slope is too large
        size *= np.float32(k.value)
        size += S
        if k.state:
            state *= np.float32(k.state)
            size += state
        if k.constant:
            size += np.float32(k.constant)
        np.divide(work, size, out=ratio)
