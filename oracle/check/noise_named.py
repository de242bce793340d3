"""Naming noise that was not promised: another scale or site, one draw in several places, another sigma.

An explanation passes every test. What none explains is described by the tests that fail once its size is fitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np

from oracle.check.gaussian import LAGS, Past, Tested, battery, plausible
from oracle.check.leftover import log_evidence, structured
from oracle.check.noise_kinds import Hypothesis, hypotheses, same_noise
from oracle.check.noise_seen import spreads
from oracle.check.result import Finding
from oracle.check.sites import Draws, Steps, draws
from oracle.records.exact import Array
from oracle.records.noise import SITES, Noise

ALIKE = 1e-3
"""Share of the variance that may differ between draws that are called the same one; rounding leaves less in all but a
few of them."""

WORDS = {
    "mean": ("noise:biased", "the mean of the noise is not zero"),
    "spread": ("noise:wrong-sigma", "the standard deviation is none of the named ones"),
    "lags": ("noise:coloured", "the noise of a step depends on that of earlier ones"),
    "units": ("noise:correlated", "the noise of the units is not independent"),
    "trajectories": ("noise:correlated-trajectories", "the noise of the trajectories is not independent"),
    "shape": ("noise:not-gaussian", "the noise has another distribution"),
    "outliers": ("noise:outliers", "single steps are far outside the noise"),
    "drift": ("noise:drift", "what is left depends on state or input: the equation is another one"),
    "state": ("noise:state-dependent", "the size of the noise depends on the state"),
}
SHARED = (
    ("noise:shared", 0, "all units get the same draw"),
    ("noise:repeated", 1, "all steps get the same draw"),
    ("noise:shared-trajectories", 2, "all trajectories get the same draw"),
)


def tested(steps: Steps, hypothesis: Hypothesis, past: Past) -> tuple[Draws | None, tuple[Tested, ...]]:
    """The draws under a hypothesis, and the battery."""
    found = draws(steps, hypothesis.site, hypothesis.size)
    if found is None:
        return None, (Tested("site", inf, f"no draw {hypothesis.site} leads to what was recorded"),)
    return found, battery(found.xi, past)


def explained(steps: Steps, noise: Noise, promised: Hypothesis, past: Past) -> Iterator[Finding]:
    """Named noise that passes every test; else the same draw in several places; else the promise with another sigma."""
    known = [h for h in hypotheses(steps.rec, noise) if not same_noise(h, promised)]
    found = [f for h in known if (f := named(steps, h)) is not None and not _structured(steps, h)]
    found = found or list(_same_draws(steps, [promised, *known], past))
    found = found or list(_fitted(steps, promised, past))
    yield from sorted(found, key=lambda finding: finding.worst)


def named(steps: Steps, hypothesis: Hypothesis) -> Finding | None:
    """The finding of noise that passes every test; None for any other."""
    if hypothesis.site == "outside" and not plausible(steps.laid_out(steps.residuals / hypothesis.size[:, None])):
        return None
    found = draws(steps, hypothesis.site, hypothesis.size)
    if found is None or not plausible(found.xi):
        return None
    tests = battery(found.xi, steps.past)
    worst = max(test.ratio for test in tests)
    if worst > 1:
        return None
    seen = spreads(hypothesis.names[0], found, tests)
    text = f"{hypothesis.site} the nonlinearity, standard deviation {seen.spread} times that of this scale"
    return Finding("|".join(hypothesis.names), True, worst, text)


def _structured(steps: Steps, hypothesis: Hypothesis) -> bool:
    found = draws(steps, hypothesis.site, hypothesis.size)
    return found is not None and structured(log_evidence(found.xi, steps))


def _same_draws(steps: Steps, known: list[Hypothesis], past: Past) -> Iterator[Finding]:
    """One draw for all units, steps or trajectories: one of them is tested on its own, under every named scale."""
    for hypothesis in known:
        first, found = hypothesis is known[0], False
        for word, worst, text in _shared(steps, hypothesis, past):
            found = True
            yield Finding(word if first else f"{'|'.join(hypothesis.names)}+{word}", True, worst, text)
        if first and found:
            return


def _shared(steps: Steps, hypothesis: Hypothesis, past: Past) -> Iterator[tuple[str, float, str]]:
    found = draws(steps, hypothesis.site, hypothesis.size)
    if found is None:
        return
    xi = found.xi
    for word, axis, text in SHARED:
        if xi.shape[axis] > 1 and _alike(xi, axis):
            worst = max(test.ratio for test in battery(xi.take([0], axis=axis), _taken(past, axis)))
            if worst <= 1:
                yield word, worst, text


def _alike(xi: Array, axis: int) -> bool:
    apart = np.mean(np.square(xi - xi.take([0], axis=axis)))
    return bool(apart <= ALIKE * np.mean(np.square(xi)))


def _taken(past: Past, axis: int) -> Past:
    """What is known of the draws that are kept: all regressors, and what belongs to the kept unit."""
    regressors = past.regressors if axis == 0 else past.regressors.take([0], axis=axis)
    return Past(regressors, past.own.take([0], axis=axis + 1), past.weights.take([0], axis=axis + 1))


def _fitted(steps: Steps, promised: Hypothesis, past: Past) -> Iterator[Finding]:
    """The promise at either site with one factor on sigma: all but the spread is tested, after division by it."""
    for site in (promised.site, *(other for other in SITES if other != promised.site)):
        hypothesis, factor = promised._replace(site=site), 1.0
        for _ in range(2 if site == "inside" else 1):  # what is cut off depends on the size
            found = draws(steps, site, factor * promised.size)
            if found is None:
                break
            factor *= float(np.sqrt(np.mean(np.square(found.xi))))
        else:
            found, tests = tested(steps, hypothesis._replace(size=factor * promised.size), past)
            worst = max(test.ratio for test in tests)
            if found is not None and worst <= 1 and not structured(log_evidence(found.xi, steps)):
                where = "" if site == promised.site else f"-{site}"
                text = f"the same noise {site} the nonlinearity with {factor:.4g} times the promised sigma"
                yield Finding(f"noise:wrong-sigma{where}", True, worst, text, {"factor": factor})
                return


def described(steps: Steps, promised: Hypothesis, past: Past) -> list[Finding]:
    """What is wrong with the noise, where no named noise explains it: tests that fail once the spread is fitted.

    Drift comes first, another equation, unless it is gone with the mean of the noise or with its memory: states are
    made of earlier draws, so that those of coloured noise and of noise with a mean depend on the state as well.
    """
    found = draws(steps, promised.site, promised.size)
    if found is None:
        return [Finding("unexplained", False, inf, f"no draw {promised.site} leads to what was recorded")]
    xi = _standardised(found.xi)
    tests = {t.name: t for t in battery(xi, past) if t.ratio > 1}
    cleaned = {"mean": xi - xi.mean(axis=(1, 2), keepdims=True), "lags": _whitened(xi)}
    cause = next((name for name in cleaned if name in tests and not _drifts(cleaned[name], past)), "drift")
    failed = sorted(tests.values(), key=lambda t: (t.name != cause, -t.ratio))
    return [Finding(WORDS[t.name][0], False, t.ratio, f"{WORDS[t.name][1]} ({t.where})") for t in failed]


def _standardised(xi: Array) -> Array:
    """Every unit divided by its root mean square."""
    own = np.sqrt(np.square(xi).mean(axis=(1, 2), keepdims=True))
    return np.asarray(xi / np.where(own > 0, own, 1.0))


def _whitened(xi: Array) -> Array:
    """What a linear prediction from the draws of earlier steps leaves, and zero for the first steps."""
    count = max(LAGS)
    if xi.shape[1] <= count:
        return xi
    now = xi[:, count:]
    earlier = np.stack([xi[:, count - lag : xi.shape[1] - lag] for lag in LAGS], axis=-1).reshape(now.size, len(LAGS))
    weights, *_ = np.linalg.lstsq(earlier, now.ravel(), rcond=None)
    left = np.zeros_like(xi)
    left[:, count:] = now - (earlier @ weights).reshape(now.shape)
    return left


def _drifts(xi: Array, past: Past) -> bool:
    """Whether draws depend on the state or the input."""
    return any(t.name == "drift" and t.ratio > 1 for t in battery(_standardised(xi), past))
