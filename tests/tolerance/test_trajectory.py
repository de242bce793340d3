"""Trajectory bounds contain the true error with zero tolerance: certified references, honest and coarse runs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, fmpq
from numpy.typing import NDArray

import oracle
from oracle.arithmetic.ball import Ball, precision, upper_floats
from oracle.equations.activations import ACTIVATIONS
from oracle.tolerance import trajectory

Array = NDArray[Any]


def network(kind: str, N: int, I: int = 2, gain: float = 1.2, seed: int = 0) -> oracle.Recurrence:
    """A recurrence of each family, weights in float32 so that runs of both precisions have the same exact run."""
    rng = np.random.default_rng(seed)
    W, M = (rng.standard_normal(shape).astype(np.float32) for shape in ((N, N), (N, I)))
    W *= np.float32(gain / np.sqrt(N))
    b = rng.standard_normal(N).astype(np.float32) / np.float32(2)
    name, activation = kind.split()
    given: dict[str, Any] = {"W": W, "M": M, "b": b, "activation": activation}
    if name == "elman":
        return oracle.Recurrence.elman(**given)
    if name == "leak-inside":
        return oracle.Recurrence.leak_inside(**given, alpha=0.25)
    return oracle.Recurrence.leaky(**given, alpha=0.25, sigma=name)


def errors(rec: Any, H: Array, X: Array, h0: Array, digits: int = 40) -> Any:
    """|H_k - h_k| as balls, entry by entry, (K+1) * N."""
    reference = oracle.reference(rec, inputs=X, h0=h0, digits=digits)
    with precision(400):
        middle = [arb(fmpq(*_ratio(value))) for value in np.ravel(np.asarray(reference.mid, dtype=object))]
        radius = [arb(fmpq(*_ratio(value))) for value in np.ravel(np.broadcast_to(reference.rad, np.shape(H)))]
        return [abs(arb(float(h)) - m) + r for h, m, r in zip(np.ravel(H), middle, radius, strict=True)]


def _ratio(value: Any) -> tuple[int, int]:
    exact = Fraction(value) if not hasattr(value, "_mpf_") else _of_mpf(value)
    return exact.numerator, exact.denominator


def _of_mpf(value: Any) -> Fraction:
    sign, mantissa, exponent, _ = value._mpf_
    return Fraction((-1) ** sign * int(mantissa)) * Fraction(2) ** exponent


def contained(rec: Any, H: Array, X: Array, h0: Array, bound: Array) -> bool:
    """Whether every true error is certainly inside its bound."""
    with precision(400):
        return all(bool(e <= arb(float(b))) for e, b in zip(errors(rec, H, X, h0), np.ravel(bound), strict=True))


def data(rec: Any, K: int, seed: int = 1) -> tuple[Array, Array]:
    """Inputs and initial state, numbers of float32."""
    rng = np.random.default_rng(seed)
    X, h0 = rng.standard_normal((K, rec.I)).astype(np.float32), rng.standard_normal(rec.N).astype(np.float32)
    return X.astype(np.float64), h0.astype(np.float64)


KINDS = ("elman tanh", "outside relu", "inside logistic", "leak-inside tanh", "outside identity", "inside tanh")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("N", [1, 5])
def test_honest_runs_are_inside_both_bounds(kind: str, dtype: str, N: int) -> None:
    """The true error of an honest run is inside the bound before the run is known, and inside the one from its own
    residuals, which is the smaller one at the end."""
    rec = network(kind, N)
    X, h0 = data(rec, 25)
    H = oracle.simulate(rec, X, h0, dtype=dtype)
    before = oracle.tolerance(rec, X, h0, precision=dtype, kind="trajectory")
    after = oracle.tolerance(rec, X, h0, precision=dtype, kind="trajectory", run=H)
    assert contained(rec, H, X, h0, before.elementwise)
    assert contained(rec, H, X, h0, after.elementwise)
    assert after.atol < before.atol
    assert (before.status, after.status) == ("observed", "proved")


@pytest.mark.parametrize("kind", KINDS)
def test_a_coarse_run_is_inside_its_own_bound(kind: str) -> None:
    """A float16 run, 1e-3 off, where the second-order remainder is what decides the bound."""
    rec = network(kind, 4)
    X, h0 = data(rec, 12)
    H = oracle.simulate(rec, X, h0, dtype=np.float16).astype(np.float64)
    H[0] = h0
    bound = oracle.tolerance(rec, X, h0, kind="trajectory", run=H)
    assert contained(rec, H, X, h0, bound.elementwise)
    assert np.isfinite(bound.atol)


def pushed(kick: float) -> tuple[Any, Array, Array, Array]:
    """One unit at its point of largest curvature, pushed by `kick` after the first step; nothing else is off."""
    rec = oracle.Recurrence.elman(np.array([[1.0]]), np.array([[1.0]]), activation="tanh")
    h0, K = np.array([0.3]), 3
    X = np.full((K, 1), 0.35) + np.arange(K)[:, None] / 64
    H = oracle.simulate(rec, X, h0)
    H[1] += kick
    for k in range(1, K):
        H[k + 1] = oracle.simulate(rec, X[k : k + 1], H[k])[1]
    return rec, H, X, h0


def test_without_the_remainder_a_push_leaves_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A push of 0.05: the linear part alone is too small, so a dropped remainder is caught; so is a tenth of it."""
    rec, H, X, h0 = pushed(0.05)
    assert contained(rec, H, X, h0, oracle.tolerance(rec, X, h0, kind="trajectory", run=H).elementwise)
    for factor in (0.0, 0.1):
        wrong = {name: factor * value for name, value in trajectory.CURVATURE.items()}
        monkeypatch.setattr(trajectory, "CURVATURE", wrong)
        assert not contained(rec, H, X, h0, oracle.tolerance(rec, X, h0, kind="trajectory", run=H).elementwise)


