"""C11, noise: both orders exactly, covariances against other ways to get them, conventions, planted faults."""

from fractions import Fraction
from math import erfc, pi, sqrt

import numpy as np
import pytest
from claims.drawn import general, network, setting
from flint import arb

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.claims import c11, covariance, monte_carlo, noise_cases
from oracle.procedures import noise as noise_module
from oracle.procedures.noise import Diffusion, noise_covariance
from oracle.records.noise import SCALES, Noise, clock

verify = c11.CLAIM.verify
W = [[0.5, -1.25, 0.25], [1.5, 0.25, -0.5], [0.125, 0.75, -1.0]]
SIG = np.array([[0.5, 0.0], [0.25, -1.0], [0.0, 0.75]])
ULP = 2.0**-52


def three(form="rate", activation="tanh", tau=(0.5, 1.0, 2.0)):
    """Three units whose Jacobian is far from its transpose."""
    made = getattr(oracle.Network, form)
    return made(W, [[1.0], [-0.5], [0.25]], [0.25, 0.5, -0.125], tau=list(tau), activation=activation)


@pytest.mark.parametrize("seed", range(24))
def test_holds(seed):
    """Every convention and activation: exact paths, covariances to 19 digits, Monte Carlo inside its interval."""
    net = network(seed)
    result = verify(net, **setting(seed, net))
    assert result.verdict == "holds", result
    assert result.measured <= 2.0**-64
    (seen,) = result.observed.values()
    assert "OUTSIDE" not in seen
    assert verify(net, scheme="heun").verdict == "not applicable"


def test_holds_for_the_normal_form_and_given_noise():
    """Dense A, B, E, c; Sig as a number, one per unit, or a matrix; another number of rows is refused."""
    net = general(1)
    for noise in (0.5, [0.5, 1, 2], SIG):
        assert verify(net, noise=noise).verdict == "holds"
    with pytest.raises(oracle.BadInput, match="one row per unit"):
        verify(net, noise=np.ones((2, 2)))


def solved(operator, Q):
    """X of a linear equation for matrices, operator (N^2, N^2) on X row by row, in float64."""
    return np.linalg.solve(operator, Q.ravel()).reshape(Q.shape)


def lyapunov(M, Q):
    """X = M X M^T + Q: as one linear system for few units, by iteration for many."""
    if len(M) <= 16:
        return solved(np.eye(M.size) - np.kron(M, M), Q)
    X = Q
    while True:
        X, before = M @ X @ M.T + Q, X
        if np.max(np.abs(X - before)) < ULP * np.max(np.abs(X)) / 100:
            return X


def stationary_of(net, step, at, sig):
    """The claim's stationary covariance in float64."""
    with precision(covariance.BITS):
        J, _ = c11.jacobian(net.field, at)
        M, Q = c11.step_of(Ball(), J, Fraction(step), Diffusion(Fraction(1), sig))
        return covariance.stationary(M, Q), np.array([[float(e.mid()) for e in row] for row in M.tolist()])


@pytest.mark.parametrize("N", [2, 3, 16, 64])
def test_stationary_covariance(N):
    """The enclosure is narrow, and float64 solves the equation to the same within its own error."""
    rng = np.random.default_rng(N)
    net = oracle.Network.rate(rng.normal(size=(N, N)) * 0.5 / np.sqrt(N), tau=rng.uniform(0.5, 2, N))
    sig = rng.normal(size=(N, 3))
    found, M = stationary_of(net, 0.125, (np.zeros(N), np.zeros(0)), sig)
    peer = lyapunov(M, 0.125 * sig @ sig.T)
    P = np.array([[float(e.mid()) for e in row] for row in found.P.tolist()])
    radius = max(float(e.rad()) for e in found.P.entries())
    assert found.exists
    assert radius < 1e-30
    condition = 1 / (1 - max(abs(np.linalg.eigvals(M))) ** 2)
    assert np.max(np.abs(P - peer)) < 100 * N * condition * ULP * np.max(np.abs(P))


