"""Every term of a bound is needed: in each case here one term carries it, and the truth is known in closed form.

Containment of whole trajectories leaves room to a bound that lost a term, because other terms are larger there. So the
pieces are called with what makes their term the largest: errors that all point one way, slopes at the end of their
range, coefficients with a wide radius, Taylor coefficients of the size that Cauchy's bound allows.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat

import oracle
from oracle.arithmetic.ball import precision
from oracle.arithmetic.midrad import Midrad
from oracle.arithmetic.slopes import slopes_over
from oracle.reference import (
    analytic,
    cauchy,
    certified,
    defect,
    growth,
    local_rates,
    lognorm,
    signals,
    thresholds,
    weighted,
)
from oracle.reference.arguments import columns
from oracle.reference.defect import Gains, Misfit
from oracle.reference.enclosure import exact, to_mpf
from oracle.reference.jacobians import Coefficients
from oracle.reference.problem import Problem
from oracle.reference.recurrences import attempt, follow_centres
from oracle.reference.system import State, Step, System

UP = 1 + 2.0**-40  # what float64 truths here may be off by


@pytest.fixture(autouse=True)
def sixty_four_bits() -> Any:
    """Scalars as in the engines."""
    with precision(64):
        yield


# ----------------------------------------------------------------------------------- growth: one scalar per trajectory


@pytest.mark.parametrize("weights", [(8.0, 1.0), (1.0, 0.125), (1.0, 1.0)])
@pytest.mark.parametrize(("first", "delta"), [(1.0, 0.0), (0.0, 1.0), (3.0, 0.25)])
def test_a_scalar_error(weights: tuple[float, float], first: float, delta: float) -> None:
    """e <- J e + delta, J >= 0, entry by entry from errors of one sign; and what holds for good once q < 1."""
    J = np.array([[0.125, 4.0], [0.0625, 0.125]])
    norm = weighted.Norm("infinity", np.array(weights), "given")
    scalar = growth.Scalar(growth.Contraction(norm.matrix(Midrad.exactly(J)), norm))
    scalar.add(arb(first))
    truth = np.full(2, first)
    for _ in range(6):
        truth = J @ truth + delta
        assert truth.max() <= float(scalar.step(None, 0.0, arb(delta))) * UP
    for begin in (0.0, first):
        settling = growth.Scalar(growth.Contraction(norm.matrix(Midrad.exactly(J)), norm))
        settling.add(arb(begin))
        settled, truth = settling.settle(arb(delta), arb(1e6)), np.full(2, begin)
        assert (settled is None) == (not settling.q < 1)
        for _ in range(60 if settled is not None else 0):
            truth = J @ truth + delta
            assert truth.max() <= float(settled) * UP


def products(A: Any, B: Any, W: Any, activation: str = "tanh", q: float = 1e3) -> growth.Products:
    """Products of Jacobians of A + B D W."""
    return growth.Products(Coefficients(activation, A, B, W, False, False), q)


def wide(value: float, radius: float) -> Midrad:
    """One number, and how far it may be off."""
    return Midrad(np.array([[value]]), np.array([[radius]]))


@pytest.mark.parametrize("q", [1.0, 1e3])
@pytest.mark.parametrize("reach", [2.0**-13, 2.0**-10, 0.25])
@pytest.mark.parametrize(("first", "delta"), [(1.0, 0.0), (0.0, 1.0)])
def test_slopes_at_the_end_of_their_range(q: float, reach: float, first: float, delta: float) -> None:
    """One unit, z = 1/2 +- reach: the true slope is the steepest; products with and without beginning anew."""
    tracked, z = products(wide(0.0, 0.0), wide(1.0, 0.0), wide(1.0, 0.0), q=q), np.array([0.5])
    (steepest,) = slopes_over("tanh", z - reach, z + reach)[1] * (1 - 2.0**-40)
    tracked.add(arb(first))
    truth = first
    for _ in range(200):
        truth = steepest * truth + delta
        assert truth <= float(tracked.step(z, reach, arb(delta))) * UP


def test_an_error_from_before_the_product() -> None:
    """e_0 times a product of many joined ones, whose error is what all of them were off by."""
    reach, z = 2.0**-13, np.array([0.5])
    tracked = products(wide(0.0, 0.0), wide(1.0, 0.0), wide(1.0, 0.0))
    (steepest,) = slopes_over("tanh", z - reach, z + reach)[1] * (1 - 2.0**-40)
    tracked.e0, truth = arb(1), 1.0
    for _ in range(200):
        truth = steepest * truth
        assert truth <= float(tracked.step(z, reach, arb(0))) * UP


@pytest.mark.parametrize("off", "ABW")
def test_coefficients_at_the_end_of_their_radius(off: str) -> None:
    """The identity, A + B W = 1/2 +- something: the largest coefficient."""
    parts = {name: wide(value, 2.0**-10 * (name == off)) for name, value in zip("ABW", (0.25, 0.5, 0.5), strict=True)}
    tracked, truth = products(**parts, activation="identity"), 1.0
    A, B, W = (float((part.mid + part.rad)[0, 0]) for part in parts.values())
    tracked.add(arb(1))
    for _ in range(30):
        truth = (A + B * W) * truth
        assert truth <= float(tracked.step(np.zeros(1), 0.0, arb(0))) * UP


def test_errors_of_all_units_point_one_way() -> None:
    """Four units that each add delta to one: their 2-norm is twice that of one."""
    J = np.zeros((4, 4))
    J[0] = 1.0
    one, zero = Midrad.exactly(np.eye(4)), Midrad.exactly(np.zeros((4, 4)))
    for each in (products(zero, one, Midrad.exactly(J), "identity"), _scalar_two(J)):
        each.add(arb(0))
        truth = np.zeros(4)
        for _ in range(5):
            truth = J @ truth + 1
            assert truth.max() <= float(each.step(np.zeros(4), 0.0, arb(1))) * UP


def _scalar_two(J: Any) -> growth.Scalar:
    norm = weighted.Norm.plain("two", 4)
    return growth.Scalar(growth.Contraction(norm.matrix(Midrad.exactly(J)), norm))


@pytest.mark.parametrize("seed", range(4))
def test_products_of_matrices(seed: int) -> None:
    """Three units, slopes at corners of their range that change at every step, and the initial error that is the worst
    for the product of all steps: the true error is below the bound after each of 40 steps."""
    rng = np.random.default_rng(seed)
    W, reach = rng.normal(size=(3, 3)) / 2, 2.0**-8
    tracked = products(Midrad.exactly(np.eye(3) / 8), Midrad.exactly(np.eye(3)), Midrad.exactly(W))
    tracked.add(arb(1))
    whole = np.eye(3)
    for _ in range(40):
        z = rng.normal(size=3)
        low, high = slopes_over("tanh", z - reach, z + reach)
        whole = (np.eye(3) / 8 + np.where(rng.random(3) < 0.5, low, high)[:, None] * W) @ whole
        worst = np.abs(whole).sum(axis=1).max()  # from an initial error of entries +-1
        assert worst <= float(tracked.step(z, reach, arb(0))) * UP


# -------------------------------------------------------------------------------------------------- logarithmic norms


def fractions(matrix: Any) -> Any:
    """Floats as the rationals they are."""
    return np.vectorize(Fraction, otypes=[object])(matrix)


def intervals(seed: int, radius: float) -> tuple[lognorm.Interval, lognorm.Interval]:
    """Two matrices with radii."""
    rng = np.random.default_rng(seed)
    return tuple(lognorm.Interval(rng.normal(size=(4, 4)), radius * rng.random((4, 4))) for _ in range(2))  # type: ignore[return-value]


def corners(x: lognorm.Interval, rng: Any) -> Any:
    """A matrix at the ends of an interval, exactly."""
    return fractions(x.mid) + fractions(x.rad) * rng.choice([-1, 1], x.mid.shape)


def holds(x: lognorm.Interval, point: Any) -> bool:
    """Whether a rational matrix is inside."""
    return bool(np.all(np.abs(point - fractions(x.mid)) <= fractions(x.rad)))


@pytest.mark.parametrize("radius", [0.0, 2.0**-4])
@pytest.mark.parametrize("seed", range(5))
def test_sums_and_products_of_intervals(seed: int, radius: float) -> None:
    """Exact sums, products and multiples of matrices at the ends of intervals are inside; with no radius it is the
    rounding alone. And so is the hull of both."""
    (x, y), rng = intervals(seed, radius), np.random.default_rng(seed)
    for _ in range(20):
        a, b = corners(x, rng), corners(y, rng)
        assert holds(x + y, a + b)
        assert holds(x @ y, a @ b)
        assert holds(x.times(1 / 3), a * Fraction(1 / 3))
        assert holds(lognorm._hull(x, y), a)
        assert holds(lognorm._hull(x, y), b)


@pytest.mark.parametrize("seed", range(5))
def test_rows_and_eigenvalues_of_intervals(seed: int) -> None:
    """Weighted rows and the largest eigenvalue of symmetric matrices at the ends of an interval are bounded."""
    (x, _), rng = intervals(seed, 0.5), np.random.default_rng(seed)
    w = np.array([1.0, 8.0, 0.25, 2.0])
    rows = lognorm._rows(x, w)
    even = lognorm.Interval((x.mid + x.mid.T) / 2, (x.rad + x.rad.T) / 2)
    top = lognorm.largest_eigenvalue(even)
    for _ in range(50):
        m = corners(x, rng).astype(float)
        off = np.abs(m) - np.diag(np.abs(np.diag(m)))
        assert np.all(np.diag(m) + off @ w / w <= rows + 1e-12)
        signs = rng.choice([-1, 1], 4)
        worst = even.mid + even.rad * np.outer(signs, signs)
        assert np.linalg.eigvalsh(worst)[-1] <= top + 1e-12


@pytest.mark.parametrize("seed", range(40))
def test_eigenvectors_need_not_be_good(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With vectors that are a tenth or so off, and far from orthogonal, the bound is poor and holds."""
    rng = np.random.default_rng(seed)
    H = rng.normal(size=(3, 3))
    H = (H + H.T) / 2 + 3 * np.eye(3) * (seed % 2)
    values, vectors = np.linalg.eigh(H)
    vectors = vectors @ (np.eye(3) + rng.normal(size=(3, 3)) / 5)
    monkeypatch.setattr(np.linalg, "eigh", lambda h: (values, vectors / np.linalg.norm(vectors, axis=0)))
    assert values[-1] <= lognorm.largest_eigenvalue(lognorm.Interval(H, 0 * H)) + 1e-12


