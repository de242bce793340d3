"""The recurrence of the trained network of 400 units to 50 digits; 2,000 steps of it are in reports/references.md."""

import numpy as np
import pytest

import oracle
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from real import keras_flipflop

STEPS = 1


@pytest.fixture(scope="module")
def asked():
    """(recurrence, pulses, h0)."""
    W, M = keras_flipflop.weights()
    X, h0 = keras_flipflop.inputs(steps=STEPS + 10)[10:], keras_flipflop.initial()
    return oracle.Recurrence.elman(W, M), X.astype(float), h0.astype(float)


def test_mpmath_at_twice_the_digits_is_inside(asked):
    """Every state of 400 units, to zero tolerance; planted fault: transposed weights are outside."""
    rec, X, h0 = asked
    found = oracle.reference(rec, X, h0, digits=50)
    assert found.status == "proved"
    assert found.digits >= 50
    ops, h = Mp(100), Mp(100).lift(h0)
    for k, x in enumerate(X):
        h = advance(ops, rec, h, ops.lift(x))
        assert found.contains(np.tile(h[:, 0], (STEPS + 1, 1)))[k + 1].all()
    W, M = keras_flipflop.weights()
    off = advance(ops, oracle.Recurrence.elman(W.T, M), ops.lift(h0), ops.lift(X[0]))
    assert not found.contains(np.tile(off[:, 0], (STEPS + 1, 1)))[1].any()


def test_a_long_run_and_its_last_state(asked):
    """100 steps to 50 digits: a float64 run ends near the last state."""
    rec, _, h0 = asked
    X = keras_flipflop.inputs(steps=100)
    last = oracle.reference(rec, X, h0, digits=50, steps=[100])
    assert last.digits >= 50
    assert np.abs(oracle.simulate(rec, X, h0)[-1] - last.float64()[0]).max() < 1e-10