def test_covariance_of_the_flow():
    """As Delta tends to 0 the covariance tends to that of the flow, J P + P J^T + Sig Sig^T = 0, at first order."""
    net = three()
    at = (np.array([0.25, -0.5, 0.125]), np.array([0.5]))
    J = np.array([[float(Ball().number(e).mid()) for e in row] for row in c11.jacobian(net.field, at)[0].expanded])
    flow = solved(np.kron(J, np.eye(3)) + np.kron(np.eye(3), J), -SIG @ SIG.T)
    gaps = []
    for step in (2.0**-6, 2.0**-7, 2.0**-8):
        found, _ = stationary_of(net, step, at, SIG)
        P = np.array([[float(e.mid()) for e in row] for row in found.P.tolist()])
        gaps.append(np.max(np.abs(P - flow)))
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.1)
    assert gaps[1] / gaps[2] == pytest.approx(2, rel=0.05)


def test_existence():
    """A step that contracts, one that grows, and an integrator that does neither."""
    for weight, exists in ((0.5, True), (1.5, False), (1.0, None)):
        net = oracle.Network.rate([[weight]], tau=1, activation="identity")
        found, _ = stationary_of(net, 0.25, (np.zeros(1), np.zeros(0)), np.eye(1))
        assert found.exists is exists
    almost = oracle.Network.rate([[1 - 2.0**-30]], tau=1, activation="identity")
    found, _ = stationary_of(almost, 0.25, (np.zeros(1), np.zeros(0)), np.eye(1))
    with precision(1000):
        expected = Ball().rational(Fraction(1, 4) / (1 - (1 - Fraction(1, 2**32)) ** 2))
        assert found.P[0, 0].contains(expected)
        assert found.P[0, 0].rad() < 1e-20


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sqrt-2alpha", (1.41, 1.05, 1.03, 1.00)),
        ("alpha", (1.0, 0.33, 0.23, 0.07)),
        ("unscaled", (1.0, 1.67, 2.29, 7.09)),
        ("stationary", (1.0, 1.0, 1.0, 1.0)),
    ],
)
def test_published_standard_deviations(name, expected):
    """Leak and noise at alpha = 1, 1/5, 1/10, 1/100, to the digits they were published with."""
    alphas = (Fraction(1), Fraction(1, 5), Fraction(1, 10), Fraction(1, 100))
    found = [sqrt(noise_cases.remaining(name, alpha)) for alpha in alphas]
    assert [f"{value:.2f}" for value in found] == [f"{value:.2f}" for value in expected]


@pytest.mark.parametrize(("alpha", "expected"), [("1/10", "0.2084"), ("1/100", "0.0689"), ("1/1000", "0.0222")])
def test_noise_inside_saturates(alpha, expected):
    """sqrt(2/alpha) inside tanh: certified quadrature, and the trapezoidal rule.

    Its error decays like exp(-2 pi d / h), d > 1/30 the distance of the poles from the real axis, h the spacing.
    """
    a, h = float(Fraction(alpha)), 2.0**-10
    found = noise_cases.saturated(Fraction(alpha))
    x = np.arange(-40, 40, h)
    peer = np.sum(np.tanh(sqrt(2 / a) * x) ** 2 * np.exp(-x * x / 2)) * h / sqrt(2 * pi)
    assert f"{float(found):.4f}" == expected
    assert abs(float(found) ** 2 - a / (2 - a) * peer) < 100 * ULP


def test_linearised_unit():
    """kappa = 1/2: with sqrt(2 alpha) the variance is 2 alpha/(1 - (1 - alpha/2)^2), not 1/(1 - alpha/4)."""
    net = oracle.Network.rate([[0.5]], tau=1, activation="identity")
    alpha = Fraction(1, 4)
    root_two = np.array([[Fraction(1)]], dtype=object)
    with precision(128):
        J, _ = c11.jacobian(net.field, (np.zeros(1), np.zeros(0)))
        M, Q = c11.step_of(Ball(), J, alpha, Diffusion(Fraction(2), root_two))
        P = covariance.stationary(M, Q).P[0, 0]
        assert P.contains(Ball().rational(2 * alpha / (1 - (1 - alpha / 2) ** 2)))
        assert P > 2 > 1 / (1 - alpha / 4)


