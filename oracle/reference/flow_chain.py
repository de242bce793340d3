"""Steps of a flow with error bounds that integers and fractions can check: polynomials for h and for s(z), and their
defects.

In theta = (t - t_k)/L, with |u| = sum |u_k| and int|u| = sum |u_k|/(k+1) for polynomials u:

    r = S' - f(S) z'                                  z = W p + M x + b,  f(s) = s'(z): 1 - s^2 or s - s^2
    silu: S = z V, eps = |z| eps_V with V, eps_V those of the logistic function
    eps = exp((1 + |S|) sum_{k>0} |z_k|) (|s(z(0)) - S(0)| + int|r|)  >=  |s(z) - S|                   (Gronwall)
    d_i = int|D_i| + L sum_j |B_ij| eps_j             D = p' - L (A p + B S + E x + c)
    e  <-  G e + max(1, G) max_i d_i/w_i              G = e^{mu L}

No complex disc and no Cauchy bound is needed, because S is checked by its own differential equation: another proof than
that of `certified`, whose steps are taken here as a good guess. `proofs/checker/check_flow.py` evaluates the same with
Python's integers; here it is done with flint's rational polynomials, and exp and s in balls. S of a piecewise linear s
is checked by its branch (`linear_pieces`), and a step is halved where that does not see that z stays on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm, log2
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq, fmpq_poly

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.ball_series import BallSeries
from oracle.records.exact import exact_object
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors
from oracle.reference.certified import one_step
from oracle.reference.chain import slopes
from oracle.reference.enclosure import exact, to_mpf
from oracle.reference.expansion import dyadic
from oracle.reference.linear_pieces import FAMILIES, Pieces
from oracle.reference.system import State, Step, System

FINE, MU_BITS, GROWTH_BITS, START_BITS = 32, 64, 128, 64  # as in the checker
SMOOTH = {"tanh": "tanh", "logistic": "logistic", "silu": "logistic"}  # and what its polynomial is near
_SPARE_BITS = 128  # so that a number rounded up is the same from every enclosure that narrow
_LONGER = 1.25  # lengths of S that are tried: an S as long as the defect of `certified` mostly does
_MOST_TRIES = 4
_MOST_HALVINGS = 12  # of a step, where Bernstein coefficients see a kink that z does not reach


@dataclass(frozen=True)
class Segment:
    """One step: whole numbers of 2^-bits for p (N, P + 1) and S (K, Q + 1), of 2^-(bits + FINE) for the defects."""

    length: Fraction
    p: list[list[int]]
    S: list[list[int]]
    defects: list[int]

    @property
    def end(self) -> list[int]:
        """p(1)."""
        return [sum(row) for row in self.p]


class Rational:
    """The coefficients of a field as flint's rationals."""

    def __init__(self, lure: Lure) -> None:
        self.activation = lure.activation
        self.A, self.B, self.W, self.M, self.E = (_rows(op) for op in (lure.A, lure.B, lure.W, lure.M, lure.E))
        self.b = [_fmpq(v) for v in exact_object(sum_vectors(lure.b, lure.W.shape[0])).tolist()]
        self.c = [_fmpq(v) for v in exact_object(sum_vectors(lure.c, lure.state_size)).tolist()]

    def argument(self, p: list[Any], x: tuple[list[Any], list[Any]]) -> list[Any]:
        """z = W p + M x + b, one polynomial per unit."""
        return [_combined(row, p) + _affine(inner, x, b) for row, inner, b in zip(self.W, self.M, self.b, strict=True)]

    def defect(self, i: int, p: list[Any], S: list[Any], x: tuple[list[Any], list[Any]], length: Any) -> Any:
        """D_i."""
        F = _combined(self.A[i], p) + _combined(self.B[i], S) + _affine(self.E[i], x, self.c[i])
        return p[i].derivative() - length * F


def _rows(op: Operator) -> list[list[Any]]:
    return [[_fmpq(value) for value in row] for row in exact_object(op.expanded).tolist()]


def _fmpq(value: Any) -> Any:
    number = Fraction(value)
    return fmpq(number.numerator, number.denominator)


def _combined(row: list[Any], polynomials: list[Any]) -> Any:
    return sum((factor * u for factor, u in zip(row, polynomials, strict=True) if factor), fmpq_poly())


def _affine(row: list[Any], x: tuple[list[Any], list[Any]], constant: Any) -> Any:
    """constant + row x(theta), x given by its value at 0 and its increment."""
    value, moved = (sum((a * b for a, b in zip(row, part, strict=True)), fmpq(0)) for part in x)
    return fmpq_poly([constant + value, moved])


