"""From a failing run to the name of the bug: every named alternative is tried, and claimed only if it is certified.

An explanation has to bring *every* residual inside its own proven bound, by balls. Explanations that the data cannot
separate are all given; those that are one and the same record are one finding, their names joined by |.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from oracle.check.judge import RANK, Evidence, narrower, precision_seen, too_coarse
from oracle.check.result import CheckResult, Finding
from oracle.diagnosis.deviations import deviating_records, meaning
from oracle.diagnosis.fit import fitted_leak
from oracle.diagnosis.hypotheses import Hypothesis, Steps, merged, plausible, rereadings, worst_under
from oracle.diagnosis.statement import name_of, statement
from oracle.diagnosis.systematic import systematic
from oracle.records.precision import PRECISIONS
from oracle.tolerance.residuals import Residuals, residuals
from oracle.tolerance.statistic import Statistic, scatter, statistic


def diagnosed(evidence: Evidence, result: CheckResult, found: Residuals) -> CheckResult:
    """The result with its findings, and the precision the candidate computed in as far as it can be told."""
    if not found.upper.size:
        return result  # no step, nothing to explain
    result = replace(result, diagnosis=_findings(evidence, result, found))
    if result.verdict == "pass" or (result.explained_by or "").startswith("precision:"):
        return result
    best = next((f.parameters.get("hypothesis") for f in result.diagnosis if f.explains), None)
    if best is not None:
        seen = _statistic_under(best, evidence)
        return replace(result, statistic=seen, computed_in=precision_seen(evidence, seen))
    promised = RANK[evidence.model.name]
    known = result.computed_in is not None and RANK[result.computed_in] <= promised
    return result if known else replace(result, computed_in=None)


def _statistic_under(hypothesis: Hypothesis, evidence: Evidence) -> Statistic:
    before, after, X = hypothesis.steps
    r = residuals(hypothesis.rec, before, after, X, evidence.bound(hypothesis.rec, before, after, X)).upper
    usable = np.isfinite(r).all(axis=0)
    scale = scatter(hypothesis.rec, before[:, usable], X[:, usable])
    return statistic(r[:, usable], scale, evidence.model)


def _findings(evidence: Evidence, result: CheckResult, found: Residuals) -> tuple[Finding, ...]:
    """Findings for a judged run, best first."""
    if result.verdict == "pass":
        name = name_of(evidence.rec)
        return (Finding(name, True, result.worst, meaning(name)),)
    coarse = _precision_by_dtype(evidence)
    structural = _structural(evidence)
    if structural:
        return (*structural, *coarse)
    named = coarse or _precision_by_residual(evidence, result.statistic, found)
    if named:
        return named
    if result.verdict == "undecided":
        return ()
    return (Finding("unexplained", False, result.worst, "no named deviation brings every residual inside its bound"),)


def own_steps(evidence: Evidence) -> Steps:
    """The recorded steps as they are."""
    return Steps(evidence.before, evidence.after, evidence.run.columns())


def _structural(evidence: Evidence) -> tuple[Finding, ...]:
    """Deviations of the equation and of the bookkeeping."""
    own = own_steps(evidence)
    known = statement(evidence.rec)
    hypotheses = [
        Hypothesis((name,), rec, own, evidence.model)
        for name, records in deviating_records(known, evidence.rec).items()
        for rec in records
    ]
    if evidence.recording.has_initial and not np.array_equal(evidence.recording.H[0], evidence.run.h0):
        hypotheses = []  # a wrong first row is not explained by another equation
    hypotheses += [Hypothesis((name,), evidence.rec, steps, evidence.model) for name, steps in rereadings(evidence)]
    findings = [f for h in merged(hypotheses) if (f := certified(h, evidence)) is not None]
    if not findings and known is not None:
        fitted = [Hypothesis(("wrong-step",), rec, own, evidence.model) for rec in fitted_leak(known, own)]
        findings = [f for h in fitted[:] if (f := certified(h, evidence)) is not None][:1]
    return tuple(sorted(findings, key=lambda f: f.worst))


def certified(hypothesis: Hypothesis, evidence: Evidence) -> Finding | None:
    """The hypothesis as a finding, if every residual is inside its bound."""
    if not plausible(hypothesis, evidence):
        return None
    worst = worst_under(hypothesis, evidence)
    if worst > 1:
        return None
    parameters: dict[str, Any] = {"record": hypothesis.rec, "hypothesis": hypothesis}
    if hypothesis.rec.alpha is not None:
        parameters["alpha"] = hypothesis.rec.alpha
    return Finding("|".join(hypothesis.names), True, worst, meaning(hypothesis.names[0]), parameters)


def _precision_by_dtype(evidence: Evidence) -> tuple[Finding, ...]:
    """States of a narrower dtype than promised."""
    narrow = evidence.recording.dtype
    if not narrower(evidence):
        return ()
    own = own_steps(evidence)
    worst = worst_under(Hypothesis((), evidence.rec, own, PRECISIONS[narrow]), evidence)
    text = f"the states are {narrow}; {evidence.model.name} was promised"
    return (Finding(f"precision:{narrow}", worst <= 1, worst, text),)


def _precision_by_residual(evidence: Evidence, seen: Statistic | None, found: Residuals) -> tuple[Finding, ...]:
    """Residuals of the size and the randomness of a lower precision, inside its own proven bound."""
    if seen is None or seen.precision is None or not too_coarse(evidence, seen):
        return ()
    own = own_steps(evidence)
    if systematic(evidence.rec, found.signed, own.before, own.X):
        return ()
    model = PRECISIONS[{"bfloat16": "bfloat16-products"}.get(seen.precision, seen.precision)]
    worst = worst_under(Hypothesis((), evidence.rec, own, model), evidence)
    if worst > 1:
        return ()
    text = f"residuals look like a unit roundoff of {seen.roundoff:.2g} (observed), and are inside that format's bound"
    return (Finding(f"precision:{seen.precision}", True, worst, text),)
