"""What is read off a run beside its verdict: the worst error of the activation, and residuals in ulps. Observed.

Of a long run that passes it is read off some of its steps, and only when somebody asks for it: it takes as long as a
fifth of the verdict, which is all that most callers want.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from oracle.check.evidence import Evidence
from oracle.check.ulps import in_ulps
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence
from oracle.tolerance.activation_error import ActivationSeen, activation_seen
from oracle.tolerance.residuals import residuals

ACTIVATIONS_SEEN = 2**13
"""Elements of a passing run whose activation error is looked at: a few milliseconds."""


class Looked(NamedTuple):
    """The worst error of the activation, and counts of residuals in ulps (`oracle.check.ulps`)."""

    activation: ActivationSeen | None = None
    ulps: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Later:
    """The same, read off single steps when it is first asked for.

    Attributes
    ----------
    before, after, X, residual : ndarray, (N, steps), (N, steps), (I, steps), (N, steps)
        The steps, and their certified residuals, NaN where one is not known.
    number : ndarray of int, (steps,)
        Which steps of the run they are: k leads to H[k].
    """

    rec: Recurrence
    model: Precision
    before: Array
    after: Array
    X: Array
    residual: Array
    number: Array

    @cached_property
    def activation(self) -> ActivationSeen | None:
        """The worst error of the activation in some of the steps."""
        at = spread(self.number.size, self.rec.N)
        before, X, residual = (np.ascontiguousarray(part[:, at]) for part in (self.before, self.X, self.residual))
        seen = activation_seen(self.rec, before, X, residual, self.model, 1)
        return None if seen is None else replace(seen, step=int(self.number[at[seen.step - 1]]))

    @cached_property
    def ulps(self) -> tuple[int, ...]:
        """Counts of residuals in ulps."""
        return in_ulps(self.residual, self.after, self.model.storage)


def spread(steps: int, N: int) -> Array:
    """As many steps as have `ACTIVATIONS_SEEN` elements, spread evenly."""
    return np.unique(np.linspace(0, steps - 1, max(1, ACTIVATIONS_SEEN // N)).astype(int))


def later(evidence: Evidence, rows: Array, residual: Array) -> Looked | Later:
    """What some steps of a run show, by their column, with their residuals (N, steps)."""
    if not rows.size:
        return Looked()
    before, after = (np.ascontiguousarray(part[:, rows]) for part in (evidence.before, evidence.after))
    X = evidence.run.X.reshape(evidence.run.steps * evidence.run.batch, evidence.rec.I)[rows].T
    return Later(evidence.rec, evidence.model, before, after, X, residual, rows // evidence.run.batch + 1)


def activation_of(evidence: Evidence) -> ActivationSeen | None:
    """The worst error of the activation in a run that passes, of whose residuals nothing is kept."""
    steps = evidence.run.steps * evidence.run.batch
    if evidence.recorded.rounded or not steps:
        return None
    rows = spread(steps, evidence.rec.N)
    before, after = (np.ascontiguousarray(part[:, rows]) for part in (evidence.before, evidence.after))
    X = np.ascontiguousarray(evidence.run.X.reshape(steps, evidence.rec.I)[rows].T)
    signed = residuals(evidence.rec, before, after, X, np.full(before.shape, np.inf)).signed
    found = later(evidence, rows, signed)
    return found.activation