def test_monte_carlo_sees_a_wrong_covariance():
    """Twice the variance is outside."""
    M, root = np.array([[0.5, 0.25], [0.0, 0.75]]), np.eye(2)
    P = lyapunov(M, root)
    assert monte_carlo.variances(M, root, 80, np.diag(P)).inside
    assert not monte_carlo.variances(M, root, 80, np.diag(P) / 2).inside


# -- the table of scales ----------------------------------------------------------------------------------------------
def test_clock_of_every_statement():
    """alpha, step and tau: leaky, Elman, discretised, rescaled before and after; none for the general form."""
    rec = oracle.Recurrence.leaky(W, alpha=0.25, step=0.5)
    assert clock(rec) == (Fraction(1, 4), Fraction(1, 2), Fraction(2))
    assert clock(rec.rescale(2)) == (Fraction(1, 4), Fraction(1, 4), Fraction(1))
    assert clock(oracle.Recurrence.elman(W)).alpha == 1
    net = oracle.Network.paper(W, tau=0.5)
    assert clock(net.discretize(0.125)) == (Fraction(1, 4), Fraction(1, 8), Fraction(1, 2))
    assert clock(net.rescale(2).discretize(0.0625)) == (Fraction(1, 4), Fraction(1, 16), Fraction(1, 4))
    assert clock(oracle.Recurrence(W=W)).alpha is None
    assert clock(three().discretize(0.5)).alpha.tolist() == [1, Fraction(1, 2), Fraction(1, 4)]


@pytest.mark.parametrize("name", sorted(SCALES))
def test_formula_is_the_square_root_of_the_square(name):
    """The text of a scale, evaluated in float64, is the root of its exact square."""
    alpha, step, tau = 0.2, 0.1, 0.5
    formula = SCALES[name].formula.replace("2 alpha", "2 * alpha").replace("^", "**")
    square = SCALES[name].square(Fraction(alpha), Fraction(step), Fraction(tau))
    assert eval(formula, {"sqrt": sqrt, "alpha": alpha, "step": step, "tau": tau}) ** 2 == pytest.approx(
        float(square), rel=8 * ULP
    )


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"sigma": 0}, "sigma is 0"),
        ({"sigma": [0.1, -0.1]}, "sigma is"),
        ({"sigma": float("nan")}, "nan"),
        ({"sigma": 0.1, "scale": "sqrt-2alfa"}, "misspelling of sqrt-2alpha"),
        ({"sigma": 0.1, "site": "between"}, "site is 'between'"),
    ],
)
def test_bad_noise_is_refused(options, seen):
    """Three-part errors."""
    with pytest.raises(oracle.BadInput, match=seen):
        Noise(**options)
    with pytest.raises(oracle.BadInput, match="needs alpha"):
        Noise(0.1).variance(clock(oracle.Recurrence(W=W)))


# -- planted faults ---------------------------------------------------------------------------------------------------
right_rescaled, right_per_step = c11.rescaled_noise, c11.noise_per_step
right_step_of, right_stationary, right_transient = c11.step_of, c11.stationary, c11.transient
right_leaky, right_covariance = c11.leaky_variance, c11.noise_covariance


def transposed_step(*arguments):
    M, Q = right_step_of(*arguments)
    return M.transpose(), Q


def without_step(ops, J, step, noise):
    return right_step_of(ops, J, step, noise)[0], right_covariance(ops, noise)


def halved(M, Q):
    found = right_stationary(M, Q)
    return found._replace(P=found.P * arb(0.5))


