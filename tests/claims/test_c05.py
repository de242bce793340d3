"""C5, absorbing the time constant: exact ways, the certified error of the others, and planted faults."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting
from flint import arb

import oracle
from oracle.arithmetic.ball import precision
from oracle.claims import absorbing_error, absorbing_run, absorption, c05, segments, suprema
from oracle.claims.suprema import shape
from oracle.reference import weighted

verify = c05.CLAIM.verify
SMALL = {"inputs": np.array([[0.02], [-0.03], [0.05], [0.01]]), "h0": [0.03, -0.05, 0.02], "step": 0.125}


def paper(activation="tanh", tau=(0.5, 0.75, 2.0), bias=(0.03125, -0.015625, 0.046875)):
    """Three units in paper form, not symmetric, so that small states give small arguments."""
    W = [[0.5, -1.0, 0.25], [0.75, 0.125, -0.5], [-0.25, 1.5, 0.375]]
    return oracle.Network.paper(W, [[1.0], [-0.5], [0.25]], list(bias), tau=list(tau), activation=activation)


@pytest.mark.parametrize("seed", range(12))
def test_holds_where_there_is_a_gain(seed):
    """Paper and rate forms hold; the current form has W in front of s, and the claim does not apply."""
    net = network(seed)
    result = verify(net, **setting(seed, net))
    assert result.verdict == ("not applicable" if net.form == "current" else "holds"), result
    if net.form == "paper" and net.activation in ("tanh", "logistic"):
        assert result.slack >= 1
        assert result.observed["error of absorbing the gain over this input"] > 0
    elif net.form != "current":
        assert (result.bound, result.measured) == (0, 0)


def test_does_not_apply_to_the_general_form():
    """Dense A and B: there is no gain to absorb."""
    assert verify(general(1)).verdict == "not applicable"


def test_which_way_applies():
    """relu: (i) and (ii); tanh: (ii), (iii) and a bound; logistic: (ii) and a bound; one tau: R as well."""
    seen = {}
    for name in ("relu", "tanh", "logistic"):
        evidence = " ".join(verify(paper(name), **SMALL).evidence)
        seen[name] = {way for way in ("(i)", "(ii)", "(iii)", "(iv)", "R and") if way in evidence}
    assert seen == {"relu": {"(i)", "(ii)"}, "tanh": {"(ii)", "(iii)", "(iv)"}, "logistic": {"(ii)", "(iv)"}}
    assert any("R and" in text for text in verify(paper(tau=(0.5, 0.5, 0.5)), **SMALL).evidence)


def test_paper_becomes_rate():
    """Per-unit tau: h = T y turns the paper form into the rate form with W T, as records; not with T W."""
    net, T = paper(), np.array([0.5, 0.75, 2.0])
    scaled = absorption.scaled(net.field, absorption.gains(net.field))
    W, M, b = net.W, net.M, net.b
    assert scaled == oracle.Network.rate(W * T, M, b, tau=T).field
    assert scaled != oracle.Network.rate(T[:, None] * W, M, b, tau=T).field


def test_the_practical_number():
    """The error over this input is that of two float64 runs written down here, to their rounding."""
    net, X, h0 = paper(), SMALL["inputs"], np.array(SMALL["h0"])
    tau, dt = np.array([0.5, 0.75, 2.0]), 0.125
    a, b, worst = h0, h0, 0.0
    for x in X:
        a = a + dt * (-a / tau + np.tanh(net.W @ a + net.M @ x + net.b))
        b = b + dt * (-b + np.tanh(tau * (net.W @ b + net.M @ x + net.b))) / tau
        worst = max(worst, np.max(np.abs(a - b)))
    result = verify(net, **SMALL)
    # Four steps of a dozen operations on numbers below 1/4.
    assert abs(result.observed["error of absorbing the gain over this input"] - worst) < 100 * 2.0**-54
    assert worst <= result.observed["its certified bound"]


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_bound_on_a_grid(activation):
    """|g s(z) - s(g z)| <= bound for g from 1/8 to 8 and z of both signs from 2^-20 to 20: balls, no tolerance."""
    rng = np.random.default_rng(7)
    with precision(200):
        kind = shape(activation)
        for g, z in zip(2.0 ** rng.uniform(-3, 3, 300), 2.0 ** rng.uniform(-20, 4.3, 300), strict=True):
            for sign in (1, -1):
                error = abs(absorbing_error.absorbing_error(activation, arb(g), arb(sign * z)))
                assert error <= absorbing_error.absorbing_bound(kind, arb(g), arb(sign * z)), (g, sign * z)


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_sharp_at_small_z(activation):
    """The departure from (g - 1) s(0) divided by its bound is within z^2 g^2 of 1 at z = 2^-10, g = 1/2, 3."""
    with precision(200):
        kind, z = shape(activation), arb(2) ** -10
        for g in (arb(0.5), arb(3)):
            start = (g - 1) * arb(kind.start.numerator) / kind.start.denominator
            error = abs(absorbing_error.absorbing_error(activation, g, z) - start)
            bound = absorbing_error.absorbing_bound(kind, g, z) - abs(start)
            # The next term of the series is of relative size (g^5 - g)/(g^3 - g) z^2 / 2.5 at most.
            assert bound / error >= 1
            assert bound / error < 1 + (g**2 + 1) * z**2


def test_saturation():
    """At large |z| tanh costs |g - 1| and the bound says so to 1e-8; the logistic costs nothing at z = -20, g = 1/2."""
    with precision(200):
        error = abs(absorbing_error.absorbing_error("tanh", arb(3), arb(10)))
        bound = absorbing_error.absorbing_bound(shape("tanh"), arb(3), arb(10))
        assert 1 <= bound / error < 1 + 1e-8
        assert absorbing_error.absorbing_bound(shape("logistic"), arb(0.5), arb(-20)) <= 0.25


@pytest.mark.parametrize(
    ("activation", "order", "exact"),
    [
        ("tanh", 1, lambda: arb(1)),
        ("tanh", 2, lambda: 4 / (3 * arb(3).sqrt())),
        ("tanh", 3, lambda: arb(2)),
        ("logistic", 1, lambda: arb(1) / 4),
        ("logistic", 2, lambda: arb(3).sqrt() / 18),
        ("logistic", 3, lambda: arb(1) / 8),
    ],
)
def test_constants(activation, order, exact):
    """Suprema found from s' = p(s) hold the known values, to 40 digits, and are attained."""
    with precision(160):
        kind = shape(activation)
        found = kind.supremum(order)
        assert found.overlaps(exact())
        assert found.rad() < 1e-40
        assert kind.attained(order) is not None
        assert shape("relu") is None


