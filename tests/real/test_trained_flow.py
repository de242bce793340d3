"""The flow of the trained network of 400 units, in the paper's form with tau = 1, certified under pulse inputs.

The network was trained as a recurrence; its flow is what claims about discretisation compare that to. To 30 digits one
unit of time takes about eight seconds; here a fraction of it, to fewer digits.
"""

from fractions import Fraction

import numpy as np
import pytest

import oracle
from real import keras_flipflop

STEP = Fraction(1, 5)


@pytest.fixture(scope="module")
def certified():
    """(W, M, X, h0, enclosure at t = 1/5 and 2/5), 14 digits."""
    W, M = keras_flipflop.weights()
    X, h0 = keras_flipflop.inputs(steps=40)[10:12], keras_flipflop.initial()
    net = oracle.Network.paper(W, M, tau=1)
    return W, M, X, h0, oracle.reference(net, oracle.held(X, STEP), h0, [STEP, 2 * STEP], digits=14)


def by_runge_kutta(W, M, X, h0, steps=400):
    """h' = -h + tanh(W h + M x) in float64, classical Runge-Kutta, each sample held."""
    h, dt, states = h0.astype(float), float(STEP) / steps, []
    W, M = W.astype(float), M.astype(float)
    for x in X.astype(float):
        drive = M @ x

        def field(h, drive=drive):
            return -h + np.tanh(W @ h + drive)

        for _ in range(steps):
            k1 = field(h)
            k2 = field(h + dt / 2 * k1)
            k3 = field(h + dt / 2 * k2)
            h = h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + field(h + dt * k3))
        states.append(h)
    return np.array(states)


def test_the_goal_is_met_and_proved(certified):
    """Fourteen digits in all 400 units, in the 2-norm: its logarithmic norm is small, that of the others useless."""
    found = certified[-1]
    assert found.status == "proved"
    assert found.digits >= 14
    assert "two norm" in found.method


def test_a_float64_integration_is_near_and_a_wrong_network_is_not(certified):
    """Runge-Kutta at step 1/2000 is within 1e-12 (its error is of order 1e-14); transposed weights are not."""
    W, M, X, h0, found = certified
    truth = found.float64()
    assert np.abs(by_runge_kutta(W, M, X, h0) - truth).max() < 1e-12
    assert np.abs(by_runge_kutta(W.T, M, X, h0, 40) - truth).max() > 1e-2
