"""Runs written down in decimals: judged where it is said, named where it is not, and faults seen through them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from oracle.check.evidence import gather
from oracle.diagnosis.decimals import in_decimals
from oracle.records.exact import Array
from oracle.tolerance.recorded import recorded_as

RNG = np.random.default_rng(41)
N, I, K = 7, 2, 50
W, M, B = 1.1 * RNG.standard_normal((N, N)) / np.sqrt(N), RNG.standard_normal((N, I)), RNG.standard_normal(N) / 5
X, H0 = RNG.standard_normal((K, I)), RNG.standard_normal(N) / 2
SIGNS = RNG.choice([-1, 1], (K + 1, N))
REC = oracle.Recurrence.leaky(W, M, B, alpha=0.1)


def run(weights: Array = W, start: Array = H0) -> Array:
    """The states of a program, the first one first."""
    states = [start]
    for x in X:
        states.append(states[-1] + 0.1 * (np.tanh(weights @ states[-1] + M @ x + B) - states[-1]))
    return np.array(states)


def written(H: Array, form: str) -> Array:
    """As text of a format such as .6f, read again."""
    return np.vectorize(lambda value: float(format(value, form)))(H)


def check(H: Array, **question: Any) -> oracle.CheckResult:
    """A check of the network of this file."""
    return oracle.check(H, REC, inputs=X, h0=H0, **question)


FORMS = [("fixed", ".{}f"), ("decimal", ".{}g")]


@pytest.mark.parametrize("digits", [2, 5, 9])
@pytest.mark.parametrize(("kind", "form"), FORMS)
def test_an_honest_run_in_decimals(kind: str, form: str, digits: int) -> None:
    """It passes where its format is said, first row or not; where not, or too fine, the format is named."""
    H, name = written(run(), form.format(digits)), f"{kind}-{digits}"
    assert check(H, recorded=name).verdict == check(H[1:], recorded=name).verdict == "pass"
    for said in (None, f"{kind}-{digits + 1}"):
        result = check(H, recorded=said)
        assert (result.verdict, result.computed_in) == ("fail", name)
        assert f"precision:{name}" in str(result.explained_by).split("|")


@pytest.mark.parametrize(("kind", "form"), FORMS)
def test_a_fault_is_seen_through_decimals(kind: str, form: str) -> None:
    """Transposed weights fail, and are named, with the format where that was not said."""
    H = written(run(W.T), form.format(6))
    assert check(H, recorded=f"{kind}-6").explained_by == "transposed-recurrent-weights"
    assert check(H).explained_by == f"precision:{kind}-6+transposed-recurrent-weights"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda H: np.trunc(H * 1e6) / 1e6, id="cut off instead of rounded"),
        pytest.param(lambda H: np.round(H, 6) + 1e-6 * SIGNS, id="last digits off by one"),
    ],
)
def test_decimals_do_not_explain_what_rounding_to_them_cannot(spoil: Callable[[Array], Array]) -> None:
    """All states are decimals, and not those of this equation."""
    result = check(spoil(run()))
    assert result.verdict == "fail"
    assert "fixed" not in str(result.explained_by)
    assert check(spoil(run()), recorded="fixed-6").verdict == "fail"


def test_floats_are_no_decimals() -> None:
    """Neither full ones nor float32 numbers are taken for decimals of many digits."""
    for H in (run(W.T), run().astype(np.float32).astype(np.float64)):
        result = check(H)
        assert result.verdict == "fail"
        assert not any(kind in str(result.explained_by) for kind, _ in FORMS)


def test_decimals_from_another_start_are_two_faults() -> None:
    """Every step is that of decimals, and the run starts where it should not."""
    result = check(np.round(run(start=H0 + 1e-3), 6))
    assert result.explained_by == "precision:fixed-6+wrong-initial-state"


def decimals(H: Array, recorded: str | None = None) -> list[str]:
    """What a run may have been written in."""
    question: dict[str, Any] = {"promised": None, "batch_first": None, "kind": None}
    return [name for name, _ in in_decimals(gather(H, REC, inputs=X, h0=H0, recorded=recorded, **question))]


def test_what_was_stated_is_nothing_to_find() -> None:
    """No format that loses no more than the stated one does; and none of large floats, each of which is a decimal."""
    H = np.round(run(), 6)
    assert decimals(H)[0] == decimals(H, "fixed-8")[0] == "fixed-6"
    assert decimals(H, "fixed-6") == decimals(H, "fixed-3") == []
    assert decimals(1000 * (2 + run())) == []


@given(st.floats(-100, 100), st.integers(0, 12), st.sampled_from(FORMS))
def test_what_decimals_lose_is_enclosed(value: float, digits: int, form: tuple[str, str]) -> None:
    """Exactly, whatever is written."""
    digits += form[0] == "decimal"
    text = float(format(value, form[1].format(digits)))
    lost = recorded_as(f"{form[0]}-{digits}").lost(np.array([text]))[0]
    assert abs(Fraction(value) - Fraction(text)) <= Fraction(float(lost))
    if form[0] == "fixed":  # planted fault: a tenth less encloses no tie
        half = 0.5 * 10.0**-digits
        assert lost >= half > 0.9 * lost - abs(text) * 2.0**-50


@pytest.mark.parametrize("name", ["decimal-0", "decimal-", "fixed-x", "fixed--1", "fixed", "fixed6"])
def test_a_misspelled_format_says_what_there_is(name: str) -> None:
    """In three parts."""
    with pytest.raises(oracle.BadInput, match=r"%\.6g"):
        check(run(), recorded=name)
