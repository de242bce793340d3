"""Bounds of activations on complex discs that nobody has worked out beforehand: expressions of a user, and powers.

For every unit a disc about z_0 on which s is analytic and |s| <= m is looked for, by evaluating its equation in balls
of complex numbers over boxes that cover the disc; what may not be analytic there (a pole, a branch cut of log, sqrt or
arctan) makes a box infinite. Real z_0 are taken together in cells of length 1/4, so that a run asks only once for each.
A power gain max(0, z)^n is that of its active branch, gain z^n with |z| <= |z_0| + rho; silent units have no tail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import floor, inf, log2
from typing import Any

import numpy as np
from flint import acb, arb

from oracle.arithmetic.ball import Ball, precision
from oracle.equations.activations import ACTIVATIONS
from oracle.records import formula
from oracle.records.exact import Array
from oracle.records.names import USER, parsed

CELL = 0.25
_RADII = tuple(2.0 ** (k / 2) for k in range(20, -9, -1))
_BOXES = 8  # per side of the upper half: s of a conjugate is the conjugate of s
_BITS = 53
_WORTH = 24  # a disc twice as wide is worth 2^24 in m: tails go with (q / R)^(P + 1)
_WIDER = 1 + 2.0**-20  # boxes overlap, whatever float64 rounds
_NOWHERE = acb(arb.nan())


class Boxes:
    """The arithmetic of values on boxes, lists of complex balls; what is not analytic on a box is not finite."""

    def sum(self, parts: Sequence[Any]) -> Any:
        """The sum of values."""
        return [sum(entries, acb(0)) for entries in zip(*parts, strict=True)]

    def mul(self, u: Any, v: Any) -> Any:
        """Products."""
        return [a * b for a, b in zip(u, v, strict=True)]

    def scale(self, factor: Any, v: Any) -> Any:
        """A rational times a value."""
        return [entry * factor.numerator / factor.denominator for entry in v]

    def one(self, like: Any) -> Any:
        """Ones."""
        return [acb(1)] * len(like)

    def tanh(self, z: Any) -> Any:
        """tanh."""
        return self.elementary("tanh", z)

    def positive_part(self, z: Any) -> Any:
        """z: the active branch."""
        return z

    def elementary(self, name: str, z: Any) -> Any:
        """A function by name."""
        return [FUNCTIONS[name](entry) for entry in z]


def _right(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that is analytic where Re z > 0, and not used elsewhere."""
    return lambda z: function(z) if z.real > 0 else _NOWHERE


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda z: 1 - 2 / ((2 * z).exp() + 1),
    "logistic": lambda z: 1 / ((-z).exp() + 1),
    "softplus": lambda z: _right(lambda w: w.log())(z.exp() + 1),
    "log": _right(lambda z: z.log()),
    "sqrt": _right(lambda z: z.sqrt()),
    "exp": lambda z: z.exp(),
    "expm1": lambda z: z.exp() - 1,
    "sin": lambda z: z.sin(),
    "cos": lambda z: z.cos(),
    "erf": lambda z: z.erf(),
    "reciprocal": lambda z: 1 / z,
    "arctan": lambda z: z.atan() if abs(z.imag) < 1 else _NOWHERE,
}


def covers(activation: str) -> bool:
    """Whether discs are looked for: expressions without kinks, and powers; a user's functions may be anything."""
    if parsed(activation)[0] == "square":
        return True
    return activation not in USER and formula.mentions_z(activation) and not ACTIVATIONS[activation].kinks


def around(activation: str, centres: Any) -> tuple[Array, float]:
    """Radii of discs about the real z_0 (balls in a column) and one m; a radius of 0 where no disc is found."""
    if parsed(activation)[0] == "square":
        return _of_power(activation, np.array([float(centre.abs_upper()) * _WIDER for centre in centres.entries()]))
    radii, most = [], 0.0
    for centre in centres.entries():
        low, high = (floor(float(end) / CELL) for end in (centre.lower() - 2.0**-40, centre.upper() + 2.0**-40))
        found = [disc(activation, cell) for cell in range(low, high + 1)] if high - low < 8 else [(0.0, inf)]
        radii.append(min(rho for rho, _ in found))
        most = max(most, *(m for _, m in found))
    return np.array(radii), most


def _of_power(activation: str, sizes: Array) -> tuple[Array, float]:
    gain, exponent = (float(value or 0) for value in parsed(activation)[1])
    radii = np.maximum(sizes, 1.0)
    with np.errstate(all="ignore"):
        return radii, float(abs(gain) * _WIDER * ((sizes + radii).max() * _WIDER) ** exponent)


@lru_cache(maxsize=4096)
def disc(activation: str, cell: int) -> tuple[float, float]:
    """A radius and a bound m of |s| on all discs of it about the points of [cell, cell + 1] / 4: (0, inf) if none."""
    best, worth = (0.0, inf), -inf
    for rho in _RADII:
        m = largest(activation, cell * CELL, (cell + 1) * CELL, rho)
        if m < inf and _WORTH * log2(rho) - log2(max(m, 1e-3)) > worth:
            best, worth = (rho, m), _WORTH * log2(rho) - log2(max(m, 1e-3))
    return best


def largest(activation: str, low: float, high: float, rho: float) -> float:
    """An upper bound of |s| on the rectangle that holds the discs about [low, high]; infinite where there is none."""
    half, tall = (high - low + 2 * rho) / (2 * _BOXES), rho / (2 * _BOXES)
    with precision(_BITS):
        boxes = [
            acb(arb(low - rho + (2 * i + 1) * half, half * _WIDER), arb((2 * j + 1) * tall, tall * _WIDER))
            for i in range(_BOXES)
            for j in range(_BOXES)
        ]
        sizes = [abs(value).upper() for value in ACTIVATIONS[activation].value(Boxes(), boxes)]  # type: ignore[arg-type]
        if not all(size.is_finite() for size in sizes):
            return inf
        return max(float(size) for size in sizes) * (1 + 2.0**-40)


def slopes(activation: str, z: Any) -> tuple[Fraction, Fraction] | None:
    """A range that holds s' on all of these real balls (in a column); None where none is found. Inside `precision`."""
    kind, ops = ACTIVATIONS[activation], Ball()
    found = kind.slope(ops, kind.value(ops, z), z).entries()
    if not all(entry.is_finite() for entry in found):
        return None
    low, high = min(float(entry.lower()) for entry in found), max(float(entry.upper()) for entry in found)
    return Fraction(float(np.nextafter(low, -inf))), Fraction(float(np.nextafter(high, inf)))
