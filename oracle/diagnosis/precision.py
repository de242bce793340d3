"""`oracle.check_precision`: a run, exact probes and known arguments, for candidates whose weights can be set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oracle.check.promise import Build, activation_probed, probed
from oracle.check.result import CheckResult, Finding
from oracle.diagnosis.check import check
from oracle.records.precision import precision_model
from oracle.records.recurrence import Recurrence


def check_precision(
    build: Build, rec: Recurrence, *, inputs: Any, h0: Any = None, promised: Any = None, seed: int = 0, **question: Any
) -> CheckResult:
    """Does this program compute in the precision it promises?

    Parameters
    ----------
    build : callable
        build(rec) -> a candidate with the weights of `rec`, as `check` takes it: run(h0, X) -> H, step(h, x) -> h, or a
        module. It is also called with probes: Elman recurrences of the same N and I with relu, and with the activation
        of `rec`.
    rec : Recurrence
        The equation of the run.
    inputs : array_like, (K, I) or (K, batch, I)
    h0 : array_like, optional
    promised : str, dtype or Precision, optional
        "float64", "float32", "tf32", "bfloat16", "float16", "float16-accumulated-float32", "float8-e4m3", ..; the dtype
        of the parameters by default.
    seed : int
        Of the probes.
    **question
        More of `check`.

    Returns
    -------
    CheckResult
        That of `check` on the run, with `.probes` and `.activation`. A probe that is not honest is a failure, proved.

    Raises
    ------
    oracle.BadInput
        The question is unclear, or N is below 4.

    Notes
    -----
    A recorded run cannot tell some formats apart: subnormal numbers that were flushed and never occurred, sums that are
    short. Exact probes ask for every part of the promise: factors, weights, sums, the ends of the range, rounding to
    nearest. Passing them is evidence, and failing one a proof.
    """
    model = precision_model(rec.dtype if promised is None else promised)
    result = check(build(rec), rec, inputs=inputs, h0=h0, promised=model, **question)
    probes = probed(build, model, rec.N, rec.I, seed)
    activation, beyond = activation_probed(build, rec.activation, model, rec.N, rec.I)
    broken = [probe for probe in probes if probe.wrong]
    if any(probe.name == "factors" for probe in broken):
        activation = None  # the argument was another number than the one passed on
    result = replace(result, probes=probes, probed=activation or result.activation)
    if beyond and not broken:
        text = f"{activation}; {model.ulps:g} ulp are assumed"
        result = _failed(result, Finding("inaccurate-activation", False, result.worst, text), "proved")
    if broken:
        named = f"precision:{result.computed_in}" if result.label == "observed" else f"precision:below-{model.name}"
        text = f"{model.name} was promised; exact probes that fail: {', '.join(p.name for p in broken)} (proved)"
        known = [f for f in result.diagnosis if f.name == named]
        result = _failed(result, Finding(named, bool(known), result.worst, text), "proved")
    return result


def _failed(result: CheckResult, finding: Finding, label: str) -> CheckResult:
    """A failure with one more finding, in front; what explained a pass explains nothing."""
    kept = tuple(f for f in result.diagnosis if f.name != finding.name and result.verdict == "fail")
    return replace(result, verdict="fail", label=label, diagnosis=(finding, *kept))
