"""The grid: every convention, gains from contracting to chaotic, default initialisations, and corner cases.

A row states a cell; its arrays are drawn from a generator seeded by the row's number, never symmetric, constant or
zero unless the row says so. `fingerprint` hashes every number of every cell, so that a result names its grid.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import oracle

from .given import NETWORKS, Array, Given, record_of

SEED = 20231225
DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Spec:
    """One row of the grid, in words.

    Attributes
    ----------
    leak : float, (low, high) or None
        alpha, or tau for a network: one number, or one per unit drawn between two.
    step : float
        dt of a network.
    gain : float
        Spectral radius of W, roughly: entries N(0, gain^2/N).
    init : str
        "normal"; "torch" (U(-1/sqrt N, 1/sqrt N) for W, M and every bias); "sparse" (a tenth of the weights);
        "saturated" (weights and biases so large that most units sit at the ends of s).
    batch : int
        Trajectories; 0 is one trajectory without a batch axis.
    """

    name: str
    form: str
    N: int
    I: int
    scheme: str = ""
    activation: str = "tanh"
    leak: float | tuple[float, float] | None = None
    step: float = 1.0
    gain: float = 0.9
    biases: int = 1
    init: str = "normal"
    batch: int = 0
    K: int = 100
    reset: str = "after"
    h0: float = 0.7
    size: float = 1.0
    bulk: bool = True  # part of the grid proper; the extremes are honest checks only


def _elman() -> list[Spec]:
    return [
        Spec("elman-one-unit", "elman", 1, 1, gain=1.6),
        Spec("elman-two-units", "elman", 2, 3, biases=2, batch=8),
        Spec("elman-relu-square-input", "elman", 5, 5, activation="relu", batch=8),
        Spec("elman-logistic", "elman", 8, 2, activation="logistic", gain=3.0, biases=2),
        Spec("elman-autonomous", "elman", 13, 0, gain=1.7, K=150),
        Spec("elman-identity", "elman", 16, 3, activation="identity", gain=0.7, batch=8),
        Spec("elman-sparse", "elman", 48, 3, init="sparse", gain=1.3, batch=8),
        Spec("elman-saturated", "elman", 16, 4, init="saturated", batch=1),
        Spec("elman-torch-32", "elman", 32, 4, biases=2, init="torch", batch=8),
        Spec("elman-torch-64", "elman", 64, 8, biases=2, init="torch", batch=8),
        Spec("elman-chaotic-64", "elman", 64, 64, gain=3.0, biases=0),
        Spec("elman-relu-128", "elman", 128, 10, activation="relu", gain=1.1, batch=1),
        Spec("elman-torch-256", "elman", 256, 5, biases=2, init="torch", batch=8),
        Spec("elman-chaotic-256", "elman", 256, 3, gain=4.0),
    ]


def _leaky() -> list[Spec]:
    return [
        Spec("outside-one-unit", "leaky-outside", 1, 2, leak=0.3, gain=2.0, batch=8),
        Spec("outside-alpha-one", "leaky-outside", 6, 2, leak=1.0, biases=2),
        Spec("outside-alpha-half", "leaky-outside", 10, 10, leak=0.5, gain=1.5, batch=8),
        Spec("outside-units", "leaky-outside", 20, 3, leak=(0.05, 0.9), gain=1.8, K=200),
        Spec("outside-relu", "leaky-outside", 24, 2, activation="relu", leak=0.25, batch=8),
        Spec("outside-logistic", "leaky-outside", 12, 3, activation="logistic", leak=(0.1, 0.4), gain=4.0, biases=2),
        Spec("outside-identity", "leaky-outside", 9, 2, activation="identity", leak=0.4, gain=0.6),
        Spec("outside-slow", "leaky-outside", 16, 2, leak=0.01, gain=1.5, batch=8, h0=1.5),
        Spec("outside-torch-64", "leaky-outside", 64, 6, leak=0.2, biases=2, init="torch", batch=8),
        Spec("outside-chaotic-256", "leaky-outside", 256, 4, leak=(0.1, 0.5), gain=2.5),
        Spec("outside-torch-320", "leaky-outside", 320, 3, leak=0.1, biases=2, init="torch", batch=1),
        Spec("inside-one-unit", "leaky-inside", 1, 1, leak=0.6, gain=2.0),
        Spec("inside-units", "leaky-inside", 7, 7, leak=(0.1, 0.8), gain=1.6, batch=8),
        Spec("inside-relu", "leaky-inside", 18, 3, activation="relu", leak=0.3, gain=1.0, biases=2),
        Spec("inside-logistic", "leaky-inside", 30, 2, activation="logistic", leak=0.2, gain=5.0, batch=8),
        Spec("inside-no-bias", "leaky-inside", 14, 2, leak=0.35, gain=2.2, biases=0, K=120),
        Spec("inside-96", "leaky-inside", 96, 5, leak=0.15, gain=2.0, batch=1),
        Spec("inside-256", "leaky-inside", 256, 2, leak=(0.05, 0.3), gain=1.5),
        Spec("leak-inside-two", "leak-inside", 2, 2, leak=0.7, gain=1.4, batch=8),
        Spec("leak-inside-units", "leak-inside", 11, 4, leak=(0.2, 0.9), gain=1.9),
        Spec("leak-inside-relu", "leak-inside", 21, 2, activation="relu", leak=0.3, gain=1.0, batch=8),
        Spec("leak-inside-logistic", "leak-inside", 15, 3, activation="logistic", leak=0.45, gain=3.0, biases=2),
        Spec("leak-inside-identity", "leak-inside", 6, 2, activation="identity", leak=0.5, gain=0.7, K=130),
        Spec("leak-inside-torch-80", "leak-inside", 80, 3, leak=0.2, biases=2, init="torch", batch=8),
    ]


def _networks() -> list[Spec]:
    euler, exponential = "euler", "exponential-euler"
    return [
        Spec("rate-euler-one", "rate", 1, 1, euler, leak=0.1, step=0.03, gain=1.8),
        Spec("rate-euler-units", "rate", 17, 3, euler, leak=(0.05, 0.4), step=0.02, gain=1.6, batch=8),
        Spec("rate-euler-overshoot", "rate", 9, 2, euler, leak=0.1, step=0.13, gain=1.2, biases=2),
        Spec("rate-euler-72", "rate", 72, 4, euler, leak=0.1, step=0.01, gain=1.5, batch=8),
        Spec("rate-euler-torch-256", "rate", 256, 6, euler, leak=0.1, step=0.02, biases=2, init="torch", batch=1),
        Spec("rate-exp-units", "rate", 12, 12, exponential, leak=(0.05, 0.4), step=0.05, gain=1.7, batch=8),
        Spec("rate-exp-relu-66", "rate", 66, 3, exponential, activation="relu", leak=0.2, step=0.06),
        Spec("rate-exp-256", "rate", 256, 3, exponential, leak=(0.1, 0.3), step=0.04, gain=2.0),
        Spec("rate-rk4-units", "rate", 5, 2, "rk4", leak=(0.2, 0.5), step=0.15, gain=1.5, batch=8),
        Spec("rate-midpoint", "rate", 8, 3, "midpoint", activation="logistic", leak=0.3, step=0.12, gain=3.0),
        Spec("rate-heun-identity", "rate", 3, 2, "heun", activation="identity", leak=0.4, step=0.1, gain=0.5),
        Spec("paper-euler", "paper", 10, 2, euler, leak=0.5, step=0.1, gain=1.5, batch=8),
        Spec("paper-euler-tau-one", "paper", 6, 3, euler, leak=1.0, step=0.2, gain=1.5),
        Spec("paper-euler-units-64", "paper", 64, 3, euler, leak=(0.3, 3.0), step=0.1, gain=1.2),
        Spec("paper-euler-relu", "paper", 22, 2, euler, activation="relu", leak=0.6, step=0.1, batch=8),
        Spec("paper-exp-units", "paper", 14, 2, exponential, leak=(0.4, 2.5), step=0.3, gain=1.4, biases=2, batch=8),
        Spec("paper-exp-logistic", "paper", 9, 1, exponential, activation="logistic", leak=0.7, step=0.2, gain=3.0),
        Spec("paper-rk4", "paper", 7, 2, "rk4", leak=0.6, step=0.2, gain=1.5),
        Spec("paper-heun-relu", "paper", 6, 2, "heun", activation="relu", leak=0.5, step=0.2, gain=1.0, batch=8),
        Spec("current-euler-units", "current", 16, 16, euler, leak=(0.05, 0.3), step=0.02, gain=1.8, batch=8),
        Spec("current-euler-one-bias-free", "current", 1, 1, euler, leak=0.2, step=0.05, gain=2.0, biases=0),
        Spec("current-euler-100", "current", 100, 4, euler, leak=0.1, step=0.02, gain=1.5),
        Spec("current-exp", "current", 13, 2, exponential, leak=0.15, step=0.06, gain=1.7, biases=2, batch=8),
        Spec("current-exp-256", "current", 256, 2, exponential, leak=0.1, step=0.03, gain=1.5, batch=1),
        Spec("current-rk4-relu", "current", 5, 2, "rk4", activation="relu", leak=0.3, step=0.1, gain=1.0),
        Spec("current-midpoint-units", "current", 6, 3, "midpoint", leak=(0.2, 0.6), step=0.1, gain=1.5, batch=8),
        Spec("current-euler-identity", "current", 5, 2, euler, activation="identity", leak=0.5, step=0.1, gain=0.6),
        Spec("rate-rk4-64", "rate", 64, 3, "rk4", leak=0.2, step=0.06, gain=1.5),
    ]


def _gated() -> list[Spec]:
    return [
        Spec("gru-one-unit", "gru", 1, 2, biases=1, batch=8),
        Spec("gru-after", "gru", 7, 3, gain=1.5, biases=2, batch=8),
        Spec("gru-before", "gru", 7, 3, gain=1.5, biases=2, reset="before"),
        Spec("gru-torch-64", "gru", 64, 5, biases=2, init="torch"),
        Spec("gru-before-64", "gru", 64, 2, gain=2.0, biases=1, reset="before"),
        Spec("gru-torch-256", "gru", 256, 4, biases=2, init="torch", batch=1),
    ]


def _corners() -> list[Spec]:
    return [
        Spec("zero-start", "elman", 6, 2, h0=0.0, biases=2),
        Spec("small-signals", "leaky-outside", 12, 2, leak=0.3, size=0.02, h0=0.02, batch=8),
        Spec("outside-saturated", "leaky-outside", 20, 2, leak=0.2, init="saturated"),
        Spec("tiny", "rate", 12, 2, "euler", leak=0.1, step=0.02, size=1e-6, h0=1e-6, batch=8, bulk=False),
        Spec("minute", "elman", 8, 2, size=1e-18, h0=1e-18, bulk=False),
        Spec("subnormal-in-float32", "leaky-outside", 6, 2, leak=0.25, size=1e-38, h0=1e-38, bulk=False),
        Spec("huge-weights", "elman", 24, 3, gain=1e4, bulk=False),
        Spec("huge-identity", "leaky-inside", 8, 2, activation="identity", leak=0.4, gain=0.6, h0=1e6, bulk=False),
        Spec("wide-range", "leaky-outside", 64, 3, leak=(1e-5, 1.0), gain=2.0, h0=50.0, bulk=False),
    ]


SPECS: tuple[Spec, ...] = (*_elman(), *_leaky(), *_networks(), *_gated(), *_corners())


@dataclass(frozen=True, eq=False)
class Cell:
    """One row in one precision: what is given, its record, and a probe.

    Attributes
    ----------
    inputs : array, (K, I) or (K, batch, I)
    h0 : array, (N,) or (batch, N)
    """

    spec: Spec
    given: Given
    inputs: Array
    h0: Array

    @property
    def name(self) -> str:
        """Row and precision."""
        return f"{self.spec.name}/{self.given.dtype}"

    @cached_property
    def record(self) -> oracle.Recurrence:
        """What the cell's public constructor makes of the given parameters."""
        return record_of(self.given)


