"""norse li_step: a leaky integrator with a synaptic current, state (v, i), one Euler step after the current jumps.

i' = i + W x,    v+ = v + dt/tau_mem (v_leak - v + i'),    i+ = i' - dt/tau_syn i'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import torch
from norse.torch.functional.leaky_integrator import LIParameters, LIState, li_step

import oracle
from oracle.records.exact import Array
from real.packages.case import INPUTS, Case, N, diagonal, fractions, samples, weights

STEP = 1 / 1024


def _rates(dtype: str) -> tuple[Array, Array, Array]:
    """Inverse time constants of the membrane and the synapse, leak potential: per unit, distinct."""
    w = weights()
    return tuple(part.astype(dtype) for part in (100 / w.tau, 200 / (w.tau + w.alpha), w.b))  # type: ignore[return-value]


def _step(dtype: str) -> Callable[[Array, Array], Array]:
    membrane, synapse, leak = (torch.from_numpy(part) for part in _rates(dtype))
    parameters = LIParameters(tau_syn_inv=synapse, tau_mem_inv=membrane, v_leak=leak)
    W = torch.from_numpy(weights().M.astype(dtype))

    def step(h: Array, x: Array) -> Array:
        v, i = torch.from_numpy(h[:N]), torch.from_numpy(h[N:])
        _, state = li_step(torch.from_numpy(x), LIState(v, i), W, parameters, STEP)
        return np.concatenate([state.v.numpy(), state.i.numpy()])

    return step


def _documented(dtype: str) -> oracle.Recurrence:
    membrane, synapse, leak = (fractions(part) for part in _rates(dtype))
    a, c, W = Fraction(STEP) * membrane, Fraction(STEP) * synapse, fractions(weights().M.astype(dtype))
    nothing = np.zeros((1, 2 * N))
    return oracle.Recurrence(
        A=np.block([[diagonal(1 - a), diagonal(a)], [diagonal(0 * a), diagonal(1 - c)]]),
        B=nothing.T,
        W=nothing,
        M=np.zeros((1, INPUTS)),
        E=np.vstack([a[:, None] * W, (1 - c)[:, None] * W]),
        c=np.concatenate([a * leak, 0 * leak]),
        activation="identity",
    )


def cases() -> Iterator[Case]:
    """Both precisions, every parameter per unit."""
    for dtype in ("float32", "float64"):
        yield Case(
            package="norse",
            what=f"li_step, parameters per unit, {dtype}",
            documented="Euler step of tau_mem v' = v_leak - v + i, tau_syn i' = -i, after i = i + w i_in",
            where='docstring of norse.torch.functional.leaky_integrator.li_step: "Single euler integration step"',
            candidate=_step(dtype),
            kind="step",
            record=_documented(dtype),
            question=samples(units=2 * N),
            promised=dtype,
        )
