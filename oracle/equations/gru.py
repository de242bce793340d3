"""The gated recurrent unit, in both reset conventions.

    r = logistic(M_r x + b_r + W_r h + c_r)
    z = logistic(M_z x + b_z + W_z h + c_z)
    n = tanh(M_n x + b_n + r * (W_n h + c_n))      reset after the product  (torch, cuDNN, Keras reset_after=True)
    n = tanh(M_n x + b_n + W_n (r * h) + c_n)      reset before the product (K. Cho et al., arXiv 1406.1078, eq. 8)
    h+ = (1 - z) * n + z * h

Gates are stored in torch's order r, z, n. A faulty cell may have other activations in place of
tanh and the logistic.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from oracle.equations.interface import Arithmetic, V
from oracle.records.gates import Gates


def drive(ops: Arithmetic[V], p: Gates, x: V) -> tuple[V, ...]:
    """M_g x + b_g for every gate."""
    if not p.input_size and not any(p.b):
        return tuple(ops.lift(np.zeros(p.units)) for _ in p.driving)
    return tuple(ops.affine([(M, x)] if p.input_size else [], b) for M, b in zip(p.driving, p.b, strict=True))


def gate(ops: Arithmetic[V], p: Gates, g: int, h: V, u: tuple[V, ...]) -> V:
    """logistic(W_g h + c_g + u_g)."""
    return ops.act(p.gate, ops.affine([(p.recurrent[g], h)], p.b_recurrent[g], [u[g]]))


def _blend(ops: Arithmetic[V], z: V, n: V, h: V) -> V:
    keep = ops.mul(z, h)
    return ops.sum([n, ops.scale(Fraction(-1), ops.mul(z, n)), keep])


def step(ops: Arithmetic[V], p: Gates, h: V, u: tuple[V, ...]) -> V:
    """Reset after the product, as torch.nn.GRUCell."""
    r, z = (gate(ops, p, g, h, u) for g in (0, 1))
    recurrent = ops.affine([(p.recurrent[2], h)], p.b_recurrent[2])
    n = ops.act(p.activation, ops.sum([u[2], ops.mul(r, recurrent)]))
    return _blend(ops, z, n, h)


def step_reset_before(ops: Arithmetic[V], p: Gates, h: V, u: tuple[V, ...]) -> V:
    """Reset before the product, as in the first paper."""
    r, z = (gate(ops, p, g, h, u) for g in (0, 1))
    n = ops.act(p.activation, ops.affine([(p.recurrent[2], ops.mul(r, h))], p.b_recurrent[2], [u[2]]))
    return _blend(ops, z, n, h)
