"""What a run could not see: faults that leave its residuals unchanged, and the probe that would show them."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.check.result import Unseen
from oracle.records.exact import Array
from oracle.records.layout import Samples
from oracle.records.lure import Lure
from oracle.records.operator import Operator, Term, sum_vectors
from oracle.records.recurrence import Recurrence

FEWEST_STEPS = 3  # a step from h0, one from the candidate's own state, and one more to tell early from late input


def unseen(rec: Recurrence, run: Samples) -> tuple[Unseen, ...]:
    """Fault classes hidden by this record on this run."""
    found = [*_of_run(rec, run)]
    field = rec.parameters if isinstance(rec.parameters, Lure) else getattr(rec.parameters, "field", None)
    if isinstance(field, Lure):
        found += _of_weights(field)
    if rec.alpha is not None and np.all(np.asarray(rec.alpha) == 1):
        found.append(Unseen("where the leak is, and its size (alpha = 1, that is dt = tau)", "use alpha < 1"))
    return tuple(found)


def _of_run(rec: Recurrence, run: Samples) -> list[Unseen]:
    found = []
    if run.steps < FEWEST_STEPS:
        found.append(Unseen(f"what needs more than {run.steps} steps", f"use at least {FEWEST_STEPS} steps"))
    if not run.h0.any():
        found.append(Unseen("an ignored initial state (h0 = 0)", "start from a state without zeros"))
    if rec.I and run.steps and np.array_equal(run.X, np.broadcast_to(run.X[:1], run.X.shape)):
        found.append(Unseen("inputs one step early or late (they are constant)", "let inputs differ at every step"))
    if (
        run.batched
        and run.batch > 1
        and all(np.array_equal(run.X[:, :1], run.X[:, i : i + 1]) for i in range(run.batch))
    ):
        found.append(Unseen("trajectories mixed up (all are driven alike)", "use different inputs per trajectory"))
    return found


def _of_weights(field: Lure) -> list[Unseen]:
    found = []
    weights = field.W if not field.W.is_diagonal else field.B
    if _symmetric(weights):
        found.append(Unseen("transposed recurrent weights (W is symmetric)", "use weights without symmetry"))
    driving = field.M if field.M.terms else field.E
    if driving.shape[0] == driving.shape[1] and driving.terms and _symmetric(driving):
        found.append(Unseen("transposed input weights (M is symmetric)", "use weights without symmetry"))
    bias = (*field.b, *field.c)
    if not bias or not _nonzero(bias):
        found.append(Unseen("a bias that is missing, doubled or in the wrong place (it is zero)", "use a nonzero bias"))
    return found


def _nonzero(bias: tuple[Array, ...]) -> bool:
    total = bias[0] if len(bias) == 1 else sum_vectors(bias, len(bias[0]))
    return bool(np.any(total != 0))


def _scalars(term: Term) -> bool:
    return not (isinstance(term.left, np.ndarray) or isinstance(term.right, np.ndarray))


def _symmetric(op: Operator) -> bool:
    if op.shape[0] < 2 or op.shape[0] != op.shape[1]:
        return False
    single = op.terms[0] if len(op.terms) == 1 else None
    if single is not None and single.dense is not None and _scalars(single):
        return bool(np.array_equal(single.dense, single.dense.T))
    dense: list[Any] = [t for t in op.terms if t.dense is not None]
    matrix: Array = Float64().affine([(op, np.eye(op.shape[1]))]) if dense else np.zeros((1, 1))
    return bool(np.array_equal(matrix, matrix.T))
