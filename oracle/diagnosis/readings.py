"""Readings of a recorded run: which states and samples belong to a step, if the bookkeeping is not as documented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from oracle.check.evidence import Evidence
from oracle.records.exact import Array
from oracle.records.layout import Samples

WITH_OTHER_SAMPLES = ("initial-state-ignored", "state-not-carried", "state-late", "output-reversed")
"""Readings of states that are met with other samples."""
FARTHEST = 6  # steps an input may be shifted by; a longer delay is a delay line, not a slip of the index


class Steps(NamedTuple):
    """Single steps as columns: states before and after (N, columns), inputs (I, columns)."""

    before: Array
    after: Array
    X: Array


def own_steps(evidence: Evidence) -> Steps:
    """The recorded steps as they are."""
    return Steps(evidence.before, evidence.after, evidence.run.columns())


def columns(H0: Array, H1: Array, X: Array) -> Steps:
    """(K, batch, units) arrays as columns."""
    return Steps(*(_flat(part) for part in (H0, H1, X)))


def _flat(part: Array) -> Array:
    return np.ascontiguousarray(part.reshape(part.shape[0] * part.shape[1], part.shape[2]).T)


def rereadings(evidence: Evidence) -> Iterator[tuple[str, Steps]]:
    """Deviations of the bookkeeping, by name; names of one and the same reading are joined by |."""
    X = evidence.run.X
    if X.any():
        own = own_steps(evidence)
        yield from ((name, own._replace(X=_flat(other))) for name, other in shifted(X))
    yield from _starts(evidence)


def paired(evidence: Evidence) -> Iterator[tuple[str, Steps]]:
    """Two deviations of the bookkeeping at once: a run that ends early, or other samples, and another start."""
    X = evidence.run.X
    for name, shorter in shortened(evidence):
        for other, steps in rereadings(shorter):
            yield joined(name, other), steps
    if not X.any() or len(evidence.recording.H) != len(X) + 1:
        return
    starts = [(name, steps) for name, steps in _starts(evidence) if name in WITH_OTHER_SAMPLES]
    for name, samples in shifted(X):
        for other, steps in starts:
            both = joined(_without_carry(name) if other == "state-not-carried" else name, other)
            yield both, steps._replace(X=_flat(samples))


def _without_carry(name: str) -> str:
    """Every name of a reading of samples, where no state is carried: steps in reverse are then samples in reverse."""
    return "input-reversed|output-reversed" if name == "input-reversed" else name


def shortened(evidence: Evidence) -> Iterator[tuple[str, Evidence]]:
    """The steps that were taken by a run that is a step shorter than it should be."""
    run = evidence.run
    for name, states in _late(evidence):
        recording = replace(evidence.recording, H=states)
        yield name, replace(evidence, recording=recording, run=Samples(run.X[:-1], run.h0, run.batched))


def joined(first: str, second: str) -> str:
    """Every alternative of one name with every one of the other."""
    return "|".join(f"{a}+{b}" for a in first.split("|") for b in second.split("|"))


def _late(evidence: Evidence) -> Iterator[tuple[str, Array]]:
    """States of runs that are a step shorter than they should be."""
    H, K = evidence.recording.H, len(evidence.run.X)
    if K > 2 and np.array_equal(H[1], evidence.run.h0):
        yield "records-before-stepping|last-step-dropped", H[1:]
    if K > 2 and (np.array_equal(H[-1], H[-2]) or not H[-1].any()):
        yield "last-step-dropped", H[:-1]


def shifted(X: Array) -> Iterator[tuple[str, Array]]:
    """Which sample a step uses."""
    yield "input-missing", np.zeros_like(X)
    for shift in (1, *range(2, min(FARTHEST, len(X) - 1) + 1)):
        names = ("input-late", "input-early") if shift == 1 else ("input-shifted", "input-shifted")
        for edge in _distinct(np.zeros_like(X[:1]), X[:1], X[-1:]):
            held = np.repeat(edge, shift, axis=0)
            yield names[0], np.concatenate([held, X[:-shift]])
            yield names[1], np.concatenate([X[shift:], held])
        if shift > 1:
            yield "input-shifted", np.roll(X, shift, axis=0)
            yield "input-shifted", np.roll(X, -shift, axis=0)
    if len(X) > 1:
        yield "input-frozen", np.repeat(X[:1], len(X), axis=0)
        yield "input-reversed", X[::-1]
    for count in range(2, min(FARTHEST, len(X) - 1) + 1):
        yield "input-held", X[np.arange(len(X)) // count * count]
    yield from (("batch-mixed", other) for other in _mixed(X))


def _orders(batch: int) -> list[Array]:
    """Which trajectory's state another one takes: the next, the one before, the last first, or all the first."""
    own = np.arange(batch)
    return [np.roll(own, 1), np.roll(own, -1), own[::-1], 0 * own] if batch > 1 else []


def _mixed(X: Array) -> list[Array]:
    """Inputs of other trajectories: shifted, reversed, all the first, or time and batch confused in a reshape."""
    K, batch, I = X.shape
    if batch < 2:
        return []
    alike = np.repeat(X[:, :1], batch, axis=1)
    confused = [X.reshape(batch, K, I).swapaxes(0, 1), X.swapaxes(0, 1).reshape(K, batch, I)]
    return [np.roll(X, 1, axis=1), np.roll(X, -1, axis=1), X[:, ::-1], alike, *confused]


def _starts(evidence: Evidence) -> Iterator[tuple[str, Steps]]:
    """What the run starts from, what a step starts from, and when the state is written down."""
    recording, h0, X = evidence.recording, evidence.run.h0, evidence.run.X
    H, K = recording.H, len(X)
    before, after = H[:-1], H[1:]
    if h0.any() and K:
        # Whatever the first row says: h0 may be written down and then not used.
        ignored = np.concatenate([np.zeros_like(before[:1]), before[1:]])
        yield "initial-state-ignored", columns(ignored, after, X)
    for others in _orders(h0.shape[0]):
        if not np.array_equal(h0[others], h0):
            yield "batch-mixed", columns(np.concatenate([h0[others][None], before[1:]]), after, X)
        yield "batch-mixed", columns(before[:, others], after, X)
    if recording.has_initial and H[0].any() and not np.array_equal(H[0], h0):
        yield "wrong-initial-state", columns(before, after, X)
    if K > 2:
        yield "state-late", columns(np.concatenate([h0[None], H[:1], H[1:-2]]), after, X)
        turned = H[::-1] if np.array_equal(H[-1], h0) else np.concatenate([H[:1], H[:0:-1]])
        yield "output-reversed", columns(turned[:-1], turned[1:], X)
    if K > 1:
        yield "state-not-carried", columns(np.broadcast_to(h0, before.shape), after, X)
        if np.array_equal(H[1], h0):
            yield "records-before-stepping|last-step-dropped", columns(H[1:-1], H[2:], X[:-1])
        if np.array_equal(H[-1], H[-2]) or not H[-1].any():
            yield "last-step-dropped", columns(before[:-1], after[:-1], X[:-1])


def _distinct(*edges: Array) -> list[Array]:
    kept: list[Array] = []
    for edge in edges:
        if not any(np.array_equal(edge, other) for other in kept):
            kept.append(edge)
    return kept
