"""C6, Euler's error: verdicts on expansive and contracting networks, sharpness, and planted faults."""

from dataclasses import replace

import numpy as np
import pytest
from claims.drawn import general, network

import oracle
from oracle.arithmetic import slopes
from oracle.arithmetic.midrad import Midrad
from oracle.claims import c06
from oracle.reference import euler_error, euler_expansion, euler_recursion, jacobians, weighted

verify = c06.CLAIM.verify


@pytest.mark.parametrize("seed", range(0, 24, 2))
def test_holds(seed):
    """Every convention and activation, gains from contracting to expansive: held, and sharp where s is analytic."""
    net = network(seed, N=1 + seed % 4)
    result = verify(net, step=0.03, inputs=np.random.default_rng(seed).normal(size=(6, net.I)))
    assert result.verdict == "holds", result
    if result.measured:
        assert 1 <= result.slack < (4 if net.activation == "relu" else 1.001)


def test_holds_for_the_normal_form():
    """Dense A, B, W, E, c, more units than states."""
    result = verify(general(1), step=0.03, inputs=np.random.default_rng(1).normal(size=(5, 2)))
    assert result.verdict == "holds"


def test_expansive_networks():
    """Gain 3, q > 1: the bound exists and is sharp, and no contraction is asked for."""
    rng = np.random.default_rng(5)
    net = oracle.Network.rate(3 * rng.normal(size=(6, 6)) / np.sqrt(6), rng.normal(size=(6, 1)), tau=1)
    bound = euler_error.euler_bound(net, 0.125, 12, rng.normal(size=(12, 1)), rng.normal(size=6))
    assert all(found.q.max() > 1 for found in bound.recursions)
    low, high, _ = euler_error.tube_distance(net, 0.125, 12, rng.normal(size=(12, 1)) * 0, rng.normal(size=6))
    assert (high >= low).all()
    result = verify(net, step=0.125)
    assert result.verdict == "holds"
    assert result.slack < 1.001


def test_larger_than_the_references_reach():
    """N = 48: the distance is enclosed by the expansion of higher order, and said to be proved."""
    rng = np.random.default_rng(8)
    net = oracle.Network.rate(1.2 * rng.normal(size=(48, 48)) / np.sqrt(48), tau=1)
    result = verify(net, step=0.125, inputs=np.zeros((6, 0)), h0=rng.uniform(-1, 1, 48))
    assert result.verdict == "holds"
    assert 1 <= result.slack < 1.01
    assert "the distance is proved" in result.evidence


def test_a_silent_network():
    """From 0 without input nothing moves; bounds of the size of rounding are not called violated."""
    net = network(2, N=3)
    result = verify(net, step=0.03, inputs=np.zeros((6, net.I)), h0=np.zeros(3))
    assert result.verdict == "holds", result
    assert 0 == result.measured <= result.bound < 1e-12


def test_a_run_without_an_enclosure_is_not_applicable():
    """60 steps of h' = 40 h: no finite bound, the assumption says so, nothing is called violated."""
    net = oracle.Network.rate([[40.0, 1.0], [-3.0, 45.0]], tau=1, activation="relu")
    result = verify(net, step=1.0, h0=[1.0, 0.5], inputs=np.zeros((60, 0)))
    assert result.verdict == "not applicable"
    assert [a.text for a in result.assumptions if a.holds is False] == [c06.FLOW_ENCLOSED]


def test_inputs_between_their_samples():
    """Linear between samples, on a coarser grid than the steps: x' counts, and the evidence says so."""
    net = network(4, N=3)
    values = np.random.default_rng(4).normal(size=(4, net.I))
    sampled = verify(net, step=0.0625, inputs=oracle.sampled(values, 0.25))
    held = verify(net, step=0.0625, inputs=oracle.held(values, 0.25))
    for result, words, steps in ((sampled, "x' is part of M2", 12), (held, "x' = 0", 16)):
        assert result.verdict == "holds", result
        assert 1 <= result.slack < 1.001
        assert words in result.assumptions[-1].evidence
        assert result.assumptions[0].evidence == f"{steps} steps enclosed"
    assert sampled.measured != held.measured


def test_inputs_that_say_too_little():
    """A signal shorter than a step, one that breaks inside a step, and a closed form are refused."""
    net = network(4, N=3)
    values = np.random.default_rng(4).normal(size=(4, net.I))
    for inputs, step, words in (
        (oracle.held(values, 0.25), 3, "known until 1"),
        (oracle.held(values, 0.25), 0.1875, "inside step 1"),
        (oracle.analytic(["sin(t)"] * net.I), 0.0625, "closed form"),
    ):
        with pytest.raises(oracle.BadInput, match=words):
            verify(net, step=step, inputs=inputs)


# -- planted faults ----------------------------------------------------------------------------------------------------
RIGHT_JACOBIAN, RIGHT_OF = jacobians.Coefficients.jacobian, jacobians.Coefficients.of
RIGHT_LOG, RIGHT_MATRIX = weighted.Norm.logarithmic, weighted.Norm.matrix
RIGHT_DRIVES = euler_error.drives_of
RIGHT_BEND, RIGHT_STEP, RIGHT_OVER = euler_recursion._bend, euler_recursion._one_step, euler_recursion.over_step


def decay():
    """One linear unit, tau = 1: h'' keeps its sign, and the recursion is sharp to first order."""
    return {
        "net": oracle.Network.rate([[-0.5]], tau=1, activation="identity"),
        "step": 0.01,
        "h0": [0.75],
        "inputs": np.zeros((8, 0)),
    }