def fan():
    """Twenty-three units with a gain drive one without: its row of the Jacobian is far larger than any column."""
    N = 24
    W, first = np.diag(np.linspace(0.0625, 0.125, N)), np.arange(N) == 0
    W[0, 1:], W[1:, 0] = np.linspace(0.3, 0.35, N - 1), 0.015625
    b = np.where(first, -2.0, 0.25)
    net = oracle.Network.paper(W, np.zeros((N, 0)), b, tau=np.where(first, 1.0, 2.0))
    return {"net": net, "inputs": np.zeros((16, 0)), "h0": np.zeros(N), "step": 0.5}


def halved(self, order):
    return RIGHT_SUPREMUM(self, order) / 2 if order == 3 else RIGHT_SUPREMUM(self, order)


RIGHT_SUPREMUM = suprema.Shape.supremum
right_scaled, right_inside, right_growth = absorption.scaled, absorption.inside, absorbing_run.growth
right_bound, right_rescaled = absorbing_run.absorbing_bound, c05.rescaled
right_norm = weighted.Norm.matrix
LOGISTIC = {"net": paper("logistic"), **SMALL}
FAULTS = {
    "C3 halved": (suprema.Shape, "supremum", halved, {}),
    "bound of 1/g": (absorbing_run, "absorbing_bound", lambda kind, g, z: right_bound(kind, 1 / g, z), {}),
    "bound halved, logistic": (absorbing_run, "absorbing_bound", lambda *args: right_bound(*args) / 2, LOGISTIC),
    "s(0) dropped, logistic": (
        absorbing_run,
        "absorbing_bound",
        lambda kind, g, z: right_bound(kind, g, z) - abs(g - 1) / 2,
        LOGISTIC,
    ),
    "T W instead of W T": (c05, "scaled", lambda p, T: replace(right_scaled(p, T), W=p.W.scaled(T)), {}),
    "W unchanged": (c05, "scaled", lambda p, T: replace(right_scaled(p, T), W=p.W), {}),
    "b scaled": (c05, "scaled", lambda p, T: replace(right_scaled(p, T), b=tuple(T * v for v in p.b)), {}),
    "M scaled": (c05, "scaled", lambda p, T: replace(right_scaled(p, T), M=p.M.times_diagonal(Fraction(2))), {}),
    "B kept": (c05, "scaled", lambda p, T: replace(right_scaled(p, T), B=p.B), {}),
    "T inverted": (c05, "scaled", lambda p, T: right_scaled(p, 1 / T), {}),
    "b not moved, relu": (c05, "inside", lambda p, g: replace(right_inside(p, g), b=p.b), {"net": paper("relu")}),
    "W not moved, relu": (c05, "inside", lambda p, g: replace(right_inside(p, g), W=p.W), {"net": paper("relu")}),
    "gain kept, identity": (
        c05,
        "inside",
        lambda p, g: replace(right_inside(p, g), B=p.B),
        {"net": paper("identity")},
    ),
    "R by 1/tau": (c05, "rescaled", lambda p, r: right_rescaled(p, 1 / r), {"net": paper(tau=(0.5, 0.5, 0.5))}),
    "norm swapped": (weighted.Norm, "matrix", lambda self, m: right_norm(self, m.transpose()), fan()),
    "errors do not grow": (absorbing_run, "growth", lambda q, v: right_growth(lambda k, norm: 0, v), {}),
    "distance halved": (absorbing_run, "growth", lambda q, v: [e / 2 for e in right_growth(q, v)], {}),
    "input forgotten": (
        segments.Step,
        "arguments",
        lambda self, states: self.W * states,
        {},
    ),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_are_reported(fault, monkeypatch, planted):
    """A fault in the code of the claim is violated, on a network on which the claim holds."""
    room, name, wrong, options = FAULTS[fault]
    options = {"net": paper(), **SMALL, **options}
    assert verify(**options).verdict == "holds"
    monkeypatch.setattr(room, name, wrong)
    result = verify(**options)
    planted(fault, result)
    assert result.measured is None or result.measured > result.bound


def test_negative_gain_is_refused():
    """A negative gain is no time constant: not applicable."""
    net = oracle.Network(A=-1, B=-2, W=[[0.5, 1.0], [0.25, -1.0]])
    result = verify(net)
    assert result.verdict == "not applicable"
    assert result.assumptions[1].holds is False
