"""The one-step bound of h+ = a h + b tanh(W h + M x + b_1 + ..), steps as rows: two products and a dozen passes.

One product, where a run of our own is at hand: tanh z is then y itself, or (y - a h)/b to within OWN (|y| + |a h|)/|b|.

What the rounding interpretation says of this equation is affine in a few sizes, with factors that no state changes.
They are read off it by asking it (`factors_of`), and the sizes are evaluated in buffers that are used again:

    S      = |W||h| + |M||x| + sum |b_i|
    delta  = growth S + lost                                     what z may be off by
    moved >= sup |s'| delta over [z - 2 delta, z + 2 delta]
    bound  = value |tanh z| + moved moved + state |h| + constant

tanh' = 1 - tanh^2 needs no exponential, and |tanh''| <= 2 |tanh'| makes the supremum at most e^(4 delta) times it.
The bound is that of the interpretation but for roundings, and at most 1.7 % above it (in float64 by some deltas).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.memory import keep_freed_memory
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.equations.lure import drive
from oracle.kernels.restated import Restated, restated
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence

_U = 2.0**-53
COARSEST = 2.0**-24  # roundoff: coarser formats are worth the supremum itself
FINE = 2.0**-8  # the largest delta
STEEPER = 4.1  # e^(4 delta) <= 1 + 4.1 delta up to there
ELEMENTS, FEWEST_STEPS = 2**16, 64  # of what is evaluated at once: fewer keep the BLAS less busy, more leave the cache
SLOPE = 20 * _U
"""1 - t^2 may be too small by that: t is within 8u of tanh z, relatively, as of every program, and three roundings."""
OWN = 16 * _U
"""Of |y| + |a h|: a, b, both products, the sum, and as many roundings in solving it for b tanh z."""
SLACK = 1 + 2.0**-46
"""Roundings of a factor and of the elementwise part, some thirty of u, and the interpretation's own 64u of |tanh z|."""


class Factors(NamedTuple):
    """The factors above: numbers, or rows with one per unit; `stored` is what storing a state may lose to underflow."""

    growth: float
    lost: float
    value: Any
    moved: Any
    state: Any
    constant: float
    stored: float


def bounds(rec: Recurrence, H: Array, X: Array, model: Precision, own: Array | None = None) -> Array | None:
    """The bound of every row of H (steps, N) with inputs X (steps, I), in float64.

    `own` (steps, N), if given, are the next states as `simulate` computes them in float64, by either engine.

    None where this is not the equation of the record, the format is coarse, or some delta is not fine.
    """
    form = restated(rec)
    fits = form is not None and form.outer == "tanh" and form.inner is None
    if form is None or not fits or model.roundoff > COARSEST or model.factor_underflow:
        return None
    keep_freed_memory()
    with np.errstate(all="ignore"):
        return _evaluated(form, factors_of(rec, form, H, X, model), H, X, own)


def factors_of(rec: Recurrence, form: Restated, H: Array, X: Array, model: Precision) -> Factors:
    """Ask the interpretation: once for the argument of s, at the largest state and input, once for the outer sum."""
    ops, p = Rounding(model), rec.parameters
    stored = ops.holds(H)
    lost, grown = (0.0, 0.0) if stored else (model.underflow, float(-np.log1p(-model.storage)))
    ends = [max(float(part.max(initial=0.0)), -float(part.min(initial=0.0))) for part in (H, X)]
    largest, samples = np.full((rec.N, 1), ends[0]), ops.lift(X.T)
    driven = np.full((rec.I, 1), ends[1])
    x = Rounded(driven, driven * (1 + 2 * _U), samples.error[:, :1], samples.growth)
    state = Rounded(largest, largest + lost, np.full_like(largest, lost), grown)
    z = ops.affine([(p.W, state)], parts=drive(ops, p, x).inside)  # type: ignore[arg-type]
    # Columns: nothing, a state of size 1, an activity of size 1, one with an error of 1.
    none, unit = np.zeros((rec.N, 4)), np.eye(4)[:, None] + np.zeros((rec.N, 1))
    h = Rounded(none, unit[1] + lost, none + lost, grown)
    y = ops.affine([(p.A, h), (p.B, Rounded(none, unit[2], unit[3], 0.0))])
    total, spread = np.expm1(y.growth) * y.magnitude, np.exp(y.growth) * y.error
    relative, absolute = ops.activation_error("tanh", 0.0, float(z.magnitude.max(initial=0.0)) + 1.0)
    error = total[:, 3] + spread[:, 3]
    return Factors(
        float(np.expm1(z.growth)) * (1 + 2 * (form.head.shape[1] + 4) * _U) * SLACK,
        float(np.exp(z.growth) * z.error.max(initial=0.0)) * SLACK,
        _one_or_row((total[:, 2] + relative * error) * SLACK),
        _one_or_row((2 * total[:, 2] + (1 + 3 * relative) * error) * SLACK),
        _one_or_row(total[:, 1] * SLACK),
        float(np.max(total[:, 0] + spread[:, 0] + error * absolute, initial=0.0)) * SLACK + 2.0**-1074,
        lost,
    )


