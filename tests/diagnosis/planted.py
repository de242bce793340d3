"""Programs with one planted deviation each, in plain NumPy, and the record they were documented with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import oracle

Array = NDArray[Any]
Run = Callable[[Array, Array], Array]


def logistic(z: Array) -> Array:
    """1/(1 + exp(-z))."""
    return np.asarray(1 / (1 + np.exp(-z)))


def erf(z: Array) -> Array:
    """The error function, in the dtype of its argument."""
    return np.asarray(np.vectorize(math.erf)(z), dtype=z.dtype)


def leaking(slope: float) -> Callable[[Array], Array]:
    """z, or slope z below zero."""
    return lambda z: np.where(z > 0, z, z.dtype.type(slope) * z)


SQUASH: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "logistic": logistic,
    "relu": lambda z: np.maximum(z, 0),
    "identity": lambda z: z,
    **{f"leaky-relu({slope})": leaking(slope) for slope in (0.01, 0.2, 0.3)},
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "hardtanh": lambda z: np.clip(z, -1, 1),
    "softplus": lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
    "softplus(20)": lambda z: np.where(z > 20, z, np.log1p(np.exp(np.minimum(z, 20)))),
    "silu": lambda z: z * logistic(z),
    "gelu": lambda z: z * (1 + erf(z / z.dtype.type(np.sqrt(2)))) / 2,
    "gelu-tanh": lambda z: (
        z * (1 + np.tanh(z.dtype.type(np.sqrt(2 / np.pi)) * (z + z**3 * z.dtype.type(0.044715)))) / 2
    ),
    "erf": lambda z: erf(z),
    "arctan": np.arctan,
    "sin": np.sin,
    "square": lambda z: np.maximum(z, 0) ** 2,
    "softsign": lambda z: z / (1 + np.abs(z)),
    "hard-sigmoid(0.2)": lambda z: np.clip(z * z.dtype.type(0.2) + z.dtype.type(0.5), 0, 1),
    "hard-sigmoid(1/6)": lambda z: np.clip(z + 3, 0, 6) / 6,
}


@dataclass(frozen=True)
class Net:
    """Parameters in one dtype. `I` equals N where input weights can be transposed."""

    N: int
    I: int
    activation: str
    dtype: str = "float64"
    per_unit: bool = False
    two_biases: bool = False
    gain: float = 1.1
    seed: int = 0

    def draw(self, *shape: int, salt: int = 0) -> Array:
        """Normal numbers of the dtype."""
        made: Array = np.random.default_rng((self.seed, salt, *shape)).standard_normal(shape)
        return made.astype(self.dtype)

    @property
    def W(self) -> Array:
        """(N, N)."""
        return self.draw(self.N, self.N) * np.asarray(self.gain / np.sqrt(self.N), dtype=self.dtype)

    @property
    def M(self) -> Array:
        """(N, I)."""
        return self.draw(self.N, self.I, salt=1)

    @property
    def b(self) -> tuple[Array, ...]:
        """One bias or two."""
        return tuple(self.draw(self.N, salt=2 + i) / 2 for i in range(1 + self.two_biases))

    @property
    def tau(self) -> Array:
        """(N,) or ()."""
        if not self.per_unit:
            return np.asarray(0.37, dtype=self.dtype)
        return np.random.default_rng(self.seed).uniform(0.25, 0.6, self.N).astype(self.dtype)

    @property
    def dt(self) -> Array:
        """()."""
        return np.asarray(0.11, dtype=self.dtype)

    def run_data(self, K: int = 9) -> tuple[Array, Array]:
        """h0 (N,) and X (K, I)."""
        return self.draw(self.N, salt=11), self.draw(K, self.I, salt=12)

    def network(self, form: str) -> Any:
        """The documented network."""
        tau = self.tau if self.per_unit else float(self.tau)
        return getattr(oracle.Network, form)(self.W, self.M, self.b, tau=tau, activation=self.activation)

    def record(self, form: str = "rate", scheme: str = "euler") -> oracle.Recurrence:
        """What was documented."""
        weights: dict[str, Any] = {"W": self.W, "M": self.M, "b": self.b, "activation": self.activation}
        if form == "elman":
            return oracle.Recurrence.elman(**weights)
        if form in ("outside", "inside"):
            return oracle.Recurrence.leaky(**weights, alpha=self.tau, sigma=form)
        if form == "leak-inside":
            return oracle.Recurrence.leak_inside(**weights, alpha=self.tau)
        made: oracle.Recurrence = self.network(form).discretize(step=float(self.dt), scheme=scheme)
        return made


@dataclass(frozen=True, eq=False)
class Code:
    """What a program computes with; deviations are edits of it."""

    W: Array
    M: Array
    b: Array
    a: Array
    activation: str
    outside: Array

    @staticmethod
    def of(net: Net, alpha: Array | None = None) -> Code:
        """The documented numbers; alpha = dt/tau unless it is given."""
        a = net.dt / net.tau if alpha is None else alpha
        zero = np.zeros(net.N, dtype=net.dtype)
        return Code(net.W, net.M, np.asarray(sum(net.b, zero)), np.asarray(a), net.activation, zero)

    def but(self, **changes: Any) -> Code:
        """An edit."""
        return replace(self, **changes)

    def z(self, h: Array, x: Array) -> Array:
        """W h + M x + b."""
        return np.asarray(self.W @ h + self.M @ x + self.b)

    def s(self, z: Array) -> Array:
        """The activation."""
        return SQUASH[self.activation](z)

    def drive(self, h: Array, x: Array) -> Array:
        """s(W h + M x + b), plus a bias outside."""
        return np.asarray(self.s(self.z(h, x)) + self.outside)


Step = Callable[[Code, Array, Array], Array]


def rate(c: Code, h: Array, x: Array) -> Array:
    """h + a (s(..) - h)."""
    return np.asarray(h + c.a * (c.drive(h, x) - h))


def current(c: Code, h: Array, x: Array) -> Array:
    """(1-a) h + a (W s(h) + M x + b)."""
    return np.asarray((1 - c.a) * h + c.a * c.z(c.s(h), x))


def leak_inside(c: Code, h: Array, x: Array) -> Array:
    """s((1-a) h + a (W h + M x + b))."""
    return np.asarray(c.s((1 - c.a) * h + c.a * c.z(h, x)))


def elman(c: Code, h: Array, x: Array) -> Array:
    """s(W h + M x + b)."""
    return c.drive(h, x)


def gained(gain: Any, decay: Any = None) -> Step:
    """(1-a) h + gain s(..)."""
    return lambda c, h, x: np.asarray((1 - (c.a if decay is None else decay)) * h + gain * c.drive(h, x))


def staged(scheme: str, field: Callable[[Code, Array, Array], Array], dt: Array) -> Step:
    """A Runge-Kutta step of a field."""

    def step(c: Code, h: Array, x: Array) -> Array:
        def f(y: Array) -> Array:
            return field(c, y, x)

        if scheme == "midpoint":
            return h + dt * f(h + dt / 2 * f(h))
        k = f(h)
        if scheme == "heun":
            return h + dt / 2 * (k + f(h + dt * k))
        k2 = f(h + dt / 2 * k)
        k3 = f(h + dt / 2 * k2)
        return h + dt / 6 * (k + 2 * k2 + 2 * k3 + f(h + dt * k3))

    return step


def runs(code: Code, step: Step = rate, read: Callable[[Array, int], Array] = lambda X, k: X[k]) -> Run:
    """run(h0, X) -> all states; `read` picks the sample of a step."""

    def run(h0: Array, X: Array) -> Array:
        states = [h0]
        for k in range(len(X)):
            states.append(step(code, states[-1], read(X, k)))
            assert states[-1].dtype == h0.dtype, "a program that widens its states is another bug"
        return np.stack(states)

    return run
