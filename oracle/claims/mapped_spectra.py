"""The eigenvalues of a record that R or D made, against the eigenvalues of J mapped by the formula of C8.

Both are enclosed: those of J mapped by R(Delta lambda), and those of the record's derivative, by dual numbers. Two
spectra that are certified to be apart violate the claim; they are called the same if the enclosures overlap one to one
and are narrow. That the matrices are equal is tested exactly where they are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from flint import acb, arb_mat

from oracle.arithmetic.ball import Ball, precision
from oracle.claims.one_step import ExactFlow, OneStep, jacobian, one_step
from oracle.claims.setting import Setting
from oracle.claims.spectrum import BITS, RESOLUTION, ROOTS, Distance, lifted, matching, size, spectrum
from oracle.procedures.tangent_map import tangent_of
from oracle.records.exact import Array
from oracle.records.network import Network
from oracle.records.operator import Operator
from oracle.records.recurrence import Recurrence


@dataclass(frozen=True, eq=False)
class Side:
    """One half of the claim: a record's derivative at an operating point, and what its eigenvalues should be."""

    name: str
    record: Network | Recurrence
    expected: OneStep | ExactFlow
    at: tuple[Array, Array]

    @cached_property
    def values(self) -> tuple[Any, ...] | None:
        """Enclosures of the record's own eigenvalues."""
        return spectrum(lambda: derivative(self.record, self.at))


def sides(setting: Setting) -> list[Side]:
    net, step = setting.net, one_step(setting)
    sides = [Side("R", net.rescale(setting.r), OneStep((Fraction(0), setting.r), Fraction(1)), setting.at)]
    if step is not None:
        sides.append(Side(setting.scheme, net.discretize(setting.step, setting.scheme), step, setting.at))
    return sides


class Compared(NamedTuple):
    """Bound, measured value and evidence of one side."""

    bound: Fraction | float
    measured: Fraction | float | None
    text: str


def compare(side: Side, J: Operator, found: tuple[Any, ...] | None) -> Compared:
    """The record's eigenvalues against the mapped ones."""
    exactly = same_matrix(side, J)
    if found is None:
        if exactly:
            return Compared(Fraction(0), Fraction(0), f"{side.name}: the matrices are equal, exactly")
        return Compared(Fraction(0), None, f"{side.name}: the eigenvalues of J were not enclosed at {J.shape[0]} units")
    theirs = side.values
    if theirs is None and exactly:
        return Compared(Fraction(0), Fraction(0), f"{side.name}: the matrices are equal, exactly; J is defective")
    if theirs is None:
        return Compared(Fraction(0), None, f"{side.name}: the eigenvalues of the record were not isolated")
    with precision(BITS[-1]):
        ball = Ball()
        step = acb(ball.number(side.expected.step))
        ours = [side.expected.image(step * value) for value in found]
        allowed = RESOLUTION * max(1.0, size(lifted(J)))
    return _judged(side.name, matching(ours, theirs), allowed, exactly)


def _judged(name: str, distance: Distance, allowed: float, exactly: bool) -> Compared:
    if distance.low > 0:
        text = f"{name}: the spectra are apart by at least {distance.low:.6g} (balls)"
        return Compared(Fraction(0), distance.low, text)
    text = f"{name}: the enclosures overlap one to one and agree within {distance.high:.3g} (balls)"
    if exactly:
        text += "; the matrices are equal, exactly"
    if distance.high > allowed:  # a cluster, or a defective eigenvalue
        return Compared(Fraction(0), Fraction(0) if exactly else None, text)
    return Compared(allowed, distance.high, text)


def derivative(record: Network | Recurrence, at: tuple[Array, Array]) -> Any:
    """J of a network in closed form, D Phi of a recurrence by dual numbers, in balls at the working precision."""
    if isinstance(record, Network):
        return lifted(jacobian(record.field, at)[0])
    matrix = tangent_of(Ball(), record, at).matrix
    return arb_mat([[matrix[i, j] for j in range(record.N)] for i in range(record.N)])


def same_matrix(side: Side, J: Operator) -> bool:
    """Whether the derivative in closed form is the expected polynomial in J, exactly; affine ones only."""
    method, record = side.expected, side.record
    if isinstance(method, ExactFlow) or not method.affine:
        return False
    if isinstance(record, Recurrence) and record.equation != "lure":
        return False
    theirs = record.linearize(side.at).collapsed()
    matrix = (theirs.field if isinstance(theirs, Network) else theirs.lure).A
    return matrix == Operator.diagonal(method.R[0], record.N) + J.scaled(method.R[1] * method.step)


def eigenvalues_of(J: Operator) -> tuple[Any, ...] | None:
    """Enclosures of the eigenvalues of an exact matrix."""
    return spectrum(lambda: lifted(J), J.expanded if J.shape[0] <= ROOTS else None)
