"""C7, the remainder of the linearisation: every form of the bound, the regular radius, and planted faults."""

from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting
from flint import arb, arb_mat

import oracle
from oracle.arithmetic.ball import precision
from oracle.claims import c07, norms, regular, remainder, segments, suprema
from oracle.claims.suprema import shape
from oracle.reference import weighted

verify = c07.CLAIM.verify


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scheme", ["euler", "exponential-euler"])
def test_holds(seed, scheme):
    """Every convention: tanh and logistic within the bound, identity exactly, relu refused at its kink."""
    net = network(seed)
    result = verify(net, scheme=scheme, **setting(seed, net))
    assert result.verdict == ("not applicable" if net.activation == "relu" else "holds"), result
    if net.activation in ("tanh", "logistic"):
        assert 1 <= result.slack < 100
    elif net.activation == "identity":
        assert (result.bound, result.measured) == (0, 0)


def test_holds_for_the_normal_form():
    """Dense A, B, E, c, more units than states."""
    assert verify(general(1)).verdict == "holds"


def test_runge_kutta_is_refused():
    """A step of several stages has another remainder."""
    assert verify(network(1), scheme="rk4").verdict == "not applicable"


def steepest(**options):
    """Two units near the point of largest curvature, s = -1/sqrt 3 and its mirror image; W without symmetry."""
    net = oracle.Network.rate(
        [[0.5, 0.25], [0.75, 0.125]], [[0.5], [0.25]], [-0.75, -0.7], tau=[1.0, 0.5], activation="tanh"
    )
    given = {
        "at": ([0.125, 0.0625], [0.0]),
        "h0": [0.15, 0.09],
        "inputs": np.array([[0.03125], [0.015625], [0.046875], [0.03125], [0.015625], [0.0625]]),
        "step": 0.25,
        **options,
    }
    return {"net": net, **given}


def test_sharp_near_the_steepest_point():
    """Where the curvature is largest and all deviations have one sign, the bound is within a tenth of the remainder."""
    result = verify(**steepest())
    assert result.verdict == "holds"
    assert 1 <= result.slack < 1.1


def test_the_measured_remainder():
    """It is the distance of two float64 runs written down here, to their rounding."""
    case = steepest()
    net, X = case["net"], case["inputs"]
    tau, (at, _) = np.array([1.0, 0.5]), case["at"]
    z = net.W @ np.array(at) + net.b
    h = lin = np.array(case["h0"])
    worst = 0.0
    for x in X:
        tangent = np.tanh(z) + (1 - np.tanh(z) ** 2) * (net.W @ lin + net.M @ x + net.b - z)
        h, lin = (
            h + 0.25 * (-h + np.tanh(net.W @ h + net.M @ x + net.b)) / tau,
            lin + 0.25 * (-lin + tangent) / tau,
        )
        worst = max(worst, np.max(np.abs(h - lin)))
    # Six steps of two dozen operations on numbers below 1.
    assert abs(verify(**case).measured - worst) < 200 * 2.0**-53


def test_expansive_and_large():
    """N = 96 at gain 1.5: no factor below 1 is needed, and the form with signs is within twice the remainder."""
    rng, N = np.random.default_rng(1), 96
    net = oracle.Network.rate(1.5 * rng.normal(size=(N, N)) / np.sqrt(N), rng.normal(size=(N, 2)), tau=1)
    at = (rng.uniform(-0.5, 0.5, N), rng.normal(size=2))
    near = {"inputs": at[1] + 0.1 * rng.normal(size=(8, 2)), "h0": at[0] + 0.1 * rng.normal(size=N)}
    result = verify(net, at=at, step=0.125, **near)
    assert result.verdict == "holds"
    assert 1 <= result.slack < 2


def test_small_deviations_are_bounded_sharply():
    """Small deviations: bound and remainder agree to a few hundredths."""
    rng, N = np.random.default_rng(2), 6
    net = oracle.Network.rate(rng.normal(size=(N, N)), rng.normal(size=(N, 1)), rng.normal(size=N), tau=1)
    at = (rng.uniform(-0.5, 0.5, N), rng.normal(size=1))
    near = {"inputs": at[1] + 1e-3 * rng.normal(size=(8, 1)), "h0": at[0] + 1e-3 * rng.normal(size=N)}
    result = verify(net, at=at, step=2.0**-10, **near)
    assert result.verdict == "holds"
    assert 1 <= result.slack < 1.05


