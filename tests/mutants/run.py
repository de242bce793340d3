"""Running the zoo: each edit checked, and what came of it."""

from __future__ import annotations

from typing import NamedTuple

import mpmath
import numpy as np

import oracle

from .programs import Edit, compiled, data, exactly, parameters, record, source

DTYPES = ("float64", "float32")
APART = mpmath.mpf(10) ** -25  # runs of 40 digits that differ by less are one map: 12 steps lose a few digits at most


class Outcome(NamedTuple):
    """What the check said of an edit.

    Attributes
    ----------
    differs : bool
        Whether the edit changes the run in 40 digits.
    named : str
        "right", "wrong", "unnamed" or "" (an edit without a name in the vocabulary that was left unexplained).
    """

    program: str
    title: str
    dtype: str
    verdict: str
    worst: float
    explained_by: str | None
    differs: bool
    named: str


def judged(edit: Edit, dtype: str) -> Outcome:
    """Check the edited program against the documented equation of the unedited one."""
    p = parameters(edit.program, dtype)
    h0, X = data(edit.program, dtype)
    result = oracle.check(compiled(edit.text, p), record(edit.program, p), inputs=X, h0=h0, promised=dtype, kind="run")
    found = result.explained_by
    return Outcome(
        edit.program,
        edit.title,
        dtype,
        result.verdict,
        float(result.worst),
        found,
        differs(edit, dtype),
        naming(edit.names, found),
    )


def naming(names: tuple[str, ...], found: str | None) -> str:
    """How a finding relates to the names that are right."""
    if found is None or found == "unexplained":
        return "unnamed" if names else ""
    parts = {part for name in found.split("|") for part in (name, name.split(":")[0])}
    if not names:
        return "beyond"  # certified to describe the run, under a name the zoo does not know
    joined = {frozenset(part.split("+")) for part in parts}
    return "right" if any(frozenset(name.split("+")) in joined for name in names) else "wrong"


def differs(edit: Edit, dtype: str) -> bool:
    """Whether the edit changes the run, in exact parameters and 40 digits."""
    p = parameters(edit.program, dtype)
    h0, X = data(edit.program, dtype)
    runs = [exactly(text, p, h0, X) for text in (edit.text, source(edit.program))]
    if runs[0].shape != runs[1].shape:
        return True
    return bool(max(abs(value) for value in (runs[0] - runs[1]).ravel()) > APART)


def honest(edit: Edit, dtype: str) -> Outcome:
    """The same for a variant, which has no name and has to pass."""
    return judged(edit, dtype)


__all__ = ["DTYPES", "Outcome", "differs", "honest", "judged", "naming", "np"]
