"""C1 to C4 and C13 on a trained network of 400 units, at a random operating point (skipped where it is absent)."""

import numpy as np
import pytest
from real import keras_flipflop

import oracle


@pytest.fixture(scope="module")
def trained():
    """The network in rate form with tau = 1, whose Euler step at Delta = 1 is what was trained."""
    W, M = keras_flipflop.weights()
    return oracle.Network.rate(W, M, tau=1)


@pytest.mark.parametrize("name", ["C1", "C2", "C3", "C4", "C13"])
def test_claims_on_the_trained_network(name, trained):
    """Every claim holds at r = 3, Delta = 1/4, at a point drawn from the invariant box, full 53-bit entries."""
    rng = np.random.default_rng(400)
    at = (rng.uniform(-1, 1, trained.N), rng.normal(size=trained.I))
    options = {"inputs": keras_flipflop.inputs(20).astype(float), "h0": keras_flipflop.initial()}
    result = oracle.claims[name].verify(trained, r=3, step=0.25, at=at, **options)
    assert (result.verdict, result.measured) == ("holds", 0), result
    if name == "C1":
        bitwise, _, ratio = result.observed.values()
        assert bitwise is True
        assert ratio <= 1
