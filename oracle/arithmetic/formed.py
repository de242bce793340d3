"""Exact numbers that know how they were formed: a value and its partial derivatives by the parameters as given.

A record keeps W, b, alpha or tau as given and derives 1 - alpha, step/tau and alpha b from them. Formed from such
numbers instead, by the same functions, a coefficient carries its derivatives along, exactly (rationals, or polynomials
in named constants). A partial belongs to (name, index); the index of a scalar parameter is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.records.exact import Array, Constant, Diagonal, Exact, exact_object, objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator, Term

Key = tuple[str, int | None]
ONE = Fraction(1)


class Formed:
    """A value and its partial derivatives; closed under +, -, *, division by numbers that are not zero, and `exp`."""

    __slots__ = ("partials", "value")

    def __init__(self, value: Exact, partials: Mapping[Key, Exact]) -> None:
        self.value = value
        self.partials = {key: partial for key, partial in partials.items() if partial != 0}

    def _combined(self, value: Exact, mine: Exact, theirs: Mapping[Key, Exact], factor: Exact) -> Formed:
        """Value with mine * own partials + factor * their partials."""
        partials = {key: mine * partial for key, partial in self.partials.items()}
        for key, partial in theirs.items():
            partials[key] = partials.get(key, Fraction(0)) + factor * partial
        return Formed(value, partials)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        return self._combined(self.value + value_of(other), ONE, partials_of(other), ONE)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        factor = value_of(other)
        return self._combined(self.value * factor, factor, partials_of(other), self.value)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Formed:
        return Formed(-self.value, {key: -partial for key, partial in self.partials.items()})

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return (-self) + other

    def inverse(self) -> Formed:
        """1 / self; rational values only."""
        inverse = ONE / self.value  # type: ignore[operator]
        return Formed(inverse, {key: -inverse * inverse * partial for key, partial in self.partials.items()})

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        return self * (other.inverse() if isinstance(other, Formed) else ONE / other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.inverse() * other

    def exp(self) -> Formed:
        """e^self, whose value is a named constant."""
        grown = Constant.atom("exp", self.value)  # type: ignore[arg-type]
        return Formed(grown, {key: grown * partial for key, partial in self.partials.items()})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Formed | Fraction | Constant | int):
            return NotImplemented
        return bool(value_of(other) == self.value) and partials_of(other) == self.partials

    def __hash__(self) -> int:
        return hash((self.value, frozenset(self.partials.items())))

    def __repr__(self) -> str:
        return f"Formed({self.value}, {self.partials})"


def value_of(number: Any) -> Any:
    """The number without its partials."""
    return number.value if isinstance(number, Formed) else number


def partials_of(number: Any) -> Mapping[Key, Exact]:
    """Its partials; none for a plain number."""
    return number.partials if isinstance(number, Formed) else {}


def exponential(number: Any) -> Any:
    """e^number as an exact number."""
    return number.exp() if isinstance(number, Formed) else Constant.atom("exp", number)


def is_formed(factor: Diagonal) -> bool:
    """Whether a scalar, diagonal or vector depends on a parameter."""
    if isinstance(factor, np.ndarray):
        return factor.dtype == object and any(isinstance(entry, Formed) for entry in factor.tolist())
    return isinstance(factor, Formed)


def plain_factor(factor: Diagonal) -> Diagonal:
    """A scalar, diagonal or vector without partials; itself where it has none."""
    if not is_formed(factor):
        return factor
    return objects(map(value_of, factor.tolist())) if isinstance(factor, np.ndarray) else value_of(factor)


def plain_operator(op: Operator) -> Operator:
    """An operator without partials; itself where it has none."""
    if not any(is_formed(t.left) or is_formed(t.right) for t in op.terms):
        return op
    return Operator(op.shape, tuple(Term(plain_factor(t.left), t.dense, plain_factor(t.right)) for t in op.terms))


def plain_bias(part: Array) -> Array:
    """A bias without partials; itself where it has none."""
    return np.asarray(plain_factor(part)) if is_formed(part) else part


def plain_lure(p: Lure) -> Lure:
    """Coefficients of the normal form without partials."""
    operators: dict[str, Any] = {name: plain_operator(getattr(p, name)) for name in ("A", "B", "W", "M", "E")}
    return replace(p, **operators, b=tuple(map(plain_bias, p.b)), c=tuple(map(plain_bias, p.c)))


def derivatives(factor: Diagonal) -> dict[str, tuple[int | None, Diagonal]]:
    """For each parameter a factor depends on: its index there (the first one of a vector) and the partial derivatives.

    Entry i of a vector depends on a scalar parameter (index None), or on entry i + index of a vector.
    """
    if not isinstance(factor, np.ndarray):
        return {name: (index, partial) for (name, index), partial in partials_of(factor).items()}
    found: dict[str, dict[int, tuple[int | None, Exact]]] = {}
    for i, entry in enumerate(factor.tolist()):
        for (name, index), partial in partials_of(entry).items():
            found.setdefault(name, {})[i] = (None if index is None else index - i, partial)
    result: dict[str, tuple[int | None, Diagonal]] = {}
    for name, entries in found.items():
        (offset,) = {shift for shift, _ in entries.values()}
        result[name] = offset, objects(entries[i][1] if i in entries else Fraction(0) for i in range(len(factor)))
    return result


def vector(values: Array, name: str, offset: int = 0) -> Array:
    """A vector of parameters, each its own variable."""
    exact = exact_object(values).tolist()
    return objects(Formed(v, {(name, i + offset): ONE}) for i, v in enumerate(exact))


def scalar(value: Exact, name: str) -> Formed:
    """A parameter that is one number."""
    return Formed(value, {(name, None): ONE})
