"""Honest single steps in NumPy, in many arrangements: every expression here is the documented equation up to rounding.

Written from the parameters alone. A value has one column per step; every number is stored in the dtype of the program,
parameters given in float64 are cast on the way in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

import oracle

Array = NDArray[Any]
Unary = Callable[[Array], Array]


def forward(W: Array, v: Array) -> Array:
    """Left to right."""
    total = np.zeros((len(W), v.shape[1]), dtype=v.dtype)
    for j in range(W.shape[1]):
        total = total + W[:, j : j + 1] * v[j]
    return total


def backward(W: Array, v: Array) -> Array:
    """Right to left."""
    return forward(W[:, ::-1], v[::-1])


def tree(W: Array, v: Array) -> Array:
    """A balanced tree."""
    terms = [W[:, j : j + 1] * v[j] for j in range(W.shape[1])] or [np.zeros((len(W), v.shape[1]), dtype=v.dtype)]
    while len(terms) > 1:
        terms = [terms[i] + terms[i + 1] if i + 1 < len(terms) else terms[i] for i in range(0, len(terms), 2)]
    return terms[0]


def lanes(W: Array, v: Array) -> Array:
    """Four accumulators, as a vectorised loop keeps them."""
    parts = [forward(W[:, i::4], v[i::4]) for i in range(4)]
    return (parts[0] + parts[1]) + (parts[2] + parts[3])


def by_size(W: Array, v: Array) -> Array:
    """Largest products first: the small ones drown one by one."""
    if not W.shape[1]:
        return forward(W, v)
    terms = W[:, :, None] * v[None]
    terms = np.take_along_axis(terms, np.argsort(-np.abs(terms), axis=1), axis=1)
    return np.cumsum(terms, axis=1)[:, -1]


def fused(W: Array, v: Array) -> Array:
    """Fused multiply-add, emulated for float32 (the double rounding through float64 is far below u)."""
    if v.dtype != np.float32:
        return forward(W, v)
    total = np.zeros((len(W), v.shape[1]), dtype=np.float32)
    for j in range(W.shape[1]):
        wide = W[:, j : j + 1].astype(np.float64) * v[j] + total
        total = wide.astype(np.float32)
    return total


def blas(W: Array, v: Array) -> Array:
    """Whatever NumPy calls."""
    return W @ v


KERNELS = {"blas": blas, "forward": forward, "backward": backward, "tree": tree, "lanes": lanes, "by size": by_size}
KERNELS["fused"] = fused


def logistic(z: Array) -> Array:
    """1/(1 + exp(-z))."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


ACTIVATIONS: dict[str, dict[str, Unary]] = {
    "tanh": {"tanh": np.tanh, "expm1": lambda z: _through_expm1(z)},
    "logistic": {"exp": logistic, "tanh": lambda z: (1 + np.tanh(z / 2)) / 2},
    "relu": {
        "maximum": lambda z: np.maximum(z, 0),
        "mask": lambda z: z * (z > 0),
        "halves": lambda z: (np.abs(z) + z) / 2,
    },
    "identity": {"identity": lambda z: z},
}


def _through_expm1(z: Array) -> Array:
    """tanh with full relative accuracy, from expm1."""
    e = np.expm1(-2 * np.abs(z))
    return -np.sign(z) * e / (e + 2)


Order = Callable[[Callable[[Array, Array], Array], Any, Array, Array], Array]


def _parts(k: Any, p: Any, h: Array, x: Array) -> list[Array]:
    return [k(p.W, h), k(p.M, x), *(part[:, None] for part in p.b)]


def _left(k: Any, p: Any, h: Array, x: Array) -> Array:
    total, *rest = _parts(k, p, h, x)
    for part in rest:
        total = total + part
    return total


def _right(k: Any, p: Any, h: Array, x: Array) -> Array:
    *rest, total = _parts(k, p, h, x)
    for part in rest[::-1]:
        total = total + part
    return total + np.zeros_like(h[:1])


def _stacked(k: Any, p: Any, h: Array, x: Array) -> Array:
    matrix = np.concatenate([p.W, p.M, *(part[:, None] for part in p.b)], axis=1)
    ones = np.ones((len(p.b), h.shape[1]), dtype=h.dtype)
    return k(matrix, np.concatenate([h, x, ones]))


ORDERS: dict[str, Order] = {"left to right": _left, "drive first": _right, "one product": _stacked}


