"""ncps.torch: the part of a CfC and of an LTC cell that the vocabulary of records can state.

A CfC cell blends two tanh layers by a gate of time. With the gate's weights zero and its biases such that it is the
logistic function of 0 it is h+ = tanh(..)/2 + tanh(..)/2: a normal form with 2N nonlinear units. An LTC cell without
synapses is the leak alone: an implicit Euler step of cm v' = g (v_leak - v). One unfold of it, because the proven bound
is that of one step, and six are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import torch
from ncps.torch import CfCCell, LTCCell
from ncps.wirings import FullyConnected

import oracle
from oracle.check.result import CheckResult
from oracle.records.exact import Array
from real.packages.case import INPUTS, Case, N, Reading, diagonal, fractions, samples, weights

UNFOLDS, ELAPSED = 1, 0.5
EPSILON = "the step divides by the denominator + 1e-8 (its parameter epsilon, there against a division by zero)"


def _cfc(dtype: str) -> Callable[[Array, Array], Array]:
    kind = getattr(torch, dtype)
    cell = CfCCell(INPUTS, N, mode="default", backbone_layers=0).to(kind)
    with torch.no_grad():
        for layer, seed in ((cell.ff1, 4), (cell.ff2, 5)):
            w = weights(seed)
            layer.weight.copy_(torch.from_numpy(np.hstack([w.M, w.W])))
            layer.bias.copy_(torch.from_numpy(w.b))
        for layer, bias in ((cell.time_a, 0.25), (cell.time_b, -0.25 * ELAPSED)):
            layer.weight.zero_()
            layer.bias.fill_(bias)

    def step(h: Array, x: Array) -> Array:
        with torch.no_grad():
            made: Array = cell(torch.from_numpy(x[None]), torch.from_numpy(h[None]), ELAPSED)[0][0].numpy()
        return made

    return step


def _documented_cfc(dtype: str) -> oracle.Recurrence:
    both = [weights(seed).astype(dtype) for seed in (4, 5)]
    half = diagonal(np.array([Fraction(1, 2)] * N, dtype=object))
    W, M, b = (np.concatenate([w[i] for w in both]) for i in range(3))
    return oracle.Recurrence(B=np.hstack([half, half]), W=W, M=M, b=b)


def _leak(dtype: str) -> tuple[Array, Array, Array]:
    w = weights()
    return w.tau.astype(dtype), w.alpha.astype(dtype), w.b.astype(dtype)


def _ltc(dtype: str) -> Callable[[Array, Array], Array]:
    wiring = FullyConnected(N)
    cell = LTCCell(wiring, in_features=INPUTS, ode_unfolds=UNFOLDS).to(getattr(torch, dtype))
    with torch.no_grad():
        for name, values in zip(("cm", "gleak", "vleak"), _leak(dtype), strict=True):
            getattr(cell, name).copy_(torch.from_numpy(values))
        cell.w.zero_()
        cell.sensory_w.zero_()

    def step(h: Array, x: Array) -> Array:
        with torch.no_grad():
            made: Array = cell(torch.from_numpy(x[None]), torch.from_numpy(h[None]), ELAPSED)[1][0].numpy()
        return made

    return step


def leak_alone(dtype: str, epsilon: Fraction) -> oracle.Recurrence:
    """v+ = (q v + g v_leak) / (q + g + epsilon), q = cm / elapsed."""
    cm, g, v_leak = (fractions(part) for part in _leak(dtype))
    q = cm * UNFOLDS / Fraction(ELAPSED)
    slope, offset = q / (q + g + epsilon), g * v_leak / (q + g + epsilon)
    nothing = np.zeros((1, N))
    return oracle.Recurrence(
        A=diagonal(slope), B=nothing.T, W=nothing, M=np.zeros((1, INPUTS)), c=offset, activation="identity"
    )


def _with_epsilon(dtype: str) -> Callable[[], CheckResult]:
    record = leak_alone(dtype, Fraction(1e-8))
    return lambda: oracle.check(_ltc(dtype), record, kind="step", promised=dtype, **samples())


def cases() -> Iterator[Case]:
    """Both cells, both precisions."""
    for dtype in ("float32", "float64"):
        yield Case(
            package="ncps",
            what=f"torch.CfCCell, its gate held at 1/2, {dtype}",
            documented="x(t) = sigma(-f t) * g + (1 - sigma(-f t)) * h",
            where="docstring of ncps.torch.CfCCell, which refers to Hasani et al., arXiv 2106.13898",
            candidate=_cfc(dtype),
            kind="step",
            record=_documented_cfc(dtype),
            question=samples(),
            promised=dtype,
            remark="a gate that moves is a product of states, which no record states",
        )
        double = dtype == "float64"
        yield Case(
            package="ncps",
            what=f"torch.LTCCell without synapses, {dtype}",
            documented="fused step v+ = (q v + g v_leak + ..) / (q + g + ..), q = cm / elapsed, ode_unfolds = 1",
            where="docstring of ncps.torch.LTCCell, which refers to Hasani et al., AAAI 2021 (algorithm 1)",
            candidate=_ltc(dtype),
            kind="step",
            record=leak_alone(dtype, Fraction(0)),
            question=samples(),
            promised=dtype,
            expected="fail" if double else "pass",
            named=("state-scaled",),
            reading=Reading(EPSILON, _with_epsilon(dtype)) if double else None,
            deviates="from the equation; epsilon is documented",
            remark="epsilon is a documented argument, not part of the equation; below the rounding of float32"
            if double
            else "",
        )
