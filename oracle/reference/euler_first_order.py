"""Euler's error to first order: e_k = Delta eps_k + O(Delta^2), along Euler's own states.

    eps_0 = 0,   eps_{k+1} = (I + Delta J(h_k)) eps_k + (Delta/2) (J F + E^ x')(h_k)

which is Euler's rule for the variational equation eps' = J eps + h''/2 (E. Hairer, S. Norsett, G. Wanner, Solving
Ordinary Differential Equations I, section II.8). Exact middles and one radius in the 2-norm, as in `recurrences`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, middles
from oracle.arithmetic.midrad import Midrad, up
from oracle.arithmetic.slopes import slopes_over
from oracle.equations.activations import ACTIVATIONS, HALF
from oracle.errors import KinkError
from oracle.records.exact import Array
from oracle.reference.euler_path import Path
from oracle.reference.jacobians import Frame


@dataclass(frozen=True, eq=False)
class FirstOrder:
    """eps_k, (K + 1, N), with a radius for each entry."""

    mid: Array
    rad: Array

    @property
    def largest(self) -> tuple[float, float]:
        """Lower and upper value of |eps_K|_inf."""
        last = np.abs(self.mid[-1])
        return float(np.max(last - self.rad[-1])), float(np.max(up(last + self.rad[-1])))


def first_order(path: Path, step_frame: Frame) -> FirstOrder | None:
    """eps_k; None at a kink. `step_frame` has the coefficients of Euler's step; use inside `precision`."""
    ops, delta, half = Ball(), Ball().rational(path.step), Ball().rational(HALF)
    field = path.field
    eps = arb_mat(field.state_size, 1)
    found, carried = [eps], [0.0]
    for k in range(path.drives.steps):
        try:
            slope = _slope(ops, path, k)
        except KinkError:
            return None
        bent = ops.affine([(field.B, ops.mul(slope, _column(path.zdot, k)))], parts=[_column(path.ramp, k)])
        moved = ops.mul(slope, ops.affine([(field.W, eps)]))
        grown = ops.affine([(field.A, eps), (field.B, moved)])
        value = eps + (grown + bent * half) * delta
        z = path.z[:, k]
        q = step_frame.matrix(*slopes_over(field.activation, z.mid - up(z.rad), z.mid + up(z.rad)))
        carried.append(float(up(q * carried[-1] + step_frame.norm.of(Midrad.of(value).rad[:, 0]), 2)))
        eps = Ball().lift(middles(value))
        found.append(eps)
    norm = step_frame.norm
    return FirstOrder(np.array([middles(e)[:, 0] for e in found]), np.array([norm.entries(r) for r in carried]))


def _column(m: Midrad, k: int) -> Any:
    pairs = zip(m.mid[:, k].tolist(), m.rad[:, k].tolist(), strict=True)
    return arb_mat(len(m.mid), 1, [arb(mid, rad) for mid, rad in pairs])


def _slope(ops: Ball, path: Path, k: int) -> Any:
    z = _column(path.z, k)
    return ACTIVATIONS[path.field.activation].slope(ops, ops.act(path.field.activation, z), z)
