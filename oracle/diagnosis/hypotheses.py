"""Hypotheses: a record and a reading of the recorded run, under which every residual has to be inside its bound.

A deviation of the equation changes the record. A deviation of the bookkeeping (inputs one step late, the state not
carried) changes which states and samples belong to a step. Three looks at each, from cheap to certain: a few units and
steps in float64; a rigorous sieve in float64 on a few steps; balls on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.check.evidence import Evidence
from oracle.check.overflow import may_overflow
from oracle.diagnosis.readings import Steps, own_steps
from oracle.diagnosis.sliced import Slice
from oracle.equations.catalogue import advance
from oracle.equations.implicit import explicit
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence
from oracle.tolerance.residuals import residuals
from oracle.tolerance.statistic import Statistic, scatter, statistic

PROBED_COLUMNS = 64  # single steps looked at in float64 before balls are asked
FIRST_COLUMNS, FIRST_ROWS = 6, 8  # and the steps and units of the very first look

LOOSE = 256.0
"""How much larger than the documented one the bound of an explanation may be, in the first look. A deviation replaces
terms of a step by others of like size; only one whose terms are 256 times larger would be overlooked, never claimed."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One reading of what the candidate computes; `names` are all its names, `shown` what was fitted."""

    names: tuple[str, ...]
    stated: Any
    steps: Steps
    model: Precision
    shown: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def rec(self) -> Recurrence:
        """The record; a recurrence is its own statement."""
        made: Recurrence = self.stated if isinstance(self.stated, Recurrence) else self.stated.record()
        return made


@dataclass(frozen=True, eq=False)
class Sieve:
    """The first look: residuals of a few units on a few steps against the documented bound, generously.

    What belongs to a reading of the run, and not to a hypothesis, is kept: its few steps and the documented bounds.
    """

    evidence: Evidence
    kept: dict[tuple[int, ...], tuple[Steps, Any]] = field(default_factory=dict)

    @cached_property
    def rows(self) -> Array:
        """Units looked at: spread evenly, and the one that is furthest off at first."""
        N = self.evidence.rec.N
        return np.unique([*np.linspace(0, N - 1, min(FIRST_ROWS, N)).astype(int), self.furthest])

    @cached_property
    def furthest(self) -> int:
        """The unit that is furthest off as documented, on a few steps."""
        few, bound = self._probed
        with np.errstate(all="ignore"):
            ratio = np.abs(few.after - float_step(self.evidence.rec, few)) / bound
        return int(np.argmax(np.max(np.where(np.isfinite(ratio), ratio, 0.0), axis=1, initial=0.0)))

    @cached_property
    def allowed(self) -> float:
        """Residuals beyond this are no rounding under any hypothesis of like size."""
        rec, model = self.evidence.rec, self.evidence.model
        few, bound = self._probed
        largest = float(np.max(bound[np.isfinite(bound)], initial=0.0))
        size = max(float(np.max(np.abs(part[np.isfinite(part)]), initial=0.0)) for part in few[:2])
        return LOOSE * max(largest, model.storage * (rec.N + rec.I) * size)

    @cached_property
    def smallest(self) -> float:
        """A residual beyond this is no rounding of the documented step: its largest bound."""
        return float(np.max(self._probed[1], initial=0.0))

    @cached_property
    def _probed(self) -> tuple[Steps, Array]:
        """Some of the recorded steps, and their documented bounds."""
        few = _some(own_steps(self.evidence), PROBED_COLUMNS)
        return few, self.evidence.bound(self.evidence.rec, *few)

    def passes(self, stated: Any, steps: Steps) -> bool:
        """Whether a statement is worth a second look."""
        return self.distance(stated, steps) <= self.allowed

    def distance(self, stated: Any, steps: Steps) -> float:
        """The largest residual of the first look; 0 for what is no statement, which is not looked at."""
        if isinstance(stated, Recurrence):
            return 0.0
        residual = np.abs(self._residual(stated, steps, self.rows))
        return float(np.max(residual, initial=0.0, where=np.isfinite(residual)))

    def off(self, stated: Any, steps: Steps) -> Array:
        """The units that are certainly off under a statement, on very few steps; a boolean for each."""
        residual = np.abs(self._residual(stated, steps, np.arange(self.evidence.rec.N)))
        return np.asarray((np.isfinite(residual) & (residual > self.allowed)).any(axis=1))

    def _residual(self, stated: Any, steps: Steps, rows: Array) -> Array:
        few: Steps = self._once((id(steps),), steps, lambda: _some(steps, FIRST_COLUMNS))
        return Slice(*few, rows).residual(stated)

    def part(self, steps: Steps, columns: int, rows: int) -> Slice:
        """Some steps and units."""
        made: Slice = self._once((id(steps), columns, rows), steps, lambda: self._sliced(steps, columns, rows))
        return made

    def _sliced(self, steps: Steps, columns: int, rows: int) -> Slice:
        finite = np.flatnonzero(np.isfinite(steps.before).all(axis=0) & np.isfinite(steps.after).all(axis=0))
        few = Steps(*(part[:, spread(finite, columns)] for part in steps))
        N = self.evidence.rec.N
        return Slice(*few, np.unique([*np.linspace(0, N - 1, min(rows, N)).astype(int), self.furthest]))

    def bound(self, part: Slice, steps: Steps) -> Array:
        """The documented bounds of the residuals of a part of these steps."""
        documented = self.evidence.rec
        made: Array = self._once(
            (id(part),), steps, lambda: self.bounded(self.evidence.bound(documented, *part.steps)[part.rows])
        )
        return made

    def bounded(self, bound: Array) -> Array:
        """For relu a unit's largest bound, or the largest of all: a silent unit may be active in the program."""
        if self.evidence.rec.activation != "relu":
            return bound
        each, most = bound.max(axis=1, keepdims=True, initial=0.0), bound.max(initial=0.0)
        each = np.where(each > self.evidence.model.storage * most, each, most)  # a silent one's is for underflow alone
        return np.asarray(np.broadcast_to(each, bound.shape))

    def _once(self, key: tuple[int, ...], steps: Steps, make: Callable[[], Any]) -> Any:
        """Made once for these steps, which are kept too, so that no others get their place in memory."""
        if key not in self.kept:
            self.kept[key] = (steps, make())
        return self.kept[key][1]


