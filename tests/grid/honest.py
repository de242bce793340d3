"""Honest implementations of a cell in NumPy: one function per style, written from the given parameters alone.

A style picks a kernel, an order of adding the parts of the argument, an arrangement of the leak or of the scheme, and a
way to write the activation. Nothing here imports the oracle. Each step asserts its dtype: no silent float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from .given import INSIDE, Array, Given
from .kernels import COSTLY, KERNELS, Kernel
from .leaks import (
    ANCHORED,
    CONVEX,
    EXPONENTIAL,
    FIELDS,
    PAPER,
    PAPER_EXPONENTIAL,
    PAPER_FIELDS,
    SCHEMES,
    Field,
    Leak,
    Times,
)

Run = Callable[[Array, Array], Array]
Squash = Callable[[Array], Array]


def _logistic(z: Array) -> Array:
    with np.errstate(over="ignore"):  # exp overflows to infinity, and 1/inf is the right 0
        return 1 / (1 + np.exp(-z))


def _logistic_stable(z: Array) -> Array:
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e)).astype(z.dtype, copy=False)


SQUASHES: dict[str, dict[str, Squash]] = {
    "tanh": {"np.tanh": np.tanh},
    "logistic": {"1/(1+exp(-z))": _logistic, "two branches": _logistic_stable},
    "relu": {
        "maximum": lambda z: np.maximum(z, 0),
        "z (z>0)": lambda z: z * (z > 0),
        "(|z|+z)/2": lambda z: (np.abs(z) + z) / 2,
    },
    "identity": {"z": lambda z: z},
}
REWRITTEN: dict[str, dict[str, Squash]] = {
    "tanh": {"2 logistic(2z) - 1": lambda z: 2 * _logistic(2 * z) - 1},
    "logistic": {"(1 + tanh(z/2))/2": lambda z: (1 + np.tanh(z / 2)) / 2},
}
"""Equal in real arithmetic, of bounded absolute error only: they lose relative accuracy near 0 (tanh) or below."""

ORDERS = (
    "(Wh + Mx) + b",
    "b first",
    "torch: (Mx + b1) + (Wh + b2)",
    "drive before the loop",
    "[W M b][h x 1]",
    "Wh + (Mx + b)",
)


@dataclass(frozen=True)
class Style:
    """How a program is written, in words; `leak` names the arrangement of the leak, the scheme or the gates."""

    kernel: str
    order: str
    leak: str
    squash: str
    stage: str = ""

    @property
    def arrangement(self) -> str:
        """The arrangement this style is counted under."""
        return f"{self.stage}: {self.leak}" if self.stage else self.leak


@dataclass(frozen=True)
class Affine:
    """W h + M x_k + b, in one kernel and one order, over samples x (K, batch, I)."""

    product: Kernel
    order: str
    W: Array
    M: Array
    b: tuple[Array, ...]
    samples: Array

    def before_the_loop(self) -> Array:
        """M x_k + b for all steps in one product, (K, batch, out)."""
        K, batch, _ = self.samples.shape
        drive = (self.samples.reshape(K * batch, self.M.shape[1]) @ self.M.T).reshape(K, batch, len(self.W))
        for part in self.b:
            drive = drive + part
        return drive

    def __call__(self, h: Array, k: int, drive: Array) -> Array:
        """(batch, in) -> (batch, out)."""
        if self.order == "drive before the loop":
            return self.product(self.W, h) + drive[k]
        if self.order == "[W M b][h x 1]":
            ones = np.ones((len(h), len(self.b)), dtype=h.dtype)
            columns = [part[:, None] for part in self.b]
            matrix = np.concatenate([self.W, self.M, *columns], axis=1)
            return self.product(matrix, np.concatenate([h, self.samples[k], ones], axis=1))
        return self._summed(self.product(self.W, h), self.product(self.M, self.samples[k]))

    def _summed(self, recurrent: Array, driven: Array) -> Array:
        if self.order.startswith("torch") and self.b:
            second = recurrent + self.b[1] if len(self.b) > 1 else recurrent
            return (driven + self.b[0]) + second
        if self.order == "b first" and self.b:
            total = np.zeros_like(recurrent) + self.b[-1]
            for part in self.b[-2::-1]:
                total = total + part
            return (total + driven) + recurrent
        if self.order == "Wh + (Mx + b)" and self.b:
            return recurrent + (driven + (self.b[0] if len(self.b) == 1 else self.b[0] + self.b[1]))
        total = recurrent + driven
        for part in self.b:
            total = total + part
        return total


def leaks_of(g: Given) -> dict[str, Leak]:
    """The arrangements that apply to a form and scheme without stages."""
    if g.form == "elman":
        return {"no leak": lambda h, s, t: s}
    if g.scheme == "exponential-euler":
        return PAPER_EXPONENTIAL if g.form == "paper" else EXPONENTIAL
    return PAPER if g.form == "paper" else CONVEX


def implement(g: Given, style: Style) -> Run:
    """A program `run(h0, X) -> H` for what is given, in one style."""
    if g.form == "gru":
        from .gated import implement_gru

        return implement_gru(g, style)
    product = KERNELS[style.kernel]
    squash = {**SQUASHES[g.activation], **REWRITTEN.get(g.activation, {})}[style.squash]
    times = Times(g.tau, g.dt)

    def run(h0: Array, X: Array) -> Array:
        samples = X[:, None, :] if X.ndim == 2 else X
        affine = Affine(product, style.order, g.W, g.M, g.b, samples)
        drive = affine.before_the_loop()

        def argument(h: Array, k: int) -> Array:
            return affine(h, k, drive)

        step = _step(g, style, squash, times, argument)
        return iterate(step, h0, X, g)

    return run


def iterate(step: Callable[[Array, int], Array], h0: Array, X: Array, g: Given) -> Array:
    """h0 and all states, (K+1, N) or (K+1, batch, N), every step in the dtype of the parameters."""
    assert X.dtype == h0.dtype == g.dtype
    h = np.array(h0, ndmin=2)
    states = [h]
    for k in range(len(X)):
        h = step(h, k)
        assert h.dtype == g.dtype, f"step {k} is {h.dtype}, not {g.dtype}"
        states.append(h)
    H = np.stack(states)
    return H if X.ndim == 3 else H[:, 0]


def _step(
    g: Given, style: Style, squash: Squash, times: Times, argument: Callable[[Array, int], Array]
) -> Callable[[Array, int], Array]:
    def drive(h: Array, k: int) -> Array:
        """s(W h + M x + b), or W s(h) + M x + b."""
        return argument(squash(h), k) if g.form in INSIDE else squash(argument(h, k))

    if g.scheme in SCHEMES:
        stage = SCHEMES[g.scheme][style.stage]
        field: Field = (PAPER_FIELDS if g.form == "paper" else FIELDS)[style.leak]
        return lambda h, k: stage(lambda y: field(y, drive(y, k), times), h, times.dt)
    leak = {**leaks_of(g), **ANCHORED}[style.leak]
    if g.form == "leak-inside":
        return lambda h, k: squash(leak(h, argument(h, k), times))
    return lambda h, k: leak(h, drive(h, k), times)


def honest_styles(g: Given, batch: int, wanted: int, offset: int = 0) -> list[Style]:
    """`wanted` styles of a cell, cycling through kernels, orders, arrangements and activations at once."""
    work = max(batch, 1) * g.W.size
    kernels = [name for name in KERNELS if work <= COSTLY.get(name, work)]
    return list(islice(_cycle(g, kernels, offset), wanted))


def _cycle(g: Given, kernels: list[str], offset: int) -> Iterator[Style]:
    from .gated import BLENDS

    squashes = list(SQUASHES["logistic" if g.form == "gru" else g.activation])
    stages = list(SCHEMES.get(g.scheme, {"": None}))
    if g.form == "gru":
        leaks = list(BLENDS)
    elif g.scheme in SCHEMES:
        leaks = list(PAPER_FIELDS if g.form == "paper" else FIELDS)
    else:
        leaks = list(leaks_of(g))
    seen = set()
    for i in count(offset):
        turn = i // len(kernels)  # a shift per turn, so that common divisors of the lengths do not repeat pairs
        style = Style(
            kernel=kernels[i % len(kernels)],
            order=ORDERS[(i + turn) % len(ORDERS)],
            leak=leaks[(i + 2 * turn) % len(leaks)],
            squash=squashes[(i + turn) % len(squashes)],
            stage=stages[(i + turn) % len(stages)],
        )
        if style not in seen:
            seen.add(style)
            yield style
