"""Hypothesis against `oracle.check`: random honest programs and random faults, handed in in every way.

Never a crash, never a false verdict. `pytest --hypothesis-profile=search` looks further.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from drawn_candidates import ARRAYS, PROGRAM_FAULTS, STATE_FAULTS, Case, asked, at_the_edge, exactly, honest
from grid.given import Array, Given
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from oracle.check.survey import FEWEST
from oracle.diagnosis import check as checking

FORMS = ("run", "run without h0", "step", "recorded", "recorded without h0", "batch first")


def handed_in(case: Case, form: str, shape: str) -> oracle.CheckResult:
    """The check of the case's program in one of the forms a candidate may have."""
    as_returned, first = ARRAYS[shape], int(form.endswith("without h0"))
    if form == "step":
        return asked(case.step, case, kind="step")
    if form.startswith("recorded"):
        return asked(as_returned(case.run(case.h0, case.X)[first:]), case)
    if form == "batch first" and case.X.ndim == 3:
        turned = lambda h0, X: as_returned(case.run(h0, X.swapaxes(0, 1)).swapaxes(0, 1))  # noqa: E731
        return asked(turned, case, inputs=case.X.swapaxes(0, 1), batch_first=True, kind="run")
    return asked(lambda h0, X: as_returned(case.run(h0, X)[first:]), case, kind="run")


def whole(result: oracle.CheckResult) -> None:
    """Every result can be told, written down, and says one thing."""
    assert result.summary()
    json.dumps(result.to_dict(), allow_nan=False)
    assert bool(result) == (result.verdict == "pass")
    assert not result or (result.worst <= 1 and result.problem is None)


@given(case=honest(), form=st.sampled_from(FORMS), shape=st.sampled_from(sorted(ARRAYS)))
def test_an_honest_program_never_fails(case: Case, form: str, shape: str) -> None:
    """Pass where nothing under- or overflows; else perhaps undecided; without a step always undecided."""
    result = handed_in(case, form, shape)
    whole(result)
    if not case.X.shape[0] or not case.h0.size:
        assert result.verdict == "undecided"
    elif case.moderate:
        assert result.verdict == "pass", result.summary()
    else:
        assert result.verdict != "fail" or exactly(case, case.run(case.h0, case.X)) != "inside", result.summary()


EDGE = "one entry at its bound"
FAULTY = {
    "case": honest(),
    "program": st.sampled_from(sorted(PROGRAM_FAULTS)),
    "states": st.sampled_from([*sorted(STATE_FAULTS), *[EDGE] * 4]),
    "seed": st.integers(0, 2**32 - 1),
}


