"""The remainder of a linearisation, along a trajectory of a Lur'e step: d_k = h_k - h_lin,k, both from one h_0.

    R(z) = s(z) - s(z*) - s'(z*) (z - z*),  zeta = z - z* = W delta + M xi,  delta = h - h*,  xi = x - x*

    |R| <= (C2/2) zeta^2                                   C2 = sup|s''|: the law of the claim
    |R| <= |s''(z*)| zeta^2/2 + C3 |zeta|^3/6              sharper for small zeta; z* = 0, tanh: |zeta|^3/3
    |R| <= |zeta| max(s'(z*), S - s'(z*))                  sharper for large ones: divided differences are in [0, S]

    d_{k+1} = (A + B D W) d_k + B R(z_lin)      D: divided differences of s between z_lin and z          (a)
    d_{k+1} = (A + B S W) d_k + B R(z)          S = diag s'(z*)                                          (b)

exactly, so (a) the nonlinear Jacobian on the segment [h_lin, h] goes with the deviation of the *linear* run, (b) that
of the linear step with the deviation of the *nonlinear* run. Form (b) is summed without norms as well, entry by entry:

    |d_k| <= sum_j |(A + B S W)^{k-1-j} B| |R(z_j)|                                        by powers
    d_k = c_k + r_k,  c_{k+1} = (A + B S W) c_k + B m_k,  |r_k| <= sum_j |(..)^{k-1-j} B| w_j    centred

with R(z_j) in m_j -+ w_j by the same laws, their signs kept: s''(z*) zeta^2/2 -+ C3 |zeta|^3/6, and zeta times a slope
difference in [-s'(z*), S - s'(z*)]. To first order d is c, and bound and remainder agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, upper_floats
from oracle.arithmetic.midrad import Midrad, up
from oracle.claims.segments import Step, along_segments, driven, growth
from oracle.claims.suprema import Known
from oracle.records.exact import Array
from oracle.reference.euler_terms import smaller
from oracle.reference.weighted import Norm, norms_for


@dataclass(frozen=True, eq=False)
class Tangent:
    """s at z*: values, slopes and curvatures, one ball per unit."""

    shape: Known
    z: list[Any]
    value: list[Any]
    slope: list[Any]
    curvature: list[Any]

    @staticmethod
    def at(shape: Known, z: list[Any]) -> Tangent:
        """Evaluate once; use inside `precision`."""
        s = Ball().act(shape.name, arb_mat(len(z), 1, z)).entries()
        slope, curvature = shape.at(1, z), shape.at(2, z)
        return Tangent(shape, z, s, slope, curvature)

    def remainder(self, z: Any) -> Any:
        """|R(z)|, (units, steps), as balls."""
        s = Ball().act(self.shape.name, z)
        zeta = self.deviation(z)
        return _map(s, lambda i, k: abs(s[i, k] - self.value[i] - self.slope[i] * zeta[i, k]))

    def deviation(self, z: Any) -> Any:
        """zeta = z - z*."""
        return _map(z, lambda i, k: z[i, k] - self.z[i])

    def quadratic(self, z: Any) -> Any:
        """(C2/2) zeta^2."""
        half, zeta = self.shape.supremum(2) / 2, self.deviation(z)
        return _map(z, lambda i, k: (half * zeta[i, k] ** 2).abs_upper())

    def sharpest(self, z: Any) -> Any:
        """The least of the three laws."""
        C2, C3, S = (self.shape.supremum(order) for order in (2, 3, 1))
        zeta = self.deviation(z)

        def bound(i: int, k: int) -> Any:
            v = abs(zeta[i, k]).abs_upper()
            laws = [C2 * v**2 / 2, abs(self.curvature[i]) * v**2 / 2 + C3 * v**3 / 6]
            if self.shape.sigmoid:
                laws.append(v * abs(self.slope[i]).max(abs(S - self.slope[i])))
            best = laws[0].abs_upper()
            for law in laws[1:]:
                best = smaller(best, law.abs_upper())
            return best

        return _map(z, bound)

    def enclosed(self, z: Any) -> Any:
        """R(z) in balls by the laws, signs kept, (units, steps)."""
        C2, C3, S = (self.shape.supremum(order) for order in (2, 3, 1))
        zeta = self.deviation(z)

        def ball(i: int, k: int) -> Any:
            v = zeta[i, k]
            cubic = C3 * abs(v) ** 3 / 6
            laws = [self.curvature[i] * v**2 / 2 + arb(0, cubic.abs_upper()), arb(0, (C2 * v**2 / 2).abs_upper())]
            if self.shape.sigmoid:
                laws.append(v * (-self.slope[i]).union(S - self.slope[i]))
            best = laws[0]
            for law in laws[1:]:
                # Laws that exclude each other are wrong, which the comparison of the bounds will show.
                best = best.intersection(law) if best.overlaps(law) else law
            return best

        return _map(z, ball)


def _map(m: Any, entry: Any) -> Any:
    return arb_mat(m.nrows(), m.ncols(), [entry(i, k) for i in range(m.nrows()) for k in range(m.ncols())])


def form_a(step: Step, tangent: Tangent, z: Any, z_lin: Any) -> list[float]:
    """|d_k|_inf for k = 1 .. K: nonlinear factor on the segment, deviation of the linear run, the quadratic law."""
    factor = along_segments(step, tangent.shape, z, z_lin)
    return growth(factor, driven(step.B, tangent.quadratic(z_lin)), step.norms)


def form_b(step: Step, tangent: Tangent, z: Any) -> list[float]:
    """|d_k|_inf for k = 1 .. K: factor of the linear step, deviation of the nonlinear run, the quadratic law."""
    J = step.jacobian(tangent.slope)
    norms = norms_for(J.sizes)
    known = {id(norm): norm.matrix(J) for norm in norms}

    def factor(k: int, norm: Norm) -> float:
        return known[id(norm)]

    return growth(factor, driven(step.B, tangent.quadratic(z)), norms)


def by_powers(step: Step, tangent: Tangent, z: Any) -> Array:
    """Form (b) summed entry by entry with the sharpest law: |d_k|_i for k = 1 .. K, (units, K)."""
    return spread(step, step.jacobian(tangent.slope), upper_floats(tangent.sharpest(z)))


def centred(step: Step, tangent: Tangent, z: Any) -> Array:
    """The same with the signs of the remainders: |c_k|_i + |r_k|_i for k = 1 .. K, (units, K)."""
    J, R = step.jacobian(tangent.slope), Midrad.of(tangent.enclosed(z))
    B, kept = step.coefficients.B, []
    c = Midrad.exactly(np.zeros(len(J.mid)))
    for k in range(R.mid.shape[1]):
        c = J @ c + B @ Midrad.exactly(R.mid[:, k])
        kept.append(c.sizes)
    return np.asarray(up(np.array(kept).T + spread(step, J, R.rad)))


def spread(step: Step, J: Midrad, sizes: Array) -> Array:
    """sum_{j < k} |J^{k-1-j} B| sizes_j for k = 1 .. K, (units, K), rounded up."""
    power, steps = step.coefficients.B, sizes.shape[1]
    bounds = np.zeros((len(J.mid), steps))
    for lag in range(steps):
        weights = power.sizes
        moved = up(weights @ sizes[:, : steps - lag], 2 * weights.shape[1])
        bounds[:, lag:] = up(bounds[:, lag:] + moved)
        power = J @ power
    return bounds
