"""Claims on the trained network of 400 units, at a certified memory state (skipped where its file is absent)."""

from fractions import Fraction

import numpy as np
import pytest
from real import keras_flipflop

import oracle
from oracle.claims.fixed_points import settled

LONG = pytest.mark.slow
PULSE = np.tile([1.0, -1.0, 1.0], (40, 1))


@pytest.fixture(scope="module")
def trained():
    """The network in rate form with tau = 1, whose Euler step at Delta = 1 is what was trained."""
    W, M = keras_flipflop.weights()
    return oracle.Network.rate(W, M, tau=1)


@pytest.fixture(scope="module")
def memory(trained):
    """Where the trained recurrence comes to rest after a pulse on each channel, certified."""
    found = settled(trained, PULSE, step=1)
    assert found, found.reason
    return found


def test_memory_states(trained, memory):
    """The state is proved to 1e-50, unique in its box, not the origin; the opposite pulses give the opposite state."""
    assert memory.radius < 1e-50
    assert memory.unique_within > 1e-6 > memory.radius
    assert max(abs(memory.h)) > Fraction(1, 2)
    other = settled(trained, -PULSE, step=1)
    assert max(abs(other.h + memory.h)) <= Fraction(other.radius) + Fraction(memory.radius)


@pytest.mark.parametrize(
    "name",
    [
        "C10",
        "C14",
        "C15",
        pytest.param("C8", marks=LONG),
        pytest.param("C9", marks=LONG),
        pytest.param("C16", marks=LONG),
    ],
)
def test_claims_at_a_memory_state(name, trained, memory):
    """Nothing is left undecided at 400 units; the operating point is the certified fixed point."""
    result = oracle.claims[name].verify(trained, r=3, step=0.25, at=memory.at)
    assert result.verdict == "holds", result
    text = str(result)
    told = {
        "C8": "max Re lambda = [",
        "C9": "rank 400 at every eigenvalue",
        "C10": "equilibrium FixedPoint([",
        "C14": "rank of W 400 of 400",
        "C15": "U D = 1",
        "C16": "q = 1.",
    }
    assert told[name] in text
    assert "undecided" not in text.replace("decided by", "")


@pytest.mark.slow
def test_absorbing_tau(trained):
    """The paper form with tau = 1/2: W alone absorbs it exactly; W, M and b at a certified cost over this input."""
    paper = oracle.Network.paper(trained.W, trained.M, tau=0.5)
    result = oracle.claims["C5"].verify(paper, step=0.25)
    assert result.verdict == "holds"
    assert 0.1 < result.observed["error of absorbing the gain over this input"] < 0.2
    assert "(ii) h = g y, only W changes" in result.observed["exact ways"]
