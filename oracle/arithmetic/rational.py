"""The exact interpretation: rationals, and polynomials in named constants where a linearisation needs them.

ReLU and identity networks stay rational. tanh of a rational is an atom; tanh of an atom is refused.
"""

from __future__ import annotations

from collections.abc import Callable
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

    def function(self, name: str, z: Any) -> Any:
        """Its value at 0, where that is rational; an atom elsewhere."""
        return value_at(name, z)

    def elementary(self, name: str, z: Array) -> Array:
        """Atoms by the name of the function, so that s and s' of one point are recognised again."""
        return self._each(lambda entry: value_at(name, entry), z)

    def sign(self, z: Any) -> int:
        """Sign of a rational."""
        if isinstance(z, Constant):
            raise NotDecidable(f"the sign of {z} is not decided by exact arithmetic")
        return super().sign(z)

    def act(self, activation: str, z: Array) -> Array:
        """What is made of other functions by its value, an atom where that is no exact number."""
        return objects(value_at(activation, entry) for entry in z.ravel()).reshape(z.shape)


def value_at(activation: str, z: Any) -> Exact:
    """s(z) of a rational as an exact number."""
    kind = ACTIVATIONS[activation]
    if kind.composed or activation in ("relu", "identity"):
        try:
            value: Exact = kind.value(Rational(), np.array([[z]], dtype=object))[0, 0]
            return value
        except NotDecidable:  # a function of a transcendental number inside: an atom of its own
            if isinstance(z, Constant):
                raise
            return Constant.atom("value", Fraction(z), activation)
    if isinstance(z, Constant):
        raise NotDecidable(f"{activation}({z}) is a transcendental of a transcendental")
    if z == 0 and kind.start is not None:
        return kind.start
    if activation in RATIONAL:
        return RATIONAL[activation](Fraction(z))
    return Constant.atom("value", Fraction(z), activation)


RATIONAL: dict[str, Callable[[Fraction], Fraction]] = {
    "reciprocal": lambda z: 1 / z,
    "arctan-slope": lambda z: 1 / (1 + z * z),
}
"""Functions with rational values."""


def slope_at(activation: str, z: Any) -> Exact:
    """s'(z) of a rational as a polynomial in values of functions, by the activation's differential relation.

    Raises
    ------
    KinkError
        z is a kink.
    """
    ops = Rational()
    s = np.array([[value_at(activation, z)]], dtype=object)
    point = np.array([[z]], dtype=object)
    try:
        slope: Exact = ACTIVATIONS[activation].slope(ops, s, point)[0, 0]
    except KinkError:
        raise KinkError(f"{activation} has no derivative at z = {z}") from None
    except NotDecidable:
        if isinstance(z, Constant):
            raise
        return Constant.atom("slope", Fraction(z), activation)
    return slope
