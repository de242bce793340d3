"""Exact numbers: rationals, and polynomials with rational coefficients in named transcendental constants.

A parameter is kept as given (every float is a dyadic rational), and what follows from it is exact as well:
1 - alpha, dt/tau and their products are `Fraction`s; exp(-dt/tau), s(z*) and s'(z*), which exponential Euler and
linearisation need, are `Atom`s, and a `Constant` is a polynomial over Q in them. Two equal polynomials are equal
numbers; two different ones may still be equal (nothing is assumed about algebraic independence), so inequality is
left to balls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from math import isfinite
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from oracle.errors import BadInput

T = TypeVar("T")

CONSECUTIVE = 2.0**53  # every integer up to here is a double


@dataclass(frozen=True, eq=False)
class Generator:
    """A square matrix of exact numbers, whose exponential has entries that are named constants; equal by its digest."""

    matrix: Array
    digest: str

    @staticmethod
    def of(matrix: Array) -> Generator:
        """The matrix, kept read-only, with its digest."""
        kept = np.array(matrix, dtype=object)
        kept.setflags(write=False)
        text = repr((kept.shape, [str(entry) for entry in kept.ravel().tolist()]))
        return Generator(kept, sha256(text.encode()).hexdigest())

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Generator) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def size(self) -> Fraction:
        """An upper bound of its infinity norm, where the entries are rational; of constants, what multiplies them."""
        rows = ([_coefficient_size(entry) for entry in row] for row in self.matrix.tolist())
        return max((sum(row, Fraction(0)) for row in rows), default=Fraction(0))

    def exponential(self) -> Array:
        """e to the matrix, entry by entry; entries (i, j) of zero rows are those of the identity."""
        n = len(self.matrix)
        still = [not np.any(row != 0) for row in self.matrix]
        entries = (
            Fraction(int(i == j))
            if still[i]
            else Constant({((Atom("flow", Fraction(i * n + j), self.digest, self), 1),): Fraction(1)})
            for i in range(n)
            for j in range(n)
        )
        return objects(entries).reshape(n, n)


def _coefficient_size(entry: Any) -> Fraction:
    return sum(map(abs, entry.terms.values()), Fraction(0)) if isinstance(entry, Constant) else abs(Fraction(entry))


@dataclass(frozen=True, order=True)
class Atom:
    """A named constant: exp(q), s(q) ("value") or s'(q) ("slope") at a rational q.

    Of kind "flow" it is entry (i, j) of e to a matrix of n rows; then `argument` is i n + j, `activation` the digest of
    the matrix and `generator` holds it.
    """

    kind: str
    argument: Fraction
    activation: str = ""
    generator: Generator | None = field(default=None, compare=False)

    @property
    def steepness(self) -> float:
        """What the relative error of its argument is multiplied by."""
        return abs(float(self.argument if self.generator is None else self.generator.size))

    def __str__(self) -> str:
        if self.generator is not None:
            i, j = divmod(int(self.argument), len(self.generator.matrix))
            return f"expm({self.activation[:8]})[{i}, {j}]"
        name = {"exp": "exp", "value": self.activation, "slope": f"{self.activation}'"}[self.kind]
        return f"{name}({self.argument})"


Monomial = tuple[tuple[Atom, int], ...]


def _merge(left: Monomial, right: Monomial) -> Monomial:
    """Multiply two monomials; exponentials merge into one, exp(p) exp(q) = exp(p + q)."""
    powers: dict[Atom, int] = {}
    exponent = Fraction(0)
    for atom, power in left + right:
        if atom.kind == "exp":
            exponent += power * atom.argument
        else:
            powers[atom] = powers.get(atom, 0) + power
    if exponent:
        powers[Atom("exp", exponent)] = 1
    return tuple(sorted(powers.items()))


class Constant:
    """A polynomial with rational coefficients in atoms; immutable, hashable, closed under +, -, * and division by Q."""

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[Monomial, Fraction]) -> None:
        self.terms = {monomial: value for monomial, value in terms.items() if value}

    @staticmethod
    def atom(kind: str, argument: Fraction, activation: str = "") -> Exact:
        """The atom as a number; exp(0) is the rational 1."""
        if kind == "exp" and argument == 0:
            return Fraction(1)
        return Constant({((Atom(kind, argument, activation), 1),): Fraction(1)})

    def _simplified(self) -> Exact:
        if not self.terms:
            return Fraction(0)
        if len(self.terms) == 1 and () in self.terms:
            return self.terms[()]
        return self

    @staticmethod
    def _terms_of(value: Any) -> Mapping[Monomial, Fraction] | None:
        if isinstance(value, Constant):
            return value.terms
        if isinstance(value, int | Fraction):
            return {(): Fraction(value)}
        return None

    def __add__(self, other: Any) -> Any:
        theirs = self._terms_of(other)
        if theirs is None:
            return NotImplemented
        total = dict(self.terms)
        for monomial, value in theirs.items():
            total[monomial] = total.get(monomial, Fraction(0)) + value
        return Constant(total)._simplified()

    def __mul__(self, other: Any) -> Any:
        theirs = self._terms_of(other)
        if theirs is None:
            return NotImplemented
        total: dict[Monomial, Fraction] = {}
        for left, p in self.terms.items():
            for right, q in theirs.items():
                monomial = _merge(left, right)
                total[monomial] = total.get(monomial, Fraction(0)) + p * q
        return Constant(total)._simplified()

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return self * Fraction(-1)

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return (-self) + other

    def __truediv__(self, other: Any) -> Any:
        if not isinstance(other, int | Fraction):
            return NotImplemented
        return self * (1 / Fraction(other))

    def __eq__(self, other: object) -> bool:
        theirs = self._terms_of(other)
        return NotImplemented if theirs is None else self.terms == {m: v for m, v in theirs.items() if v}

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __repr__(self) -> str:
        def product(monomial: Monomial, value: Fraction) -> str:
            return "*".join([str(value), *(f"{atom}**{power}" if power > 1 else str(atom) for atom, power in monomial)])

        return " + ".join(product(monomial, value) for monomial, value in sorted(self.terms.items()))

    def evaluate(self, rational: Callable[[Fraction], T], atom: Callable[[Atom], T]) -> T:
        """Value in another arithmetic, given how it reads rationals and atoms (its numbers need only + and *)."""
        total: T | None = None
        for monomial, value in sorted(self.terms.items()):
            product = rational(value)
            for factor, power in monomial:
                for _ in range(power):
                    product = product * atom(factor)  # type: ignore[operator]
            total = product if total is None else total + product  # type: ignore[operator]
        assert total is not None, "a constant without terms is the rational 0"
        return total


def combination(weights: Iterable[Any], entries: Iterable[Any]) -> Any:
    """The sum of weights times entries, exactly; constants are collected in one pass instead of sum by sum."""
    rational: Any = Fraction(0)
    total: dict[Monomial, Fraction] = {}
    for weight, entry in zip(weights, entries, strict=True):
        if isinstance(entry, Constant) and isinstance(weight, Fraction):
            for monomial, value in entry.terms.items() if weight else ():
                total[monomial] = total.get(monomial, Fraction(0)) + weight * value
        else:
            rational = rational + weight * entry
    return rational + Constant(total) if total else rational


Exact = Fraction | Constant
Array = NDArray[Any]
Diagonal = Exact | Array
"""A scalar multiple of the identity, or a diagonal matrix as a one-dimensional array of exact numbers."""
Time = Fraction | Array
"""A time constant: rational, one or one per unit."""


def exact_scalar(value: Any, name: str) -> Exact:
    """Read one number exactly: int, float, Fraction, Decimal, mpf (the middle of a reference), numpy or torch scalar.

    Raises
    ------
    BadInput
        The value is not a finite real number.
    """
    if isinstance(value, Constant):
        return value
    if hasattr(value, "item") and not isinstance(value, bool):
        value = value.item()
    if hasattr(value, "_mpf_") and not hasattr(value, "func"):  # mpmath.pi is no rational
        value = _dyadic(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction):
        raise BadInput(
            f"{name} is {value!r}, of type {type(value).__name__}.",
            f"{name} has to be a real number.",
            "pass an int, a float, a Fraction, a Decimal or an mpf.",
        )
    if not _finite(value):
        raise BadInput(
            f"{name} is {value}.",
            "a computation before this one overflowed or divided by zero.",
            f"pass a finite {name}.",
        )
    return Fraction(value)


def _dyadic(value: Any) -> Any:
    """The rational that an mpf is; a float where it is not finite."""
    sign, mantissa, exponent, _ = value._mpf_
    if not mantissa:
        return float(value)
    return (-1) ** sign * int(mantissa) * Fraction(2) ** int(exponent)


def _finite(value: int | float | Decimal | Fraction) -> bool:
    try:
        return isfinite(value)
    except (OverflowError, ValueError):  # too large for a float; a signalling NaN
        return False


def exact_array(value: Any, name: str, ndim: int) -> Array:
    """Read an array exactly, read-only: as float64 where every entry is a double, else as an object array of Fractions.

    Raises
    ------
    BadInput
        Entries that are not finite real numbers, or the wrong number of dimensions.
    """
    array = to_numpy(value, name)
    if array.ndim != ndim:
        raise BadInput(
            f"{name} has shape {array.shape}; expected {ndim} dimension{'s' * (ndim != 1)}.",
            "an axis is missing or one too many (a batch axis, say).",
            f"pass {name} with {ndim} dimension{'s' * (ndim != 1)}.",
        )
    if array.dtype == object:
        flat = [exact_scalar(entry, f"{name}[{i}]") for i, entry in enumerate(array.ravel().tolist())]
        exact = objects(flat).reshape(array.shape)
    else:
        exact = array.astype(np.float64)
        if not np.all(np.isfinite(exact)):
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(exact))[0])
            raise BadInput(
                f"{name}{list(where)} is {exact[where]}.",
                "training diverged, or the file was read with the wrong type.",
                f"pass a finite {name}.",
                index=where,
            )
        if array.dtype.kind in "iu" and np.any(np.abs(exact) > CONSECUTIVE):
            exact = objects([Fraction(int(entry)) for entry in array.ravel()]).reshape(array.shape)
    exact.setflags(write=False)
    return exact


def tensor_values(value: Any) -> Any:
    """A tensor's values as numpy has them (bfloat16 as float32, which holds it exactly); anything else unchanged."""
    if not hasattr(value, "detach"):
        return value
    value = value.detach().cpu()
    return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()


