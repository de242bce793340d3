"""Fixed points, certified: Newton finds a candidate, Krawczyk's test proves that one is there and only one.

G(h) = F(h, x) for a network, Phi(h, x) - h for a recurrence, x held. With any matrix Y (here an approximate inverse of
G'(c)) and a box X = {|h - c| <= r}, the operator  K(X) = c - Y G(c) + (I - Y G'(X)) (X - c)  holds every zero of G in
X, and K(X) inside the interior of X proves that X holds exactly one (R. Krawczyk, Computing 4, 1969; A. Neumaier,
Interval Methods for Systems of Equations, section 5.1). With kappa = |I - Y G'(X)|_inf < 1 that is

    |Y G(c)| + kappa r < r,    and then    |h* - c| <= |Y G(c)| / (1 - kappa)

G' enters through the secants of G, so a kink of ReLU only widens it: its slope there is [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, middles, precision, upper_floats
from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.equations import lure
from oracle.equations.catalogue import advance
from oracle.errors import BadInput, KinkError
from oracle.procedures.linearize import operating_point
from oracle.records.exact import Array, objects
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence

BITS = 192
"""Working precision: an enclosure of about 50 digits for a well-conditioned equilibrium."""
_ITERATIONS = 60  # Newton's quadratic convergence takes five or six once it is near; the rest is the way there
_HALVINGS = 12  # of a Newton step that does not descend
_POLISHING = 12  # each step with a fixed float64 inverse gains about 10 digits
_LARGEST_RADIUS = 1.0
_RADII = 20  # powers of four tried for the box of uniqueness, from 1 down to 4^-19, about the noise of the candidate
_ARRIVED = 2.0**-40  # relative size of the Newton step after which the next one is below the rounding errors


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """A fixed point that is proved to exist, or the reason why none is.

    Attributes
    ----------
    status : {"proved", "undecided"}
    reason : str
        Why nothing is proved, or nothing.
    h : ndarray of Fraction, (N,)
        The centre.
    radius : float
        |h* - h|_inf is at most this, rounded up.
    unique_within : float
        There is no other fixed point with |h - centre|_inf at most this.
    contraction : float
        kappa, rounded up.
    x : ndarray, (I,)
        The input that is held.
    """

    status: str
    reason: str = ""
    h: Array | None = None
    radius: float = float("inf")
    unique_within: float = 0.0
    contraction: float = float("inf")
    x: Array | None = None

    def __bool__(self) -> bool:
        return self.status == "proved"

    def __repr__(self) -> str:
        if not self or self.h is None:
            return f"FixedPoint(undecided: {self.reason})"
        shown = ", ".join(f"{float(entry):.6g}" for entry in self.h[:4]) + (", ..." if len(self.h) > 4 else "")
        return f"FixedPoint([{shown}] +/- {self.radius:.3g}, the only one within {self.unique_within:.3g}: proved)"


class SecantBall(Ball):
    """Balls whose slope of max(0, z) at a kink is [0, 1], which holds every secant there."""

    def unit_step(self, z: Any) -> Any:
        """Slope of max(0, z), or all of them."""
        unknown = arb(0.5, 0.5)
        return self._each(lambda entry: arb(1) if entry > 0 else arb(0) if entry < 0 else unknown, z)


def residual(ops: Any, record: Network | Recurrence, h: Any, x: Any) -> Any:
    """G(h), in any arithmetic."""
    if isinstance(record, Network):
        return lure.step(ops, record.field, h, lure.drive(ops, record.field, x))
    return ops.sum([advance(ops, record, h, x), ops.scale(Fraction(-1), h)])


def with_derivative(base: Any, record: Network | Recurrence, h: Any, x: Array) -> Dual:
    """G and G' at h in an arithmetic, by the tangent interpretation."""
    found: Dual = residual(Tangent(base), record, Dual(h, base.lift(np.eye(record.N))), Dual(base.lift(x), None))
    return found


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


def krawczyk(record: Network | Recurrence, candidate: Array, x: Array, bits: int = BITS) -> FixedPoint:
    """Prove that there is exactly one fixed point near a candidate.

    Parameters
    ----------
    record : Network or Recurrence
    candidate : ndarray, (N,)
        Close to a fixed point.
    x : ndarray, (I,)
        The input, held.
    bits : int
        Working precision.

    Returns
    -------
    FixedPoint
        "undecided" where no box passes the test (a singular Jacobian, a candidate that is none).
    """
    try:
        _, slope = with_derivative(Float64(), record, candidate.astype(np.float64)[:, None], x)
        inverse = np.linalg.inv(slope)
    except (np.linalg.LinAlgError, KinkError):
        return FixedPoint("undecided", "the Jacobian is singular in float64, or the candidate is at a kink")
    if not np.all(np.isfinite(inverse)):
        return FixedPoint("undecided", "the Jacobian is singular in float64")
    with precision(bits):
        ops = SecantBall()
        Y, held = ops.lift(inverse), ops.lift(x)
        c, defect = _polished(ops, record, ops.lift(candidate), Y, held)
        for k in range(_RADII):
            radius = _LARGEST_RADIUS / 4**k
            kappa = _contraction(ops, record, c, radius, Y, x)
            if kappa < 1 and (defect + kappa * radius).abs_upper() < radius:
                size = (defect / (1 - kappa)).abs_upper()
                centre = objects(_fraction(entry) for entry in c.entries())
                return FixedPoint("proved", "", centre, _up(size), radius, _up(kappa), x)
    return FixedPoint("undecided", "Krawczyk's test passes in no box around the candidate")


def _polished(ops: Any, record: Any, c: Any, Y: Any, x: Any) -> tuple[Any, Any]:
    """The candidate moved to an exact centre with the least |Y G(c)|_inf."""
    best, least = c, None
    for _ in range(_POLISHING):
        move = Y * residual(ops, record, c, x)
        size = _largest(move.entries())
        if least is not None and not size < least:
            break
        best, least = c, size
        c = arb_mat(c.nrows(), 1, [entry.mid() for entry in (c - move).entries()])
    return best, least


def _contraction(ops: Any, record: Any, c: Any, radius: float, Y: Any, x: Array) -> Any:
    """kappa = |I - Y G'(X)|_inf over the box of a radius, an exact upper bound."""
    N = c.nrows()
    box = arb_mat(N, 1, [arb(entry, radius) for entry in c.entries()])
    slope = with_derivative(ops, record, box, x).tangent
    rest = ops.lift(np.eye(N)) - Y * slope
    rows = [sum((abs(rest[i, j]).abs_upper() for j in range(N)), arb(0)) for i in range(N)]
    return _largest(rows)


def _largest(entries: Iterable[Any]) -> Any:
    """An exact upper bound of the largest absolute value."""
    result = arb(0)
    for entry in entries:
        if not entry.is_finite():
            return arb("inf")
        size = entry.abs_upper()
        result = size if size > result else result
    return result


def _fraction(value: Any) -> Fraction:
    mantissa, exponent = value.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _up(value: Any) -> float:
    return float(upper_floats(arb_mat(1, 1, [value]))[0, 0])


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
