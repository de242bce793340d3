"""Certified flows in limbs: exact Taylor polynomials in fixed point step by step, and one scalar error beside them.

    e_{n+1} = e^{mu L} e_n + max(1, e^{mu L}) |int |D||        D as in `kernels.limb_field`, mu as in `lognorm`

The polynomial is that of the digits, so it ends in a number of the same digits, exactly, and centres are never rounded.
The length of a step follows from the one before it: truncation goes with L^{P+1}. If it misses the tolerance it is
tried again, shorter; if what rounding adds misses it, the whole run is, with more limbs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from fractions import Fraction
from math import ceil, e, floor, frexp, log, log2
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, precision, upper_floats
from oracle.arithmetic.ball_series import BallSeries
from oracle.equations import lure
from oracle.kernels.limb_field import Field, Series, balls, end, rounded
from oracle.kernels.limb_record import initial
from oracle.kernels.limbs import CUT, Unsuited, limbs_for, ulp_bits
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference import proved
from oracle.reference.certified import stuck
from oracle.reference.enclosure import Enclosure
from oracle.reference.lognorm import Norm
from oracle.reference.proved import Question
from oracle.reference.signals import Piece
from oracle.reference.system import State

_BITS = 64  # of scalars
_ORDER = 0.8  # order per natural logarithm of the tolerance: a step costs ~ P^2 for few units, ~ P for many
_MOST_TRIES = 40  # of one step
_ROUNDING_BITS = 2  # of what rounding adds to a step, over N^(3/2) P ulp; a run that finds more is tried again
_SHARE = 0.25  # of the tolerance that a step aims at
_USED = Fraction(3, 5)  # of the length of a series, at least; else a shorter one is made
_HOPE = Fraction(9, 8)  # times what fitted a step: the series of the next one, of which it uses what fits
_FARTHEST, _SHORTEST = Fraction(4), Fraction(1, 8)  # times the length that was tried
_MANTISSA = 10  # bits of a step
_LEAST_ORDER = 8
_SPARE = proved.SPARE - 0.1  # bits: what the ball engine keeps for it
_UP = 1 + 2.0**-40  # a sum or a product of float64 numbers, rounded up


class Rounded(ArithmeticError):
    """More limbs are needed, by so many bits."""

    def __init__(self, bits: float) -> None:
        super().__init__(f"{bits} bits are missing")
        self.bits = bits


@dataclass(frozen=True)
class LimbStep:
    """A step whose polynomial is one of digits: |x - p| <= error + spread in the norm, everywhere on it."""

    start: Fraction
    found: Series
    error: Any
    spread: Any
    end: State
    digits: Array

    def at(self, t: Fraction, norm: Norm, bits: int) -> tuple[list[Any], list[Any], list[Any]]:
        """Middles, radii of the computation and of the initial set at a time of the step: exact arbs."""
        m = self.digits.shape[0]
        with precision(max(bits, 2 * ulp_bits(m))):
            if t == self.end.t:
                values, error, spread = balls(self.digits), self.end.error, self.end.spread
            else:
                values, error, spread = self._inside((t - self.start) / self.found.length), self.error, self.spread
            errors, spreads = norm.entries(error, len(values)), norm.entries(spread, len(values))
            radii = [(v.rad() + e).abs_upper() for v, e in zip(values, errors, strict=True)]
            return [v.mid() for v in values], radii, spreads

    def _inside(self, sigma: Fraction) -> list[Any]:
        orders, m, n = self.found.c.shape
        made = arb_mat(orders, n, balls(np.ascontiguousarray(self.found.c.transpose(1, 0, 2)).reshape(m, orders * n)))
        ratio, power, powers = Ball().rational(sigma), arb(1), []
        for _ in range(orders):
            powers.append(power)
            power = power * ratio
        found: list[Any] = (arb_mat(1, orders, powers) * made).entries()
        return found


@dataclass(frozen=True)
class Run:
    """One attempt: the field in so many limbs, the norm, and the tolerance per unit of time, 2^log2_rate."""

    lure: Lure
    norm: Norm
    field: Field
    log2_rate: float
    kept: dict[Any, Any] = attribute(default_factory=dict)

    def steps(self, state: State, y: Array, inputs: Any, until: Fraction) -> Iterator[LimbStep]:
        """Steps from a state, its digits (m, N), to `until`."""
        reach = short(Fraction(2) ** round(self.log2_rate / self.field.P) / (1 + Fraction(abs(float(self.norm.mu)))))
        first = True
        while state.t < until:
            piece = inputs.piece(state.t)
            room = (until if piece.end is None else min(piece.end, until)) - state.t
            step, reach = self._step(state, y, piece, (reach, room), first)
            yield step
            state, y, first = step.end, step.digits, False

    def _step(
        self, state: State, y: Array, piece: Any, lengths: tuple[Fraction, Fraction], first: bool
    ) -> tuple[LimbStep, Fraction]:
        """One step, and how long the next may be: the series is made for a little more, and used as far as it holds."""
        reach, room = lengths
        for _ in range(_MOST_TRIES):
            L = min(reach, room)
            found = self.field.expand(y, *self._drive(piece, L), L)
            rounding, truncation = self._sizes(found, piece, Fraction(1))
            share = self._fitting(truncation, self._allowed(state.t, L))
            if share < _USED:
                reach, first = short(L * max(share, _SHORTEST)), False
                continue
            if first and share > 1 / _USED and room > L:
                reach = short(L * share)
                continue
            best = short(L * share * _HOPE)
            q = Fraction(1) if share >= 1 else short(share)
            while rounding + truncation > self._allowed(state.t, q * L):
                if rounding > self._allowed(state.t, q * L) / 2:
                    raise Rounded(log2(rounding / self._allowed(state.t, q * L)) + 2)
                q = short(q * Fraction(63, 64))
                rounding, truncation = self._sizes(found, piece, q)
            return self._finished(state, found, q, rounding + truncation), min(best, 2 * reach)
        raise stuck(state.t)

    def _allowed(self, t: Fraction, L: Fraction) -> float:
        """The tolerance of a step: what later growth takes less, it may take more."""
        return float(2.0 ** (self.log2_rate + log2(L) + max(0.0, float(self.norm.mu)) * float(t) * log2(e)))

    def _fitting(self, truncation: float, allowed: float) -> Fraction:
        """The q at which the truncation, as q^{P+1}, is _SHARE of what is allowed, as q."""
        ratio = (allowed * _SHARE / max(truncation, 2.0**-1000)) ** (1 / self.field.P)
        return min(Fraction(ratio), _FARTHEST)

    def _drive(self, piece: Any, L: Fraction) -> tuple[Array, Array]:
        """M x + b and E x + c as digits (orders, m, units), in the time of the step."""
        constant = isinstance(piece, Piece) and piece.slope is None
        if constant and self.kept.get("input") is piece.value:
            return self.kept["drive"]  # type: ignore[no-any-return]
        orders = 1 if constant else 2 if isinstance(piece, Piece) else self.field.P + 1
        m = self.field.m
        with precision(ulp_bits(m) + _BITS, orders):
            ops = BallSeries(orders, self.kept)
            parts = lure.drive(ops, self.lure, piece.in_balls(L, orders))
            given = zip(parts, (self.field.units, self.lure.state_size), strict=True)
            inside, outside = (rounded(part[0] if part else arb_mat(size, 1), m) for part, size in given)
        self.kept.update(input=piece.value if constant else None, drive=(inside, outside))
        return inside, outside

    def _sizes(self, found: Series, piece: Any, q: Fraction) -> tuple[float, float]:
        """max(1, e^{mu q L}) times the norm of int_0^q |D|: what rounding and what truncation add, rounded up."""
        misfit, length = self.field.misfit(found, q), q * found.length
        truncation = misfit.truncation
        beyond = piece.beyond(length, self.field.P + 1)
        if beyond is not None:
            truncation = truncation + self.field.unseen(upper_floats(arb_mat(len(beyond), 1, beyond))[:, 0], length)
        with precision(_BITS):
            growth = self._growth(length).max(arb(1))
            return tuple(  # type: ignore[return-value]
                float((self.norm.of(list(map(arb, v.tolist()))) * growth).upper()) * _UP
                for v in (misfit.rounding, truncation)
            )

    def _growth(self, L: Fraction) -> Any:
        return (self.norm.mu * Ball().rational(L)).exp().upper()

    def _finished(self, state: State, found: Series, q: Fraction, added: float) -> LimbStep:
        y, rounded = end(found, q)
        L = q * found.length
        with precision(_BITS):
            growth = self._growth(L)
            most, ulp = growth.max(arb(1)), arb(2) ** -ulp_bits(self.field.m)
            evaluated = self.norm.of([arb(rounded) * ulp] * y.shape[1])
            error, spread = (most * state.error + added).abs_upper(), (most * state.spread).abs_upper()
            after = (growth * state.error + added + evaluated).abs_upper(), (growth * state.spread).abs_upper()
        return LimbStep(state.t, found, error, spread, State(state.t + L, None, *after), y)


def short(value: Fraction) -> Fraction:
    """A positive number rounded down to _MANTISSA bits."""
    mantissa, exponent = frexp(float(value))
    return Fraction(floor(mantissa * 2**_MANTISSA)) * Fraction(2) ** (exponent - _MANTISSA)


def rows(question: Question, norm: Norm, log2_rate: float) -> list[proved.Row]:
    """The rows of a question with this tolerance per unit of time, in as many limbs as rounding asks for.

    Raises
    ------
    Unsuited
        The problem does not fit limbs.
    """
    N = len(question.h0)
    log2_rate += _SPARE  # centres are not rounded between steps
    P = max(_LEAST_ORDER, ceil(_ORDER * -log2_rate * log(2)))
    bits = -log2_rate + log2(N * P) + log2(N) / 2 + _ROUNDING_BITS
    for _ in range(_MOST_TRIES):
        field = Field.of(question.lure, limbs_for(bits), P)
        run = Run(question.lure, norm, field, log2_rate)
        y, exact = initial(question.h0[:, None], field.m)
        with precision(_BITS):
            error = arb(0) if exact else norm.of([arb(CUT) * arb(2) ** -ulp_bits(field.m)] * N)
            spread = norm.of([Ball().rational(question.radius).abs_upper()] * N)
        try:
            start = State(Fraction(0), None, error, spread)
            steps = run.steps(start, y, question.inputs, question.times[-1])
            return list(proved.outputs(question, steps, norm, ulp_bits(field.m)))
        except Rounded as missing:
            bits = max(ulp_bits(field.m) + 1.0, ulp_bits(field.m) + missing.bits)
    raise Unsuited("rounding was too large again and again")


def follow(question: Question) -> Enclosure:
    """The flow at the times, (len(times), N), proved.

    Raises
    ------
    Unsuited
        The problem does not fit limbs.
    oracle.reference.limits.NotReached
        The growth of errors is too large.
    """
    found = proved.follow(question, lambda norm, log2_rate, _: rows(question, norm, log2_rate))
    return replace(found, method=found.method.replace("balls", "limbs"))
