"""Random networks for the claims: every convention, activations, scalar and per-unit tau, never symmetric."""

from __future__ import annotations

import numpy as np

import oracle

FORMS = ("paper", "rate", "current")
ACTIVATIONS = ("tanh", "logistic", "relu", "identity")


def network(seed, N=None, form=None, activation=None, scalar=None):
    """A network of 1 to 8 units, 0 to 3 inputs, drawn from a seed."""
    rng = np.random.default_rng(seed)
    form = form or FORMS[seed % 3]
    activation = activation or ACTIVATIONS[(seed // 3) % 4]
    scalar = rng.random() < 0.5 if scalar is None else scalar
    N = int(rng.integers(1, 9)) if N is None else N
    inputs = int(rng.integers(0, 4))
    W, M, b = rng.normal(size=(N, N)), rng.normal(size=(N, inputs)), rng.normal(size=N)
    if rng.random() < 0.3:
        W = W.astype(np.float32)
    tau = rng.uniform(0.1, 2.0) if scalar else rng.uniform(0.1, 2.0, N)
    biases = {0: None, 1: b, 2: (b, rng.normal(size=N))}[int(rng.integers(0, 3))]
    return getattr(oracle.Network, form)(W, M, biases, tau=tau, activation=activation)


def general(seed):
    """A network in the normal form with every coefficient dense and K != N."""
    rng = np.random.default_rng(seed)
    N, K, inputs = 3, 4, 2
    shapes = {"A": (N, N), "B": (N, K), "W": (K, N), "M": (K, inputs), "b": (K,), "E": (N, inputs), "c": (N,)}
    return oracle.Network(**{name: rng.normal(size=shape) for name, shape in shapes.items()})


def setting(seed, net):
    """r, step and operating point of a case: r not a power of two, the point off the origin and no equilibrium."""
    rng = np.random.default_rng(seed + 10_000)
    point = (rng.uniform(-1, 1, net.N), rng.normal(size=net.I))
    return {"r": int(rng.choice([3, 5, 7])) / int(rng.choice([1, 2, 11])), "step": rng.uniform(0.01, 0.5), "at": point}
