"""Residuals and rounding bounds of h+ = a h + b s(W v + M x + b_1 + ..), v = h or an activation of h (`restated`).

`equations.lure.step` restated and read twice, in pairs of floats (the residual) and as roundings (a lower estimate of
the published one-step bound), in one pass over buffers that are allocated once. Steps are rows here: (steps, units).

    z      = P + R to within eps = kappa_i 2^(f_k)     [W M b] times [v x 1] as in `split_product`
    r      = y - a h - b s(z)                          `outer`
    S      = |W||v| + |M||x| + sum |b_i|               one product in float32
    bound >= k_h |h| + k_s |b s| + k_z |b s'| S + k_1  the factors k are read off the rounding interpretation

A glance comes first: z from one product in blocks (`block_product`), eps = gamma_k S with k a fraction of the n terms
that the bound allows for. It decides nearly every honest step at a third of the work; its ratios are upper bounds that
count eps in full.

Error of r beside that of b s: a few roundings of r, and with a that of `_decayed`. Everything compared is in units of
u = 2^-53 and in float32; `SLACK` covers the roundings of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.pairs import Factor, Pair, Pairs
from oracle.arithmetic.split_product import EXPONENTS, Split, split
from oracle.arithmetic.tanh_table import two_sum
from oracle.kernels.block_product import blocks
from oracle.kernels.growths import UNITS, Growths, summed
from oracle.kernels.outer import HALVED, Value, halve, narrowed, outer, rows_of
from oracle.kernels.restated import Restated
from oracle.records.exact import Array

SLACK = 1 + 2.0**-17
"""Covers the float32 roundings of a ratio, some thirty of 2^-24, and terms of u^2 that the errors leave out."""
PRODUCTS = 2**14  # elements of a block of products: more keep the BLAS busy, fewer stay in the cache
FEWEST_STEPS = 64
CHUNK = 2**14  # elements of the elementwise part: its buffers fit the second-level cache
LARGEST = 2.0**50
"""Weights and states beyond it are left to other stages: float32 would overflow, and a bound of infinity passes all."""
NOTHING = 2.0**-80
"""Added to every |residual|, in units of u: bounds so small that float32 may have lost something are never met."""

LOST = 2.0**-75
"""What a term of S may lose where float32 underflows, also to zero: 2^-126 times a weight or a state, at most 2^50."""

FADED, FLUSHED = 2.0**-40, 2.0**-900  # states that float64 compares: below, products may underflow


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
    """The kernel for one record and one precision model."""

    def __init__(self, form: Restated, growths: Growths) -> None:
        self.form, self.N, self.n, self.I = form, form.units, form.head.shape[1], form.inputs
        self.outer, self.inner = outer(form.outer, form.b), form.inner
        self.decay: Factor | None = rows_of(form.a) if np.any(np.asarray(form.a != 0)) else None
        self._kept: dict[Any, Array] = {}
        sizes = np.abs(form.head)
        rows = sizes[:, : self.N].sum(axis=1)[None] * (UNITS * SLACK)
        sizes[:, : self.N] *= growths.weights
        self.sizes = np.where(sizes < LARGEST, sizes, np.nan).astype(np.float32).T
        with np.errstate(over="ignore"):  # infinite errors pass nothing
            narrow: Any = [np.asarray(growth).astype(np.float32) for growth in growths]
            self.growths = Growths(*narrow)
            self.rows = rows.astype(np.float32)
            size = 0.0 if self.decay is None else np.abs(self.decay.high) * (HALVED * SLACK)
            self.lost = np.asarray(size).astype(np.float32)
        self.blocks = blocks(form.head, float(np.min(growths.slope)))
        # The tail of an inner activation is left out, and the tail of the matrix: u and 2u of their terms.
        k = self.blocks.roundings + (self.inner is not None) + 2 * (form.tail is not None)
        self.near = np.float32(k / (1 - k / UNITS) / summed(self.n) * SLACK)

    @cached_property
    def split(self) -> Split:
        """The matrix in two parts."""
        return split(self.form.head, self.form.tail)

    @cached_property
    def kappa(self) -> Array:
        """The error of their products, for columns below 1, in units of u."""
        with np.errstate(over="ignore"):  # as above
            return (self.split.error.T * (UNITS * SLACK * self.outer.crossed)).astype(np.float32)

    def _buffer(self, name: str, rows: int, columns: int, dtype: Any = np.float64) -> Array:
        """Memory under a name, as long as the longest that was asked for."""
        kept = self._kept.get(name)
        if kept is None or len(kept) < rows:
            kept = self._kept[name] = np.empty((rows, columns), dtype)
        return kept[:rows]

    @property
    def steps_at_once(self) -> int:
        """How many steps to pass to `judged`."""
        return max(FEWEST_STEPS, PRODUCTS // self.N)

    def glanced(self, before: Array, after: Array, X: Array) -> Judged:
        """Judge single steps by one product; ratios are too large by what that may be off."""
        with np.errstate(all="ignore"):
            steps, found = len(before), self._found(len(before))
            given, missed = self._given(before, X)
            S = self._sizes(given)
            P = found.residual
            self.blocks.product(given, P, self._buffer("R", steps, self.N))
            for at in self._chunks(steps):
                eps = np.add(S[at], np.float32(self.n * LOST), out=found.ratio[at])
                eps *= self.near
                if missed is not None:
                    eps += missed[at] * self.rows
                self._judge(P[at], None, S[at], before[at], after[at], found.error[at], eps)
        return found

    def judged(self, before: Array, after: Array, X: Array) -> Judged:
        """Judge single steps: before, after (steps, N), X (steps, I), all of them finite or not."""
        with np.errstate(all="ignore"):
            steps, n, found = len(before), self.n, self._found(len(before))
            both, leading = self._buffer("both", steps, 2 * n), self._buffer("leading", steps, n)
            scale, missed = self._split(before, X, both, leading)
            P, R = found.residual, self._buffer("R", steps, self.N)
            np.matmul(leading, self.split.joined.T[:n], out=P)
            np.matmul(both, self.split.joined.T, out=R)
            S = self._sizes(both[:, n:])
            for at in self._chunks(steps):
                eps = np.multiply(scale[at], self.kappa, out=found.ratio[at])
                if missed is not None:
                    eps += missed[at] * self.rows
                self._judge(P[at], R[at], S[at], before[at], after[at], found.error[at], eps)
        return found

    def _found(self, steps: int) -> Judged:
        narrow = (self._buffer(name, steps, self.N, np.float32) for name in ("error", "ratio"))
        return Judged(self._buffer("P", steps, self.N), *narrow)

    def _chunks(self, steps: int) -> Iterator[slice]:
        chunk = max(1, CHUNK // self.N)
        return (slice(start, start + chunk) for start in range(0, steps, chunk))

    def _sizes(self, given: Array) -> Array:
        """S, to within `summed`; NaN where a factor is beyond `LARGEST`."""
        sizes = self._buffer("sizes", len(given), self.n, np.float32)
        narrowed(given, sizes)
        if not sizes.max(initial=0.0) < LARGEST:
            sizes[~(sizes < LARGEST)] = np.nan
        return np.matmul(sizes, self.sizes, out=self._buffer("S", len(given), self.N, np.float32))

    def _given(self, before: Array, X: Array) -> tuple[Array, Array | None]:
        """[v x 1] without its tail; the error of v."""
        N, I = self.N, self.I
        given, missed = self._buffer("given", len(before), self.n), None
        given[:, :N], given[:, N : N + I], given[:, N + I :] = before, X[:, :I], 1.0
        if self.inner is not None:
            given[:, :N], _, missed = self._inside(before)
            if not np.abs(before).max(initial=0.0) < LARGEST:
                given[~(np.abs(before) < LARGEST).all(axis=1)] = np.nan
        return given, missed

    def _split(self, before: Array, X: Array, both: Array, leading: Array) -> tuple[Array, Array | None]:
        """[v x 1] and its two parts; 2^(f_k), (steps, 1), NaN for a step that is left to others; the error of v."""
        n, N, I = self.n, self.N, self.I
        given, tail, missed, usable = both[:, n:], None, None, True
        given[:, :N], given[:, N : N + I], given[:, N + I :] = before, X[:, :I], 1.0
        if self.inner is not None:
            usable = np.abs(before).max(axis=1, keepdims=True) < LARGEST
            given[:, :N], tail, missed = self._inside(before)
        peak = np.maximum(given.max(axis=1, keepdims=True), -given.min(axis=1, keepdims=True))
        usable = usable & (peak < min(LARGEST, 2.0**EXPONENTS))
        exponent = np.frexp(np.where(usable, peak, 1.0))[1]
        usable &= exponent > -EXPONENTS
        shift = np.ldexp(1.5, np.where(usable, exponent, 0) - self.split.bits + 52)
        np.add(given, shift, out=leading)
        leading -= shift
        np.subtract(given, leading, out=both[:, :n])
        if tail is not None:
            both[:, :N] += tail
        scale = np.where(peak == 0, 0.0, np.ldexp(1.0, np.where(usable, exponent, 0)))
        return np.where(usable, scale, np.nan).astype(np.float32), missed

    def _inside(self, before: Array) -> tuple[Array, Array | None, Array | None]:
        """The inner activation of the state: head, tail, and the largest error of each step."""
        if self.inner in ("relu", "identity"):
            return (np.maximum(before, 0.0) if self.inner == "relu" else before), None, None
        made = Pairs().act(str(self.inner), Pair(before, 0.0, 0.0))
        head, tail = two_sum(made.head, made.tail)
        return head, tail, np.asarray(made.error * SLACK).max(axis=1, keepdims=True).astype(np.float32)

    def _judge(self, P: Array, R: Array | None, S: Array, h: Array, y: Array, error: Array, ratio: Array) -> None:
        """Fill error and ratio, which holds eps, and put the residual where P was."""
        value = self.outer.value(P, R, self._buffer)
        if self.decay is None:
            r = np.subtract(y, value.head, out=P)
        else:
            r = self._decayed(y, h, value.head, value.tail, P)
        if value.change is not None:
            r -= value.change
        r -= value.tail
        self._compare(r, S, h, y, value, error, ratio)

    def _decayed(self, y: Array, h: Array, head: Array, tail: Array, out: Array) -> Array:
        """y - a h - head: the first difference exactly, what is left of it added to the tail.

        a = a_1 + a_2 + rest and h = h_1 + h_2 with 26 bits in a_1 and both parts of h, so that a_1 h_1 is exact. What
        is added to the tail is at most 2^-25 |a h| and takes part in eight roundings: see `outer.HALVED`.
        """
        a = self.decay
        assert a is not None
        high, low = (self._buffer(name, len(h), self.N) for name in ("high", "low"))
        halve(h, high, low)
        high *= a.high
        first, left = two_sum(y, np.negative(high, out=high))
        np.subtract(first, head, out=out)
        tail -= left
        low *= a.high
        tail += low
        np.multiply(h, a.low + a.rest, out=low)
        tail += low
        return out

    def _compare(self, r: Array, S: Array, h: Array, y: Array, value: Value, error: Array, ratio: Array) -> None:
        """Complete the error, and divide |r| and it by the bound."""
        k, work = self.growths, self._buffer("work", len(r), self.N, np.float32)
        silent = self.outer.reach(value.slope, ratio, out=work)
        np.add(work, value.error, out=error)
        bound, S = value.size, np.multiply(S, value.slope, out=S)
        bound *= k.value
        S *= k.slope
        if value.far is not None:
            S[value.far] = 0.0  # beyond the table its last slope is too large
        bound += S
        bound += k.constant
        if self.decay is not None:
            state = narrowed(h, self._buffer("state", len(r), self.N, np.float32))
            error += np.multiply(state, self.lost, out=work)
            state *= k.state
            bound += state
        error *= np.float32(SLACK)
        narrowed(r, work)
        work *= np.float32(UNITS)
        work += error
        work += np.float32(NOTHING)
        work *= np.float32(SLACK)
        np.divide(work, bound, out=ratio)
        if silent is not None:  # 0 = a 0 + b 0: nothing was rounded, and nothing has to be allowed
            exact = silent & (y == 0) if self.decay is None else silent & (y == 0) & (h == 0)
            ratio[exact] = 0.0
            if self.decay is not None:
                self._decaying(r, h, silent & (np.abs(h) < FADED) & (np.abs(h) > FLUSHED), ratio)

    def _decaying(self, r: Array, h: Array, where: Array, ratio: Array) -> None:
        """Units that are off and have decayed below what float32 compares: the same ratio in float64."""
        if not where.any():
            return
        lost, growth = (np.broadcast_to(k, r.shape)[where].astype(float) for k in (self.lost, self.growths.state))
        state, found = np.abs(h[where]), np.abs(r[where]) * UNITS
        ratio[where] = (found + lost * state * SLACK) / (growth * state) * SLACK**2