def test_a_constant_of_curvature_below_the_truth_is_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """sup|s''| is what the constants say: certified by a cover of balls; half of it is refuted by the same cover."""
    for name in ("tanh", "logistic"):
        assert curvature_is_bounded(name, trajectory.CURVATURE[name])
        assert not curvature_is_bounded(name, trajectory.CURVATURE[name] * (1 - 1e-6))
        assert not curvature_is_bounded(name, trajectory.CURVATURE[name] / 2)


def second_derivative(name: str, z: Any) -> Any:
    """s'' from the slope relation: tanh'' = -2 s (1 - s^2), logistic'' = s (1-s) (1 - 2s)."""
    s = ACTIVATIONS[name].value(Ball(), arb_mat(1, 1, [z]))[0, 0]
    return -2 * s * (1 - s * s) if name == "tanh" else s * (1 - s) * (1 - 2 * s)


def third_derivative(name: str, z: Any) -> Any:
    """s''' as a polynomial in s."""
    s = ACTIVATIONS[name].value(Ball(), arb_mat(1, 1, [z]))[0, 0]
    if name == "tanh":
        return -2 * (1 - s * s) * (1 - 3 * s * s)
    return s * (1 - s) * (1 - 6 * s + 6 * s * s)


def curvature_is_bounded(name: str, constant: float) -> bool:
    """|s''| <= constant on the whole line: balls of radius r with a Taylor term of s''', and decay beyond |z| = 20."""
    with precision(200):
        limit = arb(constant)
        if not second_derivative(name, arb(20)) <= limit:
            return False
        return all(_bounded_on(name, arb(i) / 16, arb(1) / 32, limit, 60) for i in range(-321, 322))


def _bounded_on(name: str, centre: Any, radius: Any, limit: Any, depth: int) -> bool:
    """|s''| <= limit on centre +- radius by the mean value form, else by halving."""
    ball = arb(mid=centre, rad=radius)
    steep = abs(third_derivative(name, ball))
    highest = abs(second_derivative(name, centre)) + steep * radius
    if bool(highest <= limit):
        return True
    if bool(abs(second_derivative(name, centre)) > limit) or not depth:
        return False
    half = radius / 2
    return all(_bounded_on(name, centre + sign * half, half, limit, depth - 1) for sign in (-1, 1))


