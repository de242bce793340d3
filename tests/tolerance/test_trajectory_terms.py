"""Each term of the trajectory bound where it alone decides: one unit or two, and zero tolerance.

H is the run that is linearised about, h the exact one, C the candidate; C and H each differ from h by what is said to
be uncertain.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.arithmetic.float64 import VALUES
from oracle.tolerance.trajectory import CURVATURE, trajectory_bound

Array = NDArray[Any]


def bounds(activation: str, z: float, uncertain: float, residual: float = 0.0) -> float:
    """The bound after two steps of h+ = s(h + x) for a run whose second argument is z; its second step is exact."""
    rec = oracle.Recurrence.elman([[1.0]], [[1.0]], activation=activation)
    H = np.array([[0.0], [0.25], [0.0]])
    X = np.array([[0.0], [z - 0.25]])
    given = (np.array([[part], [0.0]]) for part in (residual, uncertain))
    return float(trajectory_bound(rec.lure, H, X, *given)[2, 0])


@pytest.mark.parametrize("side", [-1, 1])
def test_the_run_that_is_known_and_the_candidate_may_be_on_either_side(side: int) -> None:
    """H is above h and C below: the slope at H misses that between the other two by 3/2 s'' times the distance."""
    s, u = VALUES["tanh"], 0.03
    z = side * 0.6584789484624084  # where |s''| is largest
    H, h, C = (np.array([z + side * k * u]) for k in (0.9, 0.0, -0.9))
    moved = abs(float((s(C) - s(h))[0]))
    assert moved <= bounds("tanh", float(H[0]), 0.9 * u)
    assert moved > (1 - np.tanh(float(H[0])) ** 2 + 0.5 * 0.7698 * 0.9 * u) * 0.9 * u, "half of it is no bound here"


def test_a_kink_is_crossed_two_distances_away() -> None:
    """H is silent at -3/2 u, h at -u/2 as well, and C at u/2 is not."""
    u = 2.0**-6
    assert bounds("relu", -1.5 * u, u) >= 0.5 * u
    assert bounds("relu", -2.5 * u, u) < 0.5 * u


def test_a_jump_is_more_than_the_slopes_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """softplus with a threshold jumps by 2e-9 at 20; states that are 2^-44 apart may be on both sides."""
    monkeypatch.setitem(CURVATURE, "softplus(20)", 0.25)  # as balls find in seconds
    jump, u = float(np.log1p(np.exp(-20.0))), 2.0**-44
    assert bounds("softplus(20)", 20.0 - u, 2 * u) >= jump
    assert bounds("softplus(20)", 20.0 - 2.0**-24, 2 * u) < jump


def test_what_cancels_in_the_linear_part_is_rounded_there() -> None:
    """W r is all cancellation: the exact sums are roundings of the computed ones, which is why they are added."""
    rng = np.random.default_rng(0)
    N = 12
    W, r = rng.standard_normal((N, N)), rng.standard_normal(N)
    W[:, -1] = -(W[:, :-1] @ r[:-1]) / r[-1]
    rec = oracle.Recurrence.elman(W, activation="identity")
    H, X = np.zeros((3, N)), np.zeros((2, 0))
    bound = trajectory_bound(rec.lure, H, X, np.array([r, np.zeros(N)]), np.zeros((2, N)))[2]
    exact = [abs(sum(Fraction(w) * Fraction(v) for w, v in zip(row, r, strict=True))) for row in W]
    assert all(e <= Fraction(float(b)) for e, b in zip(exact, bound, strict=True))
    computed = np.abs(W @ r) * (1 + 2.0**-40)
    assert any(e > Fraction(float(c)) for e, c in zip(exact, computed, strict=True)), "without it this is no bound"
