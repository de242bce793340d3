"""Where a network of activations with kinks leaves a region: every z between two neighbouring kinks of s.

    relu, leaky relu    z <= 0, z >= 0                    elu    z <= 0: alpha (e^z - 1), z >= 0: z
    hardtanh            z <= low, low <= z <= high, z >= high

In a region s is analytic, one branch for each unit, and p a Taylor polynomial as everywhere. With f = z - k for a kink
k below and f = k - z for one above, the region is left where f < 0. What is certified is not the instant but what it
is needed for: on the step [0, q] every f is >= -w, so the field of the region differs from F by at most |B| bend w
(s is continuous; `bend` bounds the difference of two branches by their distance from the kink), and that is part of
the defect. So a switch located to the working precision costs nothing, and neither does grazing: an f that touches
zero, or dips below it by less than the tolerance, is followed either way with a defect inside the tolerance.

f on a subinterval is expanded about its middle, f = sum c_k u^k, |u| <= 1: f >= c_0 - sum |c_k|; it is monotone if
|c_1| > sum k |c_k| (k >= 2). Subintervals are halved until one or the other decides. Use inside `precision`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, arb_poly

from oracle.arithmetic.ball import Ball
from oracle.equations.activations import ACTIVATIONS
from oracle.reference.limits import Undecided

Pattern = tuple[int, ...]
"""Per unit, how many kinks of s are below its z: 0 or 1 for a ReLU, silent or active."""

_MOST_PARTS = 20_000  # of one step: grazing takes a few for each level, and half as many levels as there are bits
_STEEP_BITS = 32  # of a zero beyond those of f
_CLEAR = 4  # tolerances that f may be negative by until the end of a step that was cut at its zero


@dataclass(frozen=True)
class Exit:
    """What ends a step inside a region.

    Attributes
    ----------
    q : Fraction
        The part of the step that is inside.
    wrong : list of arb
        Per unit, how far z may be beyond a kink of its region on [0, q].
    leaving : dict
        The unit whose z reaches a kink at q, and whether it goes up or down: {unit: 1 or -1}; empty: none does.
    misplaced : dict
        Units that were beyond a kink from the beginning, likewise; nothing else counts then.
    """

    q: Fraction
    wrong: list[Any]
    leaving: dict[int, int]
    misplaced: dict[int, int]


def moved(pattern: Pattern, crossing: dict[int, int]) -> Pattern:
    """The region on the other side."""
    return tuple(below + crossing.get(j, 0) for j, below in enumerate(pattern))


def exits(z: Any, pattern: Pattern, kinks: tuple[Fraction, ...], q: Fraction, tolerance: Any, bits: int) -> Exit:
    """How far a region reaches: z (units, length) are coefficients as balls, tolerance an exact arb."""
    wrong: list[Any] = [arb(0)] * len(pattern)
    leaving, misplaced = dict[int, int](), dict[int, int]()
    for j, direction, polynomial in sides(z, pattern, kinks):
        f = Side(polynomial, tolerance, bits)
        where, depth = f.first(q)
        if where is None:
            wrong[j] = _larger(wrong[j], depth)
        elif not where or f.never_inside(where):
            misplaced[j] = direction
        else:
            q, leaving = where, {j: direction}
            wrong[j] = _larger(wrong[j], f.least(q))
    return Exit(q, wrong, leaving, misplaced)


def sides(z: Any, pattern: Pattern, kinks: tuple[Fraction, ...]) -> Iterator[tuple[int, int, Any]]:
    """Per unit and kink beside its region: the unit, the direction in which that kink is, and f."""
    length, entries, ops = z.ncols(), z.entries(), Ball()
    for j, below in enumerate(pattern):
        row = entries[j * length : (j + 1) * length]
        if below > 0:
            yield j, -1, arb_poly([row[0] - ops.rational(kinks[below - 1]), *row[1:]])
        if below < len(kinks):
            yield j, 1, arb_poly([ops.rational(kinks[below]) - row[0], *(-c for c in row[1:])])


class Sides:
    """Reads max(0, v) of an activation in a region: its equation asks for its kinks in their order, value and slope.

    So v vanishes at kink 0, at kink 1, .., and at kink 0 again when the slope is asked for.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.pattern, self._count, self._next = pattern, 1, 0

    def begin(self, activation: str) -> None:
        """The activation whose kinks will be asked for."""
        self._count, self._next = max(1, len(ACTIVATIONS[activation].kinks)), 0

    def above(self) -> list[bool]:
        """Which units are above the kink that is asked for."""
        kink, self._next = self._next, (self._next + 1) % self._count
        return [below > kink for below in self.pattern]