def test_deviations_of_zero_are_not_called_violated():
    """From h* with x* the first deviation is zero, and so is its bound; later ones are not."""
    inputs = np.array([[0.0], [0.5], [-0.25], [1.0]])
    result = verify(**steepest(h0=[0.125, 0.0625], inputs=inputs))
    assert result.verdict == "holds"
    assert "not contradicted" in " ".join(result.evidence)


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_the_constant_cannot_be_lowered(activation):
    """At the z* where |s''| = C2 the remainder is at least (1 - 2^-18) (C2/2) v^2 for v = 2^-20: balls."""
    with precision(200):
        kind = shape(activation)
        s = kind.attained(2)
        z = s.atanh() if activation == "tanh" else (s / (1 - s)).log()
        tangent, v = remainder.Tangent.at(kind, [z]), arb(2) ** -20
        moved = arb_mat(1, 1, [z + v])
        gap, law = tangent.remainder(moved)[0, 0], tangent.quadratic(moved)[0, 0]
        assert gap <= law
        assert gap >= (1 - arb(2) ** -18) * law


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_three_laws_on_a_grid(activation):
    """|R| <= the least of the three laws <= (C2/2) zeta^2, for z* in [-3, 3] and zeta up to 20: balls."""
    rng = np.random.default_rng(3)
    with precision(200):
        kind = shape(activation)
        z = [arb(v) for v in rng.uniform(-3, 3, 200)]
        tangent = remainder.Tangent.at(kind, z)
        zeta = rng.choice([-1, 1], 200) * 2.0 ** rng.uniform(-20, 4.3, 200)
        moved = arb_mat(200, 1, [a + arb(v) for a, v in zip(z, zeta, strict=True)])
        laws = tangent.remainder(moved), tangent.sharpest(moved), tangent.quadratic(moved)
        for gap, sharp, quadratic in zip(*(law.entries() for law in laws), strict=True):
            assert gap <= sharp <= quadratic


def test_at_zero_tanh_is_cubic():
    """z* = 0: the law used is |zeta|^3/3, within zeta^2 of the remainder at zeta = 2^-10."""
    with precision(200):
        tangent, v = remainder.Tangent.at(shape("tanh"), [arb(0)]), arb(2) ** -10
        law = tangent.sharpest(arb_mat(1, 1, [v]))[0, 0]
        assert law.overlaps(v**3 / 3)
        assert 1 <= law / tangent.remainder(arb_mat(1, 1, [v]))[0, 0] < 1 + v**2


def test_norms():
    """Certified norms are above NumPy's by no more than its rounding, and mu_2 has either sign."""
    X = np.random.default_rng(4).normal(size=(5, 5))
    with precision(160):
        ball = arb_mat(X.tolist())
        for matrix, expected in (
            (norms.matrix_norm(ball, "two"), np.linalg.norm(X, 2)),
            (norms.matrix_norm(ball, "infinity"), np.linalg.norm(X, np.inf)),
            (norms.logarithmic_norm(ball, "two"), np.linalg.eigvalsh((X + X.T) / 2)[-1]),
            (
                norms.logarithmic_norm(ball - arb_mat((9 * np.eye(5)).tolist()), "two"),
                -9 + np.linalg.eigvalsh((X + X.T) / 2)[-1],
            ),
        ):
            # 2^-45: a few hundred roundings of a number of size 10 in LAPACK.
            assert abs(float(matrix) - expected) < 2.0**-45
        wide = arb_mat(5, 5, [entry + arb(0, 0.125) for entry in ball.entries()])
        corner = X + 0.125 * np.sign(X)
        assert norms.matrix_norm(wide, "infinity") >= np.linalg.norm(corner, np.inf) - 2.0**-45
        assert norms.matrix_norm(wide, "two") >= np.linalg.norm(corner, 2) - 2.0**-45


# -- the continuous statement -----------------------------------------------------------------------------------------
def test_the_wrong_pair_in_continuous_time():
    """mu(J*) with the deviation of the linear solution: 0.0719 > 0.0515; the flow against a float64 integration."""
    with precision(160):
        flow, linear, bound = c07.scalar_flow(Fraction(3))
    z, h, dt = -np.arctanh(1 / np.sqrt(3)), 0.3, 1e-3

    def F(h):
        return -h + 1.2 * (np.tanh(z + h) - np.tanh(z))

    for _ in range(3000):
        h = h + dt * F(h + dt / 2 * F(h))
    # The midpoint rule is off by dt^2 at most here; the bisection by 2^-17.
    assert float(flow) <= h + dt**2
    assert h - float(flow) < 2.0**-16 + dt**2
    assert (round(float(bound), 4), round(h - float(linear), 4)) == (0.0515, 0.0719)


def test_regular_radius():
    """From r in several directions the flow and the linear flow stay within eps = 1e-3 (references, observed)."""
    net = oracle.Network.rate([[0.4, -0.5], [0.3, 0.2]], [[0.5], [-0.25]], [0.75, -0.5], tau=[1.0, 0.75])
    x = np.array([0.5])
    found = regular.regular_radius(net, x, np.zeros(2))
    assert found.radius > 0
    point = regular.fixed_point(net, x, np.zeros(2))
    h = np.array([float(v) for v in point.h])
    linear, times, worst = net.linearize((h, x)), [0.5, 1.0, 2.0, 4.0], 0.0
    for angle in (0.5, 2.0, 4.0, 5.5):
        start = h + 0.999 * found.radius * np.array([np.cos(angle), np.sin(angle)])
        runs = [oracle.reference(part, x, start, times, digits=12).float64() for part in (net, linear)]
        worst = max(worst, np.max(np.linalg.norm(runs[0] - runs[1], axis=1)))
    assert 1e-5 < worst <= 1e-3


