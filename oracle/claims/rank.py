"""Is a pair (J, E) controllable: decided, or left undecided.

The Krylov space of (J, E) is the span of E, JE, .., J^{N-1} E; the pair is controllable if it is everything, which is
the case if and only if rank [J - lambda I, E] = N for every eigenvalue lambda (M. L. J. Hautus, Indag. Math. 31, 1969).

    rationals          the rank of the Krylov matrix, exactly; in large ones full rank modulo one prime proves full
                       rank, and [J - lambda I, E] at the leaks, where silent units gather, a deficiency
    balls              a right inverse P, |[J - lambda I, E] P - I| < 1 at every eigenvalue, proves full rank; in
                       large ones every mode of a certified diagonalisation is shown to be excited by an input
    named constants    a deficiency where every maximal minor of the Krylov matrix is the zero polynomial in them

What none of them shows is undecided: balls never prove a deficiency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from flint import acb_mat

from oracle.arithmetic.ball import middles, precision
from oracle.claims.diagonalise import Diagonalised, diagonalised
from oracle.claims.exact_rank import beside, controllable_modulo, deficient_at, minors_vanish, rational_krylov
from oracle.claims.spectrum import BITS, DIRECT, eigenvalues, lifted, size
from oracle.records.exact import Array, Exact
from oracle.records.operator import Operator, constant_free, spread

EXACT = 24
"""Units up to which the exact rank is computed: the entries of the Krylov matrix have 53 N bits."""
BALLS = 512
"""Units up to which Hautus' test is made in balls: a certified diagonalisation takes 4 s at 400, and grows as N^3."""
FEW = 16
"""Eigenvalues of a large pair at which a right inverse is tried where the modes are not told apart: 3 s each at 400."""
PENCIL = 128
"""Units up to which [J - lambda I, E] is ranked exactly: a few seconds at 128 and one lambda."""
CONSTANTS = 3
"""Units up to which minors are expanded in named constants."""


class Rank(NamedTuple):
    """`full` is True, False or None (undecided); `rank` where it is known; how it was found."""

    full: bool | None
    rank: int | None
    how: str


@dataclass(frozen=True, eq=False)
class Pair:
    """(J, E): in balls at the working precision, and as exact operators where they exist."""

    balls: Callable[[], tuple[Any, Any]]
    operators: tuple[Operator, Operator] | None
    N: int
    I: int

    @classmethod
    def of(cls, J: Operator, E: Operator) -> Pair:
        """A pair of exact matrices."""
        return cls(lambda: (lifted(J), lifted(E)), (J, E), E.shape[0], E.shape[1])

    @classmethod
    def dense(cls, J: Array, E: Array) -> Pair:
        """A pair of arrays of exact numbers."""
        return cls.of(Operator.dense(J), Operator.dense(E))

    @cached_property
    def exact(self) -> tuple[Array, Array] | None:
        """Every entry as an exact number."""
        return None if self.operators is None else (self.operators[0].expanded, self.operators[1].expanded)

    @cached_property
    def rational(self) -> bool:
        """Whether every entry is a rational number; a factor that is none is enough to say no."""
        if self.operators is None:
            return False
        factors = [part for op in self.operators for t in op.terms for part in (t.left, t.dense, t.right)]
        return all(constant_free(np.asarray(part)) for part in factors if part is not None)

    @cached_property
    def leaks(self) -> tuple[Fraction, ...]:
        """The different entries of what J has as diagonal terms, 0 without any: eigenvalues where a row has no more."""
        terms = () if self.operators is None else self.operators[0].terms
        diagonals = tuple(term for term in terms if term.dense is None)
        entries = spread(Operator((self.N, self.N), diagonals).diagonal_factor(), self.N).tolist()
        return tuple(sorted({entry for entry in entries if isinstance(entry, Fraction)}))

    @cached_property
    def modes(self) -> Diagonalised | None:
        """A certified diagonalisation of J, where there is one."""
        with precision(BITS[0]):
            return diagonalised(self.balls()[0])

    def eigenvalues(self) -> tuple[Any, ...] | None:
        """Enclosures at the working precision; beyond `DIRECT` units those of the modes, which have their own."""
        if self.N <= DIRECT:
            return eigenvalues(self.balls()[0])
        return None if self.modes is None or self.N > BALLS else self.modes.enclosures()

    @cached_property
    def rank(self) -> Rank:
        """The rank of the Krylov matrix, as far as it can be decided."""
        return _rank(self)

    def is_affine_in(self, other: Pair, shift: Fraction, factor: Exact) -> bool:
        """Whether this pair is (shift + factor J, factor E) of the other, exactly; factor > 0."""
        if self.operators is None or other.operators is None:
            return False
        J, E = other.operators
        return self.operators == (Operator.diagonal(shift, self.N) + J.scaled(factor), E.scaled(factor))


