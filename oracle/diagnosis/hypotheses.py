"""Hypotheses: a record and a reading of the recorded run, under which every residual has to be inside its bound.

A deviation of the equation changes the record. A deviation of the bookkeeping (inputs one step late, the state not
carried) changes which states and samples belong to a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.check.judge import Evidence
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence
from oracle.tolerance.residuals import residuals

PROBED_COLUMNS = 64  # single steps looked at in float64 before balls are asked


class Steps(NamedTuple):
    """Single steps as columns: states before and after (N, columns), inputs (I, columns)."""

    before: Array
    after: Array
    X: Array


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One reading of what the candidate computes; `names` are all its names."""

    names: tuple[str, ...]
    rec: Recurrence
    steps: Steps
    model: Precision


def columns(H0: Array, H1: Array, X: Array) -> Steps:
    """(K, batch, units) arrays as columns."""
    return Steps(*(_flat(part) for part in (H0, H1, X)))


def _flat(part: Array) -> Array:
    return np.ascontiguousarray(part.reshape(part.shape[0] * part.shape[1], part.shape[2]).T)


def rereadings(evidence: Evidence) -> Iterator[tuple[str, Steps]]:
    """Deviations of the bookkeeping, by name."""
    H, X, h0 = evidence.recording.H, evidence.run.X, evidence.run.h0
    before, after = H[:-1], H[1:]
    K = len(X)
    if X.any():
        yield "input-missing", columns(before, after, np.zeros_like(X))
        for edge in _distinct(np.zeros_like(X[:1]), X[:1], X[-1:]):
            yield "input-late", columns(before, after, np.concatenate([edge, X[:-1]]))
            yield "input-early", columns(before, after, np.concatenate([X[1:], edge]))
    if h0.any() and K:
        # Whatever the first row says: h0 may be written down and then not used.
        ignored = np.concatenate([np.zeros_like(before[:1]), before[1:]])
        yield "initial-state-ignored", columns(ignored, after, X)
    if K > 1:
        yield "state-not-carried", columns(np.broadcast_to(h0, before.shape), after, X)
        if np.array_equal(H[1], h0):
            yield "records-before-stepping", columns(H[1:-1], H[2:], X[:-1])


def _distinct(*edges: Array) -> list[Array]:
    kept: list[Array] = []
    for edge in edges:
        if not any(np.array_equal(edge, other) for other in kept):
            kept.append(edge)
    return kept


def plausible(hypothesis: Hypothesis, evidence: Evidence) -> bool:
    """A rigorous sieve in float64: an explanation cannot have a float64 residual beyond twice its bound.

    The float64 evaluation is itself an honest program, so it is within one bound of the exact step, and the exact
    residual has to be within another.
    """
    steps = hypothesis.steps
    which = np.unique(np.linspace(0, steps.before.shape[1] - 1, PROBED_COLUMNS).astype(int))
    before, after, X = (part[:, which] for part in steps)
    bound = evidence.bound(hypothesis.rec, before, after, X, hypothesis.model)
    ops = Float64()
    with np.errstate(all="ignore"):
        residual = np.abs(after - advance(ops, hypothesis.rec, ops.lift(before), ops.lift(X)))
    return bool(np.all((residual <= 2 * bound * (1 + 2.0**-40)) | ~np.isfinite(residual)))


def worst_under(hypothesis: Hypothesis, evidence: Evidence) -> float:
    """Largest certified residual / bound under the hypothesis."""
    before, after, X = hypothesis.steps
    bound = evidence.bound(hypothesis.rec, before, after, X, hypothesis.model)
    upper = residuals(hypothesis.rec, before, after, X, bound).upper
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(upper == 0, 0.0, upper / bound)
    return float(np.where(np.isnan(ratio), np.inf, ratio).max(initial=0.0))


def merged(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    """Hypotheses that are one and the same record under several names, joined."""
    kept: list[Hypothesis] = []
    for new in hypotheses:
        for i, old in enumerate(kept):
            if old.steps is new.steps and old.rec.same_map(new.rec):
                names = old.names if set(new.names) <= set(old.names) else old.names + new.names
                kept[i] = replace(old, names=names)
                break
        else:
            kept.append(new)
    return kept
