"""A stochastic candidate whose noise is not what is wrong: the named deviations of the equation, tried with noise.

A deviation explains a run if the residuals under it pass every test, as draws of the promised noise; else as draws of
another named noise, and then both names are given. Deviations with an unknown number are fitted. Noise hides small
differences, so that an explanation which passes may still be the wrong one: all that pass are given, joined by |, but
those which likelihood ratios refute (`oracle.diagnosis.refuted`). Observed, as all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.check.evidence import Evidence
from oracle.check.noise import laid_out, noise_verdict
from oracle.check.noise_kinds import Hypothesis, hypotheses, promise, same_noise
from oracle.check.noise_named import named
from oracle.check.result import CheckResult, Finding
from oracle.check.sites import Steps
from oracle.diagnosis.deviating import deviating_records
from oracle.diagnosis.deviations import RIVALS
from oracle.diagnosis.gated import gated_statement
from oracle.diagnosis.meanings import meaning
from oracle.diagnosis.noise_fitted import Fitted, fits
from oracle.diagnosis.normal import normal_statement
from oracle.diagnosis.refuted import Explanation, Scores, Seen, common, inside, left, outside, same, seen, together
from oracle.diagnosis.statement import statement
from oracle.records.exact import Array
from oracle.records.layout import Samples
from oracle.records.names import activation_name
from oracle.records.noise import Noise

FITTED_SIGMA = "noise:wrong-sigma"
NAMELESS_FINDING = Finding("unexplained", False, 0.0, "an activation without a name")


def noise_diagnosed(evidence: Evidence, noise: Noise) -> CheckResult:
    """The verdict on the noise; where it fails unexplained, with the deviations that explain it."""
    result = noise_verdict(evidence, noise)
    named_already = result.explained_by not in (None, FITTED_SIGMA)
    if result.verdict != "fail" or named_already or not result.noise.samples:
        return result
    promised = promise(evidence.rec, noise)
    others = [h for h in hypotheses(evidence.rec, noise) if not same_noise(h, promised)]
    search = _Search(evidence, _stated(evidence), promised)
    if result.explained_by is not None:  # a larger sigma may be what another equation looks like
        sigma = search.of_sigma(result.diagnosis[0])
        findings = together([*search.with_promised(), sigma])
        return replace(result, diagnosis=tuple(findings or [_withdrawn(result.diagnosis[0])]))
    findings = together(search.with_promised()) or together(search.with_others(others))
    return replace(result, diagnosis=(*findings, *result.diagnosis))


def _withdrawn(finding: Finding) -> Finding:
    """What passes every test, and is less probable than an equation without a name."""
    text = f"{finding.text}, or an equation without a name, which is more probable"
    return Finding("unexplained", False, finding.worst, text)


def _stated(evidence: Evidence) -> Any:
    return statement(evidence.rec) or gated_statement(evidence.rec) or normal_statement(evidence.rec)


@dataclass(frozen=True, eq=False)
class _Passing:
    """A deviation under which the residuals pass as draws of one kind of noise; `skipped` steps at either end."""

    finding: Finding
    steps: Steps
    hypothesis: Hypothesis
    skipped: tuple[int, int]


class _Search:
    """Deviations of one run, with any noise."""

    def __init__(self, evidence: Evidence, stated: Any, promised: Hypothesis) -> None:
        self.evidence, self.stated, self.promised = evidence, stated, promised
        self.own = laid_out(evidence)
        self.deviations = list(_deviations(evidence, stated))

    def with_promised(self) -> list[Explanation]:
        """Deviations with the promised noise, those with an unknown among them."""
        return self._compared(list(self._passing(self.promised, "")), [self.promised], "")

    def of_sigma(self, finding: Finding) -> Explanation:
        """The documented equation with the promised noise, larger or smaller by the factor of a finding."""
        size = finding.parameters["factor"] * self.promised.size
        score = outside(self.own.residuals, size, self.own.batch)
        return Explanation(finding, Scores(score, score, score) if self.promised.site == "outside" else None)

    def with_others(self, others: list[Hypothesis]) -> list[Explanation]:
        """Deviations with other noise; unknowns are fitted where there is something they may refute."""
        passing = [one for hypothesis in others for one in self._passing(hypothesis, "+")]
        kinds = [hypothesis for hypothesis in others if any(one.hypothesis is hypothesis for one in passing)]
        return self._compared(passing, kinds, "+")

    def _passing(self, hypothesis: Hypothesis, joint: str) -> Iterator[_Passing]:
        for name, steps, skipped in self.deviations:
            finding = named(steps, hypothesis)
            if finding is not None:
                both = f"{name}{joint}{finding.name if joint else ''}"
                text = f"{meaning(name)}; {finding.text}"
                yield _Passing(Finding(both, True, finding.worst, text), steps, hypothesis, skipped)

    def _compared(self, passing: list[_Passing], kinds: list[Hypothesis], joint: str) -> list[Explanation]:
        found = []
        for hypothesis in kinds:
            fixed = [one for one in passing if one.hypothesis is hypothesis]
            known = self._seen([one.steps for one in fixed], hypothesis)
            found += [Explanation(one.finding, self._scores(one, known), left(one.steps, hypothesis)) for one in fixed]
            found += self._rivals(hypothesis, known)
            if self.stated is not None:
                for one in fits(self.evidence, self.stated, hypothesis, self.own, known):
                    finding = _of_family(one, joint)
                    if finding is not None:
                        found.append(Explanation(finding, one.scores, left(one.steps, one.hypothesis)))
        return found

    def _rivals(self, hypothesis: Hypothesis, known: Seen | None) -> Iterator[Explanation]:
        """Equations without a name, near named ones: where one of them is more probable, those are not claimed."""
        if self.stated is None or not hasattr(self.stated, "activation"):
            return
        for written in RIVALS:
            rec = self.stated.but(activation=activation_name(written)).record()
            one = _Passing(NAMELESS_FINDING, laid_out(replace(self.evidence, rec=rec)), hypothesis, (0, 0))
            yield Explanation(one.finding, self._scores(one, known))

    def _seen(self, others: list[Steps], hypothesis: Hypothesis) -> Seen | None:
        """The elements inside that all explanations see which recover the u of the documented equation."""
        if hypothesis.site == "outside":
            return None
        parts = [part for steps in (self.own, *others) if (part := seen(steps, hypothesis.size)) is not None]
        return common(parts, self.own.inside.u) if self.own.inside is not None else None

    def _scores(self, one: _Passing, known: Seen | None) -> Scores | None:
        size, batch = one.hypothesis.size, one.steps.batch
        if one.hypothesis.site == "outside":
            score = outside(one.steps.residuals, size, batch)
            score = np.pad(score, one.skipped, constant_values=np.nan)
            return Scores(score, score, score)
        inner = one.steps.inside
        if inner is None or known is None or not same(inner.u, known.u):
            return None
        score = inside(inner.activation, inner.z, known, size, batch)
        return Scores(score, score, score)


def _of_family(one: Fitted, joint: str) -> Finding | None:
    """The finding of a fitted family whose residuals pass."""
    finding = named(one.steps, one.hypothesis)
    if finding is None:
        return None
    shown, unknown = one.shown, one.family.unknown
    name = one.family.name if not joint else "|".join(f"{n}+{finding.name}" for n in one.family.name.split("|"))
    text = f"{meaning(one.family.name)}: {unknown} {one.value:.6g} ({shown['low']:.6g} to {shown['high']:.6g})"
    return Finding(name, True, finding.worst, f"{text}; {finding.text}", shown)


def _deviations(evidence: Evidence, stated: Any) -> Iterator[tuple[str, Steps, tuple[int, int]]]:
    """Named deviations of the equation, and inputs one step late or early; what is the same record is joined by |."""
    kept: list[tuple[list[str], Steps]] = []
    for name, records in deviating_records(stated, evidence.rec).items():
        for rec in records:
            same_map = next((names for names, steps in kept if steps.rec.same_map(rec)), None)
            if same_map is None:
                kept.append(([name], laid_out(replace(evidence, rec=rec))))
            elif name not in same_map:
                same_map.append(name)
    yield from (("|".join(names), steps, (0, 0)) for names, steps in kept)
    if evidence.rec.I and evidence.run.steps > 1:
        yield "input-late", laid_out(_shifted(evidence, slice(1, None), slice(None, -1))), (1, 0)
        yield "input-early", laid_out(_shifted(evidence, slice(None, -1), slice(1, None))), (0, 1)


def _shifted(evidence: Evidence, states: slice, inputs: slice) -> Evidence:
    """The evidence of all steps but one, with the inputs of other steps."""
    H, run = evidence.recording.H, evidence.run
    part: Array = H[states]
    recording = replace(evidence.recording, H=part, has_initial=False)
    return replace(evidence, recording=recording, run=Samples(run.X[inputs], part[0], run.batched))
