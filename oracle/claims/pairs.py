"""The pairs (J, E^) of a network and of what R and D make of it, and whether two of them span one Krylov space."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb_mat

from oracle.arithmetic.ball import Ball
from oracle.arithmetic.rational import Rational
from oracle.claims.one_step import ExactFlow, OneStep, jacobian
from oracle.claims.rank import Pair, Rank, same_space
from oracle.claims.spectrum import DIRECT
from oracle.errors import NotDecidable
from oracle.procedures.sameness import Sameness
from oracle.procedures.tangent_map import tangent_of
from oracle.records.exact import Array
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence

TANGENT = 16
"""Units up to which the derivative of a Runge-Kutta step is computed in exact numbers."""


def of_network(net: Network, at: tuple[Array, Array]) -> Pair:
    """(J, E^) at an operating point."""
    J, E = jacobian(net.field, at)
    return Pair.of(J, E)


def of_recurrence(rec: Recurrence, at: tuple[Array, Array]) -> Pair:
    """The derivatives of a step by state and input: closed form in the normal form, dual numbers otherwise."""
    if rec.equation == "lure":
        J, E = jacobian(rec.lure, at)
        return Pair.of(J, E)
    if rec.N <= TANGENT:
        try:
            matrix = tangent_of(Rational(), rec, at).matrix
            return Pair.dense(matrix[:, : rec.N], matrix[:, rec.N :])
        except NotDecidable:
            pass  # s of s(z*): balls only
    return Pair(lambda: _split(tangent_of(Ball(), rec, at).matrix, rec.N), None, rec.N, rec.I)


def _split(matrix: Any, N: int) -> tuple[Any, Any]:
    width = matrix.ncols()
    state = arb_mat(N, N, [matrix[i, j] for i in range(N) for j in range(N)])
    return state, arb_mat(N, width - N, [matrix[i, j] for i in range(N) for j in range(N, width)])


def is_affine(pair: Pair, moved: Pair, method: OneStep | ExactFlow | None) -> bool:
    """Whether a pair is (a + c J, c E^) of the other, exactly: then both span one Krylov space (proof file)."""
    if not isinstance(method, OneStep) or not method.affine:
        return False
    return moved.is_affine_in(pair, method.R[0], method.R[1] * method.step)


def after(pair: Pair, moved: Pair, method: OneStep | ExactFlow | None) -> Rank:
    """The rank of the discrete pair; in large or undecided ones that of the network where they are affine."""
    found = moved.rank if moved.N <= DIRECT else Rank(None, None, "not tried")
    if found.full is None and is_affine(pair, moved, method):
        return pair.rank._replace(how=f"(a + c J, c E^) exactly, and {pair.rank.how}")
    return moved.rank if found.full is None else found


def kept(before: Pair, moved: Pair, method: OneStep) -> Sameness:
    """Whether two Krylov spaces are one."""
    same = same_space(before, moved) if before.N <= DIRECT else None
    if same is None and is_affine(before, moved, method):
        return Sameness("equal", "the pair is (a + c J, c E^), exactly, and spans the same space", Fraction(0))
    same = same_space(before, moved) if same is None else same
    if same is None:
        return Sameness("undecided", "the ranks are not decided", None)
    ranks = [pair.rank.rank for pair in (before, moved)]
    if same:
        return Sameness("equal", f"the spaces are equal, of dimension {ranks[0]} of {before.N}", Fraction(0))
    gap = Fraction(abs(ranks[0] - ranks[1])) if None not in ranks else None  # type: ignore[operator]
    return Sameness("different", f"dimensions {ranks[0]} and {ranks[1]} of {before.N}", gap or None)