class Side:
    """A polynomial f that ought not to be negative."""

    def __init__(self, f: Any, tolerance: Any, bits: int) -> None:
        self.f, self.tolerance, self.bits = f, tolerance, bits

    def on(self, a: Fraction, b: Fraction) -> tuple[Any, bool]:
        """A lower bound on [a, b], exact, and whether f is monotone there."""
        ops = Ball()
        middle, half = ops.rational((a + b) / 2), ops.rational((b - a) / 2)
        c = self.f(arb_poly([middle, half])).coeffs()
        if not c:
            return arb(0), True
        sizes = [entry.abs_upper() for entry in c[1:]]
        bent = sum((k * size for k, size in enumerate(sizes[1:], 2)), arb(0))
        monotone = len(c) < 2 or bool(abs(c[1]) > bent)
        if monotone:
            return _smaller(self.at(a).lower(), self.at(b).lower()), True
        return (c[0] - sum(sizes, arb(0))).lower(), False

    def at(self, s: Fraction) -> Any:
        """f(s) as a ball."""
        return self.f(Ball().rational(s))

    def least(self, q: Fraction) -> Any:
        """An upper bound of max(0, -f) on [0, q], where `first` has found f >= 0 but for the tolerance."""
        where, depth = self.first(q, _CLEAR * self.tolerance)
        return depth if where is None else arb.pos_inf()

    def first(self, q: Fraction, tolerance: Any = None) -> tuple[Fraction | None, Any]:
        """Where f first falls below -tolerance: a point where it is about zero; or None and the depth max(0, -f)."""
        limit = -(self.tolerance if tolerance is None else tolerance)
        depth, pending = arb(0), [(Fraction(0), q)]
        for _ in range(_MOST_PARTS):
            if not pending:
                return None, depth
            a, b = pending.pop()
            low, monotone = self.on(a, b)
            if low >= limit:
                depth = _larger(depth, (-low).upper())
            elif monotone:
                return self.zero(a, b), depth
            else:
                pending += [((a + b) / 2, b), (a, (a + b) / 2)]
        raise grazing("a unit touches its kink, and no subdivision tells on which side it stays.")

    def zero(self, a: Fraction, b: Fraction) -> Fraction:
        """A point of [a, b] where the monotone f is about zero, by Newton's method in a bracket; not certified."""
        slope = self.f.derivative()
        if not self.at(a).mid() > 0:
            return a
        guess = (a + b) / 2
        for _ in range(self.bits):
            value = self.at(guess).mid()
            if abs(value) <= self.tolerance / 4:
                break
            a, b = (guess, b) if value > 0 else (a, guess)
            newton = guess - self._rounded((value / slope(Ball().rational(guess)).mid()).mid())
            guess = newton if a < newton < b else self._rounded(Ball().rational((a + b) / 2))
        return guess

    def _rounded(self, value: Any) -> Fraction:
        """The nearest multiple of 2^-(bits + 32), or so: f may be steep, and is to be about zero there."""
        fine = self.bits + _STEEP_BITS
        man, exponent = (value * arb(2) ** fine).floor().mid().man_exp()
        return Fraction(int(man)) * Fraction(2) ** (int(exponent) - fine)

    def never_inside(self, where: Fraction) -> bool:
        """Whether f was not positive before it was negative, by more than the tolerance both times.

        The same tolerance as in `first`: of a unit that starts farther than that from its kink one region is right.
        """
        return not any(self.at(where * k / 4) > self.tolerance for k in range(4))


def grazing(seen: str) -> Undecided:
    """What is said where no region can be certified."""
    return Undecided(
        seen,
        "the state grazes the kink of an activation: which way it goes is decided by less than the precision resolves.",
        "ask for other times, more digits, or a slightly different initial state.",
    )


def _larger(a: Any, b: Any) -> Any:
    return b if b > a else a


def _smaller(a: Any, b: Any) -> Any:
    return a if a < b else b
