"""Rigorous Lipschitz constants of a Lur'e step h -> A h + B s(W h + v) + u.

By the mean value theorem a difference is mapped by A + B D W with D diagonal. With slopes in [l, S], c = (l + S)/2 and
r = (S - l)/2, D = c + (D - c) and |D - c| <= r give

    q = |A + c B W|_2 + r |B|_2 |W|_2                tanh: l = 0, S = 1; identity: l = S = 1, q = |A + B W|_2

(the centred form of C6). Spectral norms by |G|_2 <= |G^(2^k)|_F^(1/2^k) for G = X^T X, which exceeds the norm by at
most N^(1/2^(k+1)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.suprema import bounded_slopes
from oracle.records.lure import Lure
from oracle.records.operator import Operator

_BITS = 64  # a constant known to 19 digits is known well enough
_SQUARINGS = 5  # |X|_2 is then overestimated by at most N^(1/128), 4 % at N = 256


def matrix(ops: Ball, op: Operator) -> Any:
    """An operator as a matrix of balls."""
    return ops.affine([(op, ops.lift(np.eye(op.shape[1])))])


def frobenius(x: Any) -> Any:
    """A ball that holds |X|_F."""
    return sum((entry * entry for entry in x.entries()), arb(0)).sqrt()


def spectral_norm(x: Any) -> Any:
    """An upper bound of |X|_2 as an exact arb; use inside `precision`."""
    gram = x.transpose() * x
    logarithm = arb(0)
    for k in range(_SQUARINGS + 1):
        gram = gram * gram if k else gram
        size = frobenius(gram).abs_upper()
        if size == 0:
            return arb(0)
        logarithm += size.log() / 2 ** (k + 1)
        gram = gram * (1 / size)
    # |X|_2^2 = size_0 (size_1 (size_2 ...)^(1/2))^(1/2); what is left after the last division has norm at most 1.
    return logarithm.exp().abs_upper()


def lipschitz(field: Lure) -> Any:
    """q with |step(h) - step(g)|_2 <= q |h - g|_2 for all h, g: an exact arb, rounded up."""
    with precision(_BITS):
        ops = Ball()
        A, B, W = (matrix(ops, op) for op in (field.A, field.B, field.W))
        low, high = bounded_slopes(field.activation)
        centred = spectral_norm(A + B * W * ops.rational((low + high) / 2))
        if low == high:
            return centred
        return (centred + ops.rational((high - low) / 2) * spectral_norm(B) * spectral_norm(W)).abs_upper()
