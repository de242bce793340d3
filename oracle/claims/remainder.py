"""The remainder of a linearisation, along a trajectory of a Lur'e step: d_k = h_k - h_lin,k, both from one h_0.

    R(z) = s(z) - s(z*) - s'(z*) (z - z*),  zeta = z - z* = W delta + M xi,  delta = h - h*,  xi = x - x*

    |R| <= (C2/2) zeta^2                                   C2 = sup|s''|: the law of the claim
    |R| <= |s''(z*)| zeta^2/2 + C3 |zeta|^3/6              sharper for small zeta; z* = 0, tanh: |zeta|^3/3
    |R| <= |zeta| max(s'(z*), S - s'(z*))                  sharper for large ones: divided differences are in [0, S]

    d_{k+1} = (A + B D W) d_k + B R(z_lin)      D: divided differences of s between z_lin and z          (a)
    d_{k+1} = (A + B S W) d_k + B R(z)          S = diag s'(z*)                                          (b)

exactly, so (a) the nonlinear Jacobian on the segment [h_lin, h] goes with the deviation of the *linear* run, (b) that
of the linear step with the deviation of the *nonlinear* run. Form (b) is summed without norms as well:
|d_k| <= sum_j |(A + B S W)^{k-1-j} B| |R(z_j)|, entry by entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball
from oracle.claims.norms import Norm, column, matrix_norm, row_sums, scaled_columns, sizes
from oracle.claims.segments import Step, along_segments, driven, growth
from oracle.claims.suprema import Shape
from oracle.reference.euler_terms import smaller


@dataclass(frozen=True, eq=False)
class Tangent:
    """s at z*: values, slopes and curvatures, one ball per unit."""

    shape: Shape
    z: list[Any]
    value: list[Any]
    slope: list[Any]
    curvature: list[Any]

    @staticmethod
    def at(shape: Shape, z: list[Any]) -> Tangent:
        """Evaluate once; use inside `precision`."""
        s = Ball().act(shape.name, arb_mat(len(z), 1, z)).entries()
        slope, curvature = ([_at(shape.derivative(order), entry) for entry in s] for order in (1, 2))
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


def _map(m: Any, entry: Any) -> Any:
    return arb_mat(m.nrows(), m.ncols(), [entry(i, k) for i in range(m.nrows()) for k in range(m.ncols())])


def _at(q: Any, s: Any) -> Any:
    total = arb(0)
    for c in reversed(q.coeffs()):
        total = total * s + arb(c)
    return total


def form_a(step: Step, tangent: Tangent, z: Any, z_lin: Any) -> list[Any]:
    """|d_k|_inf for k = 1 .. K: nonlinear factor on the segment, deviation of the linear run, the quadratic law."""
    factor = along_segments(step, tangent.shape, z, z_lin)
    return growth(factor, driven(step.B, tangent.quadratic(z_lin)))


def form_b(step: Step, tangent: Tangent, z: Any) -> list[Any]:
    """|d_k|_inf for k = 1 .. K: factor of the linear step, deviation of the nonlinear run, the quadratic law."""
    J, known = step.jacobian(tangent.slope), dict[Norm, Any]()

    def factor(k: int, norm: Norm) -> Any:
        if norm not in known:
            known[norm] = matrix_norm(J, norm)
        return known[norm]

    return growth(factor, driven(step.B, tangent.quadratic(z)))


def by_powers(step: Step, tangent: Tangent, z: Any) -> list[list[Any]]:
    """Form (b) summed entry by entry with the sharpest law: |d_k|_i for k = 1 .. K."""
    J, R = step.jacobian(tangent.slope), tangent.sharpest(z)
    weights, power = [], step.B
    for _ in range(R.ncols()):
        weights.append(sizes(power))
        power = J * power
    columns = [column(R, k).entries() for k in range(R.ncols())]
    return [_summed(weights, columns[: k + 1]) for k in range(R.ncols())]


def _summed(weights: Sequence[Any], columns: Sequence[list[Any]]) -> list[Any]:
    last = len(columns) - 1
    parts = [row_sums(scaled_columns(weights[last - j], entries)) for j, entries in enumerate(columns)]
    return [sum((part[i] for part in parts), arb(0)).abs_upper() for i in range(len(parts[0]))]
