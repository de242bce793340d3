"""Candidates that do not return their state: an activity r = s(h), or states together with a readout y = C h + d.

An activity is inverted where s has an inverse. What the program has rounded away in r comes back as an error of the
state, e = max |s^-1(r +- err) - s^-1(r)|, which enters the one-step bound at both ends of a step; where r is saturated
e is infinite, and the step is not judged. A readout has fewer numbers than the state, so the state has to be returned
too, and the relation between the two is checked in balls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, precision, upper_floats
from oracle.arithmetic.float64 import VALUES
from oracle.arithmetic.inverses import inverse
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.check.evidence import Evidence
from oracle.check.reach import told
from oracle.check.result import CheckResult, Finding
from oracle.check.returned import plain
from oracle.equations.activations import ACTIVATIONS
from oracle.errors import BadInput
from oracle.records.exact import Array, exact_array
from oracle.records.names import parsed
from oracle.records.operator import Operator
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit
from oracle.tolerance.recorded import Recorded
from oracle.tolerance.step import one_step_bound

INVERSE_ULPS = 8.0
"""Assumed error of an inverse in float64 (arctanh, log(r) - log1p(-r), tan ..), relative to the larger of the result
and 1, in units of 2u: twice what is assumed of each function alone."""
OFTEN = ("tanh", "logistic")  # activities that are looked for whatever the equation says
CONSTANT_SOMEWHERE = ("relu", "hardtanh", "square")

U = 2.0**-53
SHARP = 2.0**-10  # relative error up to which a state read off an activity tells right from wrong
READOUT_BITS = 128


@dataclass(frozen=True, eq=False)
class ActivityEvidence(Evidence):
    """Evidence whose states were read off activities, and are known up to what the activity rounds away."""

    activity: str

    def bound(self, rec: Recurrence, before: Array, after: Array, X: Array, model: Precision | None = None) -> Array:
        """The one-step bound with the errors of both states; none is known for a relation between two activities."""
        if isinstance(rec.parameters, Implicit):
            return np.full(before.shape, np.inf)
        start, end = (np.where(np.isfinite(part), part, 0.0) for part in (before, after))
        at_start, at_end = (self._lost(part, model or self.model) for part in (start, end))
        # The run starts from h0 itself; counting a lost activity there too only widens the bound.
        known = Recorded("activity", 0.0, at_start)
        with np.errstate(invalid="ignore", over="ignore"):
            bound = one_step_bound(rec, start, X, model or self.model, known) + at_end * (1 + 4 * U)
        unknown = ~np.isfinite(before).all(axis=0) | ~np.isfinite(after)  # saturated: nothing can be said of this step
        return np.asarray(np.where(unknown, np.inf, bound))

    def sharp(self) -> bool:
        """Whether most states are known well enough for a step to be wrong."""
        known = self._lost(self.after, self.model) <= SHARP * np.maximum(np.abs(self.after), 1.0)
        return bool(known.size) and bool(np.mean(known) >= 0.5)

    def _lost(self, state: Array, model: Precision) -> Array:
        """How far the state may be from the one whose activity was written down."""
        name = self.activity
        with np.errstate(all="ignore"):
            r = VALUES[name](state)
            granted = Rounding(model).act(name, Rounded(state, np.abs(state), np.zeros_like(state), 0.0)).error
            err = granted + (2 * model.storage + 8 * U) * np.abs(r) + self.recorded.lost(r) + model.underflow
            ends = [np.abs(inverse(name, r + sign * err) - state) for sign in (-1.0, 1.0)]
            lost = np.maximum(*ends) + 4 * INVERSE_ULPS * U * np.maximum(np.abs(state), 1.0)
        return np.asarray(np.where(np.isfinite(lost), lost, np.inf))


def reversible(activation: str) -> bool:
    """Whether a state is told from its activity everywhere: increasing, and without a jump."""
    family = parsed(activation)[0]
    return told(activation) and family not in CONSTANT_SOMEWHERE and not ACTIVATIONS[activation].jump


def with_activity(evidence: Evidence) -> Evidence:
    """The evidence of a run that returned activities, its states restored.

    Raises
    ------
    oracle.BadInput
        The activation has no inverse.
    """
    name = evidence.rec.activation
    if not reversible(name) or (not hasattr(evidence.rec.parameters, "activation") and not _staged(evidence.rec)):
        raise BadInput(
            f"observe is 'activity' and the activation is {name}.",
            "it sends many states to one activity, from which the state cannot be told.",
            "let the candidate return its state.",
        )
    return _restored(evidence, name, evidence.recording.has_initial and not _is_activity(evidence, name))


def activities(evidence: Evidence) -> Iterator[Evidence]:
    """The evidence read as if activities had been written down; only where that would tell something."""
    recording = evidence.recording
    if isinstance(evidence, ActivityEvidence):
        return
    for name in dict.fromkeys((evidence.rec.activation, *OFTEN)):
        plain_start = not recording.has_initial or np.array_equal(recording.H[0], evidence.run.h0)
        if not reversible(name) or name == "identity" or not (plain_start or _is_activity(evidence, name)):
            continue
        made = _restored(evidence, name, False)
        if np.isfinite(made.recording.H).all() and made.sharp():
            yield made


def _is_activity(evidence: Evidence, name: str) -> bool:
    """Whether the first row is the activity of h0."""
    u = evidence.model.storage
    with np.errstate(all="ignore"):
        expected = VALUES[name](evidence.run.h0)
    return np.allclose(evidence.recording.H[0], expected, rtol=16 * u, atol=4 * u)


def _restored(evidence: Evidence, name: str, starts: bool) -> ActivityEvidence:
    """States of activities; the run starts from h0, or from the first row where `starts`."""
    recording = evidence.recording

    def states(activities: Array) -> Array:
        with np.errstate(all="ignore"):
            H = np.array(inverse(name, activities))
        if not starts:
            H[0] = evidence.run.h0
        return H

    again = None if recording.again is None else states(recording.again)
    made = replace(recording, H=states(recording.H), has_initial=starts, again=again)
    relative = max(evidence.recorded.relative, evidence.model.storage)
    written = Recorded("activity", relative, evidence.recorded.absolute)
    return ActivityEvidence(evidence.rec, evidence.run, made, evidence.model, written, name)


def _staged(rec: Recurrence) -> bool:
    return hasattr(getattr(rec.parameters, "field", None), "activation")


def read_out(candidate: Any, observe: Any, batch_first: bool | None, module: bool) -> Readout | None:
    """The candidate as one that returns a readout besides its states, where (C, d) is observed; None elsewhere."""
    if not isinstance(observe, tuple):
        return None
    if module:
        raise BadInput(
            "observe is (C, d), and the candidate is a module.",
            "a recurrent layer returns its states, and no readout.",
            "pass run(h0, X) -> (H, Y) that calls the layer and its readout.",
        )
    return Readout(candidate, observe, batch_first)


class Readout:
    """A candidate run(h0, X) -> (H, Y) as run(h0, X) -> H, with a copy of the Y of every run kept."""

    def __init__(self, candidate: Any, observe: Any, batch_first: bool | None = None) -> None:
        self.candidate = candidate
        self.batch_first = bool(batch_first)
        self.C = exact_array(observe[0], "C", 2)
        self.d = exact_array(observe[1], "d", 1)
        self.readouts: list[Array] = []

    def fits(self, N: int) -> None:
        """Refuse a readout of another network.

        Raises
        ------
        oracle.BadInput
            C has other columns than there are units, or d other entries than C has rows.
        """
        if self.C.shape != (len(self.d), N):
            raise BadInput(
                f"C is {self.C.shape} and d is {self.d.shape}; expected (readouts, {N}) and (readouts,).",
                "they belong to another network, or C is stored as (units, readouts).",
                "pass observe=(C, d) with y = C h + d.",
            )

    def __call__(self, h0: Array, X: Array) -> Any:
        """The states; the readout is kept."""
        returned = self.candidate(h0, X)
        if not (isinstance(returned, tuple) and len(returned) == 2):
            raise BadInput(
                "the candidate returned no pair (H, Y).",
                "the state cannot be told from a readout alone, which has fewer numbers.",
                "return (states, readout) from run(h0, X).",
            )
        H, Y = returned
        values = plain(Y).astype(np.float64, casting="same_kind")
        self.readouts.append(values.swapaxes(0, 1) if self.batch_first and values.ndim == 3 else values)
        return H

    def judged(self, result: CheckResult, evidence: Evidence) -> CheckResult:
        """The result with the readout: |y - (C h + d)| against the bound of that product, in balls."""
        if not (result.steps and self.readouts):
            return result
        recording = evidence.recording
        runs = [recording.H, recording.H if recording.again is None else recording.again]
        states = [H if recording.has_initial else H[1:] for H in runs]
        expected = (*evidence.run.given(states[0]).shape[:-1], len(self.d))
        wrong = next((Y.shape for Y in self.readouts if Y.shape != expected), None)
        if wrong is not None:
            text = f"the readout has shape {wrong}; {expected} is expected"
            return replace(result, verdict="fail", diagnosis=(Finding("wrong-readout", False, np.inf, text),))
        pairs = [(_rows(H), _rows(Y)) for H, Y in zip(states, self.readouts, strict=False)]
        worst = max(_worst(Operator.dense(self.C), self.d, h, y, evidence.model) for h, y in pairs)
        if worst <= 1:
            return result
        text = f"the readout is not C h + d of the returned states: residual / bound {worst:.3g}"
        finding = Finding("wrong-readout", False, worst, text)
        others = () if result else result.diagnosis
        return replace(result, verdict="fail", worst=max(worst, result.worst), diagnosis=(finding, *others))


def _rows(values: Array) -> Array:
    """(.., n) as columns, (n, steps * batch)."""
    return np.ascontiguousarray(values.reshape(-1, values.shape[-1]).T)


def _worst(C: Operator, d: Array, h: Array, y: Array, model: Precision) -> float:
    rounding = Rounding(model)
    bound = rounding.affine([(C, rounding.lift(h))], (d,)).bound()
    with precision(READOUT_BITS):
        ops = Ball()
        off = upper_floats(ops.lift(y) - ops.affine([(C, ops.lift(h))], (d,)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(off == 0, 0.0, off / bound)
    return float(np.where(np.isnan(ratio), np.inf, ratio).max(initial=0.0))
