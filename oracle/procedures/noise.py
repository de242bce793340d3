"""R and D of additive noise, dh = F dt + Sig dw, and the covariances of a linear step.

    R               sqrt(q) Sig -> sqrt(r q) Sig               w(r s) has the increments of sqrt(r) w(s)
    Euler-Maruyama  h+ = h + Delta F + sqrt(Delta q) Sig xi    xi standard normal, one vector per step

A square root is kept as its square, so that r and Delta stay rational and equality is decided: with the same xi two
noise terms agree on every path if and only if their squares and matrices do. White noise that enters as an input,
E x with x = Sx w', is Sig = E Sx.

Source: P. E. Kloeden and E. Platen, Numerical Solution of Stochastic Differential Equations, section 10.2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from oracle.equations.interface import Arithmetic, V
from oracle.procedures.sameness import Sameness
from oracle.records.exact import Array
from oracle.records.operator import Operator


class Diffusion(NamedTuple):
    """sqrt(square) matrix: what multiplies dw, or xi once a step was taken; `square` >= 0, `matrix` (N, m), exact."""

    square: Any
    matrix: Array


def rescaled_noise(noise: Diffusion, r: Any) -> Diffusion:
    """The noise in the time s = t / r."""
    return Diffusion(r * noise.square, noise.matrix)


def noise_per_step(noise: Diffusion, step: Any) -> Diffusion:
    """What one Euler-Maruyama step multiplies xi by."""
    return Diffusion(step * noise.square, noise.matrix)


def noise_covariance(ops: Arithmetic[V], noise: Diffusion) -> V:
    """square Sig Sig^T, in any arithmetic."""
    return ops.scale(noise.square, ops.affine([(Operator.dense(noise.matrix), ops.lift(noise.matrix.T))]))


def same_paths(a: Diffusion, b: Diffusion) -> Sameness:
    """Whether two noise terms are equal for every draw."""
    if a.matrix is b.matrix or bool((a.matrix == b.matrix).all()):
        ratio = a.square - b.square
        if ratio == 0:
            return Sameness("equal", "sqrt(r) sqrt(Delta / r) = sqrt(Delta), squares compared (exact)", ratio)
        text = f"the squares of the factors of xi differ by {float(ratio):.6g} (exact)"
        return Sameness("different", text, abs(ratio))
    return Sameness("different", "the noise has another matrix (exact)", None)


def stationary_variance(alpha: Any, variance: Any) -> Any:
    """P of h+ = (1 - alpha) h + noise of that variance per step: P = (1 - alpha)^2 P + variance, 0 < alpha < 2."""
    return variance / (1 - (1 - alpha) * (1 - alpha))


def leaky_variance(alpha: Any, tau: Any, square: Any) -> Any:
    """The same for h' = -h/tau + sigma w', square = sigma^2: sigma^2 (tau/2) / (1 - alpha/2); tau/2 is the flow's."""
    return square * (tau / 2) / (1 - alpha / 2)