def controllability(pair: Pair) -> Rank:
    """The rank of the Krylov matrix, as far as it can be decided."""
    return pair.rank


def _rank(pair: Pair) -> Rank:
    if pair.I == 0:
        return Rank(pair.N == 0, 0, "there is no input")
    if pair.rational and pair.exact is not None:
        return _of_rationals(*pair.exact, pair.leaks)
    if pair.N <= BALLS and _hautus(pair):
        return Rank(True, pair.N, f"[J - lambda I, E] has rank {pair.N} at every eigenvalue (balls)")
    if pair.N <= CONSTANTS and pair.exact is not None and minors_vanish(*pair.exact):
        return Rank(False, None, "every maximal minor of the Krylov matrix vanishes identically (exact)")
    return Rank(None, None, "balls do not prove full rank, and a deficiency is not exact")


def same_space(a: Pair, b: Pair) -> bool | None:
    """Whether two pairs have the same Krylov space; None where that is not decided."""
    first, second = controllability(a), controllability(b)
    if first.full and second.full:
        return True
    if None not in (first.full, second.full) and first.full != second.full:
        return False
    if a.N > EXACT or not (a.rational and b.rational):
        return None
    assert a.exact is not None, "a rational pair is exact"
    assert b.exact is not None, "a rational pair is exact"
    ours, theirs = rational_krylov(*a.exact), rational_krylov(*b.exact)
    both = beside([ours.tolist(), theirs.tolist()])
    ranks = {int(space.rank()) for space in (ours, theirs, both)}
    return len(ranks) == 1


def _of_rationals(J: Array, E: Array, leaks: Sequence[Fraction]) -> Rank:
    N = len(J)
    if N <= EXACT:
        rank = int(rational_krylov(J, E).rank())
        return Rank(rank == N, rank, f"the Krylov matrix has rank {rank} of {N} (exact)")
    if controllable_modulo(J, E):
        return Rank(True, N, f"the Krylov matrix has rank {N} modulo 2^61 - 1, hence over the rationals (exact)")
    deficient = deficient_at(J, E, leaks) if N <= PENCIL else None
    if deficient is not None:
        value, rank = deficient
        return Rank(False, None, f"[J - lambda I, E] has rank {rank} of {N} at lambda = {float(value):.6g} (exact)")
    return Rank(None, None, f"the rank is deficient modulo 2^61 - 1, which proves nothing at {N} units")


def _hautus(pair: Pair) -> bool:
    """Whether balls prove rank [J - lambda I, E] = N at every eigenvalue."""
    if pair.N > DIRECT:
        return _by_modes(pair)
    for bits in BITS:
        with precision(bits):
            J, E = pair.balls()
            values = eigenvalues(J)
            if values is not None and all(full_at(J, E, value) for value in _upper(values)):
                return True
    return False


def _by_modes(pair: Pair) -> bool:
    """The same for a large pair: every mode is excited, or [J - lambda I, E] has a right inverse over its disc."""
    with precision(BITS[0]):
        if pair.modes is None:
            return False
        J, E = pair.balls()
        reached = pair.modes.reached(E)
        left = [value for value, known in zip(pair.modes.enclosures(), reached, strict=True) if not known]
        rest = _upper(left)
        return len(rest) <= FEW and all(full_at(J, E, value) for value in rest)


def _upper(values: Sequence[Any]) -> list[Any]:
    """J is real: the eigenvalues of the lower half plane are conjugates, with conjugate ranks."""
    return [value for value in values if not value.imag < 0]


def full_at(J: Any, E: Any, value: Any) -> bool:
    """Whether [J - lambda I, E] has full rank for every J, E and lambda in the balls; False where it is not shown."""
    N, width = J.nrows(), E.ncols()
    shift = complex(float(value.real.mid()), float(value.imag.mid()))
    middle = np.concatenate([middles(J) - shift * np.eye(N), middles(E).reshape(N, width)], axis=1)
    P = np.linalg.pinv(middle)
    above, below = (acb_mat(len(part), N, part.ravel().tolist()) for part in (P[:N], P[N:]))
    product = acb_mat(J) * above + acb_mat(E) * below - above * value
    identity = acb_mat(N, N, np.eye(N).ravel().tolist())
    return bool(size(product - identity) < 1)
