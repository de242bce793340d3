"""The proven one-step bound: how far fl(Phi(h, x)) may be from Phi(h, x), for any honest program.

The bound is the rounding interpretation of the recurrence's own equation. A state that was written down in a narrower
format than it was computed in adds u_r |H_k| to the argument and u_r |H_{k+1}| to the result.
"""

from __future__ import annotations

import numpy as np

from oracle.arithmetic.memory import blocks, keep_freed_memory
from oracle.arithmetic.rounding import Rounded, Rounding, raised
from oracle.equations.catalogue import advance
from oracle.equations.implicit import explicit
from oracle.kernels.lure_bound import bounds
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit
from oracle.tolerance.recorded import EXACTLY, Recorded

_U = 2.0**-53
SETTLED = 8
"""Where a relation is solved: iterations end when two iterates agree to so many units of roundoff of the largest state.
Assumed; a solver that is stopped before, by a tolerance of 1e-8 say, did not compute its step to working precision."""
MANY = 2**14
"""Elements from which the kernel, which has to be set up, is faster than the interpretation."""
BLOCK = 2**16  # elements evaluated at once: ten arrays of half a megabyte


def one_step_bound(
    rec: Recurrence,
    H: Array,
    X: Array,
    model: Precision,
    recorded: Recorded = EXACTLY,
    after: Array | None = None,
    own: bool = False,
) -> Array:
    """Upper bound of the rounding error of one step from each column.

    Parameters
    ----------
    rec : Recurrence
    H, X : ndarray, (N, columns), (I, columns)
        States as recorded and inputs.
    model : Precision
    recorded : Recorded
    after : ndarray, (N, columns), optional
        The recorded results; needed when they were rounded in writing down, and where the step is the solution of a
        relation: the bound is then that of the relation, evaluated at the result.
    own : bool
        Whether `after` is a run by `simulate` in float64, whose numbers may then be used.

    Returns
    -------
    ndarray, (N, columns)
        Infinite or NaN where nothing can be promised (overflow).
    """
    solved = isinstance(rec.parameters, Implicit)
    rec, H, X = explicit(rec, H, after, X)
    if H.size >= MANY and not solved and not recorded.rounded:
        found = bounds(rec, H.T, X.T, model, after.T if own and after is not None else None)
        if found is not None:
            return found.T
    ops = Rounding(model)
    stored = recorded.rounded or ops.holds(H)
    bound = np.empty(H.shape, order="F" if H.flags.f_contiguous else "C")
    keep_freed_memory()
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        samples = ops.lift(X)  # as a whole: whether they are numbers of the format is asked of all of them
        for columns in blocks(H, BLOCK):
            state = _state(H[:, columns], model, recorded.part(columns), stored)
            if solved:
                state = _unsettled(state, model)
            x = samples._replace(
                value=samples.value[:, columns],
                magnitude=samples.magnitude[:, columns],
                error=samples.error[:, columns],
            )
            bound[:, columns] = advance(ops, rec, state, x).bound()
            if solved:
                bound[:, columns] += state.error
        if after is not None and recorded.rounded:
            bound += recorded.lost(after)
        return raised(bound, 4)


def _unsettled(state: Rounded, model: Precision) -> Rounded:
    """The state a relation was last evaluated at, which is not quite the one that was returned."""
    moved = SETTLED * model.storage * np.max(state.magnitude, axis=0, keepdims=True, initial=0.0)
    return state._replace(error=state.error + moved)


def _state(H: Array, model: Precision, recorded: Recorded, stored: bool) -> Rounded:
    """States as recorded: known up to how they were written down, and stored again where they are not of the format."""
    if stored and not recorded.rounded:
        return Rounded(H, np.abs(H), np.zeros_like(H), 0.0)
    error = recorded.lost(H)
    growth = 0.0 if stored else float(-np.log1p(-model.storage))
    error = error if stored else error + model.underflow
    return Rounded(H, np.abs(H) + error, error, growth)
