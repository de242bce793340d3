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
from oracle.records.operator import Operator, Term, spread, sum_vectors


def filtered(rate: Lure, leak: Any) -> Lure:
    """The rate form driven by x~, with the states (h, x~): x~' = leak (-x~ + x)."""
    N, inputs = rate.state_size, rate.input_size
    own = rate.A.diagonal_factor()
    same = not isinstance(own, np.ndarray) and own == -leak
    decay = own if same else objects([*spread(own, N), *[-leak] * inputs])
    W = beside(rate.W, rate.M)
    return Lure(
        A=Operator.diagonal(decay, N + inputs),
        B=_placed(0, N, N + inputs) @ rate.B if rate.B.is_diagonal else _stacked(rate.B, inputs),
        W=W,
        M=Operator.zero(W.shape[0], inputs),
        b=rate.b,
        E=_placed(N, inputs, N + inputs).scaled(leak),
        c=(np.concatenate([sum_vectors(rate.c, N), np.full(inputs, Fraction(0), dtype=object)]),),
        activation=rate.activation,
    )


def sampled_twice(rate_step: Lure) -> Lure:
    """A step of the rate form as a step driven by (x_k, x_{k+1}), of which it uses the first."""
    M, E = (beside(op, Operator.zero(*op.shape)) for op in (rate_step.M, rate_step.E))
    return replace(rate_step, M=M, E=E)


def differenced(current_step: Lure, alpha: Any) -> Lure:
    """A step of the current form driven by u_k = (x_{k+1} - (1 - alpha) x_k)/alpha."""
    before, after = ((1 - 1 / alpha), 1 / alpha)
    M, E = (beside(op.scaled(before), op.scaled(after)) for op in (current_step.M, current_step.E))
    return replace(current_step, M=M, E=E)


def beside(first: Operator, second: Operator) -> Operator:
    """[first, second]: every dense factor is padded with zeros and stays the array of floats it is."""
    rows, width = first.shape[0], first.shape[1] + second.shape[1]
    terms = [_padded(t, 0, first.shape[1], rows, width) for t in first.terms]
    terms += [_padded(t, first.shape[1], second.shape[1], rows, width) for t in second.terms]
    return Operator((rows, width), tuple(terms))


def _padded(term: Term, start: int, size: int, rows: int, width: int) -> Term:
    dense = np.eye(size) if term.dense is None else term.dense
    wide = np.full((rows, width), Fraction(0), dtype=object) if dense.dtype == object else np.zeros((rows, width))
    wide[:, start : start + size] = dense
    right = term.right
    if isinstance(right, np.ndarray):
        right = objects([*[Fraction(1)] * start, *right, *[Fraction(1)] * (width - start - size)])
    return Term(term.left, wide, right)


def _placed(start: int, size: int, rows: int) -> Operator:
    """(rows, size): the identity from row `start` on, zeros elsewhere."""
    return Operator.dense(np.eye(rows, size, -start))


def _stacked(top: Operator, zeros: int) -> Operator:
    """`top` above rows of zeros."""
    below = np.full((zeros, top.shape[1]), Fraction(0), dtype=object)
    return Operator.dense(np.vstack([top.expanded, below]))


def _product(V: Operator, op: Operator) -> Operator:
    """V times an operator; a dense factor that only places rows selects columns of V, which stay what they are."""
    if any(t.dense is None or not _places(t.dense) for t in op.terms):
        return V @ op if op.is_diagonal else _sparse_product(V, op)
    made = [_selected(a, b, V.shape[1]) for a in V.terms for b in op.terms]
    return Operator((V.shape[0], op.shape[1]), tuple(t for t in made if t.dense is None or np.any(t.dense != 0)))


def _places(dense: Array) -> bool:
    """Whether every column is a unit vector."""
    return dense.dtype != object and bool(np.all((dense == 0) | (dense == 1)) and np.all(np.sum(dense, axis=0) == 1))


def _selected(a: Term, b: Term, inner: int) -> Term:
    """a b where the columns of b are unit vectors."""
    assert b.dense is not None, "b places rows"
    chosen = np.argmax(b.dense, axis=0)
    dense = np.eye(inner) if a.dense is None else a.dense
    middle = a.right * b.left
    right = (middle[chosen] if isinstance(middle, np.ndarray) else middle) * b.right
    return Term(a.left, np.ascontiguousarray(dense[:, chosen]), right)


def _sparse_product(V: Operator, op: Operator) -> Operator:
    """The product with an operator that is mostly zeros: only the rest is multiplied."""
    left, right = V.expanded, op.expanded
    total = np.full((left.shape[0], right.shape[1]), Fraction(0), dtype=object)
    for i, j in np.argwhere(right != 0):
        total[:, j] = total[:, j] + left[:, i] * right[i, j]
    return Operator.dense(total)


Matrix = Operator | Array


def _operator(matrix: Matrix) -> Operator:
    return matrix if isinstance(matrix, Operator) else Operator.dense(exact_object(matrix))


def semiconjugacy(
    large: Lure,
    small: Lure,
    V: Matrix,
    offset: Array,
    now: Matrix | None = None,
    after: Matrix | None = None,
    *,
    step: bool = False,
) -> Sameness:
    """Whether v = V y + P x + o takes `large` to `small`, exactly.

    Parameters
    ----------
    large, small : Lure
        Two fields, or two steps, with the same inputs x.
    V : Operator or ndarray, (N_s, N_l)
    offset : ndarray, (N_s,)
        Exact numbers.
    now, after : Operator or ndarray, optional
        (N_s, I): P, and what the input adds to v' or v_{k+1} (M x' and M x_{k+1}, where x holds those as well).
    step : bool
        Whether both are steps: the offset is then part of v_{k+1}.
    """
    return same_coefficients(*sides(large, small, V, offset, now, after, step=step))


def sides(
    large: Lure,
    small: Lure,
    V: Matrix,
    offset: Array,
    now: Matrix | None = None,
    after: Matrix | None = None,
    *,
    step: bool = False,
) -> tuple[Lure, Lure]:
    """v' or v_{k+1} from both sides, as functions of the large state: V y' + .., and the small record at v."""
    O = _operator(V)
    nothing = Operator.zero(O.shape[0], large.input_size)
    P, Q = (nothing if part is None else _operator(part) for part in (now, after))
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
