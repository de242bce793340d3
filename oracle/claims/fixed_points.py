"""Fixed points, certified: Newton finds a candidate, Krawczyk's test proves that one is there and only one.

fixed_point(net, x, start)              Newton's method from a state
settled(net, inputs, h0, x)             from where a run comes to rest after its inputs: a memory state
result.at                               (h, x), an operating point for the claims
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, middles, precision
from oracle.arithmetic.float64 import Float64
from oracle.claims.krawczyk import BITS, FixedPoint, krawczyk
from oracle.claims.secants import residual, with_derivative
from oracle.errors import BadInput, KinkError
from oracle.procedures.linearize import operating_point
from oracle.procedures.simulate import simulate
from oracle.records.exact import Array
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence, positive

__all__ = [
    "BITS",
    "FixedPoint",
    "enclosure",
    "fixed_point",
    "fixed_points",
    "krawczyk",
    "residual",
    "rounded",
    "settled",
]

_ITERATIONS = 60  # Newton's quadratic convergence takes five or six once it is near; the rest is the way there
_HALVINGS = 12  # of a Newton step that does not descend
_QUIET, _RUNS = 200, 20  # steps between two looks at a run, and looks
_AT_REST = 2.0**-16  # a step this short is within Newton's basin: at a rate of 1/1000 a step the rest is 2^-6
_NEAR = 2.0**-6  # and what Newton's method finds farther away than that is another fixed point
_ARRIVED = 2.0**-40  # relative size of the Newton step after which the next one is below the rounding errors


def newton(record: Network | Recurrence, start: Array, x: Array) -> Array | None:
    """A zero of G in float64 by Newton's method with halved steps; None where it does not arrive."""
    ops = Float64()
    h = start.astype(np.float64)
    try:
        with np.errstate(all="ignore"):
            value, slope = with_derivative(ops, record, h[:, None], x)
            for _ in range(_ITERATIONS):
                move = np.linalg.solve(slope, value)[:, 0]
                if np.max(np.abs(move)) <= _ARRIVED * max(1.0, float(np.max(np.abs(h)))):
                    return h - move
                h, value, slope = _descend(ops, record, (h, value, slope), move, x)
    except (np.linalg.LinAlgError, KinkError):
        return None
    return None


def _descend(ops: Any, record: Any, now: tuple[Array, Array, Array], move: Array, x: Array) -> Any:
    """The longest halved step that lowers |G|; the last one where none does."""
    h, size = now[0], np.linalg.norm(now[1])
    for k in range(_HALVINGS):
        after = h - move / 2**k
        value, slope = with_derivative(ops, record, after[:, None], x)
        if np.linalg.norm(value) < size:
            break
    return after, value, slope


def fixed_point(record: Network | Recurrence, x: Any = None, start: Any = None, bits: int = BITS) -> FixedPoint:
    """A certified fixed point: Newton from `start` (zero by default) with the input x held, then Krawczyk's test.

    Raises
    ------
    oracle.BadInput
        Not a record, vectors of the wrong shape.
    """
    if not isinstance(record, Network | Recurrence):
        raise BadInput(
            f"fixed_point got a {type(record).__name__}.", "only records have an equation.", "pass a network."
        )
    h, held = operating_point(record, (np.zeros(record.N) if start is None else start, x))
    found = newton(record, h, held)
    if found is None or not np.all(np.isfinite(found)):
        return FixedPoint("undecided", "Newton's method did not arrive from this start")
    return krawczyk(record, found, held, bits)


def settled(
    record: Network | Recurrence, inputs: Any = None, h0: Any = None, x: Any = None, *, step: Any = None
) -> FixedPoint:
    """The certified fixed point where a run comes to rest after its inputs: a memory state, where there are several.

    Parameters
    ----------
    record : Network or Recurrence
        A network runs by Euler; the fixed point is that of the network, which Euler shares for every step.
    inputs : array_like, (K, I), optional
        What drives the run at first (pulses), none by default.
    h0 : array_like, (N,), optional
        Where the run starts, zero by default.
    x : array_like, (I,), optional
        The input that is held afterwards, and at the fixed point; zero by default.
    step : number, optional
        Euler's step, an eighth of the smallest time constant by default, or 1/8.

    Returns
    -------
    FixedPoint
        "undecided" where the run does not come to rest, or does not rest where the point is that Newton's method finds.

    Raises
    ------
    oracle.BadInput
        Arrays of the wrong shape, a step that is not positive.
    """
    rec = record if isinstance(record, Recurrence) else record.discretize(_step_of(record, step))
    start, held = operating_point(record, (np.zeros(record.N) if h0 is None else h0, x))
    driven = np.zeros((0, record.I)) if inputs is None else np.asarray(inputs, dtype=np.float64)
    h = simulate(rec, driven, start.astype(np.float64))[-1]
    for _ in range(_RUNS):
        run = simulate(rec, np.tile(held.astype(np.float64), (_QUIET, 1)), h)
        h, moved = run[-1], float(np.max(np.abs(run[-1] - run[-2]), initial=0.0))
        if moved <= _AT_REST:
            found = fixed_point(record, held, h)
            away = np.max(np.abs(rounded(found) - h), initial=0.0) if found else 0.0
            if away <= _NEAR:
                return found
            return FixedPoint("undecided", f"the run rests {away:.3g} away from where Newton's method ended")
    return FixedPoint("undecided", f"the run still moves by {moved:.3g} a step after {_RUNS * _QUIET} steps of rest")


def _step_of(net: Network, step: Any) -> Fraction:
    if step is not None:
        return positive(step)
    tau = net.tau
    return Fraction(1, 8) if tau is None else Fraction(float(np.min(np.asarray(tau, dtype=np.float64)))) / 8


def fixed_points(record: Network | Recurrence, x: Any = None, starts: Any = (), bits: int = BITS) -> list[FixedPoint]:
    """The distinct certified fixed points reached from several starts, (count, N); not said to be all there are."""
    found: list[FixedPoint] = []
    for start in starts:
        candidate = fixed_point(record, x, start, bits)
        if candidate and all(_distinct(candidate, other) for other in found):
            found.append(candidate)
    return found


def _distinct(a: FixedPoint, b: FixedPoint) -> bool:
    """Whether two enclosures are apart."""
    assert a.h is not None, "the point is proved"
    assert b.h is not None, "the point is proved"
    return bool(max(abs(a.h - b.h)) > Fraction(a.radius) + Fraction(b.radius))


def enclosure(point: FixedPoint) -> Any:
    """The fixed point as a column of balls; inside `precision`."""
    assert point.h is not None, "the point is proved"
    radius = arb(point.radius)
    return arb_mat(len(point.h), 1, [arb(Ball().rational(entry).mid(), radius) for entry in point.h])


def rounded(point: FixedPoint) -> Array:
    """The centre in float64, (N,)."""
    with precision(BITS):
        return middles(enclosure(point))[:, 0]
