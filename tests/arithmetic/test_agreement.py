"""Every arithmetic agrees with every other on every equation: equal where it can be, contained where it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from enclosing import as_fraction, enclosed, radius
from specimens import H, X, recurrences, states, transcendental

from oracle import Recurrence
from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.mp import Mp
from oracle.arithmetic.rational import Rational
from oracle.arithmetic.series import SeriesArithmetic
from oracle.arithmetic.symbolic import Symbolic
from oracle.arithmetic.tangent import Tangent
from oracle.equations.catalogue import advance
from oracle.records.exact import Array

DIGITS, BITS, COARSE = 60, 100, 40
PIECEWISE = {f"{name}, {s}": rec for s in ("relu", "identity") for name, rec in recurrences(s).items()}
SMOOTH = {f"{name}, {s}": rec for s in ("tanh", "logistic") for name, rec in recurrences(s).items()}
SMOOTH |= transcendental()


def stepped(ops: Any, rec: Recurrence) -> Any:
    """One step of two trajectories."""
    return advance(ops, rec, ops.lift(states(rec.N)), ops.lift(X))


def in_balls(rec: Recurrence, bits: int) -> Any:
    """One step in balls."""
    with precision(bits):
        return stepped(Ball(), rec)


def exact(values: Array) -> list[Any]:
    """Entries as Fractions."""
    return [as_fraction(value) for value in values.ravel()]


@pytest.mark.parametrize("name", PIECEWISE)
def test_piecewise_linear_networks_are_equal_in_every_arithmetic(name: str) -> None:
    """With dyadic weights nothing rounds: float64, mpmath, SymPy and tangents equal the rationals bit for bit."""
    rec = PIECEWISE[name]
    truth = exact(stepped(Rational(), rec))
    assert exact(stepped(Float64(), rec)) == truth
    assert exact(stepped(Mp(DIGITS), rec)) == truth
    assert exact(stepped(Symbolic(), rec)) == truth
    assert exact(stepped(Tangent(Rational()), rec).value) == truth
    assert enclosed(in_balls(rec, BITS), np.array(truth, dtype=object))
    if rec.activation == "identity":
        assert exact(stepped(SeriesArithmetic(Rational()), rec)[0]) == truth


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_networks_lie_in_their_balls(name: str) -> None:
    """mpmath and SymPy at 60 digits, the tangent's value and the series' constant lie in balls of 100 bits."""
    rec = SMOOTH[name]
    balls = in_balls(rec, BITS)
    symbols = stepped(Symbolic(), rec)
    assert enclosed(balls, stepped(Mp(DIGITS), rec))
    assert enclosed(balls, np.array([entry.evalf(DIGITS) for entry in symbols.ravel()], dtype=object))
    assert enclosed(balls, stepped(Tangent(Mp(DIGITS)), rec).value)
    assert enclosed(balls, stepped(SeriesArithmetic(Mp(DIGITS)), rec)[0])
    assert radius(balls) < 2.0 ** (30 - BITS)  # four stages amplify by (|W| step/tau)^4 < 2^14; the rest is spare


@pytest.mark.parametrize("name", SMOOTH)
def test_float64_lies_in_balls_of_40_bits(name: str) -> None:
    """A ball of 40 bits widens at every operation by 2^13 roundings of float64.

    That covers the order of a sum, coefficients rounded once, and the few ulps of NumPy's tanh and exp.
    """
    assert enclosed(in_balls(SMOOTH[name], COARSE), stepped(Float64(), SMOOTH[name]))


@pytest.mark.parametrize("name", SMOOTH)
def test_a_difference_of_one_part_in_a_billion_is_noticed(name: str) -> None:
    """Planted fault: a value that is off by 1e-9 lies in none of the balls."""
    off = stepped(Float64(), SMOOTH[name])
    off[-1, -1] *= 1 + 1e-9
    assert not enclosed(in_balls(SMOOTH[name], COARSE), off)
    assert not enclosed(in_balls(SMOOTH[name], BITS), off)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_narrow_floats_stay_narrow_and_near(dtype: Any) -> None:
    """Float64 with another dtype computes in it: the result has it, and is off by more than nothing.

    Elman: a sum of six products below 2^4 each and a 1-Lipschitz activation, so 8 roundings of 2^7 at most.
    """
    rec = recurrences()["elman"]
    value, truth = stepped(Float64(dtype), rec), stepped(Float64(), rec)
    assert value.dtype == dtype
    error = np.abs(value.astype(np.float64) - truth).max()
    assert 0 < error <= 8 * 2**7 * np.finfo(dtype).eps


@pytest.mark.parametrize("name", PIECEWISE)
def test_arithmetics_broadcast_one_column(name: str) -> None:
    """One input column against two states is that input in both, in every arithmetic that batches."""
    rec = PIECEWISE[name]
    for ops in (Rational(), Float64(), Mp(DIGITS)):
        single: Any = ops
        once = advance(single, rec, single.lift(H), single.lift(X[:, :1]))
        twice = advance(single, rec, single.lift(H), single.lift(np.repeat(X[:, :1], 2, axis=1)))
        assert exact(once) == exact(twice)
    with precision(BITS):
        balls: Any = Ball()
        value = advance(balls, rec, balls.lift(H), balls.lift(X[:, :1]))
    assert enclosed(value, once)
