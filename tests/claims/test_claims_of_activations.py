"""Claims of networks whose slopes are not those of a sigmoid: evaluated where they can be, undecided where not."""

from __future__ import annotations

import numpy as np
import pytest

import oracle


def network(name: str) -> oracle.Network:
    """Two units, not symmetric."""
    W, M = np.array([[0.25, -0.5], [0.375, 0.125]]), np.array([[0.5], [-0.25]])
    return oracle.Network.rate(W, M, np.array([0.125, -0.25]), tau=0.5, activation=name)


@pytest.mark.parametrize("name", ["gelu", "leaky-relu(0.2)", "softplus"])
@pytest.mark.parametrize("claim", ["C2", "C5", "C6"])
def test_claims_hold(name: str, claim: str) -> None:
    """Slopes below 0 and above 1 are no obstacle."""
    assert oracle.claims[claim].verify(network(name)).verdict == "holds"


@pytest.mark.parametrize("name", ["gelu", "softplus", "arctan"])
def test_the_remainder_is_bounded_by_certified_suprema(name: str) -> None:
    """C7 with C2 and C3 from balls."""
    assert oracle.claims["C7"].verify(network(name)).verdict == "holds"


@pytest.mark.parametrize("claim", ["C6", "C16"])
def test_unbounded_slopes_are_undecided(claim: str) -> None:
    """The slope of a power grows: nothing holds for all states."""
    assert oracle.claims[claim].verify(network("square")).verdict == "undecided"


def test_a_slope_at_zero_that_is_no_rational() -> None:
    """C5 (iii) for erf, s'(0) = 2 / sqrt(pi): stated without dividing by it."""
    assert oracle.claims["C5"].verify(network("erf")).verdict == "holds"
