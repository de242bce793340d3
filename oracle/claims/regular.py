"""The regular radius: how far from an equilibrium the linearisation is accurate to eps, for all times.

At an equilibrium h* (input held), if mu(A + B D W) <= -m < 0 for all slopes D met within |delta| <= rho, then
|delta(t)| <= |delta(0)| e^{-mt} there, and form (b) of the remainder gives

    |h - h_lin| <= (C2/2) |B| |W|^2 r^2 int_0^t e^{-m(t-s)} e^{-2ms} ds <= C2 |B| |W|^2 r^2 / (8 m)

for |delta(0)| <= r <= rho: the integral is e^{-mt}(1 - e^{-mt})/m, at most 1/(4m). So r = sqrt(8 m eps/(C2 |B| |W|^2)).
Sharper: any kappa with | |B| (W delta)^{o2} | <= kappa |delta|^2 will do for |B| |W|^2, for instance | |B| rho^{o2} |
with |W delta|_i <= rho_i |delta|. Where neither the infinity- nor the 2-norm has a rate, weighted norms are tried.
The rate m is taken at the equilibrium first, then over the ball of the radius that it would allow: r <= rho holds.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, precision, upper_floats
from oracle.arithmetic.midrad import Midrad, total, up
from oracle.claims.fixed_points import enclosure, fixed_point
from oracle.claims.segments import Step, ends, slopes_between
from oracle.claims.suprema import Known, shape
from oracle.records.exact import Array
from oracle.records.network import Network
from oracle.reference.jacobians import Frame
from oracle.reference.weighted import Norm, norm_of_sizes, norms_for, spectral_norm

BITS = 160
EPS = Fraction(1, 1000)


class Regular(NamedTuple):
    """|h(0) - h*| <= radius in a norm proves |h - h_lin| <= eps in that norm for all t; radius 0 where nothing is.

    `gain` is kappa. Weights, where there are any, are at most 1, so that entries are bounded by the norm.
    """

    radius: float
    norm: str
    rate: float
    text: str
    gain: float = 0.0


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
    if kind is None or kind.linear:
        return Regular(0.0, "", 0.0, f"no regular radius for {net.activation}")
    point = fixed_point(net, x, start)
    if not point:
        return Regular(0.0, "", 0.0, f"no equilibrium was certified: {point.reason}")
    with precision(BITS):
        step = Step.of(net.field, x[None, :])
        z = step.arguments(enclosure(point))
        plain = [Norm.plain(name, net.N) for name in ("infinity", "two")]
        found = [_radius(step, kind, z, eps, norm) for norm in plain]
        if not any(each.radius for each in found):
            others = norms_for(step.jacobian(slopes_between(kind, z, z)).sizes)
            found = [_radius(step, kind, z, eps, _at_most_one(norm)) for norm in others]
    best = max(found, key=lambda r: r.radius)
    where = f"about the equilibrium enclosed within {point.radius:.1e} (Krawczyk)"
    if not best.radius:
        return best._replace(text=f"no regular radius {where}: no rate m > 0 in any norm that was tried")
    text = f"regular radius for {float(eps):g}: {best.radius:.6g} in the {best.norm} norm, m = {best.rate:.6g}, {where}"
    return best._replace(text=f"{text} (proved, balls)")


def _at_most_one(norm: Norm) -> Norm:
    return Norm(norm.kind, norm.weights / np.max(norm.weights), norm.name)


def _radius(step: Step, kind: Known, z: Any, eps: Fraction, norm: Norm) -> Regular:
    frame, name = Frame(step.coefficients, norm), norm.name
    gain, rate = kappa(frame), _rate(frame, kind, z, z)
    if gain == 0 or not rate > 0:
        return Regular(0.0, name, 0.0, "")
    room = float(up(_sized(rate, eps, kind, gain)[1]))
    around = up(frame.reach * room)
    ends_of_ball = [arb_mat(z.nrows(), 1, [z[i, 0] + sign * around[i] for i in range(z.nrows())]) for sign in (-1, 1)]
    rate = _rate(frame, kind, *ends_of_ball)
    if not rate > 0:
        return Regular(0.0, name, 0.0, "")
    # A smaller rate gives a smaller radius, so it stays inside the ball over which the rate holds.
    return Regular(_sized(rate, eps, kind, gain)[0], name, rate, "", gain)


def _sized(rate: float, eps: Fraction, kind: Known, gain: float) -> tuple[float, float]:
    """sqrt(8 m eps / (C2 kappa)), rounded down and up."""
    value = (8 * arb(rate) * Ball().rational(eps) / (kind.supremum(2) * gain)).sqrt()
    matrix = arb_mat(1, 1, [value])
    return float(lower_floats(matrix)[0, 0]), float(upper_floats(matrix)[0, 0])


def kappa(frame: Frame) -> float:
    """An upper bound of | |B| (W delta)^{o2} | / |delta|^2."""
    norm, B, W = frame.norm, frame.coefficients.B.sizes, frame.coefficients.W
    by_entries = norm.of(total(up(B * up(frame.reach * frame.reach)), axis=1))
    if norm.kind != "two":
        return by_entries
    # One factor of each square by its largest value, the other in the norm.
    weighted = up(up(B * frame.reach) / norm.weights[:, None])
    diagonal = frame.coefficients.left
    outer = float(np.max(np.diagonal(weighted))) if diagonal else norm_of_sizes(weighted)
    return min(by_entries, float(up(outer * spectral_norm(W * Midrad.exactly(norm.weights)[None, :]))))


def _rate(frame: Frame, kind: Known, low: Any, high: Any) -> float:
    """m = -mu over all slopes between two columns of arguments, rounded down."""
    return -frame.logarithmic(*ends(slopes_between(kind, low, high)))
