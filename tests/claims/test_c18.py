"""C18: sampling errors and their bounds, exponents under R and D, the fast limit, planted faults."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting
from flint import arb, arb_mat

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.claims import c18, lyapunov, norms, sampling, sampling_cases
from oracle.claims.sampling import HELD, LINEAR, LinearFlow, SeriesFlow
from oracle.data import STEP, flipflop
from oracle.procedures import rescale

verify = c18.CLAIM.verify
BITS = c18.BITS


@pytest.mark.parametrize("seed", range(12))
def test_holds(seed):
    """Every convention and activation at r, Delta and operating points in general position."""
    net = network(seed)
    result = verify(net, **setting(seed, net))
    assert result.verdict == "holds", result
    assert result.slack is None or 1 <= result.slack < 1e4


@pytest.mark.parametrize("scheme", ["exponential-euler", "midpoint", "heun", "rk4"])
def test_exponents_of_every_scheme(scheme):
    """R multiplies the exponents by r whatever the scheme."""
    assert verify(network(3), scheme=scheme).verdict == "holds"


def test_general_form_and_trained_network():
    """Dense A, B, E, c; the trained network of 24 units."""
    assert verify(general(1)).verdict == "holds"
    result = verify(flipflop(), step=STEP)
    assert result.verdict == "holds"
    assert result.slack < 10


def test_beyond_the_limits(monkeypatch):
    """Beyond all limits the maps are compared exactly, and the text says what was not measured."""
    monkeypatch.setattr(c18, "MOST", 128)
    rng = np.random.default_rng(18)
    net = oracle.Network.rate(rng.normal(size=(200, 200)) / 14, rng.normal(size=(200, 2)), tau=0.1)
    result = verify(net)
    assert result.verdict == "holds"
    assert "sampling is not measured" in " ".join(result.evidence)


# -- sampling ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mu", [-3.0, -0.125, 0.5, 2.0])
@pytest.mark.parametrize("kind", [HELD, LINEAR])
def test_weights_are_integrals(kind, mu):
    """Against a midpoint sum of 20000 points, whose error is below 1e-8."""
    theta = (np.arange(20_000) + 0.5) / 20_000 * 0.75
    off = theta if kind is HELD else theta * (0.75 - theta) / 2
    expected = np.mean(np.exp(mu * (0.75 - theta)) * off) * 0.75
    with precision(BITS):
        assert abs(float(kind.weight(arb(mu), arb(0.75))) - expected) < 1e-8


def test_small_mu_is_safe():
    """At mu = 0 the bounds are those of an integrator, Delta^2/2 and Delta^3/12 per step, to 8 digits and not below."""
    with precision(BITS):
        for kind, expected in ((HELD, Fraction(1, 8)), (LINEAR, Fraction(1, 96))):
            for mu in (arb(0), arb(-(2.0**-900)), arb(2.0**-900)):
                found = sampling.accumulated(kind, mu, arb(0.5), [arb(1)])[0]
                assert arb(expected.numerator) / expected.denominator <= found < float(expected) * (1 + 1e-8)


def ramp(mu, step, steps, order):
    """Errors of h' = mu h + x for x = t or t^2/2 and the bounds, by the claim's own flow."""
    with precision(BITS):
        flow = sampling.LinearFlow.of(arb_mat([[mu]]), arb_mat([[1]]), arb(step))
        x, v, a = [arb(0)], [arb(int(order == 1))], [arb(int(order == 2))] * steps
        for _ in range(steps):
            x.append(x[-1] + v[-1] * step + a[0] * step**2 / 2)
            v.append(v[-1] + a[0] * step)
        given = sampling.Course(*([arb_mat([[entry]]) for entry in part] for part in (x, v, a)))
        errors = sampling.linear_errors(flow, given, arb_mat([[0.75]]))
        kind = HELD if order == 1 else LINEAR
        forcing = sampling.linear_forcing(flow, given, "two")[kind]
        bounds = sampling.accumulated(kind, arb(mu), arb(step), forcing)
        return [abs(e[0, 0]) for e in errors[kind]], bounds, kind.uniform(arb(mu), arb(step)) if mu < 0 else None


@pytest.mark.parametrize("mu", [-2.0, -0.25, 0.75])
@pytest.mark.parametrize("order", [1, 2])
def test_sharp(mu, order):
    """h' = mu h + t (held) and + t^2/2 (chords) attain the bound at every sample, and the one for all times at last."""
    steps = 160
    errors, bounds, limit = ramp(mu, 0.5, steps, order)
    for error, bound in zip(errors, bounds, strict=True):
        assert not error > bound
        assert abs(float(bound / error) - 1) < 1e-12
    if limit is not None:
        assert not errors[-1] > limit
        assert float(limit / errors[-1]) - 1 < 1e-7  # e^{-160/8} of the error is still missing at mu = -1/4


