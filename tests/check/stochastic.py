"""Stochastic programs, written down without the oracle: three forms, noise of every scale at both sites, and faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import erf
from typing import Any

import numpy as np

import oracle

STEP, TAU = 0.1, 0.6
ALPHA = STEP / TAU
FACTORS = {
    "sqrt-2alpha": np.sqrt(2 * ALPHA),
    "stationary": np.sqrt(1 - (1 - ALPHA) ** 2),
    "sqrt-alpha": np.sqrt(ALPHA),
    "alpha": ALPHA,
    "sqrt-step": np.sqrt(STEP),
    "sqrt-step-over-tau": np.sqrt(STEP) / TAU,
    "step": STEP,
    "unscaled": 1.0,
    "sqrt-2-over-alpha": np.sqrt(2 / ALPHA),
}
SHAPES: dict[str, Any] = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "identity": lambda z: z,
    "erf": np.vectorize(erf, otypes=[float]),
    "arctan": np.arctan,
    "softplus": lambda z: np.logaddexp(0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "leaky-relu(0.2)": lambda z: np.where(z > 0, z, 0.2 * z),
    "hardtanh": lambda z: np.clip(z, -1, 1),
    "square": lambda z: np.maximum(z, 0) ** 2,
    "silu": lambda z: z / (1 + np.exp(-z)),
}


@dataclass
class Program:
    """A stochastic leaky network: step(h, x) -> h, drawing from its own generator."""

    N: int = 4
    form: str = "rate"
    activation: str = "tanh"
    scale: str = "sqrt-2alpha"
    site: str = "outside"
    sigma: Any = 0.1
    seed: int = 0
    fault: str = ""
    gain: float = 0.8
    dtype: Any = np.float64
    draws: Any = None
    generator: Any = field(init=False)
    previous: Any = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.W = (rng.normal(size=(self.N, self.N)) * self.gain / np.sqrt(self.N)).astype(self.dtype)
        self.M = rng.normal(size=(self.N, 2)).astype(self.dtype)
        self.b = (0.3 * rng.normal(size=self.N)).astype(self.dtype)
        self.generator = np.random.default_rng(self.seed + 1000)
        self.first = self.generator.standard_normal(self.N)
        self.k = 0

    @property
    def record(self) -> oracle.Recurrence:
        """The equation without its noise."""
        made = getattr(oracle.Network, "rate" if self.form in ("wrong", "nameless") else self.form)
        return made(self.W, self.M, self.b, tau=TAU, activation=self.activation).discretize(STEP)

    def xi(self, h: Any) -> Any:
        """The draws of a step, faults included."""
        if self.draws is not None:
            return self.draws
        xi = self.generator.standard_normal(h.shape)
        if self.fault == "shared":
            xi = np.broadcast_to(xi[..., :1], xi.shape)
        elif self.fault == "repeated":
            xi = np.broadcast_to(self.first, xi.shape)
        elif self.fault == "shared trajectories":
            xi = np.broadcast_to(xi[:1], xi.shape)
        elif self.fault == "coloured":
            xi = self.previous = 0.6 * self.previous + 0.8 * xi
        elif self.fault == "correlated":
            xi = np.concatenate([0.8 * xi[..., :1] + 0.6 * xi[..., 1:2], xi[..., 1:]], axis=-1)
        elif self.fault == "uniform":
            xi = self.generator.uniform(-np.sqrt(3), np.sqrt(3), xi.shape)
        elif self.fault == "biased":
            xi = np.sqrt(0.75) * xi + 0.5
        elif self.fault == "multiplied by the state":
            xi = xi * np.sqrt(0.2 + np.minimum(h * h, 4))
        elif self.fault == "one outlier":
            self.k += 1
            xi = xi + 12.0 * (self.k == 50)
        return xi

    def step(self, h: Any, x: Any) -> Any:
        """One step."""
        one, real = self.dtype, self.dtype
        noise = (np.asarray(self.sigma) * FACTORS[self.scale] * self.xi(h)).astype(real)
        f = SHAPES[self.activation]
        inside = noise if self.site == "inside" else real(0)
        outside = noise if self.site == "outside" else real(0)
        z = h @ self.W.T + x @ self.M.T + self.b + inside
        leak = one(1 - ALPHA) * h
        if self.form == "wrong":
            out = leak + one(ALPHA) * f(real(1.3) * z)
        elif self.form == "nameless":
            out = leak + one(ALPHA) * f(z) * (1 + h / 2)
        elif self.form == "current":
            out = leak + one(ALPHA) * (f(h + inside) @ self.W.T + x @ self.M.T + self.b)
        else:
            out = leak + one({"rate": ALPHA, "paper": STEP}[self.form]) * f(z)
        return (out + outside).astype(real)

    def promise(self, **changes: Any) -> oracle.Noise:
        """The noise this program has."""
        return oracle.Noise(**{"sigma": self.sigma, "scale": self.scale, "site": self.site, **changes})


def checked(
    program: Program, noise: oracle.Noise | None = None, *, steps: int = 300, batch: int = 0, **more: Any
) -> Any:
    """The program's check on seeded inputs."""
    rng = np.random.default_rng(program.seed + 17)
    X = rng.normal(size=(steps, batch, 2) if batch else (steps, 2))
    h0 = rng.normal(size=(batch, program.N) if batch else program.N)
    return oracle.check(
        program.step, program.record, inputs=X, h0=h0, noise=noise or program.promise(), kind="step", **more
    )
