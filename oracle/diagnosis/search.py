"""The search for an explanation: hypotheses from cheap to expensive, each stage joined, sieved and certified.

A stage is asked only if the ones before it explain nothing, so that an explanation is the simplest one. Within a stage
everything that agrees with the data is kept: what the run cannot separate is named together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from oracle.check.evidence import Evidence
from oracle.check.format_seen import too_coarse
from oracle.check.judge import start_of
from oracle.diagnosis.delayed import delayed
from oracle.diagnosis.deviating import deviating
from oracle.diagnosis.deviations import DEVIATIONS
from oracle.diagnosis.families import Family, families, step_families
from oracle.diagnosis.fit import LARGER, PATIENCE, Fit, exact, fitted, largest, promising, proposals
from oracle.diagnosis.hypotheses import (
    Hypothesis,
    Sieve,
    float_step,
    merged,
    plausible,
    statistic_under,
    worst_under,
)
from oracle.diagnosis.implied import Implied, implied
from oracle.diagnosis.normal import NormalStatement
from oracle.diagnosis.nudged import entry_families
from oracle.diagnosis.readings import Steps, own_steps, rereadings
from oracle.diagnosis.repeated import repetitions
from oracle.diagnosis.site import sub_expression
from oracle.diagnosis.sliced import Slice
from oracle.diagnosis.statement import Statement
from oracle.diagnosis.weights import (
    MOST_SHARE,
    SPARE,
    Proposal,
    all_entries,
    few_entries,
    inputs_reordered,
    other_matrices,
    recovered,
    rolled,
)
from oracle.records.exact import Array

FIT_COLUMNS, FIT_ROWS = 48, 8  # steps and units of the first fit of an unknown
SYSTEM_COLUMNS = 1024  # steps from which weights are recovered
PAIR_UNITS = 512  # beyond, pairs and states one step late are not tried: their certificates would take minutes
ROLLS = 64  # units the recurrent weights may be shifted along by
OFF_SHARE = 3  # at most one unit in three may be off in another way, where most units tell a number
FIRST_ORDER = 0.5  # of the squares that a wrong entry may leave to first order, where another deviation is there too
LARGER_OF_TWO = 8.0  # the same where another deviation is taken for granted, which is asked hundreds of times
MOST = 16  # pairs of which no more are judged by their bounds, in each stage


@dataclass(frozen=True, eq=False)
class Certified:
    """A hypothesis that brings every residual inside its bound, and the largest residual / bound."""

    hypothesis: Hypothesis
    worst: float


@dataclass(frozen=True, eq=False)
class Search:
    """Hypotheses about one run of one documented statement."""

    evidence: Evidence
    stated: Any
    documented_fails: bool = True  # so that a hypothesis that is the documented map explains nothing
    given: Steps | None = None  # other steps than the recorded ones, where their bookkeeping is taken for granted
    documented_inside: bool = False  # the documented map fails by its statistic alone, so that has to be explained
    second: bool = False  # of two deviations, the first one taken for granted: what is no promising fit is not fitted
    sieve: Sieve = None  # type: ignore[assignment]  # the first look, one for all searches with this evidence

    def __post_init__(self) -> None:
        if self.sieve is None or self.sieve.evidence is not self.evidence:
            object.__setattr__(self, "sieve", Sieve(self.evidence))

    @cached_property
    def own(self) -> Steps:
        """The recorded steps as they are."""
        return own_steps(self.evidence) if self.given is None else self.given

    @cached_property
    def readings(self) -> list[tuple[str, Steps]]:
        """The recorded steps under other bookkeeping."""
        return list(rereadings(self.evidence))

    @cached_property
    def starts_as_documented(self) -> bool:
        """Whether the first row is h0, up to rounding: a wrong one is not explained by another equation."""
        return start_of(self.evidence) is None

    def about(self, names: str, stated: Any, steps: Steps | None = None, **shown: Any) -> Hypothesis:
        """A hypothesis about this run."""
        return Hypothesis(tuple(names.split("|")), stated, steps or self.own, self.evidence.model, shown)

    def certified(self, hypotheses: Iterable[Hypothesis], most: int | None = None) -> list[Certified]:
        """Those that pass every look; names of one and the same record are joined.

        Parameters
        ----------
        hypotheses : iterable of Hypothesis
        most : int, optional
            How many are looked at a second time, the nearest first: in a narrow format the first look rejects little.
        """
        seen = [h for h in hypotheses if self.sieve.passes(h.stated, h.steps)]
        if most is not None and len(seen) > most:
            seen = sorted(seen, key=lambda h: self.sieve.distance(h.stated, h.steps))[:most]
        found = []
        for h in merged([h for h in seen if plausible(h, self.evidence)]):
            worst = worst_under(h, self.evidence)
            if worst > 1 or self._as_documented(h) or (self._coarse(h) if self.documented_inside else self._vague(h)):
                continue
            found.append(Certified(h, worst))
        return sorted(found, key=lambda c: c.worst)

    def _as_documented(self, h: Hypothesis) -> bool:
        """Whether this is the documented map; where that has a residual outside, what has none is another one."""
        if not (self.documented_fails and self.documented_inside) or h.steps is not self.own:
            return False
        return h.stated is not self.evidence.rec and h.rec.same_map(self.evidence.rec)

    def _vague(self, h: Hypothesis) -> bool:
        """Whether the documented map is inside the bound of a hypothesis as well: one that wide explains nothing.

        A step that is repeated has such bounds: those of its steps are multiplied.
        """
        documented = self.evidence.rec
        if h.rec.I != documented.I:
            return False  # an earlier state is one more input there
        bound = self.evidence.bound(h.rec, *h.steps, h.model)
        with np.errstate(all="ignore"):
            outside = np.abs(h.steps.after - float_step(documented, h.steps)) > bound
        return not outside.any() and not h.rec.same_map(documented)

    def _coarse(self, h: Hypothesis) -> bool:
        return too_coarse(self.evidence, statistic_under(h, self.evidence))

    def first(self, hypotheses: Iterable[Hypothesis]) -> list[Certified]:
        """The first that is certified."""
        return next((found for h in hypotheses if (found := self.certified([h]))), [])

    # Stage 1: one named deviation.

    def singles(self) -> list[Certified]:
        """One deviation of the equation, or of the bookkeeping."""
        found = self.certified([*self._edits(), *(self.about(n, self.documented, s) for n, s in self.readings)])
        about_alpha = {name for name, row in DEVIATIONS.items() if row.slot in ("alpha", "form")}
        if any(about_alpha & set(c.hypothesis.names) for c in found):  # the same, perhaps, as another alpha
            found += [c for f in step_families(self.stated) for c in self.fit(f) if _new(c, found)]
        return found

    @property
    def documented(self) -> Any:
        """The documented equation."""
        return self.evidence.rec if self.stated is None else self.stated

    def _edits(self) -> Iterator[Hypothesis]:
        if self.stated is not None and self.starts_as_documented:
            yield from (self.about(name, other) for name, other in self.edits)
            yield from (self.about(name, other, times=other.times) for name, other in repetitions(self.stated))

    @cached_property
    def edits(self) -> list[tuple[str, Any]]:
        """Every named edit of the statement."""
        return list(deviating(self.stated))

    def late(self) -> list[Certified]:
        """A part of the step that is one step late."""
        if self.evidence.rec.N > PAIR_UNITS or self.given is not None or not self.starts_as_documented:
            return []
        return self.certified(self.about(name, rec, steps) for name, rec, steps in delayed(self.evidence))

    # Stages 2 and 3: one unknown number, or one per unit.

    def numbers(self) -> list[Certified]:
        """One unknown number."""
        return [c for f in self._families(0) for c in self.fit(f)]

    def numbers_per_unit(self) -> list[Certified]:
        """One unknown number per unit."""
        return [c for f in self._families(1) for c in self.fit(f)]

    def _families(self, ndim: int) -> Iterator[Family]:
        if self.stated is not None and self.starts_as_documented:
            yield from (f for f in families(self.stated) if np.ndim(f.start) == ndim)

    def fit(self, family: Family, steps: Steps | None = None, prefix: str = "") -> list[Certified]:
        """A fitted member of a family, its simplest number that is certified."""
        if self.second and not np.ndim(family.start) and not promising(family, *self._first_look):
            return []
        part, bound = self._part(steps or self.own, FIT_COLUMNS, FIT_ROWS)
        found, bound = self._fitted(family, part, bound)
        if found is None:
            return []
        if np.ndim(family.start):
            part, bound = self._part(steps or self.own, SYSTEM_COLUMNS // 4, self.evidence.rec.N)
            documented = bound
            found, bound = self._fitted(family, part, bound)
            if found is None or not self._determined(part, documented, found):
                return []
        return self.first(
            self.about(prefix + family.name, made, steps, **_shown(family, value, found))
            for value, made in proposals(family, found)
            if largest(np.abs(part.residual(made)) / bound) <= self.left
        )

    @cached_property
    def _first_look(self) -> tuple[Slice, Array]:
        """Some steps and units, and what the statement leaves there."""
        part = self.sieve.part(self.own, FIT_COLUMNS, FIT_ROWS)
        return part, part.residual(self.stated)

    def of_most_units(self, family: Family) -> tuple[Any, Any] | None:
        """The number of a family, and its statement, that fits every unit alone but a few; None where there is none."""
        part, bound = self._part(self.own, FIT_COLUMNS, self.evidence.rec.N)
        found = [self._fitted(family, part.only(i), bound[i : i + 1])[0] for i in range(len(part.rows))]
        fits = [i for i, fit in enumerate(found) if fit is not None]
        if len(fits) in (0, len(found)) or OFF_SHARE * (len(found) - len(fits)) > len(found):
            return None
        middle = float(np.median([float(fit.value) for fit in found if fit is not None]))
        return next(
            (
                (value, made)
                for value, made in proposals(family, Fit(middle, 0.0, 0.0))
                if largest(np.abs(part.only(fits).residual(made)) / bound[fits]) <= self.left
            ),
            None,
        )

    def _fitted(self, family: Family, part: Slice, bound: Array) -> tuple[Fit | None, Array]:
        """A fit inside the documented bound, or inside its own where its terms are larger, and that bound."""
        found = fitted(family, part, bound, 1 if self.second else PATIENCE)
        if found is None or found.worst <= self.left:
            return found, bound
        if not found.worst <= (LARGER_OF_TWO if self.second else LARGER) * self.left:
            return None, bound
        made = family.make(exact(found.value)).record()
        own = self.sieve.bounded(self.evidence.bound(made, part.before, part.after, part.X)[part.rows])
        residual = np.abs(part.residual(family.make(exact(found.value))))
        return (found if largest(residual / own) <= self.left else None), own

    @property
    def left(self) -> float:
        """Bounds a float64 fit may leave: the certificate allows one, and float64 may add one of its own."""
        return 1 + 2.0**-53 / self.evidence.model.storage

    def _determined(self, part: Slice, bound: Array, found: Fit) -> bool:
        """Whether every unit with another value than documented has steps to spare that show it."""
        off = np.abs(part.residual(self.stated)) > bound
        shown = off.sum(axis=1)
        return bool(np.all((shown == 0) | (shown > SPARE)))

    def _part(self, steps: Steps, columns: int, rows: int) -> tuple[Slice, Array]:
        """Some steps and units, with the documented bounds of their residuals."""
        part = self.sieve.part(steps, columns, rows)
        return part, self.sieve.bound(part, steps)

    # Stage 4: other weights.

    def weights(self) -> list[Certified]:
        """Input channels, units or rows in another order; a few wrong entries; masks."""
        if found := self._reordered():
            return found
        if not isinstance(self.stated, Statement) or not self.starts_as_documented or self.stated.staged:
            return self._entries() or self._rolls()
        few = few_entries(self.stated, self._system, self.left)
        many = bool(few) and MOST_SHARE * few[0].shown["changed"] > self.stated.N * self._system.seen.shape[1]
        if few and not many and (found := self._proposed(few)):
            return found
        total = self._recovered
        found = self._rolls() if total is None else self._proposed(other_matrices(self.stated, total))
        return found or (self._proposed(few) if many else [])

    def other_weights(self) -> list[Certified]:
        """The weights that the run determines, all of them other ones."""
        if not isinstance(self.stated, Statement) or not self.starts_as_documented or self.stated.staged:
            return []
        return [] if self._recovered is None else self._proposed(all_entries(self.stated, self._recovered))

    @cached_property
    def _system(self) -> Implied:
        """The arguments of the nonlinearity that the run implies."""
        part, bound = self._part(self.own, SYSTEM_COLUMNS, self.evidence.rec.N)
        return implied(self.stated, Steps(*part.steps), bound)

    @cached_property
    def _recovered(self) -> Array | None:
        """The weights that the run implies."""
        return recovered(self.stated, self._system)

    def _entries(self) -> list[Certified]:
        """One wrong entry, of a step without a normal form."""
        if self.stated is None or isinstance(self.stated, NormalStatement) or not self.starts_as_documented:
            return []
        part, bound = self._part(self.own, SYSTEM_COLUMNS // 4, self.evidence.rec.N)
        if part.before.shape[1] <= 2 * SPARE:
            return []
        left = FIRST_ORDER if self.second else 1.0
        return [c for f in entry_families(self.stated, part, bound, left) for c in self.fit(f)]

    def entries(self) -> list[Certified]:
        """A few wrong entries, and nothing else: of a second deviation, in a few units."""
        if self.second and not self.few_units_off():
            return []
        if not isinstance(self.stated, Statement) or self.stated.staged:
            return self._entries()
        return self._proposed(few_entries(self.stated, self._system, self.left))

    def few_units_off(self) -> bool:
        """Whether most units follow: in a cell where an entry tells its own unit alone, the others do."""
        if self.stated is None or self.stated.staged or getattr(self.stated, "equation", "") == "gru-reset-before":
            return True
        off = self.sieve.off(self.stated, self.own)
        return int(off.sum()) <= max(len(off) // OFF_SHARE, 1)

    def where(self) -> tuple[int, str | None]:
        """The unit that is furthest off, and the sub-expression its residuals point to."""
        part, bound = self._part(self.own, SYSTEM_COLUMNS, self.evidence.rec.N)
        if self.stated is None or not part.before.size:
            return self.sieve.furthest, None
        return sub_expression(self.stated, part, bound)

    def _reordered(self) -> list[Certified]:
        if self.stated is None or not self.starts_as_documented:
            return []
        return self._proposed(inputs_reordered(self.stated))

    def _rolls(self) -> list[Certified]:
        if self.stated is None or not self.starts_as_documented:
            return []
        return self._proposed(rolled(self.stated, ROLLS))

    def _proposed(self, made: Iterable[Proposal]) -> list[Certified]:
        return self.first(self.about(p.name, p.stated, **p.shown) for p in made)


def _shown(family: Family, value: Any, fit: Fit) -> dict[str, Any]:
    """What is said about a fitted unknown: its value, the documented one, and how far it may be off (observed)."""
    shown: dict[str, Any] = {family.unknown: value}
    if family.documented:
        shown["documented"] = family.start
    return {**shown, "spread": fit.spread} if np.ndim(family.start) == 0 else shown


def _new(c: Certified, found: list[Certified]) -> bool:
    return not any(set(c.hypothesis.names) <= set(other.hypothesis.names) for other in found)