def test_the_factor_of_the_time_constant():
    """A held ramp at mu = -2 is off by |E^ x'|/|mu| (..), half of what the formula without 1/|mu| says; at mu = -1/4
    that formula is exceeded fourfold."""
    for mu in (-2.0, -0.25):
        errors, _, limit = ramp(mu, 0.5, 160, 1)
        with precision(BITS):
            without = limit * abs(mu)
            assert (errors[-1] < without) == (mu == -2.0)


def test_held_flow_against_solver():
    """The errors of the linearised flow are those of an integration in float64 with 2000 Euler steps per sample."""
    J, E = np.array([[-1.0, 0.5], [-2.0, -0.25]]), np.array([[1.0], [0.5]])
    X, step = np.array([[0.5], [-1.0], [0.25]]), 0.25
    with precision(BITS):
        flow = sampling.LinearFlow.of(arb_mat(J.tolist()), arb_mat(E.tolist()), arb(step))
        given = sampling.course(X, arb(step))
        errors = sampling.linear_errors(flow, given, arb_mat([[0.5], [-0.25]]))
    fine, h, x, v = 2000, [np.array([0.5, -0.25])] * 3, X[0, 0], X[1, 0] / step
    for k, a in enumerate(X[:, 0] / step**2):
        end = x + v * step + a * step**2 / 2
        for theta in (np.arange(fine) + 0.5) / fine * step:
            drives = (x + v * theta + a * theta**2 / 2, x, x + (end - x) * theta / step)
            h = [
                s + step / fine * (J @ (s + step / fine / 2 * (J @ s + E[:, 0] * d)) + E[:, 0] * d)
                for s, d in zip(h, drives, strict=True)
            ]
        x, v = end, v + a * step
        for kind, moved in ((HELD, h[1]), (LINEAR, h[2])):
            found = [float(entry) for entry in errors[kind][k].entries()]
            assert np.allclose(found, moved - h[0], rtol=0, atol=1e-5)  # (step/fine)^2 per unit of time


@pytest.mark.parametrize("stiff", [1, 12])
def test_the_series_is_the_exponential(stiff):
    """Both ways to follow a linear flow, over the same step under a quadratic input: they overlap, and are narrow."""
    rng = np.random.default_rng(stiff)
    with precision(192):
        ops = Ball()
        J, E, step = ops.lift(stiff * rng.normal(size=(5, 5))), ops.lift(rng.normal(size=(5, 2))), arb(1) / 3
        given = [ops.lift(rng.normal(size=size)) for size in (5, 2, 2, 2)]
        for count in (2, 3, 4):
            gap = LinearFlow.of(J, E, step).advance(*given[:count]) - SeriesFlow(J, E, step).advance(*given[:count])
            assert all(entry.contains(0) and entry.rad() < 1e-30 for entry in gap.entries())


def test_beyond_the_exponential():
    """66 units: the linearised flow is followed by its series, and the claim is measured."""
    rng = np.random.default_rng(66)
    net = oracle.Network.rate(rng.normal(size=(66, 66)) / 10, rng.normal(size=(66, 2)), tau=0.5)
    result = verify(net)
    assert result.verdict == "holds", result
    assert result.slack is not None


@pytest.mark.parametrize("form", ["rate", "paper", "current", "general"])
def test_mu_bounds_every_jacobian(form):
    """mu of random slopes is below the bound; corner slopes reach it in the infinity norm where B is diagonal."""
    net = general(2) if form == "general" else network(7, N=4, form=form, activation="logistic", scalar=False)
    p = net.field
    A, B, W = (np.asarray(getattr(p, name).expanded, dtype=float) for name in "ABW")
    rng, S = np.random.default_rng(4), 1.0 if form == "general" else 0.25
    top = {"infinity": -np.inf, "two": -np.inf}
    for slopes in [*rng.uniform(0, S, (200, len(W))), *(S * rng.integers(0, 2, (60, len(W))))]:
        J = A + B @ (slopes[:, None] * W)
        off = np.abs(J).sum(axis=1) - np.abs(np.diag(J))
        top["infinity"] = max(top["infinity"], np.max(np.diag(J) + off))
        top["two"] = max(top["two"], np.linalg.eigvalsh((J + J.T) / 2)[-1])
    with precision(BITS):
        for norm, reached in top.items():
            bound = float(sampling.logarithmic_norm_of(p, norm))
            assert reached <= bound * (1 + 1e-12) if bound > 0 else reached <= bound * (1 - 1e-12)
            if norm == "infinity" and form in ("rate", "paper"):
                assert reached > bound - 1e-9


