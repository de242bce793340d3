"""Which format the residuals of a run look like, and whether they are those of the promise. Observed."""

from __future__ import annotations

import numpy as np

from oracle.check.casts import Coarse, Sample
from oracle.check.coarse import coarse, coarse_in_places, held, largest_roundoff, narrow
from oracle.check.evidence import Evidence
from oracle.equations.implicit import explicit
from oracle.records.exact import Array
from oracle.records.precision import PRECISIONS, rank
from oracle.tolerance.residuals import Residuals
from oracle.tolerance.statistic import Statistic, scatter, statistic

SUSPECT = 16.0
"""Roundoff seen over the promised one from which a passing run is looked at closely. A biased activation reaches 8 (4
ulp), a coefficient that is formed in three roundings less; sums of more than a hundred terms may exceed it."""
WIDE = 2.0**-23  # float64 and float32, their sums truncated or not


def statistic_seen(evidence: Evidence, found: Residuals, before: Array, X: Array) -> Statistic:
    """The precision statistic of the steps whose residuals are numbers."""
    usable = np.isfinite(found.upper).all(axis=0)
    scale = scatter(evidence.rec, before[:, usable], X[:, usable], evidence.after[:, usable])
    return statistic(found.upper[evidence.shown, usable], scale[evidence.shown], evidence.model)


def precision_seen(evidence: Evidence, seen: Statistic) -> str | None:
    """The name of the precision seen; formats with the same significand are told apart by what is known of the run."""
    alike = [name for name in (evidence.model.name, evidence.recording.dtype) if name in PRECISIONS]
    place = None if seen.precision is None else rank(seen.precision)
    return next((name for name in alike if rank(name) == place), seen.precision)


def narrower(evidence: Evidence) -> bool:
    """Whether the states are of a narrower type than promised, and than they are said to have been written down in."""
    model = PRECISIONS.get(evidence.recording.dtype)
    return model is not None and model.storage > max(evidence.model.storage, evidence.recorded.share(evidence.after))


def too_coarse(evidence: Evidence, seen: Statistic) -> bool:
    """Whether the states, or the residuals by their size, are those of a lower precision than promised."""
    if narrower(evidence):
        return True
    if evidence.recorded.rounded:
        return False
    return not seen.roundoff <= largest_roundoff(evidence.model)


def plainly_fine(evidence: Evidence, seen: Statistic) -> bool:
    """Whether nothing suggests a closer look: short of proof, and the rule for nearly all honest runs."""
    model = evidence.model
    if too_coarse(evidence, seen) or narrow(model) or suspect(evidence, seen):
        return False
    coarser = (PRECISIONS[name].storage for name in ("float32", "float16", "bfloat16"))
    finest = min((u for u in coarser if u > model.storage), default=None)  # holds what the others hold
    return finest is None or not held(evidence.after, finest)


def suspect(evidence: Evidence, seen: Statistic) -> bool:
    """Whether residuals of a wide format are larger than rounding in short sums, so that they may be no rounding."""
    model = evidence.model
    if model.roundoff > WIDE or evidence.recorded.rounded or not np.isfinite(seen.roundoff):
        return False
    return seen.roundoff > SUSPECT * model.roundoff


def coarseness(evidence: Evidence, seen: Statistic, found: Residuals) -> Coarse | None:
    """What gives a coarser format than promised away in a run inside its bound, if anything does (observed)."""
    rec, before, X = explicit(evidence.rec, evidence.before, evidence.after, evidence.run.columns())
    sample = Sample(rec, before, evidence.after, X, found.signed)
    written = evidence.recorded.share(evidence.after)
    whole = coarse(sample, seen.roundoff, evidence.model, written)
    return whole or coarse_in_places(sample, evidence.model, written)
