"""Certified recurrences: what mpmath computes with more digits lies inside, with zero tolerance."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, log10
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import ctx
from hypothesis import given
from hypothesis import strategies as st

import oracle
from oracle.arithmetic.ball import precision
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from oracle.records.names import CATALOGUE
from oracle.reference import recurrences
from oracle.reference.arguments import columns
from oracle.reference.enclosure import exact
from oracle.reference.growth import Contraction, Products, Scalar, coefficients
from oracle.reference.limits import NotReached
from oracle.reference.lipschitz import lipschitz
from oracle.reference.problem import Problem
from oracle.reference.recurrences import attempt, certify, enclosure, follow_balls, follow_centres
from oracle.reference.weighted import Norm

EQUATIONS = ("elman", "leaky", "inside", "leak-inside", "exponential-euler", "midpoint", "heun", "rk4", "gru")
DIGITS = 25
MORE_DIGITS = 10  # of mpmath, beyond the working precision of the balls


def made(equation: str, activation: str, N: int, I: int, gain: float, seed: int) -> Any:
    """A recurrence of one kind with random weights."""
    rng = np.random.default_rng(seed)
    W, M, b = gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, I)), rng.normal(size=N)
    alpha = rng.uniform(0.05, 0.95, size=N)
    if equation == "elman":
        return oracle.Recurrence.elman(W, M, b, activation=activation)
    if equation in ("leaky", "inside"):
        sigma = "inside" if equation == "inside" else "outside"
        return oracle.Recurrence.leaky(W, M, b, alpha=alpha, sigma=sigma, activation=activation)
    if equation == "leak-inside":
        return oracle.Recurrence.leak_inside(W, M, b, alpha=alpha, activation=activation)
    if equation == "gru":
        stacked = gain * rng.normal(size=(3 * N, N)) / N**0.5, rng.normal(size=(3 * N, I)), rng.normal(size=3 * N)
        return oracle.Recurrence.gru(*stacked)
    net = oracle.Network.rate(W, M, b, tau=rng.uniform(0.5, 2, size=N), activation=activation)
    return net.discretize(step=0.3, scheme=equation)


def in_mpmath(rec: Any, X: Any, h0: Any, bits: int) -> Any:
    """The trajectory in mpmath, ten digits beyond the working precision of the balls, and twice the digits at least."""
    ops = Mp(max(2 * DIGITS, ceil(bits * log10(2)) + MORE_DIGITS))
    h = ops.lift(h0)
    states = [h]
    for x in X:
        h = advance(ops, rec, h, ops.lift(x))
        states.append(h)
    return np.array([state[:, 0] for state in states], dtype=object)


@given(
    equation=st.sampled_from(EQUATIONS),
    activation=st.sampled_from(CATALOGUE),
    N=st.integers(1, 16) | st.sampled_from((33, 64)),
    inputs=st.integers(0, 3),
    gain=st.sampled_from((0.3, 0.9, 1.5, 4.0)),
    seed=st.integers(0, 2**32 - 1),
)
def test_mpmath_lies_inside(equation: str, activation: str, N: int, inputs: int, gain: float, seed: int) -> None:
    """Every equation and activation, contracting to chaotic: mpmath with ten more digits is inside every ball, and
    every ball is as small as was asked."""
    rec = made(equation, activation, N, inputs, gain, seed)
    rng = np.random.default_rng(seed + 1)
    K = 4 if N > 16 or activation == "square" else 25  # squares of squares soon have no digits after the point
    X, h0 = rng.normal(size=(K, inputs)), rng.normal(size=N)
    result = oracle.reference(rec, X, h0, digits=DIGITS)
    assert result.contains(in_mpmath(rec, X, h0, result.bits)).all()
    for m, r in zip(result.mid.ravel(), result.rad.ravel(), strict=True):
        assert exact(r) <= Fraction(1, 10**DIGITS) * max(1, abs(exact(m)) + exact(r))
    assert result.status == "proved"
    assert result.digits >= DIGITS


def problem(gain: float = 2.0, K: int = 60, N: int = 6, digits: int = 20) -> Problem:
    """A recurrence that expands in the 2-norm, driven."""
    rec = made("leaky", "tanh", N, 2, gain, 5)
    rng = np.random.default_rng(6)
    steps, start, _ = columns(rec, rng.normal(size=(K, 2)), rng.normal(size=N))
    return Problem(rec, steps, start, digits)


def scalar(q: Any, N: int) -> Any:
    """One error for all columns, q in the 2-norm."""
    return lambda columns: [Scalar(Contraction(float(q) * (1 + 2.0**-50), Norm.plain("two", N)))]


def products(p: Problem) -> Any:
    """One error per column, by products of Jacobians."""
    field = coefficients(p.rec.lure)
    return lambda columns: [Products(field, float(lipschitz(p.rec.lure))) for _ in range(columns)]


def test_both_ways_enclose_the_same_trajectory() -> None:
    """Balls and centres with a scalar error both contain mpmath's trajectory."""
    p = problem()
    truth = in_mpmath(p.rec, [x[:, 0] for x in p.inputs], p.h0, 400)
    q = lipschitz(p.rec.lure)
    for follow in (follow_balls, follow_centres(scalar(q, 6)), follow_centres(products(p))):
        run = attempt(p, 300, follow)
        assert run.complete
        assert enclosure(p, run, "").contains(truth[:, None]).all()