def two_speeds():
    """Two hardly coupled linear units, tau = 1/2 and 5."""
    net = oracle.Network.rate([[-0.02, 0.01], [0.03, -0.01]], tau=[0.5, 5.0], activation="identity")
    return {"net": net, "step": 0.1, "h0": [0.0075, 1.0], "inputs": np.zeros((60, 0))}


def growing():
    """A linear unit that grows, and drives another one."""
    net = oracle.Network(A=[-1, -1], W=[[2.0, 0.0], [6.0, 0.5]], activation="identity")
    return {"net": net, "step": 0.125, "h0": [1.0, 0.25], "inputs": np.zeros((16, 0))}


def fan():
    """Fifteen growing units drive one whose own h'' is small: its error comes from theirs, one way only."""
    W = np.diag([0.0] + [2.0] * 15) + np.eye(16)[:, :1] * np.r_[0, np.full(15, 2.0)]
    net = oracle.Network(A=np.full(16, -1.0), W=W, activation="identity")
    return {"net": net, "step": 0.125, "h0": np.r_[0.0, np.linspace(0.9, 1.1, 15)], "inputs": np.zeros((3, 0))}


def steep():
    """s is passed from one side to the other in one step: the slopes at the ends are not the largest."""
    net = oracle.Network(A=-0.0625, B=1, W=[[4.0]], c=[4.0])
    return {"net": net, "step": 0.25, "h0": [-0.5], "inputs": np.zeros((3, 0))}


def settling():
    """h' = -h + tanh 3h - 2/5 from above, to its upper equilibrium."""
    net = oracle.Network(A=-1, B=1, W=[[3.0]], c=[-0.4])
    return {"net": net, "step": 0.25, "h0": [1.2], "inputs": np.zeros((16, 0))}


def ramp():
    """A linear unit that follows an input which rises and falls."""
    net = oracle.Network(A=-1, B=1, W=[[0.0]], E=[[2.0]], M=[[0.0]], activation="identity")
    return {"net": net, "step": 0.125, "h0": [0.25], "inputs": oracle.sampled([[0.0], [3.0], [1.0], [2.5]], 0.25)}


def all_fast(p):
    """Every unit with the rate of the fastest."""
    c = RIGHT_OF(p)
    diagonal = np.diagonal(c.A.mid)
    A = Midrad(np.diag(np.full(len(diagonal), diagonal.min())), c.A.rad)
    return jacobians.Coefficients(c.activation, A, c.B, c.W, c.left, c.right)


FAULTS = {
    "constant halved": (euler_recursion.Scalars, "half_square", property(lambda self: float(self.step**2 / 4)), decay),
    "order term dropped": (euler_recursion, "_bend", lambda *a: 0.0, decay),
    "tau_min for tau_max": (jacobians.Coefficients, "of", staticmethod(all_fast), two_speeds),
    "Jacobian transposed": (
        jacobians.Coefficients,
        "jacobian",
        lambda self, slopes: RIGHT_JACOBIAN(self, slopes).transpose(),
        fan,
    ),
    "norm swapped": (weighted.Norm, "logarithmic", lambda self, m: RIGHT_LOG(self, m.transpose()), fan),
    "growth left out": (
        euler_recursion.Scalars,
        "growth",
        lambda self, mu: 0.0,
        growing,
    ),
    "q of a fixed point": (weighted.Norm, "matrix", lambda self, m: 0.5 * RIGHT_MATRIX(self, m), growing),
    "one step late": (
        euler_recursion,
        "_one_step",
        lambda path, frame, step, k, e: (
            RIGHT_STEP(path, frame, step, max(k - 1, 0), e) if k else euler_recursion.OneStep(0.0, "", 0.0, 0.0, 0.0)
        ),
        decay,
    ),
    "weights forgotten": (weighted.Norm, "entries", lambda self, r: np.full(len(self.weights), r / 50), two_speeds),
    "defect of another step": (
        c06,
        "euler_bound",
        lambda net, step, *rest: euler_error.euler_bound(net, step * 9 / 10, *rest),
        decay,
    ),
    "slopes at one end": (
        euler_recursion,
        "slopes_over",
        lambda name, low, high: slopes.slopes_over(name, high, high),
        steep,
    ),
    "slope of the input dropped": (
        euler_error,
        "drives_of",
        lambda *a: replace(found := RIGHT_DRIVES(*a), slopes=found.slopes * 0),
        ramp,
    ),
    "expansion cut off": (euler_error, "ORDER", 2, settling),
}


def without_remainder(monkeypatch):
    """Order 2, and nothing said about what is left."""
    right = euler_expansion.expand

    def expand(*arguments):
        found = right(*arguments)
        return euler_expansion.Expansion(found.step, found.value, found.defect * 0, found.z)

    monkeypatch.setattr(euler_expansion, "expand", expand)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_are_reported(fault, monkeypatch, planted):
    """A fault in the bound is violated, on a network on which the claim holds."""
    room, name, wrong, case = FAULTS[fault]
    assert verify(**case()).verdict == "holds"
    monkeypatch.setattr(room, name, wrong)
    if fault == "expansion cut off":
        without_remainder(monkeypatch)
    result = verify(**case())
    planted(fault, result)
    assert result.measured > result.bound


@pytest.mark.parametrize("weights", [[1.0, -1.0], [1.0, 0.0], [1.0, np.nan], [1.0, np.inf]])
def test_weights_that_are_none_are_refused(weights):
    """A weight that is not positive and finite gives no norm."""
    with pytest.raises(AssertionError, match="positive"):
        weighted.Norm("infinity", np.array(weights), "planted")
