"""States that are cut off: a program that clips what it has computed, and goes on from there.

A state at the limit says only that the step led there or beyond. Such a state is read as the step in float64 where that
is beyond the limit: it is cut to what was recorded, and whether it is a step of the equation is certified as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from oracle.diagnosis.hypotheses import Hypothesis
from oracle.diagnosis.pairs import every_reading
from oracle.diagnosis.readings import Steps, joined
from oracle.diagnosis.search import MOST, Certified, Search
from oracle.diagnosis.sliced import Slice
from oracle.records.exact import Array

CLIPPED = "state-clipped"
LEFT = 0.1  # share of the states that have to be inside: a program that returns zeros clips nothing
FEWEST = 2  # states that were cut off at a limit: the largest state of every run is one


def clipped(search: Search) -> list[Certified]:
    """The documented equation, its states no larger than the largest, or no smaller than the smallest, recorded."""
    return search.certified(_cut(search, CLIPPED, search.documented, search.own))


def clipped_too(search: Search) -> list[Certified]:
    """The same, and an edit of the equation or a reading of the run."""
    return search.certified(_pairs(search), MOST)


def _pairs(search: Search) -> Iterator[Hypothesis]:
    if not any(_repeated(search.own.after)):
        return
    for name, other in search.edits if search.starts_as_documented and search.stated is not None else ():
        yield from _cut(search, joined(name, CLIPPED), other, search.own)
    for name, steps in every_reading(search):
        yield from _cut(search, joined(CLIPPED, name), search.documented, steps)


def _cut(search: Search, names: str, stated: Any, steps: Steps) -> Iterator[Hypothesis]:
    """The statement with its states cut at the limits that the run shows, if any."""
    limits = [limit for limit in _repeated(steps.after) if limit]
    if not limits:
        return
    step = steps.after - Slice(*steps, np.arange(len(steps.after))).residual(stated)
    after, shown = steps.after.copy(), dict[str, Any]()
    with np.errstate(all="ignore"):
        for name, limit in limits:
            beyond = (step - limit if name == "largest" else limit - step) > 0
            cut = beyond & (steps.after == limit)
            if np.count_nonzero(cut & (np.abs(step - limit) > search.sieve.smallest)) >= FEWEST:
                after[cut] = step[cut]
                shown[name] = limit
    if shown and np.mean(after == steps.after) >= LEFT:
        yield search.about(names, stated, Steps(steps.before, after, steps.X), **shown)


def _repeated(after: Array) -> tuple[tuple[str, float] | None, ...]:
    """The largest and the smallest state, where they are met more than once."""
    finite = after[np.isfinite(after)]
    found = [("largest", np.max), ("smallest", np.min)] if finite.size else []
    limits = [(name, float(extreme(finite))) for name, extreme in found]
    return tuple(each if np.count_nonzero(finite == each[1]) >= FEWEST else None for each in limits)
