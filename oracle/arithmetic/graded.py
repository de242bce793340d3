"""Numbers that know which power of r they carry, and remember the size of everything scaled that was made of them.

The degree interpretation (`oracle.arithmetic.degree`) reads coefficients and steps as such numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.records.exact import Array, objects

NEVER = 10**6
"""Beyond any exponent of a double: the grid of nothing but zeros."""


class NotHomogeneous(ArithmeticError):
    """A quantity that is not a power of r times what it was."""


@dataclass
class Extent:
    """Exponents of all quantities of one degree: the least and the largest that were seen, and what sums may reach."""

    least: int = NEVER
    largest: int = -NEVER
    grid: int = NEVER
    most: int = -NEVER


Extents = dict[int, Extent]


@dataclass(frozen=True, eq=False)
class Graded:
    """A number and the power of r it carries, zero carrying any; `extents` remembers what was scaled on the way."""

    value: Any
    degree: int = 0
    extents: Extents | None = None

    def __post_init__(self) -> None:
        if self.extents is not None:
            note(self.extents, self.degree, np.array(float(self.value)))

    def __mul__(self, other: Any) -> Graded:
        if isinstance(other, np.ndarray):
            return NotImplemented  # numpy then multiplies entry by entry
        other = graded(other)
        return Graded(self.value * other.value, self.degree + other.degree, self._all(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Graded:
        if isinstance(other, np.ndarray):
            return NotImplemented
        other = graded(other)
        return Graded(self.value / other.value, self.degree - other.degree, self._all(other))

    def __rtruediv__(self, other: Any) -> Graded:
        return graded(other) / self

    def __add__(self, other: Any) -> Graded:
        other = graded(other)
        if self.value == 0 or other.value == 0:
            return self if other.value == 0 else other
        return Graded(self.value + other.value, common([self.degree, other.degree]), self._all(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Graded:
        return self + graded(other) * -1

    def __eq__(self, other: object) -> bool:
        other = graded(other)
        return bool(self.value == other.value) and (self.value == 0 or self.degree == other.degree)

    def __hash__(self) -> int:
        return hash(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def _all(self, other: Graded) -> Extents | None:
        return other.extents if self.extents is None else self.extents


def graded(value: Any) -> Graded:
    """A number of degree 0, or what has a degree already."""
    return value if isinstance(value, Graded) else Graded(value)


def exponential(z: Graded) -> Graded:
    """exp in float64, for an argument of degree 0."""
    if z.degree and z.value != 0:
        raise NotHomogeneous(f"exp of a quantity of degree {z.degree} in r")
    return Graded(float(np.exp(float(z))), 0, z.extents)


def common(degrees: Sequence[int]) -> int:
    """The one degree of all summands."""
    found = sorted(set(degrees))
    if len(found) > 1:
        raise NotHomogeneous(f"a sum of quantities of degrees {found} in r")
    return found[0] if found else 0


def note(extents: Extents, degree: int, value: Array, grid: int = NEVER, size: Array | None = None) -> None:
    """Remember a scaled quantity; one of degree 0 has the same bits in both runs and needs no watching."""
    if degree:
        extent = extents.setdefault(degree, Extent())
        extent.least = min(extent.least, lowest(value))
        extent.largest = max(extent.largest, highest(value) - 2)
        extent.grid = min(extent.grid, lowest(value), grid)
        extent.most = max(extent.most, highest(np.abs(value) if size is None else size))


def plain(numbers: Any) -> tuple[Any, int]:
    """Numbers without their degree, and the degree they share; zeros share any."""
    if not isinstance(numbers, np.ndarray):
        return (numbers.value, numbers.degree) if isinstance(numbers, Graded) else (numbers, 0)
    if numbers.dtype != object or not any(isinstance(entry, Graded) for entry in numbers.flat):
        return numbers, 0
    entries = [graded(entry) for entry in numbers.flat]
    degree = common([entry.degree for entry in entries if entry.value != 0] or [entries[0].degree])
    return objects(entry.value for entry in entries).reshape(numbers.shape), degree


def lowest(value: Array) -> int:
    """floor(log2 |x|) of the least entry that is not zero."""
    entries = value[value != 0]
    return int(np.min(np.frexp(entries)[1])) - 1 if entries.size else NEVER


def highest(size: Array) -> int:
    """An exponent that no partial sum of these sizes reaches, the sizes' own rounding included; `NEVER` for none."""
    if not np.all(np.isfinite(size)):
        return NEVER
    # One more than the exponent of the computed sum: its relative error, and the sum's own, are far below one half.
    return int(np.max(np.frexp(size)[1])) + 1 if np.any(size != 0) else -NEVER
