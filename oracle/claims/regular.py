"""The regular radius: how far from an equilibrium the linearisation is accurate to eps, for all times.

At an equilibrium h* (input held), if mu(A + B D W) <= -m < 0 for all slopes D met within |delta| <= rho, then
|delta(t)| <= |delta(0)| e^{-mt} there, and form (b) of the remainder gives

    |h - h_lin| <= (C2/2) |B| |W|^2 r^2 int_0^t e^{-m(t-s)} e^{-2ms} ds <= C2 |B| |W|^2 r^2 / (8 m)

for |delta(0)| <= r <= rho: the integral is e^{-mt}(1 - e^{-mt})/m, at most 1/(4m). So r = sqrt(8 m eps/(C2 |B| |W|^2)).
The rate m is taken at the equilibrium first, then over the ball of the radius that it would allow: r <= rho holds.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, precision
from oracle.claims.fixed_points import enclosure, fixed_point
from oracle.claims.norms import NORMS, Norm, logarithmic_norm, matrix_norm
from oracle.claims.segments import Step, slopes_between
from oracle.claims.suprema import Shape, shape
from oracle.records.exact import Array
from oracle.records.network import Network

BITS = 160
EPS = Fraction(1, 1000)


class Regular(NamedTuple):
    """|h(0) - h*| <= radius in a norm proves |h - h_lin| <= eps in that norm for all t; radius 0 where nothing is."""

    radius: float
    norm: str
    rate: float
    text: str


def regular_radius(net: Network, x: Array, start: Array, eps: Fraction = EPS) -> Regular:
    """The regular radius about the equilibrium reached from a state with the input held at x, rounded down.

    Parameters
    ----------
    net : Network
    x : ndarray, (I,)
    start : ndarray, (N,)
    eps : Fraction
        The accuracy, 1e-3 by default.
    """
    with precision(BITS):
        kind = shape(net.activation)
    if kind is None or not kind.sigmoid:
        return Regular(0.0, "", 0.0, f"no regular radius for {net.activation}")
    point = fixed_point(net, x, start)
    if not point:
        return Regular(0.0, "", 0.0, f"no equilibrium was certified: {point.reason}")
    with precision(BITS):
        step = Step.of(net.field, x[None, :])
        z = step.arguments(enclosure(point))
        found = [_radius(step, kind, z, eps, norm) for norm in NORMS]
    best = max(found, key=lambda r: r.radius)
    where = f"about the equilibrium enclosed within {point.radius:.1e} (Krawczyk)"
    if not best.radius:
        return best._replace(text=f"no regular radius {where}: no rate m > 0 in the {' or '.join(NORMS)} norm")
    text = f"regular radius for {float(eps):g}: {best.radius:.6g} in the {best.norm} norm, m = {best.rate:.6g}, {where}"
    return best._replace(text=f"{text} (proved, balls)")


def _radius(step: Step, kind: Shape, z: Any, eps: Fraction, norm: Norm) -> Regular:
    weight = matrix_norm(step.W, norm)
    scale = (kind.supremum(2) * matrix_norm(step.B, norm) * weight**2).abs_upper()
    rate, radius = _rate(step, kind, z, z, norm), arb(0)
    if scale == 0 or not rate > 0:
        return Regular(0.0, norm, 0.0, "")
    room = (8 * rate * Ball().rational(eps) / scale).sqrt().abs_upper()
    around = [_reach(step.W, i, room, norm) for i in range(z.nrows())]
    ends = [arb_mat(z.nrows(), 1, [z[i, 0] + sign * around[i] for i in range(z.nrows())]) for sign in (-1, 1)]
    rate = _rate(step, kind, ends[0], ends[1], norm)
    if not rate > 0:
        return Regular(0.0, norm, 0.0, "")
    # A smaller rate gives a smaller radius, so it stays inside the ball over which the rate holds.
    radius = (8 * rate * Ball().rational(eps) / scale).sqrt()
    return Regular(_down(radius), norm, _down(rate), "")


def _rate(step: Step, kind: Shape, low: Any, high: Any, norm: Norm) -> Any:
    """m = -mu over all slopes between two columns of arguments, rounded down."""
    return -logarithmic_norm(step.jacobian(slopes_between(kind, low, high)), norm)


def _reach(W: Any, i: int, radius: Any, norm: Norm) -> Any:
    """|W delta|_i for |delta| <= radius, an upper bound."""
    row = [W[i, j].abs_upper() for j in range(W.ncols())]
    size = sum(row, arb(0)) if norm == "infinity" else sum((w * w for w in row), arb(0)).sqrt()
    return (size * radius).abs_upper()


def _down(value: Any) -> float:
    return float(lower_floats(arb_mat(1, 1, [value]))[0, 0])
