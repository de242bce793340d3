"""Piecewise linear units along a polynomial z(theta), 0 <= theta <= 1, in flint's rationals: branches and their error.

    |s(z) - S|  <=  |slope z + constant - S| + 2r beyond    on the branch that z(1/2) is on, slopes of s within r of m

with |u| = sum |u_k| and `beyond` how far z goes beyond the ends of that branch: a polynomial of degree n lies between
the least and the largest of its Bernstein coefficients sum_{k<=i} C(i,k)/C(n,k) u_k (R. Farouki, The Bernstein
polynomial basis: a centennial retrospective, Comput. Aided Geom. Design 29, 2012). So a step may end about where a unit
switches, and a unit that only touches its kink needs no decision. `proofs/checker/check_linear_flow.py` evaluates the
same with Python's integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

from flint import fmpq, fmpq_poly

from oracle.records.names import parsed

FAMILIES = ("relu", "leaky-relu", "hardtanh", "identity")


@dataclass(frozen=True)
class Pieces:
    """Branches (slope, constant), the kinks between them, and the spread 2r of the slopes."""

    kinks: tuple[Any, ...]
    branches: tuple[tuple[Any, Any], ...]

    @staticmethod
    def of(activation: str) -> Pieces:
        """The pieces of an activation of `FAMILIES`."""
        family, parameters = parsed(activation)
        a = [fmpq(value.numerator, value.denominator) for value in parameters if value is not None]
        zero, one = fmpq(0), fmpq(1)
        if family == "identity":
            return Pieces((), ((one, zero),))
        if family == "hardtanh":
            return Pieces(tuple(a), ((zero, a[0]), (one, zero), (zero, a[1])))
        return Pieces((zero,), ((a[0] if a else zero, zero), (one, zero)))

    @property
    def spread(self) -> Any:
        """2r."""
        slopes = [slope for slope, _ in self.branches]
        return max(slopes) - min(slopes)

    def side(self, z: Any) -> int:
        """The branch that z(1/2) is on."""
        middle = z(fmpq(1, 2))
        return sum(bool(middle > kink) for kink in self.kinks)

    def line(self, z: Any) -> Any:
        """slope z + constant."""
        slope, constant = self.branches[self.side(z)]
        return slope * z + fmpq_poly([constant])

    def error(self, z: Any, S: Any, length: int) -> Any:
        """eps, for a z that is written with `length` coefficients."""
        side, ends = self.side(z), bernstein(z, length)
        beyond = [kink - min(ends) for kink in self.kinks[:side][-1:]]
        beyond += [max(ends) - kink for kink in self.kinks[side : side + 1]]
        off = sum((abs(c) for c in (self.line(z) - S).coeffs()), fmpq(0))
        return off + self.spread * max([fmpq(0), *beyond])


def bernstein(u: Any, length: int) -> list[Any]:
    """The Bernstein coefficients of a polynomial on [0, 1], as one of degree length - 1."""
    n = length - 1
    scaled = [u[k] / comb(n, k) for k in range(length)]
    return [sum((comb(i, k) * scaled[k] for k in range(i + 1)), fmpq(0)) for i in range(length)]