def test_no_regular_radius_without_contraction():
    """An equilibrium that repels has none, and the text says so; relu has no C2."""
    net = oracle.Network.rate([[3.0, 0.5], [0.25, 2.5]], tau=1)
    found = regular.regular_radius(net, np.zeros(0), np.zeros(2))
    assert (found.radius, "no rate" in found.text) == (0.0, True)
    assert regular.regular_radius(network(6, activation="relu"), np.zeros(0), np.zeros(0)).radius == 0


# -- planted faults ----------------------------------------------------------------------------------------------------
RIGHT_SUPREMUM, RIGHT_JACOBIAN = suprema.Shape.supremum, segments.Step.jacobian
right_powers, right_driven, right_growth = c07.by_powers, remainder.driven, segments.growth


def halved(self, order):
    return RIGHT_SUPREMUM(self, order) / 2 if order == 2 else RIGHT_SUPREMUM(self, order)


def transposed(self, slopes):
    return RIGHT_JACOBIAN(self, slopes).transpose()


def scalar():
    """The network of the shipped counterexample, by Euler: Delta = 1/2, undriven."""
    net = oracle.Network(A=-1, B=1.2, W=[[1.0]], b=[-0.6585], c=[0.6929])
    return {"net": net, "at": ([0.0], None), "h0": [0.3], "inputs": np.zeros((6, 0)), "step": 0.5}


def chain():
    """Unit 2, where s is curved most, drives unit 1, where it is straight: the remainder travels one way only."""
    net = oracle.Network(A=[-1, -2], B=[1, 2], W=[[0.125, 1.75], [0.0625, 0.75]], b=[0.0, -0.7], c=[0.0, 1.2])
    start = {"at": ([0.0, 0.0], None), "h0": [0.03125, 0.25], "inputs": np.zeros((8, 0))}
    return {"net": net, "step": 0.25, **start}


FAULTS = {
    "C2 halved": (suprema.Shape, "supremum", halved, steepest),
    "mu of the linear, deviation of the linear": (
        c07,
        "form_a",
        lambda step, tangent, z, z_lin: remainder.form_b(step, tangent, z_lin),
        scalar,
    ),
    "Jacobian transposed": (segments.Step, "jacobian", transposed, chain),
    "growth left out": (
        remainder,
        "growth",
        lambda q, v, norms: segments.growth(lambda k, norm: 0.0, v, norms),
        scalar,
    ),
    "B squared": (remainder, "driven", lambda B, e: right_driven(B * B, e), steepest),
    "W delta without M xi": (
        remainder.Tangent,
        "quadratic",
        lambda self, z: RIGHT_QUADRATIC(self, z) * arb(0.25),
        steepest,
    ),
    "cubic law without s''(z*)": (remainder.Tangent, "sharpest", lambda self, z: cubic_only(self, z), steepest),
    "sign of one unit's remainder turned": (remainder.Tangent, "enclosed", lambda *args: turned(*args), steepest),
    "width of the remainder dropped": (
        remainder.Tangent,
        "enclosed",
        lambda self, z: arb_mat(z.nrows(), z.ncols(), [entry.mid() for entry in RIGHT_ENCLOSED(self, z).entries()]),
        chain,
    ),
    "norm swapped": (
        weighted.Norm,
        "matrix",
        lambda self, m: RIGHT_MATRIX(self, m.transpose()) if self.kind != "two" else 0.0,
        scalar,
    ),
    "weights forgotten": (weighted.Norm, "entries", lambda self, r: np.full(len(self.weights), r / 50), steepest),
    "powers one step late": (c07, "by_powers", lambda *args: late(right_powers(*args)), steepest),
    "operating point of another place": (
        c07,
        "preactivation",
        lambda field, h, x: [v + Fraction(1, 32) for v in RIGHT_PREACTIVATION(field, h, x)],
        steepest,
    ),
    "linear run against itself": (c07, "form_b", lambda step, t, z: [0.0] * z.ncols(), steepest),
}
RIGHT_MATRIX, RIGHT_ENCLOSED = weighted.Norm.matrix, remainder.Tangent.enclosed
RIGHT_QUADRATIC, RIGHT_PREACTIVATION = remainder.Tangent.quadratic, c07.preactivation


def turned(self, z):
    right = RIGHT_ENCLOSED(self, z)
    signs = [-1] + [1] * (z.nrows() - 1)
    return arb_mat(z.nrows(), z.ncols(), [signs[i] * right[i, k] for i in range(z.nrows()) for k in range(z.ncols())])


def cubic_only(self, z):
    zeta = self.deviation(z)
    sizes = [abs(v) ** 3 / 3 for v in zeta.entries()]
    return arb_mat(z.nrows(), z.ncols(), sizes)


def late(bounds):
    return np.hstack([np.zeros((len(bounds), 1)), bounds[:, :-1]])


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_are_reported(fault, monkeypatch, planted):
    """A fault in the code of the claim is violated, on a network on which the claim holds."""
    room, name, wrong, case = FAULTS[fault]
    assert verify(**case()).verdict == "holds"
    monkeypatch.setattr(room, name, wrong)
    result = verify(**case())
    planted(fault, result)
    assert result.measured > result.bound
