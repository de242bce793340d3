"""Records of every kind for the tests of the foundation: small, never symmetric, constant or zero.

`dyadic` weights are multiples of 1/8, so that a float64 run of a ReLU or identity network rounds nowhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import oracle
from oracle.records.exact import Array

N, INPUTS = 3, 2
SCHEMES = ("euler", "midpoint", "heun", "rk4")


def dyadic(seed: int, *shape: int) -> Array:
    """Odd multiples of 1/8 in [-15/8, 15/8]: no zero among them."""
    made: Array = (2 * np.random.default_rng(seed).integers(-8, 8, shape) + 1) / 8
    return made


W, M, B = dyadic(1, N, N), dyadic(2, N, INPUTS), dyadic(3, N)
H, X = dyadic(4, N, 2), dyadic(5, INPUTS, 2)  # two columns: a batch
PER_UNIT = np.array([0.5, 2.0, 4.0])
LEAK = np.array([0.25, 0.5, 0.875])


def states(units: int) -> Array:
    """Two states of N numbers, or of the 2 N of a long short-term memory."""
    return H if units == N else np.concatenate([H, dyadic(15, units - N, 2)])


def networks(activation: str = "tanh") -> dict[str, oracle.Network]:
    """Every convention with scalar and per-unit tau, and the normal form stated as such."""
    made: dict[str, oracle.Network] = {}
    for form in ("paper", "rate", "current"):
        for label, tau in (("scalar", 0.5), ("per unit", PER_UNIT)):
            made[f"{form}, {label} tau"] = getattr(oracle.Network, form)(W, M, B, tau=tau, activation=activation)
    made["two biases"] = oracle.Network.rate(W, M, (B, dyadic(6, N)), tau=0.25, activation=activation)
    made["no input"] = oracle.Network.rate(W, tau=0.25, activation=activation)
    given: dict[str, Any] = _coefficients()
    made["general"] = oracle.Network(**given, activation=activation)
    return made


def recurrences(activation: str = "tanh") -> dict[str, oracle.Recurrence]:
    """Every constructor, and every scheme of discretisation that stays rational; step 3/4 keeps 1/6 and 1/3 dyadic."""
    cell: Any = oracle.Recurrence
    made: dict[str, oracle.Recurrence] = {
        "elman": cell.elman(W, M, B, activation=activation),
        "leak inside": cell.leak_inside(W, M, B, alpha=LEAK, activation=activation),
        "general": cell(**_coefficients(), activation=activation, step=0.5),
    }
    for sigma in ("outside", "inside"):
        for label, alpha in (("scalar", 0.25), ("per unit", LEAK)):
            made[f"leaky {sigma}, {label} alpha"] = cell.leaky(W, M, B, alpha=alpha, sigma=sigma, activation=activation)
    for scheme in SCHEMES:
        made[scheme] = networks(activation)["rate, per unit tau"].discretize(step=0.75, scheme=scheme)
    return made


def transcendental() -> dict[str, oracle.Recurrence]:
    """Records that only interval and floating-point arithmetics can evaluate: gates, exp(-dt/tau), s(z*)."""
    gates = dyadic(7, 3 * N, N), dyadic(8, 3 * N, INPUTS), dyadic(9, 3 * N), dyadic(10, 3 * N)
    memory = dyadic(11, 4 * N, N), dyadic(12, 4 * N, INPUTS), dyadic(13, 4 * N), dyadic(14, 4 * N)
    net = networks()["rate, per unit tau"]
    return {
        "gru, reset after": oracle.Recurrence.gru(*gates),
        "gru, reset before": oracle.Recurrence.gru(*gates, reset="before"),
        "lstm": oracle.Recurrence.lstm(*memory),
        "exponential Euler": net.discretize(step=0.1, scheme="exponential-euler"),
        "linearised": net.linearize(at=(H[:, 0], X[:, 0])).discretize(step=0.1),
        "rk4 of a linearisation": net.linearize(at=(H[:, 0], X[:, 0])).discretize(step=0.1, scheme="rk4"),
    }


def _coefficients() -> dict[str, Array]:
    """The normal form with K = 4 nonlinear units on N = 3 states."""
    shapes = {"A": (N, N), "B": (N, 4), "W": (4, N), "M": (4, INPUTS), "b": (4,), "E": (N, INPUTS), "c": (N,)}
    return {name: dyadic(20 + i, *shape) for i, (name, shape) in enumerate(shapes.items())}
