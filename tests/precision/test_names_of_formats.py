"""One rule for names: a coarser format has one name, whatever is narrowed to it and however much that changes."""

from __future__ import annotations

from typing import Any

import pytest

import oracle
from oracle.diagnosis import diagnose

from .matrix import question, run

FAULTS = [
    # computed, promised, inside the proven bound of the promise, format
    ("bfloat16-products", "float32", False, "bfloat16"),
    ("bfloat16-products", "tf32", True, "bfloat16"),
    ("bfloat16-products", "float16", True, "bfloat16"),
    ("float8-e4m3", "float32", False, "float8-e4m3"),
    ("float8-e4m3", "bfloat16-products", False, "float8-e4m3"),
    ("float8-e5m2", "bfloat16-products", False, "float8-e5m2"),
    ("float8-e4m3", "bfloat16", True, "float8-e4m3"),
    ("tf32", "float32", False, "tf32"),
    ("tf32", "float16", True, "tf32"),
    ("bfloat16", "float32", False, "bfloat16"),
    ("bfloat16", "float16", True, "bfloat16"),
]


@pytest.mark.parametrize(("computed", "promised", "inside", "form"), FAULTS)
def test_a_fault_has_one_name_whatever_its_size(computed: str, promised: str, inside: bool, form: str) -> None:
    """Factors or states of a format are called by it, inside the bound of the promise as outside."""
    rec, X, h0 = question(64)
    asked: dict[str, Any] = {"inputs": X, "h0": h0, "promised": promised}
    result = oracle.check(run(computed, "tree", rec, X, h0), rec, **asked)
    assert (result.verdict, result.worst <= 1) == ("fail", inside)
    assert (result.explained_by, result.computed_in) == (f"precision:{form}", form)


@pytest.mark.parametrize("promised", ["float32", "float16"])
@pytest.mark.parametrize(
    ("computed", "words"),
    [("bfloat16-products", "with factors rounded to"), ("bfloat16", "every state is a number of")],
)
def test_what_is_narrowed_is_said_beside_the_name(computed: str, words: str, promised: str) -> None:
    """Factors and states are told apart by the text, and by the precision model that grants them."""
    rec, X, h0 = question(64)
    result = oracle.check(run(computed, "tree", rec, X, h0), rec, inputs=X, h0=h0, promised=promised)
    finding = result.diagnosis[0]
    assert words in finding.text
    assert finding.parameters["granted_by"] == computed


def test_a_name_that_said_more_inside_the_bound_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the name of the model in place of that of the format."""
    monkeypatch.setattr(
        diagnose,
        "_as_finding",
        lambda evidence, seen, where="": diagnose.Finding(f"precision:{seen.model}", True, 0.0, seen.why),
    )
    with pytest.raises(AssertionError):
        test_a_fault_has_one_name_whatever_its_size("bfloat16-products", "tf32", True, "bfloat16")


def test_states_of_a_wider_type_are_named_by_what_they_hold() -> None:
    """bfloat16 has no type of its own in NumPy: states that torch hands over as float32 are not called float32."""
    rec, X, h0 = question(64)
    H = run("bfloat16", "tree", rec, X, h0)
    asked: dict[str, Any] = {"inputs": X, "h0": h0, "promised": "float64"}
    assert oracle.check(H.astype("float32"), rec, **asked).explained_by == "precision:bfloat16"
    wide = run("float32", "tree", rec, X, h0)
    assert oracle.check(wide.astype("float32"), rec, **asked).explained_by == "precision:float32"
