"""Affine maps between systems: does v = V y + o take every trajectory of one record to one of another?

    large   y' = A y + B s(W y + M x + b) + E x + c          small   v' = A v + B s(W v + M x + b) + E x + c

It does if the coefficients satisfy  A_s V = V A_l,  B_s = V B_l,  W_s V = W_l,  E_s = V E_l,  M_s = M_l,
W_s o + b_s = b_l  and  A_s o + c_s = V c_l (+ o for steps). These are equalities of matrices, decided exactly, and they
hold for any activation; V y + o may contain the input as well. For rate and current, v = W h + M x~ + b:

    h' = (-h + s(v))/tau, x~' = (-x~ + x)/tau     ->     v' = (-v + W s(v) + M x + b)/tau
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.procedures.sameness import Sameness, same_coefficients
from oracle.records.exact import Array, exact_object, objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator, spread, sum_vectors


def filtered(rate: Lure, leak: Any) -> Lure:
    """The rate form driven by x~, with the states (h, x~): x~' = leak (-x~ + x)."""
    N, inputs = rate.state_size, rate.input_size
    decay = objects([*spread(rate.A.diagonal_factor(), N), *[-leak] * inputs])
    A, B = Operator.diagonal(decay, N + inputs), _stacked(rate.B, Operator.zero(inputs, rate.B.shape[1]))
    W = Operator.dense(np.hstack([rate.W.expanded, rate.M.expanded]))
    E = _stacked(Operator.zero(N, inputs), Operator.diagonal(leak, inputs))
    c = np.concatenate([sum_vectors(rate.c, N), np.full(inputs, Fraction(0), dtype=object)])
    return Lure(A, B, W, Operator.zero(W.shape[0], inputs), rate.b, E, (c,), rate.activation)


def sampled_twice(rate_step: Lure) -> Lure:
    """A step of the rate form as a step driven by (x_k, x_{k+1}), of which it uses the first."""
    return replace(
        rate_step,
        M=_twice(rate_step.M, Operator.zero(*rate_step.M.shape)),
        E=_twice(rate_step.E, Operator.zero(*rate_step.E.shape)),
    )


def differenced(current_step: Lure, alpha: Any) -> Lure:
    """A step of the current form driven by u_k = (x_{k+1} - (1 - alpha) x_k)/alpha."""
    before, after = ((1 - 1 / alpha), 1 / alpha)
    return replace(
        current_step,
        M=_twice(current_step.M.scaled(before), current_step.M.scaled(after)),
        E=_twice(current_step.E.scaled(before), current_step.E.scaled(after)),
    )


def _twice(first: Operator, second: Operator) -> Operator:
    return Operator.dense(np.hstack([first.expanded, second.expanded]))


def _stacked(top: Operator, bottom: Operator) -> Operator:
    return Operator.dense(np.vstack([top.expanded, bottom.expanded]))


def _product(V: Operator, op: Operator) -> Operator:
    """V times an operator whose dense form is mostly zero (a diagonal above zeros): only the rest is multiplied."""
    if op.is_diagonal:
        return V @ op
    left, right = V.expanded, op.expanded
    total = np.full((left.shape[0], right.shape[1]), Fraction(0), dtype=object)
    for i, j in np.argwhere(right != 0):
        total[:, j] = total[:, j] + left[:, i] * right[i, j]
    return Operator.dense(total)


def semiconjugacy(
    large: Lure,
    small: Lure,
    V: Array,
    offset: Array,
    now: Array | None = None,
    after: Array | None = None,
    *,
    step: bool = False,
) -> Sameness:
    """Whether v = V y + P x + o takes `large` to `small`, exactly.

    Parameters
    ----------
    large, small : Lure
        Two fields, or two steps, with the same inputs x.
    V, offset : ndarray
        (N_s, N_l) and (N_s,), exact numbers.
    now, after : ndarray, optional
        (N_s, I): P, and what the input adds to v' or v_{k+1} (M x' and M x_{k+1}, where x holds those as well).
    step : bool
        Whether both are steps: the offset is then part of v_{k+1}.
    """
    return same_coefficients(*sides(large, small, V, offset, now, after, step=step))


def sides(
    large: Lure,
    small: Lure,
    V: Array,
    offset: Array,
    now: Array | None = None,
    after: Array | None = None,
    *,
    step: bool = False,
) -> tuple[Lure, Lure]:
    """v' or v_{k+1} from both sides, as functions of the large state: V y' + .., and the small record at v."""
    O = Operator.dense(exact_object(V))
    P, Q = (Operator.zero(len(V), large.input_size) if part is None else Operator.dense(part) for part in (now, after))
    carried = O.apply(sum_vectors(large.c, large.state_size))
    return (
        replace(
            large,
            A=O @ large.A,
            B=_product(O, large.B),
            E=_product(O, large.E) + Q,
            c=(carried, *((offset,) if step else ())),
        ),
        Lure(
            A=small.A @ O,
            B=small.B,
            W=small.W @ O,
            M=small.M + small.W @ P,
            b=(*small.b, small.W.apply(offset)),
            E=small.E + small.A @ P,
            c=(*small.c, small.A.apply(offset)),
            activation=small.activation,
        ),
    )