# -- exponents --------------------------------------------------------------------------------------------------------
def test_exponents_of_a_run_against_numpy():
    """The enclosures agree with singular values of a product of finite differences, and hold those of the product."""
    net, rng = network(1, N=3, activation="tanh", scalar=False), np.random.default_rng(3)
    rec, X, h0 = net.discretize(0.25), rng.normal(size=(5, net.I)), rng.normal(size=3)
    W, M, b = (np.asarray(part, dtype=float) for part in (net.W, net.M, net.b if net.b is not None else np.zeros(3)))
    b = b if b.ndim == 1 else b.sum(axis=0)
    tau, P, h = np.asarray([float(t) for t in np.ravel(net.tau)]), np.eye(3), h0
    for x in X:
        s = np.tanh(W @ h + M @ x + b)
        P = (np.eye(3) + 0.25 * (-np.eye(3) + (1 - s**2)[:, None] * W) / tau[:, None]) @ P
        h = h + 0.25 * (-h + s) / tau
    expected = np.sort(np.log(np.linalg.svd(P, compute_uv=False)) / (5 * 0.25))
    found = np.sort([float(value) for value in lyapunov.exponents(rec, X, h0)])
    assert np.allclose(found, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("r", [3, 0.25])
def test_exponents_are_multiplied_by_r(r):
    """Enclosures before and after R overlap after multiplication by r, and by nothing else."""
    net, X = network(1), np.random.default_rng(5).normal(size=(6, 3))
    before = lyapunov.exponents(net.discretize(0.25), X, np.ones(net.N))
    after = lyapunov.exponents(net.rescale(r).discretize(Fraction(1, 4) / Fraction(r)), X, np.ones(net.N))
    with precision(BITS):
        for a, b in zip(sorted(before, key=float), sorted(after, key=float), strict=True):
            assert (a * r).overlaps(b)
            assert not (a * r * r).overlaps(b)


def test_a_silent_unit_has_no_exponent():
    """relu that switches a unit off with alpha = 1: a singular value is zero, and the maps decide."""
    net = oracle.Network.rate([[0.5, 1.0], [0.25, -1.0]], None, [1.0, -9.0], tau=1, activation="relu")
    assert lyapunov.exponents(net.discretize(1), np.zeros((3, 0)), np.array([0.5, 0.25])) is None
    result = verify(net, step=1)
    assert result.verdict == "holds"
    assert "not enclosed" in " ".join(result.evidence)


def test_numbers_quoted_for_euler():
    """lambda = -.1 + 3i: +.339 at .1 and -.055 at .01, against -.1."""
    with precision(BITS):
        coarse, fine = (float(sampling_cases.euler_exponent(Fraction(step))) for step in ("1/10", "1/100"))
    assert abs(coarse - 0.339) < 5e-4
    assert abs(fine + 0.055) < 5e-4


# -- fast limit -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("eps", [Fraction(1), Fraction(1, 5), Fraction(1, 10**6)])
def test_fast_limit(eps):
    """For every eps the flow is stable, and so is exponential Euler of the limit; both methods of the pair are not for
    small eps; with Delta = 1/4 both orders of exponential Euler are stable."""
    with precision(BITS):
        radii, finer = (sampling_cases.fast_radii(eps, step) for step in (Fraction(1, 2), Fraction(1, 4)))
        assert radii["flow"] < 0
        assert radii["limit first"] < 1
        assert (radii["euler"] > 1) == (eps < 1)
        assert (radii["exponential-euler"] > 1) == (eps < 1)
        assert finer["exponential-euler"] < 1


def test_unscaled_time_is_not_applicable():
    """The step left alone after R: refused, with the difference of the exponents."""
    result = verify(network(1), r=2, step=0.25, step_after=0.25)
    assert result.verdict == "not applicable"
    assert [a.text for a in result.assumptions if a.holds is False] == [c18.OWN_TIME]
    assert result.measured > 0


def test_gaps_of_the_counterexamples():
    """The gaps are those of the closed forms."""
    gaps = [float(example.gap) for example in c18.counterexamples()]
    e, half = np.exp(1), np.exp(-0.5)
    expanding = (e - 2) * (1 + e + e**2) - (1 / (1 - 1 / e) - 1)
    expected = [1 - 2 / e, (1 - half) ** 2, expanding, half - 0.5, np.log(2)]
    assert gaps[:5] == pytest.approx(expected, rel=1e-12)
    assert gaps[6] == pytest.approx(np.sqrt(3 * (1 - half)) - 1, rel=1e-12)


# -- planted faults ---------------------------------------------------------------------------------------------------
right_weight, right_uniform, right_mu = sampling.Kind.weight, sampling.Kind.uniform, c18.logarithmic_norm
right_all, right_forcing, right_exponents = sampling.logarithmic_norm_of, sampling.forcing_of, lyapunov.exponents
right_rescaled, right_linear = rescale.rescaled, sampling.linear_forcing

SLOW = {
    "net": oracle.Network.rate([[0.25]], [[1.0]], [0.125], tau=4.0),
    "inputs": np.array([[0.5], [1.0], [0.75]] + [[0.25]] * 60),
    "step": 0.5,
    "h0": [0.25],
}
ONE = {
    "net": oracle.Network.rate([[0.25]], [[1.0]], [0.0], tau=0.5),
    "inputs": np.array([[0.01], [0.02], [0.03]]),
    "h0": [0.0],
}


def fan():
    """Twelve units drive one: its row of the Jacobian is far larger than any column."""
    W, M = np.zeros((13, 13)), np.ones((13, 1))
    W[0, 1:], M[0] = np.linspace(0.4, 0.5, 12), 0
    return oracle.Network.rate(W, M, tau=1)


FAN = {
    "net": fan(),
    "inputs": np.array([[0.01], [0.02], [0.03], [0.04]]),
    "at": (np.zeros(13), [0.0]),
    "step": 1.0,
    "h0": np.zeros(13),
}
DRIVEN = {
    "net": oracle.Network(A=[-1.0, -2.0], B=1, W=[[0.5, 0.0], [0.25, 0.5]], M=[[1.0], [-1.0]], E=[[1.0], [0.5]]),
    "inputs": np.array([[0.01], [0.02], [0.03], [0.04]]),
    "at": ([0.0, 0.0], [0.0]),
    "h0": [0.0, 0.0],
}


def transposed(m, norm):
    """The 1-norm for the infinity norm."""
    return right_mu(m.transpose(), norm)


def late(X, step):
    """Every sample arrives half a step late."""
    return oracle.held(np.concatenate([X[:1], np.repeat(X, 2, axis=0)[:-1]]), Fraction(step) / 2)


FAULTS = {
    "weight halved": (sampling.Kind, "weight", lambda self, *args: right_weight(self, *args) / 2, ONE),
    "1/|mu| missing": (sampling.Kind, "uniform", lambda self, mu, step: right_uniform(self, mu, step) * -mu, SLOW),
    "norm swapped": (c18, "logarithmic_norm", transposed, FAN),
    "mu of the leak alone": (c18, "logarithmic_norm", lambda m, norm: arb(-1), FAN),
    "mu for half the slopes": (
        sampling,
        "logarithmic_norm_of",
        lambda p, norm: right_all(replace(p, B=p.B.scaled(Fraction(1, 2))), norm),
        ONE,
    ),
    "E without B M": (
        sampling,
        "forcing_of",
        lambda p, s, norm: right_forcing(replace(p, B=p.B.scaled(0)), s, norm),
        DRIVEN,
    ),
    "slope of the input halved": (
        sampling,
        "linear_forcing",
        lambda *args: {kind: [s / 2 for s in sizes] for kind, sizes in right_linear(*args).items()},
        ONE,
    ),
    "errors do not accumulate": (
        c18,
        "accumulated",
        lambda kind, mu, step, forcing: [right_weight(kind, mu, step) * size for size in forcing],
        SLOW,
    ),
    "held half a step late": (c18, "held", late, ONE),
    "r squared": (rescale, "rescaled", lambda field, r: right_rescaled(field, r * r), ONE),
    "time not divided by r": (
        lyapunov,
        "exponents",
        lambda rec, X, h0: right_exponents(
            oracle.Recurrence.made(rec.equation, rec.parameters, Fraction(1), rec.origin), X, h0
        ),
        ONE,
    ),
    "exponents times r squared": (
        lyapunov,
        "as_complex",
        lambda values, factor: [value * factor * factor for value in values],
        ONE,
    ),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_are_reported(fault, monkeypatch, planted):
    """A fault in the claim's code is violated, by a certified amount, on a network on which the claim holds."""
    room, name, wrong, options = FAULTS[fault]
    assert verify(**options).verdict == "holds"
    monkeypatch.setattr(room, name, wrong)
    result = verify(**options)
    planted(fault, result)
    assert result.measured > 0
    assert norms.NORMS == ("infinity", "two")
