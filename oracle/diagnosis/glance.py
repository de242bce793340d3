"""One step of a statement in float64, restated in plain NumPy: what thousands of hypotheses are looked at with.

    field        A h + d s(W h + M x + b)       inside: A h + d (W s(h) + M x + b)
    leak-inside  s(A h + d (W h + M x + b))
    gated        equations/gru.py, equations/lstm.py

A record, its operators and its exact coefficients take ten times longer to make than such a step to compute. What is
restated is `coefficients.py`, and a test holds the two together for every deviation. Nothing here decides.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import VALUES, Float64
from oracle.diagnosis.coefficients import ONE
from oracle.diagnosis.gated import GatedStatement
from oracle.diagnosis.repeated import Repetition
from oracle.diagnosis.statement import NETWORKS, Statement
from oracle.equations.runge_kutta import TABLEAUS, Tableau
from oracle.records.exact import Array
from oracle.records.gates import Gates

_FLOATS = Float64()
EVERY = slice(None)


def seen_at_a_glance(s: Any) -> bool:
    """Whether a statement is restated here: conventions and explicit schemes, and gated units."""
    if isinstance(s, Statement):
        return not s.staged or s.scheme in TABLEAUS
    return isinstance(s, GatedStatement) or (isinstance(s, Repetition) and seen_at_a_glance(s.each))


def glance(s: Any, before: Array, X: Array, rows: Any) -> Array:
    """The next states of some units, (rows, columns), from states (N, columns) and inputs (I, columns)."""
    rows = EVERY if len(rows) == len(before) else rows
    if isinstance(s, Repetition):
        return _repeated(s, before, X, rows)
    if isinstance(s, GatedStatement):
        return _lstm(s, before, X)[rows] if s.form == "lstm" else _gru(s, before, X, rows)
    scale = _column(s.output)
    state = before / scale if s.output is not ONE else before
    if not s.staged:
        made = _leak_inside(s, state, X, rows) if s.form == "leak-inside" else _plain(s, state, X, rows)
    else:
        made = _staged(s, state, X)[rows]
    return made if s.output is ONE else made * (scale[rows] if scale.ndim else scale)


def _repeated(s: Repetition, state: Array, X: Array, rows: Any) -> Array:
    every = np.arange(len(state))
    for _ in range(s.times):
        state = glance(s.each, state, X, every)
    return np.asarray(state[rows])


# The normal form.


def _plain(s: Statement, h: Array, X: Array, rows: Any) -> Array:
    kept, drive = (_some(column, rows) for column in _factors(s))
    return _shaped(s, h, X, rows, kept, drive, 1.0)


def _staged(s: Statement, h: Array, X: Array) -> Array:
    """An explicit Runge-Kutta step of the field."""
    step = float(s.step)
    gain = s.drive / s.step if s.drive is not None else ONE if s.form == "paper" else 1 / s.tau
    kept, drive = _column(-s.decay / s.tau), _column(gain)
    *stages, weights = _rows(s.tableau or TABLEAUS[s.scheme])
    slopes: list[Array] = []
    for row in stages:
        slopes.append(_shaped(s, _moved(h, step, row, slopes), X, EVERY, kept, drive, 1 / step))
    return _moved(h, step, weights, slopes)


def _moved(h: Array, step: float, row: tuple[float, ...], slopes: list[Array]) -> Array:
    """H + Delta sum_j a_j k_j."""
    for a, slope in zip(row, slopes, strict=True):
        h = h + step * a * slope if a else h
    return h


@lru_cache(maxsize=1000)
def _rows(tableau: Tableau) -> tuple[tuple[float, ...], ...]:
    """Stages and weights in float64."""
    return tuple(tuple(map(float, row)) for row in (*tableau.stages, tableau.weights))


def _shaped(s: Statement, h: Array, X: Array, rows: Any, kept: Any, drive: Any, plain: float) -> Array:
    """A h + d s(..); `plain` multiplies what is added to the next state as it is."""
    b, driven = _bias(s), s.M.shape[1] > 0
    inside = s.form == "inside"
    first, second = ("moved", "stated") if inside else ("stated", "moved")
    inner: Any = h if inside else _floats(s.W)[rows] @ h
    every = EVERY if inside else rows  # inside, the nonlinearity is of all units
    if s.bias_at == first and b is not None:
        inner = inner + b[every]
    if s.input_at == first and driven:
        inner = inner + _floats(s.M)[every] @ X
    value = VALUES[s.activation](np.asarray(inner))
    outer = _floats(s.W)[rows] @ value if inside else value
    if s.bias_at == second and b is not None:
        outer = outer + b[rows]
    if s.input_at == second and driven:
        outer = outer + _floats(s.M)[rows] @ X
    result = kept * h[rows] + drive * outer
    if s.bias_at == "state" and b is not None:
        result = result + plain * b[rows]
    if s.input_at == "state" and driven:
        result = result + plain * (_floats(s.M)[rows] @ X)
    return np.asarray(result)


def _leak_inside(s: Statement, h: Array, X: Array, rows: Any) -> Array:
    kept, drive = (_some(column, rows) for column in _factors(s))
    b = _bias(s)
    placed = [(s.input_at, _floats(s.M)[rows] @ X)] if s.M.shape[1] else []
    placed += [(s.bias_at, b[rows])] if b is not None else []
    inner: Any = _floats(s.W)[rows] @ h
    outer: Any = 0.0
    for place, part in placed:
        inner, outer = (inner + part, outer) if place == "stated" else (inner, outer + part)
    return np.asarray(VALUES[s.activation](np.asarray(kept * h[rows] + drive * inner)) + outer)


def _factors(s: Statement) -> tuple[Array, Array]:
    """A and d of a step in float64, each a number or a column."""
    if "factors" not in s.known:
        s.known["factors"] = _column(_kept(s)), _column(_drive(s))
    return s.known["factors"]  # type: ignore[no-any-return]


def _kept(s: Statement) -> Any:
    """A of a step; exp(-decay alpha) of the exponential one."""
    if s.kept is not None:
        return s.kept
    if s.form == "elman":
        return 0.0
    if s.scheme == "exponential-euler" and s.form in NETWORKS:
        return np.exp(-_read(s.decay * s.alpha))
    return ONE - s.decay * s.alpha


def _drive(s: Statement) -> Any:
    """d of a step; (1 - exp(-a)) / a times that of a forward step in the exponential one."""
    if s.drive is not None:
        return s.drive
    if s.form == "elman":
        return 1.0
    plain = s.step if s.form == "paper" else s.alpha
    if s.scheme != "exponential-euler" or s.form not in NETWORKS or s.decay == 0:
        return plain
    leak = s.decay * s.alpha
    return -np.expm1(-_read(leak)) * _read(plain / leak)


# Gated units.


def _gru(s: GatedStatement, h: Array, X: Array, rows: Any) -> Array:
    p, own = s.gates, rows if s.equation == "gru" else EVERY
    r = _gate(p, _argument(p, 0, h, X, own))
    z = _gate(p, _argument(p, 1, h, X, rows))
    if s.equation == "gru":
        inner = r * _plus(_floats(p.W[2])[rows] @ h, p.b_recurrent[2], rows)
        inner = _plus(inner + _floats(p.M[2])[rows] @ X, p.b[2], rows)
    else:
        inner = _argument(p, 2, r * h, X, rows)
    n = VALUES[p.activation](inner)
    return np.asarray(n - z * n + z * h[rows])


def _lstm(s: GatedStatement, state: Array, X: Array) -> Array:
    p = s.gates
    h, c = state[: s.N], state[s.N :]
    i, f, g, o = (_argument(p, gate, h, X, EVERY) for gate in range(4))
    memory = _gate(p, f) * c + _gate(p, i) * VALUES[p.activation](g)
    return np.concatenate([_gate(p, o) * VALUES[p.activation](memory), memory])


def _argument(p: Any, gate: int, h: Array, X: Array, rows: Any) -> Any:
    """W_g h + M_g x + b_g + c_g."""
    total = _floats(p.W[gate])[rows] @ h + _floats(p.M[gate])[rows] @ X
    return _plus(_plus(total, p.b[gate], rows), p.b_recurrent[gate], rows)


def _plus(total: Any, biases: tuple[Array, ...], rows: Any) -> Any:
    for part in biases:
        total = total + _floats(part)[rows, None]
    return total


def _gate(p: Gates, z: Array) -> Array:
    """What the gates have: the logistic, where what overflows is a gate that is closed, or another function."""
    return np.asarray(1 / (1 + np.exp(-z)) if p.gate == "logistic" else VALUES[p.gate](z))


# Numbers.


def _bias(s: Statement) -> Array | None:
    """All biases as a column."""
    total: Any = None
    for part in s.b:
        total = _floats(part) if total is None else total + _floats(part)
    return None if total is None else total[:, None]


def _read(factor: Any) -> Any:
    """An exact number, or an array of them, in float64."""
    if isinstance(factor, float) or (isinstance(factor, np.ndarray) and factor.dtype == np.float64):
        return factor
    return _FLOATS._read(factor) if isinstance(factor, np.ndarray) else _FLOATS.number(factor)


def _column(factor: Any) -> Array:
    """A scalar, or a diagonal as a column."""
    read = np.asarray(_read(factor))
    return read[:, None] if read.ndim else read


def _some(column: Array, rows: Any) -> Array:
    return column[rows] if column.ndim else column


def _floats(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64)
