"""What the limb engine found: digits and radii, which become mpf numbers when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np

from oracle.kernels.limbs import to_integers, ulp_bits
from oracle.records.exact import Array
from oracle.reference.enclosure import to_mpf
from oracle.reference.lazy_enclosure import LazyEnclosure


class LimbEnclosure(LazyEnclosure):
    """Of states in limbs; as mpf numbers they take three times the memory."""

    @classmethod
    def of(cls, states: list[Array], radii: list[list[Any]], shape: tuple[int, ...], bits: int) -> LimbEnclosure:
        """From digits (steps, m, columns N), in any number of limbs each, and radii per state and column.

        The shape is (states, columns, N), or (states, N) of a single column.
        """
        found: LimbEnclosure = cls._made(shape, bits, "limbs", _states=states, _radii=radii)
        return found

    def single(self) -> LimbEnclosure:
        """The trajectory of a batch of one."""
        return LimbEnclosure.of(self._states, self._radii, (self._shape[0], self._shape[2]), self.bits)

    def float64(self) -> Array:
        """The middles rounded to the nearest float64."""
        rows = (value / (1 << bits) for values, bits in self._integers() for value in values)
        return np.fromiter(rows, np.float64, int(np.prod(self._shape))).reshape(self._shape)

    def _integers(self) -> Iterator[tuple[list[int], int]]:
        for states in self._states:
            count, m, n = states.shape
            digits = np.ascontiguousarray(states.transpose(1, 0, 2)).reshape(m, count * n)
            yield to_integers(digits), ulp_bits(m)

    def _middles(self) -> Array:
        found, at = np.empty(int(np.prod(self._shape)), dtype=object), 0
        for values, bits in self._integers():
            found[at : at + len(values)] = mpfs(values, -bits)
            at += len(values)
        return found.reshape(self._shape)

    def _radii_as_mpf(self) -> Array:
        columns = 1 if len(self._shape) == 2 else self._shape[1]
        found = np.empty((self._shape[0], columns, self._shape[-1]), dtype=object)
        for k, row in enumerate(self._radii):
            for c, radius in enumerate(row):
                found[k, c].fill(to_mpf(radius))
        return found.reshape(self._shape)


def mpfs(values: list[int], exponent: int) -> list[Any]:
    """value 2^exponent as mpf, for integers; those that are odd, as states are, are in the normal form of mpmath."""
    mpf, new, make, MPZ = mpmath.mpf, object.__new__, mpmath.libmp.from_man_exp, mpmath.libmp.MPZ
    found = []
    for value in values:
        number = new(mpf)
        size = abs(value)
        number._mpf_ = (int(value < 0), MPZ(size), exponent, size.bit_length()) if value & 1 else make(value, exponent)
        found.append(number)
    return found
