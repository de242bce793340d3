"""Inputs of a flow, exactly: x(t) constant, held between samples, or linear between samples.

    held       x(t) = values[k]                                                for k step <= t < (k+1) step
    sampled    x(t) = values[k] + (t/step - k) (values[k+1] - values[k])       for k step <= t <= (k+1) step

A signal is asked for one piece at a time: where it ends, its value at t and its slope. The integrator restarts at the
end of every piece, where x or x' may jump; equal samples that are held make one piece. `before` is the same backward in
time.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from flint import arb_mat

from oracle.arithmetic.ball import Ball
from oracle.arithmetic.ball_series import resized
from oracle.errors import BadInput
from oracle.records.exact import Array, exact_array, exact_object
from oracle.records.recurrence import positive


class Piece(NamedTuple):
    """x(t + s) = value + s slope until `end` (None: for ever), exactly; value and slope (I,)."""

    end: Fraction | None
    value: Array
    slope: Array | None

    def in_balls(self, unit: Fraction, length: int) -> Any:
        """Coefficients of x(t + unit sigma) as balls, (I, length); use inside `precision`."""
        ops, inputs = Ball(), len(self.value)
        columns = [self.value, *([] if self.slope is None else [unit * self.slope])]
        entries = [entry for row in zip(*(ops.lift(c).entries() for c in columns), strict=True) for entry in row]
        return resized(arb_mat(inputs, len(columns), entries), length)

    def beyond(self, time: Fraction, length: int) -> None:
        """What the coefficients leave out until t + time: nothing, the piece is a polynomial."""

    def in_mp(self, context: Any, length: int) -> list[Array]:
        """Coefficients of x(t + s) as columns (I,) of exact numbers."""
        zero = np.zeros(len(self.value))
        return [self.value, zero if self.slope is None else self.slope, *[zero] * (length - 2)][:length]


@dataclass(frozen=True, eq=False)
class Steady:
    """A constant input, or none at all."""

    value: Array

    @property
    def inputs(self) -> int:
        """I."""
        return len(self.value)

    @property
    def until(self) -> Fraction | None:
        """It never ends."""
        return None

    @property
    def since(self) -> Fraction | None:
        """It never begins."""
        return None

    def rescale(self, r: Any) -> Steady:
        """R: a constant stays."""
        positive(r, "r")
        return self

    def piece(self, t: Fraction) -> Piece:
        """One piece for ever."""
        return Piece(None, self.value, None)

    def before(self, t: Fraction) -> Piece:
        """The same backward in time."""
        return Piece(None, self.value, None)


@dataclass(frozen=True, eq=False)
class Signal:
    """Samples at the times k step; see `held` and `sampled`.

    Attributes
    ----------
    values : ndarray
        (K, I), read exactly.
    step : Fraction
        Time between samples.
    linear : bool
        Linear between samples rather than held.
    """

    values: Array
    step: Fraction
    linear: bool

    @property
    def inputs(self) -> int:
        """I."""
        return int(self.values.shape[1])

    @property
    def until(self) -> Fraction:
        """The time up to which the signal is known."""
        return (len(self.values) - self.linear) * self.step

    @property
    def since(self) -> Fraction:
        """The first sample is at 0."""
        return Fraction(0)

    def piece(self, t: Fraction) -> Piece:
        """The piece that starts at, or contains, t; after the last sample a held signal keeps its last value."""
        k = self._clamped(t // self.step)
        last = k
        while self._stays(last):
            last += 1
        return self._at(k, t)._replace(end=(last + 1) * self.step)

    def before(self, t: Fraction) -> Piece:
        """The piece that ends at, or contains, t > 0, backward in time: `end` is where it begins."""
        k = self._clamped(ceil(t / self.step) - 1)
        found = self._at(k, t)
        while k > 0 and self._stays(k - 1):
            k -= 1
        return Piece(k * self.step, found.value, None if found.slope is None else -found.slope)

    def _stays(self, k: int) -> bool:
        """Whether a held sample is followed by its equal."""
        return not self.linear and k + 1 < len(self.values) and bool(np.all(self.values[k + 1] == self.values[k]))

    def _clamped(self, k: int) -> int:
        return min(k, len(self.values) - 1 - self.linear)

    def _at(self, k: int, t: Fraction) -> Piece:
        value = exact_object(self.values[k])
        if not self.linear:
            return Piece(None, value, None)
        slope = (exact_object(self.values[k + 1]) - value) / self.step
        return Piece(None, value + (t - k * self.step) * slope, slope)

    def rescale(self, r: Any) -> Signal:
        """R: x(t) becomes x(r s), so the samples are step / r apart."""
        return Signal(self.values, self.step / positive(r, "r"), self.linear)

    def __repr__(self) -> str:
        samples, inputs = self.values.shape
        return f"<oracle.{'sampled' if self.linear else 'held'} {samples}x{inputs}, step {self.step}>"


Inputs = Any
"""A `Signal`, a `Steady`, an analytic input, or one of them `Seen` from another time."""


@dataclass(frozen=True)
class Seen:
    """A signal from a moment on, forward or backward: x(origin + s) or x(origin - s)."""

    signal: Inputs
    origin: Fraction
    backward: bool = False

    def piece(self, s: Fraction) -> Piece:
        """The piece that starts at s, in the time s."""
        if self.backward:
            found: Piece = self.signal.before(self.origin - s)
            return found._replace(end=None if found.end is None else self.origin - found.end)
        found = self.signal.piece(self.origin + s)
        return found._replace(end=None if found.end is None else found.end - self.origin)


def _signal(values: Any, step: Any, linear: bool, least: int) -> Signal:
    samples = exact_array(values, "values", 2)
    if len(samples) < least:
        raise BadInput(
            f"values has {len(samples)} samples; at least {least} are needed.",
            "the signal is empty, or time is the last axis.",
            "pass values of shape (samples, inputs).",
        )
    return Signal(samples, positive(step), linear)


def held(values: Any, step: Any) -> Signal:
    """The input that is constant between samples: x(t) = values[k] for k step <= t < (k+1) step.

    Parameters
    ----------
    values : array_like
        (K, I).
    step : number
        Time between samples, > 0, read exactly.

    Raises
    ------
    oracle.BadInput
        Entries that are not finite, a wrong shape, step <= 0.
    """
    return _signal(values, step, False, 1)


def sampled(values: Any, step: Any) -> Signal:
    """The input that is linear between samples at the times k step, up to the last one.

    Parameters
    ----------
    values : array_like
        (K, I), K >= 2.
    step : number
        Time between samples, > 0, read exactly.

    Raises
    ------
    oracle.BadInput
        Entries that are not finite, a wrong shape, step <= 0.
    """
    return _signal(values, step, True, 2)


def steady(value: Any, inputs: int) -> Steady:
    """A constant input (I,); None is zero input."""
    return Steady(exact_object(exact_array(np.zeros(inputs) if value is None else value, "inputs", 1)))
