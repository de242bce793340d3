"""The mpmath interpretation: floating point of any precision, in a context of its own. Observed, not certified."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from oracle.arithmetic.entrywise import Entrywise
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array, Atom
from oracle.records.lure import Lure


class Mp(Entrywise):
    """Arithmetic with a working precision in decimal digits; mpmath's global context is not touched."""

    def __init__(self, digits: int) -> None:
        super().__init__()
        self.context = mpmath.MPContext()
        self.context.dps = digits
        self._flows: dict[str, Any] = {}

    def rational(self, value: Fraction) -> Any:
        """Rounded to the working precision."""
        return self.context.mpf(value.numerator) / value.denominator

    def atom(self, atom: Atom) -> Any:
        """exp(q), s(q), s'(q) or an entry of e to a matrix, rounded."""
        if atom.generator is not None:
            return self._flow(atom)
        argument = self.rational(atom.argument)
        if atom.kind == "exp":
            return self.context.exp(argument)
        z = np.array([[argument]], dtype=object)
        s = self.act(atom.activation, z)
        if atom.kind == "value":
            return s[0, 0]
        return ACTIVATIONS[atom.activation].slope(self, s, z)[0, 0]

    def _flow(self, atom: Atom) -> Any:
        """An entry of the exponential of a matrix, by mpmath's own Taylor series."""
        assert atom.generator is not None
        if atom.activation not in self._flows:
            rows = self._read(atom.generator.matrix).tolist()
            self._flows[atom.activation] = self.context.expm(self.context.matrix(rows))
        i, j = divmod(int(atom.argument), len(atom.generator.matrix))
        return self._flows[atom.activation][i, j]

    def function(self, name: str, z: Any) -> Any:
        """An elementary function of one entry."""
        return FUNCTIONS[name](self.context, z)

    def number(self, value: Any) -> Any:
        """Floats are read exactly and without a detour."""
        return self.context.mpf(value) if isinstance(value, float) else super().number(value)

    def solution(self, relation: Lure, inputs: Array, start: Array) -> Array:
        """y = relation(y, inputs), by Newton's method from `start`."""
        from oracle.arithmetic.solving import Relation, in_digits

        return in_digits(Relation(self, relation, inputs), start, self.context)

    def solved_back(self, relation: Lure, inputs: Array, y: Array, bar: Array) -> Array:
        """The cotangent of the relation, from that of its solution."""
        from oracle.arithmetic.solving import Relation, back_in_digits

        return back_in_digits(Relation(self, relation, inputs), y, bar, self.context)

    def lower(self, v: Array) -> Array:
        """Array of mpf."""
        return v


def _softplus(ctx: Any, z: Any) -> Any:
    """Whose terms do not cancel."""
    return max(z, ctx.zero) + ctx.log1p(ctx.exp(-abs(z)))


def _method(name: str) -> Callable[[Any, Any], Any]:
    return lambda ctx, z: getattr(ctx, name)(z)


FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "logistic": lambda ctx, z: 1 / (1 + ctx.exp(-z)),
    "softplus": _softplus,
    "arctan": lambda ctx, z: ctx.atan(z),
    "arctan-slope": lambda ctx, z: 1 / (1 + z * z),
    "erf-slope": lambda ctx, z: 2 / ctx.sqrt(ctx.pi) * ctx.exp(-z * z),
    "normal-cdf": lambda ctx, z: ctx.erfc(-z / ctx.sqrt(2)) / 2,
    "normal-density": lambda ctx, z: ctx.exp(-z * z / 2) / ctx.sqrt(2 * ctx.pi),
    "reciprocal": lambda ctx, z: 1 / z,
    **{name: _method(name) for name in ("tanh", "erf", "sin", "cos", "exp", "expm1", "log", "sqrt")},
}
