"""Ways of absorbing a time constant, as operations on records, and whether they are exact.

h' = -h/tau + (g/tau) s(W h + M x + b),    paper: g = tau, rate: g = 1; tau and g one number or one per unit

inside      h' = (-h + s(g W h + g M x + g b)) / tau       exact iff g s(z) = s(g z) at every z met
scaled      h = T y:  y' = -y/tau + (T^-1 g/tau) s(W T y + M x + b); T = g leaves the rate form, only W changed
rescaled    R by a scalar tau: the leak becomes -1
linear      tangent of s at z* = 0, s(0) = 0:  g s'(0) goes inside, exactly
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.rational import Rational
from oracle.equations import lure
from oracle.procedures.linearize import linearized
from oracle.procedures.sameness import Sameness, same_maps
from oracle.records.exact import Array, exact_object, objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator, spread, sum_vectors
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence

Gain = Fraction | Array
"""One rational for all units, or one per unit: what tau and g are, exactly."""


def time_constants(field: Lure) -> Gain | None:
    """tau where A = -1/tau with tau > 0, one number or one per unit; None otherwise."""
    if not field.A.is_diagonal:
        return None
    leak: Any = field.A.diagonal_factor()
    if not rational(leak) or not np.all(leak < 0):
        return None
    return inverse(-leak)


def gains(field: Lure) -> Gain | None:
    """g where B = g/tau; None where B is no diagonal matrix of rationals, or where something is outside s."""
    tau = time_constants(field)
    if tau is None or field.B.shape[0] != field.B.shape[1] or not field.B.is_diagonal:
        return None
    if Operator.zero(*field.E.shape) != field.E or any(sum_vectors(field.c, field.state_size) != 0):
        return None
    factor: Any = field.B.diagonal_factor()
    return tau * factor if rational(factor) else None


def rational(factor: Any) -> bool:
    """Whether a scalar or diagonal has rational entries only."""
    entries = factor.tolist() if isinstance(factor, np.ndarray) else [factor]
    return all(isinstance(entry, Fraction) for entry in entries)


def inverse(factor: Any) -> Gain:
    """1/factor, entry by entry."""
    result: Gain = 1 / factor
    return result


def inside(field: Lure, gain: Gain) -> Lure:
    """A gain moved from before s into W, M and b."""
    return replace(
        field,
        B=field.B.scaled(inverse(gain)),
        W=field.W.scaled(gain),
        M=field.M.scaled(gain),
        b=tuple(gain * exact_object(part) for part in field.b),
    )


def scaled(field: Lure, T: Gain) -> Lure:
    """The field of y, h = T y, with T a positive number or diagonal matrix; for diagonal A."""
    back = inverse(T)
    return replace(
        field,
        B=field.B.scaled(back),
        W=field.W.times_diagonal(T),
        E=field.E.scaled(back),
        c=tuple(back * exact_object(part) for part in field.c),
    )


def rate_form(tau: Gain, W: Operator, M: Operator, b: tuple[Array, ...], activation: str) -> Lure:
    """tau h' = -h + s(W h + M x + b): what is left when the gain is gone."""
    N = W.shape[1]
    leak, drive = Operator.diagonal(-inverse(tau), N), Operator.diagonal(inverse(tau), N)
    return Lure(leak, drive, W, M, b, Operator.zero(N, M.shape[1]), (), activation)


def tangent_at_zero(field: Lure) -> Lure:
    """s replaced by its tangent at z* = 0."""
    return linearized(field, objects([Fraction(0)] * field.W.shape[0]))


def as_map(field: Lure) -> Recurrence:
    """A field, to be compared as the map it is."""
    return Recurrence.made("lure", field, Fraction(1), Origin("general", {}))


def same_field_along(field: Lure, other: Lure, T: Gain, states: Array, inputs: Array) -> Sameness:
    """Whether field(T y, x) = T other(y, x) at given y and x, (N, columns) and (I, columns), in exact arithmetic.

    Independent of how `other` was made: both are evaluated by the equation of the normal form. With T = 1 it compares
    two fields.
    """
    ops = Rational()
    y, x = exact_object(states), exact_object(inputs)
    factor = objects(spread(T, field.state_size))[:, None]
    ours, theirs = (
        lure.step(ops, p, ops.lift(h), lure.drive(ops, p, ops.lift(x))) for p, h in ((field, factor * y), (other, y))
    )
    difference: Any = [a - b for a, b in zip(ours.ravel(), (factor * theirs).ravel(), strict=True) if a != b]
    text = f"along {y.shape[1]} states of the run"
    if not difference:
        return Sameness("equal", f"both fields agree exactly {text}", Fraction(0))
    exact = [abs(entry) for entry in difference if isinstance(entry, Fraction)]
    if exact:
        return Sameness("different", f"they differ by {float(max(exact)):.6g} {text} (exact rational)", max(exact))
    return certified(difference, text)


def certified(difference: list[Any], text: str) -> Sameness:
    """A difference of transcendental constants, by balls."""
    zero = objects([Fraction(0)] * len(difference))
    N = len(difference)
    empty, square = Operator.zero(N, 0), Operator.zero(N, N)
    made = [Lure(square, square, square, empty, (), empty, (c,), "identity") for c in (objects(difference), zero)]
    outcome = same_maps(*(as_map(p) for p in made))
    return Sameness(outcome.holds, f"{outcome.evidence} {text}", outcome.gap)
