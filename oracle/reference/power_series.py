"""Truncated power series over mpmath numbers, by the textbook recurrences: the functions an input may be made of.

    e = exp u:   k e_k = sum_{j=1..k} j u_j e_{k-j}
    l = log u:   k u_0 l_k = k u_k - sum_{j=1..k-1} j l_j u_{k-j}
    s, c = sin u, cos u:   k s_k = sum j u_j c_{k-j},  k c_k = -sum j u_j s_{k-j}

(D. Knuth, The Art of Computer Programming 2, section 4.7.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class PowerSeries:
    """u_0 + u_1 s + .. + u_{n-1} s^{n-1}."""

    def __init__(self, context: Any, coefficients: Sequence[Any], length: int) -> None:
        self.context, self.length = context, length
        kept = list(coefficients)[:length]
        self.coefficients = kept + [context.zero] * (length - len(kept))

    def lifted(self, other: Any) -> PowerSeries:
        """A number as a constant series."""
        return other if isinstance(other, PowerSeries) else PowerSeries(self.context, [other], self.length)

    def _made(self, coefficients: Sequence[Any]) -> PowerSeries:
        return PowerSeries(self.context, coefficients, self.length)

    def __add__(self, other: Any) -> PowerSeries:
        return self._made([a + b for a, b in zip(self.coefficients, self.lifted(other).coefficients, strict=True)])

    def __mul__(self, other: Any) -> PowerSeries:
        u, v = self.coefficients, self.lifted(other).coefficients
        return self._made([self.context.fdot(u[: k + 1], v[k::-1]) for k in range(self.length)])

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> PowerSeries:
        return self._made([-u for u in self.coefficients])

    def __sub__(self, other: Any) -> PowerSeries:
        return self + (-self.lifted(other))

    def __rsub__(self, other: Any) -> PowerSeries:
        return self.lifted(other) + (-self)

    def __truediv__(self, other: Any) -> PowerSeries:
        """Term by term: the product of the quotient with the divisor gives self back."""
        w, u = self.coefficients, self.lifted(other).coefficients
        found: list[Any] = []
        for k in range(self.length):
            found.append((w[k] - self.context.fdot(found, u[k:0:-1])) / u[0])
        return self._made(found)

    def __rtruediv__(self, other: Any) -> PowerSeries:
        return self.lifted(other) / self

    def _moved(self) -> list[Any]:
        return [j * u for j, u in enumerate(self.coefficients)]

    def exp(self) -> PowerSeries:
        """e^u."""
        moved, found = self._moved(), [self.context.exp(self.coefficients[0])]
        for k in range(1, self.length):
            found.append(self.context.fdot(moved[1 : k + 1], found[::-1]) / k)
        return self._made(found)

    def log(self) -> PowerSeries:
        """The principal logarithm, for u_0 > 0."""
        u, found = self.coefficients, [self.context.log(self.coefficients[0])]
        for k in range(1, self.length):
            carried = self.context.fdot([j * found[j] for j in range(1, k)], u[k - 1 : 0 : -1])
            found.append((u[k] - carried / k) / u[0])
        return self._made(found)

    def _sin_cos(self) -> tuple[PowerSeries, PowerSeries]:
        moved, first = self._moved(), self.coefficients[0]
        s, c = [self.context.sin(first)], [self.context.cos(first)]
        for k in range(1, self.length):
            next_s = self.context.fdot(moved[1 : k + 1], c[::-1]) / k
            next_c = -self.context.fdot(moved[1 : k + 1], s[::-1]) / k
            s.append(next_s)
            c.append(next_c)
        return self._made(s), self._made(c)

    def sin(self) -> PowerSeries:
        """sin u."""
        return self._sin_cos()[0]

    def cos(self) -> PowerSeries:
        """cos u."""
        return self._sin_cos()[1]