def integral(u: Any) -> Any:
    """int|u|."""
    return sum((abs(c) / (k + 1) for k, c in enumerate(u.coeffs())), fmpq(0))


def upward(value: Any, bits: int) -> int:
    """The least multiple of 2^-bits that is not smaller than a rational."""
    scaled = value * 2**bits
    return -int(-scaled.p // scaled.q)


def ball_upward(value: Any, bits: int) -> int:
    """The same for a ball that is narrow; use inside `precision`."""
    scaled = exact(to_mpf((value * arb(2) ** bits).upper()))
    return -(-scaled.numerator // scaled.denominator)


def exponential(x: Any, bits: int) -> Any:
    """e^x for a rational x, rounded up to a multiple of 2^-bits."""
    if not x:
        return fmpq(1)
    with precision(bits + _SPARE_BITS + 4 * abs(int(float(Fraction(int(x.p), int(x.q)))))):
        return fmpq(ball_upward(arb(x).exp(), bits), 1 << bits)


CHECKED = (*SMOOTH, *FAMILIES)
"""Families of activations whose flows have certificates."""


def output(name: str, z: Any, V: Any, bits: int, length: int) -> tuple[Any, Any]:
    """S and eps for one unit from the polynomial that is kept; z is written with `length` coefficients."""
    if name not in SMOOTH:
        return V, Pieces.of(name).error(z, V, length)
    eps = activation_error(SMOOTH[name], z, V, bits)
    return (z * V, sum((abs(c) for c in z.coeffs()), fmpq(0)) * eps) if name == "silu" else (V, eps)


def activation_error(name: str, z: Any, S: Any, bits: int) -> Any:
    """eps of tanh or the logistic function."""
    slope = fmpq_poly([1]) - S * S if name == "tanh" else S - S * S
    r = integral(S.derivative() - slope * z.derivative())
    sizes = [sum((abs(c) for c in coefficients), fmpq(0)) for coefficients in (S.coeffs(), z.coeffs()[1:])]
    exponent = fmpq(upward((1 + sizes[0]) * sizes[1], GROWTH_BITS), 1 << GROWTH_BITS)
    return exponential(exponent, GROWTH_BITS) * (_distance(name, z[0], S[0], bits + FINE + START_BITS) + r)


def _distance(name: str, z: Any, S: Any, bits: int) -> Any:
    """|s(z) - S| rounded up to a multiple of 2^-bits."""
    if not z:
        return fmpq(upward(abs((0 if name == "tanh" else fmpq(1, 2)) - S), bits), 1 << bits)
    with precision(bits + _SPARE_BITS):
        value = Ball().act(name, arb_mat(1, 1, [arb(z)]))[0, 0]
        return fmpq(ball_upward(abs(value - arb(S)), bits), 1 << bits)


def constant(lure: Lure, weights: list[int]) -> Fraction:
    """The logarithmic norm max_i (C_ii + R_ii + sum_{j != i} (|C_ij| + R_ij) w_j/w_i), a multiple of 2^-MU_BITS."""
    A, B, W = (exact_object(op.expanded) for op in (lure.A, lure.B, lure.W))
    low, high = slopes(lure.activation)
    C, R = A + (low + high) / 2 * (B @ W), (high - low) / 2 * (np.abs(B) @ np.abs(W))
    sizes = np.abs(C) + R
    np.fill_diagonal(sizes, np.diagonal(C) + np.diagonal(R))
    rows = zip((sizes @ np.array(weights, dtype=object)).tolist(), weights, strict=True)
    return Fraction(max(ceil(total / w * (1 << MU_BITS)) for total, w in rows), 1 << MU_BITS)


def whole(weights: tuple[Any, ...]) -> list[int]:
    """Weights of a norm as whole numbers in the same proportions."""
    numbers = [exact(to_mpf(weight)) for weight in weights]
    common = lcm(*(number.denominator for number in numbers))
    return [int(number * common) for number in numbers]


def segments(
    system: System, h0: list[int], inputs: Any, times: tuple[Fraction, ...], log2_rate: float, bits: int
) -> Iterator[tuple[Fraction, Segment]]:
    """End and content of every step from h0, in multiples of 2^-bits, at 0: every time is the end of one."""
    t, y, unit = Fraction(0), h0, dyadic(1 / (1.0 + abs(float(system.norm.mu))))
    field, pattern = Rational(system.lure), None
    for target in times:
        while t < target:
            piece = inputs.piece(t)
            room = (target if piece.end is None else min(piece.end, target)) - t
            with precision(bits):
                centre = arb_mat(len(y), 1, [arb(v) * arb(2) ** -bits for v in y])
            step = one_step(system, State(t, centre, arb(0), arb(0), pattern), piece, unit, room, log2_rate)
            segment, whole_step = _as_long_as_it_holds(system, field, (step, y), piece, log2_rate, bits)
            unit, pattern = step.unit, step.end.pattern if whole_step else pattern
            t, y = t + segment.length, segment.end
            yield t, segment


def _as_long_as_it_holds(
    system: System, field: Rational, begin: tuple[Step, list[int]], piece: Any, log2_rate: float, bits: int
) -> tuple[Segment, bool]:
    """The step, or its first half, quarter, .. where Bernstein coefficients are far beyond a kink; if whole."""
    step, y = begin
    found: list[Segment] = []
    for halvings in range(_MOST_HALVINGS):
        q = step.q / 2**halvings
        allowed = log2_rate + log2(float(q * step.unit)) + 1
        found.append(_concluded(system, field, _in_theta(step.p, q, y, bits), piece, q * step.unit, allowed, bits))
        if system.lure.activation in SMOOTH or log2(max(*found[-1].defects, 1)) - bits - FINE <= allowed:
            return found[-1], not halvings
    return found[0], True


def _in_theta(p: Any, q: Fraction, y: list[int], bits: int) -> list[list[int]]:
    """p_k q^k rounded to multiples of 2^-bits; p_0 is y, which is one."""
    with precision(bits + _SPARE_BITS):
        ratio, powers = Ball().rational(q), [arb(1)]
        for _ in range(1, p.ncols()):
            powers.append(powers[-1] * ratio)
        rounded = [[_nearest(c * power, bits) for c, power in zip(row, powers, strict=True)] for row in p.tolist()]
    return [[start, *row[1:]] for start, row in zip(y, rounded, strict=True)]


def _nearest(value: Any, bits: int) -> int:
    return round(exact(to_mpf((value * arb(2) ** bits).mid())))


def _concluded(
    system: System, field: Rational, p: list[list[int]], piece: Any, length: Fraction, allowed: float, bits: int
) -> Segment:
    """The step with an S so long that the defect is about what the tolerance allows, or the longest tried."""
    polynomials = [_polynomial(row, bits) for row in p]
    slope = np.zeros(len(piece.value)) if piece.slope is None else piece.slope
    x = [_fmpq(v) for v in piece.value.tolist()], [_fmpq(length * Fraction(v)) for v in slope.tolist()]
    z, Q = field.argument(polynomials, x), system.length(len(p[0]) - 1)
    for _ in range(_MOST_TRIES):
        S = _values(system.lure.activation, z, Q, bits)
        pairs = zip(z, S, strict=True)
        made = [output(field.activation, u, _polynomial(row, bits), bits, len(p[0])) for u, row in pairs]
        outputs, eps = ([pair[k] for pair in made] for k in (0, 1))
        L, defects = _fmpq(length), []
        for i, row in enumerate(field.B):
            unseen = sum((abs(b) * e for b, e in zip(row, eps, strict=True)), fmpq(0))
            total = integral(field.defect(i, polynomials, outputs, x, L)) + L * unseen
            defects.append(upward(total, bits + FINE))
        if log2(max(*defects, 1)) - bits - FINE <= allowed:
            break
        Q = ceil(Q * _LONGER)
    return Segment(length, p, S, defects)


def _polynomial(row: list[int], bits: int) -> Any:
    return fmpq_poly(row, 1 << bits)


def _values(activation: str, z: list[Any], length: int, bits: int) -> list[list[int]]:
    """The series of s(z), of silu the logistic one, rounded to multiples of 2^-bits; linear units by their branch."""
    if activation not in SMOOTH:
        lines = [Pieces.of(activation).line(u) for u in z]
        return [[round(Fraction(int(c.p), int(c.q)) * (1 << bits)) for c in _padded(line, length)] for line in lines]
    with precision(bits + _SPARE_BITS, length):
        entries = [arb(c) for u in z for c in _padded(u, length)]
        series = BallSeries(length).act(SMOOTH[activation], arb_mat(len(z), length, entries))
        return [[_nearest(c, bits) for c in row] for row in series.tolist()]


def _padded(u: Any, length: int) -> list[Any]:
    return [*u.coeffs(), *[fmpq(0)] * length][:length]


def follow(weights: list[int], mu: Fraction, start: int, steps: list[Segment]) -> list[int]:
    """Errors at the beginning and after every step, in multiples of 2^-(bits + FINE)."""
    errors = [start]
    for step in steps:
        growth = exponential(_fmpq(mu * step.length), GROWTH_BITS)
        added = max(fmpq(d, w) for d, w in zip(step.defects, weights, strict=True))
        errors.append(upward(growth * errors[-1] + max(growth, fmpq(1)) * added, 0))
    return errors
