"""The jobs that are timed: a plain simulation, the check of its record stage by stage, the same residuals in mpmath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from oracle.check import survey
from oracle.tolerance import residuals

Array = NDArray[Any]
I, K = 4, 1000
DIGITS = 50


def problem(N: int, batch: int, steps: int = K) -> tuple[Array, Array, Array, Array, Array]:
    """W, M, b, inputs and h0; no batch axis for a batch of 1."""
    rng = np.random.default_rng(0)
    many = () if batch == 1 else (batch,)
    W, M, b = rng.standard_normal((N, N)) / np.sqrt(N), rng.standard_normal((N, I)), rng.standard_normal(N)
    return W, M, b, rng.standard_normal((steps, *many, I)), rng.standard_normal((*many, N))


def simulated(W: Array, M: Array, b: Array, X: Array, h0: Array) -> Array:
    """The plain float64 loop."""
    transposed, drive = np.ascontiguousarray(W.T), X @ M.T
    drive += b
    H = np.empty((len(X) + 1, *h0.shape))
    H[0] = h0
    for k in range(len(X)):
        np.matmul(H[k], transposed, out=H[k + 1])
        np.add(H[k + 1], drive[k], out=H[k + 1])
        np.tanh(H[k + 1], out=H[k + 1])
    return H


def scanned(W: Array, M: Array, b: Array, X: Array, h0: Array) -> dict[str, Callable[[], Any]]:
    """The same in float64 by jax.lax.scan: M x + b as one product before the loop, and inside it."""
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        given = tuple(jnp.asarray(part) for part in (W, M, b, X, h0))

    @jax.jit
    def first(W: Any, M: Any, b: Any, X: Any, h0: Any) -> Any:
        return jax.lax.scan(lambda h, m: (h := jnp.tanh(h @ W.T + m), h), h0, X @ M.T + b)[1]

    @jax.jit
    def inside(W: Any, M: Any, b: Any, X: Any, h0: Any) -> Any:
        return jax.lax.scan(lambda h, x: (h := jnp.tanh(h @ W.T + x @ M.T + b), h), h0, X)[1]

    def job(run: Any) -> Callable[[], Any]:
        def made() -> Any:
            with jax.enable_x64(True):
                return run(*given).block_until_ready()

        return made

    return {"jax, drive first": job(first), "jax, drive inside": job(inside)}


def stages(patch: Any, kernel: bool, pairs: bool) -> None:
    """Leave stages out; what is left decides."""
    if not kernel:
        patch.setattr(survey, "FEWEST", np.inf)
    if not pairs:
        patch.setattr(residuals, "FEWEST", np.inf)


def by_mpmath(H: Array, W: Array, M: Array, b: Array, X: Array, bound: Array) -> float:
    """Largest residual / bound of recorded steps, residuals in mpmath."""
    context = mpmath.mp.clone()
    context.dps = DIGITS
    lines = [[context.mpf(float(w)) for w in row] for row in np.concatenate([W, M, b[:, None]], axis=1)]
    worst = context.mpf(0)
    for k, x in enumerate(X):
        v = [context.mpf(float(value)) for value in (*H[k], *x, 1.0)]
        for i, line in enumerate(lines):
            residual = context.mpf(float(H[k + 1, i])) - context.tanh(context.fdot(line, v))
            worst = max(worst, abs(residual) / float(bound[i, k]))
    return float(worst)
