"""The draws that a run must have used, for noise of a given size at a given site.

    outside   xi = (H+ - Phi(H, x)) / g sigma
    inside    xi = (s^-1(u) - z) / g sigma,   u = B^-1 (H+ - A H - E x - c),   z = W H + M x + b

The inside is recovered where B has an inverse, and s one that is known (`oracle.check.reach`): of the catalogue all
but sin, silu and the gelus, which are not monotone. Where s is so flat that the rounding of u would move xi by
1/16 or more (tanh beyond a few units, relu below zero), all that is known is that xi lies beyond a point; a number is
drawn from the normal distribution beyond that point in its place, so that the result is standard normal if xi is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import VALUES, Float64
from oracle.arithmetic.inverses import inverse
from oracle.check.gaussian import Past, cdf, centred, running
from oracle.check.reach import extent, steep, told
from oracle.equations import lure
from oracle.equations.activations import ACTIVATIONS
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.recurrence import Recurrence

RESOLVED = 16
"""How many times larger than its proven rounding bound a residual's noise has to be: rounding then adds less than 1/256
to the variance, in the worst case, which 10^6 draws do not show."""
CONDITION = 1e6
"""Of B: beyond, its inverse magnifies the rounding of float64 to the size of small noise."""
SEED = 20231226  # of the numbers drawn beyond a point; the own generator
_LEAST, _MOST = 1e-300, 1 - 2.0**-53  # probabilities are not rounded to 0 or 1: beyond 37 sigma all is an outlier


@dataclass(frozen=True, eq=False)
class Steps:
    """Single steps of a run in float64: states before and after (N, columns), inputs, and how to bound the rounding.

    Columns are ordered by step, then trajectory.
    """

    rec: Recurrence
    before: Array
    after: Array
    X: Array
    bounded: Callable[[], Array]
    batch: int

    @cached_property
    def bound(self) -> Array:
        """The proven rounding bound; most deviations are refuted without it."""
        return self.bounded()

    def laid_out(self, values: Array) -> Array:
        """(units, steps, trajectories)."""
        return values.reshape(len(values), -1, self.batch)

    @cached_property
    def residuals(self) -> Array:
        """H+ - Phi(H, x) in float64: noise is much larger than its rounding."""
        ops = Float64()
        with np.errstate(all="ignore"):
            return np.asarray(self.after - advance(ops, self.rec, ops.lift(self.before), ops.lift(self.X)))

    @cached_property
    def inside(self) -> Inside | None:
        """What went into and came out of the nonlinearity."""
        return _inside(self)

    @cached_property
    def past(self) -> Past:
        """States and inputs for the mean of every unit; the step itself, its increment and the parts of the
        nonlinearity for that of its own unit; size of the state and slope for the spread.
        """
        step = self.after - self.residuals
        own, sizes = [step, step - self.before, self.before], [np.square(self.before)]
        inner = self.inside
        if inner is not None:
            own += [inner.z, ACTIVATIONS[inner.activation].value(Float64(), inner.z)]
            sizes.append(np.square(slope(inner.activation, inner.z)))
        return Past(
            running(self.laid_out(np.concatenate([self.before, self.X]))),
            np.stack([running(self.laid_out(signal)) for signal in own]),
            np.stack([centred(self.laid_out(size)) for size in sizes]),
        )


@dataclass(frozen=True, eq=False)
class Draws:
    """xi (N, steps, trajectories), and how many of its numbers were seen and not drawn beyond a point."""

    xi: Array
    seen: int


@dataclass(frozen=True, eq=False)
class Inside:
    """z, u, the standard deviation of B xi per unit, and how far rounding may have moved u."""

    activation: str
    z: Array
    u: Array
    gain: Array
    moved: Array


def _inside(steps: Steps) -> Inside | None:
    p = steps.rec.parameters
    if not isinstance(p, Lure) or p.B.shape[0] != p.B.shape[1] or not told(p.activation):
        return None
    ops = Float64()
    B = ops.affine([(p.B, np.eye(p.state_size))])
    if not np.linalg.cond(B) < CONDITION:
        return None
    h = ops.lift(steps.before)
    drive: Any = lure.drive(ops, p, ops.lift(steps.X))
    with np.errstate(all="ignore"):
        z = ops.affine([(p.W, h)], parts=drive.inside)
        rest = steps.after - ops.affine([(p.A, h)], parts=drive.outside)
        inverse = np.linalg.inv(B)
        gain = np.sqrt(np.square(B).sum(axis=1, keepdims=True))
        return Inside(p.activation, z, inverse @ rest, gain, np.abs(inverse) @ steps.bound)


def slope(activation: str, z: Array) -> Array:
    """s'(z) in float64."""
    ops, kind = Float64(), ACTIVATIONS[activation]
    return np.asarray(kind.slope(ops, kind.value(ops, z), z))


def draws(steps: Steps, site: str, size: Array) -> Draws | None:
    """The draws for noise of standard deviation `size` (N,) at a site.

    Returns
    -------
    Draws or None
        None where no draw leads to what was recorded, or where the inside cannot be told.
    """
    if site == "outside":
        clear = int(np.count_nonzero(size[:, None] >= RESOLVED * steps.bound))
        found = steps.residuals / size[:, None]
    else:
        inner = steps.inside
        inverted = None if inner is None else _inverted(inner, size[:, None])
        if inverted is None:
            return None
        found, clear = inverted
    return Draws(steps.laid_out(found), clear) if np.isfinite(found).all() else None


def _inverted(inner: Inside, size: Array) -> tuple[Array, int] | None:
    """xi at every unit and column, and how many were seen; numbers drawn beyond a point where s is flat."""
    lowest, highest = extent(inner.activation)
    slack = RESOLVED * inner.moved
    if np.any(inner.u < lowest - slack) or np.any(inner.u > highest + slack):
        return None
    with np.errstate(all="ignore"):
        low, high = reach(inner, size)
        under, over = inner.u <= low, inner.u >= high
        u = np.where(under | over, (np.maximum(low, -1) + np.minimum(high, 1)) / 2, inner.u)
        xi = (inverse(inner.activation, u) - inner.z) / size
        for where, edge, sign in ((under, low, 1.0), (over, high, -1.0)):
            if where.any():
                point = sign * ((inverse(inner.activation, edge) - inner.z) / size)[where]
                xi[where] = sign * _beyond(point)
    return xi, int(np.count_nonzero(~(under | over)))


def reach(inner: Inside, size: Array) -> tuple[Array, Array]:
    """u between which the slope is large enough: rounding moves xi by less than 1/RESOLVED there.

    s' is compared with flat = RESOLVED moved / size, the largest of a unit so that the point does not depend on the
    draw. Beyond a kink s may be constant, and rounding hides on which side of it u is; nor is u told from the end of
    the range of s that is so near.
    """
    moved = RESOLVED * inner.moved.max(axis=1, keepdims=True)
    low, high, left, right = steep(inner.activation, np.minimum(moved / size, 1.0))
    with np.errstate(all="ignore"):
        ends = [np.where(np.isinf(z), z, VALUES[inner.activation](z)) for z in (low, high)]
    lowest, highest = extent(inner.activation)
    return np.maximum(ends[0] + moved * left, lowest + moved), np.minimum(ends[1] - moved * right, highest - moved)


def _beyond(point: Array) -> Array:
    """Normal numbers, each given to be at most its point."""
    rng, normal = np.random.default_rng(SEED), NormalDist()
    chance = np.clip(cdf(point) * (1 - rng.random(point.shape)), _LEAST, _MOST)
    return np.array([normal.inv_cdf(value) for value in chance.tolist()])
