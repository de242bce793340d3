"""The noise of a stochastic candidate: its residuals, tested against the promise and against every named scale.

    xi = residual / (g sigma)      has to be independent standard normal: units, steps and trajectories

The site, the scale and the independence are tested together, with a total false-alarm rate that holds for any number
of steps (`oracle.check.gaussian`). Observed, not proved; with the draws given a run is exact (`oracle.check.draws`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf, nan

import numpy as np

from oracle.arithmetic.slopes import steepest
from oracle.arithmetic.suprema import slope_range
from oracle.check.evidence import Evidence
from oracle.check.format_seen import narrower
from oracle.check.gaussian import RATE, chi_square_limits, normal_limit
from oracle.check.judge import describe, start_of
from oracle.check.noise_kinds import Hypothesis, hypotheses, promise, same_noise
from oracle.check.noise_named import described, explained, named, tested
from oracle.check.noise_seen import NoiseSeen, spreads
from oracle.check.result import CheckResult, Finding, Unseen
from oracle.check.sites import RESOLVED, Inside, Steps, slope
from oracle.check.unseen import unseen
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.noise import Noise

KNOWN = 1.0
"""A pass needs as many draws as tell the variance within a factor of 2; that many are some 120."""
MISSED = 20
"""Draws that have to show before their absence does. One that would be 16 roundings large is hidden by two of them with
a probability of 0.1, at a kink of at most 1/2: 2^-20 is below the stated rate."""


def noise_verdict(evidence: Evidence, noise: Noise) -> CheckResult:
    """The result of a candidate whose residuals are its noise.

    Raises
    ------
    oracle.BadInput
        The promised scale asks for a leak that the recurrence has not.
    """
    rec, run = evidence.rec, evidence.run
    promised = promise(rec, noise)
    if not run.steps * run.batch * rec.N:
        return _result(evidence, noise, "undecided", 0.0, None)
    steps = laid_out(evidence)
    if not (np.isfinite(steps.before).all() and np.isfinite(steps.after).all()):
        finding = Finding("unexplained", False, inf, "states are not finite")
        return _result(evidence, noise, "fail", inf, None, (finding,))
    start = start_of(evidence)
    if start is not None:
        finding = Finding("unexplained", False, inf, "the run does not start at h0")
        return replace(_result(evidence, noise, "fail", inf, None, (finding,)), first=start)
    if promised.site == "inside" and steps.inside is None:
        text = "noise inside the nonlinearity cannot be recovered: B is not square, or has no inverse"
        return _result(evidence, noise, "undecided", 0.0, None, (Finding("unexplained", False, 0.0, text),))
    left, rounding = np.abs(steps.residuals), 2 * steps.bound  # the candidate's, and that of the oracle's float64
    if resolved(steps, promised):
        if np.all(left <= rounding):
            if _visible(steps, promised) < MISSED:
                text = f"every residual is rounding, and fewer than {MISSED} draws of the promised noise would show"
                return _result(evidence, noise, "undecided", 0.0, None, (Finding("unexplained", False, 0.0, text),))
            finding = Finding("noise:none", True, 1.0, f"every residual is rounding; {noise!r} was promised")
            return _result(evidence, noise, "fail", inf, None, (finding,))
    elif np.all(left <= rounding + normal_limit(RATE, left.size) * _reached(steps, promised)):
        text = f"the promised noise is not {RESOLVED} times larger than the rounding of the promised precision"
        return _result(evidence, noise, "undecided", 0.0, None, (Finding("unexplained", False, 0.0, text),))
    return _tested(evidence, noise, steps, promised)


def laid_out(evidence: Evidence) -> Steps:
    """The recorded steps in float64."""
    rec, before, after, X = evidence.rec, evidence.before, evidence.after, evidence.run.columns()
    return Steps(rec, before, after, X, lambda: evidence.bound(rec, before, after, X), evidence.run.batch)


def resolved(steps: Steps, hypothesis: Hypothesis) -> bool:
    """Whether the noise is much larger than what rounding may leave; inside, where the slope is largest."""
    return bool(np.all(_reached(steps, hypothesis) >= RESOLVED * steps.bound))


def _reached(steps: Steps, hypothesis: Hypothesis) -> Array:
    """The standard deviation of the noise in the new state, at most: |B| sup s' is what an inside draw is scaled by."""
    size = hypothesis.size[:, None]
    inner = steps.inside if hypothesis.site == "inside" else None
    return size if inner is None else size * np.abs(inner.gain) * _steepest(inner, size)


