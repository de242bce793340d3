"""Findings for runs that show the outputs of a long short-term memory alone.

Memories belong to an equation, so every named deviation has its own: they are reconstructed again, and the run is
judged again. The first steps decide nearly always.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.check.evidence import Evidence
from oracle.check.judge import judge
from oracle.check.memory import OutputEvidence, reconstructed
from oracle.check.result import CheckResult, Finding
from oracle.diagnosis.deviating import deviating
from oracle.diagnosis.gated import gated_statement
from oracle.diagnosis.meanings import meaning
from oracle.diagnosis.readings import shifted
from oracle.equations.catalogue import advance
from oracle.records.layout import Samples
from oracle.records.precision import PRECISIONS, rank, representable

FIRST = 2  # steps that are looked at before all of them are


def outputs_diagnosed(evidence: OutputEvidence, result: CheckResult) -> CheckResult:
    """The result with the deviations under which every output is inside its bound."""
    if result.verdict == "pass":
        return replace(result, diagnosis=(Finding("lstm", True, result.worst, meaning("lstm")),))
    if result.verdict == "undecided":
        return result
    found = [(name, worst) for name, other in _alternatives(evidence) if (worst := _worst(other)) is not None]
    if not found and (narrow := _narrow(evidence)) is not None:
        return replace(result, diagnosis=(narrow,), computed_in=narrow.name.removeprefix("precision:"))
    if not found:
        text = "no named deviation brings every output inside its bound"
        return replace(result, diagnosis=(Finding("unexplained", False, result.worst, text),))
    names = "|".join(dict.fromkeys(name for name, _ in found))
    return replace(result, diagnosis=(Finding(names, True, max(worst for _, worst in found), meaning(names)),))


def _narrow(evidence: OutputEvidence) -> Finding | None:
    """The least coarse format inside whose bound every output is, and of which every output is a number.

    Inside alone says little: other weights are inside the bound of a format that is coarse enough.
    """
    outputs = _outputs(evidence)
    for model in sorted(PRECISIONS.values(), key=rank):
        if rank(model) > rank(evidence.model) and representable(outputs.recording.H[1:], model.storage):
            worst = _worst(replace(outputs, model=model))
            if worst is not None:
                text = f"every output is a number of {model.name} and inside its bound (observed)"
                return Finding(f"precision:{model.name}", True, worst, text)
    return None


def _outputs(evidence: OutputEvidence) -> Evidence:
    """The outputs alone, as they were recorded."""
    recording = replace(evidence.recording, H=evidence.recording.H[..., : evidence.rec.N // 2])
    return Evidence(evidence.rec, evidence.run, recording, evidence.model, evidence.recorded)


def _alternatives(evidence: OutputEvidence) -> Iterator[tuple[str, Evidence]]:
    """The outputs, under other equations and with other samples."""
    plain, stated = _outputs(evidence), gated_statement(evidence.rec)
    for name, other in deviating(stated) if stated is not None else ():
        yield name, replace(plain, rec=other.record())
    for name, X in shifted(evidence.run.X):
        yield name, replace(plain, run=Samples(X, evidence.run.h0, evidence.run.batched))


def _worst(evidence: Evidence) -> float | None:
    """The largest residual / bound of a run that is inside; None for one that is not."""
    if not _plausible(reconstructed(_first(evidence))):
        return None
    result: Any = judge(reconstructed(evidence))[0]
    return float(result.worst) if result.verdict == "pass" else None


def _plausible(evidence: OutputEvidence) -> bool:
    """A rigorous sieve: the float64 step is an honest program itself, so residuals inside are below twice the bound."""
    ops = Float64()
    with np.errstate(all="ignore"):
        step = advance(ops, evidence.rec, ops.lift(evidence.before), ops.lift(evidence.run.columns()))
        residual = np.abs(evidence.after - step)
        return bool(np.all((residual <= 2 * evidence.known * (1 + 2.0**-40)) | ~np.isfinite(residual)))


def _first(evidence: Evidence) -> Evidence:
    """The first steps alone."""
    run = evidence.run
    recording = replace(evidence.recording, H=evidence.recording.H[: FIRST + 1])
    return replace(evidence, run=Samples(run.X[:FIRST], run.h0, run.batched), recording=recording)
