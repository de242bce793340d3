"""What a run could not see: faults that leave its residuals unchanged, and the probe that would show them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.check.result import Unseen
from oracle.records.exact import Array
from oracle.records.gates import Gates
from oracle.records.layout import Samples
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors
from oracle.records.recurrence import Recurrence

FEWEST_STEPS = 3  # a step from h0, one from the candidate's own state, and one more to tell early from late input


def unseen(rec: Recurrence, run: Samples) -> tuple[Unseen, ...]:
    """Fault classes hidden by this record on this run."""
    found = [*_of_run(rec, run)]
    field = rec.parameters if isinstance(rec.parameters, Lure) else getattr(rec.parameters, "field", None)
    if isinstance(field, Lure):
        found += _of_weights(field)
    if isinstance(rec.parameters, Gates):
        found += _of_gates(rec.parameters)
    return (*found, *_of_times(rec))


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
    found += _of_recurrent(weights)
    driving = field.M if field.M.terms else field.E
    if driving.shape[0] == driving.shape[1] and driving.terms and _symmetric(_matrix(driving)):
        found.append(Unseen("transposed input weights (M is symmetric)", "use weights without symmetry"))
    if not _nonzero(field.b) and not _nonzero(field.c):
        found.append(Unseen("a bias that is missing, doubled or in the wrong place (it is zero)", "use a nonzero bias"))
    return found


def _of_recurrent(weights: Operator) -> list[Unseen]:
    """Recurrent weights that are diagonal, constant or symmetric."""
    matrix = _matrix(weights)
    if len(matrix) < 2:
        return []
    if np.count_nonzero(matrix) == np.count_nonzero(np.diag(matrix)):
        what = "transposed recurrent weights, and units connected to others (W is diagonal)"
        return [Unseen(what, "use weights between units")]
    if np.all(matrix == matrix[0, 0]):
        what = "transposed recurrent weights, and units in another order (W is constant)"
        return [Unseen(what, "use weights that all differ")]
    if _symmetric(matrix):
        return [Unseen("transposed recurrent weights (W is symmetric)", "use weights without symmetry")]
    return []


def _of_gates(p: Gates) -> list[Unseen]:
    """Gates whose recurrent weights are symmetric, and biases that are zero."""
    found = []
    if p.state_size > 1 and all(np.array_equal(part, part.T) for part in p.W):
        found.append(Unseen("transposed recurrent weights (W is symmetric)", "use weights without symmetry"))
    for name, group in (("input", p.b), ("recurrent", p.b_recurrent)):
        if not any(np.any(part != 0) for parts in group for part in parts):
            what = f"the {name} bias missing, doubled or on the wrong side of the reset gate (it is zero)"
            found.append(Unseen(what, "use a nonzero bias"))
    return found


def _of_times(rec: Recurrence) -> list[Unseen]:
    """tau = 1, which hides where tau belongs, and alpha = 1, which hides the leak."""
    tau = rec.origin.root().arguments.get("tau")
    alpha = rec.alpha if tau is None else Fraction(rec.origin.arguments.get("step", 0)) / np.asarray(tau, dtype=object)
    found = []
    if alpha is not None and np.all(np.asarray(alpha) == 1):
        found.append(Unseen("where the leak is, and its size (alpha = 1, that is dt = tau)", "use alpha < 1"))
    if tau is not None and np.all(np.asarray(tau) == 1):
        found.append(Unseen("a factor tau that is missing or one too many (tau = 1)", "use tau other than 1"))
    return found


def _matrix(op: Operator) -> Array:
    """The dense terms of an operator in float64: its leak, if it has one, hides no weight."""
    total: Any = np.zeros((0, 0))
    for t in op.terms:
        if t.dense is not None:
            term = _column(t.left) * np.asarray(t.dense, dtype=np.float64) * _column(t.right).T
            total = term if not total.size else total + term
    return np.asarray(total)


def _column(factor: Any) -> Array:
    """A scalar or a diagonal as a column; a scalar that only scales everything is left out."""
    return Float64()._factor(factor) if isinstance(factor, np.ndarray) else np.ones((1, 1))


def _symmetric(matrix: Array) -> bool:
    return len(matrix) > 1 and matrix.shape[0] == matrix.shape[1] and bool(np.array_equal(matrix, matrix.T))


def _nonzero(bias: tuple[Array, ...]) -> bool:
    if not bias:
        return False
    total = bias[0] if len(bias) == 1 else sum_vectors(bias, len(bias[0]))
    return bool(np.any(total != 0))
