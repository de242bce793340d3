"""C15, undoing D: exact on every convention, one network per step, refused where there is none; planted faults."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting

import oracle
from oracle.claims import c15
from oracle.procedures import undo as room
from oracle.procedures.undo import undo

SEEDS = range(24)
right = room.undone


@pytest.mark.parametrize("seed", SEEDS)
def test_holds(seed):
    """Every form, activation and kind of tau, Euler and exponential Euler: holds exactly."""
    net = network(seed)
    for scheme in ("euler", "exponential-euler"):
        result = c15.CLAIM.verify(net, scheme=scheme, **setting(seed, net))
        assert (result.verdict, result.measured) == ("holds", 0), result


def test_holds_for_the_normal_form():
    """Dense A, B, E, c and more units than states, by Euler; exponential Euler does not apply."""
    assert c15.CLAIM.verify(general(1)).verdict == "holds"


@pytest.mark.parametrize("scheme", ["midpoint", "heun", "rk4"])
def test_runge_kutta_is_not_undone(scheme):
    """A Runge-Kutta step is not one-to-one."""
    net = network(3)
    assert c15.CLAIM.verify(net, scheme=scheme).verdict == "not applicable"
    with pytest.raises(oracle.BadInput, match="one-to-one"):
        undo(net.discretize(0.1), scheme=scheme)


def test_the_network_of_an_elman_recurrence():
    """For Delta = 2: A = -1/2, B = 1/2, the rate form with tau = 2; its Euler step with Delta = 2 is the recurrence."""
    W, M, b = [[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5]
    rec = oracle.Recurrence.elman(W, M, b, step=2)
    assert undo(rec) == oracle.Network.rate(W, M, b, tau=2)
    assert undo(rec).discretize(2) == rec
    assert undo(rec, 1) != undo(rec)
    assert undo(rec, 1) == undo(rec).rescale(2)
    X = np.random.default_rng(1).normal(size=(5, 1))
    np.testing.assert_array_equal(
        oracle.simulate(undo(rec).discretize(2), X, [0.5, -0.5]), oracle.simulate(rec, X, [0.5, -0.5])
    )


def test_the_bias_is_kept():
    """Two biases and what is outside s survive the way there and back, and the given network is recognised."""
    net = oracle.Network.current([[0.5, 2.0], [1.0, -0.3]], [[1.0], [3.0]], ([0.1, 0.2], [0.3, -0.7]), tau=[0.3, 0.7])
    for scheme in ("euler", "exponential-euler"):
        assert undo(net.discretize(0.1, scheme), scheme=scheme) == net
    assert undo(net.discretize(0.1), 0.2) != net


def test_exponential_euler_of_a_linearisation():
    """Constants s'(z*) beside exp(Delta a) are divided out exactly."""
    net = oracle.Network.rate([[0.5, 2.0], [1.0, -0.3]], tau=[0.3, 0.7], b=[0.1, 0.2]).linearize(at=[0.5, -0.25])
    assert undo(net.discretize(0.1, "exponential-euler"), scheme="exponential-euler") == net


@pytest.mark.parametrize(
    ("rec", "why"),
    [
        (oracle.Recurrence.elman([[0.5]]), "positive"),
        (oracle.Recurrence.leaky([[0.5]], alpha=1.5), "positive"),
        (oracle.Recurrence.leaky([[0.5]], alpha=0.5), "irrational"),
        (oracle.Recurrence(A=[[1.0, 0.5], [0.0, 1.0]], W=[[1.0, 0.0], [0.0, 1.0]]), "dense"),
        (oracle.Recurrence.gru(np.ones((3, 1))), "normal form|form A h"),
    ],
)
def test_what_has_no_inverse_is_refused(rec, why):
    """No exponential step: A_d <= 0, an irrational logarithm, a dense A; a gated cell has no Euler form."""
    with pytest.raises(oracle.BadInput, match=why):
        undo(rec, scheme="exponential-euler")


def test_gap_of_the_wrong_step():
    """Made with 1/4 and undone with 1/2 halves the field: A was -2 at most, so 1 is missing."""
    assert c15.other_step().gap == Fraction(1)


FAULTS = {
    "identity kept": lambda field, step: field.scaled(1 / step),
    "times Delta": lambda field, step: right(field, 1 / step),
    "B kept": lambda field, step: replace(right(field, step), B=field.B),
    "c dropped": lambda field, step: replace(right(field, step), c=()),
    "step halved": lambda field, step: right(field, step / 2),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """A wrong U is violated by a certified amount (the current form has E and c)."""
    monkeypatch.setattr(room, "undone", FAULTS[fault])
    net = oracle.Network.current([[0.5, 2.0], [1.0, -0.3]], [[1.0], [3.0]], [0.1, 0.2], tau=[0.3, 0.7])
    result = c15.CLAIM.verify(net, r=3, step=0.1)
    planted(fault, result)
    assert result.measured > 0


def test_a_wrong_elman_record_is_not_hidden(monkeypatch):
    """The relation of two steps with the ratio upside down is violated."""
    monkeypatch.setattr(oracle.Network, "rescale", lambda self, r: self.made(self.field.scaled(1 / r), self.origin))
    result = c15.CLAIM.verify(network(3, N=2), r=3, step=0.1)
    assert result.verdict == "violated"
