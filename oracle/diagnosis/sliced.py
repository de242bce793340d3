"""Residuals of a statement in float64 on a few units and a few steps: what proposals and sieves look at.

The next state of some units R depends on their own rows only. So those units form a recurrence of their own, whose
inputs are the whole state (or s(h), where the nonlinearity is inside) and the samples:

    h_R+ = A_R h_R + d_R s(W_R h + M_R x + b_R)    is the same form with W = 0 and input weights [W_R M_R] on (h, x)

and the equations need not be written again. Nothing here decides; balls do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import VALUES, Float64
from oracle.diagnosis.coefficients import ONE, roughly
from oracle.diagnosis.statement import Statement
from oracle.equations.catalogue import advance
from oracle.equations.implicit import explicit
from oracle.records.exact import Array
from oracle.records.operator import sum_vectors
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

    def only(self, which: Any) -> Slice:
        """A part of the units: an index of `rows`, or several."""
        return replace(self, rows=np.atleast_1d(self.rows[which]))

    def residual(self, s: Any) -> Array:
        """after - Phi(before, X) of the units looked at, (rows, columns), in float64."""
        with np.errstate(all="ignore"):
            if isinstance(s, Statement) and not s.staged and s.input_at == "stated":
                return self._of_rows(s)
            rec = s if isinstance(s, Recurrence) else s.record()
            step = _step(*explicit(rec, self.before, self.after, self.X))
            return np.asarray(self.after[self.rows] - step[self.rows])

    def _of_rows(self, s: Statement) -> Array:
        rows, scale = self.rows, _floats(s.output)
        before = self.before / scale
        sent = before if s.form != "inside" else _activity(s, before)
        small = s.but(
            W=np.zeros((len(rows), len(rows))),
            M=np.concatenate([s.W[rows], s.M[rows]], axis=1),
            b=tuple(part[rows] for part in s.b) if s.form != "inside" or s.bias_at != "moved" else (),
            output=ONE,
            bias_at="stated" if s.form == "inside" and s.bias_at == "moved" else s.bias_at,
            **{name: _some(getattr(s, name), rows) for name in ("tau", "kept", "drive")},
        )
        step = _step(roughly(small).altered(), before[rows], np.concatenate([sent, self.X]))
        return np.asarray(self.after[rows] - step * (scale[rows] if scale.ndim else scale))


def _activity(s: Statement, before: Array) -> Array:
    """s(h), or s(h + b) where a bias was moved inside."""
    moved = _floats(sum_vectors(s.b, s.N)) if s.b and s.bias_at == "moved" else 0.0
    return np.asarray(VALUES[s.activation](before + moved))


def _step(rec: Any, before: Array, X: Array) -> Array:
    ops = Float64()
    return np.asarray(advance(ops, rec, ops.lift(before), ops.lift(X)))


def _some(factor: Any, rows: Array) -> Any:
    return factor[rows] if isinstance(factor, np.ndarray) else factor


def _floats(factor: Any) -> Array:
    """An exact scalar, or a diagonal as a column, in float64."""
    read = Float64()._factor(factor)
    return np.asarray(read)
