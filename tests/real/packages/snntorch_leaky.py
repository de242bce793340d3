"""snntorch.Leaky without reset: the membrane alone, beta U + I, of which a spike takes nothing away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import snntorch
import torch

import oracle
from oracle.records.exact import Array
from real.packages.case import Case, N, samples, weights


def _step(beta: Array) -> Callable[[Array, Array], Array]:
    cell = snntorch.Leaky(beta=torch.from_numpy(beta), reset_mechanism="none")

    def step(h: Array, x: Array) -> Array:
        made: Array = cell(torch.from_numpy(x), torch.from_numpy(h))[1].detach().numpy()
        return made

    return step


def _documented(beta: Array) -> oracle.Recurrence:
    nothing = np.zeros((1, N), beta.dtype)
    return oracle.Recurrence(
        A=beta, B=nothing.T, W=nothing, M=nothing, E=np.eye(N, dtype=beta.dtype), activation="identity"
    )


def cases() -> Iterator[Case]:
    """beta per unit, both precisions."""
    for dtype in ("float32", "float64"):
        beta = 1 - weights().alpha.astype(dtype)
        yield Case(
            package="snntorch",
            what=f'Leaky(reset_mechanism="none"), beta per unit, {dtype}',
            documented="U[t+1] = beta U[t] + I[t+1] - R U_thr, with R = 0",
            where='docstring of snntorch.Leaky; reset_mechanism: "none"',
            candidate=_step(beta),
            kind="step",
            record=_documented(beta),
            question=samples(N),
        )