def _some(steps: Steps, count: int) -> Steps:
    """Steps spread evenly over those that start from numbers."""
    at = spread(np.flatnonzero(np.isfinite(steps.before).all(axis=0)), count)
    return Steps(*(part[:, at] for part in steps))


def spread(finite: Array, count: int) -> Array:
    """So many of these indices, spread evenly."""
    return finite[np.unique(np.linspace(0, len(finite) - 1, count).astype(int))] if finite.size else finite


def plausible(hypothesis: Hypothesis, evidence: Evidence) -> bool:
    """A rigorous sieve in float64: an explanation cannot have a float64 residual beyond twice its bound.

    The float64 evaluation is itself an honest program, so it is within one bound of the exact step, and the exact
    residual has to be within another.
    """
    before, after, X = _some(hypothesis.steps, PROBED_COLUMNS)
    bound = evidence.bound(hypothesis.rec, before, after, X, hypothesis.model)
    with np.errstate(all="ignore"):
        residual = np.abs(after - float_step(hypothesis.rec, Steps(before, after, X)))
        return bool(np.all((residual <= 2 * bound * (1 + 2.0**-40)) | ~np.isfinite(residual)))


def float_step(rec: Recurrence, steps: Steps) -> Array:
    """Where the steps of a record lead, (N, columns), in float64."""
    ops = Float64()
    rec, before, X = explicit(rec, *steps)
    return np.asarray(advance(ops, rec, ops.lift(before), ops.lift(X)))


def worst_under(hypothesis: Hypothesis, evidence: Evidence) -> float:
    """Largest certified residual / bound under the hypothesis.

    A trajectory that overflows is looked at until it does, and only overflows where a term of its step may.
    """
    started = np.isfinite(hypothesis.steps.before).all(axis=0)
    if not started.any():
        return float("inf")
    before, after, X = (part[:, started] for part in hypothesis.steps)
    bound = evidence.bound(hypothesis.rec, before, after, X, hypothesis.model)
    upper = residuals(hypothesis.rec, before, after, X, bound).upper
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(upper == 0, 0.0, upper / bound)
    ratio = np.where(~np.isfinite(after) & may_overflow(bound, hypothesis.model), 0.0, ratio)
    return float(np.where(np.isnan(ratio), np.inf, ratio).max(initial=0.0))


def statistic_under(hypothesis: Hypothesis, evidence: Evidence) -> Statistic:
    """What the residuals look like under the hypothesis, observed."""
    before, after, X = hypothesis.steps
    r = residuals(hypothesis.rec, before, after, X, evidence.bound(hypothesis.rec, before, after, X)).upper
    usable = np.isfinite(r).all(axis=0)
    scale = scatter(hypothesis.rec, before[:, usable], X[:, usable], after[:, usable])
    return statistic(r[:, usable], scale, evidence.model)


def merged(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    """Hypotheses that are one and the same record under several names, joined."""
    kept: list[Hypothesis] = []
    for new in hypotheses:
        for i, old in enumerate(kept):
            if old.steps is new.steps and one_map(old.rec, new.rec):
                names = old.names if set(new.names) <= set(old.names) else old.names + new.names
                kept[i] = replace(old, names=names, shown={**new.shown, **old.shown})
                break
        else:
            kept.append(new)
    return kept


def one_map(a: Recurrence, b: Recurrence) -> bool:
    """Whether two records are one map; linear ones are compared as such, however their coefficients are split."""
    if a.same_map(b):
        return True
    linear = a.activation == b.activation == "identity" and a.equation == b.equation == "lure"
    return linear and a.collapsed().same_map(b.collapsed())