FAULTS = {
    "r for sqrt(r)": ("rescaled_noise", lambda noise, r: Diffusion(r * r * noise.square, noise.matrix)),
    "R forgets the noise": ("rescaled_noise", lambda noise, r: noise),
    "R divides": ("rescaled_noise", lambda noise, r: Diffusion(noise.square / r, noise.matrix)),
    "Delta for sqrt(Delta)": ("noise_per_step", lambda noise, d: Diffusion(d * d * noise.square, noise.matrix)),
    "D forgets the step": ("noise_per_step", lambda noise, d: noise),
    "other draws": ("noise_per_step", lambda noise, d: Diffusion(d * noise.square, -noise.matrix * float(d))),
    "Jacobian transposed": ("step_of", transposed_step),
    "Q without the step": ("step_of", without_step),
    "Sig^T Sig": (
        "noise_covariance",
        lambda ops, noise: right_covariance(ops, Diffusion(noise.square, noise.matrix.T.copy())),
    ),
    "stationary covariance halved": ("stationary", halved),
    "transient covariance halved": ("transient", lambda M, Q, k: right_transient(M, Q, k) * arb(0.5)),
    "one doubling too few": ("transient", lambda M, Q, k: right_transient(M, Q, k - 1)),
    "variance of the flow": ("leaky_variance", lambda alpha, tau, square: square * tau / 2),
    "tau for tau/2": ("leaky_variance", lambda alpha, tau, square: 2 * right_leaky(alpha, tau, square)),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """A fault in the code of the claim is violated, on a network on which the claim holds."""
    options = {"step": 0.25, "r": 3, "noise": np.array([[0.5, 0, 0], [0.25, -1, 0], [0, 0.75, 0.5]])}
    assert verify(three(), **options).verdict == "holds"
    name, wrong = FAULTS[fault]
    monkeypatch.setattr(c11, name, wrong)
    result = verify(three(), **options)
    planted(fault, result)


def test_a_step_that_is_not_rescaled_is_not_applicable():
    """step_after = Delta: the assumption is false, and both drift and noise are off."""
    result = verify(three(), r=3, step=0.25, step_after=0.25)
    assert result.verdict == "not applicable"
    assert result.measured > 0


def test_an_error_in_the_record_is_caught_by_the_covariance(monkeypatch):
    """R that transposes the weights: the covariance of the step R and D made is another one."""
    from oracle.procedures import rescale

    right = rescale.rescaled

    def wrong(field, r):
        made = right(field, r)
        return type(made)(**{**vars(made), "W": oracle.Network.rate(np.array(W).T).field.W})

    monkeypatch.setattr(rescale, "rescaled", wrong)
    result = verify(three())
    assert result.verdict == "violated"
    assert any("covariance" in text and "differs" in text for text in result.evidence)


def test_square_roots_are_compared_exactly():
    """sqrt(3) sqrt(Delta/3) = sqrt(Delta), where float64 says otherwise."""
    step = Fraction(0.1)
    a = noise_module.noise_per_step(noise_module.rescaled_noise(Diffusion(Fraction(1), SIG), 3), step / 3)
    b = noise_module.noise_per_step(Diffusion(Fraction(1), SIG), step)
    assert noise_module.same_paths(a, b).holds == "equal"
    floats = [sqrt(r) * sqrt(0.1 / r) == sqrt(0.1) for r in range(2, 40)]
    assert not all(floats)
    nudged = Diffusion(b.square * (1 + Fraction(1, 2**200)), SIG)
    assert noise_module.same_paths(a, nudged).holds == "different"
    assert noise_module.same_paths(a, Diffusion(b.square, SIG + 1)).holds == "different"


def test_the_tail_of_the_quadrature():
    """What lies beyond 12 standard deviations is below the figures that are shown."""
    assert erfc(12 / sqrt(2)) < 1e-30
    with precision(128):
        assert noise_covariance(Ball(), Diffusion(Fraction(1, 2), SIG))[0, 0] == arb(0.125)
