"""Certified residuals: r_k = H[k+1] - Phi(H[k], x_k), on the candidate's own states, in balls.

Teacher forcing leaves no error growth, and all steps are columns of one evaluation. Working precision is raised until
every element is decided, or the named limit is reached.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.arithmetic.ball import Ball, lower_floats, middles, precision, upper_floats
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

FIRST_BITS = 128  # float64 data has residuals of 2^-53; more than twice that decides all but exact ties
LAST_BITS = 2048  # enough for data spread over the whole exponent range of float64
BLOCK = 200_000  # elements evaluated at once: about 50 MB of balls


class Residuals(NamedTuple):
    """Rigorous bounds of |r| and a float64 value of r, each (N, columns)."""

    lower: Array
    upper: Array
    signed: Array

    def decided(self, bound: Array) -> Array:
        """Whether each |r| is certainly inside or certainly outside its bound."""
        inside = self.upper <= bound
        outside = self.lower > bound
        return np.asarray(inside | outside)


def residuals(rec: Recurrence, before: Array, after: Array, X: Array, bound: Array) -> Residuals:
    """Certified residuals of single steps.

    Parameters
    ----------
    rec : Recurrence
    before, after : ndarray, (N, columns)
        States as recorded (exact).
    X : ndarray, (I, columns)
    bound : ndarray, (N, columns)
        What the residuals will be compared with; decides how precise they have to be.

    Returns
    -------
    Residuals
        A step from a state that is not finite has infinite residuals, and so has a unit that is not finite after it.
    """
    finite, broken = np.isfinite(before).all(axis=0), ~np.isfinite(after)
    after = np.where(broken, 0.0, after)
    shape = before.shape
    result = Residuals(np.full(shape, np.inf), np.full(shape, np.inf), np.full(shape, np.nan))
    todo, bits = np.flatnonzero(finite), FIRST_BITS
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


def _evaluate(rec: Recurrence, before: Array, after: Array, X: Array, bits: int) -> Residuals:
    with precision(bits):
        ops = Ball()
        difference = ops.lift(after) - advance(ops, rec, ops.lift(before), ops.lift(X))
        return Residuals(lower_floats(difference), upper_floats(difference), middles(difference))