def test_a_lipschitz_constant_that_is_too_small_is_caught() -> None:
    """Planted fault: with a third of q the scalar error falls behind and mpmath leaves the balls."""
    rec = oracle.Recurrence.elman([[1.75, -0.5], [0.25, 1.5]], activation="identity")  # expands by its q every step
    p = Problem(rec, columns(rec, np.zeros((40, 0)), None)[0], np.array([[1 / 3], [0.7]]), 10)
    honest, faulty = lipschitz(rec.lure), lipschitz(rec.lure) / 3
    truth = in_mpmath(rec, [np.zeros(0)] * 40, p.h0, 400)
    inside = [
        enclosure(p, attempt(p, 120, follow_centres(scalar(q, 2))), "").contains(truth[:, None])
        for q in (honest, faulty)
    ]
    assert inside[0].all()
    assert not inside[1].all()


@pytest.mark.parametrize("entry", [(0, 0), (3, 5)])
def test_one_weight_off_by_one_ulp_is_outside(entry: tuple[int, int]) -> None:
    """Planted fault: a trajectory with one weight off by an ulp leaves the enclosure."""
    rng = np.random.default_rng(3)
    W, X, h0 = rng.normal(size=(6, 6)), rng.normal(size=(5, 0)), rng.normal(size=6)
    other = W.copy()
    other[entry] = np.nextafter(other[entry], 10)
    result = oracle.reference(oracle.Recurrence.elman(W), X, h0)
    assert result.contains(in_mpmath(oracle.Recurrence.elman(W), X, h0, result.bits)).all()
    assert not result.contains(in_mpmath(oracle.Recurrence.elman(other), X, h0, result.bits)).all()


def test_the_lipschitz_constant_is_above_observed_slopes_and_near_the_norm() -> None:
    """q exceeds |step(h) - step(g)| / |h - g| for states far apart and close; for an identity network it is |A + B W|_2
    within the factor N^(1/128) that its power iteration may overestimate."""
    rng = np.random.default_rng(8)
    W = rng.normal(size=(9, 9))
    rec = oracle.Recurrence.leaky(W, alpha=0.3)
    q = float(lipschitz(rec.lure))
    for scale in (1e-6, 1e-2, 1.0):
        g = rng.normal(size=9)
        h = g + scale * rng.normal(size=9)
        step = oracle.simulate(rec, np.zeros((1, 1, 0)).repeat(2, 1), np.stack([h, g]))[1]
        assert np.linalg.norm(step[0] - step[1]) < q * np.linalg.norm(h - g)
    linear = oracle.Recurrence.leaky(W, alpha=0.3, activation="identity")
    norm = np.linalg.norm(0.7 * np.eye(9) + 0.3 * W, 2)
    assert norm <= float(lipschitz(linear.lure)) * (1 + 2**-40)
    assert float(lipschitz(linear.lure)) <= norm * 9 ** (1 / 128) * (1 + 2**-40)


def test_a_batch_is_its_trajectories_one_by_one() -> None:
    """Trajectory j of a batch is enclosed together with the single run on its own inputs and state."""
    rec = made("elman", "tanh", 5, 2, 1.5, 11)
    rng = np.random.default_rng(12)
    X, h0 = rng.normal(size=(8, 3, 2)), rng.normal(size=(3, 5))
    batch = oracle.reference(rec, X, h0)
    assert batch.shape == (9, 3, 5)
    for j in range(3):
        assert batch.contains(np.stack([in_mpmath(rec, X[:, i], h0[i], batch.bits) for i in range(3)], axis=1)).all()
        single = oracle.reference(rec, X[:, j], h0[j])
        gap = [abs(exact(a) - exact(b)) for a, b in zip(single.mid.ravel(), batch.mid[:, j].ravel(), strict=True)]
        reach = [exact(a) + exact(b) for a, b in zip(single.rad.ravel(), batch.rad[:, j].ravel(), strict=True)]
        assert all(g <= r for g, r in zip(gap, reach, strict=True))