@dataclass(frozen=True, eq=False)
class Given:
    """Parameters as a program holds them (cast) or as the record states them."""

    W: Array
    M: Array
    b: tuple[Array, ...]
    tau: Array
    dt: Array

    def cast(self, dtype: Any) -> Given:
        """The numbers a program of this dtype works with; times as columns."""
        times = (np.asarray(t).astype(dtype) for t in (self.tau, self.dt))
        tau, dt = (t[:, None] if t.ndim else t for t in times)
        return Given(self.W.astype(dtype), self.M.astype(dtype), tuple(b.astype(dtype) for b in self.b), tau, dt)


Leak = Callable[[Array, Array, Array, Array, Array], Array]  # h, s, tau, dt, one

LEAKS: dict[str, Leak] = {
    "(1-a)h + a s": lambda h, s, tau, dt, one: (one - dt / tau) * h + dt / tau * s,
    "h + a(s-h)": lambda h, s, tau, dt, one: h + dt / tau * (s - h),
    "h + dt(-h+s)/tau": lambda h, s, tau, dt, one: h + dt * (-h + s) / tau,
    "h - a h + a s": lambda h, s, tau, dt, one: h - dt / tau * h + dt / tau * s,
    "h + (dt/tau s - dt/tau h)": lambda h, s, tau, dt, one: h + (dt * s / tau - dt * h / tau),
    "((tau-dt)h + dt s)/tau": lambda h, s, tau, dt, one: ((tau - dt) * h + dt * s) / tau,
    "h + dt((1/tau)(s-h))": lambda h, s, tau, dt, one: h + dt * ((one / tau) * (s - h)),
    "h + (dt(1/tau))(s-h)": lambda h, s, tau, dt, one: h + dt * (one / tau) * (s - h),
    "h + dt((1/tau)s - (1/tau)h)": lambda h, s, tau, dt, one: h + dt * ((one / tau) * s - (one / tau) * h),
    "h - (h-s)/(tau/dt)": lambda h, s, tau, dt, one: h - (h - s) / (tau / dt),
    "h(1-dt(1/tau)) + s dt(1/tau)": lambda h, s, tau, dt, one: h * (one - dt * (one / tau)) + s * dt * (one / tau),
}
PAPER: dict[str, Leak] = {
    "(1-a)h + dt s": lambda h, s, tau, dt, one: (one - dt / tau) * h + dt * s,
    "h + dt(-h/tau + s)": lambda h, s, tau, dt, one: h + dt * (-h / tau + s),
    "h + (dt/tau)(tau s - h)": lambda h, s, tau, dt, one: h + dt / tau * (tau * s - h),
    "((tau-dt)h)/tau + dt s": lambda h, s, tau, dt, one: (tau - dt) * h / tau + dt * s,
    "h + dt s - dt (1/tau) h": lambda h, s, tau, dt, one: h + dt * s - dt * (one / tau) * h,
}
EXPONENTIAL: dict[str, Leak] = {
    "d h + (1-d)s": lambda h, s, tau, dt, one: np.exp(-dt / tau) * h + (one - np.exp(-dt / tau)) * s,
    "d h - expm1(-a) s": lambda h, s, tau, dt, one: np.exp(-dt / tau) * h - np.expm1(-dt / tau) * s,
    "h + (1-d)(s-h)": lambda h, s, tau, dt, one: h + (one - np.exp(-dt / tau)) * (s - h),
    "h - expm1(-dt(1/tau))(s-h)": lambda h, s, tau, dt, one: h - np.expm1(-dt * (one / tau)) * (s - h),
    "d = exp(-dt(1/tau))": lambda h, s, tau, dt, one: _decay(h, s, np.exp(-dt * (one / tau)), one),
    "s - d(s-h), d tiny": lambda h, s, tau, dt, one: _decay(h, s, np.exp(-(dt / tau)), one),
}
ANCHORED: dict[str, Leak] = {
    "s + (1-a)(h-s)": lambda h, s, tau, dt, one: s + (one - dt / tau) * (h - s),
    "s - (1-a)(s-h)": lambda h, s, tau, dt, one: s - (one - dt / tau) * (s - h),
}
"""Lerps anchored at s: they round at the size of |s| whatever alpha is."""


def _decay(h: Array, s: Array, d: Array, one: Array) -> Array:
    return (one - d) * s + h * d


FIELDS: dict[str, Leak] = {  # dt is not used: one slope
    "(-h+s)/tau": lambda h, s, tau, dt, one: (-h + s) / tau,
    "(1/tau)s - (1/tau)h": lambda h, s, tau, dt, one: (one / tau) * s - (one / tau) * h,
    "s/tau - h/tau": lambda h, s, tau, dt, one: s / tau - h / tau,
}
Field = Callable[[Array], Array]
Scheme = Callable[[Field, Array, Array], Array]


def _midpoint(f: Field, h: Array, dt: Array) -> Array:
    return h + dt * f(h + dt / 2 * f(h))


