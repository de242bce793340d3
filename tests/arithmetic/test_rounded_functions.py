"""What a function does to a rounding error, against arguments at the very ends of what is possible.

A float64 value is within delta of the exact argument z, and the candidate's z^ is within delta of it on either side, so
z^ may be 2 delta from the value. The function may be off by what it is granted, relative to what it is at z^.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import oracle
from oracle.arithmetic.float64 import VALUES
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

SIGNS = [(a, b) for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0)]
AROUND = {
    "relu": (0.0, 0.5, -3.0),
    "leaky-relu(0.2)": (0.0, 2.0),
    "hardtanh": (-1.0, 1.0, 0.25),
    "tanh": (0.0, 1.0, -6.0),
    "logistic": (0.0, -7.0, 3.0),
    "softplus": (-9.0, 0.0, 4.0),
    "elu": (0.0, -2.0),
    "gelu": (-0.75, 0.5),
    "sin": (0.0, 1.5),
}


def functions(ops: Any, name: str, value: float, delta: float) -> Rounded:
    """The function of a value whose error is delta."""
    made: Rounded = ops.act(name, Rounded(*(np.array([[v]]) for v in (value, abs(value) + delta, delta)), 0.0))
    return made


@pytest.mark.parametrize("form", ["float64", "float16"])
@pytest.mark.parametrize("delta", [2.0**-30, 2.0**-8, 0.3])
@pytest.mark.parametrize("name", AROUND)
def test_every_argument_that_is_possible_is_covered(name: str, delta: float, form: str) -> None:
    """Around kinks and elsewhere, with the granted error on top."""
    ops = Rounding(PRECISIONS[form])
    s = VALUES[name]
    for centre in AROUND[name]:
        for shift in (-1.9, -1.0, -0.3, 0.0, 0.3, 1.0, 1.9):
            value = centre + shift * delta
            made = functions(ops, name, value, delta)
            relative, _ = ops.activation_error(name, np.array(value - 2 * delta), np.array(abs(value) + 2 * delta))
            for exact, computed in SIGNS:
                z = value + 0.999 * exact * delta
                other = z + 0.999 * computed * delta
                right, seen = (float(s(np.array([[v]]))[0, 0]) for v in (z, other))
                allowed = float(made.bound()[0, 0])
                assert abs(seen * (1 + relative) - right) <= allowed * (1 + 1e-12) + 1e-15, (value, exact, computed)
                assert abs(seen * (1 - relative) - right) <= allowed * (1 + 1e-12) + 1e-15, (value, exact, computed)
                assert max(abs(right), abs(seen)) <= float(made.magnitude[0, 0]) * (1 + 1e-12) + 1e-15


@pytest.mark.parametrize(("times", "crossed"), [(1.5, True), (-1.5, True), (2.5, False), (-2.5, False)])
def test_a_jump_counts_where_it_may_be_crossed(times: float, crossed: bool) -> None:
    """A softplus with a threshold jumps by log(1 + e^-20) at 20, which is more than the slope makes of delta."""
    delta, jump = 2.0**-40, float(np.log1p(np.exp(-20.0)))
    bound = functions(Rounding(PRECISIONS["float64"]), "softplus(20)", 20 + times * delta, delta).bound()[0, 0]
    assert (bound >= jump) == crossed


@pytest.mark.parametrize(("form", "lost"), [("float32", 2.0**-151), ("float32-flushed", 1.128 * 2.0**-140)])
def test_results_below_the_normal_numbers_are_off_by_more_than_their_last_place(form: str, lost: float) -> None:
    """erf(2^-140) = 577.7 2^-149 lies between the smallest numbers of float32, and may be flushed to zero."""
    assert functions(Rounding(PRECISIONS[form]), "erf", 2.0**-140, 0.0).bound()[0, 0] >= lost


def test_a_product_rounds() -> None:
    """3/4 times 683/512 is 1 + u in float16, half way to the next number: computed as 1."""
    ops, u = Rounding(PRECISIONS["float16"]), 2.0**-11
    made = ops.mul(*(ops.lift(np.array([[v]])) for v in (3 / 4, 683 / 512)))
    assert np.float16(3 / 4) * np.float16(683 / 512) == 1
    assert made.bound()[0, 0] >= u


def test_every_addition_rounds() -> None:
    """1 + x + x with x just below half a unit: computed as 1, from the left."""
    ops, x = Rounding(PRECISIONS["float16"]), 2.0**-11 * (1 - 2.0**-11)
    assert np.float16(1) + np.float16(x) + np.float16(x) == 1
    assert ops.sum([ops.lift(np.array([[v]])) for v in (1.0, x, x)]).bound()[0, 0] >= 2 * x


def test_three_results_of_a_sum_may_be_stored() -> None:
    """W h, W h + M x and W h + M x + b, each stored in float16 and rounded down by half a unit: 1 for 1 + 3u - 2u^2."""
    u, f16 = 2.0**-11, np.float16
    W, h, x = 3 / 4, 683 / 512, u * (1 - u)
    rec = oracle.Recurrence.elman([[W]], [[1.0]], [x], activation="relu")
    stored = f16(f16(f16(np.float32(W) * np.float32(h)) + np.float32(x)) + np.float32(x))
    assert (f16(W), f16(h), f16(x), stored) == (W, h, x, 1)
    model = PRECISIONS["float16-accumulated-float32"]
    assert one_step_bound(rec, np.array([[h]]), np.array([[x]]), model)[0, 0] >= W * h + 2 * x - 1
