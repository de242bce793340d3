"""Ways to write the leak: h+ from h, the drive s and the numbers a leak is stated with.

Each is one arrangement of (1 - a) h + a s with a = dt/tau; of (1 - dt/tau) h + dt s for the paper's form; and of their
exponential counterparts. tau = 1 and dt = alpha where a record states alpha. `ANCHORED` holds lerps anchored at s,
which round at the size of s whatever a is: the bound for the record's own atoms does not claim them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .given import Array


@dataclass(frozen=True)
class Times:
    """tau (N,) or () and dt (), in the candidate's dtype, and what programs derive from them before the loop."""

    tau: Array
    dt: Array

    @property
    def one(self) -> Array:
        """1 in this dtype."""
        return np.ones((), dtype=self.tau.dtype)

    @property
    def alpha(self) -> Array:
        """dt / tau, rounded."""
        return self.dt / self.tau

    @property
    def rate(self) -> Array:
        """1 / tau, rounded."""
        return self.one / self.tau

    @property
    def decay(self) -> Array:
        """exp(-dt/tau)."""
        return np.exp(-self.alpha)

    @property
    def reach(self) -> Array:
        """1 - exp(-dt/tau), without cancellation."""
        return -np.expm1(-self.alpha)


Leak = Callable[[Array, Array, Times], Array]

CONVEX: dict[str, Leak] = {
    "(1-a)h + a s": lambda h, s, t: (t.one - t.alpha) * h + t.alpha * s,
    "h + a(s-h)": lambda h, s, t: h + t.alpha * (s - h),
    "h + dt(-h+s)/tau": lambda h, s, t: h + t.dt * (-h + s) / t.tau,
    "h - a h + a s": lambda h, s, t: h - t.alpha * h + t.alpha * s,
    "((tau-dt)h + dt s)/tau": lambda h, s, t: ((t.tau - t.dt) * h + t.dt * s) / t.tau,
    "h + (dt (1/tau))(s-h)": lambda h, s, t: h + (t.dt * t.rate) * (s - h),
    "h + dt(s/tau - h/tau)": lambda h, s, t: h + t.dt * (s / t.tau - h / t.tau),
    "h + (a s - a h)": lambda h, s, t: h + (t.alpha * s - t.alpha * h),
    "(h + a s) - a h": lambda h, s, t: (h + t.alpha * s) - t.alpha * h,
    "h(1-dt(1/tau)) + s dt(1/tau)": lambda h, s, t: h * (t.one - t.dt * t.rate) + s * t.dt * t.rate,
    "h - (h-s)/(tau/dt)": lambda h, s, t: h - (h - s) / (t.tau / t.dt),
}

PAPER: dict[str, Leak] = {
    "(1-dt/tau)h + dt s": lambda h, s, t: (t.one - t.alpha) * h + t.dt * s,
    "h + dt(-h/tau + s)": lambda h, s, t: h + t.dt * (-h / t.tau + s),
    "h - (dt/tau)h + dt s": lambda h, s, t: h - t.alpha * h + t.dt * s,
    "h + dt(s - (1/tau)h)": lambda h, s, t: h + t.dt * (s - t.rate * h),
    "((tau-dt)h)/tau + dt s": lambda h, s, t: (t.tau - t.dt) * h / t.tau + t.dt * s,
    "(h + dt s) - dt h/tau": lambda h, s, t: (h + t.dt * s) - t.dt * h / t.tau,
    "h + (dt/tau)(tau s - h)": lambda h, s, t: h + t.alpha * (t.tau * s - h),
    "dt s + (h - dt(1/tau)h)": lambda h, s, t: t.dt * s + (h - t.dt * t.rate * h),
}

EXPONENTIAL: dict[str, Leak] = {
    "d h + (1-d)s": lambda h, s, t: t.decay * h + (t.one - t.decay) * s,
    "d h - expm1(-a)s": lambda h, s, t: t.decay * h + t.reach * s,
    "h + (1-d)(s-h)": lambda h, s, t: h + (t.one - t.decay) * (s - h),
    "h - expm1(-a)(s-h)": lambda h, s, t: h + t.reach * (s - h),
    "h + (e s - e h)": lambda h, s, t: h + (t.reach * s - t.reach * h),
    "(1-e)h + e s": lambda h, s, t: (t.one - t.reach) * h + t.reach * s,
}

