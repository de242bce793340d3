"""How far forward Euler is from the flow (C6): the least of several proved bounds, step by step.

    e_k >= |x(t_k) - h_k|_inf

    expansion  the error as a vector, driven by its own local defects: `euler_expansion`
    recursion, polygon   e' = q e + Delta^2 M2 / 2 and its variant, in weighted 1-, 2- and infinity-norms, with local
                         constants: `euler_recursion`
    refined    for activations with a kink, in place of the expansion: the polygon bound of a run with shorter steps,
               and how far that run is
    textbook   (e^{LT} - 1)/L Delta M2/2 with a global Lipschitz constant, for comparison

All are rounded outward; Euler's own states come from the certified recurrence. Contraction is not needed. The flow may
run under an input that changes between grid points; Euler then samples it there, or wherever `samples` say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, precision
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array, objects
from oracle.records.network import Network
from oracle.records.recurrence import positive
from oracle.reference import arguments
from oracle.reference.enclosure import Enclosure, exact
from oracle.reference.entry import reference
from oracle.reference.euler_expansion import Tube, follow
from oracle.reference.euler_first_order import FirstOrder, first_order
from oracle.reference.euler_path import Drives, Path, drives_of
from oracle.reference.euler_recursion import Bounds, recursion, textbook
from oracle.reference.jacobians import Coefficients, Frame, frames
from oracle.reference.limits import NotReached
from oracle.reference.signals import Signal, Steady, held

_BITS = 128  # of vectors in balls; their own rounding is then invisible beside Delta^2
_DIGITS = 20  # of Euler's states
ORDER = 8
"""Of the expansion: what it leaves is about Delta^8 of the error, below a thousandth at eight steps per tau."""
PARTS = 8
"""Into which the refined form divides a step: its own error is an eighth of the polygon's."""


@dataclass(frozen=True, eq=False)
class EulerBound:
    """Upper bounds of |x(t_k) - h_k|_inf.

    Attributes
    ----------
    status : str
        "proved", or "not applicable" with a `reason`: Euler's run leaves the range of doubles, or no bound is finite.
    bounds : ndarray of float
        (K + 1,), rounded up, the least of all forms; bounds[0] = 0.
    forms : dict of str to ndarray
        Every form, (K + 1,); infinite where it does not apply.
    which : tuple of str
        The form of each step.
    recursions : tuple of Bounds
        The scalar recursions, with q and M2 at every step.
    constant : FirstOrder or None
        eps with x - h = Delta eps to first order.
    notes : tuple of str
        Why a form does not apply.
    """

    status: str
    reason: str = ""
    bounds: Array | None = None
    forms: dict[str, Array] = field(default_factory=dict)
    which: tuple[str, ...] = ()
    recursions: tuple[Bounds, ...] = ()
    constant: FirstOrder | None = None
    notes: tuple[str, ...] = ()


class Distance(NamedTuple):
    """|x(t_k) - h_k|_inf in [low, high] at every step, and the status of the flow it was measured against."""

    low: Array
    high: Array
    status: str


def euler_bound(
    net: Network, step: Any, steps: int, inputs: Any = None, h0: Any = None, samples: Any = None
) -> EulerBound:
    """Bound the error of forward Euler over `steps` steps (C6).

    Parameters
    ----------
    net : Network
    step : number
        Delta > 0.
    steps : int
        K.
    inputs : array_like or signal, optional
        (K, I), the input held over each step; or `oracle.held`, `oracle.sampled`, whose samples may be further apart
        than the steps; zeros by default.
    h0 : array_like, optional
        (N,); zeros by default.
    samples : array_like, optional
        (K, I), what Euler used; by default the input at the grid points.

    Returns
    -------
    EulerBound

    Raises
    ------
    oracle.BadInput
        Shapes that disagree, step <= 0, a signal that changes its course inside a step.
    """
    delta = positive(step)
    drives = drives_of(net, delta, steps, inputs, samples)
    start = arguments.single(h0, net.N)
    try:
        run = reference(net.discretize(step=delta), drives.samples, start, digits=_DIGITS)
    except NotReached as problem:
        return EulerBound("not applicable", f"Euler's run has no certified states: {problem.seen}")
    with precision(_BITS), np.errstate(all="ignore"):  # an overflow is an infinite bound
        ops = Ball()
        path = Path.of(net.field, delta, drives, balls(run))
        chosen = frames(Coefficients.of(net.field))
        coefficients = Coefficients.of(net.discretize(step=delta).parameters)
        pairs = [(frame, Frame(coefficients, frame.norm)) for frame in chosen]
        recursions = tuple(recursion(path, *pair) for pair in pairs)
        forms = _scalar(recursions, path)
        tube = _expanded(net, drives, ops.lift(start), delta, chosen)
        name = "expansion"
        if not ACTIVATIONS[net.activation].analytic:
            name, tube = "refined", _refined(net, drives, start, delta, chosen, PARTS)
        forms[name] = _padded(tube.distances(path.states)[1], steps)
        constant = first_order(path, next(pair[1] for pair in pairs if pair[0].norm.kind == "two"))
    return _least(forms, recursions, constant, (f"{name}: {tube.reason}",) if tube.reason else ())


def balls(run: Enclosure) -> Any:
    """A (K + 1, N) enclosure as a matrix of balls (N, K + 1); use inside `precision`."""
    ops, (rows, N) = Ball(), run.shape
    pairs = zip(run.mid.T.ravel(), run.rad.T.ravel(), strict=True)
    return arb_mat(N, rows, [arb(ops.rational(exact(m)), ops.rational(exact(r))) for m, r in pairs])


