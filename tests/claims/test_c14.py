"""C14, rate and current: exact on records, on rational trajectories and in balls; the way back; planted faults."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting
from flint import arb

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.rational import Rational
from oracle.claims import c14
from oracle.claims.way_back import exact_rank
from oracle.equations.catalogue import advance
from oracle.records.operator import Operator

W, M, B = np.array([[0.5, -1.25], [1.5, 0.25]]), np.array([[1.0], [-0.5]]), np.array([0.25, 0.5])


@pytest.mark.parametrize("seed", range(24))
def test_applies_to_rate_forms_with_one_constant(seed):
    """Holds exactly there, with Euler and exponential Euler, and nowhere else."""
    net = network(seed)
    several = len({Fraction(t) for t in np.atleast_1d(np.asarray(net.tau, dtype=object))}) > 1
    for scheme in ("euler", "exponential-euler"):
        result = c14.CLAIM.verify(net, scheme=scheme, **setting(seed, net))
        applies = net.form == "rate" and not several
        assert result.verdict == ("holds" if applies else "not applicable"), result
        if net.form == "rate" and several and net.N > 1:
            assert result.measured > 0
    assert c14.CLAIM.verify(general(seed)).verdict == "not applicable"


def trajectory(ops, rec, state, samples):
    """States of a recurrence in an arithmetic."""
    states = [ops.lift(state)]
    for x in samples:
        states.append(advance(ops, rec, states[-1], ops.lift(x)))
    return states


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_trajectories(activation):
    """Two runs by the library's own forms: v_k = W h_k + M x~_k + b at every step, in rationals or in balls."""
    rate = oracle.Network.rate(W, M, B, tau=2, activation=activation).discretize(0.5)
    current = oracle.Network.current(W, M, B, tau=2, activation=activation).discretize(0.5)
    X = np.random.default_rng(3).integers(-16, 16, size=(6, 1)) / 8
    alpha, filtered = Fraction(1, 4), [Fraction(3, 8)]
    for x in X:
        filtered.append((1 - alpha) * filtered[-1] + alpha * Fraction(x[0]))
    fed = [np.array([x], dtype=object) for x in filtered]
    with precision(256):
        ops = Rational() if activation == "relu" else Ball()
        h = trajectory(ops, rate, np.array([0.5, -0.25]), fed[:-1])
        seen = [_preactivation(ops, state, x) for state, x in zip(h, fed, strict=True)]
        start = W @ [0.5, -0.25] + M[:, 0] * float(filtered[0]) + B  # dyadic: exact in float64
        v = trajectory(ops, current, start, X)
        for a, b in zip(v, seen, strict=True):
            gap = a - b
            if activation == "relu":
                assert not np.any(gap != 0)
            else:
                assert all(entry.contains(0) and entry.rad() < 1e-60 for entry in gap.entries())
        assert float(_first(v[-1])) != float(_first(v[0]))


def _preactivation(ops, h, x):
    W_, M_ = (Operator.dense(part) for part in (W, M))
    return ops.affine([(W_, h), (M_, ops.lift(x))], [B])


def _first(value):
    return value[0, 0].mid() if isinstance(value[0, 0], arb) else value[0, 0]


def test_the_way_back():
    """Rank of W decides whether h(0) is unique; exactly, at the last bit."""
    full = c14.CLAIM.verify(oracle.Network.rate(W, M, B, tau=2)).observed
    assert "rank of W 2 of 2" in str(full)
    assert exact_rank(oracle.Network.rate([[1.0, 2.0], [2.0, 4.0]]).field.W.expanded) == 1
    nudged = [[1.0, 2.0], [2.0, np.nextafter(4.0, 5)]]
    assert exact_rank(oracle.Network.rate(nudged).field.W.expanded) == 2


def test_gaps_of_the_counterexamples():
    """|M (x_1 - x_0)| = 1/2; |M| Delta^2 = 1/4; 1 - 1/2 for the time constants; 1 - alpha."""
    gaps = [example.gap for example in c14.counterexamples()]
    assert gaps[1:] == [Fraction(1, 2), Fraction(1, 2), Fraction(1, 4), Fraction(3, 4)]


right_current, right_filtered, right_differenced = c14.current, c14.filtered, c14.differenced
FAULTS = {
    "W transposed": (
        "current",
        lambda rate: replace(right_current(rate), B=Operator.dense(right_current(rate).B.expanded.T)),
    ),
    "bias dropped": ("current", lambda rate: replace(right_current(rate), c=())),
    "input not scaled": ("current", lambda rate: replace(right_current(rate), E=rate.M)),
    "filter twice as fast": ("filtered", lambda rate, leak: right_filtered(rate, 2 * leak)),
    "alpha halved": ("differenced", lambda step, alpha: right_differenced(step, alpha / 2)),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """A wrong partner, filter or difference is violated by a certified amount."""
    name, wrong = FAULTS[fault]
    monkeypatch.setattr(c14, name, wrong)
    result = c14.CLAIM.verify(oracle.Network.rate(W, M, B, tau=0.5), step=0.125)
    planted(fault, result)
    assert result.measured > 0
