"""The mpmath interpretation: floating point of any precision, in a context of its own. Observed, not certified."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from oracle.arithmetic.entrywise import Entrywise
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array, Atom


class Mp(Entrywise):
    """Arithmetic with a working precision in decimal digits; mpmath's global context is not touched."""

    def __init__(self, digits: int) -> None:
        super().__init__()
        self.context = mpmath.MPContext()
        self.context.dps = digits

    def rational(self, value: Fraction) -> Any:
        """Rounded to the working precision."""
        return self.context.mpf(value.numerator) / value.denominator

    def atom(self, atom: Atom) -> Any:
        """exp(q), s(q) or s'(q), rounded."""
        argument = self.rational(atom.argument)
        if atom.kind == "exp":
            return self.context.exp(argument)
        z = np.array([[argument]], dtype=object)
        s = self.act(atom.activation, z)
        if atom.kind == "value":
            return s[0, 0]
        return ACTIVATIONS[atom.activation].slope(self, s, z)[0, 0]

    def tanh_entry(self, z: Any) -> Any:
        """tanh of one entry."""
        return self.context.tanh(z)

    def number(self, value: Any) -> Any:
        """Floats are read exactly and without a detour."""
        return self.context.mpf(value) if isinstance(value, float) else super().number(value)

    def lower(self, v: Array) -> Array:
        """Array of mpf."""
        return v