def cell(index: int, dtype: str) -> Cell:
    """The cell of row `index` in a precision: the same draws, rounded to it."""
    spec = SPECS[index]
    rng = np.random.default_rng([SEED, index])
    rows = 3 * spec.N if spec.form == "gru" else spec.N
    W, M, biases = _weights(spec, rows, rng)
    tau, dt = _times(spec, rng)
    shape = (spec.batch,) if spec.batch else ()
    inputs = spec.size * rng.standard_normal((spec.K, *shape, spec.I))
    h0 = spec.h0 * rng.standard_normal((*shape, spec.N))

    def rounded(array: Any) -> Array:
        return np.asarray(array, dtype=dtype)

    recurrent = rounded(biases.pop()) if spec.form == "gru" and len(biases) == 2 else None
    given = Given(
        form=spec.form,
        scheme=spec.scheme,
        activation=spec.activation,
        W=rounded(W),
        M=rounded(M),
        b=tuple(rounded(part) for part in biases),
        tau=rounded(tau),
        dt=rounded(dt),
        b_recurrent=recurrent,
        reset=spec.reset,
    )
    return Cell(spec, given, rounded(inputs), rounded(h0))


def _weights(spec: Spec, rows: int, rng: np.random.Generator) -> tuple[Array, Array, list[Array]]:
    """W (rows, N), M (rows, I) and the biases."""
    shapes = [(rows, spec.N), (rows, spec.I), *[(rows,)] * spec.biases]
    if spec.init == "torch":
        bound = 1 / np.sqrt(spec.N)
        W, M, *b = (rng.uniform(-bound, bound, shape) for shape in shapes)
        return W, M, b
    W, M, *b = (rng.standard_normal(shape) for shape in shapes)
    W = W * spec.gain / np.sqrt(spec.N)
    if spec.init == "sparse":
        W = W * (rng.random(W.shape) < 0.1) * np.sqrt(10.0)
        return W, M * (rng.random(M.shape) < 0.5), [0.5 * part for part in b]
    if spec.init == "saturated":
        return 12.0 * W, 8.0 * M, [5.0 * part for part in b]
    if spec.activation == "identity":
        W = W * spec.gain / max(spec.gain, float(np.linalg.norm(W, 2)))
    return W, M / np.sqrt(max(spec.I, 1)), [0.5 * spec.size * part for part in b]


def _times(spec: Spec, rng: np.random.Generator) -> tuple[Any, Any]:
    """(tau, dt) of a network; (1, alpha) of a leaky recurrence; (1, 1) where there is no leak."""
    leak = rng.uniform(*spec.leak, spec.N) if isinstance(spec.leak, tuple) else spec.leak
    if leak is None:
        return 1.0, 1.0
    return (leak, spec.step) if spec.form in NETWORKS else (1.0, leak)


def fingerprint() -> str:
    """SHA-256 over every number of the grid, in float64."""
    digest = hashlib.sha256()
    for index in range(len(SPECS)):
        c = cell(index, "float64")
        arrays = (c.given.W, c.given.M, *c.given.b, c.given.tau, c.given.dt, c.inputs, c.h0)
        for array in (*arrays, *(() if c.given.b_recurrent is None else (c.given.b_recurrent,))):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