def faulty_run(case: Case, program: str, states: str, seed: int) -> Array:
    """The states of a program with a fault, and perhaps another one in what it wrote down."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        H = replace(case, computed=PROGRAM_FAULTS[program](rng, case.stated)).run(case.h0, case.X)
        if states == EDGE:
            return at_the_edge(rng, case, H) if H[1:].size and np.isfinite(H).all() else H
        return STATE_FAULTS[states](rng, H) if H.size else H


@given(**FAULTY)
def test_the_verdict_is_that_of_exact_residuals(case: Case, program: str, states: str, seed: int) -> None:
    """A run outside its bound in 60 to 1500 digits fails; one inside never fails by a proved label."""
    H = faulty_run(case, program, states, seed)
    with patch.object(checking, "diagnosed", lambda evidence, result, found: result):  # names take time, and come after
        result = asked(H, case)
    whole(result)
    truth = exactly(case, H)
    if truth == "outside":
        assert result.verdict == "fail", result.summary()
    if truth == "inside":
        assert result.verdict == "pass" or result.label == "observed", result.summary()
    assert truth != "open" or result.verdict != "pass"


@settings(max_examples=max(3, settings().max_examples // 10))
@given(**FAULTY)
def test_a_diagnosis_never_crashes(case: Case, program: str, states: str, seed: int) -> None:
    """Whatever is wrong, the answer is whole, and the verdict is the one without a diagnosis."""
    H = faulty_run(case, program, states, seed)
    result = asked(H, case)
    whole(result)
    with patch.object(checking, "diagnosed", lambda evidence, result, found: result):
        assert asked(H, case).verdict == result.verdict


@settings(max_examples=max(3, settings().max_examples // 10))
@given(
    seed=st.integers(0, 2**32 - 1),
    form=st.sampled_from(["elman", "leaky-outside", "current"]),
    dtype=st.sampled_from(["float64", "float32"]),
    batch=st.sampled_from([None, 4]),
    edge=st.booleans(),
)
def test_long_runs_get_the_verdict_of_exact_residuals(
    seed: int, form: str, dtype: str, batch: int | None, edge: bool
) -> None:
    """Runs that are judged by the kernel, block by block: honest ones pass, and one entry beyond its bound is found."""
    case = long_case(seed, form, dtype, batch)
    H = case.run(case.h0, case.X)
    assert H[1:].size >= FEWEST
    moved = at_the_edge(np.random.default_rng(seed), case, H) if edge else H
    with patch.object(checking, "diagnosed", lambda evidence, result, found: result):
        result = asked(moved, case)
    whole(result)
    changed = np.flatnonzero((moved != H).reshape(len(H), -1).any(axis=1))
    if not changed.size:
        assert result, result.summary()
        return
    k = int(changed[0])  # the step into the changed state; those from it are honest no longer, and judged as well
    truths = {
        exactly(replace(case, X=case.X[j : j + 1], h0=moved[j]), moved[j : j + 2]) for j in (k - 1, k)[: len(H) - k]
    }
    assert (result.verdict == "pass") == (truths == {"inside"}), result.summary()


def long_case(seed: int, form: str, dtype: str, batch: int | None) -> Case:
    """A network of 16 units over as many steps as the kernel needs."""
    rng = np.random.default_rng(seed)
    N, K = 16, FEWEST // 16 // (batch or 1) + 7
    shape = (K, 2) if batch is None else (K, batch, 2)
    parts = (rng.standard_normal((N, N)) / 4, rng.standard_normal((N, 2)), rng.standard_normal(N) / 2)
    W, M, b, X, h0 = (
        part.astype(dtype) for part in (*parts, rng.standard_normal(shape), rng.uniform(-0.9, 0.9, (*shape[1:-1], N)))
    )
    one, leak = np.asarray(1.0, dtype=dtype), np.asarray(0.25, dtype=dtype)
    g = Given(form, "euler", "tanh", W, M, (b,), one, one if form == "elman" else leak)
    return Case(g, g, seed % 5, X, h0, True)


def fixed() -> Case:
    """One case without Hypothesis."""
    rng = np.random.default_rng(3)
    W, M, b, X, h0 = (rng.standard_normal(shape) for shape in ((3, 3), (3, 2), (3,), (6, 2), (3,)))
    one = np.asarray(1.0)
    g = Given("elman", "euler", "tanh", W, M, (b,), one, one)
    return Case(g, g, 0, X, h0, True)


def test_a_turned_verdict_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: a check that says the opposite is caught by both searches, on an honest and on a wrong program."""
    real = checking._verdict

    def turned(*question: Any) -> oracle.CheckResult:
        result = real(*question)
        other = {"pass": "fail", "fail": "pass"}[result.verdict]
        return replace(result, verdict=other, worst=0.5, problem=None, label="proved", diagnosis=())

    searches = (
        lambda: test_an_honest_program_never_fails.hypothesis.inner_test(fixed(), "run", "array"),
        lambda: test_the_verdict_is_that_of_exact_residuals.hypothesis.inner_test(fixed(), "none", "none", 0),
        lambda: test_the_verdict_is_that_of_exact_residuals.hypothesis.inner_test(fixed(), "none", "zero", 0),
        lambda: test_the_verdict_is_that_of_exact_residuals.hypothesis.inner_test(fixed(), "W", "none", 0),
    )
    for search in searches:
        search()
    monkeypatch.setattr(checking, "_verdict", turned)
    for search in searches:
        with pytest.raises(AssertionError):
            search()
