"""What absorbing a gain g > 0 into an activation costs where it is not exact: f(z) = g s(z) - s(g z).

f'(z) = g (s'(z) - s'(g z)) = -g int_z^{gz} s'', and |s''(u)| <= |s''(0)| + C3 |u|, C3 = sup|s'''|, give

    |f(z) - (g - 1) s(0)| <= g |g - 1| |s''(0)| z^2 / 2 + |g^3 - g| C3 |z|^3 / 6

For a sigmoid (odd about s(0), s' falling with |z|) f/(g - 1) rises with z, so it lies between s(0) and the end value of
s on the side of z, and the cubic law is cut off there:

    tanh      |f| <= min(|g - 1|, |g^3 - g| |z|^3 / 3)
    logistic  |f| <= |g - 1|/2 + [z > 0] min(|g - 1|/2, |g^3 - g| |z|^3 / 48),   for z <= 0 never more than |g - 1|/2
"""

from __future__ import annotations

from typing import Any

from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball
from oracle.claims.suprema import Known, Shape


def absorbing_error(activation: str, g: Any, z: Any) -> Any:
    """A ball that holds g s(z) - s(g z), for balls g and z."""
    s = Ball().act(activation, arb_mat(2, 1, [z, g * z]))
    return g * s[0, 0] - s[1, 0]


def absorbing_bound(shape: Known, g: Any, z: Any) -> Any:
    """An upper bound of |g s(z) - s(g z)|, for a ball g > 0 and a ball z; an exact arb."""
    offset = abs(_exact(shape, 0)).abs_upper()
    excess = (abs(g - 1)).abs_upper()
    cubic = _around_zero(shape, g, z)
    if not (shape.sigmoid and isinstance(shape, Shape)):
        return (excess * offset + cubic).abs_upper()
    here, sides = _exact(shape, 0), []
    if not z < 0:
        sides.append((shape.high, _smaller(excess * (shape.high - here), cubic)))
    if not z > 0:
        sides.append((shape.low, _smaller(excess * (here - shape.low), cubic)))
    found = arb(0)
    for end, departure in sides:
        # f/(g - 1) lies between s(0) and s(end); only where the end is the larger of the two does the departure add.
        outward = abs(end).abs_upper() > offset
        found = _larger(found, (excess * offset + (departure if outward else 0)).abs_upper())
    return found


def _around_zero(shape: Known, g: Any, z: Any) -> Any:
    """g |g - 1| |s''(0)| z^2 / 2 + |g^3 - g| C3 |z|^3 / 6."""
    size = abs(z).abs_upper()
    curvature = abs(_exact(shape, 2)) * g * abs(g - 1) * size**2 / 2
    return (curvature + abs(g**3 - g) * shape.supremum(3) * size**3 / 6).abs_upper()


def _exact(shape: Known, order: int) -> Any:
    return shape.ball_at_zero(order)


def _smaller(a: Any, b: Any) -> Any:
    a, b = a.abs_upper(), b.abs_upper()
    return a if a < b else b


def _larger(a: Any, b: Any) -> Any:
    return a if a > b else b
