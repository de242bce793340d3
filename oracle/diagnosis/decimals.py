"""Runs that were written down in decimals: every state is one, which a computed state of more digits never is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from oracle.check.coarse import ON_GRID
from oracle.check.evidence import Evidence
from oracle.records.exact import Array
from oracle.tolerance.recorded import recorded_as

MOST = 15  # digits of a float64
ULPS = 4  # a decimal is read as the nearest float, and scaling it here rounds twice
SPARSE = 2.0**10  # floats between two decimals, at least: fewer may be met by chance
_U = 2.0**-53


def in_decimals(evidence: Evidence) -> Iterator[tuple[str, Evidence]]:
    """The run as one written down in fixed-d, and in decimal-d, for the least d that holds every state.

    Nothing where that is what was stated, or loses no more than it, or where states are few.
    """
    H = evidence.recording.H
    finite = H[np.isfinite(H) & (H != 0)]
    if np.unique(np.abs(finite)).size < ON_GRID:
        return
    names = tuple(_least(finite))
    for written in map(recorded_as, () if evidence.recorded.name in names else names):
        if np.any(written.lost(finite) > evidence.recorded.lost(finite)):
            yield written.name, replace(evidence, recorded=written)


def _least(values: Array) -> Iterator[str]:
    exponents = np.floor(np.log10(np.abs(values)))
    for kind, places in (("fixed", np.zeros_like(values)), ("decimal", 1 + exponents)):
        digits = next((d for d in range(kind == "decimal", MOST) if _held(values, d - places)), None)
        if digits is not None:
            yield f"{kind}-{digits}"


def _held(values: Array, places: Array) -> bool:
    """Whether all are multiples of 10^-places, and most floats are none."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = values * 10.0**places
        near = np.abs(scaled - np.rint(scaled)) <= ULPS * _U * np.abs(scaled)
    return bool(near.all()) and float(np.median(np.abs(scaled))) * SPARSE * 2 * _U < 1
