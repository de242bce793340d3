"""All Jacobians A + B diag(s) W whose slopes lie between given ones, low <= s <= high, and their norms.

    infinity  row i of J depends on one slope if B is diagonal, and sum_j |J_ij| is convex in it: the largest is at an
              end. For `rate`, 1 + Delta mu = max_i {1 - Delta/tau_i + (Delta/tau_i) S max(0, w_ii + sum_j |w_ij|)},
              which is |I + Delta J| too only where 1 - Delta/tau_i + (Delta/tau_i) S w_ii >= 0 (proof file of C6).
              If W is diagonal every entry has its own slope, and takes its extremes at its ends.
    one       the same by columns
    two       centred: J = A + B S W + B (s - S) W, S the middle slopes, |s - S| <= delta,
              |J| <= |A + B S W| + |B diag(delta) X W| with |X_ii| <= 1, and alike for mu (C6)

The last norm is at most max_i |B_ii| delta_i |W| for diagonal B (which commutes with the weights), alike for diagonal
W, at most |B| max delta |W| otherwise, and always at most that of |B| diag(delta) |W|.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball
from oracle.arithmetic.midrad import Midrad, up
from oracle.arithmetic.suprema import slope_range
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.lipschitz import matrix
from oracle.reference.lognorm import downward, upward
from oracle.reference.weighted import Norm, norm_of_sizes, norms_for, spectral_norm


@dataclass(frozen=True, eq=False)
class Coefficients:
    """A, B and W of a step or of a field, in float64 with radii."""

    activation: str
    A: Midrad
    B: Midrad
    W: Midrad
    left: bool  # B is diagonal
    right: bool  # W is diagonal

    @staticmethod
    def of(p: Lure) -> Coefficients:
        """Evaluate once; use inside `precision`."""
        A, B, W = (Midrad.of(matrix(Ball(), op)) for op in (p.A, p.B, p.W))
        return Coefficients(p.activation, A, B, W, p.B.is_diagonal, p.W.is_diagonal)

    def jacobian(self, slopes: Midrad) -> Midrad:
        """A + B diag(slopes) W."""
        if self.left:
            return self.A + (self._diagonal(self.B) * slopes)[:, None] * self.W
        scaled = self.B * slopes[None, :]
        if self.right:
            return self.A + scaled * self._diagonal(self.W)[None, :]
        return self.A + scaled @ self.W

    @staticmethod
    def _diagonal(m: Midrad) -> Midrad:
        return Midrad(np.diagonal(m.mid), np.diagonal(m.rad))

    def apply(self, h: Midrad, s: Midrad) -> Midrad:
        """A h + B s of vectors."""
        return self.A @ h + (self._diagonal(self.B) * s if self.left else self.B @ s)

    @cached_property
    def everywhere(self) -> tuple[Array, Array]:
        """The slopes of all arguments."""
        units = np.ones(len(self.W.mid))
        low, high = slope_range(self.activation)
        ends = -np.inf if low is None else downward(low), np.inf if high is None else upward(high)
        return ends[0] * units, ends[1] * units

    @cached_property
    def sizes(self) -> Array:
        """Upper bounds of |J_ij| over all slopes."""
        low, high = self.everywhere
        if self.left or self.right:
            corners = (self.jacobian(Midrad.exactly(s)).sizes for s in (low, high))
            return np.asarray(np.maximum(*corners))
        top = np.maximum(np.abs(low), np.abs(high))
        return np.asarray(up(self.A.sizes + (Midrad.exactly(self.B.sizes * top) @ Midrad.exactly(self.W.sizes)).sizes))


@dataclass(frozen=True, eq=False)
class Frame:
    """Coefficients in a norm: |J| and mu(J) over ranges of slopes."""

    coefficients: Coefficients
    norm: Norm

    @cached_property
    def reach(self) -> Array:
        """(units,): |W v|_i <= reach_i |v|."""
        return self.norm.reach(self.coefficients.W.sizes)

    @cached_property
    def weight(self) -> float:
        """|W| where B is diagonal, |B| where W is, |B| |W| where neither is."""
        c, d = self.coefficients, self.norm.weights
        if c.left or c.right:
            return spectral_norm(self.norm.similar(c.W if c.left else c.B))
        scale = Midrad.exactly(d)
        inverse = Midrad(1 / d, up(2.0**-53 / d))
        return float(up(spectral_norm(c.B * inverse[:, None]) * spectral_norm(c.W * scale[None, :])))

    @cached_property
    def largest(self) -> float:
        """L = sup |J| over all slopes, rounded up."""
        return self.matrix(*self.coefficients.everywhere)

    @cached_property
    def everywhere(self) -> float:
        """sup mu(J) over all slopes, rounded up."""
        return self.logarithmic(*self.coefficients.everywhere)

    def matrix(self, low: Array, high: Array) -> float:
        """sup |J|, rounded up."""
        return self._over(low, high, self.norm.matrix)

    def logarithmic(self, low: Array, high: Array) -> float:
        """sup mu(J), rounded up."""
        return self._over(low, high, self.norm.logarithmic)

    def _over(self, low: Array, high: Array, size: Any) -> float:
        c, kind = self.coefficients, self.norm.kind
        if kind == "two" or not (c.left or c.right):
            return self._centred(low, high, size)
        corners = [c.jacobian(Midrad.exactly(s)) for s in ((low,) if np.all(low == high) else (low, high))]
        if len(corners) == 1 or (kind == "infinity" and c.left) or (kind == "one" and c.right):
            return float(max(size(corner) for corner in corners))
        return float(size(_hull(*corners)))

    def _centred(self, low: Array, high: Array, size: Any) -> float:
        middle = Midrad.between(low, high)
        centre = size(self.coefficients.jacobian(Midrad.exactly(middle.mid)))
        rest = self._spread(middle.rad) if np.any(low != high) else 0.0
        return float(centre + rest + up(2.0**-52 * (abs(centre) + rest)))

    def _spread(self, delta: Array) -> float:
        """|B diag(delta) X W| for every diagonal X with entries in [-1, 1]."""
        c = self.coefficients
        if c.left:
            sizes = up(np.diagonal(c.B.sizes) * delta)
            return self._least(sizes, sizes[:, None] * c.W.sizes)
        if c.right:
            sizes = up(np.diagonal(c.W.sizes) * delta)
            return self._least(sizes, c.B.sizes * sizes[None, :])
        product = Midrad.exactly(up(c.B.sizes * delta)) @ Midrad.exactly(c.W.sizes)
        return self._least(delta, product.sizes)

    def _least(self, factors: Array, sizes: Array) -> float:
        entries = Midrad.exactly(up(sizes))
        if self.norm.kind != "two":
            return self.norm.matrix(entries)
        by_entries = norm_of_sizes(self.norm.similar(entries).sizes)
        return min(by_entries, float(up(np.max(factors, initial=0.0) * self.weight)))


def _hull(a: Midrad, b: Midrad) -> Midrad:
    low, high = np.minimum(a.mid - a.rad, b.mid - b.rad), np.maximum(a.mid + a.rad, b.mid + b.rad)
    found = Midrad.between(low, high)
    return Midrad(found.mid, up(found.rad + 2.0**-51 * np.maximum(np.abs(low), np.abs(high))))


def frames(field: Coefficients, every: bool = False) -> tuple[Frame, ...]:
    """The norm with the smallest logarithmic norm over all slopes of each kind, or every one that is known."""
    rates = -np.diagonal(field.A.mid)
    found = [Frame(field, norm) for norm in norms_for(field.sizes, rates)]
    if every:
        return tuple(found)
    best: dict[str, Frame] = {}
    for frame in found:
        if frame.norm.kind not in best or frame.everywhere < best[frame.norm.kind].everywhere:
            best[frame.norm.kind] = frame
    return tuple(best.values())
