"""Certified switching times of ReLU networks: closed forms are inside, by less than the digits asked for."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest

import oracle
from oracle.reference.enclosure import exact
from oracle.reference.limits import Undecided

DIGITS = 25


def context() -> Any:
    """mpmath with more digits than are certified."""
    ctx = mpmath.MPContext()
    ctx.dps = 60
    return ctx


def inside(switch: oracle.Switch, instant: Any) -> bool:
    """Whether an instant (mpf) is between the bounds, exactly."""
    return switch.earliest <= exact(instant) <= switch.latest


def test_one_unit_in_closed_form() -> None:
    """h' = -h + relu(2h - 1) from 3/4 switches off at ln 2, once; from 3/2 never. Planted fault: ln 2 + 10^-20 is
    outside."""
    net, ln2 = oracle.Network.rate([[2.0]], None, [-1.0], activation="relu"), context().log(2)
    (found,) = oracle.switches(net, None, [0.75], 3, digits=DIGITS)
    assert (found.unit, found.active) == (0, False)
    assert inside(found, ln2)
    assert found.latest - found.earliest < Fraction(1, 10**23)
    assert not inside(found, ln2 + context().mpf(10) ** -20)
    assert oracle.switches(net, None, [1.5], 3, digits=DIGITS) == ()


def touching(height: Fraction) -> tuple[oracle.Switch, ...]:
    """z = t - t^2/2 - 1/2 + height of a unit peaks at `height` for t = 1, and is 0 at 1 -+ sqrt(2 height)."""
    net = oracle.Network(
        A=[0.0, -1.0],
        B=[[0.0, 0.0], [0.0, 1.0]],
        W=[[0.0, 0.0], [1.0, 0.0]],
        M=[[0.0], [0.0]],
        b=np.array([Fraction(1), height - Fraction(1, 2)], dtype=object),
        E=[[1.0], [0.0]],
        activation="relu",
    )
    return oracle.switches(net, oracle.sampled([[1.0], [-1.0]], 2), [0.0, 0.0], 2, digits=DIGITS)


@pytest.mark.parametrize("height", [Fraction(1, 50), Fraction(1, 10**10)])
def test_a_short_excursion(height: Fraction) -> None:
    """Both crossings of a parabola, in their order; near the top they are known to fewer digits."""
    ctx = context()
    first, second = touching(height)
    root = ctx.sqrt(2 * ctx.mpf(height.numerator) / height.denominator)
    assert (first.unit, first.active, second.unit, second.active) == (1, True, 1, False)
    assert inside(first, 1 - root)
    assert inside(second, 1 + root)
    assert second.latest - second.earliest < Fraction(1, 10**15)


def test_a_unit_that_stays_below_does_not_switch() -> None:
    """The peak 10^-6 below the kink."""
    assert touching(Fraction(-1, 10**6)) == ()


def test_switches_with_a_jump_of_the_input() -> None:
    """A held input that jumps from 1 to -1 at 1/3 takes the unit with it, at that instant."""
    net = oracle.Network.rate([[0.5]], [[1.0]], activation="relu")
    (found,) = oracle.switches(net, oracle.held([[1.0], [-1.0]], Fraction(1, 3)), [0.1], Fraction(1, 2), digits=DIGITS)
    assert not found.active
    assert found.earliest < Fraction(1, 3) < found.latest
    assert found.latest - found.earliest < Fraction(1, 10**23)


def test_the_signs_are_those_of_the_flow() -> None:
    """Four units under an input that swings: between switches the sign of every z, from the certified flow, is what
    they say; every switch changes one."""
    rng = np.random.default_rng(4)
    W, M, b, h0 = rng.normal(size=(4, 4)), 3 * rng.normal(size=(4, 1)), rng.normal(size=4), rng.normal(size=4)
    net, x = oracle.Network.rate(W, M, b, activation="relu"), oracle.sampled([[0.0], [1.0], [-1.0], [0.5]], 1)
    found = oracle.switches(net, x, h0, 3, digits=10)
    assert len(found) > 4
    assert list(found) == sorted(found, key=lambda switch: switch.earliest)
    active, signs = W @ h0 + b > 0, []
    middles = [(s.latest + t.earliest) / 2 for s, t in pairwise(found)]
    states = oracle.reference(net, x, h0, middles, digits=12).float64()
    inputs = np.interp([float(t) for t in middles], range(4), [0.0, 1.0, -1.0, 0.5])
    for switch, h, value in zip(found, states, inputs, strict=False):
        active[switch.unit] = switch.active
        signs.append(active.copy())
        np.testing.assert_array_equal(W @ h + M[:, 0] * value + b > 0, active)
    assert all((a != b).any() for a, b in pairwise(signs))


def test_a_hard_tanh_in_closed_form() -> None:
    """h' = -h + hardtanh(2h) from 1/4 comes to 2h = 1 at ln 2; from -1/4 to -1."""
    net, ln2 = oracle.Network.rate([[2.0]], activation="hardtanh"), context().log(2)
    for sign in (1, -1):
        (found,) = oracle.switches(net, None, [sign * 0.25], 2, digits=DIGITS)
        assert (found.active, found.kink) == (sign > 0, sign)
        assert inside(found, ln2)


def test_what_is_refused() -> None:
    """No kink, no time, and a unit that rests at its kink: bad input, bad input, undecided."""
    with pytest.raises(oracle.BadInput, match="activation is tanh"):
        oracle.switches(oracle.Network.rate([[0.5]]), until=1)
    relu = oracle.Network.rate([[0.5]], [[1.0]], activation="relu")
    with pytest.raises(oracle.BadInput, match="h0 is the state at 0"):
        oracle.switches(relu, until=0)
    with pytest.raises(Undecided, match="no certain side"):
        oracle.switches(relu, oracle.held([[0.0], [0.0], [1.0]], Fraction(1, 4)), [0.0], "0.6")
