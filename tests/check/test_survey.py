"""The survey of a long run: its memory is that of a block, and what a glance leaves goes through the other stages."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import oracle
from oracle.check import survey
from oracle.kernels.lure_rows import LureRows

N, BATCH = 64, 8


def run(K: int) -> tuple[Any, Any, Any, Any]:
    """A record, an honest run of it, its inputs and initial states."""
    rng = np.random.default_rng(3)
    rec = oracle.Recurrence.elman(rng.normal(size=(N, N)) / 8, rng.normal(size=(N, 2)), rng.normal(size=N))
    X, h0 = rng.normal(size=(K, BATCH, 2)), rng.normal(size=(BATCH, N))
    return rec, oracle.simulate(rec, X, h0, engine="numpy"), X, h0


def peak(K: int, made: Any = run) -> tuple[int, int]:
    """Bytes allocated at most by a check, and those of the run."""
    rec, H, X, h0 = made(K)
    oracle.check(H, rec, inputs=X, h0=h0)  # tables are made once
    tracemalloc.start()
    try:
        assert oracle.check(H, rec, inputs=X, h0=h0)
        return tracemalloc.get_traced_memory()[1], H.nbytes
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_run() -> None:
    """But for a few numbers per step: a run four times as long takes less than a quarter of the states more."""
    (short, few), (long, many) = peak(100), peak(400)
    assert long - short < (many - few) / 4


def test_a_recorded_run_is_left_as_it_is() -> None:
    """It is not copied, so nothing may be written into it."""
    rec, H, X, h0 = run(40)
    H.flags.writeable = False
    assert oracle.check(H, rec, inputs=X, h0=h0)
    wrong = H.copy()
    wrong[5, 2, 7] += 1e-9
    kept = wrong.copy()
    wrong.flags.writeable = False
    assert oracle.check(wrong, rec, inputs=X, h0=h0).first.step == 5
    assert np.array_equal(wrong, kept)


@pytest.mark.parametrize(("limit", "judged"), [(0.5, 64), (-1.0, 320 + 64)])
def test_every_step_is_looked_at_once(limit: float, judged: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a glance, and a sample of them fully; fully where glances settle nothing."""
    monkeypatch.setattr(survey, "GLANCED", limit)
    seen = {"glanced": 0, "judged": 0}
    for name in seen:
        real = getattr(LureRows, name)

        def counted(self: Any, before: Any, *rest: Any, name: str = name, real: Any = real) -> Any:
            seen[name] += len(before)
            return real(self, before, *rest)

        monkeypatch.setattr(LureRows, name, counted)
    rec, H, X, h0 = run(40)
    assert oracle.check(H, rec, inputs=X, h0=h0)
    assert seen == {"glanced": 320 if limit > 0 else 256, "judged": judged}


def test_a_narrow_candidate_with_a_wider_promise_is_still_caught() -> None:
    """A run that is inside its bound, and whose states are those of float32."""
    rec, _, X, h0 = run(40)
    H = oracle.simulate(rec, X, h0, dtype="float32").astype(np.float64)
    result = oracle.check(H, rec, inputs=X, h0=h0)
    assert result.verdict == "fail"


def gated(K: int) -> tuple[Any, Any, Any, Any]:
    """A gated record, which no kernel restates, and an honest run of it."""
    rng = np.random.default_rng(4)
    rec = oracle.Recurrence.gru(rng.normal(size=(3 * N, N)) / 8, rng.normal(size=(3 * N, 2)), rng.normal(size=3 * N))
    X, h0 = rng.normal(size=(K, BATCH, 2)), rng.normal(size=(BATCH, N))
    return rec, oracle.simulate(rec, X, h0), X, h0


def test_equations_without_a_kernel_are_judged_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same verdict, worst and statistic as the whole run at once, and nothing of it kept."""
    rec, H, X, h0 = gated(80)
    monkeypatch.setattr(survey, "ELEMENTS", 2**13)
    monkeypatch.setattr(survey, "STEPS", 1)
    rows: list[int] = []
    real = survey.one_step_bound
    monkeypatch.setattr(survey, "one_step_bound", lambda *a: rows.append(a[1].shape[1]) or real(*a))
    blocks = oracle.check(H, rec, inputs=X, h0=h0)
    assert rows == [128] * 5
    assert blocks.verdict == "pass"
    monkeypatch.setattr(survey, "FEWEST", np.inf)
    whole = oracle.check(H, rec, inputs=X, h0=h0)
    assert blocks.worst == whole.worst
    assert np.array_equal(blocks.residuals, whole.residuals)
    assert np.array_equal(blocks.bounds, whole.bounds)
    assert blocks.computed_in == whole.computed_in == "float64"
    assert blocks.statistic.roundoff == pytest.approx(whole.statistic.roundoff, rel=0.1)


@pytest.mark.parametrize("k", [3, 79])
def test_a_fault_in_any_block_is_found(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first block and the last one; the step and unit are those of the whole run."""
    rec, H, X, h0 = gated(80)
    monkeypatch.setattr(survey, "ELEMENTS", 2**13)
    monkeypatch.setattr(survey, "STEPS", 1)
    H[k, 2, 7] *= 1 + 1e-9
    result = oracle.check(H, rec, inputs=X, h0=h0)
    assert (result.verdict, result.first.step, result.first.unit, result.first.trajectory) == ("fail", k, 7, 2)


def test_a_long_gated_run_takes_the_memory_of_a_block() -> None:
    """As one with a kernel does; judged as a whole it would take twenty times the states."""
    (short, few), (long, many) = peak(260, gated), peak(520, gated)
    assert long - short < (many - few) / 2
