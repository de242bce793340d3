"""Runs of a long short-term memory that show their outputs h and not their memories c.

Given the outputs, the memories follow from c_0 by a linear recursion with known gates, c_{k+1} = f_k c_k + i_k g_k, so
they are reconstructed in float64 along the recorded outputs, together with how far the program's own may be from them:

    |c^ - c~|_{k+1} <= 2 bound of one step from (h_k, c~_k), whose memory is known to within |c^ - c~|_k

(one bound for the program's rounding and the uncertainty carried on, and one for that of the reconstruction, which is
an honest program itself). The outputs are then judged like any step, with that uncertainty in the bound. Forget gates
are below 1, so it does not grow; a wrong memory shows in the next output.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.check.evidence import Evidence
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence


@dataclass(frozen=True, eq=False)
class OutputEvidence(Evidence):
    """Evidence whose memories were reconstructed; `known` is the bound of every step, (2N, K * batch)."""

    known: Array

    @property
    def shown(self) -> slice:
        """The units that were seen: the outputs."""
        return slice(0, self.rec.N // 2)

    def bound(self, rec: Recurrence, before: Array, after: Array, X: Array, model: Precision | None = None) -> Array:
        """The bound along the run, which is that of all of its steps together."""
        if rec is not self.rec or before.shape != self.known.shape:
            raise ValueError("memories were reconstructed for one equation and one run")
        return self.known


def completed(evidence: Evidence) -> Evidence:
    """The evidence itself where it shows every state."""
    return evidence if evidence.recording.H.shape[2] == evidence.rec.N else reconstructed(evidence)


def reconstructed(evidence: Evidence) -> OutputEvidence:
    """Evidence with outputs alone (K+1, batch, N), completed by the memories that belong to them."""
    rec, run, outputs = evidence.rec, evidence.run, evidence.recording.H
    ops, units = Rounding(evidence.model), rec.N // 2
    memories, bounds = [run.h0[:, units:].T], []
    doubt = np.zeros_like(memories[0])
    with np.errstate(all="ignore"):
        for k in range(run.steps):
            made = advance(ops, rec, _state(evidence, outputs[k].T, memories[-1], doubt), ops.lift(run.X[k].T))
            bound = np.array(made.bound())
            doubt = 2 * bound[units:] * (1 + 2.0**-50)
            memories.append(made.value[units:])
            bound[:units] += _written(evidence, outputs[k + 1].T)
            bounds.append(bound)
    H = np.concatenate([outputs, np.stack(memories).swapaxes(1, 2)], axis=2)
    known = np.stack(bounds, axis=1) if bounds else np.zeros((rec.N, 0, run.batch))
    recording = replace(evidence.recording, H=H)
    return OutputEvidence(rec, run, recording, evidence.model, evidence.recorded, known.reshape(rec.N, -1))


def _state(evidence: Evidence, h: Array, c: Array, doubt: Array) -> Rounded:
    """Outputs as recorded, and memories as far as they are known."""
    value: Any = np.concatenate([h, c])
    error = np.concatenate([_written(evidence, h), doubt])
    return Rounded(value, np.abs(value) + error, error, 0.0)


def _written(evidence: Evidence, h: Array) -> Array:
    """What an output may have lost when it was written down."""
    return evidence.recorded.lost(h)
