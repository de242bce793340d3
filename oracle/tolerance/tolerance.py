"""`oracle.tolerance`: which tolerance is right, for this network, this input and this precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.equations.implicit import relation
from oracle.errors import BadInput
from oracle.procedures.simulate import loop_for, trajectory
from oracle.records.exact import Array, to_numpy
from oracle.records.layout import Samples, samples
from oracle.records.lure import Lure
from oracle.records.precision import Precision, precision_model
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit
from oracle.reference.lipschitz import lipschitz
from oracle.tolerance.granted import granted
from oracle.tolerance.residuals import residuals
from oracle.tolerance.step import one_step_bound
from oracle.tolerance.trajectory import trajectory_bound


@dataclass(frozen=True, eq=False)
class Tolerance:
    """A bound for every element of a run.

    Attributes
    ----------
    elementwise : ndarray
        kind "step": (K, N) or (K, batch, N), for one step from each state of the float64 run, or of `run`.
        kind "trajectory": (K+1, N) or (K+1, batch, N), for H[k] against the exact run from h0.
    atol : float
        The largest of them, for `assert_close(..., rtol=0, atol=tol.atol)`.
    status : str
        "proved": holds for every program the assumptions describe. "observed": rests on the float64 run being close
        to the candidate's, which nobody proved (a trajectory before there is a run).
    assumptions : tuple of str
    """

    kind: str
    precision: str
    elementwise: Array
    status: str
    assumptions: tuple[str, ...]

    @property
    def atol(self) -> float:
        """The largest bound."""
        return float(np.max(self.elementwise, initial=0.0))

    def __repr__(self) -> str:
        return f"<Tolerance of a {self.precision} {self.kind}: atol {self.atol:.3g} ({self.status})>"


def tolerance(
    rec: Recurrence,
    inputs: Any = None,
    h0: Any = None,
    *,
    precision: Any = None,
    kind: str = "step",
    run: Any = None,
) -> Tolerance:
    """How far an honest program may be from the exact recurrence.

    Parameters
    ----------
    rec : Recurrence
    inputs : array_like, (K, I) or (K, batch, I)
    h0 : array_like, optional
    precision : str, dtype or Precision, optional
        The dtype of the parameters by default.
    kind : {"step", "trajectory"}
        One step from given states (no error growth; what `check` uses), or the whole run from h0.
    run : array_like, (K+1, N) or (K+1, batch, N), optional
        A computed run: its own certified residuals take the place of the worst case (a-posteriori, trajectory only).

    Returns
    -------
    Tolerance

    Raises
    ------
    oracle.BadInput
        Shapes, an unknown precision or kind; a trajectory bound of a step map that is not in the normal form.

    Notes
    -----
    The float64 run is that of `simulate`, compiled where numba is there and it pays: the bounds of a long run differ in
    their last digits with and without it.
    """
    if kind not in ("step", "trajectory"):
        raise BadInput(f"kind is {kind!r}.", "a misspelling.", 'pass kind="step" or kind="trajectory".')
    model = precision_model(rec.dtype if precision is None else precision)
    given = samples(inputs, h0, N=rec.N, I=rec.I)
    H = trajectory(rec, given, loop=loop_for(rec, given)) if run is None else _computed(run, given, rec.N)
    if not np.isfinite(H).all():
        raise BadInput(
            "the run overflows in float64.", "the recurrence is unstable on these inputs.", "use fewer steps."
        )
    if kind == "step":
        step = _one_step(rec, given, H, model, own=run is None)
        return Tolerance(kind, model.name, given.given(step), "proved", granted(rec, model))
    status = "observed" if run is None else "proved"
    if run is None:
        uncertainty = _one_step(rec, given, H, model, own=run is None)
        signed, assumptions = np.zeros_like(uncertainty), (*granted(rec, model), _SHADOW)
    else:
        signed, uncertainty = _own_residuals(rec, given, H)
        assumptions = ("none: the run's own residuals, certified by balls",)
    bounds = [_whole(rec, H[:, i], given.X[:, i], signed[:, i], uncertainty[:, i]) for i in range(given.batch)]
    if run is not None and not np.array_equal(H[0], given.h0):
        raise BadInput("run[0] is not h0.", "the run starts elsewhere.", "pass the h0 the run started from.")
    return Tolerance(kind, model.name, given.given(np.stack(bounds, axis=1)), status, assumptions)


_SHADOW = "one-step bounds at the candidate's states are those at the float64 run's (not proved)"


def _one_step(rec: Recurrence, run: Samples, H: Array, model: Precision, own: bool) -> Array:
    """(K, batch, N)."""
    rows = run.steps * run.batch  # as they lie in memory: steps are rows
    before, after, X = (part.reshape(rows, part.shape[2]).T for part in (H[:-1], H[1:], run.X))
    bound = one_step_bound(rec, before, X, model, after=after, own=own)
    if isinstance(rec.parameters, Implicit):
        bound = _of_solutions(rec, bound)
    return bound.T.reshape(run.steps, run.batch, rec.N)


def _of_solutions(rec: Recurrence, bound: Array) -> Array:
    """How far a state is from the solution of a relation it meets to within a bound: |(1 - D Phi)^-1| times that.

    |y - y*| <= |y - Phi(y)| + |Phi(y) - Phi(y*)| <= |bound| + q |y - y*| in the 2-norm, q a Lipschitz constant of Phi.

    Raises
    ------
    oracle.BadInput
        q is not below 1: the step is long, and the relation may have several solutions.
    """
    q = float(np.nextafter(float(lipschitz(relation(rec.parameters)).abs_upper()), np.inf))
    if not q < 1:
        raise BadInput(
            f"the {rec.equation} relation changes by up to {q:.3g} times what its solution is moved by.",
            "steps that long may have several solutions, and how far two of them are apart is not known.",
            "use a shorter step; oracle.check needs no such bound, it asks whether the relation is met.",
        )
    sizes = np.sqrt(np.sum(np.square(bound), axis=0, keepdims=True)) * (1 + (len(bound) + 8) * 2.0**-52)
    return np.asarray(np.broadcast_to(sizes / (1 - q) * (1 + 2.0**-50), bound.shape))


def _computed(run: Any, given: Samples, N: int) -> Array:
    """A run in the layout of the inputs, as (K+1, batch, N)."""
    H = to_numpy(run, "run").astype(np.float64)
    H = H if given.batched else H[:, None]
    if H.shape != (given.steps + 1, given.batch, N):
        raise BadInput(
            f"run has shape {np.shape(run)}.",
            "the initial state is missing, or the run belongs to other inputs.",
            f"pass all {given.steps + 1} states, the initial one included.",
        )
    return H


def _own_residuals(rec: Recurrence, given: Samples, H: Array) -> tuple[Array, Array]:
    """Signed residuals (K, batch, N) in float64, and how far they may be from the exact ones."""
    before, after = (np.ascontiguousarray(part.reshape(-1, rec.N).T) for part in (H[:-1], H[1:]))
    found = residuals(rec, before, after, given.columns(), np.full(before.shape, np.inf))
    # |r| lies in [lower, upper] and the midpoint is within it up to its own rounding.
    radius = (found.upper - found.lower) + np.spacing(np.abs(found.signed))
    shape = (given.steps, given.batch, rec.N)
    return found.signed.T.reshape(shape), radius.T.reshape(shape)


def _whole(rec: Recurrence, H: Array, X: Array, signed: Array, uncertainty: Array) -> Array:
    if not isinstance(rec.parameters, Lure):
        raise BadInput(
            f"the recurrence is a {rec.equation} step.",
            "the trajectory bound needs the second derivative of the step, which is known for the normal form only.",
            'use kind="step" (what oracle.check does), or Euler.',
        )
    return trajectory_bound(rec.parameters, H, X, signed, uncertainty)
