"""Faults of programs that one run of twelve steps names: gates, orders of input channels, self-connections."""

from __future__ import annotations

import pytest
from mutants.faults import singles
from mutants.programs import Edit
from mutants.run import judged

from oracle.diagnosis import weights
from oracle.diagnosis.deviations import DEVIATIONS

EDITS = {(edit.program, edit.title): edit for edit in singles()}
NAMED = {
    ("GRU, reset after", "no reset"): "reset-missing",
    ("GRU, reset before", "no reset"): "reset-missing",
    ("GRU, reset after", "logistic for tanh"): "activation:logistic",
    ("GRU, reset before", "no activation"): "activation:identity",
    ("GRU, reset after", "reset bias missing"): "bias-missing",
    ("GRU, reset after", "update weights transposed"): "transposed-recurrent-weights",
    ("elman relu", "no self-connections"): "masked-recurrent-weights",
    ("rate, RK4", "no self-connections"): "masked-recurrent-weights",
}


def _judged(edit: Edit) -> str | None:
    return judged(edit, "float64").explained_by


@pytest.mark.parametrize("which", NAMED)
def test_an_edit_is_named_and_without_its_row_is_not(which: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The certified name; planted fault: the row of the table is gone, and nothing else takes the name."""
    assert _judged(EDITS[which]) == NAMED[which]
    monkeypatch.delitem(DEVIATIONS, NAMED[which])
    assert _judged(EDITS[which]) != NAMED[which]


@pytest.mark.parametrize("program", ["elman", "rate, RK4"])
def test_orders_of_few_input_channels_are_all_tried(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve steps do not determine the weights, and the order is named; planted fault: no order is tried."""
    edit = EDITS[program, "input channels reversed"]
    assert _judged(edit) == "permuted-inputs"
    monkeypatch.setattr(weights, "_orders", lambda count: iter(()))
    assert _judged(edit) != "permuted-inputs"
