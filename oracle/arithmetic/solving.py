"""Solutions of y = Phi(y, x) for a normal form Phi: Newton's method, and Krawczyk's operator in balls.

    y <- y - Y (y - Phi(y)),  Y = (I - D Phi(y))^-1                          from the old state on
    K = y - Y (y - Phi(y)) + (I - Y (I - D Phi([y]))) ([y] - y)              inside [y]: there is one solution, in K

The Jacobians are tangents of the relation itself. Found is the solution Newton's method leads to from the old state. It
is the only one where Delta mu < 1 for the logarithmic norm mu of the field's Jacobians (theta Delta mu < 1 for the
trapezoidal rule; E. Hairer and G. Wanner, Solving Ordinary Differential Equations II, section IV.14), as for steps that
are short; nothing here proves that.

A cotangent y^ goes back through (I - D Phi(y))^T l = y^, and then l through Phi at a fixed y: the implicit function
theorem.

R. Krawczyk, Computing 4 (1969); A. Neumaier, Interval Methods for Systems of Equations (1990), section 5.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx

from oracle.arithmetic.tangent import Dual, Tangent
from oracle.equations import lure
from oracle.errors import NotDecidable
from oracle.records.exact import Array
from oracle.records.lure import Lure

MOST = 60  # steps of Newton's method: it doubles the digits, once it is close
INFLATIONS = 12  # boxes that are tried, each twice as wide


class Relation:
    """Phi and its Jacobians in an arithmetic, for given inputs (x, h)."""

    def __init__(self, ops: Any, p: Lure, inputs: Any) -> None:
        self.ops, self.p = ops, p
        self.drive = lure.drive(ops, p, inputs)

    def value(self, y: Any) -> Any:
        """Phi(y)."""
        return lure.step(self.ops, self.p, y, self.drive)

    def along(self, y: Any) -> list[Any]:
        """D Phi(y) times every unit vector, each (N, columns)."""
        over: Any = Tangent(self.ops)
        drive = lure.Drive(*(tuple(Dual(v, None) for v in part) for part in self.drive))
        units = np.eye(self.p.state_size)
        columns = y.ncols() if isinstance(y, arb_mat) else y.shape[1]
        moved = (Dual(y, self.ops.lift(np.repeat(unit[:, None], columns, axis=1))) for unit in units)
        return [lure.step(over, self.p, each, drive).tangent for each in moved]


def in_floats(relation: Relation, start: Array) -> Array:
    """Newton's method in a float dtype, until it no longer comes closer; NaN where it finds nothing."""
    y, last = start, np.full(start.shape[1], np.inf)
    for _ in range(MOST):
        off = relation.value(y) - y
        J = np.stack(relation.along(y), axis=2).swapaxes(0, 1)  # (columns, N, N): column j is D Phi e_j
        try:
            move = np.linalg.solve(np.eye(len(y)) - J, off.T[:, :, None])[:, :, 0].T.astype(y.dtype)
        except np.linalg.LinAlgError:
            return np.full_like(start, np.nan)
        size = np.max(np.abs(move), axis=0, initial=0.0)
        closer = size < last / 2
        if not closer.any():
            break
        y, last = np.where(closer, y + move, y), np.where(closer, size, last)
    return y


def nudged(relation: Relation, y: Array) -> Array:
    """One step of Newton's method, whatever it does: rounding errors of Phi(y) show in it as they do in a solution."""
    J = np.stack(relation.along(y), axis=2).swapaxes(0, 1)
    try:
        move = np.linalg.solve(np.eye(len(y)) - J, (relation.value(y) - y).T[:, :, None])
    except np.linalg.LinAlgError:
        return np.full_like(y, np.nan)
    return np.asarray(y + move[:, :, 0].T)


def in_digits(relation: Relation, start: Array, context: Any) -> Array:
    """Newton's method in mpmath."""
    y, last = start, context.inf
    for _ in range(MOST):
        off, along = relation.value(y) - y, relation.along(y)
        moves = [_solved(context, along, off, c) for c in range(y.shape[1])]
        move = np.array([[moves[c][i] for c in range(y.shape[1])] for i in range(len(y))], dtype=object)
        size = max((abs(entry) for entry in move.ravel()), default=context.zero)
        if not size < last / 2:
            break
        y, last = y + move, size
    return y


def _solved(context: Any, along: list[Array], off: Array, c: int, back: bool = False) -> Any:
    """(I - D Phi)^-1 times a column, or the transposed inverse times it."""
    N = len(along)
    matrix = context.matrix([[int(i == j) - along[j][i, c] for j in range(N)] for i in range(N)])
    return context.lu_solve(matrix.T if back else matrix, context.matrix(off[:, c].tolist()))


