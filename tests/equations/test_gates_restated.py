"""The gated recurrent unit against a restatement with plain mpmath loops, enclosed in balls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from enclosing import enclosed, radius
from specimens import INPUTS, H, N, X, dyadic

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.equations.catalogue import advance
from oracle.records.exact import Array

U, V, B, C = dyadic(7, 3 * N, N), dyadic(8, 3 * N, INPUTS), dyadic(9, 3 * N), dyadic(10, 3 * N)
MP = mpmath.MPContext()
MP.dps = 60


def row(matrix: Array, i: int, vector: list[Any]) -> Any:
    """One entry of a matrix-vector product."""
    return MP.fsum(MP.mpf(float(entry)) * other for entry, other in zip(matrix[i], vector, strict=True))


def logistic(z: Any) -> Any:
    """1 / (1 + e^-z)."""
    return 1 / (1 + MP.exp(-z))


def by_hand(reset: str, h: list[Any], x: list[Any]) -> list[Any]:
    """One step, as PyTorch (reset after) and Cho et al. (reset before) print it."""
    inner = [row(V, i, x) + MP.mpf(B[i]) for i in range(3 * N)]
    r, z = ([logistic(inner[g * N + i] + row(U, g * N + i, h) + C[g * N + i]) for i in range(N)] for g in (0, 1))
    if reset == "after":
        n = [MP.tanh(inner[2 * N + i] + r[i] * (row(U, 2 * N + i, h) + C[2 * N + i])) for i in range(N)]
    else:
        held = [r[i] * h[i] for i in range(N)]
        n = [MP.tanh(inner[2 * N + i] + row(U, 2 * N + i, held) + C[2 * N + i]) for i in range(N)]
    return [(1 - z[i]) * n[i] + z[i] * h[i] for i in range(N)]


def stated(reset: str, formula: Callable[..., list[Any]] = by_hand) -> Array:
    """The restatement for both columns."""
    columns = [formula(reset, [MP.mpf(v) for v in H[:, k]], [MP.mpf(v) for v in X[:, k]]) for k in range(2)]
    return np.array(columns, dtype=object).T


def enclosure(reset: str) -> Any:
    """The library's step in balls of 100 bits."""
    ops = Ball()
    with precision(100):
        return advance(ops, oracle.Recurrence.gru(U, V, B, C, reset=reset), ops.lift(H), ops.lift(X))


@pytest.mark.parametrize("reset", ["after", "before"])
def test_a_step_is_the_restated_one(reset: str) -> None:
    """60 digits by hand lie inside balls of 100 bits, which are narrow."""
    assert enclosed(enclosure(reset), stated(reset))
    assert radius(enclosure(reset)) < 2.0**-80  # 100 bits less 2^20 for a few hundred operations on numbers below 64


def test_the_reset_conventions_are_told_apart() -> None:
    """Planted fault: the restatement of one convention is outside the balls of the other."""
    assert not enclosed(enclosure("after"), stated("before"))
    assert not enclosed(enclosure("before"), stated("after"))
