"""States that are cut off: a program that clips what it has computed, and goes on from there.

A state at the limit says only that the step led there or beyond. Such a state is read as the step in float64 where that
is beyond the limit: it is cut to what was recorded, and whether it is a step of the equation is certified as ever.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.diagnosis.hypotheses import float_step
from oracle.diagnosis.readings import Steps
from oracle.diagnosis.search import Certified, Search
from oracle.records.exact import Array

FEWEST = 2  # states that were cut off at a limit: the largest state of every run is one


def clipped(search: Search) -> list[Certified]:
    """The documented equation, its states no larger than the largest, or no smaller than the smallest, recorded."""
    own = search.own
    usable = np.isfinite(own.before).all(axis=0) & np.isfinite(own.after).all(axis=0)
    if not usable.any():
        return []
    with np.errstate(all="ignore"):
        step = float_step(search.evidence.rec, own)
        apart = np.abs(own.after - step) > search.sieve.smallest
    after, shown = own.after.copy(), dict[str, Any]()
    for name, limit, beyond in _limits(own.after[:, usable], step):
        cut = beyond & (own.after == limit)
        if np.count_nonzero(cut & apart) >= FEWEST:
            after[cut] = step[cut]
            shown[name] = limit
    if not shown:
        return []
    return search.certified(
        [search.about("state-clipped", search.documented, Steps(own.before, after, own.X), **shown)]
    )


def _limits(after: Array, step: Array) -> list[tuple[str, float, Array]]:
    """The largest and the smallest state, and where a step leads beyond."""
    largest, smallest = float(np.max(after)), float(np.min(after))
    return [("largest", largest, step > largest), ("smallest", smallest, step < smallest)]
