"""How large residuals are in units in the last place of the states, as counts: what a person compares roundings with.

An ulp of a state is its spacing in the promised storage format; a program that rounded each step once would stay within
half of one. A state of 0 (a silent ReLU) has no spacing, and is left out unless its residual is 0, too.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from oracle.records.exact import Array

EDGES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Upper ends of the bins, in ulps; one more bin has everything larger."""
ELEMENTS = 2**15
"""Elements that are counted at most, in steps spread over the run; a millisecond."""


def in_ulps(residual: Array, after: Array, storage: float) -> tuple[int, ...]:
    """Counts of |residual| by size, one bin more than `EDGES`.

    Parameters
    ----------
    residual, after : ndarray, (N, steps)
        Residuals, NaN where one is not known, and the states they are residuals of.
    storage : float
        Unit roundoff of the format of the states.
    """
    steps = residual.shape[1]
    chosen = np.unique(np.linspace(0, steps - 1, max(1, min(steps, ELEMENTS // max(len(residual), 1)))).astype(int))
    size, state = (np.abs(part[:, chosen if steps else []]).ravel() for part in (residual, after))
    known = ~np.isnan(size) & ((state > 0) | (size == 0))
    with np.errstate(all="ignore"):
        ulps = np.where(size == 0, 0.0, size / (np.spacing(state) * (storage * 2.0**53)))[known]
    within = [0, *(int(np.count_nonzero(ulps <= edge)) for edge in EDGES), ulps.size]  # NaN is in the last bin
    return tuple(more - fewer for fewer, more in pairwise(within))