PAPER_EXPONENTIAL: dict[str, Leak] = {
    "d h + tau(1-d)s": lambda h, s, t: t.decay * h + t.tau * (t.one - t.decay) * s,
    "d h - tau expm1(-a)s": lambda h, s, t: t.decay * h + t.tau * t.reach * s,
    "h + (1-d)(tau s - h)": lambda h, s, t: h + (t.one - t.decay) * (t.tau * s - h),
    "d h - expm1(-a)s/(1/tau)": lambda h, s, t: t.decay * h + t.reach * s / t.rate,
    "h + e tau s - e h": lambda h, s, t: h + t.reach * (t.tau * s) - t.reach * h,
    "d h + dt(e/a)s": lambda h, s, t: t.decay * h + t.dt * (t.reach / t.alpha) * s,
}

ANCHORED: dict[str, Leak] = {
    "s + (1-a)(h-s)": lambda h, s, t: s + (t.one - t.alpha) * (h - s),
    "s - (1-a)(s-h)": lambda h, s, t: s - (t.one - t.alpha) * (s - h),
}

Field = Callable[[Array, Array, Times], Array]

FIELDS: dict[str, Field] = {
    "(-h+s)/tau": lambda h, s, t: (-h + s) / t.tau,
    "s/tau - h/tau": lambda h, s, t: s / t.tau - h / t.tau,
    "(1/tau)(s-h)": lambda h, s, t: t.rate * (s - h),
    "(1/tau)s - (1/tau)h": lambda h, s, t: t.rate * s - t.rate * h,
}
PAPER_FIELDS: dict[str, Field] = {
    "-h/tau + s": lambda h, s, t: -h / t.tau + s,
    "s - (1/tau)h": lambda h, s, t: s - t.rate * h,
    "(tau s - h)/tau": lambda h, s, t: (t.tau * s - h) / t.tau,
}

Staged = Callable[[Callable[[Array], Array], Array, Array], Array]  # (field, h, dt) -> h+


def _part(dt: Array, divisor: int) -> Array:
    return dt / np.asarray(divisor, dtype=dt.dtype)


def midpoint(field: Callable[[Array], Array], h: Array, dt: Array) -> Array:
    """h + dt F(h + dt/2 F(h))."""
    return h + dt * field(h + _part(dt, 2) * field(h))


def midpoint_scaled(field: Callable[[Array], Array], h: Array, dt: Array) -> Array:
    """The same with k1 = dt F(h)."""
    k = dt * field(h)
    return dt * field(h + k / 2) + h


def heun(field: Callable[[Array], Array], h: Array, dt: Array) -> Array:
    """h + dt/2 (k1 + k2)."""
    k = field(h)
    return h + _part(dt, 2) * (k + field(h + dt * k))


def heun_averaged(field: Callable[[Array], Array], h: Array, dt: Array) -> Array:
    """(h + (predicted + dt F(predicted)))/2."""
    predicted = h + dt * field(h)
    return (h + (predicted + dt * field(predicted))) / 2


def rk4(field: Callable[[Array], Array], h: Array, dt: Array) -> Array:
    """h + dt/6 (k1 + 2 k2 + 2 k3 + k4)."""
    a = field(h)
    b = field(h + _part(dt, 2) * a)
    c = field(h + _part(dt, 2) * b)
    d = field(h + dt * c)
    return h + _part(dt, 6) * (a + 2 * b + 2 * c + d)


def rk4_scaled(field: Callable[[Array], Array], h: Array, dt: Array) -> Array:
    """Slopes times dt, thirds and sixths, summed from the other end."""
    a = dt * field(h)
    b = dt * field(h + a / 2)
    c = dt * field(h + b / 2)
    d = dt * field(h + c)
    return (((d / 6 + c / 3) + b / 3) + a / 6) + h


SCHEMES: dict[str, dict[str, Staged]] = {
    "midpoint": {"midpoint": midpoint, "midpoint, scaled slopes": midpoint_scaled},
    "heun": {"heun": heun, "heun, averaged": heun_averaged},
    "rk4": {"rk4": rk4, "rk4, scaled slopes": rk4_scaled},
}
