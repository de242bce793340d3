"""One part of a step one step late: the leak, or what the recurrent weights see.

    leak-late         A h[k-1] + B s(W h[k] + M x + b) + E x + c
    recurrent-late    A h[k] + B s(W h[k-1] + M x + b) + E x + c

Two buffers that are exchanged after every step give the first, where the new state is accumulated in the buffer that
holds the state before the last. As a recurrence of h[k], h[k-1] is one more input, so no equation is written again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from oracle.check.evidence import Evidence
from oracle.diagnosis.readings import Steps, columns
from oracle.records.exact import Array, Diagonal, objects
from oracle.records.lure import Lure
from oracle.records.operator import ONE, Operator, Term
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence


def delayed(evidence: Evidence) -> Iterator[tuple[str, Recurrence, Steps]]:
    """Both deviations, with the state before the first taken for h0 and for zero."""
    rec = evidence.rec
    if not isinstance(rec.parameters, Lure):
        return
    H, h0, X = evidence.recording.H, evidence.run.h0, evidence.run.X
    if len(X) < 2:
        return
    starts = [h0, np.zeros_like(h0)] if h0.any() else [h0]
    made = {"leak-late": _leak_late(rec.parameters), "recurrent-late": _recurrent_late(rec.parameters)}
    for start in starts:
        earlier = np.concatenate([start[None], H[:-2]])
        steps = columns(H[:-1], H[1:], np.concatenate([X, earlier], axis=2))
        for name, late in made.items():
            if late is not None:
                yield name, Recurrence.made("lure", late, rec.step, Origin("edited", {}, None, rec.dtype)), steps


def _leak_late(p: Lure) -> Lure | None:
    N = p.state_size
    if not p.A.terms:
        return None
    E, M = _wider(p.E, N), _wider(p.M, N)
    return replace(p, A=Operator.zero(N, N), M=M, E=E + _shifted(p.A, p.input_size))


def _recurrent_late(p: Lure) -> Lure | None:
    N, units = p.state_size, p.W.shape[0]
    if not p.W.terms:
        return None
    M = _wider(p.M, N) + _shifted(p.W, p.input_size)
    return replace(p, W=Operator.zero(units, N), M=M, E=_wider(p.E, N))


def _wider(op: Operator, more: int) -> Operator:
    """[op 0], with so many columns of zeros."""
    return _padded(op, 0, more)


def _shifted(op: Operator, before: int) -> Operator:
    """[0 op], with so many columns of zeros."""
    return _padded(op, before, 0)


def _padded(op: Operator, before: int, after: int) -> Operator:
    rows, width = op.shape
    terms = []
    for t in op.terms:
        dense = np.eye(rows, width) if t.dense is None else t.dense
        left, right = (np.zeros((rows, count), dtype=dense.dtype) for count in (before, after))
        terms.append(Term(t.left, np.concatenate([left, dense, right], axis=1), _ones_around(t.right, before, after)))
    return Operator((rows, before + width + after), tuple(terms))


def _ones_around(factor: Diagonal, before: int, after: int) -> Diagonal:
    if not isinstance(factor, np.ndarray):
        return factor
    made: Array = objects([*([ONE] * before), *factor.tolist(), *([ONE] * after)])
    return made
