"""The exact interpretation: rationals, and polynomials in named constants where a linearisation needs them.

ReLU and identity networks stay rational. tanh of a rational is an atom; tanh of an atom is refused.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.entrywise import Entrywise
from oracle.equations.activations import ACTIVATIONS
from oracle.errors import KinkError, NotDecidable
from oracle.records.exact import Array, Atom, Constant, Exact, objects
from oracle.records.operator import exact_product


class Rational(Entrywise):
    """Arithmetic on `Fraction` and `Constant` entries."""

    def rational(self, value: Fraction) -> Fraction:
        """The number itself."""
        return value

    def atom(self, atom: Atom) -> Exact:
        """The atom itself."""
        return Constant({((atom, 1),): Fraction(1)})

    def number(self, value: Exact | float) -> Any:
        """The number itself."""
        return value if isinstance(value, Constant) else Fraction(value)

    def product(self, dense: Array, v: Array) -> Array:
        """The matrix times the value, over a common denominator."""
        return exact_product(dense, v)

    def tanh_entry(self, z: Any) -> Any:
        """tanh(0) = 0; an atom elsewhere."""
        return value_at("tanh", z)

    def sign(self, z: Any) -> int:
        """Sign of a rational."""
        if isinstance(z, Constant):
            raise NotDecidable(f"the sign of {z} is not decided by exact arithmetic")
        return super().sign(z)

    def act(self, activation: str, z: Array) -> Array:
        """Atoms by the name of the activation, so that s and s' of one point are recognised again."""
        if activation in ("relu", "identity"):
            return super().act(activation, z)
        return objects(value_at(activation, entry) for entry in z.ravel()).reshape(z.shape)


def value_at(activation: str, z: Any) -> Exact:
    """s(z) of a rational as an exact number."""
    if isinstance(z, Constant):
        raise NotDecidable(f"{activation}({z}) is a transcendental of a transcendental")
    if activation in ("relu", "identity"):
        return Fraction(z) if activation == "identity" else max(Fraction(z), Fraction(0))
    if z == 0:
        return Fraction(0) if activation == "tanh" else Fraction(1, 2)
    return Constant.atom("value", z, activation)


def slope_at(activation: str, z: Any) -> Exact:
    """s'(z) of a rational as a polynomial in s(z), by the activation's differential relation.

    Raises
    ------
    KinkError
        z is a kink.
    """
    if activation == "relu" and z == 0:
        raise KinkError("relu has no derivative at z = 0")
    ops = Rational()
    s = np.array([[value_at(activation, z)]], dtype=object)
    point = np.array([[z]], dtype=object)
    slope: Exact = ACTIVATIONS[activation].slope(ops, s, point)[0, 0]
    return slope