@pytest.mark.parametrize("activation", ["tanh", "leaky-relu(-2)", "identity"])
@pytest.mark.parametrize("kind", ["B diagonal", "W diagonal", "dense"])
@pytest.mark.parametrize("seed", range(3))
def test_logarithmic_norms_of_all_slopes(kind: str, activation: str, seed: int) -> None:
    """Slopes at all ends of their range, unit by unit: no Jacobian has a larger logarithmic norm in any norm."""
    rng = np.random.default_rng(seed)
    A, B, W = (4 * rng.normal(size=(3, 3)) for _ in range(3))
    B = np.diag(np.diag(B)) if kind == "B diagonal" else B
    W = np.diag(np.diag(W)) if kind == "W diagonal" else W
    given = {"B": np.diag(B) if kind == "B diagonal" else B, "W": np.diag(W) if kind == "W diagonal" else W}
    field = oracle.Network(A=A, **given, activation=activation).field
    assert (field.B.is_diagonal, field.W.is_diagonal) == (kind == "B diagonal", kind == "W diagonal")
    ends = {"tanh": (0.0, 1.0), "leaky-relu(-2)": (-2.0, 1.0), "identity": (1.0,)}[activation]
    found = lognorm.norms(field)
    assert len(found) == 3
    for slopes in product(ends, repeat=3):
        J = A + B @ np.diag(slopes) @ W
        for norm in found:
            assert _logarithmic(J, norm.weights) <= float(norm.mu) + 1e-10


