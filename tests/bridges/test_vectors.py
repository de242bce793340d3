"""Test vectors: what is written is certified, damage is seen, and outputs are judged by proven bounds."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from oracle.bridges import vectors, vectors_verify
from oracle.records.sealing import sealed

RNG = np.random.default_rng(5)
W, M, b = RNG.normal(size=(4, 4)), RNG.normal(size=(4, 2)), RNG.normal(size=4)
X, H0 = RNG.normal(size=(6, 2)), RNG.normal(size=4)
RECORDS = {
    "leaky": oracle.Recurrence.leaky(W, M, b, alpha=0.25),
    "elman float32": oracle.Recurrence.elman(*(part.astype(np.float32) for part in (W, M, b)), activation="relu"),
    "rk4": oracle.Network.rate(W, M, b, tau=0.1).rescale(3).discretize(step=Fraction(1, 300), scheme="rk4"),
    "exponential": oracle.Network.rate(W, M, b, tau=0.1).discretize(step=0.01, scheme="exponential-euler"),
    "gru": oracle.Recurrence.gru(RNG.normal(size=(12, 4)), RNG.normal(size=(12, 2)), RNG.normal(size=12)),
}


def made(rec: oracle.Recurrence, **wanted: Any) -> dict[str, Any]:
    """The vectors of a record as they come out of a file."""
    return dict(json.loads(json.dumps(vectors.vectors(rec, X, H0, **wanted))))


def leaky(h: Any, x: Any) -> Any:
    """The first record as a program, in the precision of its arguments."""
    kind = h.dtype.type
    return kind(0.75) * h + kind(0.25) * np.tanh(W.astype(kind) @ h + M.astype(kind) @ x + b.astype(kind))


@pytest.mark.parametrize("name", RECORDS)
def test_vectors_of_every_kind_are_confirmed_with_more_digits(name: str, tmp_path: Path) -> None:
    """Written, read back and computed anew; the record in the file is the one that was stated."""
    path = vectors.write(made(RECORDS[name]), tmp_path / "v.json")
    document = vectors.read(path)
    assert vectors_verify.recheck(document) == []
    assert vectors_verify.record(document) == RECORDS[name]
    assert document["status"] == "proved"


def test_the_numbers_are_the_weights_as_stated() -> None:
    """JSON numbers are read back as the same float64; a step of 1/300 is text."""
    stated = made(RECORDS["rk4"])["network"]
    assert [link["name"] for link in stated] == ["rate", "rescale", "discretize"]
    np.testing.assert_array_equal(np.array(stated[0]["arguments"]["W"]), W)
    assert stated[0]["arguments"]["tau"] == 0.1
    assert stated[0]["formula"].startswith("tau h' = -h + s(W h + M x + b)")
    assert stated[2]["arguments"] == {"step": "1/300", "scheme": "rk4"}


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_an_honest_step_passes_and_a_transposed_one_fails(precision: str) -> None:
    """In both formats; an output beside its bound by twice the bound is certainly outside."""
    document = made(RECORDS["leaky"])
    outputs = vectors_verify.outputs_of(document, leaky, precision)
    honest = vectors_verify.judge(document, outputs, precision)
    assert honest.verdict == "pass"
    assert 0 < honest.worst <= 1
    outputs[2, 1] += 3 * float(document["steps"]["tolerance"][precision][2][1])
    assert vectors_verify.judge(document, outputs, precision).first[:2] == (2, 1)  # type: ignore[index]
    swapped = vectors_verify.outputs_of(
        document, lambda h, x: 0.75 * h + 0.25 * np.tanh(W.T @ h + M @ x + b), precision
    )
    assert vectors_verify.judge(document, swapped, precision).verdict == "fail"


def test_a_float32_program_does_not_pass_for_float64() -> None:
    """The tolerance is that of the promised format."""
    document = made(RECORDS["leaky"])
    outputs = vectors_verify.outputs_of(document, leaky, "float32")
    assert vectors_verify.judge(document, outputs, "float32").verdict == "pass"
    assert vectors_verify.judge(document, outputs, "float64").verdict == "fail"


def test_few_digits_leave_some_outputs_undecided() -> None:
    """With radii wider than the tolerance an honest output is neither inside nor outside for certain."""
    document = made(RECORDS["leaky"], digits=12)
    outputs = vectors_verify.outputs_of(document, leaky, "float64")
    assert vectors_verify.judge(document, outputs, "float64").verdict == "undecided"
    assert vectors_verify.judge(document, outputs + 1e-9, "float64").verdict == "fail"
    assert vectors_verify.judge(document, outputs, "float32").verdict == "pass"


def test_numbers_that_are_none_fail() -> None:
    """NaN in one output is outside, and nothing is hidden by it."""
    document = made(RECORDS["leaky"])
    outputs = vectors_verify.outputs_of(document, leaky, "float64")
    outputs[1, 3] = np.nan
    found = vectors_verify.judge(document, outputs, "float64")
    assert (found.verdict, found.worst) == ("fail", np.inf)


def test_outputs_in_six_digits_need_to_say_so() -> None:
    """What was rounded in writing down fails as computed and passes as recorded."""
    document = made(RECORDS["leaky"])
    outputs = vectors_verify.outputs_of(document, leaky, "float64")
    shortened = np.array([[float(f"{value:.5e}") for value in row] for row in outputs])
    assert vectors_verify.judge(document, shortened, "float64").verdict == "fail"
    assert vectors_verify.judge(document, shortened, "float64", "decimal-6").verdict == "pass"


def test_a_changed_digit_is_noticed_even_under_a_new_seal() -> None:
    """State, single step, tolerance, weight and start: each planted fault is named."""
    document = made(RECORDS["leaky"])
    assert vectors_verify.recheck(document) == []
    for path, value, word in (
        (("trajectory", "states", 3, 2), "0.5", "trajectory"),
        (("trajectory", "radii", 3, 2), "1e-60", "trajectory"),
        (("steps", "to", 1, 0), "0.25", "steps"),
        (("steps", "from", 1, 0), 0.5, "steps"),
        (("steps", "tolerance", "float32", 2, 2), "1e-30", "float32"),
        (("network", 0, "arguments", "W", 0, 1), 0.5, "network"),
        (("inputs", 4, 0), 0.5, "trajectory"),
    ):
        changed = json.loads(json.dumps(document))
        place = changed
        for key in path[:-1]:
            place = place[key]  # type: ignore[index]
        place[path[-1]] = value  # type: ignore[index]
        assert any(word in line for line in vectors_verify.recheck(changed)), path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"format": "rnn-oracle vectors"}',
        "[1]",
        sealed({"format": "rnn-oracle vectors", "version": 2}),
        sealed({"format": "rnn-oracle vectors", "version": 1}),
        sealed({"format": "rnn-oracle certificate", "version": 1}),
    ],
)
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    """Empty, unsealed, of another format or version, without content: bad input, with the path."""
    (tmp_path / "v.json").write_text(text, encoding="ascii")
    with pytest.raises(oracle.BadInput, match=r"v\.json"):
        vectors.read(tmp_path / "v.json")


def test_what_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A network without a step, a batch, no steps, an unknown format, another suffix, another shape."""
    for question in (
        lambda: vectors.vectors(oracle.Network.rate(W, M, b, tau=0.1), X),  # type: ignore[arg-type]
        lambda: vectors.vectors(RECORDS["leaky"], X[None]),
        lambda: vectors.vectors(RECORDS["leaky"], X[:0]),
        lambda: vectors.vectors(RECORDS["leaky"], X, precisions=["float99"]),
        lambda: vectors.write(made(RECORDS["leaky"]), tmp_path / "v.txt"),
        lambda: vectors_verify.judge(made(RECORDS["leaky"]), np.zeros((7, 4)), "float64"),
        lambda: vectors_verify.judge(made(RECORDS["leaky"]), np.zeros((6, 4)), "bfloat16"),
        lambda: vectors_verify.outputs_of(made(RECORDS["leaky"]), lambda h: h, "float64"),
    ):
        with pytest.raises(oracle.BadInput):
            question()
    assert list(tmp_path.iterdir()) == []


@given(st.fractions(max_value=10**40, min_value=Fraction(1, 10**40)) | st.just(Fraction(0)))
def test_radii_are_rounded_up(value: Fraction) -> None:
    """Three digits, never smaller, and larger by no more than one in the last of them."""
    written = Fraction(vectors.upward(value))
    assert value <= written <= value * Fraction(101, 100)