def to_numpy(value: Any, name: str) -> Array:
    """A numpy array of real numbers from anything array-like; tensors are detached and brought to the CPU."""
    try:
        array = np.asarray(tensor_values(value))
    except ValueError as error:
        raise BadInput(
            f"{name} is not rectangular: {error}.", "its rows differ in length.", f"pass {name} as an array."
        ) from None
    except Exception as error:
        raise BadInput(
            f"{name} is a {type(value).__name__} that cannot be read: {type(error).__name__}: {error}.",
            "it is an object of a framework (a sparse tensor, another device), or a list of tensors.",
            f"pass {name} as a dense array on the CPU.",
        ) from error
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise BadInput(
            f"{name} has masked entries.", "they are marked as invalid.", f"pass {name} without them, or filled."
        )
    if array.dtype.kind not in "fiuO" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        raise BadInput(
            f"{name} has dtype {array.dtype}.",
            "complex, boolean, text and extended types are not parameters of a real network.",
            f"pass {name} as float64, float32, float16, integers or Fractions.",
        )
    return array


def objects(values: Iterable[Any]) -> Array:
    """A one-dimensional object array (numpy would try to look inside the entries)."""
    entries = list(values)
    array = np.empty(len(entries), dtype=object)
    for i, entry in enumerate(entries):
        array[i] = entry
    return array


def exact_object(array: Array) -> Array:
    """The same numbers as an object array of exact numbers, so that products and sums stay exact."""
    if array.dtype == object:
        return array
    return objects(Fraction(entry) for entry in array.ravel().tolist()).reshape(array.shape)
