"""Deviating statements and records, drawn from the table: one deviation, one beside another, and pairs."""

from __future__ import annotations

from collections.abc import Iterator

from oracle.diagnosis.deviations import DEVIATIONS, ROUNDING, Deviation
from oracle.diagnosis.edits import Stated
from oracle.records.names import ACTIVATIONS
from oracle.records.recurrence import Recurrence


def deviating(s: Stated) -> Iterator[tuple[str, Stated]]:
    """Every deviation of a statement with its name; some may be the same map as the statement itself."""
    for name, row in DEVIATIONS.items():
        for other in row.edit(s):
            yield name, other


def rare(name: str) -> bool:
    """Whether a deviation makes no pairs: one of the activations that are seldom taken for another."""
    return name.startswith("activation:") and name.removeprefix("activation:") not in ACTIVATIONS


def _pairing() -> Iterator[tuple[str, Deviation]]:
    """The rows of the table that make pairs."""
    return ((name, row) for name, row in DEVIATIONS.items() if row.slot != ROUNDING and not rare(name))


def deviating_with_another(s: Stated) -> Iterator[tuple[str, Stated]]:
    """Deviations that are looked for in a statement that has one already."""
    for name, row in _pairing():
        yield from ((name, other) for other in row.edit(s))


def deviating_pairs(s: Stated) -> Iterator[tuple[str, Stated]]:
    """Two deviations at once, of different slots, in the order of the table."""
    rows = list(_pairing())
    for i, (first, one) in enumerate(rows):
        for halfway in one.edit(s):
            for second, other in rows[i + 1 :]:
                if other.slot != one.slot:
                    yield from ((f"{first}+{second}", both) for both in other.edit(halfway))


def deviating_records(s: Stated | None, rec: Recurrence) -> dict[str, list[Recurrence]]:
    """Every named deviation of a recurrence that gives another map, by name."""
    table: dict[str, list[Recurrence]] = {}
    for name, other in deviating(s) if s is not None else ():
        made = other.record()
        if not made.same_map(rec):
            table.setdefault(name, []).append(made)
    return table
