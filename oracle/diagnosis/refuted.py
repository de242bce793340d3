"""Which explanations of a noisy run its data refute: likelihood ratios whose error rate is proved.

    l(E)        log density of the recorded states under an explanation E, step by step
    E is refuted by a fixed E'     if  l(E') - l(E) >= log(2 m / rate)
    E is refuted by a fitted E'    if the same holds on the second half of the steps, E' fitted on the first half

for any one of m explanations. If E is the truth this has a probability of at most `rate` (J. Ville 1939; L. Wasserman,
A. Ramdas and S. Balakrishnan, Universal inference, PNAS 117 (2020)): densities of E' divided by those of E are a
martingale of mean 1. Where E has an unknown, l(E) is its largest value over the unknown, so that the truth is no less
protected. Noise inside the nonlinearity is compared where both explanations see the same u; what lies beyond the points
where the draws can be told counts with its probability. What cannot be compared is not refuted.

An equation that is not in the table is an E' too: what is left of structure in the draws under E refutes it as well
(`oracle.check.leftover`), with the other half of the rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.inverses import inverse
from oracle.check.gaussian import cdf
from oracle.check.leftover import NAMELESS, log_evidence, structured
from oracle.check.noise_kinds import Hypothesis
from oracle.check.result import Finding
from oracle.check.sites import Steps, draws, reach, slope
from oracle.records.exact import Array

_TINY = 1e-300  # a probability is not rounded to 0


class Scores(NamedTuple):
    """log densities (K,) of an explanation, NaN at steps it says nothing about.

    Attributes
    ----------
    whole : ndarray
        At the best values of its unknowns.
    later : ndarray
        At the best values for the second half of the steps.
    ahead : ndarray
        At values known before: fixed ones, or those fitted on the first half, and then NaN there.
    """

    whole: Array
    later: Array
    ahead: Array


@dataclass(frozen=True, eq=False)
class Explanation:
    """An explanation that passes every test; `scores` is None where its density cannot be compared."""

    finding: Finding
    scores: Scores | None
    evidence: float = 0.0  # log E for structure that is left in its draws


def unrefuted(found: list[Explanation]) -> list[Explanation]:
    """Those that no other one refutes, named or not."""
    count = len(found)
    kept = [one for one in found if not structured(one.evidence)]
    return [one for one in kept if not any(refutes(other, one, count) for other in found if other is not one)]


def refutes(other: Explanation, one: Explanation, count: int) -> bool:
    """Whether the data are that much more probable under another explanation."""
    if other.scores is None or one.scores is None:
        return False
    ahead = other.scores.ahead
    fitted = bool(np.isnan(ahead[: len(ahead) // 2]).all()) and len(ahead) > 1
    gain = ahead - (one.scores.later if fitted else one.scores.whole)
    compared = ~np.isnan(gain)
    return bool(compared.any()) and float(gain[compared].sum()) >= log(2 * count / NAMELESS)


def outside(residuals: Array, size: Array, batch: int) -> Array:
    """Per step, log density of states whose noise outside has a standard deviation `size` (N,), up to a constant."""
    with np.errstate(all="ignore"):
        each = -0.5 * np.square(residuals / size[:, None]) - np.log(size)[:, None]
    return np.asarray(each.sum(axis=0).reshape(-1, batch).sum(axis=1))


class Seen(NamedTuple):
    """u = s(z + noise) of all elements, and the points beyond which the draws are not told, (N, 1) each."""

    u: Array
    low: Array
    high: Array


def seen(steps: Steps, size: Array) -> Seen | None:
    """What is seen of the inside."""
    inner = steps.inside
    return None if inner is None else Seen(inner.u, *reach(inner, size[:, None]))


def common(parts: list[Seen], u: Array) -> Seen:
    """The elements that every explanation of the same u sees."""
    alike = [part for part in parts if same(part.u, u)]
    return Seen(u, np.max([part.low for part in alike], axis=0), np.min([part.high for part in alike], axis=0))


def same(u: Array, v: Array) -> bool:
    """Whether two explanations recover the same inside, up to rounding that moves no draw."""
    return u.shape == v.shape and bool(np.all(np.abs(u - v) <= 2.0**-40 * np.maximum(np.abs(u), 1.0)))


def inside(activation: str, z: Array, known: Seen, size: Array, batch: int) -> Array:
    """Per step, log density of u for noise of standard deviation `size` (N,) inside."""
    width = size[:, None]
    with np.errstate(all="ignore"):
        v = inverse(activation, known.u)
        each = -0.5 * np.square((v - z) / width) - np.log(width) - np.log(slope(activation, v))
        for beyond, edge, sign in ((known.u <= known.low, known.low, 1.0), (known.u >= known.high, known.high, -1.0)):
            if beyond.any():
                point = sign * ((inverse(activation, edge) - z) / width)[beyond]
                each[beyond] = np.log(np.maximum(cdf(point), _TINY))
    each = np.where(np.isnan(each), -np.inf, each)
    return np.asarray(each.sum(axis=0).reshape(-1, batch).sum(axis=1))


def left(steps: Steps, hypothesis: Hypothesis) -> float:
    """Evidence for structure in the draws, where there should be none."""
    found = draws(steps, hypothesis.site, hypothesis.size)
    return 0.0 if found is None else log_evidence(found.xi, steps)


def together(found: list[Explanation]) -> list[Finding]:
    """One finding of all that is not refuted, best first, joined by |; nothing of nothing.

    What is less probable than an equation without a name is not claimed either.
    """
    kept = sorted((one for one in unrefuted(found) if one.finding.explains), key=lambda one: one.finding.worst)
    rivals = [one for one in found if not one.finding.explains]
    findings = [one.finding for one in kept if not any(_likelier(rival, one) for rival in rivals)]
    return [joined(findings)] if findings else []


def _likelier(rival: Explanation, one: Explanation) -> bool:
    """Whether an equation without a name is more probable, where both say something about the same steps."""
    if rival.scores is None or one.scores is None:
        return False
    gain = rival.scores.whole - one.scores.whole
    return bool(np.nansum(gain) > 0)


def joined(findings: list[Finding]) -> Finding:
    """Alternatives as one finding; the probe that separates them is said."""
    first = findings[0]
    if len(findings) == 1:
        return first
    names = dict.fromkeys(name for finding in findings for name in finding.name.split("|"))
    parameters: dict[str, Any] = {}
    for finding in findings:
        parameters |= {f"{finding.name}: {key}": value for key, value in finding.parameters.items()}
    text = "; or ".join(finding.text for finding in findings)
    probe = "these data do not separate them: more steps, larger states and inputs, or less noise would"
    return Finding("|".join(names), True, first.worst, f"{text} ({probe})", parameters)
