"""The conventions of recurrent networks, typeset for a headline: by the names that the diagnosis gives them."""

from __future__ import annotations

from oracle.diagnosis.statement import name_of
from oracle.records.recurrence import Recurrence
from oracle.report.model import Formula

DRIVE = "W h + M x + b"
FORMULAS = {
    "elman": Formula(rf"\sigma({DRIVE})", f"s({DRIVE})"),
    "form-rate": Formula(rf"(1-\alpha)\,h + \alpha\,\sigma({DRIVE})", f"(1-a) h + a s({DRIVE})"),
    "form-paper": Formula(rf"(1-\alpha)\,h + \Delta\,\sigma({DRIVE})", f"(1-a) h + step s({DRIVE})"),
    "form-current": Formula(r"(1-\alpha)\,h + \alpha\,(W \sigma(h) + M x + b)", "(1-a) h + a (W s(h) + M x + b)"),
    "leak-inside": Formula(rf"\sigma\bigl((1-\alpha)\,h + \alpha\,({DRIVE})\bigr)", f"s((1-a) h + a ({DRIVE}))"),
}
"""One step, from h to the next state; see `oracle.diagnosis.statement`."""


def documented(rec: Recurrence) -> Formula | None:
    """The formula of a record's convention; None where it is none of these."""
    return formula(name_of(rec))


def formula(name: str) -> Formula | None:
    """The formula of a named form."""
    return FORMULAS.get(name)