def test_exact_arithmetic_gives_zero_radius() -> None:
    """A ReLU network on dyadic numbers rounds nowhere: radius 0, the very values, and digits without end."""
    W = np.array([[0.5, -1.25], [0.75, 0.25]])
    result = oracle.reference(oracle.Recurrence.elman(W, activation="relu"), np.zeros((3, 0)), [0.5, 1.5])
    assert result.digits == float("inf")
    assert result.float64()[1].tolist() == [0.0, 0.75]


def test_rational_inputs_are_not_rounded() -> None:
    """x = 1/3 is one third: the enclosure does not contain the trajectory of the float nearest to it."""
    rec = oracle.Recurrence.elman([[0.5]], [[1.0]], activation="identity")
    third = np.array([[Fraction(1, 3)]], dtype=object)
    result = oracle.reference(rec, third)
    assert result.contains([[Fraction(0)], [Fraction(1, 3)]]).all()
    assert not result.contains([[0.0], [1 / 3]])[1, 0]


def test_the_state_of_the_libraries_is_unchanged() -> None:
    """Neither flint's nor mpmath's precision nor NumPy's error handling is left changed."""
    before = ctx.prec, mpmath.mp.prec, np.geterr()
    with mpmath.workdps(7):
        few = oracle.reference(problem().rec, np.ones((3, 2)), digits=40)
    many = oracle.reference(problem().rec, np.ones((3, 2)), digits=40)
    assert (ctx.prec, mpmath.mp.prec, np.geterr()) == before
    assert (few.mid == many.mid).all()


def test_what_is_out_of_reach_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bounded precision: an error that names bits, step and rate, and no half-certified result."""
    monkeypatch.setattr(recurrences, "MOST_BITS", 150)
    with pytest.raises(NotReached, match="bits per step") as refused:
        certify(replace(problem(gain=4.0, K=200), digits=20))
    assert refused.value.data["rate"] > 0
    assert refused.value.data["bits"] > 150


def test_precision_is_raised_until_the_goal_is_met() -> None:
    """A chaotic run needs more bits than the digits asked for, and gets them."""
    result = certify(problem(gain=4.0, K=150))
    assert result.digits >= 20
    assert result.bits > 20 * log10(10) / log10(2) + 32
    with precision(64):
        assert not attempt(problem(gain=4.0, K=150), 80, follow_balls).complete


def test_a_contracting_network_needs_no_more_bits_for_a_longer_run() -> None:
    """3,000 steps to 30 digits take the bits that 300 take; mpmath's last state is inside. 100,000 steps: see
    reports/references.md."""
    rec, X, h0 = made("leaky", "tanh", 3, 2, 0.4, 5), np.random.default_rng(6).normal(size=(3000, 2)), np.ones(3)
    short, long = (oracle.reference(rec, X[:K], h0, digits=30, steps=[K], engine="balls") for K in (300, 3000))
    assert long.digits >= 30
    assert long.bits == short.bits < 170
    assert long.contains(in_mpmath(rec, X, h0, long.bits)[-1:]).all()


def test_a_chaotic_network_loses_what_it_has_to() -> None:
    """Gain 2, 16 units, 300 steps to 30 digits: fewer bits than the norm would cost (300 log2 q), and
    mpmath's last state is inside; with the 32 guard bits alone the goal is missed."""
    rec, h0 = made("elman", "tanh", 16, 2, 2.0, 5), np.linspace(-1, 1, 16)
    X = np.random.default_rng(6).normal(size=(300, 2)) / 10
    found = oracle.reference(rec, X, h0, digits=30, steps=[300], engine="balls")
    assert found.digits >= 30
    assert found.bits < 132 + 300 * np.log2(float(lipschitz(rec.lure)))
    assert found.contains(in_mpmath(rec, X, h0, found.bits)[-1:]).all()
    assert not attempt(Problem(rec, *columns(rec, X, h0)[:2], 30), 132, follow_balls).complete
