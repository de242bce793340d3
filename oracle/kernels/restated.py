"""Which records the kernel restates, and how.

    outside     h+ = a h + b s(W h + M x + b_1 + ..)                    as given
    inside      h+ = a h + b (W s(h) + M x + b_1 + ..)                  B = b W, E = b M, c = b b_1 + ..

a and b are scalars or one number per unit. The inside form is read as the outside form of the state s(h) whose own
activation is the identity.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.float64 import Float64
from oracle.records.exact import Array, Diagonal
from oracle.records.lure import Lure
from oracle.records.operator import Operator, is_one
from oracle.records.recurrence import Recurrence

GAINS = 2.0**40  # |b| within 2^(+-40), and growths below 2^100: everything is then far inside the range of float32
QUOTIENT_BITS = 200
ACTIVATIONS = ("tanh", "logistic", "relu", "identity")


class Restated(NamedTuple):
    """h+ = a h + b outer([W M b_1 ..] [inner(h) x 1 ..]), [W M b_1 ..] = head + tail to 2^-105 of an entry."""

    outer: str
    inner: str | None
    a: Diagonal
    b: Diagonal
    head: Array
    tail: Array | None
    inputs: int

    @property
    def units(self) -> int:
        """N."""
        return int(self.head.shape[0])


def restated(rec: Recurrence) -> Restated | None:
    """The record as the kernel reads it, None where it does not."""
    p = rec.parameters
    if not isinstance(p, Lure) or p.activation not in ACTIVATIONS or not p.A.is_diagonal:
        return None
    return _outside(p) if p.B.is_diagonal else _inside(p)


def _outside(p: Lure) -> Restated | None:
    gain = p.B.diagonal_factor()
    plain = _plain(p.W) and (not p.M.terms or _plain(p.M)) and all(part.dtype != object for part in p.b)
    if not plain or p.E.terms or p.c or not _ordinary(gain):
        return None
    parts = [_dense(p.W), *(_dense(p.M) for _ in p.M.terms), *(part[:, None] for part in p.b)]
    inputs = p.input_size if p.M.terms else 0
    return Restated(p.activation, None, p.A.diagonal_factor(), gain, np.concatenate(parts, axis=1), None, inputs)


def _inside(p: Lure) -> Restated | None:
    gain = p.B.terms[0].left
    plain = _scaled(p.B, gain) and (not p.E.terms or _scaled(p.E, gain)) and p.W.is_identity
    if not plain or p.M.terms or p.b or not _ordinary(gain):
        return None
    biases = [_quotient(part, gain) for part in p.c]
    weights = np.concatenate([_dense(p.B), *(_dense(p.E) for _ in p.E.terms)], axis=1)
    head = np.concatenate([weights, *(bias[:, :1] for bias in biases)], axis=1)
    tail = np.concatenate([np.zeros_like(weights), *(bias[:, 1:] for bias in biases)], axis=1)
    inputs = p.E.shape[1] if p.E.terms else 0
    return Restated("identity", p.activation, p.A.diagonal_factor(), gain, head, tail, inputs)


def _plain(op: Operator) -> bool:
    """Whether an operator is one matrix of floats."""
    return _is_float_matrix(op) and is_one(op.terms[0].left)


def _scaled(op: Operator, gain: Diagonal) -> bool:
    """Whether an operator is diag(gain) times one matrix of floats."""
    return _is_float_matrix(op) and bool(np.all(np.asarray(op.terms[0].left == gain)))


def _is_float_matrix(op: Operator) -> bool:
    term = op.terms[0] if len(op.terms) == 1 else None
    return term is not None and term.dense is not None and term.dense.dtype != object and is_one(term.right)


def _dense(op: Operator) -> Array:
    dense = op.terms[0].dense
    assert dense is not None
    return dense


def _ordinary(gain: Diagonal) -> bool:
    return bool(np.all((sizes(gain) > 1 / GAINS) & (sizes(gain) < GAINS)))


def sizes(factor: Diagonal) -> Any:
    """|factor| in float64: a number, or a row with one per unit."""
    number = Float64().number
    if isinstance(factor, np.ndarray):
        return np.abs(np.array([[number(entry) for entry in factor.tolist()]]))
    return abs(number(factor))


def _quotient(part: Array, gain: Diagonal) -> Array:
    """c / b as heads and tails, (N, 2)."""
    divisors = gain.tolist() if isinstance(gain, np.ndarray) else [gain] * len(part)
    rows, ops = [], Ball()
    with precision(QUOTIENT_BITS):
        for entry, divisor in zip(part.tolist(), divisors, strict=True):
            ball = ops.number(entry) / ops.number(divisor)
            head = float(ball.mid())
            rows.append((head, float((ball - head).mid())))
    return np.array(rows).reshape(-1, 2)
