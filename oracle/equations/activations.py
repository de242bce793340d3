"""Activations: a value and one differential relation s' = slope(s, z).

Series, tangents and higher derivatives follow from the relation, suprema of derivatives from balls
(`oracle.arithmetic.suprema`). A name is looked up as `ACTIVATIONS["leaky-relu(0.2)"]`, which makes the activation when
it is first asked for. The families are in `activations_smooth`, `activations_pieces` and `activations_user`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from oracle.equations.interface import Arithmetic, V
from oracle.records.exact import Array

WITHIN = "within {ulps} ulp"
HALF = Fraction(1, 2)
ZERO, ONE, MINUS = Fraction(0), Fraction(1), Fraction(-1)


class Piece(NamedTuple):
    """Where s' is monotone: from start to end, with s' as a float64 function, right to a relative 2^-45 there."""

    start: float
    end: float
    slope: Callable[[Array], Array]


Granted = Callable[[float, float, Array, Array], tuple[float, Any]]
"""Relative and absolute error granted to a program by (e, u, low, size): see `Activation.error`."""


def relative(e: float, u: float, low: Array, size: Array) -> tuple[float, Any]:
    """An error of e relative to the value alone."""
    return e, 0.0


def of_value(z: Array, value: Array) -> Array:
    """Rounding at the size of the value."""
    return np.abs(value)


@dataclass(frozen=True)
class Activation:
    """One activation: its value and slope in any arithmetic, and what is known about it.

    Attributes
    ----------
    value, slope : callable
        s(z) by (ops, z), s'(z) by (ops, s, z).
    slopes : (inf s', sup s'), optional
        Exact, where they are rational; None in place of one: unbounded. Left out: certified by balls when asked for.
    pieces : tuple of Piece
        Together all arguments; left out, s' over intervals comes from a table of balls.
    error : callable
        Relative and absolute error that is granted to a program, by (e, u, low, size): e that of one elementary
        function, u the unit roundoff, low a lower bound of the argument and size one from above of its absolute value.
    assumed : str
        The same in words, with {ulps} for the number of ulps that are granted.
    size : callable
        What the typical rounding error of a program scales with, by (z, value); 0 for what rounds nothing.
    floats : callable, optional
        The value in floating point, where the equation itself would round more than it has to.
    kinks : tuple of Fraction
        Where s is not analytic.
    jump : Fraction
        An upper bound of |s(z+) - s(z-)| at the kinks: 0 for everything but a softplus with a threshold.
    composed : bool
        The value is made of other functions, so that its series is theirs; else the series solves the relation.
    start : Fraction, optional
        s(0), where it is rational.
    low, high : Fraction, optional
        low <= s <= high everywhere.
    odd, positively_homogeneous : bool
        s(-z) = -s(z); s(g z) = g s(z) for g > 0.
    degree : int
        s grows no faster than z^degree; derivatives of a lower order are unbounded if it is more than 1.
    reach : int
        Beyond |z| = reach nothing happens any more (`oracle.arithmetic.suprema`).
    """

    name: str
    value: Callable[[Arithmetic[Any], Any], Any]
    slope: Callable[[Arithmetic[Any], Any, Any], Any]
    slopes: tuple[Fraction | None, Fraction | None] | None = None
    pieces: tuple[Piece, ...] = ()
    error: Granted = relative
    assumed: str = WITHIN
    size: Callable[[Array, Array], Array] = of_value
    floats: Callable[[Array], Array] | None = None
    kinks: tuple[Fraction, ...] = ()
    jump: float = 0.0
    composed: bool = False
    start: Fraction | None = ZERO
    low: Fraction | None = None
    high: Fraction | None = None
    odd: bool = False
    positively_homogeneous: bool = False
    degree: int = 1
    reach: int = 16

    def granted(self, ulps: float) -> str:
        """What a program is granted, in words: "tanh within 4 ulp"."""
        return f"{self.name} {self.assumed.replace('{ulps}', f'{ulps:g}')}"

    @property
    def analytic(self) -> bool:
        """Whether s has a Taylor series everywhere."""
        return not self.kinks

    @property
    def piecewise_linear(self) -> bool:
        """Whether s is linear between its kinks."""
        return self.name == "identity" or self.name.partition("(")[0] in ("relu", "leaky-relu", "hardtanh")


class Catalogue(dict[str, Activation]):
    """Activations by name, made when they are asked for."""

    def __missing__(self, name: str) -> Activation:
        from oracle.equations.activations_families import made

        self[name] = made(name)
        return self[name]


ACTIVATIONS = Catalogue()


def less(ops: Arithmetic[V], u: V, v: V) -> V:
    """u - v."""
    return ops.sum([u, ops.scale(MINUS, v)])


def plus(ops: Arithmetic[V], v: V, number: Fraction) -> V:
    """v + number."""
    return v if number == 0 else ops.sum([v, ops.scale(number, ops.one(v))])
