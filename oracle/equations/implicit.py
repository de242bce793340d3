"""Implicit steps of a field in the normal form, the input held over the step: relations, of which h+ is the solution.

    backward Euler     h+ = h + Delta F(h+, x)
    trapezoidal rule   h+ = h + Delta/2 F(h, x) + Delta/2 F(h+, x)

(E. Hairer and G. Wanner, Solving Ordinary Differential Equations II, section IV.3.) The right-hand side, as a function
of h+ that is driven by x and h, is a normal form again: h+ = A' h+ + B' s(W' h+ + M' (x, h) + b') + E' (x, h) + c'. So
whether a program solved its relation is asked like any step: of the state it found, driven by sample and old state.
Only who has no h+ yet has to solve, and that is the arithmetic's part: Newton's method in floats, enclosures in balls.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from oracle.equations import lure
from oracle.equations.interface import Arithmetic, V
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Copies, Operator, Term
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit

THETAS = {"backward-euler": Fraction(1), "trapezoidal": Fraction(1, 2)}
"""Weight of F(h+); what is left to 1 is that of F(h)."""


def drive(ops: Arithmetic[V], p: Implicit, x: V) -> V:
    """The sample itself."""
    return x


def step(ops: Any, p: Implicit, h: V, x: V) -> V:
    """The solution of the relation, by the arithmetic."""
    if hasattr(ops, "solved"):  # with the derivatives of the solution
        solved: V = ops.solved(p, h, x)
        return solved
    if not hasattr(ops, "solution"):
        raise NotImplementedError(f"{type(ops).__name__} solves no relation")
    made: V = ops.solution(relation(p), driven(ops, p, h, x), h)
    return made


def right_hand_side(ops: Arithmetic[V], p: Implicit, y: V, h: V, x: V) -> V:
    """h + Delta theta F(y, x) + Delta (1 - theta) F(h, x), from the field itself; y is h+ where the relation holds."""
    u = lure.drive(ops, p.field, x)
    shares = ((p.theta, y), (1 - p.theta, h))
    return ops.sum([h, *(ops.scale(p.step * share, lure.step(ops, p.field, v, u)) for share, v in shares if share)])


def driven(ops: Arithmetic[V], p: Implicit, h: V, x: V) -> V:
    """(x, h), the sample above the old state."""
    I, N = p.input_size, p.state_size
    none = np.full(max(I, N), -1)
    above = Copies.of(np.concatenate([np.arange(I), none[:N]]), I)
    below = Copies.of(np.concatenate([none[:I], np.arange(N)]), N)
    return ops.affine([(above, x), (below, h)])


def relation(p: Implicit) -> Lure:
    """The right-hand side as a normal form of h+, with inputs (x, h); made once."""
    if not p.made:
        p.made.append(_relation(p.field, p.step, p.theta))
    return p.made[0]


def _relation(f: Lure, step: Fraction, theta: Fraction) -> Lure:
    N, I, K = f.state_size, f.input_size, f.W.shape[0]
    ahead, behind = f.scaled(step * theta), f.scaled(step * (1 - theta))
    old = _beside(Operator.zero(N, I), Operator.diagonal(Fraction(1), N))  # h itself
    E = _beside(f.E.scaled(step), Operator.zero(N, N)) + old
    if theta == 1:
        M = _beside(f.M, Operator.zero(K, N))
        return Lure(ahead.A, ahead.B, f.W, M, f.b, E, ahead.c, f.activation)
    E = E + _beside(Operator.zero(N, I), behind.A)
    twice = tuple(np.concatenate([part, part]) for part in f.b)
    W, M = _below(f.W, Operator.zero(K, N)), _below(_beside(f.M, Operator.zero(K, N)), _beside(f.M, f.W))
    c = f.scaled(step).c
    return Lure(ahead.A, _beside(ahead.B, behind.B), W, M, twice, E, c, f.activation)


def _moved(op: Operator, shape: tuple[int, int], row: int, column: int) -> Operator:
    """An operator as a block of a larger one, whose other entries are zero."""
    rows, columns = op.shape
    terms = []
    for term in op.terms:
        dense = np.zeros(shape, dtype=object if term.dense is not None and term.dense.dtype == object else float)
        dense[row : row + rows, column : column + columns] = np.eye(rows) if term.dense is None else term.dense
        sides = (_padded(term.left, shape[0], row), dense, _padded(term.right, shape[1], column))
        terms.append(Term(*sides))
    return Operator(shape, tuple(terms))


def _padded(factor: Any, size: int, start: int) -> Any:
    if not isinstance(factor, np.ndarray):
        return factor
    padded = np.full(size, Fraction(1), dtype=object)
    padded[start : start + len(factor)] = factor
    return padded


def _beside(left: Operator, right: Operator) -> Operator:
    shape = (left.shape[0], left.shape[1] + right.shape[1])
    return _moved(left, shape, 0, 0) + _moved(right, shape, 0, left.shape[1])


def _below(top: Operator, bottom: Operator) -> Operator:
    shape = (top.shape[0] + bottom.shape[0], top.shape[1])
    return _moved(top, shape, 0, 0) + _moved(bottom, shape, top.shape[0], 0)


def explicit(rec: Recurrence, before: Array, after: Array | None, X: Array) -> tuple[Recurrence, Array, Array]:
    """What a step is asked of: (record, states, inputs), with the relation in place of a step that has to be solved.

    Raises
    ------
    oracle.BadInput
        A relation is asked of a state that was not given.
    """
    p = rec.parameters
    if not isinstance(p, Implicit):
        return rec, before, X
    if after is None:
        raise BadInput(
            f"the step is {rec.equation}.",
            "it is a relation between two states, and only the first was given.",
            "use an explicit scheme here; oracle.check and oracle.tolerance take relations.",
        )
    made = Recurrence.made("lure", relation(p), rec.step, rec.origin)
    return made, after, np.concatenate([X, before])
