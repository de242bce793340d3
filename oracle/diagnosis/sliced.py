"""Residuals of a statement in float64 on a few units and a few steps: what proposals and sieves look at.

The next state of some units depends on their own rows of the weights only, and a glance computes no others. What is no
statement of a convention is evaluated by its record. Nothing here decides; balls do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.diagnosis.glance import glance, seen_at_a_glance
from oracle.equations.catalogue import advance
from oracle.equations.implicit import explicit
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence


@dataclass(frozen=True, eq=False)
class Slice:
    """Some units and some single steps of a run.

    Attributes
    ----------
    before, after, X : ndarray, (N, columns), (N, columns), (I, columns)
    rows : ndarray of int
        The units looked at.
    """

    before: Array
    after: Array
    X: Array
    rows: Array

    @property
    def steps(self) -> tuple[Array, Array, Array]:
        """States before and after, and inputs."""
        return self.before, self.after, self.X

    def only(self, which: Any) -> Slice:
        """A part of the units: an index of `rows`, or several."""
        return replace(self, rows=np.atleast_1d(self.rows[which]))

    def residual(self, s: Any) -> Array:
        """after - Phi(before, X) of the units looked at, (rows, columns), in float64."""
        with np.errstate(all="ignore"):
            if seen_at_a_glance(s):
                return np.asarray(self.after[self.rows] - glance(s, self.before, self.X, self.rows))
            rec = s if isinstance(s, Recurrence) else s.record()
            ops = Float64()
            rec, before, X = explicit(rec, self.before, self.after, self.X)
            return np.asarray(self.after[self.rows] - advance(ops, rec, ops.lift(before), ops.lift(X))[self.rows])
