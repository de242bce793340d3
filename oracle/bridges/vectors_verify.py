"""Holding a file of test vectors to the library, and a program's outputs to the file.

`recheck` computes everything anew with ten more digits, in balls: a state is confirmed if the new enclosure lies inside
the old one. `judge` compares outputs, exactly and entry by entry, with |output - to| <= tolerance + radius.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.bridges import native
from oracle.bridges.vectors import one_step, stated, tolerances
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.precision import precision_model
from oracle.records.recurrence import Recurrence
from oracle.reference.enclosure import Enclosure, exact
from oracle.reference.entry import reference
from oracle.tolerance.recorded import recorded_as

MORE = 10  # digits beyond those of the file
CLOSE = 1e-9  # bounds of rounding are evaluated in float64, upward; another machine may differ in the last places


@dataclass(frozen=True)
class Judged:
    """Outputs against the steps of a file.

    Attributes
    ----------
    verdict : str
        "pass": every output is certainly inside; "fail": one is certainly outside; "undecided" between the two, which
        only a file with few digits leaves room for.
    worst : float
        Largest |output - to| / (tolerance + radius).
    first : tuple or None
        (row, unit, output, to, allowed) of the first output that is certainly outside.
    """

    verdict: str
    worst: float
    first: tuple[Any, ...] | None


def recheck(document: dict[str, Any]) -> list[str]:
    """What is wrong with a file, in words; an empty list where all of it was confirmed."""
    rec, X, digits = record(document), samples(document), int(document["digits"]) + MORE
    wrong = [] if document["network"] == stated(rec) else ["network: the numbers are not those of the record"]
    h0 = np.array(document["h0"], dtype=np.float64)
    starts = np.array(document["steps"]["from"], dtype=np.float64)
    run = reference(rec, inputs=X, h0=h0, digits=digits, engine="balls")
    wrong += _outside("trajectory", document["trajectory"], "states", run)
    wrong += _outside("steps", document["steps"], "to", one_step(rec, X, starts, digits, "balls"))
    for name, rows in document["steps"]["tolerance"].items():
        kept, bound = np.array(rows, dtype=np.float64), tolerances(rec, X, starts, name)
        if kept.shape != bound.shape or not np.all(kept >= bound * (1 - CLOSE)):
            wrong.append(f"steps: the tolerance of {name} is smaller than what is proved")
    return wrong


def record(document: dict[str, Any]) -> Recurrence:
    """The recurrence a file is about."""
    found = native.rebuilt(document.get("record"), "the record of the vectors")
    if not isinstance(found, Recurrence):
        raise BadInput("the vectors hold a network.", "vectors are of steps.", "write them with vectors export.")
    return found


def samples(document: dict[str, Any]) -> Array:
    """X (K, I)."""
    return np.array(document["inputs"], dtype=np.float64)


def _outside(where: str, part: dict[str, Any], name: str, found: Enclosure) -> Iterator[str]:
    """The first entry whose new enclosure does not lie inside that of the file."""
    if np.shape(part[name]) != found.shape or np.shape(part["radii"]) != found.shape:
        yield f"{where}: {np.shape(part[name])} values and {np.shape(part['radii'])} radii, not {found.shape}"
        return
    for index in np.ndindex(found.shape):
        row, unit = index
        kept, radius = Fraction(part[name][row][unit]), Fraction(part["radii"][row][unit])
        if abs(kept - exact(found.mid[index])) + exact(found.rad[index]) > radius:
            yield f"{where}: row {row}, unit {unit} is not within its radius of the exact value"
            return


def judge(document: dict[str, Any], outputs: Any, precision: str, recorded: str | None = None) -> Judged:
    """Outputs of one step from each row of `from` against `to`.

    Parameters
    ----------
    document : dict
        From `oracle.bridges.vectors.read`.
    outputs : array_like, (K, N)
    precision : str
        One that the file has a tolerance for.
    recorded : str, optional
        How the outputs were written down where that rounds them: "decimal-6", "float32".

    Raises
    ------
    oracle.BadInput
        Another shape, a precision without tolerance.
    """
    steps, name = document["steps"], precision_model(precision).name
    values = np.asarray(outputs, dtype=np.float64)
    if name not in steps["tolerance"]:
        raise BadInput(
            f"the vectors have no tolerance for {name}.",
            f"they were made for {', '.join(steps['tolerance'])}.",
            f"make them with --precision {name}.",
        )
    if values.shape != np.shape(steps["to"]):
        raise BadInput(
            f"the outputs have shape {values.shape}; the vectors {np.shape(steps['to'])}.",
            "a step is missing, h0 is written along, or rows and columns are swapped.",
            "write one row of N outputs for each row of steps.from.",
        )
    finite = np.isfinite(values)
    taken = _rationals(np.where(finite, values, 0.0).tolist())
    to, radius, tolerance = (_rationals(part) for part in (steps["to"], steps["radii"], steps["tolerance"][name]))
    written, distance = recorded_as(recorded), abs(taken - to)
    allowed = tolerance + Fraction(written.relative) * abs(taken) + Fraction(float(written.absolute))
    outside = ~finite | (distance - radius > allowed).astype(bool)
    inside = finite & (distance + radius <= allowed).astype(bool)
    parts = [_part(*entry) for entry in zip(finite.flat, distance.flat, (allowed + radius).flat, strict=True)]
    first = None
    if outside.any():
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        first = (*place, float(values[place]), float(to[place]), float(allowed[place]))
    verdict = "fail" if outside.any() else "pass" if inside.all() else "undecided"
    return Judged(verdict, max(parts, default=0.0), first)


def _rationals(rows: Any) -> Any:
    """Numbers and texts as the rationals they are, (K, N)."""
    return np.array([[Fraction(entry) for entry in row] for row in rows], dtype=object).reshape(np.shape(rows))


def _part(finite: bool, distance: Fraction, allowed: Fraction) -> float:
    if not finite or (distance and not allowed):
        return float("inf")
    return float(distance / allowed) if distance else 0.0


def outputs_of(document: dict[str, Any], step: Callable[[Any, Any], Any], precision: str) -> Array:
    """What a step(h, x) -> h returns for every row, given numbers of the promised format; (K, N).

    Raises
    ------
    oracle.BadInput
        It raises, or returns something that is no array of numbers.
    """
    dtype = precision if precision in ("float32", "float16") else "float64"
    starts = np.array(document["steps"]["from"], dtype=np.float64).astype(dtype)
    X = samples(document).astype(dtype)
    rows = []
    for h, x in zip(starts, X, strict=True):
        try:
            rows.append(np.asarray(step(h.copy(), x.copy()), dtype=np.float64))
        except Exception as error:
            raise BadInput(
                f"the step raised {type(error).__name__}: {error}.",
                "it expects other arguments than h (N,) and x (I,), or it is a run of many steps.",
                "name a function step(h, x) -> h.",
            ) from error
    return np.array(rows)
