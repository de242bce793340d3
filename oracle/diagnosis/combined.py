"""Two deviations at once, and states read off activities: searches that start from another reading of the run.

A base is a named edit of the statement, or a reading of the recording. From each, the search for one more deviation is
run again: entries, orders and numbers, and every claim is certified as any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from oracle.check.casts import Sample
from oracle.check.coarse import grid_of
from oracle.check.evidence import Evidence
from oracle.check.format_seen import narrower
from oracle.diagnosis.clipped import clipped_too
from oracle.diagnosis.decimals import in_decimals
from oracle.diagnosis.delayed import delayed
from oracle.diagnosis.deviating import deviating_with_another
from oracle.diagnosis.families import families
from oracle.diagnosis.hypotheses import Hypothesis
from oracle.diagnosis.observed import activities
from oracle.diagnosis.pairs import every_reading, plain_readings, rare_pairs, rare_readings, repeated_too
from oracle.diagnosis.readings import joined, own_steps, paired, shortened
from oracle.diagnosis.search import MOST, Certified, Search
from oracle.diagnosis.statement import Statement
from oracle.diagnosis.weights import Proposal, inputs_reordered, rolled
from oracle.records.precision import PRECISIONS
from oracle.tolerance.residuals import residuals

ACTIVITY = "activity-recorded"
BASE_UNITS = 16  # beyond, no second search is started from a base: there are some seventy of them
BASE_ORDERS = 24  # of the input channels, together with another deviation
BASE_ROLLS = 9  # units the recurrent weights may be shifted along by, together with another deviation


def activity_recorded(search: Search) -> list[Certified]:
    """The documented equation, its activities written down in place of its states."""
    for evidence in activities(search.evidence):
        sub = replace(search, evidence=evidence)
        if found := sub.certified([sub.about(ACTIVITY, sub.documented)]):
            return found
    return []


def with_activities(search: Search) -> list[Certified]:
    """Activities, and one more deviation."""
    for evidence in activities(search.evidence):
        sub = replace(search, evidence=evidence)
        for stage in (sub.singles, sub.numbers, sub.weights, sub.numbers_per_unit):
            if found := stage():
                return _prefixed(ACTIVITY, found)
    return []


def two_readings(search: Search) -> list[Certified]:
    """The documented equation under two deviations of the bookkeeping, or a part of it late in a run that is short."""
    found = search.certified(search.about(name, search.documented, steps) for name, steps in paired(search.evidence))
    if found or search.evidence.rec.N > BASE_UNITS:
        return found
    return search.certified(
        search.about(joined(other, name), rec, steps)
        for name, shorter in shortened(search.evidence)
        for other, rec, steps in delayed(shorter)
    )


def narrower_states(evidence: Evidence) -> str | None:
    """The format, narrower than promised, that every state is a number of: its type, or observed."""
    if narrower(evidence):
        return evidence.recording.dtype
    if evidence.recorded.rounded:
        return None
    before, after, X = own_steps(evidence)
    off = residuals(evidence.rec, before, after, X, evidence.bound(evidence.rec, before, after, X)).upper
    found = grid_of(Sample(evidence.rec, before, after, X, off), evidence.model)
    return None if found is None else found.name


def in_a_narrower_format(search: Search) -> list[Certified]:
    """States that are all numbers of a narrower format than promised, or decimals, and one more deviation."""
    name = narrower_states(search.evidence)
    narrowed = [] if name is None else [(name, replace(search.evidence, model=PRECISIONS[name]))]
    for name, evidence in (*narrowed, *in_decimals(search.evidence)):
        sub = replace(search, evidence=evidence)
        for stage in (sub.singles, sub.numbers, sub.weights):
            if found := stage():
                return _prefixed(f"precision:{name}", found)
    return []


def with_orders(search: Search) -> list[Certified]:
    """Inputs or units in another order, and one more deviation: of the equation, the bookkeeping, or another order."""
    if search.stated is None or search.evidence.rec.N > BASE_UNITS or not search.starts_as_documented:
        return []
    orders = _orders(search)
    for readings in (plain_readings(search), rare_readings(search)):
        if found := search.certified(
            (search.about(joined(p.name, name), p.stated, steps) for p in orders for name, steps in readings), MOST
        ):
            return found
    if found := search.certified(
        (search.about(joined(p.name, name), other) for p in orders for name, other in deviating_with_another(p.stated)),
        MOST,
    ):
        return found
    return search.certified(
        (
            search.about(joined(p.name, q.name), q.stated)
            for p in islice(inputs_reordered(search.stated), BASE_ORDERS)
            for q in rolled(p.stated, BASE_ROLLS)
        ),
        MOST,
    )


def _orders(search: Search) -> list[Proposal]:
    """Of few channels every one; of more, and of units, shifts and the reversal."""
    return [*islice(inputs_reordered(search.stated), BASE_ORDERS), *rolled(search.stated, BASE_ROLLS)]


def a_number_and_entries(search: Search) -> list[Certified]:
    """A number that most units tell, and entries of the weights or the bias in the others."""
    if not isinstance(search.stated, Statement) or search.evidence.rec.N > BASE_UNITS:
        return []
    if search.stated.staged or not search.starts_as_documented:
        return []
    for family in families(search.stated):
        told = search.of_most_units(family) if np.ndim(family.start) == 0 else None
        if told is not None and (found := replace(search, stated=told[1]).entries()):
            return _prefixed(family.name, found, {family.unknown: told[0]})
    return []


def with_unknowns(search: Search) -> list[Certified]:
    """A deviation that has no unknown, and one that has: entries of the weights, or a number."""
    if search.stated is None or search.evidence.rec.N > BASE_UNITS:
        return []
    taken = replace(search, second=True)
    for name, base in _bases(taken):
        for stage in (base.entries, base.numbers):
            if found := stage():
                return _prefixed(name, found)
    return []


def _bases(search: Search) -> Iterator[tuple[str, Search]]:
    """Edits of the statement, readings of the recording, and orders of channels and units."""
    if search.starts_as_documented:
        yield from ((name, replace(search, stated=other)) for name, other in search.edits)
    for name, steps in every_reading(search):
        yield name, replace(search, given=steps)
    if search.starts_as_documented:
        yield from ((p.name, replace(search, stated=p.stated)) for p in _orders(search))


def _prefixed(name: str, found: list[Certified], shown: dict[str, Any] | None = None) -> list[Certified]:
    """The same findings under a base, whose own numbers come first."""
    return [replace(c, hypothesis=_under(name, c.hypothesis, shown or {})) for c in found]


def _under(name: str, h: Hypothesis, shown: dict[str, Any]) -> Hypothesis:
    names = tuple(joined(name, "|".join(h.names)).split("|"))
    return replace(h, names=names, shown={**shown, **h.shown})


STAGES = (
    *(two_readings, a_number_and_entries, with_activities, clipped_too, rare_pairs),
    *(repeated_too, with_orders, with_unknowns),
)
