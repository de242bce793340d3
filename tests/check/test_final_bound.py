"""How far a final state may be from the last of the outputs: two honest programs, each within the bound of a step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check.evidence import gather
from oracle.check.final import with_final
from oracle.check.judge import judge
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

Array = NDArray[Any]


@pytest.fixture(scope="module")
def passing() -> tuple[Any, Any, Array, Array]:
    """A passing run with its evidence, its last state (1, N), and the bound of its last step."""
    rng = np.random.default_rng(5)
    W, M, b = rng.normal(size=(6, 6)) / 3, rng.normal(size=(6, 2)), rng.normal(size=6)
    X, h0 = rng.normal(size=(7, 2)), rng.normal(size=6)
    rec = oracle.Recurrence.elman(W, M, b)
    H = oracle.simulate(rec, inputs=X, h0=h0)
    question: dict[str, Any] = {"inputs": X, "h0": h0, "promised": None, "recorded": None, "batch_first": None}
    evidence = gather(H, rec, **question, kind="trajectory")
    bound = one_step_bound(rec, H[-2][:, None], X[-1][:, None], PRECISIONS["float64"])
    return judge(evidence)[0], evidence, H[-1][None], bound.T


@pytest.mark.parametrize(
    ("times", "verdict"), [(0.0, "pass"), (-1.9, "pass"), (1.9, "pass"), (2.2, "fail"), (-2.2, "fail")]
)
def test_twice_the_bound_is_allowed(passing: Any, times: float, verdict: str) -> None:
    """Of every unit, and of one alone."""
    result, evidence, last, bound = passing
    assert with_final(result, evidence, last + times * bound).verdict == verdict
    assert with_final(result, evidence, last + times * bound * (np.arange(6) == 4)).verdict == verdict


def test_a_final_state_that_is_no_number_fails(passing: Any) -> None:
    """NaN and infinity are no distance from anything."""
    result, evidence, last, _ = passing
    for wrong in (np.nan, np.inf):
        made = with_final(result, evidence, np.where(np.arange(6) == 2, wrong, last))
        assert (made.verdict, made.diagnosis[0].name, made.worst) == ("fail", "final-state", np.inf)
