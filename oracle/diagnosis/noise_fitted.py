"""Deviations with one unknown number under noise: the most probable value, and how probable the run is with it.

Noise outside: weighted least squares (`oracle.diagnosis.fit`). Noise inside: only unknowns of the argument, which is
linear in them, so that the density of u is maximised over one number, on a grid and then by golden sections; a factor
of the whole argument may multiply the noise in it, too. What is fitted to all steps is what may be refuted; what is
fitted to the first half is judged on the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.check.evidence import Evidence
from oracle.check.noise import laid_out
from oracle.check.noise_kinds import Hypothesis
from oracle.check.sites import Steps
from oracle.diagnosis.families import Family, families
from oracle.diagnosis.fit import exact, fitted
from oracle.diagnosis.refuted import Scores, Seen, inside, outside
from oracle.diagnosis.sliced import Slice
from oracle.records.exact import Array

WHOLE = "scaled-pre-activation"
OF_ARGUMENT = (WHOLE, "scaled-recurrent-weights", "scaled-input-weights", "scaled-bias")
"""Families that multiply a part of the argument, so that u is the same and z linear in the factor."""
GRID = np.concatenate([-(2.0 ** np.arange(3, -7, -0.5)), 2.0 ** np.arange(-6, 3.5, 0.5)])
GOLDEN = (np.sqrt(5) - 1) / 2
SECTIONS = 60  # of an interval: to 1e-12 of it
SURE = 5.26
"""Standard errors that an interval reaches to either side: sqrt(2 log 1e6), as for a false-alarm rate of 1e-6."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A family with its most probable value."""

    family: Family
    value: float
    error: float  # standard error of the value
    steps: Steps
    hypothesis: Hypothesis  # the noise, larger by the factor where it is multiplied as well
    scores: Scores

    @property
    def shown(self) -> dict[str, Any]:
        """The value with its interval."""
        return {
            self.family.unknown: float(self.value),
            "low": float(self.value - SURE * self.error),
            "high": float(self.value + SURE * self.error),
        }


def fits(evidence: Evidence, s: Any, hypothesis: Hypothesis, steps: Steps, known: Seen | None) -> Iterator[Fitted]:
    """Every family with one unknown, fitted under noise of one kind."""
    for family in families(s):
        if np.ndim(family.start):
            continue
        if hypothesis.site == "outside":
            found = [(_outside(family, steps, hypothesis), False)]
        else:
            both = (False, True) if family.name == WHOLE else (False,)
            found = [(_inside(family, steps, hypothesis, known, noisy), noisy) for noisy in both]
        for fit, noisy in found:
            if fit is not None:
                value, error, scores = fit
                made = laid_out(replace(evidence, rec=family.make(exact(np.asarray(value))).record()))
                noise = hypothesis._replace(size=abs(value) * hypothesis.size) if noisy else hypothesis
                yield Fitted(family, value, error, made, noise, scores)


Found = tuple[float, float, Scores] | None


def _halves(count: int, batch: int) -> tuple[slice, slice, slice]:
    """All columns, those of the first half of the steps, and of the second."""
    half = count // batch // 2 * batch
    return slice(None), slice(0, half), slice(half, None)


def _outside(family: Family, steps: Steps, hypothesis: Hypothesis) -> Found:
    size, rows = hypothesis.size, np.arange(len(steps.before))
    whole = Slice(steps.before, steps.after, steps.X, rows)
    values = []
    for which in _halves(steps.before.shape[1], steps.batch):
        part = replace(whole, before=steps.before[:, which], after=steps.after[:, which], X=steps.X[:, which])
        fit = fitted(family, part, np.broadcast_to(size[:, None], part.before.shape)) if part.before.size else None
        if fit is None or not np.isfinite(fit.value):
            return None
        values.append(float(fit.value))

    def residual(value: float) -> Array:
        return whole.residual(family.make(exact(np.asarray(value))))

    def score(value: float) -> Array:
        return outside(residual(value), size, steps.batch)

    nudge = 2.0**-20 * max(abs(values[0]), 2.0**-10)
    slope = (residual(values[0] + nudge) - residual(values[0])) / nudge
    information = float(np.sum(np.square(slope / size[:, None])))
    return values[0], information**-0.5 if information > 0 else np.inf, _scores(values, score)


def _scores(values: list[float], score: Callable[[float], Array]) -> Scores:
    whole, ahead, later = score(values[0]), score(values[1]), score(values[2])
    ahead[: len(ahead) // 2] = np.nan
    return Scores(whole, later, ahead)


def _inside(family: Family, steps: Steps, hypothesis: Hypothesis, known: Seen | None, noisy: bool) -> Found:
    inner = steps.inside
    if inner is None or known is None or family.name not in OF_ARGUMENT:
        return None
    activation, size, batch = inner.activation, hypothesis.size, steps.batch
    one, two = (_argument(family, steps, factor) for factor in (1.0, 2.0))
    if one is None or two is None:
        return None

    def score(value: float) -> Array:
        width = abs(value) * size if noisy else size
        return inside(activation, one + (value - 1) * (two - one), known, width, batch)

    count = steps.before.shape[1] // batch
    halves = (slice(None), slice(0, count // 2), slice(count // 2, None))

    def total(half: slice) -> Callable[[float], float]:
        return lambda value: float(score(value)[half].sum())

    values = [_highest(total(half)) for half in halves]
    information = float(np.sum(np.square((two - one) / size[:, None])))
    return values[0], information**-0.5 if information > 0 else np.inf, _scores(values, score)


def _argument(family: Family, steps: Steps, factor: float) -> Array | None:
    inner = replace(steps, rec=family.make(exact(np.asarray(factor))).record()).inside
    return None if inner is None else inner.z


def _highest(score: Callable[[float], float]) -> float:
    """The argument of the largest value: the best of a grid, then golden sections between its neighbours."""
    best = int(np.argmax([score(float(value)) for value in GRID]))
    low, high = (float(GRID[np.clip(best + i, 0, len(GRID) - 1)]) for i in (-1, 1))
    a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_a, at_b = score(a), score(b)
    for _ in range(SECTIONS):
        if at_a >= at_b:
            high, b, at_b = b, a, at_a
            a = high - GOLDEN * (high - low)
            at_a = score(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + GOLDEN * (high - low)
            at_b = score(b)
    return (low + high) / 2
