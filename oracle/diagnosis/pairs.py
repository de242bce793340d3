"""Two named deviations at once: of the equation, of the equation and the bookkeeping, or with another number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from oracle.diagnosis.deviating import deviating_pairs, deviating_with_another, rare
from oracle.diagnosis.deviations import DEVIATIONS
from oracle.diagnosis.families import families, step_families, time_families
from oracle.diagnosis.hypotheses import Hypothesis
from oracle.diagnosis.readings import Steps, joined
from oracle.diagnosis.repeated import FEW_TIMES, repetitions
from oracle.diagnosis.search import MOST, PAIR_UNITS, Certified, Search
from oracle.diagnosis.statement import Statement
from oracle.procedures.discretize import IMPLICIT

RARE = {
    "input-shifted", "input-held", "input-reversed", "batch-mixed",
    "wrong-initial-state", "state-late", "output-reversed",
}  # fmt: skip
"""Readings that are seldom met with another deviation: they are tried when the others have explained nothing."""
Readings = list[tuple[str, Steps]]


def plain_readings(search: Search) -> Readings:
    """Readings that are met with another deviation."""
    return [(name, steps) for name, steps in search.readings if not set(name.split("|")) & RARE]


def rare_readings(search: Search) -> Readings:
    """The other ones."""
    return [(name, steps) for name, steps in search.readings if set(name.split("|")) & RARE]


def every_reading(search: Search) -> Readings:
    """All of them, the plain ones first."""
    return [*plain_readings(search), *rare_readings(search)]


def pairs(search: Search) -> list[Certified]:
    """Two edits of the equation, or one and a reading of the run."""
    if search.stated is None or search.evidence.rec.N > PAIR_UNITS:
        return []
    return search.certified(_pairs(search), MOST)


def _pairs(search: Search) -> Iterator[Hypothesis]:
    if search.starts_as_documented:
        yield from (search.about(names, both) for names, both in deviating_pairs(search.stated))
    yield from _both(search, plain_readings(search), search.edits)


def rare_pairs(search: Search) -> list[Certified]:
    """An edit of the equation and one of the rarer readings."""
    if search.stated is None or search.evidence.rec.N > PAIR_UNITS:
        return []
    edits = list(deviating_with_another(search.stated))
    return search.certified(_both(search, rare_readings(search), edits), MOST)


def _both(search: Search, readings: Readings, edits: list[tuple[str, Any]]) -> Iterator[Hypothesis]:
    for reading, steps in readings:
        yield from (search.about(joined(name, reading), other, steps) for name, other in edits)


def pairs_with_a_number(search: Search) -> list[Certified]:
    """A named deviation with another step, alpha or time constant."""
    if not isinstance(search.stated, Statement) or search.evidence.rec.N > PAIR_UNITS:
        return []
    taken, found = replace(search, second=True), []
    for name, other in search.edits if search.starts_as_documented else ():
        if not isinstance(other, Statement) or rare(name):
            continue
        if DEVIATIONS[name].slot not in ("alpha", "form") or name.startswith("form-"):
            base = replace(taken, stated=other)
            found += [c for f in time_families(other) for c in base.fit(f, prefix=f"{name}+")]
    for name, steps in plain_readings(search):
        base = replace(taken, given=steps)
        found += [c for f in step_families(search.stated) for c in base.fit(f, prefix=f"{name}+")]
    return found


def repeated_too(search: Search) -> list[Certified]:
    """Several steps with each sample, and an edit of the equation, a reading of the run, or a number."""
    if search.stated is None or search.evidence.rec.N > PAIR_UNITS:
        return []
    return search.certified(_repeated(search), MOST) or _repeated_with_a_number(search)


def _repeated(search: Search) -> Iterator[Hypothesis]:
    for name, base in repetitions(search.stated, FEW_TIMES):
        for other, edited in deviating_with_another(search.stated) if search.starts_as_documented else ():
            if _repeatable(edited):
                yield search.about(joined(other, name), base.of(edited), times=base.times)
        for reading, steps in every_reading(search):
            yield search.about(joined(name, reading), base, steps, times=base.times)


def _repeatable(s: Any) -> bool:
    return getattr(s, "scheme", None) not in IMPLICIT


def _repeated_with_a_number(search: Search) -> list[Certified]:
    found: list[Certified] = []
    for name, base in repetitions(search.stated, FEW_TIMES) if search.starts_as_documented else ():
        taken = replace(search, stated=base, second=True)
        every = (f for f in families(search.stated) if np.ndim(f.start) == 0)
        found += [c for f in every for c in taken.fit(replace(f, make=base.made_by(f.make)), prefix=f"{name}+")]
    return found
