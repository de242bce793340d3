"""Two deviations at once, and states read off activities: searches that start from another reading of the run.

A base is a named edit of the statement, or a reading of the recording. From each, the search for one more deviation is
run again: entries, orders and numbers, and every claim is certified as any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from oracle.diagnosis.deviations import deviating
from oracle.diagnosis.observed import activities
from oracle.diagnosis.readings import joined, paired
from oracle.diagnosis.search import Certified, Search
from oracle.diagnosis.weights import inputs_reordered, rolled

ACTIVITY = "activity-recorded"
BASE_UNITS = 16  # beyond, no second search is started from a base: there are some seventy of them
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
    """The documented equation under two deviations of the bookkeeping."""
    return search.certified(search.about(name, search.documented, steps) for name, steps in paired(search.evidence))


def with_orders(search: Search) -> list[Certified]:
    """Inputs or units in another order, and one more deviation: of the equation, a factor or a number."""
    if search.stated is None or search.evidence.rec.N > BASE_UNITS or not search.starts_as_documented:
        return []
    orders = [*inputs_reordered(search.stated), *rolled(search.stated, BASE_ROLLS)]
    if found := search.certified(
        search.about(joined(p.name, name), other) for p in orders for name, other in deviating(p.stated)
    ):
        return found
    return search.first(
        search.about(joined(p.name, q.name), q.stated)
        for p in inputs_reordered(search.stated)
        for q in rolled(p.stated, BASE_ROLLS)
    )


def with_unknowns(search: Search) -> list[Certified]:
    """A deviation that has no unknown, and one that has: entries of the weights, a number, or a number per unit."""
    if search.stated is None or search.evidence.rec.N > BASE_UNITS:
        return []
    for name, base in _bases(search):
        for stage in (base.entries, base.numbers):
            if found := stage():
                return _prefixed(name, found)
    return []


def _bases(search: Search) -> Iterator[tuple[str, Search]]:
    """Edits of the statement, readings of the recording, and orders of few channels."""
    if search.starts_as_documented:
        yield from ((name, replace(search, stated=other)) for name, other in deviating(search.stated))
        yield from ((p.name, replace(search, stated=p.stated)) for p in inputs_reordered(search.stated))
    yield from ((name, replace(search, given=steps)) for name, steps in search.plain_readings())


def _prefixed(name: str, found: list[Certified]) -> list[Certified]:
    return [
        replace(c, hypothesis=replace(c.hypothesis, names=tuple(joined(name, "|".join(c.hypothesis.names)).split("|"))))
        for c in found
    ]


STAGES = (two_readings, with_activities, with_orders, with_unknowns)
