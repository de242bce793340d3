"""The gated recurrent unit, written out in NumPy: arrangements of its last line, fused or separate gates.

r, z = logistic(..);  n = tanh(M_n x + b_n + r * (W_n h + c_n)) or tanh(M_n x + b_n + W_n (r * h) + c_n)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .given import Array, Given
from .kernels import KERNELS

if TYPE_CHECKING:
    from .honest import Run, Style

BLENDS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "(1-z)n + z h": lambda z, n, h: (1 - z) * n + z * h,
    "n + z(h-n)": lambda z, n, h: n + z * (h - n),
    "z h + (n - z n)": lambda z, n, h: z * h + (n - z * n),
    "n - z(n-h)": lambda z, n, h: n - z * (n - h),
    "(n - z n) + z h": lambda z, n, h: (n - z * n) + z * h,
    "n + (z h - z n)": lambda z, n, h: n + (z * h - z * n),
}


def implement_gru(g: Given, style: Style) -> Run:
    """A program `run(h0, X) -> H`; the order of the biases follows the style, as far as the gates leave a choice."""
    from .honest import SQUASHES, iterate

    product, squash = KERNELS[style.kernel], SQUASHES["logistic"][style.squash]
    zeros = np.zeros(3 * g.N, dtype=g.dtype)
    b = g.b[0] if g.b else zeros
    c = zeros if g.b_recurrent is None else g.b_recurrent
    gates = [slice(i * g.N, (i + 1) * g.N) for i in range(3)]

    def run(h0: Array, X: Array) -> Array:
        samples = X[:, None, :] if X.ndim == 2 else X
        fused = style.order in ("torch: (Mx + b1) + (Wh + b2)", "drive before the loop")

        def gate(h: Array, k: int, part: slice) -> Array:
            recurrent, driven = product(g.W[part], h), product(g.M[part], samples[k])
            if fused:
                return squash((driven + b[part]) + (recurrent + c[part]))
            if style.order == "b first":
                return squash(((b[part] + c[part]) + driven) + recurrent)
            return squash((recurrent + driven) + b[part] + c[part])

        def step(h: Array, k: int) -> Array:
            r, z = (gate(h, k, part) for part in gates[:2])
            part = gates[2]
            driven = product(g.M[part], samples[k]) + b[part]
            if g.reset == "after":
                n = np.tanh(driven + r * (product(g.W[part], h) + c[part]))
            else:
                n = np.tanh((driven + c[part]) + product(g.W[part], r * h))
            return BLENDS[style.leak](z, n, h)

        return iterate(step, h0, X, g)

    return run


def gate_slopes(g: Given, h: Array, x: Array, size: Array) -> tuple[Array, Array, Array, Array, Array]:
    """For the weights W_n: d h+/d(W_n .), what W_n multiplies, the sizes of all gates' terms, the states', and gain 1.

    h (columns, N), x (columns, I), float64.
    """
    gates = [slice(i * g.N, (i + 1) * g.N) for i in range(3)]
    W, M = g.W.astype(np.float64), g.M.astype(np.float64)
    zeros = np.zeros(3 * g.N)
    b = g.b[0] if g.b else zeros
    c = zeros if g.b_recurrent is None else g.b_recurrent
    terms = np.abs(h) @ np.abs(W).T + np.abs(x) @ np.abs(M).T + np.abs(b) + np.abs(c)
    recurrent, driven = h @ W.T + c, x @ M.T + b
    r, z = ((1 + np.tanh((recurrent + driven)[:, part] / 2)) / 2 for part in gates[:2])
    part = gates[2]
    if g.reset == "before":
        n = np.tanh((r * h) @ W[part].T + driven[:, part] + c[part])
        slope, seen = (1 - z) * (1 - n**2), r * h
    else:
        n = np.tanh(driven[:, part] + r * recurrent[:, part])
        slope, seen = (1 - z) * (1 - n**2) * r, h
    return slope, seen, sum(terms[:, part] for part in gates), size, np.ones(g.N)
