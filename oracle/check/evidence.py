"""A candidate is run, and what it did is laid out: single steps as columns, in one precision model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.check import candidates
from oracle.check.candidates import Recording
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.layout import Samples, ambiguous, samples
from oracle.records.precision import Precision, precision_model
from oracle.records.recurrence import Recurrence
from oracle.tolerance.recorded import Recorded, recorded_as
from oracle.tolerance.step import one_step_bound


@dataclass(frozen=True, eq=False)
class Evidence:
    """A recorded run laid out for one evaluation: single steps as columns."""

    rec: Recurrence
    run: Samples
    recording: Recording
    model: Precision
    recorded: Recorded

    @property
    def before(self) -> Array:
        """States a step starts from, (N, K * batch)."""
        return _columns(self.recording.H[:-1])

    @property
    def after(self) -> Array:
        """States it leads to, (N, K * batch)."""
        return _columns(self.recording.H[1:])

    @property
    def shown(self) -> slice:
        """The units that were seen."""
        return slice(None)

    def bound(self, rec: Recurrence, before: Array, after: Array, X: Array, model: Precision | None = None) -> Array:
        """The proven one-step bound under a record; states that are not finite have infinite residuals, not bounds."""
        start, end = (
            part if np.isfinite(part).all() else np.where(np.isfinite(part), part, 0.0) for part in (before, after)
        )
        return one_step_bound(rec, start, X, model or self.model, self.recorded, end)


def _columns(H: Array) -> Array:
    """Steps as columns; a view, so that the order in memory is that of the run."""
    return H.reshape(H.shape[0] * H.shape[1], H.shape[2]).T


def gather(
    candidate: Any,
    rec: Recurrence,
    *,
    inputs: Any,
    h0: Any,
    promised: Any,
    recorded: str | None,
    batch_first: bool | None,
    kind: str | None,
    bridge: Any = None,
) -> Evidence:
    """Run the candidate and lay out what it did.

    `bridge` is the adapter of a framework's module: it is run time first, and says which numbers the module sees.

    Raises
    ------
    oracle.BadInput
        The question itself is unclear (shapes, batch order, kind, precision).
    Breach
        The candidate cannot be judged.
    """
    if ambiguous(inputs, batch_first):
        raise BadInput(
            f"inputs have shape {np.shape(inputs)}: K equals the batch.",
            "time and batch cannot be told apart, and a swap would go unnoticed.",
            "say batch_first=False for (K, batch, I) or batch_first=True for (batch, K, I), or change one of the two.",
        )
    if kind is not None and kind not in candidates.KINDS:
        raise BadInput(f"kind is {kind!r}.", "a misspelling.", f"use one of {', '.join(candidates.KINDS)}.")
    model = precision_model(rec.dtype if promised is None else promised)
    run = samples(inputs, h0, N=rec.N, I=rec.I, batch_first=batch_first)
    dtype = model.dtype
    if bridge is not None:
        run = Samples(bridge.received(run.X), bridge.received(run.h0), run.batched)
        recording = candidates.observe(bridge.run, "run", run, dtype, rec.N, None, _fewer(rec))
        return Evidence(rec, run, recording, model, recorded_as(recorded))
    run = candidates.received(run, dtype) if callable(candidate) else run
    kind = kind or candidates.guess_kind(candidate, run, dtype)
    recording = candidates.observe(candidate, kind, run, dtype, rec.N, batch_first, _fewer(rec))
    return Evidence(rec, run, recording, model, recorded_as(recorded))


def _fewer(rec: Recurrence) -> int | None:
    """How many states a run may show where it need not show all of them."""
    return rec.outputs if rec.outputs < rec.N else None