def _visible(steps: Steps, hypothesis: Hypothesis) -> int:
    """Elements whose noise would show: `RESOLVED` times the rounding, inside with the slope at their own argument."""
    inner = steps.inside if hypothesis.site == "inside" else None
    size = np.broadcast_to(hypothesis.size[:, None], steps.bound.shape)
    if inner is not None:
        mixed = isinstance(steps.rec.parameters, Lure) and not steps.rec.parameters.B.is_diagonal
        slopes = np.abs(slope(inner.activation, inner.z))
        size = size * inner.gain * (slopes.min(axis=0) if mixed else slopes)
    return int(np.count_nonzero(size >= RESOLVED * steps.bound))


def _steepest(inner: Inside, size: Array) -> float:
    """sup s'; where it is unbounded, over the arguments that were seen, with noise that is not exceeded in practice."""
    low, high = slope_range(inner.activation)
    if low is not None and high is not None:
        return float(max(abs(low), abs(high)))
    reached = normal_limit(RATE, inner.z.size) * size
    return float(np.max(steepest(inner.activation, inner.z - reached, inner.z + reached), initial=0.0))


def _tested(evidence: Evidence, noise: Noise, steps: Steps, promised: Hypothesis) -> CheckResult:
    past = steps.past
    found, tests = tested(steps, promised, past)
    worst = max(test.ratio for test in tests)
    seen = None if found is None else spreads(repr(noise), found, tests)
    if found is not None and worst <= 1 and not narrower(evidence):
        few = chi_square_limits(max(found.seen, 1), RATE)[1] > 1 + KNOWN
        finding = Finding("|".join(promised.names), True, worst, "the residuals are draws of the promised noise")
        hidden = tuple(_not_separated(steps, noise, promised))
        return _result(evidence, noise, "undecided" if few else "pass", worst, seen, (finding,), hidden)
    findings = [*_by_dtype(evidence), *(explained(steps, noise, promised, past) if worst > 1 else ())]
    if worst > 1 and not any(finding.explains for finding in findings):
        findings += described(steps, promised, past)
    return _result(evidence, noise, "fail", worst, seen, tuple(findings))


def _by_dtype(evidence: Evidence) -> list[Finding]:
    if not narrower(evidence):
        return []
    text = f"the states are {evidence.recording.dtype}; {evidence.model.name} was promised"
    return [Finding(f"precision:{evidence.recording.dtype}", True, inf, text)]


def _not_separated(steps: Steps, noise: Noise, promised: Hypothesis) -> Iterator[Unseen]:
    """Other named noise that this run cannot tell from the promised one."""
    for hypothesis in hypotheses(steps.rec, noise):
        if same_noise(hypothesis, promised):
            continue
        if named(steps, hypothesis) is not None:
            yield Unseen(
                f"{'|'.join(hypothesis.names)} instead of {promised.names[0]} (both pass)",
                "use more steps, larger states, or another alpha",
            )


def _result(
    evidence: Evidence,
    noise: Noise,
    verdict: str,
    worst: float,
    seen: NoiseSeen | None,
    findings: tuple[Finding, ...] = (),
    hidden: tuple[Unseen, ...] = (),
) -> CheckResult:
    rec, run = evidence.rec, evidence.run
    return CheckResult(
        verdict=verdict,
        worst=worst,
        first=None,
        promised=evidence.model.name,
        computed_in=evidence.recording.dtype if verdict == "pass" else None,
        record=rec,
        steps=run.steps,
        batch=run.batch,
        diagnosis=findings,
        assumptions=(
            f"the noise is {noise!r}",
            f"rounding is at most 1/{RESOLVED} of the noise",
            f"honest noise fails with probability {RATE:g} at most (proved for independent standard normal draws)",
        ),
        unseen=(*hidden, *unseen(rec, run)),
        equation=describe(rec),
        label="observed",
        noise=seen or NoiseSeen(repr(noise), nan, nan, nan, np.zeros((0, 3)), (), RATE, 0),
    )
