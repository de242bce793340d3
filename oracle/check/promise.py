"""Exact probes on a candidate whose weights can be set: a failure proves that the promised precision is not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import VALUES
from oracle.check.candidates import Breach
from oracle.check.evidence import Evidence, gather
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence
from oracle.records.verbs import verb
from oracle.tolerance.activation_error import ActivationSeen, activation_seen, rounds
from oracle.tolerance.promise_probes import PromiseProbe, promise_probes
from oracle.tolerance.residuals import residuals
from oracle.tolerance.step import one_step_bound

Build = Callable[[Recurrence], Any]
"""Makes a candidate of a record: run(h0, X) -> H, step(h, x) -> h, or a framework's module."""

ARGUMENTS = 2**12  # known arguments of the activation: about a thousand per power of two around 1
SPREAD = (2.0**-6, 16.0)  # between them all bends; up to less where s(16) overflows


@dataclass(frozen=True)
class ProbeSeen:
    """What a candidate made of one exact probe.

    `wrong` of `units` states differ from every honest one: a proof. `problem` says why the probe could not be run.
    """

    name: str
    wrong: int
    units: int
    text: str
    problem: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def probed(build: Build, model: Precision, N: int, I: int, seed: int = 0) -> tuple[ProbeSeen, ...]:
    """All exact probes of a promise."""
    return tuple(_run(build, model, probe) for probe in promise_probes(model, N, I, seed))


def _run(build: Build, model: Precision, probe: PromiseProbe) -> ProbeSeen:
    try:
        H = observed(build, probe.rec, probe.X, probe.h0, model).recording.H[1:, 0]
    except (Breach, BadInput, NotImplementedError) as error:
        return ProbeSeen(probe.name, 0, probe.exact.size, "could not be run", str(error))
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(H - probe.exact) <= probe.allowed)
    count, units = int(wrong.sum()), wrong.size
    if not count:
        return ProbeSeen(probe.name, 0, units, f"all {units} states are honest")
    step, unit = (int(i) for i in np.argwhere(wrong)[0])
    seen, exact = float(H[step, unit]).hex(), float(probe.exact[step, unit]).hex()
    text = f"{count} of {units} states are not honest, first unit {unit}: {seen}; exact {exact}"
    return ProbeSeen(probe.name, count, units, text)


def observed(build: Build, rec: Recurrence, X: Array, h0: Array, model: Precision) -> Evidence:
    """Let a candidate that was built for a record run."""
    candidate = build(rec)
    bridge = verb("candidate")(candidate) if verb("is_module")(candidate) else None
    question: dict[str, Any] = {"inputs": X, "h0": h0, "promised": model, "recorded": None}
    batched = None if X.ndim < 3 else bool(bridge is not None and bridge.batch_first)
    return gather(candidate, rec, **question, batch_first=batched, kind=None, bridge=bridge)


def _farthest(activation: str, model: Precision) -> float:
    """The size of arguments up to which values stay well inside the range."""
    high = SPREAD[1]
    with np.errstate(all="ignore"):
        while high > 1 and not np.nanmax(np.abs(VALUES[activation](np.array([-high, high])))) < model.largest / 4:
            high /= 2
    return high


def activation_probed(
    build: Build, activation: str, model: Precision, N: int, I: int
) -> tuple[ActivationSeen | None, bool]:
    """The error of the activation on known arguments, and whether it is certainly beyond the assumed one.

    States that a permutation passes on, so that z rounds nothing: both signs, log-uniform from 2^-6 to 16, of as many
    bits as factors and storage have.
    """
    if not rounds(activation) or model.parts is None:
        return None, False
    rng = np.random.default_rng(0)
    batch = max(1, ARGUMENTS // N)
    batch += batch == 1  # one trajectory is no batch, and a step of it no argument to speak of
    low, high = np.log2(SPREAD[0]), np.log2(_farthest(activation, model))
    bits = min(model.parts.storage.bits, model.parts.state_factor.bits, model.parts.accumulation.bits)
    size = 2.0 ** rng.uniform(low, high, (batch, N)) * rng.choice([-1.0, 1.0], (batch, N))
    fraction, exponent = np.frexp(size)
    lowest = max(model.parts.storage.lowest, model.parts.state_factor.lowest)
    h0 = np.ldexp(np.rint(np.ldexp(fraction, bits)), exponent - bits)
    h0 = np.rint(h0 / 2.0**lowest) * 2.0**lowest if lowest > -40 else h0
    W = np.roll(np.eye(N), 1, axis=1)
    rec = Recurrence.elman(W, np.zeros((N, I)) if I else None, activation=activation)
    try:
        evidence = observed(build, rec, np.ones((1, batch, I)), h0, model)
    except (Breach, BadInput, NotImplementedError):
        return None, False
    before, after, samples = evidence.before, evidence.after, evidence.run.columns()
    bound = one_step_bound(rec, before, samples, model)
    found = residuals(rec, before, after, samples, bound, fewest=before.size + 1)  # in balls: exact, however small s is
    seen = activation_seen(rec, before, samples, found.signed, model, batch, known=True)
    return seen, bool(np.any(found.lower > bound))
