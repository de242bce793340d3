"""The plain implementation of anything a cell or a mutant states: one generic loop, BLAS, no cleverness.

outside       keep h + gain (s(W h + M x + b) + b_moved)
inside        keep h + gain (W s(h + b_moved) + M x + b)
leak inside   s(keep h + gain (W h + M x + b)) + b_moved
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .gated import gate_slopes
from .given import INSIDE, Array, Given
from .honest import SQUASHES, Run, Style, implement, iterate
from .leaks import SCHEMES

if TYPE_CHECKING:
    from .grid import Cell

STAGED = {"midpoint": "midpoint", "heun": "heun", "rk4": "rk4"}


def squash_of(g: Given) -> Callable[[Array], Array]:
    """The first way to write the activation."""
    return next(iter(SQUASHES[g.activation].values()))


def implement_plain(g: Given) -> Run:
    """`run(h0, X) -> H` of what is given, switches included."""
    if g.form == "gru":
        return implement(g, Style("BLAS, rows", "(Wh + Mx) + b", "(1-z)n + z h", "1/(1+exp(-z))"))
    squash = squash_of(g)
    nothing = np.zeros(g.N, dtype=g.dtype)
    b = np.sum(g.b, axis=0, dtype=g.dtype) if g.b else nothing
    stated, moved = (b, nothing) if g.bias_at == "stated" else (nothing, b)

    def drive(h: Array, x: Array) -> Array:
        """s(..) of the outside forms, W s(h) + .. of the inside forms, W h + .. of the leak-inside form."""
        if g.form in INSIDE:
            return (squash(h + moved) @ g.W.T + x @ g.M.T) + stated
        argument = (h @ g.W.T + x @ g.M.T) + stated
        return argument if g.form == "leak-inside" else squash(argument) + moved

    def run(h0: Array, X: Array) -> Array:
        samples = X[:, None, :] if X.ndim == 2 else X
        return iterate(lambda h, k: _step(g, h, lambda y: drive(y, samples[k]), squash, moved), h0, X, g)

    return run


def _step(g: Given, h: Array, drive: Callable[[Array], Array], squash: Callable[[Array], Array], moved: Array) -> Array:
    decay = np.asarray(g.decay, dtype=g.dtype)
    if g.scheme in STAGED:
        stage = SCHEMES[g.scheme][STAGED[g.scheme]]
        if g.form == "paper":
            return stage(lambda y: -decay * y / g.tau + drive(y), h, g.dt)
        return stage(lambda y: (-decay * y + drive(y)) / g.tau, h, g.dt)
    if g.form == "elman":
        return drive(h)
    keep, gain = coefficients(g)
    new = keep * h + gain * drive(h)
    return squash(new) + moved if g.form == "leak-inside" else new


def coefficients(g: Given) -> tuple[Array, Array]:
    """Factors of h and of the drive in a step without stages."""
    one = np.ones((), dtype=g.dtype)
    decay = np.asarray(g.decay, dtype=g.dtype)
    alpha = g.dt / g.tau
    gain = g.dt if g.form == "paper" else alpha
    if g.scheme != "exponential-euler" or not g.decay:
        return one - decay * alpha, gain
    return np.exp(-decay * alpha), -np.expm1(-decay * alpha) / (decay * alpha) * gain


def slopes_of(cell: Cell) -> tuple[Array, Array, Array, Array, Array]:
    """Along the plain run: s' of each unit, what W multiplies, |W||.| + |M||x| + |b|, |h| + |h+|, and the gain.

    Gains and slopes are those of one Euler step, with stages too; of a gated cell, those of its candidate state n.
    """
    g = cell.given
    H = implement_plain(g)(cell.h0, cell.inputs).astype(np.float64)
    h, after = H[:-1].reshape(-1, g.N), H[1:].reshape(-1, g.N)
    x = cell.inputs.astype(np.float64).reshape(len(h), g.I)
    if g.form == "gru":
        return gate_slopes(g, h, x, np.abs(h) + np.abs(after))
    N = g.N
    W, M = g.W.astype(np.float64), g.M.astype(np.float64)
    b = np.sum(g.b, axis=0) if g.b else np.zeros(N)
    seen = np.asarray(squash_of(g)(h)) if g.form in INSIDE else h
    terms = np.abs(seen) @ np.abs(W).T + np.abs(x) @ np.abs(M).T + np.abs(b)
    argument = h @ W.T + x @ M.T + b
    gain = np.ones(N) if g.form == "elman" else np.ones(N) * (g.dt if g.form == "paper" else g.dt / g.tau)
    if g.form in INSIDE:
        return np.ones_like(h), seen, terms, np.abs(h) + np.abs(after), gain
    if g.form == "leak-inside":
        argument = (1 - gain) * h + gain * argument
    return slope(g.activation, argument), seen, terms, np.abs(h) + np.abs(after), gain


def slope(activation: str, z: Array) -> Array:
    """s'(z)."""
    if activation == "tanh":
        return 1 / np.cosh(np.clip(z, -300, 300)) ** 2
    if activation == "logistic":
        return 0.25 / np.cosh(np.clip(z, -300, 300) / 2) ** 2
    return (z > 0).astype(np.float64) if activation == "relu" else np.ones_like(z)