@pytest.mark.parametrize("window", [1, 2, 5])
@pytest.mark.parametrize("kind", ["elman tanh", "outside relu"])
def test_any_window_is_valid(monkeypatch: pytest.MonkeyPatch, window: int, kind: str) -> None:
    """The window is a matter of sharpness: one step at a time is a bound too, and no smaller than the usual one."""
    rec = network(kind, 6, gain=0.9)
    X, h0 = data(rec, 20)
    H = oracle.simulate(rec, X, h0, dtype=np.float32)
    usual = oracle.tolerance(rec, X, h0, precision="float32", kind="trajectory")
    monkeypatch.setattr(trajectory, "WINDOW", window)
    other = oracle.tolerance(rec, X, h0, precision="float32", kind="trajectory")
    assert contained(rec, H, X, h0, other.elementwise)
    assert other.atol >= usual.atol * (1 - 1e-9)


def test_a_kink_between_two_runs_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit 0 is below its kink in the run and above it in the exact one: without the remainder the bound is refuted."""
    rec = oracle.Recurrence.elman(np.array([[0.0, 1.0], [0.0, 1.0]]), None, np.array([-0.5, 0.25]), activation="relu")
    X, h0 = np.zeros((2, 0)), np.array([0.3, 0.35])  # exact: unit 1 at 0.6, so unit 0 gets 0.1
    H = np.array([h0, [0, 0.4], [0, 0]])  # unit 1 comes out 0.2 short, so unit 0 gets -0.1
    H[2] = oracle.simulate(rec, X[:1], H[1])[1]
    assert contained(rec, H, X, h0, oracle.tolerance(rec, X, h0, kind="trajectory", run=H).elementwise)
    monkeypatch.setattr(trajectory, "_remainder", lambda activation, along, k, signed, rest: np.zeros_like(rest))
    assert not contained(rec, H, X, h0, oracle.tolerance(rec, X, h0, kind="trajectory", run=H).elementwise)


def test_errors_that_add_up_are_followed() -> None:
    """1 + x with x below half an ulp: every step loses it, and after 25 steps 25 of them are missing."""
    rec = oracle.Recurrence.elman(np.array([[1.0]]), np.array([[1.0]]), activation="identity")
    X, h0 = np.full((25, 1), 0.99 * 2.0**-24, dtype=np.float32).astype(np.float64), np.array([1.0])
    H = oracle.simulate(rec, X, h0, dtype=np.float32)
    assert (H == 1).all()
    for run in (None, H):
        bound = oracle.tolerance(rec, X, h0, precision="float32", kind="trajectory", run=run)
        assert contained(rec, H, X, h0, bound.elementwise)


def test_slopes_are_taken_at_arguments_known_only_to_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs and bias of 1e8 cancel: the float64 argument is off by 1e-8, and so is every slope."""
    rec = oracle.Recurrence.elman(np.array([[1.0]]), np.array([[1.0]]), np.array([-1e8 + 1 / 3]), activation="tanh")
    rng = np.random.default_rng(2)
    X, h0 = 1e8 + rng.uniform(0, 0.5, (8, 1)), np.array([0.2])
    H = oracle.simulate(rec, X, h0)
    H[1] += 1e-9
    for k in range(1, 8):
        H[k + 1] = oracle.simulate(rec, X[k : k + 1], H[k])[1]
    assert contained(rec, H, X, h0, oracle.tolerance(rec, X, h0, kind="trajectory", run=H).elementwise)
    blur = trajectory.along_run(rec.lure, H, X).blur
    exact = [Fraction(h) + Fraction(x) + Fraction(-1e8 + 1 / 3) for h, x in zip(H[:-1, 0], X[:, 0], strict=True)]
    z = trajectory.along_run(rec.lure, H, X).z[:, 0]
    assert all(abs(Fraction(float(a)) - e) <= Fraction(float(b)) for a, e, b in zip(z, exact, blur[:, 0], strict=True))
    assert blur.max() > 1e-9


