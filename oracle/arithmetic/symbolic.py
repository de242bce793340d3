"""The symbolic interpretation: SymPy expressions. SymPy is loaded when the first symbol is needed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.entrywise import Entrywise
from oracle.equations.activations import ACTIVATIONS
from oracle.errors import NotDecidable
from oracle.records.exact import Array, Atom, Constant


class Symbolic(Entrywise):
    """Arithmetic on SymPy expressions.

    Parameters
    ----------
    generic : bool
        Read every activation as an undefined function s, so that what is derived holds for any activation.
    """

    def __init__(self, *, generic: bool = False) -> None:
        super().__init__()
        import sympy

        self.sympy: Any = sympy
        self.generic = generic

    def number(self, value: Any) -> Any:
        """Expressions stay what they are; exact numbers become SymPy numbers."""
        if isinstance(value, self.sympy.Basic):
            return value
        return (
            value.evaluate(self.rational, self.atom) if isinstance(value, Constant) else self.rational(Fraction(value))
        )

    def rational(self, value: Fraction) -> Any:
        """A SymPy rational."""
        return self.sympy.Rational(value.numerator, value.denominator)

    def atom(self, atom: Atom) -> Any:
        """exp(q), s(q) or s'(q)."""
        if atom.generator is not None:
            raise NotDecidable("SymPy is not asked for the exponential of a matrix")
        q = self.rational(atom.argument)
        if atom.kind == "exp":
            return self.sympy.exp(q)
        s = self.act(atom.activation, np.array([[q]], dtype=object))
        if atom.kind == "value":
            return s[0, 0]
        return ACTIVATIONS[atom.activation].slope(self, s, np.array([[q]], dtype=object))[0, 0]

    def function(self, name: str, z: Any) -> Any:
        """An elementary function of one entry."""
        sp = self.sympy
        if name in ("tanh", "erf", "sin", "cos", "exp", "log", "sqrt"):
            return getattr(sp, name)(z)
        formulas = {
            "logistic": lambda: 1 / (1 + sp.exp(-z)),
            "softplus": lambda: sp.log(1 + sp.exp(z)),
            "expm1": lambda: sp.exp(z) - 1,
            "arctan": lambda: sp.atan(z),
            "arctan-slope": lambda: 1 / (1 + z**2),
            "erf-slope": lambda: 2 / sp.sqrt(sp.pi) * sp.exp(-(z**2)),
            "normal-cdf": lambda: (1 + sp.erf(z / sp.sqrt(2))) / 2,
            "normal-density": lambda: sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi),
            "reciprocal": lambda: 1 / z,
        }
        return formulas[name]()

    def positive_part(self, z: Array) -> Array:
        """Max(0, z)."""
        return self._each(lambda entry: self.sympy.Max(0, entry), z)

    def unit_step(self, z: Array) -> Array:
        """Heaviside(z), undefined at 0."""
        return self._each(lambda entry: self.sympy.Heaviside(entry, self.sympy.nan), z)

    def indicator(self, z: Array) -> Array:
        """Heaviside(z), 0 at 0."""
        return self._each(lambda entry: self.sympy.Heaviside(entry, 0), z)

    def act(self, activation: str, z: Array) -> Array:
        """An activation by name, or the undefined function s."""
        if self.generic and activation != "identity":
            return self._each(self.sympy.Function("s"), z)
        return super().act(activation, z)