def _logarithmic(J: Any, weights: Any) -> float:
    if weights is None:
        return float(np.linalg.eigvalsh((J + J.T) / 2)[-1])
    w = np.array([float(weight) for weight in weights])
    off = np.abs(J) - np.diag(np.abs(np.diag(J)))
    return float((np.diag(J) + off @ w / w).max())


# ------------------------------------------------------------------------------------------------ the defect of a step


def system(activation: str = "identity", **parts: float) -> System:
    """One unit, one input."""
    given: dict[str, Any] = {name: [[value]] for name, value in parts.items()}
    field = oracle.Network(**{"W": [[0.0]], **given}, activation=activation).field
    return System.of(field, next(norm for norm in lognorm.norms(field) if norm.name == "infinity"))


@pytest.mark.parametrize(("E", "B", "M"), [(3.0, 0.0, 1.0), (0.0, 3.0, 2.0), (-1.0, 1.0, 1.0), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("activation", ["identity", "leaky-relu(-2)"])
def test_what_an_input_has_beyond_its_polynomial(activation: str, E: float, B: float, M: float) -> None:
    """h' = E x + B s(M x) with x = +-1/4 where the polynomial is 0: after q L = 1/8 it is off by that much."""
    known = system(activation, A=0.0, B=B, M=M, E=E)
    s = {"identity": (1.0, 1.0), "leaky-relu(-2)": (1.0, 2.0)}[activation]
    misfit = Misfit(arb_mat(1, 2, [0, 0]), None, [arb("0.25")], None, known.gains, arb("0.5"))
    bound = float(misfit.bound(Fraction(1, 4), known.norm))
    for x, value in ((0.25, s[0] * M * 0.25), (-0.25, (-1 if activation == "identity" else 1) * s[1] * M * 0.25)):
        assert abs(E * x + B * value) / 8 <= bound * UP


@pytest.mark.parametrize(
    ("activation", "wrong"),
    [("relu", 0.25), ("leaky-relu(-2)", 0.25), ("elu(2)", 1.0), ("elu(0.5)", 1.0), ("square(3)", 1.0)],
)
def test_what_a_unit_is_beyond_its_kink(activation: str, wrong: float) -> None:
    """z = w on the wrong side of the kink, on all of the step: two branches, B = -5."""
    field = oracle.Network(A=[[0.0]], B=[[-5.0]], W=[[0.0]], activation=activation).field
    ends = {"relu": (0, 1), "leaky-relu(-2)": (-2, 1), "elu(2)": (0, 2), "elu(0.5)": (0, 1), "square(3)": (0, 6)}[
        activation
    ]
    gains = Gains.of(field, (Fraction(ends[0]), Fraction(ends[1])))
    apart = {
        "relu": wrong,
        "leaky-relu(-2)": 3 * wrong,
        "elu(2)": abs(2 * np.expm1(wrong) - wrong),
        "elu(0.5)": abs(0.5 * np.expm1(-wrong) + wrong),
        "square(3)": 3 * wrong**2,
    }[activation]
    misfit = Misfit(arb_mat(1, 2, [0, 0]), None, None, [arb(wrong)], gains, arb("0.5"))
    norm = lognorm.Norm("infinity", arb(0), (arb(1),))
    assert 5 * apart / 8 <= float(misfit.bound(Fraction(1, 4), norm)) * UP


@pytest.mark.parametrize("ratio", [0.25, 0.875])
def test_a_tail_of_the_size_that_cauchy_allows(ratio: float) -> None:
    """s_k = m R^-k for k > K, B = -5, L = 1/2, K = 3: the integral of the tail, term by term."""
    field = oracle.Network(A=[[0.0]], B=[[-5.0]], W=[[1.0]]).field
    norm, m, R, K = lognorm.Norm("infinity", arb(0), (arb(1),)), 7.0, 2.0, 3
    q = R * ratio
    misfit = Misfit(
        arb_mat(1, K + 1), cauchy.Disc(arb(R), m), None, None, Gains.of(field, (Fraction(0), Fraction(1))), arb(0.5)
    )
    tail = sum(m * q * ratio**k / (k + 1) for k in range(K + 1, 400))
    assert 5 * 0.5 * tail <= float(misfit.bound(Fraction(q), norm)) * UP


def test_a_radius_that_is_too_large_is_no_disc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The radius found in float64 is checked in balls."""
    z = arb_mat(1, 3, [arb(0), arb(1), arb(1)])
    assert cauchy.disc("tanh", z).R > 0
    real = cauchy._float_radius
    monkeypatch.setattr(cauchy, "_float_radius", lambda sizes: 1.01 * real(sizes))
    assert not cauchy.disc("tanh", z).R > 0


@pytest.mark.parametrize("length", [1, 2, 5])
def test_what_a_series_of_the_input_omits(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """|x| <= 1 where |t| <= 3/2, nothing known beyond: up to t = 1 the terms (2/3)^k from `length` on."""
    limit = arb("1.50001")
    monkeypatch.setattr(
        analytic.AnalyticPiece, "_largest", lambda self, e, rho: arb(1) if rho < limit else arb.pos_inf()
    )
    piece = analytic.AnalyticPiece(None, (None,), Fraction(0), 1)
    assert sum((2 / 3) ** k for k in range(length, 300)) <= float(piece.beyond(Fraction(1), length)[0]) * UP


def test_the_square_holds_the_disc() -> None:
    """|exp| on the disc about 0 is largest at rho; |1/(1 + t^2/4)| at i rho."""
    import sympy as sp

    t = sp.Symbol("t")
    for expression, largest in ((sp.exp(t), np.exp(1.5)), (1 / (1 + t**2 / 4), 1 / (1 - 1.5**2 / 4))):
        piece = analytic.AnalyticPiece(None, (expression,), Fraction(0), 1)
        assert largest <= float(piece._largest(expression, arb("1.5"))) * UP


# --------------------------------------------------------------------------------------------------- the end of a step


@pytest.mark.parametrize("mu", [1.0, -1.0])
def test_what_a_step_does_to_errors(mu: float) -> None:
    """h' = mu h + d: errors grow as e^{mu t} and a constant defect d is added; at the end and everywhere before it."""
    known, d = system(A=mu), 0.25
    misfit = Misfit(arb_mat(1, 1, [arb(d)]), None, None, None, known.gains, arb(1))
    state = State(Fraction(0), arb_mat(1, 1, [arb(0)]), arb("0.5"), arb("0.125"))
    step = certified.finished(known, state, Fraction(1), Fraction(1), arb_mat(1, 2, [0, 0]), misfit, 64)
    for theta in np.linspace(0, 1, 9):
        added = d * np.expm1(mu * theta) / mu
        assert 0.5 * np.exp(mu * theta) + added <= float(step.error) * UP
        assert 0.125 * np.exp(mu * theta) <= float(step.spread) * UP
    assert 0.5 * np.exp(mu) + d * np.expm1(mu) / mu <= float(step.end.error) * UP
    assert 0.125 * np.exp(mu) <= float(step.end.spread) * UP


@pytest.mark.parametrize("bits", [8, 30])
def test_the_end_of_a_step_is_rounded(bits: int) -> None:
    """p(1/3) of a polynomial with exact coefficients, and nothing else that could be off."""
    known, third = system(A=0.0), Fraction(1, 3)
    misfit = Misfit(arb_mat(1, 1, [0]), None, None, None, known.gains, arb(1))
    state = State(Fraction(0), arb_mat(1, 1, [arb(1)]), arb(0), arb(0))
    step = certified.finished(known, state, Fraction(1), third, arb_mat(1, 3, [1, 1, 1]), misfit, bits)
    off = abs(exact(to_mpf(step.end.y[0, 0])) - (1 + third + third**2))
    assert 0 < off <= exact(to_mpf(step.end.error))
    assert defect.sized(arb_mat(1, 1, [arb(-1)]))[0, 0] == 1


# ----------------------------------------------------------------------------- rates that hold about a step, thresholds


@pytest.mark.parametrize("beyond", [None, 0.125])
def test_a_tube_knows_the_slopes_inside(beyond: float | None) -> None:
    """s = max(0, z)^2, z = 1 .. 3/2, h within rho, the input off by an eighth times M = 3: mu at the steepest."""
    field = oracle.Network(A=[[-1.0]], W=[[2.0]], M=[[3.0]], activation="square").field
    known = System.of(field, lognorm.norms(field, (Fraction(0), Fraction(1)))[0], (Fraction(0), Fraction(1)))
    unseen = None if beyond is None else [arb(beyond)]
    z = arb_mat(1, 2, [arb(1), arb(1)])
    tube = next(iter(local_rates.tubes(known, arb("0.25"), arb("0.25"), z, Fraction(1, 2), unseen)))
    z_top = 1.5 + 2 * float(tube.rho) + 3 * (beyond or 0.0)
    assert -1 + 2 * 2 * z_top <= float(tube.system.norm.mu) * UP


def test_a_tube_holds_a_step_that_stays_inside() -> None:
    """Error and spread together, below rho."""
    known = system(A=0.0)
    tube = local_rates.Tube(known, arb(1))
    for error, spread, inside in (
        ("0.5", "0.25", True),
        ("0.5", "0.5", False),
        ("0.25", "2", False),
        ("2", "0", False),
    ):
        end = State(Fraction(1), arb_mat(1, 1, [0]), arb(error), arb(spread))
        step = Step(Fraction(0), Fraction(1), Fraction(1), arb_mat(1, 1, [0]), arb(error), arb(spread), end)
        assert tube.holds(step) == inside


@pytest.mark.parametrize(("error", "spread", "below"), [("0", "0", True), ("0.25", "0", False), ("0", "0.25", False)])
def test_an_argument_is_as_near_its_threshold_as_it_is_off(error: str, spread: str, below: bool) -> None:
    """z = 2 h, h = 1 but for an error: 2 is below 19/8, and 5/2 is not."""
    known = system("softplus", A=0.0, B=1.0, W=2.0)
    end = State(Fraction(1), arb_mat(1, 1, [1]), arb(error), arb(spread))
    step = Step(Fraction(0), Fraction(1), Fraction(1), arb_mat(1, 2, [1, 0]), arb(error), arb(spread), end)
    sizes = [arb_mat(1, 1, [2]), arb_mat(1, 0)]
    piece = signals.steady(None, 0).piece(Fraction(0))
    assert thresholds._stays_below(step, known, piece, Fraction(19, 8), sizes) == below


def test_centres_begin_with_the_rounding_of_h0() -> None:
    """h = 1/3 for ever, in 20 bits: nothing is rounded after the beginning."""
    rec = oracle.Recurrence.elman([[1.0]], activation="identity")
    h0 = np.array([[Fraction(1, 3)]], dtype=object)
    asked = Problem(rec, columns(rec, np.zeros((3, 0)), None)[0], h0, 3)
    norm = weighted.Norm.plain("two", 1)
    run = attempt(asked, 20, follow_centres(lambda _: [growth.Scalar(growth.Contraction(1.0, norm))]))
    for middle, radius in zip(run.middles, run.radii, strict=True):
        assert abs(exact(to_mpf(middle[0])) - Fraction(1, 3)) <= exact(to_mpf(radius[0]))