def _midpoint_scaled(f: Field, h: Array, dt: Array) -> Array:
    k = dt * f(h)
    return dt * f(h + k / 2) + h


def _heun(f: Field, h: Array, dt: Array) -> Array:
    k = f(h)
    return h + dt / 2 * (k + f(h + dt * k))


def _heun_averaged(f: Field, h: Array, dt: Array) -> Array:
    predicted = h + dt * f(h)
    return (h + (predicted + dt * f(predicted))) / 2


def _rk4(f: Field, h: Array, dt: Array) -> Array:
    a = f(h)
    b = f(h + dt / 2 * a)
    c = f(h + dt / 2 * b)
    return h + dt / 6 * (a + 2 * b + 2 * c + f(h + dt * c))


def _rk4_scaled(f: Field, h: Array, dt: Array) -> Array:
    a = dt * f(h)
    b = dt * f(h + a / 2)
    c = dt * f(h + b / 2)
    d = dt * f(h + c)
    return (((d / 6 + c / 3) + b / 3) + a / 6) + h


SCHEMES: dict[str, dict[str, Scheme]] = {
    "midpoint": {"midpoint": _midpoint, "scaled slopes": _midpoint_scaled},
    "heun": {"heun": _heun, "averaged": _heun_averaged},
    "rk4": {"rk4": _rk4, "scaled slopes": _rk4_scaled},
}


@dataclass(frozen=True, eq=False)
class Program:
    """A step h, x -> h+ in one dtype, on columns; `label` says how it is written."""

    label: str
    step: Callable[[Array, Array], Array]


def programs(form: str, scheme: str, activation: str, given: Given, dtype: Any, count: int) -> Iterator[Program]:
    """Programs of one equation: all leaks or schemes, with kernels, orders and activations taking turns."""
    p, one = given.cast(dtype), np.ones((), dtype=dtype)
    leaks = _leaks(form, scheme)
    styles = cycle(product(ORDERS, KERNELS, ACTIVATIONS[activation]))
    for (arrangement, leak), (order, kernel, how) in islice(zip(cycle(leaks.items()), styles, strict=False), count):
        squash = ACTIVATIONS[activation][how]

        def drive(h: Array, x: Array, order: str = order, kernel: str = kernel, squash: Unary = squash) -> Array:
            if form in ("current", "inside"):
                return ORDERS[order](KERNELS[kernel], p, squash(h), x)
            return squash(ORDERS[order](KERNELS[kernel], p, h, x))

        def step(h: Array, x: Array, leak: Leak = leak, drive: Any = drive, squash: Unary = squash) -> Array:
            if form == "elman":
                return drive(h, x)
            if form == "leak-inside":
                z = ORDERS["left to right"](KERNELS["forward"], p, h, x)
                return squash(leak(h, z, p.tau, p.dt, one))
            return leak(h, drive(h, x), p.tau, p.dt, one)

        label = f"{arrangement}; {order}; {kernel}; {how}"
        if scheme not in SCHEMES:
            yield Program(label, step)
            continue
        for stage, staged in SCHEMES[scheme].items():
            yield Program(f"{stage}: {label}", _staged(staged, leak, drive, p, one))


def _staged(staged: Scheme, leak: Leak, drive: Any, p: Given, one: Array) -> Callable[[Array, Array], Array]:
    return lambda h, x: staged(lambda y: leak(y, drive(y, x), p.tau, p.dt, one), h, p.dt)


def _leaks(form: str, scheme: str) -> dict[str, Leak]:
    if form == "elman":
        return {"no leak": LEAKS["h + a(s-h)"]}
    if scheme in SCHEMES:
        return FIELDS
    if scheme == "exponential-euler":
        return EXPONENTIAL
    return PAPER if form == "paper" else LEAKS


def record(form: str, scheme: str, activation: str, given: Given) -> oracle.Recurrence:
    """The record of what is given; a leak stated as alpha has tau = 1."""
    tau: Any = given.tau if given.tau.ndim else float(given.tau)
    weights: dict[str, Any] = {"W": given.W, "M": given.M, "b": given.b, "activation": activation}
    if form == "elman":
        return oracle.Recurrence.elman(**weights)
    if form in ("outside", "inside"):
        return oracle.Recurrence.leaky(**weights, alpha=given.dt, sigma=form)
    if form == "leak-inside":
        return oracle.Recurrence.leak_inside(**weights, alpha=given.dt)
    net = getattr(oracle.Network, form)(**weights, tau=tau)
    made: oracle.Recurrence = net.discretize(step=float(given.dt), scheme=scheme)
    return made
