"""States that are no numbers of the promised format are stored first; what pairs leave open is in a residual."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import oracle
from oracle.arithmetic.pairs import Pair
from oracle.records.precision import PRECISIONS
from oracle.tolerance import residuals as room
from oracle.tolerance.step import one_step_bound

FLOAT16, U = PRECISIONS["float16"], 2.0**-11


def scalar_bound(W: float, h: float, model: Any = FLOAT16) -> float:
    """Of max(0, W h)."""
    rec = oracle.Recurrence.elman([[W]], activation="relu")
    return float(one_step_bound(rec, np.array([[h]]), np.zeros((0, 1)), model)[0, 0])


def test_a_state_is_stored_before_it_is_used() -> None:
    """683/512 + u is half way between two numbers of float16: one rounding of every term more than for 683/512."""
    W, h = 3 / 4, 683 / 512 + U
    assert scalar_bound(W, h) >= scalar_bound(W, 683 / 512) + U * W * h


def test_a_state_below_the_smallest_number_is_lost() -> None:
    """2^-25 is half of it: stored as zero, and 1024 times zero is not 2^-15."""
    W, h = 1024.0, 2.0**-25
    assert np.float16(W) * np.float16(h) == 0
    assert scalar_bound(W, h) >= W * h


@pytest.mark.parametrize(("W", "h"), [(500.0, 1.0), (1.0, 500.0)])
def test_a_factor_beyond_the_range_has_no_bound(W: float, h: float) -> None:
    """float8-e4m3 ends at 448: for a weight as for a state."""
    assert not np.isfinite(scalar_bound(W, h, PRECISIONS["float8-e4m3"]))
    assert scalar_bound(W / 2, h / 2, PRECISIONS["float8-e4m3"]) < np.inf


def test_all_of_the_error_of_pairs_is_in_a_residual(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step known to within a quarter, one away from what was recorded: between 3/4 and 5/4."""
    rec = oracle.Recurrence.elman([[0.5]])
    after = np.full((1, 8), 0.25)
    monkeypatch.setattr(room, "advance", lambda *given: Pair(after - 1.0, np.zeros((1, 8)), np.full((1, 8), 0.25)))
    found = room.residuals(rec, np.zeros((1, 8)), after, np.zeros((0, 8)), np.full((1, 8), 10.0), fewest=1)
    assert np.all((found.lower <= 0.75) & (found.lower > 0.74))
    assert np.all((found.upper >= 1.25) & (found.upper < 1.26))
