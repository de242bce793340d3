"""How far Euler's recurrence is from the flow (C6, contraction form, infinity norm, held input).

    e_0 = 0,    e_{k+1} = q e_k + Delta^2 M2 / 2

with q >= |I + Delta J| for all slopes and M2 >= |h''| along the flow: see `euler_terms` for both. Everything is
computed in balls and rounded outward; the bound is proved. The distance measured beside it needs the flow, which is
observed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import precision, upper_floats
from oracle.errors import BadInput
from oracle.records.exact import Array, exact_array, objects, to_numpy
from oracle.records.network import Network
from oracle.records.recurrence import positive
from oracle.reference import arguments
from oracle.reference.enclosure import exact
from oracle.reference.entry import reference
from oracle.reference.euler_terms import Terms, contraction_factor, invariant_box, obstacle, second_derivative, upper
from oracle.reference.signals import held

_BITS = 128  # of the bound; its own rounding is then 2^-128 per operation and invisible


@dataclass(frozen=True, eq=False)
class EulerBound:
    """Upper bounds of |Euler's h_k - h(k Delta)|_inf.

    Attributes
    ----------
    status : str
        "proved", or "not applicable" with a `reason`; `bounds` is then None.
    bounds : ndarray of float or None
        (steps + 1,), rounded up; bounds[0] = 0.
    q : float or None
        Contraction factor of one step, rounded up.
    M2 : float or None
        Bound of |h''|_inf along the flow, rounded up.
    box : ndarray of float or None
        (N,): the flow stays in |h_i| <= box_i.
    """

    status: str
    reason: str = ""
    bounds: Array | None = None
    q: float | None = None
    M2: float | None = None
    box: Array | None = None


def euler_bound(net: Network, step: Any, steps: int, inputs: Any = None, h0: Any = None) -> EulerBound:
    """Bound the error of forward Euler over `steps` steps, the input held over each (C6).

    Parameters
    ----------
    net : Network
    step : number
        Delta > 0.
    steps : int
        K.
    inputs : array_like, optional
        (K, I), the input held over each step; zeros by default.
    h0 : array_like, optional
        (N,); zeros by default.

    Returns
    -------
    EulerBound
        "not applicable" where B and W are both dense, Delta exceeds min tau (a diagonal entry of I + Delta A is
        negative), or q >= 1.

    Raises
    ------
    oracle.BadInput
        Shapes that disagree, step <= 0.
    """
    delta = positive(step)
    X = held_inputs(net, inputs, steps)
    start = arguments.single(h0, net.N)
    with precision(_BITS):
        terms = Terms.of(net.field, delta, X, start)
        q = contraction_factor(terms)
        reason = obstacle(terms, q)
        if reason or q is None:
            return EulerBound("not applicable", reason, q=None if q is None else upper(q))
        box = invariant_box(terms, q)
        M2 = second_derivative(terms, box)
        bounds = recursion(q, M2, terms.delta, steps)
    return EulerBound("proved", "", bounds, upper(q), upper(M2), np.array([upper(r) for r in box]))


def held_inputs(net: Network, inputs: Any, steps: int) -> Array:
    """One row of inputs per step, exact."""
    X = np.zeros((steps, net.I)) if inputs is None else to_numpy(inputs, "inputs")
    if steps < 1 or X.shape != (steps, net.I):
        raise BadInput(
            f"inputs have shape {X.shape} for {steps} steps; expected ({steps}, {net.I}).",
            "there is one held input per step, and at least one step.",
            "pass inputs of shape (steps, I).",
        )
    return exact_array(X, "inputs", 2)


def recursion(q: Any, M2: Any, delta: Any, steps: int) -> Array:
    """e_{k+1} = q e_k + Delta^2 M2 / 2, rounded up; (steps + 1,)."""
    local = (delta * delta * M2 / 2).abs_upper()
    errors = [arb(0)]
    for _ in range(steps):
        errors.append((q * errors[-1] + local).abs_upper())
    rounded = upper_floats(arb_mat(len(errors), 1, errors))[:, 0]
    rounded[0] = 0.0
    return rounded


def euler_distance(net: Network, step: Any, inputs: Any, h0: Any = None, digits: int = 20) -> tuple[Array, Array]:
    """|Euler's h_k - h(k Delta)|_inf at every step, from the two references: lower and upper values, (K+1,).

    The flow's share of the radius is observed, so the distance is observed.
    """
    X = held_inputs(net, inputs, len(inputs))
    delta = positive(step)
    euler = reference(net.discretize(step=delta), X, h0, digits=digits)
    flow = reference(net, held(X, delta), h0, [k * delta for k in range(len(X) + 1)], digits=digits)
    pairs = zip(*(part.ravel() for part in (euler.mid, flow.mid, euler.rad, flow.rad)), strict=True)
    spans = [(abs(exact(a) - exact(b)), exact(r) + exact(s)) for a, b, r, s in pairs]
    low = objects(max(gap - slack, 0) for gap, slack in spans).reshape(euler.shape).max(axis=1).astype(np.float64)
    high = objects(gap + slack for gap, slack in spans).reshape(euler.shape).max(axis=1).astype(np.float64)
    return np.maximum(np.nextafter(low, -np.inf), 0.0), np.nextafter(high, np.inf)
