"""The trajectory bound: how far a whole run may be from the exact one. Proved for a run that is known.

With e_k the error of a run, J_k = A + B S_k W its Jacobian and r_k its residual,

    e_{k+1} = J_k e_k + r_k + R_k,    |R_k| <= |B| C2 |W e_k| (3/2 |W e_k| + blur) componentwise    (C2 = sup|s''|)

(3/2, not 1/2: before a run is known, the run linearised about is itself only within e_k of the exact one, and the
candidate within e_k of that; blur is the float64 error of z, at which the slopes are taken). The error is split into a
signed part, which follows its own linear recursion, and a bound d_k of the rest,

    e = g + d,   g_{k+1} = J_k g_k + r^_k,   |d_k| <= |P_{k,m}| d_m + sum_{m <= j < k} |P_{k,j+1}| (u_j + R_j)

with P_{k,j} = J_{k-1} .. J_j over a window from m. Before a run is known r^ = 0 and u is the one-step bound; afterwards
r^ is the run's own residual and u its radius, which is orders of magnitude sharper. Products of Jacobians, not norms of
factors, and never |J_k| componentwise over many steps (it diverges). ReLU has no curvature: a unit whose argument may
cross its kink adds |B||W e| instead. What float64 rounds here is added to u with its gamma.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.arithmetic.float64 import VALUES, Float64
from oracle.arithmetic.rounding import Rounding
from oracle.arithmetic.slopes import slope_jump
from oracle.arithmetic.suprema import supremum
from oracle.equations import lure as equation
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.precision import PRECISIONS

_U = 2.0**-53

WINDOW = 8
"""Steps over which Jacobians are multiplied: 8 N^3 operations per step. Beyond it bounds are chained."""


class Curvature(dict[str, float]):
    """sup|s''| between kinks, rounded up; of other activations from balls when asked for."""

    def __missing__(self, name: str) -> float:
        self[name] = supremum(name, 2).high
        return self[name]


CURVATURE = Curvature(tanh=0.7698003589195012, logistic=0.09622504486493765, identity=0.0, relu=0.0)
"""4/(3 sqrt 3) for tanh, sqrt(3)/18 for the logistic; a test certifies them by balls."""


class Along(NamedTuple):
    """W, |W|, |B|, |A| + |B||W|, the Jacobians (K, N, N), and z (K, units) with its float64 error."""

    W: Array
    absW: Array
    absB: Array
    size: Array
    jacobians: Array
    z: Array
    blur: Array


def along_run(field: Lure, H: Array, X: Array) -> Along:
    """Along a run H (K+1, N) with inputs X (K, I)."""
    ops = Float64()
    A, B, W = (ops.affine([(op, np.eye(op.shape[1]))]) for op in (field.A, field.B, field.W))
    z, blur = _argument(field, H[:-1].T, X.T)
    slopes = ACTIVATIONS[field.activation].slope(ops, VALUES[field.activation](z), z).T
    up = 1 + 2 * (len(W) + 8) * _U
    steep = np.maximum(np.abs(slopes).max(initial=1.0), 1.0)  # of a power: the sizes below are of slopes up to 1
    absA, absB, absW = (np.abs(part) * up for part in (A, B, W))
    jacobians = A[None] + (B[None] * slopes[:, None, :]) @ W
    return Along(W, absW, absB, (absA + absB @ absW * steep) * up, jacobians, z.T, blur.T)


def _argument(field: Lure, H: Array, X: Array) -> tuple[Array, Array]:
    """W h + M x + b in float64 and the bound of its rounding error, (units, columns)."""
    ops = Rounding(PRECISIONS["float64"])
    z = ops.affine([(field.W, ops.lift(H))], parts=equation.drive(ops, field, ops.lift(X)).inside)  # type: ignore[arg-type]
    return np.broadcast_to(z.value, (len(z.value), H.shape[1])), np.broadcast_to(z.bound(), (len(z.value), H.shape[1]))


def trajectory_bound(field: Lure, H: Array, X: Array, residual: Array, uncertainty: Array) -> Array:
    """Bounds of the error of a run at every step.

    Parameters
    ----------
    field : Lure
    H, X : ndarray, (K+1, N), (K, I)
        The run, or a float64 run that it shadows.
    residual, uncertainty : ndarray, (K, N)
        Signed residuals and the bound of what they leave out; zero and the one-step bound when no run is known.

    Returns
    -------
    ndarray, (K+1, N)
        Infinite from the step on where the remainder outgrows the linear part.
    """
    along = along_run(field, H, X)
    signed = np.zeros(H.shape)
    rest = np.zeros(H.shape)
    sources = np.zeros_like(uncertainty)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(len(X)):
            signed[k + 1] = along.jacobians[k] @ signed[k] + residual[k]
            total = np.abs(signed[k]) + rest[k]
            own = (len(total) + 40) * _U * (along.size @ total + np.abs(residual[k]))
            sources[k] = (uncertainty[k] + own + _remainder(field.activation, along, k, signed[k], rest[k])) * _UP
            rest[k + 1] = _propagated(along, sources, rest, k)
            if not np.isfinite(rest[k + 1]).all():
                rest[k + 1 :] = np.inf
                break
    return np.asarray((np.abs(signed) + rest) * _UP)


_UP = 1 + 2.0**-40  # covers the handful of float64 operations on nonnegative numbers around it


def _remainder(activation: str, along: Along, k: int, signed: Array, rest: Array) -> Array:
    """|R_k| from |W e| <= |W g| + |W| d."""
    N = len(signed)
    moved = np.abs(along.W @ signed) + along.absW @ (rest + N * 2 * _U * np.abs(signed))
    kind, bent = ACTIVATIONS[activation], np.zeros_like(moved)
    if curvature := CURVATURE[activation]:
        bent = curvature * moved * (1.5 * moved + along.blur[k])
    for kink in kind.kinks:
        apart = np.abs(along.z[k] - float(kink)) - 2.0**-52 * abs(float(kink))
        near = apart <= (2 * moved + along.blur[k]) * _UP
        bent = bent + np.where(near, slope_jump(activation, float(kink)) * moved + kind.jump, 0.0)
    return np.asarray(along.absB @ bent)


def _propagated(along: Along, sources: Array, rest: Array, k: int) -> Array:
    """The bound of the rest at k + 1 from the window that ends there."""
    start = max(0, k + 1 - WINDOW)
    N = rest.shape[1]
    product = np.eye(N)
    total = np.array(sources[k])
    rough = 1.0  # product of norms: the rounding of a product of matrices is gamma times this
    for j in range(k, start - 1, -1):
        product = product @ along.jacobians[j]
        rough *= float(along.size.sum(axis=1).max())
        carried = sources[j - 1] if j > start else rest[start]
        own = min((k - j + 1) * (N + 40) * _U * rough, 1e300)
        total = total + np.abs(product) @ carried + own * carried.max(initial=0.0)
    return np.asarray(total * (1 + 4 * (WINDOW + N) * _U))
