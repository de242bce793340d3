"""Generic scalars for the proofs: every coefficient a symbol, the activation an unknown function.

The library's own functions (rescaled, euler, exponential_euler, linearized, collapsed, lure.step, Runge-Kutta steps,
forms) run on these; nothing of the mathematics is restated here.

An unknown s and its derivative are read as one symbol per distinct argument, the argument expanded first: two
arguments that are equal polynomials give the same symbol, different ones different symbols. An identity between such
expressions therefore holds for every function s and, where a slope occurs, for every differentiable s.
"""

from __future__ import annotations

import sympy

from oracle.arithmetic.symbolic import Symbolic
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.equations import lure
from oracle.records.exact import objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors

SIZES = ((2, 3, 1), (3, 2, 2))
"""(N, K, I) of the generic networks: fewer and more states than units, one input and several."""


class Unknown:
    """s and s' of an unknown function."""

    def __init__(self) -> None:
        self.values: dict = {}
        self.slopes: dict = {}

    def value(self, activation: str, z):
        """s(z), or z itself for the identity."""
        if activation == "identity":
            return z
        return self.values.setdefault(sympy.expand(z), sympy.Symbol(f"s_{len(self.values)}"))

    def slope(self, activation: str, z):
        """s'(z)."""
        if activation == "identity":
            return sympy.Integer(1)
        return self.slopes.setdefault(sympy.expand(z), sympy.Symbol(f"ds_{len(self.slopes)}"))


class Generic(Symbolic):
    """The symbolic interpretation with an unknown activation."""

    def __init__(self, unknown: Unknown | None = None) -> None:
        super().__init__(generic=True)
        self.unknown = unknown or Unknown()

    def act(self, activation, z):
        """s of every entry."""
        return self._each(lambda entry: self.unknown.value(activation, entry), z)


class GenericTangent(Tangent):
    """The tangent interpretation over `Generic`: the slope of s is unknown as well."""

    def act(self, activation, z):
        """Chain rule with an unknown slope."""
        value = self.base.act(activation, z.value)
        if z.tangent is None:
            return Dual(value, None)
        slope = self.base._each(lambda entry: self.base.unknown.slope(activation, entry), z.value)
        return Dual(value, slope * z.tangent)


def symbols(name: str, *shape: int):
    """An object array of symbols."""
    array = objects(sympy.symbols(" ".join(f"{name}_{i}" for i in range(sympy.prod(shape))), seq=True))
    return array.reshape(shape)


def field(N: int, K: int, I: int, *, diagonal: bool = False) -> Lure:
    """The normal form with symbols for coefficients; two biases; A dense, or diagonal (any time constants)."""
    return Lure(
        A=Operator.diagonal(symbols("a", N), N) if diagonal else Operator.dense(symbols("a", N, N)),
        B=Operator.dense(symbols("B", N, K)),
        W=Operator.dense(symbols("W", K, N)),
        M=Operator.dense(symbols("M", K, I)),
        b=(symbols("b", K), symbols("d", K)),
        E=Operator.dense(symbols("E", N, I)),
        c=(symbols("c", N),),
        activation="tanh",
    )


def point(N: int, I: int):
    """A generic operating point (h*, x*)."""
    return symbols("h", N), symbols("x", I)


def vanishing(array) -> bool:
    """Whether every entry is identically zero."""
    return all(sympy.simplify(sympy.expand(entry)) == 0 for entry in array.ravel())


def assert_zero(array, what: str) -> None:
    """Every entry is identically zero."""
    assert vanishing(array), f"{what}: {[sympy.expand(entry) for entry in array.ravel()]}"


def assert_same(a: Lure, b: Lure) -> None:
    """Two records have identical coefficients."""
    assert a.activation == b.activation, f"activations {a.activation} and {b.activation}"
    for name in ("A", "B", "W", "M", "E"):
        assert_zero(getattr(a, name).expanded - getattr(b, name).expanded, name)
    for name, size in (("b", a.W.shape[0]), ("c", a.state_size)):
        assert_zero(sum_vectors(getattr(a, name), size) - sum_vectors(getattr(b, name), size), name)


def apply(ops, p: Lure, h, x):
    """The normal form at (h, x), through the library's step."""
    return lure.step(ops, p, ops.lift(h), lure.drive(ops, p, ops.lift(x)))


def identity(size: int):
    """The identity as an object array."""
    return objects(sympy.Integer(i == j) for i in range(size) for j in range(size)).reshape(size, size)


def tangent(step, p, h, x, unknown: Unknown, drive=lure.drive) -> Dual:
    """Value and derivative of a step map at (h, x) along every state and input."""
    base = Generic(unknown)
    ops, N, I = GenericTangent(base), len(h), len(x)
    directions = base.lift(identity(N + I))
    state, held = Dual(base.lift(h), directions[:N]), Dual(base.lift(x), directions[N:])
    return step(ops, p, state, drive(ops, p, held))


def assert_same_tangent(a: Dual, b: Dual) -> None:
    """Two maps have the same value and the same derivative."""
    assert_zero(a.value - b.value, "value")
    assert_zero(a.tangent - b.tangent, "derivative")