def in_balls(relation: Relation, bracketing: Relation, start: Any) -> Any:
    """An enclosure of the solution near what Newton's method finds; balls without bounds where none is proved.

    `bracketing` is the relation in an arithmetic whose slopes hold those on both sides of a kink.
    """
    try:
        columns = [_column(relation, bracketing, start, c) for c in range(start.ncols())]
    except (NotDecidable, ZeroDivisionError):
        return arb_mat(start.nrows(), start.ncols(), [arb("nan")] * (start.nrows() * start.ncols()))
    return arb_mat(start.nrows(), start.ncols(), [column[i] for i in range(start.nrows()) for column in columns])


def _column(relation: Relation, bracketing: Relation, start: Any, c: int) -> list[Any]:
    N, columns = start.nrows(), start.ncols()

    def read(made: Any) -> Any:
        return arb_mat([[made[i, c]] for i in range(N)])

    def wide(y: Any) -> Any:
        return arb_mat(N, columns, [y[i, 0] for i in range(N) for _ in range(columns)])

    def difference(of: Relation, y: Any) -> Any:
        along = of.along(wide(y))
        return arb_mat([[arb(int(i == j)) - along[j][i, c] for j in range(N)] for i in range(N)])

    y, Y = _newton(lambda v: v - read(relation.value(wide(v))), lambda v: difference(bracketing, v), _mid(read(start)))
    shift = Y * (y - read(relation.value(wide(y))))
    reach = [2 * shift[i, 0].abs_upper() + abs(y[i, 0]) * arb(2) ** (4 - ctx.prec) for i in range(N)]
    one = arb_mat([[int(i == j) for j in range(N)] for i in range(N)])
    for _ in range(INFLATIONS):
        spread = arb_mat([[arb(0, r.upper())] for r in reach])
        found = y - shift + (one - Y * difference(bracketing, y + spread)) * spread
        if all((found[i, 0] - y[i, 0]).abs_upper() < reach[i] for i in range(N)):
            return [found[i, 0] for i in range(N)]
        reach = [2 * (found[i, 0] - y[i, 0]).abs_upper() + r for i, r in enumerate(reach)]
    raise NotDecidable("no box was found that a solution is proved to lie in")


def back_in_floats(relation: Relation, y: Any, bar: Array) -> Array:
    """l with (I - D Phi(y))^T l = bar, column by column; NaN where the matrix is singular."""
    J = np.stack(relation.along(y), axis=2).swapaxes(0, 1)
    try:
        solved = np.linalg.solve(np.eye(len(y)) - J.swapaxes(1, 2), np.broadcast_to(bar, y.shape).T[:, :, None])
    except np.linalg.LinAlgError:
        return np.full_like(bar, np.nan)
    return np.asarray(solved[:, :, 0].T)


def back_in_digits(relation: Relation, y: Array, bar: Array, context: Any) -> Array:
    """The same in mpmath."""
    along = relation.along(y)
    columns = [list(_solved(context, along, bar, c, back=True)) for c in range(y.shape[1])]
    return np.array(columns, dtype=object).T


def back_in_balls(relation: Relation, y: Any, bar: Any) -> Any:
    """The same, enclosed; balls without bounds where the matrix may be singular."""
    N, along = y.nrows(), relation.along(y)
    columns = []
    for c in range(y.ncols()):
        turned = arb_mat([[arb(int(i == j)) - along[i][j, c] for j in range(N)] for i in range(N)])
        try:
            columns.append(turned.solve(arb_mat([[bar[i, c]] for i in range(N)])))
        except ZeroDivisionError:
            columns.append(arb_mat(N, 1, [arb("nan")] * N))
    return arb_mat(N, len(columns), [column[i, 0] for i in range(N) for column in columns])


def _newton(off: Callable[[Any], Any], difference: Callable[[Any], Any], y: Any) -> tuple[Any, Any]:
    """A point close to a solution, and an approximate inverse there, both exact."""
    last = None
    for _ in range(MOST):
        Y = _mid(_mid(difference(y)).inv())
        move = _mid(Y * off(y))
        size = max(float(abs(move[i, 0]).log().mid()) if move[i, 0] != 0 else -np.inf for i in range(move.nrows()))
        if last is not None and not size < last - 0.5:
            return y, Y
        y, last = _mid(y - move), size
        if size == -np.inf:
            return y, Y
    return y, Y


def _mid(matrix: Any) -> Any:
    return arb_mat(matrix.nrows(), matrix.ncols(), [entry.mid() for entry in matrix.entries()])
