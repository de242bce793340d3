"""The conventions in use, each as coefficients of the normal form (arXiv 2312.15974, section 2, and the codebases).

    paper         h' = -h/tau + s(W h + M x + b)                    A = -1/tau, B = I
    rate          tau h' = -h + s(W h + M x + b)                    A = -1/tau, B = 1/tau
    current       tau h' = -h + W s(h) + M x + b                    A = -1/tau, B = W/tau, E = M/tau, c = b/tau
    elman         h+ = s(W h + M x + b)                             A = 0, B = I
    residual      h+ = s(h + W h + M x + b)                         A = 0, B = I, W -> I + W
    leaky outside h+ = (1-a) h + a s(W h + M x + b)                 A = 1 - a, B = a
    leaky inside  h+ = (1-a) h + a (W s(h) + M x + b)               A = 1 - a, B = a W, E = a M, c = a b
    leak inside   h+ = s((1-a) h + a (W h + M x + b))               A = 0, B = I, W -> (1-a) I + a W, M -> a M, b -> a b

tau and a are scalars or diagonal matrices applied from the left. 1 - a is kept as the two atoms it is written with.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from oracle.records.exact import Array, Diagonal, Time, exact_object
from oracle.records.lure import Lure
from oracle.records.operator import Operator

ONE = Fraction(1)


def _outside(
    A: Operator, B: Operator, W: Array, M: Array, b: tuple[Array, ...], activation: str, drive: Diagonal = ONE
) -> Lure:
    """s(W h + M x + b) after a scalar or diagonal gain on its argument."""
    N, inputs = len(W), M.shape[1]
    return Lure(
        A=A,
        B=B,
        W=Operator.dense(W).scaled(drive),
        M=Operator.dense(M).scaled(drive),
        b=b if isinstance(drive, Fraction) and drive == 1 else tuple(drive * exact_object(part) for part in b),
        E=Operator.zero(N, inputs),
        c=(),
        activation=activation,
    )


def _inside(A: Operator, W: Array, M: Array, b: tuple[Array, ...], activation: str, gain: Diagonal) -> Lure:
    """gain (W s(h) + M x + b): the nonlinearity sees the state itself."""
    N, inputs = len(W), M.shape[1]
    return Lure(
        A=A,
        B=Operator.dense(W).scaled(gain),
        W=Operator.diagonal(ONE, N),
        M=Operator.zero(N, inputs),
        b=(),
        E=Operator.dense(M).scaled(gain),
        c=tuple(gain * exact_object(part) for part in b),
        activation=activation,
    )


def _leak(alpha: Diagonal, N: int) -> Operator:
    return Operator.diagonal(ONE, N) + Operator.diagonal(-alpha, N)


def paper(W: Array, M: Array, b: tuple[Array, ...], tau: Time, activation: str) -> Lure:
    """h' = -h/tau + s(W h + M x + b)."""
    N = len(W)
    return _outside(Operator.diagonal(-1 / tau, N), Operator.diagonal(ONE, N), W, M, b, activation)


def rate(W: Array, M: Array, b: tuple[Array, ...], tau: Time, activation: str) -> Lure:
    """tau h' = -h + s(W h + M x + b)."""
    N = len(W)
    return _outside(Operator.diagonal(-1 / tau, N), Operator.diagonal(1 / tau, N), W, M, b, activation)


def current(W: Array, M: Array, b: tuple[Array, ...], tau: Time, activation: str) -> Lure:
    """tau h' = -h + W s(h) + M x + b."""
    return _inside(Operator.diagonal(-1 / tau, len(W)), W, M, b, activation, 1 / tau)


def elman(W: Array, M: Array, b: tuple[Array, ...], activation: str) -> Lure:
    """h+ = s(W h + M x + b)."""
    N = len(W)
    return _outside(Operator.zero(N, N), Operator.diagonal(ONE, N), W, M, b, activation)


def residual(W: Array, M: Array, b: tuple[Array, ...], activation: str) -> Lure:
    """h+ = s(h + W h + M x + b)."""
    form = elman(W, M, b, activation)
    return replace(form, W=Operator.diagonal(ONE, len(W)) + form.W)


def leaky_outside(W: Array, M: Array, b: tuple[Array, ...], alpha: Diagonal, activation: str) -> Lure:
    """h+ = (1-a) h + a s(W h + M x + b)."""
    N = len(W)
    return _outside(_leak(alpha, N), Operator.diagonal(alpha, N), W, M, b, activation)


def leaky_inside(W: Array, M: Array, b: tuple[Array, ...], alpha: Diagonal, activation: str) -> Lure:
    """h+ = (1-a) h + a (W s(h) + M x + b)."""
    return _inside(_leak(alpha, len(W)), W, M, b, activation, alpha)


def leak_inside(W: Array, M: Array, b: tuple[Array, ...], alpha: Diagonal, activation: str) -> Lure:
    """h+ = s((1-a) h + a (W h + M x + b))."""
    N = len(W)
    form = _outside(Operator.zero(N, N), Operator.diagonal(ONE, N), W, M, b, activation, alpha)
    return Lure(form.A, form.B, _leak(alpha, N) + form.W, form.M, form.b, form.E, form.c, activation)
