"""lrnnx.core.discretization: coefficients of h' = A h + B x on a step, A diagonal; the recurrence with them is ours.

The candidate multiplies as the package's linear layers do: A_bar h + gamma_bar (B x).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from lrnnx.core import discretization

import oracle
from oracle.check.result import CheckResult
from oracle.records.exact import Array
from real.packages.case import INPUTS, Case, N, Reading, diagonal, fractions, samples, weights

STEP = 1 / 8
TURNED = "the sign of A is turned: it is the bilinear step of h' = -A h + B x (a decaying A grows)"


def _rates(dtype: str) -> Array:
    """A, negative: every unit decays."""
    made: Array = (-weights().alpha).astype(dtype)
    return made


def _coefficients(method: str, step: float, dtype: str) -> tuple[Any, Any]:
    rule = getattr(discretization, method)
    made: tuple[Any, Any] = rule(torch.from_numpy(_rates(dtype)), torch.tensor(step, dtype=getattr(torch, dtype)))
    return made


def _step(method: str, step: float, dtype: str) -> Callable[[Array, Array], Array]:
    A_bar, gamma_bar = _coefficients(method, step, dtype)
    B = torch.from_numpy(weights().M.astype(dtype))

    def advance(h: Array, x: Array) -> Array:
        made: Array = (A_bar * torch.from_numpy(h) + gamma_bar * (B @ torch.from_numpy(x))).numpy()
        return made

    return advance


def _linear(A_bar: Array, gamma_bar: Array, dtype: str) -> oracle.Recurrence:
    nothing = np.zeros((1, N))
    E = gamma_bar[:, None] * fractions(weights().M.astype(dtype))
    return oracle.Recurrence(
        A=diagonal(A_bar), B=nothing.T, W=nothing, M=np.zeros((1, INPUTS)), E=E, activation="identity"
    )


def bilinear(sign: int, dtype: str) -> oracle.Recurrence:
    """(1 + s dA/2) / (1 - s dA/2) and d / (1 - s dA/2); s = 1 is the bilinear rule."""
    half = sign * Fraction(STEP) * fractions(_rates(dtype)) / 2
    return _linear((1 + half) / (1 - half), Fraction(STEP) / (1 - half), dtype)


def zero_order_hold(step: float, dtype: str) -> oracle.Recurrence:
    """exp(dA) and (exp(dA) - 1) / A: exponential Euler of tau h' = -h - (B / A) x with tau = -1/A."""
    A = fractions(_rates(dtype))
    drive = -fractions(weights().M.astype(dtype)) / A[:, None]
    net = oracle.Network.rate(np.zeros((N, N)), drive, tau=-1 / A, activation="identity")
    made: oracle.Recurrence = net.discretize(step=step, scheme="exponential-euler")
    return made


def _case(what: str, method: str, step: float, dtype: str, record: oracle.Recurrence, **more: Any) -> Case:
    return Case(
        package="lrnnx",
        what=f"{what}, {dtype}",
        candidate=_step(method, step, dtype),
        kind="step",
        record=record,
        question=samples(),
        promised=dtype,
        **more,
    )


def _under(method: str, step: float, dtype: str, record: oracle.Recurrence) -> Callable[[], CheckResult]:
    return lambda: oracle.check(_step(method, step, dtype), record, kind="step", promised=dtype, **samples())


def cases() -> Iterator[Case]:
    """The bilinear rule against its formula and against the rule it names; zero-order hold on a small step."""
    where = "docstring of lrnnx.core.discretization."
    for dtype in ("float32", "float64"):
        formula, rule = bilinear(-1, dtype), bilinear(1, dtype)
        yield _case(
            "bilinear, against the formula in its docstring",
            "bilinear",
            STEP,
            dtype,
            formula,
            documented="A_bar = (I + dA/2)^-1 (I - dA/2), gamma_bar = (I + dA/2)^-1 d",
            where=where + "bilinear",
        )
        yield _case(
            "bilinear, against the method it names",
            "bilinear",
            STEP,
            dtype,
            rule,
            documented="A_bar = (I - dA/2)^-1 (I + dA/2), gamma_bar = (I - dA/2)^-1 d",
            where=where + 'bilinear: "Bilinear method first used in S4" (Gu et al., arXiv 2111.00396, eq. 3)',
            expected="fail",
            named=("leak-negated",),
            deviates="from the method its documentation cites; the formula beside it has the same sign as the code",
            reading=Reading(TURNED, _under("bilinear", STEP, dtype, formula)),
        )
        small = STEP / 256
        yield _case(
            "zoh, dA of 1e-4",
            "zoh",
            small,
            dtype,
            zero_order_hold(small, dtype),
            documented="A_bar = exp(dA), gamma_bar = A^-1 (A_bar - I)",
            where=where + "zoh",
            remark="exp(dA) - 1 loses digits for a small dA; the bound allows for that",
        )
