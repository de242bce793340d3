"""Observability of (J, C), the dual of controllability: C y determines the state if (J^T, C^T) is controllable.

D leaves C alone, so (iii) does not matter: with one readout, (J, C) observable, the discrete pair (R(Delta J), C) is
observable if and only if (i) and (ii) hold; with several they are sufficient.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from oracle.claims.criterion import Criterion, criterion
from oracle.claims.one_step import ExactFlow, OneStep
from oracle.claims.pairs import after, is_affine, kept
from oracle.claims.rank import Pair, Rank, controllability
from oracle.claims.spectrum import DIRECT
from oracle.procedures.sameness import Sameness
from oracle.records.exact import Array, Exact, exact_object
from oracle.records.operator import Operator, Term

Named = tuple[Pair, str, OneStep]
Outcome = tuple[str, Sameness]


def readout(N: int) -> Array:
    """One readout, (1, N): odd 32nds from a fixed seed, none of them zero."""
    entries: Array = (2 * np.random.default_rng(N).integers(-16, 16, (1, N)) + 1) / 32
    return entries


def dual(pair: Pair, C: Array) -> Pair:
    """(J^T, C^T): controllable if and only if (J, C) is observable."""
    turned = Operator.dense(exact_object(C.T))
    if pair.operators is not None:
        return Pair.of(transposed(pair.operators[0]), turned)
    balls = Pair.of(Operator.zero(pair.N, pair.N), turned).balls
    return Pair(lambda: (pair.balls()[0].transpose(), balls()[1]), None, pair.N, len(C))


def transposed(op: Operator) -> Operator:
    """The transpose, term by term."""
    terms = tuple(Term(t.right, None if t.dense is None else t.dense.T, t.left) for t in op.terms)
    return Operator((op.shape[1], op.shape[0]), terms)


def observed(found: Criterion) -> Criterion:
    """The criterion of observability: (i) and (ii)."""
    return found._replace(nonzero=True, how=f"{found.how}; (iii) is not asked for")


def seen_through(
    pair: Pair, affine: Iterable[Named], moved: tuple[Pair, str, OneStep | ExactFlow | None]
) -> tuple[list[Outcome], dict[str, str]]:
    """Observability through one readout under R, Euler and a scheme; nothing where (J, C) is not shown to have it."""
    C = readout(pair.N)
    before = dual(pair, C)
    rank = controllability(before)
    told = {"observability of (J, C), one readout": rank.how}
    if not rank.full:
        return [], told
    outcomes = [(f"observability under {name}", _kept(pair, other, step, C)) for other, name, step in affine]
    record, name, method = moved
    if method is not None:
        large = pair.N > DIRECT and is_affine(pair, record, method)
        there = rank if large else after(before, _scaled_dual(record, C, method), method)
        outcomes.append((f"observability for {name}", _against(observed(criterion(before, method)), there)))
    return outcomes, told


def _kept(pair: Pair, other: Pair, step: OneStep, C: Array) -> Sameness:
    """Whether (a + c J, C) is seen through C as (J, C) is."""
    if pair.N > DIRECT and is_affine(pair, other, step):
        return Sameness("equal", "the Jacobian is a + c J, exactly, and C[a + c J] = C[J]", Fraction(0))
    return kept(dual(pair, C), _scaled_dual(other, C, step), step)


def _scaled_dual(pair: Pair, C: Array, method: OneStep | ExactFlow) -> Pair:
    """The size of C does not matter; scaled by c, the pair of R and Euler is (a + c J^T, c C^T)."""
    return dual(pair, _factor(method) * exact_object(C))


def _factor(method: OneStep | ExactFlow) -> Exact:
    """What multiplies J at first order."""
    if isinstance(method, ExactFlow):
        return method.step
    return method.R[1] * method.step


def _against(found: Criterion, rank: Rank) -> Sameness:
    """The criterion's word for one readout against the rank of the discrete pair."""
    text = f"{found}; discrete pair: {rank.how}"
    expected = found.survives(1)
    if expected is None or rank.full is None:
        return Sameness("undecided", text, None)
    return Sameness("equal", text, Fraction(0)) if expected == rank.full else Sameness("different", text, Fraction(1))
