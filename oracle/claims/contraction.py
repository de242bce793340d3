"""How much closer two runs of a step come: q = sup |A + B D W| over all slopes D, in a weighted norm, proved.

By the mean value theorem the distance of two states is mapped by such a matrix. Norms: infinity, 1 (both weighted by an
approximate Perron vector; any positive weights give a bound) and 2 (centred, `oracle.reference.lipschitz`). The entries
are convex in the slopes, so inf s' and sup s' decide. Use everything here inside `ball.precision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, upper_floats
from oracle.arithmetic.suprema import bounded_slopes
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.lipschitz import lipschitz, matrix

_POWERS = 40  # of the power iteration; a poor Perron vector only costs sharpness
_FLOOR = 1e-3  # weights are at least this share of the largest, so that the norm stays a norm


@dataclass(frozen=True)
class Factor:
    """q, and the norm it is in: "infinity", "1" or "2", with weights (|v| is taken of v_i / d_i, or d_i v_i for 1)."""

    q: Any
    norm: str
    weights: Array

    def size(self, v: Any) -> Any:
        """The norm of a column of balls."""
        entries = [abs(entry) for entry in v.entries()]
        if self.norm == "2":
            return sum((entry * entry for entry in entries), arb(0)).sqrt()
        if self.norm == "1":
            return sum((arb(d) * entry for d, entry in zip(self.weights, entries, strict=True)), arb(0))
        result = arb(0)
        for d, entry in zip(self.weights, entries, strict=True):
            result = result.max(entry / arb(d))
        return result


def factor(step_map: Lure) -> Factor:
    """The least of the three bounds."""
    N = step_map.state_size
    corners = extremes(step_map)
    entrywise = _largest_of(corners)
    floats = upper_floats(entrywise)
    right, left = _perron(floats), _perron(floats.T)
    by_row = corners if step_map.B.is_diagonal else [entrywise]
    by_column = corners if step_map.W.is_diagonal else [entrywise]
    candidates = [
        Factor(_rows(by_row, right), "infinity", right),
        Factor(_rows([part.transpose() for part in by_column], left), "1", left),
        Factor(lipschitz(step_map), "2", np.ones(N)),
    ]
    return min(candidates, key=lambda found: float(found.q))


def extremes(step_map: Lure) -> list[Any]:
    """|A + s B W| entry by entry for the extreme slopes s; for B and W both dense a bound of all slopes."""
    ops = Ball()
    A = matrix(ops, step_map.A)
    low, high = (ops.rational(end) for end in bounded_slopes(step_map.activation))
    product = _product(ops, step_map)
    if low == high:
        return [_sizes(A + product * low)]
    if step_map.B.is_diagonal or step_map.W.is_diagonal:
        return [_sizes(A + product * low), _sizes(A + product * high)]
    spread = _sizes(matrix(ops, step_map.B)) * _sizes(matrix(ops, step_map.W)) * ((high - low) / 2)
    return [_sizes(A + product * ((low + high) / 2)) + _sizes(spread)]


def _product(ops: Ball, step_map: Lure) -> Any:
    """B W; a diagonal factor costs N^2 where it is kept as one."""
    if step_map.B.is_diagonal or step_map.W.is_diagonal:
        return matrix(ops, step_map.B @ step_map.W)
    return matrix(ops, step_map.B) * matrix(ops, step_map.W)


def _sizes(m: Any) -> Any:
    return arb_mat(m.nrows(), m.ncols(), [entry.abs_upper() for entry in m.entries()])


def _largest_of(parts: list[Any]) -> Any:
    entries = zip(*(part.entries() for part in parts), strict=True)
    return arb_mat(parts[0].nrows(), parts[0].ncols(), [_larger(list(each)) for each in entries])


def _larger(values: list[Any]) -> Any:
    result = values[0]
    for value in values[1:]:
        result = result.max(value)
    return result


def _rows(corners: list[Any], d: Array) -> Any:
    """max_i max over corners of sum_j m_ij d_j / d_i, an exact upper bound."""
    weights = arb_mat(len(d), 1, [arb(float(each)) for each in d])
    columns = zip(*((m * weights).entries() for m in corners), strict=True)
    sums = [_larger([row.abs_upper() for row in column]) for column in columns]
    return _larger([(total / arb(float(each))).abs_upper() for total, each in zip(sums, d, strict=True)]).abs_upper()


def _perron(m: Array) -> Array:
    v = np.ones(len(m))
    for _ in range(_POWERS):
        v = m @ v + 1e-9 * v
        v = v / np.max(v) if np.max(v) > 0 else np.ones(len(m))
    weights: Array = np.maximum(v, _FLOOR)
    return weights


def diagonal_kept(step_map: Lure) -> bool:
    """Whether every diagonal entry of A + B D W is >= 0 for all slopes, so that q = 1 - Delta c in these norms."""
    ops = Ball()
    if not (step_map.B.is_diagonal or step_map.W.is_diagonal):
        return False
    A, product = matrix(ops, step_map.A), _product(ops, step_map)
    corners = [A + product * ops.rational(s) for s in bounded_slopes(step_map.activation)]
    return all(bool(corner[i, i] >= 0) for corner in corners for i in range(step_map.state_size))
