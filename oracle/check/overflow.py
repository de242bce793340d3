"""States that are not finite although the exact step is: honest where a number on the way may exceed the range."""

from __future__ import annotations

import numpy as np

from oracle.check.result import Unseen
from oracle.records.exact import Array
from oracle.records.precision import Precision


def may_overflow(bound: Array, model: Precision) -> Array:
    """Where a term may exceed the range: a bound is at least the unit roundoff times the sum of all sizes."""
    with np.errstate(over="ignore"):
        return np.asarray(~(bound / model.storage < model.largest))


def spilled(before: Array, after: Array, bound: Array, batch: int, model: Precision) -> Array:
    """Elements (N, K * batch) that overflow may have made, and those of steps that start from one.

    A step from finite states to finite ones is judged as ever, also after an overflow.
    """
    over = ~np.isfinite(after) & may_overflow(bound, model)
    if not over.any():
        return over
    since = np.logical_or.accumulate(over.any(axis=0).reshape(-1, batch), axis=0)
    earlier = np.vstack([np.zeros((1, batch), bool), since[:-1]]).reshape(-1)
    return np.asarray(over | (earlier & ~np.isfinite(before).all(axis=0)))


def beyond_the_range(over: Array, batch: int, model: Precision) -> tuple[Unseen, ...]:
    """Says from which step on a run may have overflowed, if it may."""
    if not over.any():
        return ()
    first = int(np.flatnonzero(over.any(axis=0))[0]) // batch + 1
    what = f"steps from {first} on: states are not finite, as those of an honest program in {model.name} may be there"
    return (Unseen(what, "use fewer steps, smaller states, or a format of more range"),)
