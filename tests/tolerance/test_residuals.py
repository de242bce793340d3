"""Certified residuals: balls contain the exact residual, precision rises until it can be judged, blocks agree."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.arithmetic import ball
from oracle.records.precision import PRECISIONS
from oracle.tolerance import residuals as room
from oracle.tolerance import statistic as statistic_room
from oracle.tolerance import step as step_room
from oracle.tolerance.residuals import residuals
from oracle.tolerance.statistic import scatter
from oracle.tolerance.step import one_step_bound

Array = NDArray[Any]


def relu_case(form: str, spread: int = 0, N: int = 6, columns: int = 30) -> tuple[Any, Array, Array, Array, list[Any]]:
    """A relu network, its float64 steps, and the exact residuals written out in rationals."""
    rng = np.random.default_rng(41 + spread)
    size = 2.0 ** rng.integers(-spread, spread + 1, (N, N))
    W, M, b = rng.standard_normal((N, N)) * size, rng.standard_normal((N, 2)), rng.standard_normal(N)
    h, x = (
        rng.standard_normal((N, columns)) * 2.0 ** rng.integers(-spread, spread + 1, (N, 1)),
        rng.standard_normal((2, columns)),
    )
    given: dict[str, Any] = {"W": W, "M": M, "b": b, "activation": "relu"}
    rec = oracle.Recurrence.elman(**given) if form == "elman" else oracle.Recurrence.leaky(**given, alpha=0.3)
    s = np.maximum(W @ h + M @ x + b[:, None], 0)
    after = s if form == "elman" else h + 0.3 * (s - h)
    a = Fraction(1) if form == "elman" else Fraction(0.3)
    exact = []
    for i in range(N):
        for k in range(columns):
            z = sum((Fraction(W[i, j]) * Fraction(h[j, k]) for j in range(N)), Fraction(b[i]))
            z += sum(Fraction(M[i, j]) * Fraction(x[j, k]) for j in range(2))
            exact.append(abs(Fraction(after[i, k]) - (1 - a) * Fraction(h[i, k]) - a * max(z, Fraction(0))))
    return rec, h, after, x, exact


def holds(found: Any, exact: list[Any]) -> bool:
    """lower <= |r| <= upper everywhere, with zero tolerance."""
    lower, upper = (part.ravel() for part in (found.lower, found.upper))
    return all(Fraction(float(lo)) <= r <= Fraction(float(up)) for lo, r, up in zip(lower, exact, upper, strict=True))


@pytest.mark.parametrize("form", ["elman", "leaky"])
@pytest.mark.parametrize("spread", [0, 20, 300])
def test_balls_contain_the_exact_residual(form: str, spread: int) -> None:
    """On relu networks the residual is rational; the bounds contain it and are within two ulp of it."""
    rec, h, after, x, exact = relu_case(form, spread)
    bound = one_step_bound(rec, h, x, PRECISIONS["float64"])
    found = residuals(rec, h, after, x, bound)
    assert holds(found, exact)
    assert found.decided(bound).all()
    values = np.array([float(r) for r in exact]).reshape(h.shape)
    visible = values > 1e-290
    np.testing.assert_allclose(found.upper[visible], values[visible], rtol=2.0**-50)
    np.testing.assert_allclose(np.abs(found.signed)[visible], values[visible], rtol=2.0**-50)


def test_bounds_that_are_not_rounded_outwards_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Middles in place of upper bounds leave exact residuals outside: the containment above can fail."""
    rec, h, after, x, exact = relu_case("leaky")
    bound = one_step_bound(rec, h, x, PRECISIONS["float64"])
    monkeypatch.setattr(room, "upper_floats", lambda v: np.abs(ball.middles(v)))
    assert not holds(residuals(rec, h, after, x, bound), exact)


