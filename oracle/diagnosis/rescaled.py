"""States that are multiplied by a factor when they are written down, also where the first one is not, or is given.

The factor is fitted on the steps between states that were written down, and certified on all: the first step starts
from h0, which is read as multiplied by it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oracle.diagnosis.families import output_family
from oracle.diagnosis.readings import Steps, columns
from oracle.diagnosis.search import Certified, Search
from oracle.diagnosis.statement import Statement

FEWEST = 3  # steps: one is lost, and one more has to confirm the factor
NEAR = 2.0**-20  # relative distance from h0, or from h0 times the factor, of a first row that is one of the two


def outputs_scaled(search: Search) -> list[Certified]:
    """The documented equation, all states or all but the first of which were scaled on their way out."""
    recording, run = search.evidence.recording, search.evidence.run
    H, X, h0 = recording.H, run.X, run.h0
    if not isinstance(search.stated, Statement) or len(H) != len(X) + 1 or len(X) < FEWEST:
        return []
    inner = replace(search, given=columns(H[1:-1], H[2:], X[1:]), second=True)
    for c in inner.fit(output_family(search.stated)):
        factor = float(c.hypothesis.shown["factor"])
        if not any(np.allclose(H[0], first, rtol=NEAR, atol=0) for first in (h0, factor * h0)):
            continue
        before = np.concatenate([factor * h0[None], H[1:-1]])
        steps: Steps = columns(before, H[1:], X)
        return search.certified([search.about("output-scaled", c.hypothesis.stated, steps, **c.hypothesis.shown)])
    return []