def test_batches_and_no_steps() -> None:
    """A batch is bounded trajectory by trajectory, and a run without steps is exactly its initial state."""
    rec = network("outside tanh", 3)
    rng = np.random.default_rng(4)
    X, h0 = rng.standard_normal((9, 4, 2)), rng.standard_normal((4, 3))
    whole = oracle.tolerance(rec, X, h0, kind="trajectory")
    step = oracle.tolerance(rec, X, h0)
    assert (whole.elementwise.shape, step.elementwise.shape) == ((10, 4, 3), (9, 4, 3))
    for i in range(4):
        alone = oracle.tolerance(rec, X[:, i], h0[i], kind="trajectory").elementwise
        np.testing.assert_allclose(whole.elementwise[:, i], alone, rtol=1e-9)
    none = oracle.tolerance(rec, X[:0, 0], h0[0], kind="trajectory")
    assert none.elementwise.shape == (1, 3)
    assert none.atol == 0
    assert oracle.tolerance(rec, X[:0, 0], h0[0]).atol == 0


def test_a_run_that_diverges_gets_no_finite_bound() -> None:
    """Where the remainder outgrows the linear part the bound is infinite, and says so in atol."""
    rec = network("elman tanh", 8, gain=30.0)
    X, h0 = data(rec, 40)
    assert oracle.tolerance(rec, X, h0, precision="float16", kind="trajectory").atol == np.inf


def test_what_a_tolerance_says() -> None:
    """atol is the largest element, repr shows it with its status, and assumptions are stated."""
    rec = network("elman tanh", 3)
    X, h0 = data(rec, 5)
    tol = oracle.tolerance(rec, X, h0, precision="float32")
    assert tol.atol == tol.elementwise.max() > 0
    assert repr(tol) == f"<Tolerance of a float32 step: atol {tol.atol:.3g} (proved)>"
    assert any("2^-24" in text for text in tol.assumptions)
    assert oracle.tolerance(rec, X, h0).precision == "float32"  # the dtype of the parameters


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "whole"}, "kind is 'whole'"),
        ({"precision": "float31"}, "float31"),
        ({"run": np.zeros((3, 3))}, "run has shape"),
        ({"run": np.zeros((6, 3))}, r"run\[0\] is not h0"),
        ({"inputs": np.full((5, 2), np.nan)}, "nan"),
    ],
)
def test_unclear_questions_are_refused_in_three_parts(change: dict[str, Any], says: str) -> None:
    """Misspelt kinds and precisions, runs of the wrong length or from elsewhere, inputs that are not finite."""
    rec = network("elman tanh", 3)
    X, h0 = data(rec, 5)
    question: dict[str, Any] = {"inputs": X, "h0": h0, "kind": "trajectory", **change}
    with pytest.raises(oracle.BadInput, match=says) as caught:
        oracle.tolerance(rec, **question)
    assert caught.value.meaning
    assert caught.value.remedy


def test_step_bound_of_a_scheme_but_no_trajectory_bound() -> None:
    """A Runge-Kutta step has a one-step bound; its trajectory bound is refused with the reason."""
    rec = oracle.Network.rate(np.array([[0.3, -0.7], [0.9, 0.2]]), tau=0.5).discretize(step=0.1, scheme="rk4")
    X, h0 = np.zeros((4, 0)), np.array([0.4, -0.9])
    assert 0 < oracle.tolerance(rec, X, h0).atol < 1e-13
    with pytest.raises(oracle.BadInput, match="rk4 step"):
        oracle.tolerance(rec, X, h0, kind="trajectory")


def test_upper_floats_are_upper_bounds() -> None:
    """A ball's bound as a float64 is never below it, at every exponent."""
    with precision(300):
        values = [arb(fmpq(1, 3)) * arb(2) ** k for k in (-1080, -1022, -30, 0, 40, 1020)]
        bounds = upper_floats(arb_mat(6, 1, values)).ravel()
        assert all(bool(v <= arb(float(b))) for v, b in zip(values, bounds, strict=True))
