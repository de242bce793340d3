"""One gradient against its enclosure and its tolerances, entry by entry."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from oracle.diagnosis.gradient_result import Judged
from oracle.records.exact import Array
from oracle.reference.enclosure import Enclosure, exact
from oracle.tolerance.gradient import GradientTolerance

DIGITS = 24
"""Of the certified gradients: radii far below the tolerance of float64, 16 digits."""

RESOLVING = 2.0**-8
"""A proven bound above this part of the largest gradient of a parameter could not tell it from a rough guess."""

_UP = 1 + 2.0**-50


def judged_all(
    values: Mapping[str, Array], reference: Mapping[str, Enclosure], tolerance: GradientTolerance
) -> dict[str, Judged]:
    """Every gradient with an entry."""
    sizes = {n: float(np.max(np.abs(part.float64()), initial=0.0)) for n, part in reference.items()}
    largest = max(sizes.values(), default=0.0)
    return {n: judged(v, reference[n], tolerance, n, sizes[n] or largest) for n, v in values.items() if v.size}


def judged(values: Array, reference: Enclosure, tolerance: GradientTolerance, name: str, size: float) -> Judged:
    """One gradient against its enclosure and its tolerances; `size` is that of the largest entry."""
    proven, observed = (np.broadcast_to(part[name], values.shape) for part in (tolerance.proven, tolerance.observed))
    low, high = _differences(values, reference)
    allowed = np.minimum(proven, observed)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(high == 0, 0.0, high / allowed)
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    at = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    beyond, resolved = bool(np.any(low > proven)), bool(np.max(proven) <= RESOLVING * size)
    worst = float(ratio[at])
    return Judged(
        worst,
        tuple(int(i) for i in at),
        float(high[at]),
        float(allowed[at]),
        "proved" if (beyond if worst > 1 else resolved) else "observed",
        float(np.max(proven)),
        float(np.max(observed)),
        size,
    )


def _differences(values: Array, reference: Enclosure) -> tuple[Array, Array]:
    """|value - exact|: at least and at most, rounded outward."""
    low, high = np.empty(values.shape), np.empty(values.shape)
    for index, value in np.ndenumerate(values):
        if not np.isfinite(value):
            low[index], high[index] = np.inf, np.inf
            continue
        gap, radius = abs(Fraction(float(value)) - exact(reference.mid[index])), exact(reference.rad[index])
        low[index] = max(_size(gap - radius), 0.0) / _UP
        high[index] = _size(gap + radius) * _UP
    return low, high


def _size(value: Fraction) -> float:
    """A rational as a float; infinite beyond the largest."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