def test_precision_rises_until_every_element_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terms of 1e200 that cancel need 1400 bits; with 128 the residual is only known to be below 1e160."""
    W = np.array([[1e200, 1e-200, -1e200], [0.5, 0.25, 0.125], [0.75, -0.5, 0.25]])
    rec = oracle.Recurrence.elman(W, activation="identity")
    h, x = np.ones((3, 1)), np.zeros((0, 1))
    after, bound = np.array([[1.0000000001e-200], [0.875], [0.5]]), np.array([[1e-209], [1e-17], [1e-17]])
    found = residuals(rec, h, after, x, bound)
    assert found.decided(bound).all()
    assert found.upper[0, 0] <= 1.1e-210
    monkeypatch.setattr(room, "LAST_BITS", 128)
    assert not residuals(rec, h, after, x, bound).decided(bound)[0, 0]


def test_an_exact_tie_is_left_undecided_by_the_named_limit() -> None:
    """A tanh whose residual equals the bound to all digits: neither inside nor outside, and no endless loop."""
    rec = oracle.Recurrence.elman(np.array([[1.0]]), activation="identity")
    h, x, after = np.array([[0.1]]), np.zeros((0, 1)), np.array([[0.1 + 2.0**-50]])
    tie = abs(after - h)
    found = residuals(rec, h, after, x, tie)
    assert found.lower[0, 0] <= tie[0, 0] <= found.upper[0, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["before", "after"])
def test_states_that_are_not_finite_have_infinite_residuals(bad: float, where: str) -> None:
    """Every unit of a step from such a state; only that unit of a step to it; nothing else."""
    rec, h, after, x, _ = relu_case("elman")
    (h if where == "before" else after)[2, 5] = bad
    bound = one_step_bound(rec, np.where(np.isfinite(h), h, 0), x, PRECISIONS["float64"])
    found = residuals(rec, h, after, x, bound)
    rows = slice(None) if where == "before" else slice(2, 3)
    assert np.isinf(found.upper[rows, 5]).all()
    assert np.isinf(found.lower[rows, 5]).all()
    assert np.isinf(found.upper[:, 5]).sum() == (6 if where == "before" else 1)
    assert np.isfinite(np.delete(found.upper, 5, axis=1)).all()


def test_blocks_do_not_change_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluating a few columns at a time gives the same floats."""
    rec, h, after, x, _ = relu_case("leaky", 20)
    bound = one_step_bound(rec, h, x, PRECISIONS["float64"])
    whole = residuals(rec, h, after, x, bound)
    monkeypatch.setattr(room, "BLOCK", 7)
    for one, other in zip(whole, residuals(rec, h, after, x, bound), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_columns() -> None:
    """K = 0."""
    rec, *_ = relu_case("elman")
    assert residuals(rec, np.zeros((6, 0)), np.zeros((6, 0)), np.zeros((2, 0)), np.zeros((6, 0))).upper.shape == (6, 0)


def test_process_state_is_restored() -> None:
    """flint's precision is what it was before."""
    before = ball.ctx.prec
    rec, h, after, x, _ = relu_case("elman")
    residuals(rec, h, after, x, np.full(h.shape, 1e-30))
    assert ball.ctx.prec == before


def test_blocks_do_not_change_a_bound_or_a_scatter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluating bounds and scatters a few columns at a time gives the same floats, in either order of memory."""
    rec, h, _, x, _ = relu_case("leaky", 20)
    whole = one_step_bound(rec, h, x, PRECISIONS["float32"]), scatter(rec, h, x)
    monkeypatch.setattr(step_room, "BLOCK", 40)
    monkeypatch.setattr(statistic_room, "BLOCK", 40)
    for states in (h, np.asfortranarray(h)):
        parts = one_step_bound(rec, states, x, PRECISIONS["float32"]), scatter(rec, states, x)
        for one, other in zip(whole, parts, strict=True):
            np.testing.assert_allclose(one, other, rtol=2.0**-48)


@pytest.mark.parametrize("form", ["elman", "leaky"])
def test_pairs_contain_the_exact_residual(form: str) -> None:
    """The first stage on the same rational cases: zero tolerance, and sharp to a hundredth of the bound."""
    rec, h, after, x, exact = relu_case(form)
    bound = one_step_bound(rec, h, x, PRECISIONS["float64"])
    found = residuals(rec, h, after, x, bound, fewest=1)
    assert holds(found, exact)
    assert np.all(found.upper - found.lower <= 0.02 * bound)
