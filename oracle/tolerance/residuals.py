"""Certified residuals: r_k = H[k+1] - Phi(H[k], x_k), on the candidate's own states.

Teacher forcing leaves no error growth, and all steps are columns of one evaluation: first in pairs of floats, which
give a residual to about 2^-60 of its terms, then in balls for the columns where that does not decide. Their working
precision is raised until every element is decided, or the named limit is reached.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.arithmetic.ball import Ball, lower_floats, middles, precision, upper_floats
from oracle.arithmetic.memory import keep_freed_memory
from oracle.arithmetic.pairs import Pairs
from oracle.equations.catalogue import advance
from oracle.equations.implicit import explicit
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

FIRST_BITS = 128  # float64 data has residuals of 2^-53; more than twice that decides all but exact ties
LAST_BITS = 2048  # enough for data spread over the whole exponent range of float64
BLOCK = 200_000  # elements evaluated at once: about 50 MB of balls
FEWEST = 1000  # elements for which pairs are used: balls take 10 microseconds each, making the table of tanh 30 ms
PAIRS = 2**15  # elements of pairs evaluated at once: their temporaries stay in the cache
_U = 2.0**-53


class Residuals(NamedTuple):
    """Rigorous bounds of |r| and a float64 value of r, each (N, columns)."""

    lower: Array
    upper: Array
    signed: Array

    def decided(self, bound: Array) -> Array:
        """Whether each |r| is certainly inside or certainly outside its bound."""
        inside = (self.upper <= bound) & np.isfinite(self.upper)
        outside = self.lower > bound
        return np.asarray(inside | outside)


def residuals(
    rec: Recurrence, before: Array, after: Array, X: Array, bound: Array, fewest: int | None = None
) -> Residuals:
    """Certified residuals of single steps.

    Parameters
    ----------
    rec : Recurrence
    before, after : ndarray, (N, columns)
        States as recorded (exact).
    X : ndarray, (I, columns)
    bound : ndarray, (N, columns)
        What the residuals will be compared with; decides how precise they have to be.
    fewest : int, optional
        Number of elements from which pairs of floats are tried first; below it, balls give every residual to 2^-50.

    Returns
    -------
    Residuals
        A step from a state that is not finite has infinite residuals, and so has a unit that is not finite after it.
    """
    shown = np.where(np.isfinite(after), after, 0.0)
    finite = np.isfinite(before).all(axis=0)
    rec, before, X = explicit(rec, before, shown, X)
    broken = ~np.isfinite(after)
    after = np.where(broken, 0.0, after)
    shape = before.shape
    result = Residuals(np.full(shape, np.inf), np.full(shape, np.inf), np.full(shape, np.nan))
    todo, bits = np.flatnonzero(finite), FIRST_BITS
    if todo.size * shape[0] >= (FEWEST if fewest is None else fewest):
        _in_pairs(rec, before, after, X, result, todo)
        todo = np.flatnonzero(finite & ~result.decided(bound).all(axis=0))
    while todo.size and bits <= LAST_BITS:
        for columns in np.array_split(todo, -(-todo.size * shape[0] // BLOCK)):
            part = _evaluate(rec, before[:, columns], after[:, columns], X[:, columns], bits)
            for target, values in zip(result, part, strict=True):
                target[:, columns] = values
        open_columns = ~(result.decided(bound) | ~np.isfinite(bound)).all(axis=0)
        todo, bits = np.flatnonzero(open_columns & finite), 2 * bits
    for target, value in zip(result, (np.inf, np.inf, np.nan), strict=True):
        target[broken] = value
    return result


def _in_pairs(rec: Recurrence, before: Array, after: Array, X: Array, result: Residuals, columns: Array) -> None:
    """Fill in what pairs of floats say; infinite or NaN where they say nothing."""
    keep_freed_memory()
    ops, whole = Pairs(), columns.size == before.shape[1]
    with np.errstate(all="ignore"):
        for which in np.array_split(columns, -(-columns.size * before.shape[0] // PAIRS)):
            at = slice(which[0], which[-1] + 1) if whole else which
            h, y, x = (np.asfortranarray(part[:, at]) for part in (before, after, X))
            phi = advance(ops, rec, ops.lift(h), ops.lift(x))
            first = y - phi.head
            signed = first - phi.tail
            size = np.abs(signed)
            # Two roundings; those of this line and the next are covered by another two.
            error = (phi.error + (np.abs(first) + size) * (2 * _U)) * (1 + 8 * _U)
            upper = size + error
            result.signed[:, at], result.upper[:, at], result.lower[:, at] = (
                signed,
                upper,
                np.maximum(size - error, 0.0),
            )


def _evaluate(rec: Recurrence, before: Array, after: Array, X: Array, bits: int) -> Residuals:
    with precision(bits):
        ops = Ball()
        difference = ops.lift(after) - advance(ops, rec, ops.lift(before), ops.lift(X))
        return Residuals(lower_floats(difference), upper_floats(difference), middles(difference))
