"""The zero-order hold of a linear network: the exact flow between samples, by three engines and scipy."""

from fractions import Fraction

import numpy as np
import pytest
from enclosing import enclosed

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance

N, INPUTS, STEPS, DT = 5, 2, 10, 0.125
RNG = np.random.default_rng(6)
W, M, B = RNG.normal(0, 0.5, (N, N)), RNG.normal(size=(N, INPUTS)), RNG.normal(size=N)
TAU = RNG.uniform(0.1, 0.4, N)
X, H0 = RNG.normal(size=(STEPS, INPUTS)), RNG.normal(size=N)
NET = oracle.Network.rate(W, M, B, tau=TAU, activation="identity")
REC = NET.discretize(step=DT, scheme="zoh")


def by_series(matrix):
    """e to a matrix of size below 4: 60 terms of its series leave less than 4^61/61! = 1e-47."""
    total, term = np.eye(len(matrix)), np.eye(len(matrix))
    for k in range(1, 60):
        term = term @ matrix / k
        total = total + term
    return total


def program(scale=1.0):
    """The step of somebody who exponentiates the augmented matrix in floats."""
    generator = np.zeros((N + INPUTS + 1, N + INPUTS + 1))
    generator[:N] = np.c_[(-np.eye(N) + W) / TAU[:, None], M / TAU[:, None], B / TAU] * DT * scale
    flow = by_series(generator)
    return lambda h, x: flow[:N, :N] @ h + flow[:N, N:-1] @ x + flow[:N, -1]


def test_a_program_with_a_matrix_exponential_passes():
    result = oracle.check(program(), REC, inputs=X, h0=H0)
    assert result.verdict == "pass", result.summary()
    assert (result.explained_by, result.computed_in) == ("zoh", "float64")
    assert oracle.check(program(1 + 1e-9), REC, inputs=X, h0=H0).verdict == "fail"


def test_other_schemes_are_named_both_ways():
    euler = NET.discretize(step=DT)

    def forward(h, x):
        return h + DT * (-h + W @ h + M @ x + B) / TAU

    assert "forward-euler" in oracle.check(forward, REC, inputs=X, h0=H0).explained_by.split("|")
    assert "zoh" in oracle.check(program(), euler, inputs=X, h0=H0).explained_by.split("|")


def test_balls_and_mpmath_agree():
    """arb's and mpmath's own exponentials of one matrix, and what is moved by 1e-25 is outside."""
    ops = Mp(50)
    found = advance(ops, REC, ops.lift(H0[:, None]), ops.lift(X[0][:, None]))
    with precision(128):
        balls = Ball()
        enclosure = advance(balls, REC, balls.lift(H0[:, None]), balls.lift(X[0][:, None]))
    assert enclosed(enclosure, found)
    assert not enclosed(enclosure, found + ops.context.mpf(10) ** -25)


def test_it_is_the_flow():
    """The enclosure of the flow under held inputs, by another engine, meets that of the recurrence."""
    flow = oracle.reference(NET, inputs=oracle.held(X, DT), h0=H0, times=[k * DT for k in range(STEPS + 1)], digits=20)
    steps = oracle.reference(REC, inputs=X, h0=H0, digits=20)
    gap = np.abs(flow.mid - steps.mid)
    assert np.all(gap <= flow.rad + steps.rad)


def test_rescaling_commutes_exactly_and_only_with_the_rescaled_step():
    made = NET.rescale(3).discretize(step=Fraction(1, 24), scheme="zoh")
    assert made == NET.discretize(step=Fraction(1, 8), scheme="zoh").rescale(3)
    assert made != NET.discretize(step=Fraction(1, 7), scheme="zoh").rescale(3)


def test_exponential_euler_of_units_without_recurrence_is_a_zero_order_hold():
    """W = 0: both are exp(-dt/tau) h + (1 - exp(-dt/tau)) (M x + b)."""
    net = oracle.Network.rate(np.zeros((N, N)), M, B, tau=TAU, activation="identity")
    pair = [net.discretize(step=DT, scheme=scheme) for scheme in ("zoh", "exponential-euler")]
    both = [oracle.reference(rec, inputs=X, h0=H0, digits=20) for rec in pair]
    assert np.all(np.abs(both[0].mid - both[1].mid) <= both[0].rad + both[1].rad)


def test_files_and_linearised_networks(tmp_path):
    oracle.save(REC, tmp_path / "net.json")
    assert oracle.load(tmp_path / "net.json") == REC
    tangent = oracle.Network.rate(W, M, B, tau=0.5).linearize(at=(H0, X[0]))
    assert oracle.simulate(tangent.discretize(step=DT, scheme="zoh"), inputs=X, h0=H0).shape == (STEPS + 1, N)


def test_nonlinear_networks_are_refused():
    with pytest.raises(oracle.BadInput, match="only a linear network") as refused:
        oracle.Network.rate(W, M, B, tau=0.5).discretize(step=DT, scheme="zoh")
    assert "linearise first" in str(refused.value)
