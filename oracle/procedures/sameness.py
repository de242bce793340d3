"""Whether two vertices of the cube are the same: exact equality, a certified difference, or undecided.

Equality is equality of exact coefficients, and so is inequality where the difference is a rational number. Where it is
a polynomial in transcendental constants, or a coefficient exists in balls only, a ball that excludes zero certifies the
difference; balls that overlap at the highest precision decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, lower_floats, precision
from oracle.arithmetic.rational import Rational
from oracle.errors import NotDecidable
from oracle.procedures.tangent_map import ExponentialStep, TangentStep, Vertex, affine
from oracle.records.exact import Array, Constant
from oracle.records.gates import GATES
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import sum_vectors
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Staged

BITS = (64, 256, 1024)
"""Precisions tried in turn: about 19, 77 and 308 digits. Two numbers that agree to 300 digits are left undecided."""

EXACT_UNITS = 6
"""Up to here a staged step with named constants is compared as polynomials: the fourth power of a Jacobian of N units
has of the order of N^4 terms in every entry. Beyond, balls tell a difference, and equality stays undecided."""


@dataclass(frozen=True)
class Sameness:
    """Outcome of a comparison.

    Attributes
    ----------
    holds : {"equal", "different", "undecided"}
    evidence : str
        What decided it.
    gap : Fraction or float or None
        0 when equal; a certified lower bound of the largest difference when different; None when undecided.
    """

    holds: str
    evidence: str
    gap: Fraction | float | None

    def __bool__(self) -> bool:
        return self.holds == "equal"


def compared(a: Vertex, b: Vertex) -> Sameness:
    """Compare two vertices, time grids included."""
    if isinstance(a, Network) or isinstance(b, Network):
        if isinstance(a, Network) and isinstance(b, Network):
            return same_coefficients(a.field, b.field)
        return Sameness("different", "one is continuous, the other discrete", None)
    if a.step != b.step:
        gap = abs(Fraction(a.step) - Fraction(b.step))
        return Sameness("different", f"time grids differ: step {a.step} against {b.step} (exact)", gap)
    return same_maps(a, b)


def same_maps(a: Any, b: Any) -> Sameness:
    """Compare two step maps, whatever their time grids."""
    if type(a) is type(b) and a.same_map(b):
        return Sameness("equal", "every coefficient is equal, exactly", Fraction(0))
    ours, theirs = (_coefficients(vertex) for vertex in (a, b))
    if ours is not None and theirs is not None:
        return same_coefficients(ours, theirs)
    if _is_affine(a) and _is_affine(b):
        return _same_affine(a, b)
    return Sameness("different", "the step maps are of different kinds", None)


def _coefficients(vertex: Any) -> Lure | None:
    """What a step map is made of, where that is a record: its normal form, or Delta F of a staged method."""
    parameters = getattr(vertex, "parameters", None)
    if isinstance(parameters, Staged) and isinstance(vertex, Recurrence):
        return None if vertex.activation == "identity" else parameters.field.scaled(parameters.step)
    return parameters if isinstance(parameters, Lure) else None


def _is_affine(vertex: Any) -> bool:
    if isinstance(vertex, TangentStep | ExponentialStep):
        return True
    return isinstance(vertex, Recurrence) and vertex.activation == "identity" and vertex.equation not in GATES


def same_coefficients(a: Lure, b: Lure) -> Sameness:
    """Compare two normal forms coefficient by coefficient."""
    if a == b:
        return Sameness("equal", "every coefficient is equal, exactly", Fraction(0))
    if a.activation != b.activation:
        return Sameness("different", f"activations {a.activation} and {b.activation}", None)
    exact = [(name, entry) for name, entry in _differences(a, b) if isinstance(entry, Fraction)]
    if exact:
        name, entry = max(exact, key=lambda found: abs(found[1]))
        return Sameness("different", f"{name} differs by {float(abs(entry)):.6g} (exact rational)", abs(entry))
    return _by_balls([(name, [entry]) for name, entry in _differences(a, b)])


def _differences(a: Lure, b: Lure) -> Iterator[tuple[str, Any]]:
    """Entries that differ, as exact numbers, with the name of their coefficient."""
    for name in ("A", "B", "W", "M", "E"):
        ours, theirs = getattr(a, name), getattr(b, name)
        if ours.shape != theirs.shape:
            raise ValueError(f"{name} is {ours.shape} on one side and {theirs.shape} on the other")
        if ours != theirs:
            yield from _entries(name, ours.expanded - theirs.expanded)
    for name, size in (("b", a.W.shape[0]), ("c", a.state_size)):
        yield from _entries(name, sum_vectors(getattr(a, name), size) - sum_vectors(getattr(b, name), size))


def _entries(name: str, difference: Array) -> Iterator[tuple[str, Any]]:
    for index, entry in np.ndenumerate(difference):
        if entry != 0:
            yield f"{name}{list(index)}", entry


def _by_balls(differences: list[tuple[str, list[Constant]]]) -> Sameness:
    for bits in BITS:
        with precision(bits):
            ops = Ball()
            sizes = [lower_floats(ops.lift(np.array(entry, dtype=object)))[0, 0] for _, entry in differences]
        where = int(np.argmax(sizes))
        if sizes[where] > 0:
            text = f"{differences[where][0]} differs by at least {sizes[where]:.6g} (balls, {bits} bits)"
            return Sameness("different", text, float(sizes[where]))
    return Sameness("undecided", f"differences not separated from zero at {BITS[-1]} bits", None)


def _same_affine(a: Any, b: Any) -> Sameness:
    """Compare affine maps by their coefficients, exactly where they have exact ones, in balls otherwise."""
    if any(_too_many_terms(vertex) for vertex in (a, b)):
        return _affine_by_balls(a, b)
    try:
        ops = Rational()
        ours, theirs = affine(ops, a), affine(ops, b)
    except NotDecidable:
        return _affine_by_balls(a, b)
    exact = zip(("[A E]", "c"), ours, theirs, strict=True)
    found = [pair for name, mine, other in exact for pair in _entries(name, mine - other)]
    if not found:
        return Sameness("equal", "the affine maps are equal, exactly", Fraction(0))
    rational = [(name, abs(entry)) for name, entry in found if isinstance(entry, Fraction)]
    if rational:
        name, gap = max(rational, key=lambda pair: pair[1])
        return Sameness("different", f"{name} differs by {float(gap):.6g} (exact rational)", gap)
    return _by_balls([(name, [entry]) for name, entry in found])


def _too_many_terms(vertex: Any) -> bool:
    """Whether an affine vertex is a staged step of many units whose Jacobian is made of named constants."""
    parameters = getattr(vertex, "parameters", None)
    if not isinstance(parameters, Staged) or parameters.state_size <= EXACT_UNITS:
        return False
    slopes = [np.ravel(np.asarray(term.right, dtype=object)) for term in parameters.field.B.terms]
    return any(isinstance(entry, Constant) for entries in slopes for entry in entries)


def _affine_by_balls(a: Any, b: Any) -> Sameness:
    for bits in BITS:
        with precision(bits):
            ops = Ball()
            ours, theirs = affine(ops, a), affine(ops, b)
            sizes = [
                float(np.max(lower_floats(mine - other), initial=0.0)) for mine, other in zip(ours, theirs, strict=True)
            ]
        gap = max(sizes)
        if gap > 0:
            name = ("[A E]", "c")[sizes.index(gap)]
            return Sameness("different", f"{name} differs by at least {gap:.6g} (balls, {bits} bits)", gap)
    return Sameness("undecided", f"balls of all coefficients overlap at {BITS[-1]} bits", None)
