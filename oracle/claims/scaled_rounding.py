"""What rounding may do to one step of a program whose time was rescaled: the one-step bound with R's roundings counted.

Such a program computes the same exact step. Each of its coefficients carries up to three roundings more than one that
was stored as it is: the product r A (r B, r E, r c), the quotient Delta / r, and the product with a coefficient that
was 1 before. The stored r is the factor, whatever was asked for: it cancels, and storing it costs nothing. An
exponential exp(Delta A) takes the roundings of its argument times the argument's size.
"""

from __future__ import annotations

import numpy as np

from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.equations.catalogue import advance
from oracle.records.exact import Array, Constant, Diagonal
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence

SCALING_ROUNDINGS = 3
"""r times the coefficient, the step divided by r, and a product where the coefficient was 1."""
_U = 2.0**-53


class ScaledRounding(Rounding):
    """The rounding interpretation with the roundings of R on every coefficient, used or not."""

    def lift(self, exact: Array) -> Rounded:
        """A stored vector such as c, and r times it."""
        value = super().lift(exact)
        return value._replace(growth=value.growth + SCALING_ROUNDINGS * float(self._store))

    def _forming(self, factor: Diagonal) -> float:
        entries = factor.tolist() if isinstance(factor, np.ndarray) else [factor]
        atoms = [a for entry in entries if isinstance(entry, Constant) for monomial in entry.terms for a, _ in monomial]
        steepest = int(np.ceil(max((abs(float(a.argument)) for a in atoms), default=0.0)))
        return super()._forming(factor) + SCALING_ROUNDINGS * (1 + steepest) * float(self._store)


def scaled_bound(rec: Recurrence, H: Array, X: Array, model: Precision) -> Array:
    """Upper bound of |computed - exact| after one step from H (N, columns) with X (I, columns), after R."""
    ops = ScaledRounding(model)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        state = Rounded(H, np.abs(H), np.zeros_like(H), 0.0)
        bound = advance(ops, rec, state, ops.lift(X)).bound()
    return np.asarray(np.nextafter(bound * (1 + 4 * _U), np.inf))
