"""A stochastic candidate whose noise is not what is wrong: the named deviations of the equation, tried with noise.

A deviation is claimed if the residuals under it pass every test, as draws of the promised noise; else as draws of
another named noise, and then both names are given. Observed, as all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from oracle.check.judge import Evidence
from oracle.check.noise import laid_out, noise_verdict
from oracle.check.noise_kinds import Hypothesis, hypotheses, promise, same_noise
from oracle.check.noise_named import named
from oracle.check.result import CheckResult, Finding
from oracle.check.sites import Steps
from oracle.diagnosis.deviations import deviating_records, meaning
from oracle.diagnosis.statement import statement
from oracle.records.layout import Samples
from oracle.records.noise import Noise


def noise_diagnosed(evidence: Evidence, noise: Noise) -> CheckResult:
    """The verdict on the noise; where it fails unexplained, with the deviations that explain it."""
    result = noise_verdict(evidence, noise)
    if result.verdict != "fail" or result.explained_by is not None or not result.noise.samples:
        return result
    promised = promise(evidence.rec, noise)
    others = [h for h in hypotheses(evidence.rec, noise) if not same_noise(h, promised)]
    deviations = list(_deviations(evidence))
    findings = _explaining(deviations, [promised], "") or _explaining(deviations, others, "+")
    return replace(result, diagnosis=(*sorted(findings, key=lambda f: f.worst), *result.diagnosis))


def _explaining(deviations: list[tuple[str, Steps]], known: list[Hypothesis], joint: str) -> list[Finding]:
    """Deviations under which the residuals are draws of one of these kinds of noise."""
    found = []
    for name, steps in deviations:
        past = steps.past()
        for hypothesis in known:
            passing = named(steps, hypothesis, past)
            if passing is not None:
                both = f"{name}{joint}{passing.name if joint else ''}"
                found.append(Finding(both, True, passing.worst, f"{meaning(name)}; {passing.text}"))
    return found


def _deviations(evidence: Evidence) -> Iterator[tuple[str, Steps]]:
    """Named deviations of the equation, and inputs one step late or early; what is the same record is joined by |."""
    kept: list[tuple[list[str], Steps]] = []
    for name, records in deviating_records(statement(evidence.rec), evidence.rec).items():
        for rec in records:
            same = next((names for names, steps in kept if steps.rec.same_map(rec)), None)
            if same is None:
                kept.append(([name], laid_out(replace(evidence, rec=rec))))
            elif name not in same:
                same.append(name)
    yield from (("|".join(names), steps) for names, steps in kept)
    if evidence.rec.I and evidence.run.steps > 1:
        yield "input-late", laid_out(_shifted(evidence, slice(1, None), slice(None, -1)))
        yield "input-early", laid_out(_shifted(evidence, slice(None, -1), slice(1, None)))


def _shifted(evidence: Evidence, states: slice, inputs: slice) -> Evidence:
    """The evidence of all steps but one, with the inputs of other steps."""
    H, run = evidence.recording.H, evidence.run
    part = H[states]
    recording = replace(evidence.recording, H=part, has_initial=False)
    return replace(evidence, recording=recording, run=Samples(run.X[inputs], part[0], run.batched))
