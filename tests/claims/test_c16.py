"""C16, bounded and contracting: boxes of every form, the radius attained, the factor, planted faults."""

from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting
from flint import arb, arb_mat

import oracle
from oracle.arithmetic.ball import precision
from oracle.claims import c16, contraction

W = np.array([[0.5, -1.25], [1.5, 0.25]])
M, B, X = np.array([[1.0], [-0.5]]), np.array([0.25, 0.5]), np.array([2.0])


def radii(net, step, scheme="euler"):
    """R of the claim as floats."""
    step_map = net.discretize(step, scheme).lure
    with precision(128):
        return [float(r) for r in c16.box(step_map, c16.keeps(step_map), X)]


@pytest.mark.parametrize("seed", range(24))
def test_holds_for_bounded_activations(seed):
    """Both runs stay in their boxes and close in as promised; relu and identity have no box."""
    net = network(seed)
    for scheme in ("euler", "exponential-euler"):
        options = {**setting(seed, net), "step": 0.09}
        result = c16.CLAIM.verify(net, scheme=scheme, **options)
        bounded = net.activation in ("tanh", "logistic")
        assert result.verdict == ("holds" if bounded else "not applicable"), result
        assert result.measured <= 1
    assert c16.CLAIM.verify(net, scheme="heun").verdict == "not applicable"
    assert c16.CLAIM.verify(general(seed)).verdict == "not applicable"


def test_boxes_of_the_conventions():
    """Rate 1, alpha/(2 - alpha) = 3 at alpha = 3/2; paper tau; current sum |W| + |M| X + |b|; exponential Euler too."""
    weights = (W, M, B)
    assert radii(oracle.Network.rate(*weights, tau=0.5), 0.125) == pytest.approx([1, 1], rel=1e-15)
    assert radii(oracle.Network.rate(*weights, tau=0.5), 0.75) == pytest.approx([3, 3], rel=1e-15)
    assert radii(oracle.Network.paper(*weights, tau=[0.5, 2]), 0.125) == pytest.approx([0.5, 2], rel=1e-15)
    expected = np.abs(W).sum(axis=1) + np.abs(M) @ X + np.abs(B)
    for scheme in ("euler", "exponential-euler"):
        net = oracle.Network.current(*weights, tau=[0.5, 2])
        assert radii(net, 0.125, scheme) == pytest.approx(expected, rel=1e-15)


def test_the_radius_is_attained():
    """alpha = 3/2, s(h) = tanh(-1000 h): a cycle that fills the box [-3, 3] to 15 digits."""
    net = oracle.Network.rate([[-1000.0]], tau=1)
    result = c16.CLAIM.verify(net, step=1.5, inputs=np.zeros((60, 0)), h0=[2.9])
    assert result.verdict == "holds"
    assert result.evidence[-1].startswith("box: max R_i = 3")
    H = oracle.simulate(net.discretize(1.5), np.zeros((200, 0)), [0.5])
    assert np.max(np.abs(H)) > 3 * (1 - 1e-12)


@pytest.mark.parametrize("form", ["rate", "paper", "current"])
def test_the_factor_bounds_every_jacobian(form):
    """q is at least the norm of P + B D W for random slopes, and reached to 10 % by some corner in one of the norms."""
    net = getattr(oracle.Network, form)(W, M, B, tau=[0.5, 2])
    step_map = net.discretize(0.125).lure
    with precision(128):
        found = contraction.factor(step_map)
    P, drive, weights = (np.asarray(getattr(step_map, n).expanded, dtype=float) for n in ("A", "B", "W"))
    rng, seen = np.random.default_rng(5), []
    for slopes in [*rng.uniform(0, 1, (300, 2)), *np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)]:
        J = P + drive @ (slopes[:, None] * weights)
        d = found.weights
        scaled = {"infinity": J * d / d[:, None], "1": d[:, None] * J / d, "2": J}[found.norm]
        seen.append(np.linalg.norm(scaled, {"infinity": np.inf, "1": 1, "2": 2}[found.norm]))
    assert max(seen) <= float(found.q) * (1 + 1e-12)
    assert max(seen) > 0.9 * float(found.q)


def test_echo_state():
    """|W|_2 = 0.9: q < 1 although the infinity norm of W is above 1; two runs meet."""
    Q = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
    net = oracle.Network.rate(0.9 * Q, tau=1)
    result = c16.CLAIM.verify(net, step=0.25)
    assert result.verdict == "holds"
    assert "echo state" in result.evidence[0]
    assert np.abs(0.9 * Q).sum(axis=1).max() > 1


def test_one_minus_delta_c():
    """W = diag(1/2, -1/2), tau = 1, alpha = 1/4: c = 1/2, q = 7/8, in the infinity or 1-norm."""
    net = oracle.Network.rate(np.diag([0.5, -0.5]), tau=1)
    with precision(128):
        found = contraction.factor(net.discretize(0.25).lure)
        assert abs(found.q - arb(7) / 8) < 1e-12
        assert contraction.diagonal_kept(net.discretize(0.25).lure)
        assert not contraction.diagonal_kept(net.discretize(1.5).lure)


def test_gaps_of_the_counterexamples():
    """1 at alpha = 3, 1/2 for relu, 15/16 for the input, 1 for the overshoot."""
    gaps = {example.dropped: float(example.gap) for example in c16.counterexamples()}
    expected = {c16.BOUNDED: 0.5, c16.LEAK: 1.0, c16.INPUT: 15 / 16, c16.SMALL_STEP: 1.0, c16.SCHEME: 0.9375}
    assert gaps == pytest.approx(expected, abs=1e-12)
    assert c16.overshoot().gap == Fraction(1)


def transposed(m):
    """A wrong |A + B D W|: of the other side."""
    return m.transpose()


right_box, right_extremes = c16.box, contraction.extremes
FAULTS = {
    "box without B": (c16, "box", lambda step_map, kept, X: [arb(0.1)] * len(kept)),
    "box halved": (c16, "box", lambda step_map, kept, X: [r / 2 for r in right_box(step_map, kept, X)]),
    "Jacobian transposed": (contraction, "extremes", lambda s: [transposed(m) for m in right_extremes(s)]),
    "q halved": (c16, "factor", lambda s: contraction.Factor(arb(0.2), "2", np.ones(2))),
    "leak only": (contraction, "extremes", lambda s: [arb_mat(2, 2, [0.5, 0, 0, 0.5])]),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """A wrong box or factor is violated: a network that fills its box and hardly contracts."""
    place, name, wrong = FAULTS[fault]
    monkeypatch.setattr(place, name, wrong)
    net = oracle.Network.rate([[0.9, 0.0], [6.0, 0.5]], None, [2.0, 0.0], tau=1)
    linear = {"h0": [0.0, 0.0], "inputs": np.zeros((8, 0))}
    if fault == "Jacobian transposed":
        monkeypatch.setattr(contraction, "lipschitz", lambda s: arb(100))
    result = c16.CLAIM.verify(net, step=0.5, **linear)
    planted(fault, result)
