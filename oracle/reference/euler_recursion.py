"""Scalar recursions for Euler's error in a norm, every constant local in time (C6).

With |x(t_k) - h_k| <= e and p(th) = h_k + th f Euler's polygon, on one step:

    recursion  e' = q e + Delta |jump| + Delta^2 M2 / 2,  q >= |I + Delta J| on the segment [h_k, x(t_k)],
               M2 >= |h''| = |J F + E^ x'| along the flow
    polygon    e' = e^{mu Delta} e + max(1, e^{mu Delta}) (Delta |jump| + Delta^2 N2 / 2),  mu >= mu(J) on the segments
               [p(th), x(t_k + th)],  N2 >= |A f + E x' + B s'(z) zdot| along the polygon: F(p(th), x) - F(h_k, v_k)
               is th times such a vector, the mean value theorem unit by unit, and Gronwall in the norm does the rest
    textbook   (e^{L t} - 1) / L  Delta M2 / 2,  L = sup |J| over all slopes, M2 over the whole run

The last is kept for comparison. The enclosure of a step: |x(t_k + th) - p(th)| <= R, first with mu over all slopes,
then with those met within that R. There
    h'' = ramp + B s' zdot + J (jump + th (ramp + B s' zdot) + J r),  |r| <= R,
so M2 <= N2 + L (|jump| + Delta N2 + L R). Slopes: `jacobians.slopes_over` arguments z + [0, Delta] zdot -+ |W|_i R.
Nothing here needs a derivative of s: relu is admitted, slopes being divided differences. q >= 1 is admitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from flint import arb, fmpq

from oracle.arithmetic.ball import precision
from oracle.arithmetic.midrad import Midrad, up
from oracle.arithmetic.slopes import slopes_over
from oracle.errors import NotDecidable
from oracle.records.exact import Array
from oracle.reference.euler_path import Path
from oracle.reference.jacobians import Frame

_BITS = 64  # of scalars that leave for float64 next
_HUGE = 1e150  # an error beyond this is reported as infinite: its square would overflow


class Bounds(NamedTuple):
    """|x(t_k) - h_k| in a norm, k = 0 .. K, and how each came about; `following` is q e + Delta |jump| + Delta^2 M2 / 2
    from the error before, with q and M2 of every step."""

    frame: Frame
    errors: Array
    forms: tuple[str, ...]
    following: Array
    q: Array
    M2: Array


@dataclass(frozen=True)
class Scalars:
    """Delta as floats rounded up and down, and exponentials rounded up."""

    step: Fraction

    @property
    def high(self) -> float:
        """Delta, rounded up."""
        return _upper(self.step)

    @property
    def half_square(self) -> float:
        """Delta^2 / 2, rounded up."""
        return _upper(self.step**2 / 2)

    def growth(self, mu: float) -> float:
        """e^{mu Delta}, rounded up; infinite where mu is."""
        if not np.isfinite(mu) or mu * float(self.step) > 300:
            return float("inf")
        with precision(_BITS):
            return float(up(float((arb(mu) * arb(fmpq(self.step.numerator, self.step.denominator))).exp().upper())))

    def textbook(self, L: float, k: int) -> float:
        """(e^{L k Delta} - 1) / L Delta / 2, rounded up."""
        if not np.isfinite(L) or L * k * float(self.step) > 300:
            return float("inf")
        with precision(_BITS):
            delta = arb(fmpq(self.step.numerator, self.step.denominator))
            grown = (arb(L) * k * delta).expm1() / arb(L) if L > 0 else k * delta
            return float(up(float((grown * delta / 2).upper())))


def _upper(value: Fraction) -> float:
    found = float(value)
    return found if Fraction(found) >= value else float(np.nextafter(found, np.inf))


def recursion(path: Path, frame: Frame, step_frame: Frame) -> Bounds:
    """Both recursions, the smaller at every step.

    Parameters
    ----------
    path : Path
    frame, step_frame : Frame
        The field's and Euler's step's coefficients in one norm.
    """
    steps = [_NONE._replace(error=0.0, form="start")]
    for k in range(path.drives.steps):
        e = steps[-1].error
        steps.append(_one_step(path, frame, step_frame, k, e) if e < _HUGE else _NONE)
    errors, forms, following, q, M2 = zip(*steps, strict=True)
    return Bounds(frame, np.array(errors), forms, *(np.array(part[1:]) for part in (following, q, M2)))


class OneStep(NamedTuple):
    """The error after a step, the form that gave it, what the recursion gives, q and M2."""

    error: float
    form: str
    following: float
    q: float
    M2: float


_NONE = OneStep(float("inf"), "none", float("inf"), float("inf"), float("inf"))


def _one_step(path: Path, frame: Frame, step_frame: Frame, k: int, e: float) -> OneStep:
    scalars, norm, c = Scalars(path.step), frame.norm, frame.coefficients
    try:
        jump = norm.of(path.jump.sizes[:, k]) if np.any(path.jump.mid[:, k]) else norm.of(path.jump.rad[:, k])
        radius = tube(frame.everywhere, scalars, e, jump, _bend(path, frame, k, c.everywhere))[1]
        arguments = over_step(path.z[:, k], path.zdot[:, k], scalars.high, up(frame.reach * radius))
        slopes = slopes_over(c.activation, *arguments)
        bend = _bend(path, frame, k, slopes)
        polygon, radius = tube(frame.logarithmic(*slopes), scalars, e, jump, bend)
        L = frame.largest
        M2 = float(up(bend + L * (jump + scalars.high * bend + L * radius), 4))
        here = path.z[:, k]
        reach = up(here.rad + frame.reach * e)
        q = step_frame.matrix(*slopes_over(c.activation, *_outward(here.mid - reach, here.mid + reach)))
        contraction = float(up(q * e + scalars.high * jump + scalars.half_square * M2, 4))
    except NotDecidable:
        return _NONE
    polygonal = polygon < contraction
    return OneStep(min(polygon, contraction), "polygon" if polygonal else "recursion", contraction, q, M2)


def _bend(path: Path, frame: Frame, k: int, slopes: tuple[Array, Array]) -> float:
    """N2: |ramp + B s' zdot| for all slopes s' in a range."""
    c, middle = frame.coefficients, Midrad.between(*slopes)
    moved = middle * path.zdot[:, k]
    pushed = Midrad(np.diagonal(c.B.mid), np.diagonal(c.B.rad)) * moved if c.left else c.B @ moved
    return frame.norm.of((path.ramp[:, k] + pushed).sizes)


def tube(mu: float, scalars: Scalars, e: float, jump: float, bend: float) -> tuple[float, float]:
    """Bounds of |x - p| at the end of a step and over all of it."""
    growth = scalars.growth(mu)
    driven = float(up(max(1.0, growth) * (scalars.high * jump + scalars.half_square * bend), 4))
    return float(up(growth * e + driven, 2)), float(up(max(1.0, growth) * e + driven, 2))


def over_step(z: Midrad, zdot: Midrad, length: float, reach: Array) -> tuple[Array, Array]:
    """z + [0, length] zdot -+ reach, rounded outward."""
    moved, around = zdot.mid * length, up(z.rad + zdot.rad * length + reach, 4)
    return _outward(z.mid + np.minimum(moved, 0) - around, z.mid + np.maximum(moved, 0) + around)


def _outward(low: Array, high: Array) -> tuple[Array, Array]:
    """Room for the few roundings of numbers that were added up."""
    room = up(2.0**-49 * (np.abs(low) + np.abs(high)))
    return low - room, high + room


def textbook(bounds: Bounds, step: Fraction) -> Array:
    """(e^{L t_k} - 1) / L Delta M2 / 2 with the largest M2 so far; (K + 1,), in the norm of the bounds."""
    scalars, L = Scalars(step), bounds.frame.largest
    values: Iterator[Any] = zip(range(1, len(bounds.errors)), np.maximum.accumulate(bounds.M2), strict=True)
    return np.array([0.0, *(float(up(scalars.textbook(L, k) * M2)) for k, M2 in values)])
