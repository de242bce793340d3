"""For every assumption of every claim there is a case in which only it is dropped and the claim fails, certified."""

from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import network, setting

import oracle
from oracle.claims import c01, c02, c13

NAMES = list(oracle.claims)


@pytest.mark.parametrize("name", NAMES)
def test_every_assumption_has_a_counterexample(name):
    """The dropped assumptions are exactly those of the claim."""
    result = oracle.claims[name].verify(network(1, N=2, activation="tanh", scalar=True))
    assert {c.dropped for c in result.counterexamples} == {assumption.text for assumption in result.assumptions}


@pytest.mark.parametrize("name", NAMES)
def test_every_counterexample_is_certified(name):
    """Its gap is an exact rational, or a lower bound from balls, and positive."""
    for example in oracle.claims[name].counterexamples():
        assert example.verdict == "violated", example
        assert example.gap > 0
        exact = example.certificate == "exact rational"
        assert isinstance(example.gap, Fraction if exact else float), example


@pytest.mark.parametrize(
    ("name", "options", "dropped"),
    [
        ("C1", {"step_after": 0.5}, "the step is rescaled"),
        ("C2", {"scheme": "exponential-euler", "collapsed": True}, "kept apart"),
        ("C2", {"scheme": "midpoint"}, "equilibrium"),
        ("C2", {"at_after": ([0.5, 0.5], [0.25])}, "same operating point"),
        ("C3", {"at_after": ([0.5, 0.5], [0.25])}, "same operating point"),
        ("C4", {"step_after": 0.5}, "the step is rescaled"),
        ("C4", {"scheme": "rk4"}, "equilibrium"),
        ("C13", {"elman_step": 0.25}, "the step is tau"),
        ("C13", {"scheme": "exponential-euler"}, "forward Euler"),
    ],
)
def test_dropping_one_assumption(name, options, dropped):
    """On a given network: one assumption is false, the claim is not applicable, and what it states is off."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], tau=0.5)
    result = oracle.claims[name].verify(net, **{"r": 3, "step": 0.5, **options})
    false = [assumption.text for assumption in result.assumptions if assumption.holds is False]
    assert len(false) == 1
    assert dropped in false[0]
    assert result.verdict == "not applicable"
    assert result.measured > 0


def test_unscaled_step_is_off_by_the_field():
    """C1: one Euler step with the step left alone differs by exactly Delta |r - 1| |F|."""
    F = c01.field_at(c01.example())
    assert c01.unscaled_step().gap == Fraction(1, 4) * 2 * max(abs(entry) for entry in F.ravel())


def test_midpoint_maps_can_coincide():
    """Without a time grid the step would not be unique: the midpoint rule on h' = -h, z = -1/2 and z = -3/2."""
    net = oracle.Network(A=-1, B=0, W=[[0.0]], activation="identity")
    unscaled, plain = net.rescale(3).discretize(0.5, "midpoint"), net.discretize(0.5, "midpoint")
    h = np.array([Fraction(1)], dtype=object)
    a, b = (c01.one_step(rec, h, np.array([])) for rec in (unscaled, plain))
    assert a[0, 0] == b[0, 0] == Fraction(5, 8)
    assert unscaled != plain.rescale(3)


def test_kink_is_refused():
    """C2 to C4 do not apply at a kink of relu: L is undefined there."""
    net = oracle.Network.rate([[1.0, 0.0], [0.5, 1.0]], None, [-0.5, 0.25], tau=0.5, activation="relu")
    for name in ("C2", "C3", "C4"):
        result = oracle.claims[name].verify(net, at=([0.5, 1.0], None))
        assert result.verdict == "not applicable"
        assert result.measured is None


def test_the_flow_off_equilibrium():
    """C2: h' = -h + tanh 2h from 1/10 to 1/4, against a float64 integration of the variational equation."""
    flow, linear = c02.flow_derivatives(Fraction(1, 10), Fraction(1, 4))
    h, derivative, t, dt = 0.1, 1.0, 0.0, 1e-4

    def field(h, v):
        return -h + np.tanh(2 * h), v * (-1 + 2 / np.cosh(2 * h) ** 2)

    while h < 0.25:
        a, da = field(h, derivative)
        b, db = field(h + dt / 2 * a, derivative + dt / 2 * da)
        h, derivative, t = h + dt * b, derivative + dt * db, t + dt
    slope = -1 + 2 / np.cosh(0.2) ** 2
    # One step of dt too many at most, and dt^2 from the method.
    assert abs(float(flow) - derivative) < 2 * dt * derivative
    assert abs(float(linear) - np.exp(slope * t)) < 2 * dt * np.exp(slope * t)


def test_arrangements_of_the_leak():
    """C13 (observed): h + (-h + s) misses s in about a third of samples, (1 - a) h + a s never does at a = 1."""
    never, often = c13.in_floats().values()
    assert never == 0
    assert 0.2 < often < 0.4


def test_a_claim_that_fails_is_called_violated():
    """All assumptions met and records that differ: the verdict is "violated", not "not applicable"."""
    net = network(1, N=2, activation="tanh")
    options = setting(1, net)
    assert oracle.claims["C1"].verify(net, **options).verdict == "holds"
    wrong = c01.identity(
        (), [("a face", c01.Sameness("different", "planted", Fraction(1, 3))), ("b", c01.Sameness("equal", "", 0))]
    )
    assert (wrong.verdict, wrong.measured) == ("violated", Fraction(1, 3))
    open_question = c01.identity((), [("a face", c01.Sameness("undecided", "overlap", None))])
    assert open_question.verdict == "undecided"
