"""Which weights differ: a few entries, rows or units in another order, or others altogether.

A unit whose residuals leave their bounds has a wrong row. A few wrong entries of it are found greedily, by the share
of the implied argument that they explain (orthogonal matching pursuit); every row has to have far more steps than
unknowns, so that a fit is a statement about the program and not about the noise. All rows together, where there are
enough steps, give the matrix the program uses, in which permutations and masks are recognised.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice
from itertools import permutations as permuted
from typing import Any, NamedTuple

import numpy as np

from oracle.diagnosis.gated import GatedStatement
from oracle.diagnosis.implied import Implied, coefficients_of, with_coefficients
from oracle.diagnosis.statement import Statement
from oracle.records.exact import Array

MOST_SHARE = 4  # more than one wrong entry in four is another matrix, and its order is looked at first
MOST_ENTRIES = 4  # wrong entries of a row that are looked for one by one
SPARE = 3  # steps per unknown entry, and as many again, below which nothing is claimed
ALL_ORDERS = 4  # input channels whose 24 orders are all tried; of more, only shifts, exchanges and the reversal
MOST_ORDERS = 64  # of each of these kinds
FLOAT32_SURE = 1e-5  # the same where parameters are float32: 2^-24 times the condition of a row
NO_WEIGHTS = 1024.0
"""Bounds of a residual that no weights leave: where they are the program's, arguments read off saturated units, and
float64 in the place of the promise, may leave a few of each."""
SURE = 1e-6  # relative difference below which a fitted entry is the documented one


class Proposal(NamedTuple):
    """A statement with other weights, its name, and what to say about it."""

    name: str
    stated: Statement
    shown: dict[str, Any]


def few_entries(s: Statement, system: Implied, left: float) -> list[Proposal]:
    """The documented weights with a few entries changed, in the rows that need it.

    `left` is what a fit may leave of a bound in float64; the certificate allows 1.
    """
    total = coefficients_of(s)
    changed: list[tuple[int, int]] = []
    for i in np.flatnonzero(np.max(np.abs(system.off) * system.weight, axis=1, initial=0.0) > 1):
        support = _pursued(system, int(i), left)
        if support is None:
            return []
        for j, delta in support:
            total[i, j] += delta
            changed.append((int(i), j))
    if not changed:
        return []
    also = _also(system, changed[0][0], changed[0][1], left, s.N) if len(changed) == 1 else []
    return [_called(s, values, changed, also) for values in _rounded(coefficients_of(s), total, changed, s.dtype)]


def _also(system: Implied, i: int, found: int, left: float, N: int) -> list[str]:
    """Other single entries of the row that would leave as little."""
    w = system.weight[i]
    design, target = system.seen * w[:, None], system.off[i] * w
    size = np.sum(design**2, axis=0)
    delta = np.where(size > 0, design.T @ target / np.where(size > 0, size, 1.0), 0.0)
    most = np.max(np.abs(target[:, None] - design * delta), axis=0)
    return [_entry(i, int(j), N, len(size)) for j in np.flatnonzero(most <= left) if j != found]


def _pursued(system: Implied, i: int, left_over: float) -> list[tuple[int, float]] | None:
    """(entry, change) of row i; None where a few entries do not explain it."""
    w = system.weight[i]
    design, target = system.seen * w[:, None], system.off[i] * w
    sizes = np.sqrt(np.sum(design**2, axis=0))
    support: list[int] = []
    left = target
    for k in range(1, MOST_ENTRIES + 1):
        if np.count_nonzero(w) < SPARE * k + SPARE:
            return None
        share = np.where(sizes > 0, np.abs(design.T @ left) / np.where(sizes > 0, sizes, 1.0), 0.0)
        share[support] = 0.0
        support.append(int(np.argmax(share)))
        deltas, *_ = np.linalg.lstsq(design[:, support], target, rcond=None)
        left = target - design[:, support] @ deltas
        if np.max(np.abs(left)) <= left_over:
            return list(zip(support, deltas.tolist(), strict=True))
    return None


def _rounded(own: Array, total: Array, changed: list[tuple[int, int]], dtype: str) -> Iterator[Array]:
    """Fitted entries as zeros or as documented where next to it, as numbers of the format, and as they are."""
    where = tuple(np.array(changed).T)
    size = float(np.median(np.abs(total[total != 0]))) if total.any() else 1.0
    near = (FLOAT32_SURE if dtype == "float32" else SURE) * size
    small, same = (np.abs(total[where] - value) <= near for value in (0.0, own[where]))
    versions = [np.where(same, own[where], np.where(small, 0.0, total[where]))] if (small | same).any() else []
    if dtype == "float32":
        versions.append(total[where].astype(np.float32).astype(np.float64))
    for values in (*versions, total[where]):
        made = total.copy()
        made[where] = values
        yield made


def _called(s: Statement, total: Array, changed: list[tuple[int, int]], also: list[str]) -> Proposal:
    """The name for the changed entries, the statement, and the entries with their documented and fitted values."""
    own, N = coefficients_of(s), s.N
    changed = [place for place in changed if total[place] != own[place]]
    entries = {
        _entry(i, j, N, total.shape[1]): (float(own[i, j]), float(total[i, j]), float(total[i, j] - own[i, j]))
        for i, j in changed
    }
    only_bias = all(j == total.shape[1] - 1 for _, j in changed)
    masked = all(j < N and total[i, j] == 0 for i, j in changed)
    name = "wrong-bias" if only_bias else "masked-recurrent-weights" if masked else "wrong-weights"
    shown = {"entries": entries, "changed": len(changed)}
    return Proposal(name, with_coefficients(s, total), {**shown, "or": also} if also else shown)


def _entry(i: int, j: int, N: int, width: int) -> str:
    if j == width - 1:
        return f"b[{i}]"
    return f"W[{i}, {j}]" if j < N else f"M[{i}, {j - N}]"


def recovered(s: Statement, system: Implied) -> Array | None:
    """[W M b] that the run implies, row by row; None where the steps do not determine it, or no weights explain them.

    The row that is furthest off is the first, and mostly the last, if weights explain nothing.
    """
    unknowns = system.seen.shape[1]
    total = coefficients_of(s)
    furthest = int(np.argmax(np.max(np.abs(system.off) * system.weight, axis=1, initial=0.0)))
    for i in (furthest, *(i for i in range(s.N) if i != furthest)):
        w = system.weight[i]
        if np.count_nonzero(w) < unknowns + SPARE:
            return None
        design, target = system.seen * w[:, None], system.off[i] * w
        change, _, rank, _ = np.linalg.lstsq(design, target, rcond=None)
        if rank < unknowns or np.max(np.abs(target - design @ change)) > NO_WEIGHTS:
            return None
        total[i] += change
    return total


def other_matrices(s: Statement, total: Array) -> Iterator[Proposal]:
    """What is recognised in the recovered weights: permutations, masks, and at last the weights as they are."""
    yield from permutations(s, total)
    own, N = coefficients_of(s), s.N
    gone = np.abs(total[:, :N]) < np.abs(total[:, :N] - own[:, :N])  # nearer to nothing than to what is documented
    if gone.any():
        masked = own.copy()
        masked[:, :N][gone] = 0.0
        count = int(np.count_nonzero(gone))
        yield Proposal("masked-recurrent-weights", with_coefficients(s, masked), {"masked": count})


def all_entries(s: Statement, total: Array) -> Iterator[Proposal]:
    """The recovered weights as they are."""
    own = coefficients_of(s)
    size = np.maximum(np.abs(own).max(axis=1, keepdims=True, initial=0.0), np.finfo(np.float64).tiny)
    changed = np.abs(total - own) > SURE * size
    shown: dict[str, Any] = {"entries off": int(np.count_nonzero(changed))}
    units = np.flatnonzero(changed.any(axis=1))
    if len(units) < s.N:
        shown["units"] = units.tolist()
    yield Proposal("wrong-weights", with_coefficients(s, total), shown)


ROUGH = 1e-3  # relative accuracy that is enough to recognise a number among the documented ones


def permutations(s: Statement, total: Array) -> Iterator[Proposal]:
    """Rows, columns or units in another order than documented."""
    own, N = coefficients_of(s), s.N
    W, fitted = own[:, :N], total[:, :N]
    rows = _matched(fitted, W)
    if rows is not None:
        yield Proposal("permuted-rows", s.but(W=s.W[rows]), {"order": rows.tolist()})
        yield Proposal("permuted-rows", s.but(W=s.W[rows], M=s.M[rows]), {"order": rows.tolist()})
        b = tuple(part[rows] for part in s.b)
        yield Proposal("permuted-rows", s.but(W=s.W[rows], M=s.M[rows], b=b), {"order": rows.tolist()})
    columns = _matched(fitted.T, W.T)
    if columns is not None:
        yield Proposal("permuted-columns", s.but(W=s.W[:, columns]), {"order": columns.tolist()})
    units = _matched(np.sort(fitted, axis=1), np.sort(W, axis=1))
    if units is not None:
        yield from _units(s, units)
    inputs = _matched(total[:, N:-1].T, own[:, N:-1].T)
    if inputs is not None:
        yield Proposal("permuted-inputs", s.but(M=s.M[:, inputs]), {"order": inputs.tolist()})
    driven = _matched(total[:, N:-1], own[:, N:-1])
    if driven is not None:
        yield Proposal("permuted-rows", s.but(M=s.M[driven]), {"order": driven.tolist(), "of": "M"})


def _units(s: Statement, order: Array) -> Iterator[Proposal]:
    """Units in another order in the recurrent weights, alone or with what belongs to them."""
    W, shown = s.W[order][:, order], {"order": order.tolist()}
    b = tuple(part[order] for part in s.b)
    yield Proposal("permuted-units", s.but(W=W), shown)
    yield Proposal("permuted-units", s.but(W=W, b=b), shown)
    yield Proposal("permuted-units", s.but(W=W, M=s.M[order]), shown)
    yield Proposal("permuted-units", s.but(W=W, M=s.M[order], b=b), shown)


def _matched(fitted: Array, known: Array) -> Array | None:
    """The order in which rows of `known` appear in `fitted`; None where it is the same, or none."""
    if not fitted.size or len(fitted) < 2:
        return None
    distance = np.max(np.abs(fitted[:, None, :] - known[None, :, :]), axis=2)
    order: Array = np.argmin(distance, axis=1)
    size = float(np.max(np.abs(known)))
    close = np.min(distance, axis=1) <= ROUGH * size
    if len(set(order.tolist())) < len(order) or not close.all() or np.array_equal(order, np.arange(len(order))):
        return None
    return order


def inputs_reordered(s: Any) -> Iterator[Proposal]:
    """Input channels in every other order where they are few; otherwise shifted along, reversed, or two exchanged."""
    count = int(s.M.shape[1])
    for order in _orders(count) if count > 1 else []:
        yield Proposal("permuted-inputs", s.driving(lambda part, p=order: part[:, p]), {"order": order.tolist()})


def _orders(count: int) -> Iterator[Array]:
    own = np.arange(count)
    if count <= ALL_ORDERS:
        yield from (np.array(order) for order in permuted(range(count)) if order != tuple(range(count)))
        return
    yield own[::-1]
    yield from (np.roll(own, k) for k in range(1, min(count, MOST_ORDERS)))
    for i, j in islice(combinations(range(count), 2), MOST_ORDERS):
        swapped = own.copy()
        swapped[[i, j]] = j, i
        yield swapped


def rolled(s: Any, most: int) -> Iterator[Proposal]:
    """Units shifted along, or in reverse: the orders that are tried where the steps do not determine the weights."""
    orders = [np.roll(np.arange(s.N), k) for k in range(1, min(s.N, most))] + [np.arange(s.N)[::-1]]
    square = isinstance(s, GatedStatement) or s.W.shape == (s.N, s.N)
    for order in orders if s.N > 1 and square else []:
        shown = {"order": order.tolist()}
        yield Proposal("permuted-units", s.recurrent(lambda part, p=order: part[p][:, p]), shown)
        yield Proposal("permuted-rows", s.recurrent(lambda part, p=order: part[p]), shown)
        yield Proposal("permuted-columns", s.recurrent(lambda part, p=order: part[:, p]), shown)
