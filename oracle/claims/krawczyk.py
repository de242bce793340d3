"""Krawczyk's test: a box in which a map has exactly one zero.

G(h) = F(h, x) for a network, Phi(h, x) - h for a recurrence, x held. With any matrix Y (here an approximate inverse of
G'(c)) and a box X = {|h - c| <= r}, the operator  K(X) = c - Y G(c) + (I - Y G'(X)) (X - c)  holds every zero of G in
X, and K(X) inside the interior of X proves that X holds exactly one (R. Krawczyk, Computing 4, 1969; A. Neumaier,
Interval Methods for Systems of Equations, section 5.1). With kappa = |I - Y G'(X)|_inf < 1 that is

    |Y G(c)| + kappa r < r,    and then    |h* - c| <= |Y G(c)| / (1 - kappa)

kappa: `oracle.claims.secants`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb_mat

from oracle.arithmetic.ball import precision, upper_floats
from oracle.arithmetic.float64 import Float64
from oracle.claims.secants import SecantBall, contraction, largest, residual, with_derivative
from oracle.errors import BadInput, KinkError
from oracle.records.exact import Array, objects
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence

BITS = 192
"""Working precision: an enclosure of about 50 digits for a well-conditioned equilibrium."""
_POLISHING = 12  # each step with a fixed float64 inverse gains about 10 digits
_LARGEST_RADIUS = 1.0
_RADII = 20  # powers of four tried for the box of uniqueness, from 1 down to 4^-19, about the noise of the candidate


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

    @property
    def at(self) -> tuple[Array, Array]:
        """The centre in float64 and the input: an operating point, `at=` of the claims.

        Raises
        ------
        oracle.BadInput
            Nothing is proved.
        """
        if self.h is None or self.x is None:
            raise BadInput(
                f"no fixed point was certified: {self.reason}.",
                "Newton's method ended elsewhere, or the Jacobian is close to singular there.",
                "use a fixed point whose status is proved; start closer to one.",
            )
        return np.array([float(entry) for entry in self.h]), self.x

    def __repr__(self) -> str:
        if not self or self.h is None:
            return f"FixedPoint(undecided: {self.reason})"
        shown = ", ".join(f"{float(entry):.6g}" for entry in self.h[:4]) + (", ..." if len(self.h) > 4 else "")
        return f"FixedPoint([{shown}] +/- {self.radius:.3g}, the only one within {self.unique_within:.3g}: proved)"


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
        kappa_of = contraction(record, c, Y, x)
        for k in range(_RADII):
            radius = _LARGEST_RADIUS / 4**k
            kappa = kappa_of(radius)
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
        size = largest(move.entries())
        if least is not None and not size < least:
            break
        best, least = c, size
        c = arb_mat(c.nrows(), 1, [entry.mid() for entry in (c - move).entries()])
    return best, least


def _fraction(value: Any) -> Fraction:
    mantissa, exponent = value.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _up(value: Any) -> float:
    return float(upper_floats(arb_mat(1, 1, [value]))[0, 0])