def _one_or_row(each: Array) -> Any:
    """One number per unit, or one for all."""
    return float(each[0]) if each.size and np.all(each == each[0]) else each[None]


def _evaluated(form: Restated, k: Factors, H: Array, X: Array, own: Array | None) -> Array | None:
    n, N, out = form.head.shape[1], form.units, np.empty(H.shape)
    weights, sizes, gains = form.head.T, np.abs(form.head).T, Gains.of(form)
    rows = max(FEWEST_STEPS, ELEMENTS // max(1, N))
    given, buffers = np.ones((rows, n)), np.empty((4, rows, N))
    for at in _blocks(len(H), rows):
        some, (t, delta, off, work) = given[: at.stop - at.start], buffers[:, : at.stop - at.start]
        some[:, :N], some[:, N : N + form.inputs] = H[at], X[at, : form.inputs]
        if own is None:
            np.abs(np.tanh(np.matmul(some, weights, out=t), out=t), out=t)
        loose = own is not None and gains.read(own[at], some[:, :N], t, off, work)
        np.abs(some, out=some)
        if k.stored:
            some[:, :N] += k.stored
        np.matmul(some, sizes, out=delta)
        if not _filled(out[at], t, off if loose else None, delta, some[:, :N], k):
            return None
    return out


def _blocks(steps: int, rows: int) -> Iterator[slice]:
    return (slice(start, min(start + rows, steps)) for start in range(0, steps, rows))


class Gains(NamedTuple):
    """a and b in float64, as programs read them: numbers, or rows with one per unit."""

    a: Any
    b: Any

    @staticmethod
    def of(form: Restated) -> Gains:
        """Those of a record."""
        a, b = (Float64()._factor(factor) for factor in (form.a, form.b))
        return Gains(*(part.T if isinstance(part, np.ndarray) and part.ndim else part for part in (a, b)))

    def read(self, y: Array, h: Array, t: Array, off: Array, work: Array) -> bool:
        """|tanh z| from y = a h + b tanh z, and what it may be off by beyond its own 8u; whether by anything."""
        if np.all(self.a == 0) and np.all(self.b == 1):
            np.abs(y, out=t)
            return False
        np.multiply(h, self.a, out=work)
        np.abs(np.subtract(y, work, out=t), out=t)
        np.abs(work, out=work)
        np.add(np.abs(y, out=off), work, out=off)
        t *= 1 / np.abs(self.b)
        off *= OWN / np.abs(self.b)
        return True


def _filled(bound: Array, t: Array, off: Array | None, delta: Array, state: Array, k: Factors) -> bool:
    """The elementwise part: t holds |tanh z| to within off, delta holds S, state holds |h|; all are overwritten."""
    delta *= k.growth
    delta += k.lost
    widest = float(delta.max(initial=0.0))
    if not widest <= FINE:
        return False
    np.multiply(t, t, out=bound)
    np.subtract(1 + SLOPE, bound, out=bound)
    if off is not None:
        t += off
        off *= 3.0  # (t + off)^2 - t^2 and (t - off)^2 - t^2: t is at most 1, off far below
        bound += off
    bound *= delta
    bound *= k.moved * (1 + STEEPER * widest)
    t *= k.value
    bound += t
    if np.any(k.state):
        state *= k.state
        bound += state
    bound += k.constant
    return True
