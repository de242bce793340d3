"""kappa of Krawczyk's test: it holds the Jacobians of all sampled states of a box, and planted faults do not."""

import numpy as np
import pytest
from claims.drawn import general, network

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.float64 import Float64
from oracle.claims import secants
from oracle.claims.fixed_points import fixed_point, rounded, settled
from oracle.claims.secants import contraction, with_derivative


def seen(record, c, Y, x, radius, rng):
    """max |I - Y G'(h)|_inf over sampled states of the box and its corners, in float64."""
    corners = [c + radius * rng.choice([-1.0, 1.0], len(c)) for _ in range(40)]
    inside = [c + radius * rng.uniform(-1, 1, len(c)) for _ in range(40)]
    worst = 0.0
    for h in (c, *corners, *inside):
        slope = with_derivative(Float64(), record, h[:, None], x).tangent
        worst = max(worst, float(np.max(np.sum(np.abs(np.eye(len(c)) - Y @ slope), axis=1))))
    return worst


def case(seed, scheme=None, activation=None):
    """A record with a centre and an approximate inverse there."""
    net = general(seed) if seed == 2 else network(seed, N=4, activation=activation)
    record = net if scheme is None else net.discretize(0.25, scheme)
    rng = np.random.default_rng(seed)
    c, x = rng.uniform(-1, 1, net.N), rng.normal(size=net.I)
    slope = with_derivative(Float64(), record, c[:, None], x).tangent
    return record, c, np.linalg.inv(slope), x, rng


@pytest.mark.parametrize(
    ("seed", "scheme", "activation"),
    [
        (0, None, "tanh"),
        (1, None, "logistic"),
        (2, None, None),
        (5, "euler", "tanh"),
        (3, None, "relu"),
        (5, "rk4", "tanh"),
    ],
)
@pytest.mark.parametrize("radius", [2.0**-20, 0.03, 0.5])
def test_kappa_holds_every_sample(seed, scheme, activation, radius):
    """Fast path (the normal form) and general path alike, with zero tolerance but the rounding of the samples."""
    record, c, Y, x, rng = case(seed, scheme, activation)
    worst = seen(record, c, Y, x, radius, rng)
    with precision(128):
        bound = contraction(record, Ball().lift(c), Ball().lift(Y), x)(radius)
        assert not np.isfinite(float(bound)) or float(bound) >= worst - 2.0**-45


def test_both_paths_agree_at_a_point():
    """In a small box the one product says what differentiating over the box says, to the size of the box."""
    record, c, Y, x, _ = case(0, None, "tanh")
    with precision(128):
        ours = contraction(record, Ball().lift(c), Ball().lift(Y), x)(2.0**-30)
        theirs = secants._in_general(record, Ball().lift(c), Ball().lift(Y), x)(2.0**-30)
    assert abs(float(ours) - float(theirs)) < 2.0**-20


def without_spread(right):
    def frozen(field, c, Y, x):
        return lambda radius: right(field, c, Y, x)(0.0)

    return frozen


FAULTS = {
    "slopes of the centre for the box": ("_in_normal_form", without_spread),
    "half of the box": ("_in_normal_form", lambda right: lambda *given: lambda radius: right(*given)(radius / 2)),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_miss_samples(fault, monkeypatch):
    """A bound that forgets the box, or half of it, is below what is sampled in it."""
    record, c, Y, x, rng = case(0, None, "tanh")
    name, make = FAULTS[fault]
    monkeypatch.setattr(secants, name, make(getattr(secants, name)))
    radius = 0.03
    with precision(128):
        bound = contraction(record, Ball().lift(c), Ball().lift(Y), x)(radius)
    assert float(bound) < seen(record, c, Y, x, radius, rng)


def test_settled_is_where_the_run_rests():
    """A bistable unit: the pulse decides which of its states is certified; what oscillates is not said to rest."""
    net = oracle.Network.rate([[2.0]], [[1.0]], tau=1)
    up, down = (settled(net, np.full((40, 1), sign)) for sign in (1.0, -1.0))
    assert up and down  # noqa: PT018
    assert rounded(up)[0] > 0.9 > -0.9 > rounded(down)[0]
    assert np.array_equal(up.at[0], rounded(up))
    assert fixed_point(net).h[0] == 0  # Newton's method alone stays at the unstable one
    turning = oracle.Recurrence.elman([[0.0, -2.0], [2.0, 0.0]])
    assert "still moves" in settled(turning, h0=[0.5, 0.0]).reason
    with pytest.raises(oracle.BadInput, match="no fixed point was certified"):
        settled(turning, h0=[0.5, 0.0]).at  # noqa: B018