def _scalar(recursions: tuple[Bounds, ...], path: Path) -> dict[str, Array]:
    """Every recursion, and the textbook's in its norm, as bounds of the infinity norm."""
    forms: dict[str, Array] = {}
    for found in recursions:
        norm = found.frame.norm
        for name, values in ((norm.name, found.errors), (f"textbook, {norm.name}", textbook(found, path.step))):
            forms[name] = np.array([float(np.max(norm.entries(value))) for value in values])
            forms[name][0] = 0.0
    return forms


def _expanded(net: Network, drives: Drives, h0: Any, delta: Any, chosen: tuple[Frame, ...], order: int = ORDER) -> Tube:
    if not ACTIVATIONS[net.activation].analytic:
        return Tube([h0], np.zeros((1, net.N)), f"{net.activation} has no Taylor series at its kink")
    return follow(net.field, drives, h0, delta, chosen, order)


def _refined(net: Network, drives: Drives, h0: Array, delta: Any, chosen: tuple[Frame, ...], parts: int) -> Tube:
    """The flow as close as Euler's run with shorter steps and the bound of its error say."""
    fine, step = drives.refined(delta / parts, parts), delta / parts
    rec = net.discretize(step=step)
    try:
        states = balls(reference(rec, fine.samples, h0, digits=_DIGITS))
    except NotReached as problem:
        return Tube([Ball().lift(h0)], np.zeros((1, net.N)), problem.seen)
    path, step_map = Path.of(net.field, step, fine, states), Coefficients.of(rec.parameters)
    found = [recursion(path, frame, Frame(step_map, frame.norm)) for frame in chosen]
    reach = np.min([[b.frame.norm.entries(e) for e in b.errors[::parts]] for b in found], axis=0)
    return Tube([_column(states, k * parts) for k in range(drives.steps + 1)], reach)


def _column(m: Any, k: int) -> Any:
    return arb_mat(m.nrows(), 1, [m[i, k] for i in range(m.nrows())])


def _padded(values: Array, steps: int) -> Array:
    found = np.full(steps + 1, np.inf)
    found[: len(values)] = values
    found[0] = 0.0
    return found


def _least(
    forms: dict[str, Array], recursions: tuple[Bounds, ...], constant: FirstOrder | None, notes: tuple[str, ...]
) -> EulerBound:
    names = list(forms)
    table = np.array([forms[name] for name in names])
    table = np.where(np.isnan(table), np.inf, table)
    which = tuple(names[j] for j in np.argmin(table, axis=0))
    bounds = np.min(table, axis=0)
    if not np.all(np.isfinite(bounds)):
        k = int(np.argmax(~np.isfinite(bounds)))
        return EulerBound("not applicable", f"no bound is finite from step {k} on", None, forms, which, recursions)
    return EulerBound("proved", "", bounds, forms, which, recursions, constant, notes)


def euler_distance(
    net: Network,
    step: Any,
    inputs: Any,
    h0: Any = None,
    digits: int = 20,
    steps: int | None = None,
    samples: Any = None,
) -> Distance:
    """|x(t_k) - h_k|_inf from the two references; the status is that of the flow's, "proved" or "observed"."""
    delta = positive(step)
    K = len(inputs) if steps is None else steps
    drives = drives_of(net, delta, K, inputs, samples)
    signal = inputs if isinstance(inputs, Signal | Steady) else held(drives.values, delta)
    euler = reference(net.discretize(step=delta), drives.samples, h0, digits=digits)
    flow = reference(net, signal, h0, [k * delta for k in range(K + 1)], digits=digits)
    pairs = zip(*(part.ravel() for part in (euler.mid, flow.mid, euler.rad, flow.rad)), strict=True)
    spans = [(abs(exact(a) - exact(b)), exact(r) + exact(s)) for a, b, r, s in pairs]
    low = objects(max(gap - slack, 0) for gap, slack in spans).reshape(euler.shape).max(axis=1).astype(np.float64)
    high = objects(gap + slack for gap, slack in spans).reshape(euler.shape).max(axis=1).astype(np.float64)
    return Distance(np.maximum(np.nextafter(low, -np.inf), 0.0), np.nextafter(high, np.inf), flow.status)


def tube_distance(
    net: Network, step: Any, steps: int, inputs: Any = None, h0: Any = None, finer: int = 4, samples: Any = None
) -> Distance:
    """The same, proved, for any activation and N: the expansion of higher order, or a run with shorter steps still.

    Parameters
    ----------
    finer : int
        By how much the order, or the number of parts of a step, exceeds that of the bound: added, or multiplied.

    Returns
    -------
    Distance
        As far as the tube goes: K + 1 steps, or fewer.
    """
    delta = positive(step)
    drives, start = drives_of(net, delta, steps, inputs, samples), arguments.single(h0, net.N)
    run = reference(net.discretize(step=delta), drives.samples, start, digits=_DIGITS)
    with precision(_BITS), np.errstate(all="ignore"):  # an overflow is an infinite bound
        chosen = frames(Coefficients.of(net.field))
        if ACTIVATIONS[net.activation].analytic:
            tube = _expanded(net, drives, Ball().lift(start), delta, chosen, ORDER + finer)
        else:
            tube = _refined(net, drives, start, delta, chosen, PARTS * finer)
        return Distance(*tube.distances(balls(run)), "proved")
