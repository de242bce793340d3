"""One cell of the precision matrix: a promised format, a format computed in, a size; who decides, and how surely.

Three instruments, each asked by itself:

    bound       the verdict on a recorded run whose states are kept in float64: the proven bound (proved)
    statistic   the same check, where it fails inside the bound (observed)
    probes      the exact probes of the promise on the same arithmetic (a failure is proved)

A run is what a person has recorded; probes need a candidate whose weights can be set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

import oracle
from oracle.check import judge as judging
from oracle.check.evidence import gather
from oracle.check.result import CheckResult
from oracle.records.precision import NAMES, PRECISIONS, honours
from oracle.tolerance.promise_probes import PromiseProbe, promise_probes
from oracle.tolerance.residuals import Residuals, residuals

from .emulated import ORDERS, stepper, used

Array = NDArray[Any]
INPUTS, STEPS = 3, 3
FORMATS = NAMES


@dataclass(frozen=True)
class Cell:
    """What was found; `verdict` is that of all instruments together."""

    N: int
    promised: str
    computed: str
    order: str
    honest: bool
    bound: str
    statistic: str
    probes: tuple[str, ...]
    worst: float
    roundoff: float
    seen: str | None

    @property
    def verdict(self) -> str:
        """fail if any instrument fails, else what the bound says."""
        return "fail" if "fail" in (self.bound, self.statistic) or self.probes else self.bound

    @property
    def right(self) -> bool:
        """pass exactly where the promise is kept."""
        return self.verdict == ("pass" if self.honest else "fail")

    @property
    def decided_by(self) -> str:
        """The first instrument that is sure, proofs before observations."""
        if self.bound == "fail":
            return "bound (proved)"
        if self.probes:
            return "probes (proved)"
        return "statistic (observed)" if self.statistic == "fail" else "none fails"


@lru_cache(maxsize=2)
def question(N: int) -> tuple[oracle.Recurrence, Array, Array]:
    """A network of float32 numbers, and inputs and a state of 8 bits, so that every format can hold where it starts."""
    rng = np.random.default_rng(N)
    scale = np.r_[np.full(N, 1.2 / np.sqrt(N)), np.full(INPUTS, 0.8)]
    joined = (rng.standard_normal((N, N + INPUTS)) * scale).astype(np.float32).astype(np.float64)
    b = (0.3 * rng.standard_normal(N)).astype(np.float32).astype(np.float64)
    rec = oracle.Recurrence.elman(joined[:, :N], joined[:, N:], b)
    X, h0 = (np.rint(rng.uniform(-127, 127, shape)) / 64 + 1 / 128 for shape in ((STEPS, INPUTS), (N,)))
    return rec, X, h0


def parameters(rec: oracle.Recurrence) -> tuple[Array, Array, tuple[Array, ...]]:
    """W, M and the biases as arrays."""
    W = np.asarray(rec.W, dtype=np.float64)
    M = np.zeros((len(W), 0)) if rec.I == 0 else np.asarray(rec.M, dtype=np.float64)
    return W, M, tuple(np.asarray(part, dtype=np.float64) for part in rec.parameters.b)


def run(computed: str, order: str, rec: oracle.Recurrence, X: Array, h0: Array, prepared: Any = None) -> Array:
    """States (K+1, N) as the format computes them, kept in float64; `prepared` is what `used` says of the weights."""
    parts = PRECISIONS[computed].parts
    assert parts is not None
    (W, M, b), laid_out = (parameters(rec), None) if prepared is None else prepared
    step = stepper(parts, order, W, M, b, rec.activation, laid_out)
    states = [h0]
    for x in X:
        states.append(step(states[-1][:, None], x[:, None])[:, 0])
    return np.stack(states)


Prepared = tuple[PromiseProbe, Any]


def prepare(probes: tuple[PromiseProbe, ...]) -> tuple[Prepared, ...]:
    """Probes with their weights laid out for the emulation, once for all formats."""
    made = []
    for probe in probes:
        W, M, b = parameters(probe.rec)
        made.append((probe, ((W[:, :0], M, b), used(W))))
    return tuple(made)


def broken(computed: str, order: str, probes: tuple[Prepared, ...]) -> tuple[str, ...]:
    """Names of the probes that fail."""
    found = []
    for probe, laid_out in probes:
        with np.errstate(all="ignore"):
            H = run(computed, order, probe.rec, probe.X, probe.h0, laid_out)[1:]
            if not np.all(np.abs(H - probe.exact) <= probe.allowed):
                found.append(probe.name)
    return tuple(found)


def cells(N: int, order: str, formats: tuple[str, ...] = FORMATS) -> Iterator[Cell]:
    """All cells of a size, in one order of summation."""
    _known.clear()
    rec, X, h0 = question(N)
    runs = {name: run(name, order, rec, X, h0) for name in formats}
    for promised in formats:
        probes = prepare(promise_probes(PRECISIONS[promised], N))
        for computed in formats:
            yield cell(N, promised, computed, order, runs[computed], probes)


def verdict(H: Array, rec: oracle.Recurrence, X: Array, h0: Array, promised: str) -> CheckResult:
    """What `oracle.check` says of a recorded run before it looks for the name of a bug."""
    question: dict[str, Any] = {"inputs": X, "h0": h0, "promised": promised, "recorded": None}
    with patch.object(judging, "residuals", _remembered):
        return judging.judge(gather(H, rec, **question, batch_first=None, kind="trajectory"))[0]


_known: dict[bytes, Residuals] = {}


def _remembered(rec: oracle.Recurrence, before: Array, after: Array, X: Array, bound: Array) -> Residuals:
    """Certified residuals do not depend on the promise; those of a run are kept while they decide."""
    key = before.tobytes() + after.tobytes()
    if key not in _known or not _known[key].decided(bound).all():
        _known[key] = residuals(rec, before, after, X, bound)
    return _known[key]


def cell(N: int, promised: str, computed: str, order: str, H: Array, probes: tuple[Prepared, ...]) -> Cell:
    """One cell, from a run and the probes of the promise."""
    rec, X, h0 = question(N)
    ours, theirs = PRECISIONS[computed].parts, PRECISIONS[promised].parts
    assert ours is not None
    assert theirs is not None
    result = verdict(H, rec, X, h0, promised)
    observed = result.label == "observed"
    failed = broken(computed, order, probes)
    roundoff = float("nan") if result.statistic is None else result.statistic.roundoff
    return Cell(
        N, promised, computed, order, honours(ours, theirs),
        "pass" if observed else result.verdict, "fail" if observed else "pass",
        failed, result.worst, roundoff, result.computed_in,
    )  # fmt: skip


__all__ = ["FORMATS", "ORDERS", "Cell", "broken", "cell", "cells", "question", "run"]
