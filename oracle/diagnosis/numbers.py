"""Short exact numbers near a fitted one: alpha = 0.2 is what somebody wrote, not 0.19999999999999998."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from oracle.records.exact import Array, objects

DIGITS = (1, 2, 3, 4, 5, 6, 7, 9, 12, 15)  # significant digits a person or a float32 might have written
LARGEST_DENOMINATOR = 1000
NOTHING = 1e-6  # of the largest: a fitted number of this size may be a zero


def simple(value: float) -> Iterator[Fraction]:
    """Exact numbers near a value, simplest first, the value itself last; none is given twice."""
    seen: list[Fraction] = []
    for digits in DIGITS:
        seen.append(Fraction(f"{value:.{digits - 1}e}"))
    seen.insert(4, Fraction(value).limit_denominator(LARGEST_DENOMINATOR))
    with np.errstate(over="ignore"):
        narrow = float(np.float32(value))
    seen += [Fraction(narrow)] if np.isfinite(narrow) else []
    seen.append(Fraction(value))
    for i, near in enumerate(seen):
        if near not in seen[:i]:
            yield near


def simple_vectors(values: Array) -> Iterator[Array]:
    """The same for one number per unit, all of them with as many digits; what is next to nothing is nothing first."""
    small = (values != 0) & (np.abs(values) <= NOTHING * np.max(np.abs(values), initial=0.0))
    if small.any():
        yield from simple_vectors(np.where(small, 0.0, values))
    for digits in (2, 3, 5, 7, 12):
        yield objects(Fraction(f"{value:.{digits - 1}e}") for value in values.tolist())
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32).astype(np.float64)
    if np.isfinite(narrow).all():
        yield objects(Fraction(value) for value in narrow.tolist())
    yield objects(Fraction(value) for value in values.tolist())
