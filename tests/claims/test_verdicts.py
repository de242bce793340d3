"""What makes a verdict: NaN decides nothing, an identity has no slack, a norm is a ball that holds the norm."""

import numpy as np
import pytest
from flint import arb, arb_mat

import oracle
from oracle import data
from oracle.arithmetic.ball import precision
from oracle.claims.measured import Compared, judged
from oracle.claims.result import Assumption, Evaluated
from oracle.claims.sampling import length

MET = (Assumption("met", True, ""),)


@pytest.mark.parametrize(("bound", "measured"), [(1.0, np.nan), (np.nan, 0.5)])
def test_nan_decides_nothing(bound, measured):
    """A comparison with NaN is undecided; the same numbers without it are decided."""
    assert Evaluated(MET, bound, measured, ()).verdict == "undecided"
    assert Evaluated(MET, 1.0, 0.5, ()).verdict == "holds"
    assert Evaluated(MET, 0.5, 1.0, ()).verdict == "violated"


def test_nan_among_many_is_not_within():
    """One entry that is NaN keeps the whole comparison from being within, below the resolution as well."""
    known = Compared("known", np.array([0.1, 0.0]), np.array([0.1, 0.0]), np.array([0.3, 0.0]), 1e-9)
    broken = Compared("broken", np.array([0.1, np.nan]), np.array([0.1, np.nan]), np.array([0.3, 0.0]), 1e-9)
    assert known.within
    assert not broken.within
    assert judged(MET, [known]).verdict == "holds"
    assert judged(MET, [broken]).verdict == "undecided"


@pytest.mark.parametrize("norm", ["two", "infinity"])
def test_length_of_balls_about_zero(norm):
    """The norm of entries that may be zero is a ball that holds zero and their largest values."""
    with precision(64):
        column = arb_mat(3, 1, [arb(0, 2.0**-40), arb(0, 2.0**-50), arb(0)])
        size = length(column, norm)
        assert size.is_finite()
        assert size.contains(arb(0))
        assert size.contains(arb(2.0**-40)), "one entry alone may be that large"
        assert not length(arb_mat(1, 1, [arb(1)]), norm).contains(arb(0))


@pytest.mark.parametrize("claim", ["C8", "C11"])
def test_identity_has_no_slack(claim):
    """What the enclosures resolve is no bound that a measured value could be compared with."""
    result = oracle.claims[claim].verify(data.flipflop(), step=data.STEP)
    assert result.verdict == "holds"
    assert result.slack is None


def test_sampling_of_an_input_that_rests():
    """Where the input does not move there is no error of sampling, and the claim on it is not violated."""
    net = data.flipflop()
    X = np.zeros((5, net.I))
    X[3:] = 1.0
    assert oracle.claims["C18"].verify(net, step=data.STEP, inputs=X, h0=np.linspace(-0.5, 0.7, net.N))
