"""Enclosures whose middles and radii become mpf numbers when they are asked for.

A quarter of a million mpf objects take about as long to make as a fifth of the trajectory in balls that they are of,
and longer than all of it in limbs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.records.exact import Array
from oracle.reference.enclosure import Enclosure, mpf_array, to_mpf


class LazyEnclosure(Enclosure):
    """`mid` and `rad` are made at their first use, by `_middles` and `_radii_as_mpf`."""

    _shape: tuple[int, ...]

    def __new__(cls, *given: Any, **named: Any) -> Any:
        """A plain enclosure, of numbers that are there: for `dataclasses.replace`. Lazy ones come from `of`."""
        return Enclosure(*given, **named)

    @classmethod
    def _made(cls, shape: tuple[int, ...], bits: int, method: str, **parts: Any) -> Any:
        """Everything but the numbers."""
        found = object.__new__(cls)
        given = {"status": "proved", "agreement": None, "bits": bits, "method": method, "_shape": shape, **parts}
        for name, value in given.items():
            object.__setattr__(found, name, value)
        return found

    def _middles(self) -> Array:
        raise NotImplementedError

    def _radii_as_mpf(self) -> Array:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        """Only called for what is not there yet."""
        if name not in ("mid", "rad"):
            raise AttributeError(name)
        made = self._middles() if name == "mid" else self._radii_as_mpf()
        made.setflags(write=False)
        object.__setattr__(self, name, made)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as the plain enclosure it is equal to."""
        return Enclosure, (self.mid, self.rad, self.status, self.agreement, self.bits, self.method)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of `mid` and `rad`."""
        return self._shape


class BallEnclosure(LazyEnclosure):
    """Of states in balls."""

    @classmethod
    def of(
        cls, middles: list[list[Any]], radii: list[list[Any]], shape: tuple[int, ...], bits: int, method: str
    ) -> BallEnclosure:
        """From exact middles and radii, (N, columns) in a list per state; shape (states, columns, N) or (states, N)."""
        found: BallEnclosure = cls._made(shape, bits, method, _centres=middles, _radii=radii)
        return found

    def single(self) -> BallEnclosure:
        """The trajectory of a batch of one."""
        return BallEnclosure.of(self._centres, self._radii, (self._shape[0], self._shape[2]), self.bits, self.method)

    def _middles(self) -> Array:
        return self._array(self._centres)

    def _radii_as_mpf(self) -> Array:
        return self._array(self._radii)

    def _array(self, rows: list[list[Any]]) -> Array:
        entries = mpf_array((entry for row in rows for entry in _converted(row)), (len(rows), self._shape[-1], -1))
        return np.ascontiguousarray(entries.transpose(0, 2, 1)).reshape(self._shape)


def _converted(row: list[Any]) -> list[Any]:
    """As mpf; radii of centres are one number for a whole column."""
    made: dict[int, Any] = {}
    return [made[id(v)] if id(v) in made else made.setdefault(id(v), to_mpf(v)) for v in row]
