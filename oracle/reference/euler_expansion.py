"""Euler's error as a vector: the flow expanded about the corrected states u_k = h_k + c_k, with a radius beside it.

    c_0 = 0,   c_{k+1} = c_k + Delta (F(h_k + c_k) - F(h_k)) + Delta^2/2 u'' + Delta^3/6 u''' + .. + Delta^P/P! u^(P)
    |x(t_k) - h_k - c_k| <= r_k,    r_{k+1} = e^{mu Delta} r_k + max(1, e^{mu Delta}) |d| + rounding

F(h + c) - F(h) is (I + ..) J c by the mean value theorem: this is the variational recursion of the error, driven by the
local defect h'' Delta^2/2 + .., with nothing linearised; u_{k+1} is the Taylor polynomial p of the solution through
u_k. Its defect p' - F(p) has the coefficients -f_j with j >= P, f_P = A p_P + B s_P, f_j = B s_j beyond, where
s(z(th)) = sum s_j th^j. If |s| <= m within a distance rho of z_0, and sum_j |z_j| R^j <= rho, then |s_j| <= m R^-j:

    |d_i(th)| <= (th/Delta)^P D_i,   D = |f_P| Delta^P + |B| m (Delta/R)^{P+1} / (1 - Delta/R)
    int_0^Delta |d(th)| dth <= |D| Delta / (P + 1)                               in every monotone norm

(the integral of a norm, which is more than the norm of the integrals: so the common factor is taken out first).
A step is taken in as many equal parts as bring Delta/R below a quarter. tanh: rho = pi/4, m = 1, as |tanh(x + iy)|^2 =
(sinh^2 x + sin^2 y)/(sinh^2 x + cos^2 y); logistic: rho = pi/2, m = 1, as (1 + tanh(z/2))/2;
identity: nothing beyond P.
mu >= mu(J) on the segments from p to x, found like the tube of a step in `euler_recursion`.
The radius is carried in several norms; each bounds every component, and the least counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb_mat

from oracle.arithmetic.ball import Ball
from oracle.arithmetic.midrad import Midrad, total, up
from oracle.arithmetic.series import Series, SeriesArithmetic
from oracle.arithmetic.slopes import slopes_over
from oracle.equations import lure
from oracle.errors import NotDecidable
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.cauchy import strip
from oracle.reference.euler_path import Drives
from oracle.reference.euler_recursion import Scalars, over_step
from oracle.reference.jacobians import Frame

# rho, rounded down, and m
_DISCS: dict[str, tuple[float, float]] = {"tanh": (0.785398, 1.0), "logistic": (1.570796, 1.0)}
_BISECTIONS = 40  # for R: any R that passes the test is right, the largest is sharpest
_SHARE = 0.25  # of R that one part of a step may take: what is cut off is then below 4^-P of the whole
_RELAX = 8  # after as many steps fewer parts are tried again
_MOST_PARTS = 256  # of one step; a step that needs more is no step of this network


class _Recording(SeriesArithmetic[Any]):
    """Series that keep what the activation was applied to."""

    argument: Series[Any]

    def act(self, activation: str, z: Series[Any]) -> Series[Any]:
        self.argument = z
        return super().act(activation, z)


@dataclass(frozen=True, eq=False)
class Expansion:
    """One step of the flow from an exact state: the polynomial at Delta, its defect and its arguments.

    Attributes
    ----------
    step : Fraction
        Its length.
    value : arb_mat
        p(step), (N, 1).
    defect : ndarray
        (N,): D Delta / (P + 1), rounded up.
    z : Midrad
        (units, P + 1): coefficients of the arguments.
    """

    step: Fraction
    value: Any
    defect: Array
    z: Midrad


class OutOfReach(NotDecidable):
    """The step is too long for the expansion; a shorter one would do."""


def expand(
    ops: Ball, field: Lure, sizes: Array, u: Any, value: Any, slope: Any, step: Fraction, order: int
) -> Expansion:
    """Expand the solution through u to an order P >= 2; sizes bounds |B|; use inside `precision`.

    Raises
    ------
    OutOfReach
        The step is beyond the expansion's reach.
    NotDecidable
        No bound of the activation on complex discs is known.
    """
    series = _Recording(ops)
    zero = ops.scale(Fraction(0), value)
    x: Series[Any] = Series(lambda k: (value, slope)[k] if k < 2 else zero)
    h: Series[Any] = Series(lambda k: u if k == 0 else ops.scale(Fraction(1, k), F[k - 1]))
    F = lure.step(series, field, h, lure.drive(series, field, x))
    end = h[order]
    for k in range(order - 1, -1, -1):
        end = end * ops.rational(step) + h[k]
    left = Midrad.of(F[order]).sizes[:, 0] * _power(step, order + 1) / (order + 1)
    z = [Midrad.of(series.argument[k]) for k in range(order + 1)]
    arguments = Midrad(*(np.concatenate([getattr(part, name) for part in z], axis=1) for name in ("mid", "rad")))
    beyond = tail(field.activation, arguments, step, order)
    defect = up(up(left, 4) + total(sizes * beyond, axis=1))
    return Expansion(step, end, defect, arguments)


def _power(step: Fraction, n: int) -> float:
    return float(up(float(step**n), 2))


def disc(activation: str) -> tuple[float, float]:
    """rho and m with |s| <= m, up to a linear function of z, within rho of every real number.

    Raises
    ------
    NotDecidable
        None is known.
    """
    known = strip(activation)
    if known is None:
        raise NotDecidable(f"no bound of {activation} on complex discs is known")
    return _DISCS.get(activation, (known.width, known.m))


def tail(activation: str, z: Midrad, step: Fraction, order: int) -> Array:
    """Upper bounds of Delta/(P + 1) sum_{k > P} |s_k| Delta^k, unit by unit."""
    if activation == "identity":
        return np.zeros(len(z.mid))
    rho, m = disc(activation)
    delta, sizes = float(up(float(step), 2)), z.sizes[:, 1:]
    share = up(delta / radius(sizes, rho, 16 * delta), 2)
    if not np.all(share <= _SHARE):
        raise OutOfReach("the step is beyond the reach of the expansion")
    left = np.nextafter(1 - share, 0)
    return np.asarray(up(m * delta * share ** (order + 1) / ((order + 1) * left), 2 * order + 8))


def radius(sizes: Array, rho: float, most: float) -> Array:
    """R <= most with sum_j |z_j| R^j <= rho, unit by unit; j = 1 .. P."""
    low, high = np.zeros(len(sizes)), np.full(len(sizes), most)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        value = np.zeros(len(sizes))
        for j in range(sizes.shape[1] - 1, -1, -1):
            value = (value + sizes[:, j]) * middle
        fits = up(value, 3 * sizes.shape[1]) <= rho
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return np.asarray(np.maximum(low, 2.0**-100))


@dataclass(frozen=True, eq=False)
class Tube:
    """The flow at the grid points: centres and radii.

    Attributes
    ----------
    centres : list of arb_mat
        u_k, exact, (N, 1).
    radii : ndarray
        (K + 1, N), rounded up.
    reason : str
        Why it ends before K, or nothing.
    """

    centres: list[Any]
    radii: Array
    reason: str = ""

    def distances(self, states: Any) -> tuple[Array, Array]:
        """Lower and upper values of |x(t_k) - h_k|_inf as far as the tube goes, (K + 1,)."""
        low, high = [], []
        for k, (centre, radii) in enumerate(zip(self.centres, self.radii, strict=True)):
            column = arb_mat(centre.nrows(), 1, [states[i, k] for i in range(centre.nrows())])
            gap = Midrad.of(centre - column)
            around = up(gap.rad + radii)
            high.append(float(np.max(up(np.abs(gap.mid) + around))))
            low.append(float(max(0.0, np.max(np.abs(gap.mid) * (1 - 2.0**-50) - around))))
        return np.array(low), np.array(high)


def follow(field: Lure, drives: Drives, h0: Any, step: Fraction, frames: Sequence[Frame], order: int) -> Tube:
    """The flow through h0, (N, 1), with Taylor polynomials of one order; use inside `precision`."""
    ops, centres, radii, carried, parts = Ball(), [h0], [np.zeros(h0.nrows())], np.zeros(len(frames)), 1
    for k in range(drives.steps):
        try:
            if k % _RELAX == 0:
                parts = max(parts // 2, 1)
            centre, carried, parts = _one_step(ops, field, drives, k, centres[-1], carried, step, frames, order, parts)
        except NotDecidable as problem:
            return Tube(centres, np.array(radii), str(problem))
        if not np.any(np.isfinite(carried)):
            return Tube(centres, np.array(radii), "the radius overflows")
        centres.append(centre)
        reach = [frame.norm.entries(r) for frame, r in zip(frames, carried, strict=True)]
        radii.append(np.min(reach, axis=0))
    return Tube(centres, np.array(radii))


def _one_step(
    ops: Ball,
    field: Lure,
    drives: Drives,
    k: int,
    u: Any,
    carried: Array,
    step: Fraction,
    frames: Sequence[Frame],
    order: int,
    parts: int,
) -> tuple[Any, Array, int]:
    """One step in equal parts, twice as many whenever one is out of reach: centre, radii, and how many."""
    sizes = frames[0].coefficients.B.sizes
    while parts <= _MOST_PARTS:
        part = step / parts
        try:
            centre, radii = u, carried
            for j in range(parts):
                value = ops.lift(drives.values[k] + j * part * drives.slopes[k])
                found = expand(ops, field, sizes, centre, value, ops.lift(drives.slopes[k]), part, order)
                pairs = zip(frames, radii, strict=True)
                radii = np.array([_carry(frame, Scalars(part), found, r) for frame, r in pairs])
                entries = found.value.entries()
                centre = arb_mat(len(entries), 1, [entry.mid() for entry in entries])
            return centre, radii, parts
        except OutOfReach:
            parts *= 2
    raise NotDecidable(f"a step is beyond the reach of the expansion, in {_MOST_PARTS} parts as well")


def _carry(frame: Frame, scalars: Scalars, found: Expansion, r: float) -> float:
    """r at the end of a part, in one norm."""
    if not np.isfinite(r):
        return float("inf")
    norm, c = frame.norm, frame.coefficients
    driven = norm.of(found.defect)
    worst = max(1.0, scalars.growth(frame.everywhere))
    reach = frame.reach * up(worst * (r + driven), 2)
    powers = scalars.high ** np.arange(2, found.z.mid.shape[1])
    curved = total(up(found.z.sizes[:, 2:] * powers, len(powers)), axis=1)
    arguments = over_step(found.z[:, 0], found.z[:, 1], scalars.high, up(reach + curved, 2))
    growth = scalars.growth(frame.logarithmic(*slopes_over(c.activation, *arguments)))
    rounding = norm.of(Midrad.of(found.value).rad[:, 0])
    return float(up(growth * r + max(1.0, growth) * driven + rounding, 4))
