"""From a failing run to the name of the bug: every named alternative is tried, and claimed only if it is certified.

An explanation has to bring *every* residual inside its own proven bound, by balls. Explanations that the data cannot
separate are all given, their names joined by |: as one record where they are one and the same map, and otherwise with
the probe that separates them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from oracle.check.casts import Coarse, Sample, cast_of
from oracle.check.coarse import grid_of, looked_at, standing_out
from oracle.check.evidence import Evidence
from oracle.check.format_seen import coarseness, narrower, precision_seen, suspect, too_coarse
from oracle.check.judge import start_of
from oracle.check.result import CheckResult, Finding
from oracle.diagnosis.clipped import clipped
from oracle.diagnosis.combined import STAGES, activity_recorded, in_a_narrower_format
from oracle.diagnosis.decimals import in_decimals
from oracle.diagnosis.gated import gated_statement
from oracle.diagnosis.hypotheses import Hypothesis, statistic_under, worst_under
from oracle.diagnosis.meanings import meaning, site
from oracle.diagnosis.normal import normal_statement
from oracle.diagnosis.pairs import pairs, pairs_with_a_number
from oracle.diagnosis.readings import own_steps
from oracle.diagnosis.rescaled import outputs_scaled
from oracle.diagnosis.search import Certified, Search
from oracle.diagnosis.sliced import Slice
from oracle.diagnosis.sporadic import off, sporadic, told
from oracle.diagnosis.statement import name_of, statement
from oracle.diagnosis.systematic import narrowed_away, systematic, wrong_inside
from oracle.diagnosis.wording import described
from oracle.equations.implicit import explicit
from oracle.records.exact import Array
from oracle.records.precision import PRECISIONS, rank
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit
from oracle.tolerance.residuals import Residuals
from oracle.tolerance.statistic import Statistic, scatter

UNLIKE = 16.0  # residuals smaller by that factor than those of the run have not its roundoff


def diagnosed(evidence: Evidence, result: CheckResult, found: Residuals) -> CheckResult:
    """The result with its findings, and the precision the candidate computed in as far as it can be told."""
    if not found.upper.size:
        return result  # no step, nothing to explain
    if result.verdict == "pass" and _wrong_inside(evidence, result, found):
        result = replace(result, verdict="fail", label="observed")
    result = _placed(replace(result, diagnosis=_findings(evidence, result, found)))
    if result.verdict == "pass":
        return result
    if (named := (result.explained_by or "")).startswith("precision:"):
        return replace(result, computed_in=named.removeprefix("precision:").split("+")[0])
    best = next((f.parameters.get("hypothesis") for f in result.diagnosis if f.explains), None)
    if best is not None:
        seen = statistic_under(best, evidence)
        return replace(result, statistic=seen, computed_in=precision_seen(evidence, seen))
    if any(f.name == f"precision:{result.computed_in}" for f in result.diagnosis):
        return result
    known = result.computed_in is not None and rank(result.computed_in) <= rank(evidence.model)
    return result if known else replace(result, computed_in=None)


def _placed(result: CheckResult) -> CheckResult:
    """The result, its first violation with the sub-expression of the step that its best finding is about."""
    where = result.diagnosis[0].parameters.get("site", "") if result.diagnosis else ""
    return replace(result, first=replace(result.first, site=where)) if result.first and where else result


def _wrong_inside(evidence: Evidence, result: CheckResult, found: Residuals) -> bool:
    """Whether a run inside its bounds has residuals of a scaled coefficient, larger than the promised rounding."""
    seen = result.statistic
    if seen is None or not suspect(evidence, seen) or (evidence.model.parts and evidence.model.parts.chopped):
        return False
    rec, before, X = explicit(evidence.rec, *own_steps(evidence))
    return wrong_inside(rec, found.signed, before, X)


def _findings(evidence: Evidence, result: CheckResult, found: Residuals) -> tuple[Finding, ...]:
    """Findings for a judged run, best first."""
    if result.verdict == "pass":
        name = name_of(evidence.rec)
        return (Finding(name, True, result.worst, meaning(name)),)
    if result.verdict == "undecided" and not np.isfinite(evidence.after).all():
        return ()  # an overflow that the documented equation may have made: no other one is any better
    coarse = _precision_by_dtype(evidence)
    search = Search(
        evidence,
        statement(evidence.rec) or gated_statement(evidence.rec) or normal_statement(evidence.rec),
        documented_inside=result.worst <= 1,
    )
    if not coarse and (cast := _precision_by_cast(evidence, found)):
        return cast
    if certain := search.singles():
        return (explanation(certain, evidence), *coarse)
    if any(f.explains for f in coarse):
        return coarse
    for read in () if search.documented_inside else (activity_recorded, clipped, outputs_scaled):
        if certain := read(search):
            return (explanation(certain, evidence),)
    if not search.documented_inside and (
        stored := _precision_by_grid(evidence, found) or _written_in_decimals(evidence)
    ):
        return stored
    noise = _precision_by_residual(evidence, result.statistic, found)
    noise = () if noise and search.where()[1] else noise
    if search.documented_inside and result.label == "observed":
        noise = noise or _precision_by_look(evidence, result.statistic, found)
    if noise and search.documented_inside:
        return noise  # no residual is outside its bound, and none of them is a function of state and input
    for stage in (search.late, search.numbers, search.weights, search.numbers_per_unit):
        if certain := stage():
            return (explanation(certain, evidence), *coarse)
    if not search.documented_inside and (certain := in_a_narrower_format(search)):
        return (explanation(certain, evidence),)
    named = coarse or noise
    if named:
        return named
    outside = off(evidence, found)
    if sporadic(outside) and not search.documented_inside:
        text = f"no named deviation brings every residual inside its bound; {told(evidence, outside)}"
        return (Finding("unexplained", False, result.worst, text),) if result.verdict == "fail" else ()
    if search.few_units_off() and (certain := search.other_weights()):
        return (explanation(certain, evidence),)  # a pair would show in other units as well
    for two in (pairs, pairs_with_a_number):
        if certain := two(search):
            return (explanation(certain, evidence),)
    for second in () if search.documented_inside else STAGES:
        if certain := second(search):
            return (explanation(certain, evidence),)
    if certain := search.other_weights():
        return (explanation(certain, evidence),)
    if result.verdict == "undecided":
        return ()
    return (_unexplained(search, result),)


def _unexplained(search: Search, result: CheckResult) -> Finding:
    """Nothing in the table; where the step goes wrong, as far as residuals tell."""
    text = "no named deviation brings every residual inside its bound"
    if (wide := _wide_enough(search.evidence)) is not None:
        text += f"; all are inside that of {wide}: parts of the step, or its parameters, may be in {wide} (observed)"
    if isinstance(search.evidence.rec.parameters, Implicit):
        text += f"; the relation is met to {_unsolved(search):.1g} of the step: a solver may stop too early (observed)"
        return Finding("unexplained", False, result.worst, text)
    unit, where = search.where()
    if where is None:
        return Finding("unexplained", False, result.worst, text)
    text += f"; the residuals of unit {unit} are a function of its {where} (observed)"
    return Finding("unexplained", False, result.worst, text, {"site": where, "unit": unit})


def _unsolved(search: Search) -> float:
    """The largest residual of a relation as a share of the largest step."""
    off = Slice(*search.own, np.arange(search.evidence.rec.N)).residual(search.evidence.rec)
    moved = search.own.after - search.own.before
    return float(np.nanmax(np.abs(off), initial=0.0) / (np.nanmax(np.abs(moved), initial=0.0) or 1.0))


def _wide_enough(evidence: Evidence) -> str | None:
    """The next coarser precision in whose bound every residual is."""
    if evidence.model.storage >= PRECISIONS["float32"].storage:
        return None
    inside = worst_under(Hypothesis((), evidence.rec, own_steps(evidence), PRECISIONS["float32"]), evidence) <= 1
    return "float32" if inside else None


def explanation(certain: list[Certified], evidence: Evidence) -> Finding:
    """One finding for all explanations of a stage: the best first, the others as alternatives."""
    names = "|".join(dict.fromkeys(name for c in certain for name in c.hypothesis.names))
    best = certain[0].hypothesis
    parameters: dict[str, Any] = {"record": best.rec, "hypothesis": best, **best.shown}
    if best.rec.alpha is not None:
        parameters["alpha"] = best.rec.alpha
    if where := site(names):
        parameters["site"] = where
    if len(certain) > 1:
        parameters["alternatives"] = tuple("|".join(c.hypothesis.names) for c in certain)
    worst = max(c.worst for c in certain)
    return Finding(names, True, worst, described(names, certain), parameters)


def _precision_by_dtype(evidence: Evidence) -> tuple[Finding, ...]:
    """States of a narrower dtype than promised."""
    narrow = evidence.recording.dtype
    if not narrower(evidence):
        return ()
    worst = worst_under(Hypothesis((), evidence.rec, own_steps(evidence), PRECISIONS[narrow]), evidence)
    text = f"the states are {narrow}; {evidence.model.name} was promised"
    return (Finding(f"precision:{narrow}", worst <= 1, worst, text),)


def _precision_by_grid(evidence: Evidence, found: Residuals) -> tuple[Finding, ...]:
    """States that are all numbers of a narrower format, in whose bound every residual is."""
    if evidence.recorded.rounded:
        return ()
    own = own_steps(evidence)
    seen = grid_of(Sample(evidence.rec, *own, found.upper), evidence.model)
    if seen is None or seen.name is None:
        return ()
    finding = _as_finding(evidence, seen)
    return (finding,) if finding.explains else ()


def _written_in_decimals(evidence: Evidence) -> tuple[Finding, ...]:
    """States that are all decimals of so many digits, which is all that is wrong with them."""
    certain: dict[str, float] = {}
    for name, written in in_decimals(evidence):
        worst = worst_under(Hypothesis((), written.rec, own_steps(written), written.model), written)
        if worst <= 1 and start_of(written) is None:
            certain[name] = worst
    if not certain:
        return ()
    text = f'every state is written in decimals (observed); say recorded="{next(iter(certain))}" where that is meant'
    return (Finding("|".join(f"precision:{name}" for name in certain), True, max(certain.values()), text),)


def _precision_by_cast(evidence: Evidence, found: Residuals) -> tuple[Finding, ...]:
    """Factors narrowed to a format, in all steps or in some: what vanishes with them is no other equation."""
    if evidence.recorded.rounded:
        return ()
    rec, before, X = explicit(evidence.rec, *own_steps(evidence))
    sample = Sample(rec, before, evidence.after, X, found.signed)
    places = standing_out(sample, evidence.model)
    count = places.before.shape[1] or sample.before.shape[1]
    seen = cast_of(places.some(), evidence.model) if places.before.size else cast_of(*looked_at(sample, evidence.model))
    if seen is None or seen.name is None:
        return ()
    where = "" if count == sample.before.shape[1] else f", in {count} of {sample.before.shape[1]} steps"
    finding = _as_finding(evidence, seen, where)
    return (finding,) if finding.explains else ()


def _precision_by_look(evidence: Evidence, seen: Statistic | None, found: Residuals) -> tuple[Finding, ...]:
    """A cast of factors under which the residuals vanish, or states on a coarser grid."""
    less = None if seen is None or narrower(evidence) else coarseness(evidence, seen, found)
    if less is None or less.name is None:
        return ()
    return (_as_finding(evidence, less),)


def _as_finding(evidence: Evidence, seen: Coarse, where: str = "") -> Finding:
    """A format that was recognised; it explains what is inside the bound of the model that grants it."""
    model = seen.model or seen.name
    assert model is not None
    worst = worst_under(Hypothesis((), evidence.rec, own_steps(evidence), PRECISIONS[model]), evidence)
    return Finding(f"precision:{seen.name}", worst <= 1, worst, f"{seen.why}{where} (observed)", {"granted_by": model})


def _in_most_steps(rec: Recurrence, residual: Array, before: Array, X: Array, roundoff: float) -> bool:
    """Whether most steps have a residual of the size that the run's are of: a few that were spoiled are no format."""
    finite = np.isfinite(residual).all(axis=0)
    scale = scatter(rec, before[:, finite], X[:, finite])
    shown = (np.abs(residual[:, finite]) >= roundoff / UNLIKE * scale).any(axis=0)
    return bool(2 * np.count_nonzero(shown) >= shown.size)


def _precision_by_residual(evidence: Evidence, seen: Statistic | None, found: Residuals) -> tuple[Finding, ...]:
    """Residuals of the size and the randomness of a lower precision, inside its own proven bound."""
    if seen is None or seen.precision is None or not too_coarse(evidence, seen):
        return ()
    own = own_steps(evidence)
    rec, before, X = explicit(evidence.rec, *own)
    if systematic(rec, found.signed, before, X) or not _in_most_steps(rec, found.signed, before, X, seen.roundoff):
        return ()
    if rank(seen.precision) > rank("float32") and not narrowed_away(
        Sample(rec, before, own.after, X, found.signed), seen.precision
    ):
        return ()
    model = PRECISIONS[{"bfloat16": "bfloat16-products"}.get(seen.precision, seen.precision)]
    worst = worst_under(Hypothesis((), evidence.rec, own, model), evidence)
    if worst > 1:
        return ()
    text = f"residuals look like a unit roundoff of {seen.roundoff:.2g} (observed), and are inside that format's bound"
    return (Finding(f"precision:{seen.precision}", True, worst, text),)
