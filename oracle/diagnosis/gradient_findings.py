"""From a wrong gradient to the name of the deviation: claimed only if every entry is inside its tolerance under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.check.backward import Gradients
from oracle.check.result import Finding
from oracle.diagnosis.gradient_deviations import (
    NONE,
    Alternative,
    alternatives,
    of_nameless_equations,
    of_other_equations,
)
from oracle.diagnosis.gradient_verdict import DIGITS, judged_all
from oracle.errors import KinkError
from oracle.records.exact import Array
from oracle.records.precision import PRECISIONS, Precision, representable
from oracle.reference.gradients import INPUT, STATE, Asked, certified
from oracle.reference.limits import NotReached
from oracle.tolerance.gradient import MARGIN, tolerance_of

COARSER = ("float32", "tf32", "bfloat16-products", "float16", "bfloat16")

HONEST = 16.0
"""Deviations of jittered runs up to which errors are those of a format: twice what honest programs show. A tolerance is
four times that, and in a narrow format wide enough for many a wrong gradient."""


def findings(question: Asked, given: Gradients, model: Precision, worst: float) -> tuple[Finding, ...]:
    """Named deviations under which every entry is inside its tolerance: as few deviations at once as will do."""
    matrices = tuple(n for n, v in given.values.items() if v.ndim == 2 and n in question.shapes and not _of_run(n))
    table = plausible(alternatives(question, matrices), question, given, model)
    for count in sorted({len(each.names) for each in table}):
        several = [explained(each, question, given, model) for each in table if len(each.names) == count]
        found = tuple(finding for finding in several if finding is not None)
        if found:
            return found
    found = _of_equations(question, given, model)
    if not found and not _nameless(question, given, model):
        found = _of_precision(question, given, model)
    return found or (
        Finding("unexplained", False, worst, "no named deviation brings every entry inside its tolerance"),
    )


def _of_run(name: str) -> bool:
    return name.rpartition(".")[2] in (STATE, INPUT)


def _of_equations(question: Asked, given: Gradients, model: Precision) -> tuple[Finding, ...]:
    """Gradients of other equations; of several that are inside, all: they are one equation, or near each other here."""
    table = plausible(list(of_other_equations(question, given.values)), question, given, model)
    several = (explained(each, question, given, model) for each in table)
    return tuple(sorted((finding for finding in several if finding is not None), key=lambda finding: finding.worst))


def _nameless(question: Asked, given: Gradients, model: Precision) -> bool:
    """Whether it is the gradient of an equation that has no name, which then is not called a format."""
    table = plausible(list(of_nameless_equations(question)), question, given, model)
    return any(explained(each, question, given, model) is not None for each in table)


def _of_precision(question: Asked, given: Gradients, model: Precision) -> tuple[Finding, ...]:
    """The right gradient, with the errors of a coarser format than promised in every parameter."""
    exact_ = {name: part.float64() for name, part in certified(question, DIGITS, kink=NONE).items()}
    for name in COARSER:
        coarse = PRECISIONS[name]
        if _roundoff(coarse) <= _roundoff(model) or given.turned or not _typical(given.values, exact_, coarse):
            continue
        if not all(representable(part, coarse.storage) for part in given.values.values()):
            continue  # numbers of more bits were not stored in this format
        finding = explained(Alternative((f"precision:{_format(coarse)}",)), question, given, coarse)
        if finding is not None and finding.worst <= HONEST / MARGIN:
            text = f"it is the gradient, with errors of the size of {name}; {model.name} was promised (observed)"
            return (replace(finding, text=text),)
    return ()


def _format(model: Precision) -> str:
    """A precision is named by its coarsest format, of factors or of what is stored."""
    parts = model.parts
    assert parts is not None
    return (parts.products or parts.storage).name


def _typical(values: Mapping[str, Array], exact_: Mapping[str, Array], coarse: Precision) -> bool:
    """Whether the errors of every gradient are of a format's size, and not some wrong entries among right ones.

    A typical error is u times a typical entry or more; MARGIN is left for gradients whose errors happen to be small.
    """
    several = [(v, exact_[name]) for name, v in values.items() if v.size > 1 and np.any(exact_[name])]
    floor = _roundoff(coarse) / MARGIN
    return all(bool(np.median(np.abs(v - e)) >= floor * np.median(np.abs(e))) for v, e in several)


def _roundoff(model: Precision) -> float:
    return max(model.storage, model.products)


def plausible(table: list[Alternative], question: Asked, given: Gradients, model: Precision) -> list[Alternative]:
    """A sieve in float64: half of the format's digits have to agree, relative to the largest entry of a gradient."""
    made: dict[Any, dict[str, Array]] = {}
    kept, own = [], question.states(_Floats(NONE))
    for each in table:
        key = id(each.way), each.kink, id(each.traced)
        if key not in made:
            asked = each.of(question)
            made[key] = rough(each, asked, own if each.traced is None else asked.states(_Floats(NONE)))
        if _close(compared(each, given), made[key], float(each.factor), model):
            kept.append(each)
    return kept


def _close(values: Mapping[str, Array], made: Mapping[str, Array], factor: float, model: Precision) -> bool:
    share = float(np.sqrt(_roundoff(model)))
    for name, value in values.items():
        other = factor * made[name]
        scale = max(np.max(np.abs(value), initial=0.0), np.max(np.abs(other), initial=0.0))
        if not np.all(np.abs(value - other) <= share * scale):
            return False
    return True


def compared(alternative: Alternative, given: Gradients) -> dict[str, Array]:
    """The gradients as the alternative reads them; those of a transposed shape have been turned back already."""
    turned = set(alternative.turned) - set(given.turned)
    values = {n: v.T if n in turned and v.shape == v.shape[::-1] else v for n, v in given.values.items()}
    if set(given.turned) - set(alternative.turned):
        return {name: np.full_like(value, np.nan) for name, value in values.items()}
    return values


def rough(alternative: Alternative, question: Asked, states: Any) -> dict[str, Array]:
    """The alternative gradient of the plain loss in float64, along the states of a run."""
    ops: Any = _Floats(alternative.kink)
    with np.errstate(all="ignore"):
        return question.gradients(ops, lambda v: v, alternative.way, states)


class _Floats(Float64):
    """float64 with a slope of max(0, z) at z = 0."""

    def __init__(self, slope: Fraction) -> None:
        super().__init__()
        self._slope = float(slope)

    def unit_step(self, z: Array) -> Array:
        """The slope."""
        return np.where(z == 0, self._slope, z > 0)


def explained(alternative: Alternative, question: Asked, given: Gradients, model: Precision) -> Finding | None:
    """The alternative as a finding, if every entry is inside its tolerance under it."""
    asked, way, kink = alternative.question(question), alternative.way, alternative.kink
    try:
        reference = certified(asked, DIGITS, way, kink)
    except (KinkError, NotReached):
        return None
    centres = {name: part.float64() for name, part in reference.items()}
    tolerance = tolerance_of(asked, model, centres, way, kink)
    parts = list(judged_all(compared(alternative, given), reference, tolerance).values())
    worst = max((part.worst for part in parts), default=0.0)
    if worst > 1:
        return None
    label = "proved" if all(part.label == "proved" for part in parts) else "observed"
    return Finding(alternative.name, True, worst, alternative.text, {**alternative.parameters, "label": label})
