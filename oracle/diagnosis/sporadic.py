"""Steps that are off while most others follow: two deviations of the equation at once would show in more of them."""

from __future__ import annotations

import numpy as np

from oracle.check.evidence import Evidence
from oracle.diagnosis.readings import own_steps
from oracle.records.exact import Array
from oracle.tolerance.residuals import Residuals

FEW = 8
"""At most one step in so many: a deviation that is seen in fewer is none of the leak, the weights or the scheme. Single
deviations, which may wait for a state to be reached, are looked for all the same."""
LISTED = 6


def off(evidence: Evidence, found: Residuals) -> Array:
    """Which columns (step by step, all trajectories) have a residual outside its bound."""
    bound = evidence.bound(evidence.rec, *own_steps(evidence))
    if bound.shape != found.upper.shape:
        return np.ones(found.upper.shape[1], dtype=bool)
    return np.asarray(~(found.upper <= bound).all(axis=0))


def sporadic(outside: Array) -> bool:
    """Whether they are few."""
    return bool(0 < FEW * np.count_nonzero(outside) <= outside.size)


def told(evidence: Evidence, outside: Array) -> str:
    """Which steps these are, in words."""
    steps = np.unique(np.flatnonzero(outside) // max(evidence.run.batch, 1) + 1)
    shown = ", ".join(map(str, steps[:LISTED].tolist())) + (", .." if len(steps) > LISTED else "")
    return f"all but {np.count_nonzero(outside)} of {outside.size} steps follow; off are steps {shown} (observed)"
