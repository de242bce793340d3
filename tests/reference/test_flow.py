"""Flows against closed forms: matrix exponentials, sinh and tanh; inputs with breaks; where mpmath.odefun fails."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb, arb_mat, fmpq

import oracle
from oracle.arithmetic.ball import precision
from oracle.reference import observed, proved, taylor
from oracle.reference.enclosure import exact
from oracle.reference.limits import NotReached
from oracle.reference.signals import Piece, Seen, steady
from oracle.reference.taylor import Numbers, expansion, field_of, order_for, solve, step_length

W = np.array([[1.2, -0.7], [0.4, 0.9]])


def logistic_growth(ops: Any, h: Any, x: Any) -> Any:
    """y' = 5 (1 - y^2); through y(0) = 0 it is tanh(5 t), an odd function."""
    return ops.scale(Fraction(5), ops.sum([ops.one(h), ops.scale(Fraction(-1), ops.mul(h, h))]))


def error_of(value: Any, truth: Any) -> Any:
    """|value - truth| without rounding either."""
    return abs(exact(value) - exact(truth))


def test_an_odd_solution_that_mpmath_odefun_misses() -> None:
    """tanh(5 t): odefun with tol 1e-40 at 50 digits is off by more than 1e-30 without a word (its step comes from
    a last coefficient that is zero); this integrator keeps to 1e-40."""
    context = mpmath.MPContext()
    context.dps = 50
    t = context.mpf(1) / 2
    peer = context.odefun(lambda _, y: [5 * (1 - y[0] ** 2)], 0, [context.zero], tol=context.mpf(10) ** -40)
    context.dps = 60
    truth = context.tanh(5 * t)
    assert error_of(peer(t)[0], truth) > Fraction(1, 10**30)
    (ours,) = solve(logistic_growth, np.zeros(1), steady(None, 0), (Fraction(1, 2),), order_for(40), 40, 50)
    assert error_of(ours[0], truth) < Fraction(1, 10**40)


@pytest.mark.parametrize("order", [30, 31])
def test_the_step_survives_vanishing_coefficients(order: int) -> None:
    """Whichever the parity of the order, the step stays below the radius of convergence pi/10 of tanh(5 t). Planted
    fault: the last coefficient alone vanishes at even order, and gives no step at all."""
    ops = Numbers(60)
    found = expansion(ops, logistic_growth, ops.lift(np.zeros(1)), Piece(None, np.zeros(0), None), order)
    length = step_length(ops, found, 20)
    assert length is not None
    assert 0 < length < 0.314
    assert (found[-1][0, 0] == 0) == (order % 2 == 0)


@pytest.mark.parametrize("start", [0, Fraction(1, 3)])
def test_an_odd_lure_network(start: Fraction) -> None:
    """y' = s(3y + 2) + s(2 - 3y), even in y: through 0 its even coefficients vanish. With s logistic,
    s(3y+2) + s(2-3y) = 1 + sinh 2 / (cosh 2 + cosh 3y): the implicit solution is met to the radius that is claimed."""
    net = oracle.Network(B=[[1.0, 1.0]], W=[[3.0], [-3.0]], b=[2.0, 2.0], activation="logistic")
    result = oracle.reference(net, h0=np.array([start], dtype=object), times=["0.5", 2], digits=30)
    ctx = mpmath.MPContext()
    ctx.dps = 45
    for m, r, t in zip(result.mid[:, 0], result.rad[:, 0], (ctx.mpf(1) / 2, ctx.mpf(2)), strict=True):
        begin = ctx.mpf(Fraction(start).numerator) / Fraction(start).denominator
        y = ctx.mpf(m)
        taken = ctx.quad(lambda y: 1 / (1 + ctx.sinh(2) / (ctx.cosh(2) + ctx.cosh(3 * y))), ctx.linspace(begin, y, 12))
        assert abs(taken - t) * 2 <= ctx.mpf(r)  # |dy| = speed |dt|, and the speed is at most 2


ENGINES = pytest.mark.parametrize("engine", ["balls", "mpmath"])


@ENGINES
@pytest.mark.parametrize("digits", [15, 40])
def test_tanh_in_closed_form(digits: int, engine: str) -> None:
    """h' = beta tanh(w h) has sinh(w h(t)) = e^{beta w t} sinh(w h0): inside the radius of either engine."""
    beta, w, h0 = -1.25, 1.5, 2.0
    net = oracle.Network(B=beta, W=[[w]], activation="tanh")
    times = [0.25, 1.0, 3.0]
    result = oracle.reference(net, h0=[h0], times=times, digits=digits, engine=engine)
    ctx = mpmath.MPContext()
    ctx.dps = 60
    truth = [[ctx.asinh(ctx.exp(ctx.mpf(beta) * w * t) * ctx.sinh(ctx.mpf(w) * h0)) / w] for t in times]
    assert result.contains(truth).all()
    assert result.status == {"balls": "proved", "mpmath": "observed"}[engine]
    assert result.digits >= digits


@ENGINES
def test_logistic_in_closed_form(engine: str) -> None:
    """h' = 1/(1 + e^h) has h + e^h = h0 + e^h0 + t."""
    net = oracle.Network(B=1, W=[[-1.0]], activation="logistic")
    result = oracle.reference(net, h0=[0.3], times=[0.5, 4], digits=30, engine=engine)
    ctx = mpmath.MPContext()
    ctx.dps = 60
    start = ctx.mpf(0.3) + ctx.exp(ctx.mpf(0.3))
    truth = [[ctx.findroot(lambda h, t=t: h + ctx.exp(h) - start - t, 1.0)] for t in (0.5, 4)]
    assert result.contains(truth).all()


def linear_truth(result: Any, row: int, state: Any) -> bool:
    """Whether a ball vector meets row `row` of an enclosure: |ball - mid| <= rad, certainly."""
    values = [(exact(m), exact(r)) for m, r in zip(result.mid[row], result.rad[row], strict=True)]
    balls = [(arb(fmpq(m.numerator, m.denominator)), arb(fmpq(r.numerator, r.denominator))) for m, r in values]
    return all(abs(entry - m) <= r for entry, (m, r) in zip(state.entries(), balls, strict=True))


@ENGINES
@pytest.mark.parametrize("form", ["paper", "rate", "current"])
def test_linear_networks_against_the_matrix_exponential(form: str, engine: str) -> None:
    """identity activation, tau = 1/2: h(t) = e^{tJ} h0 + (e^{tJ} - I) J^{-1} u in balls, for every form; planted fault:
    the exponential at a time off by 1e-25 is outside."""
    b, h0, tau = np.array([0.25, -0.75]), np.array([0.5, -0.25]), 0.5
    net = getattr(oracle.Network, form)(W, None, b, tau=tau, activation="identity")
    gain = 1.0 if form == "paper" else 1 / tau
    J = np.array([[Fraction(W[i, j]) * int(gain) - 2 * (i == j) for j in range(2)] for i in range(2)], dtype=object)
    times = [Fraction(1, 3), Fraction(2)]
    result = oracle.reference(net, h0=h0, times=times, digits=30, engine=engine)
    with precision(300):
        exactJ = arb_mat(2, 2, [arb(fmpq(e.numerator, e.denominator)) for e in J.ravel()])
        u = arb_mat(2, 1, (b * gain).tolist())

        def state(t: Fraction) -> Any:
            growth = (exactJ * arb(fmpq(t.numerator, t.denominator))).exp()
            one = arb_mat(2, 2, [1, 0, 0, 1])
            return growth * arb_mat(2, 1, h0.tolist()) + (growth - one) * exactJ.inv() * u

        assert all(linear_truth(result, row, state(t)) for row, t in enumerate(times))
        assert not linear_truth(result, 0, state(times[0] + Fraction(1, 10**25)))


@ENGINES
def test_held_and_sampled_inputs_on_a_linear_unit(engine: str) -> None:
    """h' = -h + x: held x gives h + (x - h)(1 - e^-s) piece by piece, linear x its integral; exact breaks at k/10 with
    the decimal step 1/10. Planted fault: reading the step as the float 0.1 moves the breaks, and is outside."""
    values = np.array([[0.5], [-1.25], [2.0], [0.75]])
    net = oracle.Network(A=-1, W=[[0.0]], E=[[1.0]], M=[[0.0]], activation="identity")
    step = Fraction(1, 10)
    ctx = mpmath.MPContext()
    ctx.dps = 60
    decay = ctx.exp(-ctx.mpf(1) / 10)
    held, linear = [ctx.mpf(0.25)], [ctx.mpf(0.25)]
    for k in range(3):
        x, slope = ctx.mpf(values[k, 0]), (ctx.mpf(values[k + 1, 0]) - values[k, 0]) * 10
        held.append(x + (held[-1] - x) * decay)
        linear.append((linear[-1] - x + slope) * decay + x - slope + slope / 10)
    times = [k * step for k in range(4)]
    for signal, truth in ((oracle.held(values, step), held), (oracle.sampled(values, step), linear)):
        result = oracle.reference(net, signal, [0.25], times, digits=30, engine=engine)
        assert result.contains([[value] for value in truth]).all()
    float_step = oracle.reference(net, oracle.held(values, 0.1), [0.25], times, digits=30, engine=engine)
    assert not float_step.contains([[value] for value in held]).all()


def test_equal_samples_that_are_held_make_one_piece() -> None:
    """Pulses: the pieces are as long as the value stays, forward and backward; samples that differ, however little, do
    not, nor does a linear input. The flow is that of the same pulses held for half as long, twice as often."""
    values = np.array([[0.0, 1.0]] * 3 + [[0.5, 1.0]] * 2 + [[0.5, 1.0 + 2.0**-52]])
    pulses = oracle.held(values, Fraction(1, 4))
    ends = [pulses.piece(Fraction(t)).end for t in (0, Fraction(1, 2), Fraction(3, 4), Fraction(5, 4), 3)]
    assert ends == [Fraction(3, 4), Fraction(3, 4), Fraction(5, 4), Fraction(3, 2), Fraction(3, 2)]
    begins = [
        pulses.before(Fraction(t)).end for t in (Fraction(1, 8), Fraction(3, 4), 1, Fraction(5, 4), Fraction(3, 2))
    ]
    assert begins == [0, 0, Fraction(3, 4), Fraction(3, 4), Fraction(5, 4)]
    assert oracle.sampled(values, 1).piece(Fraction(0)).end == 1
    net = oracle.Network.rate(W, np.eye(2), tau=2)
    finer = oracle.held(np.repeat(values, 2, axis=0), Fraction(1, 8))
    found = [oracle.reference(net, x, [0.1, -0.4], ["1.5"], digits=12).mid.tolist() for x in (pulses, finer)]
    assert found[0] == found[1]


def test_the_order_follows_the_step() -> None:
    """Under an input held for 1/100 an order of 40 is wasted: the steps after the first have two thirds at most,
    of the same parity, and end where the certified flow is, to 30 digits. Planted fault: half of that is not enough."""
    net = oracle.Network.rate(W, np.eye(2))
    x, h0 = oracle.held(np.random.default_rng(3).normal(size=(8, 2)), Fraction(1, 100)), np.array([0.1, -0.4])
    found = taylor.solution(field_of(net.field), h0, x, Fraction(8, 100), 30)
    orders = [len(step.coefficients) - 1 for step in found.steps]
    assert orders[0] == order_for(30)
    assert all(8 < P <= orders[0] * 2 / 3 and (P - orders[0]) % 2 == 0 for P in orders[1:])
    truth = oracle.reference(net, x, h0, ["0.08"], digits=40).mid[0]
    assert max(error_of(a, b) for a, b in zip(found(Fraction(8, 100)), truth, strict=True)) < Fraction(1, 10**30)
    halved = taylor.Solution(
        found.ops, tuple(replace(s, coefficients=s.coefficients[: len(s.coefficients) // 2]) for s in found.steps)
    )
    assert max(error_of(a, b) for a, b in zip(halved(Fraction(8, 100)), truth, strict=True)) > Fraction(1, 10**30)


@pytest.mark.parametrize("backward", [False, True])
def test_dense_output(backward: bool) -> None:
    """Anywhere between the ends the solution is what the certified flow is, at steps' ends and inside; outside it is
    refused. Backward: the negated field, the input seen backward."""
    net, end = oracle.Network.rate(W, np.eye(2)), Fraction(3, 2)
    x, h0 = oracle.sampled(np.random.default_rng(3).normal(size=(4, 2)), Fraction(1, 2)), np.array([0.1, -0.4])
    seen = Seen(x, end, True) if backward else x
    field = net.field.scaled(Fraction(-1)) if backward else net.field
    found = taylor.solution(field_of(field), h0, seen, end, 25)
    times = sorted({Fraction(0), end, *(Fraction(k, 7) for k in range(1, 10)), *(s.start for s in found.steps)})
    instants = [end - t for t in reversed(times)] if backward else times
    truth = oracle.reference(net, x, h0, instants, digits=30, start=end if backward else 0).mid
    for t, row in zip(times, truth[::-1] if backward else truth, strict=True):
        assert max(error_of(a, b) for a, b in zip(found(t), row, strict=True)) < Fraction(1, 10**23)
    with pytest.raises(oracle.BadInput, match="is known from 0"):
        found(end + 1)


def test_rescaled_network_with_rescaled_signal_is_the_same_flow() -> None:
    """C1's continuous side: R_r net with x(r s) at t/r is the flow at t, for held and sampled inputs and r = 3."""
    rng = np.random.default_rng(2)
    net = oracle.Network.rate(W, rng.normal(size=(2, 1)), [0.3, 0.1], tau=[0.5, 1.5])
    values = rng.normal(size=(5, 1))
    times = [Fraction(1, 2), Fraction(2)]
    for signal in (oracle.held(values, Fraction(1, 2)), oracle.sampled(values, Fraction(1, 2))):
        plain = oracle.reference(net, signal, [0.1, -0.4], times, digits=20)
        fast = oracle.reference(net.rescale(3), signal.rescale(3), [0.1, -0.4], [t / 3 for t in times], digits=20)
        unscaled = oracle.reference(net.rescale(3), signal, [0.1, -0.4], [t / 3 for t in times], digits=20)
        gap = [error_of(a, b) for a, b in zip(plain.mid.ravel(), fast.mid.ravel(), strict=True)]
        assert max(gap) <= exact(plain.rad.max()) + exact(fast.rad.max())
        assert error_of(plain.mid[1, 0], unscaled.mid[1, 0]) > Fraction(1, 100)


def test_agrees_with_rk4_of_many_steps() -> None:
    """Sanity from outside the house: the rk4 recurrence at step 1/256 is within 1e-8 of the flow, at 1/32 sixteen times
    eight cubed farther (order 4)."""
    net = oracle.Network.rate(W, None, [0.3, 0.1])
    flow = oracle.reference(net, h0=[0.3, -0.2], times=[1], digits=20).float64()[0]
    gaps = []
    for steps in (32, 256):
        H = oracle.simulate(net.discretize(step=1 / steps, scheme="rk4"), np.zeros((steps, 0)), [0.3, -0.2])
        gaps.append(np.abs(H[-1] - flow).max())
    assert gaps[1] < 1e-8
    assert 3 < np.log2(gaps[0] / gaps[1]) / 3 < 5  # observed order


def test_the_radius_holds_for_a_longer_computation() -> None:
    """The answer to 15 digits contains the answer to 40, at every time asked and at 0."""
    rng = np.random.default_rng(4)
    net = oracle.Network.current(1.5 * rng.normal(size=(4, 4)) / 2, rng.normal(size=(4, 1)), rng.normal(size=4))
    inputs, times = rng.normal(size=1), [0, 0.5, 1.25]
    short = oracle.reference(net, inputs, np.full(4, 0.5), times, digits=15)
    long = oracle.reference(net, inputs, np.full(4, 0.5), times, digits=40)
    assert short.contains(long.mid).all()
    assert short.contains(np.vstack([np.full((1, 4), 0.5), long.mid[1:]]))[0].all()
    assert not short.contains([[entry + mpmath.mpf(10) ** -12 for entry in row] for row in long.mid]).any()


def test_a_low_order_shows_in_the_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: a step rule that is four times too bold makes the two runs differ by more than the goal; the
    observed radius says so."""
    flow = observed.Flow(
        oracle.Network.rate(W, None, [0.3, 0.1]).field, steady(None, 0), np.array([0.3, -0.2]), (Fraction(1),)
    )
    honest = observed.compare(flow, 25)
    monkeypatch.setattr(taylor, "dyadic", lambda ctx, length: 4 * Fraction(float(length)))
    faulty = observed.compare(flow, 25)
    assert honest.agreement < mpmath.mpf(10) ** -24
    assert faulty.agreement > mpmath.mpf(10) ** -20
    assert faulty.contains(honest.mid).all()


def test_a_kink_is_refused() -> None:
    """The mpmath integrator has no regions: a ReLU is refused there, clearly."""
    with pytest.raises(oracle.BadInput, match="has a kink"):
        oracle.reference(oracle.Network.rate(W, activation="relu"), times=[1], engine="mpmath")


REST = np.array([Fraction(1, 3), Fraction(1, 7)])


def unstable() -> oracle.Network:
    """h' = A (h - h*) through its equilibrium h* = (1/3, 1/7), not binary numbers: rounding grows as e^{30 t}."""
    A = np.array([[30.0, 1.0], [-1.0, 29.0]])
    drift = -(np.array([[30, 1], [-1, 29]], dtype=object) @ REST)
    return oracle.Network(A=A, W=np.zeros((2, 2)), c=drift, activation="identity")


@ENGINES
def test_digits_lost_on_the_way_are_added_and_the_work_is_redone(engine: str) -> None:
    """Over t = 2 sixty e-foldings cost 26 digits; the answer still is the equilibrium to 20 digits."""
    result = oracle.reference(unstable(), h0=REST, times=[2], digits=20, engine=engine)
    assert result.contains([REST]).all()
    assert result.digits >= 20
    assert result.bits > (20 + 26) * np.log2(10)


def test_what_is_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the working precision bounded below what the growth costs, the error says what was seen and why."""
    monkeypatch.setattr(observed, "MOST_FLOW_DIGITS", 40)
    with pytest.raises(NotReached, match="agree to") as refused:
        oracle.reference(unstable(), h0=REST, times=[2], digits=20, engine="mpmath")
    assert refused.value.data["agreement"] > mpmath.mpf(10) ** -20


def test_the_field_is_the_one_equation() -> None:
    """Coefficient 1 of the series is the field itself, A h + B s(W h + b)."""
    net = oracle.Network.rate(W, None, [0.3, 0.1], tau=0.25)
    ops = Numbers(40)
    found = expansion(ops, field_of(net.field), ops.lift([0.3, -0.2]), Piece(None, np.zeros(0), None), 2)
    expected = 4 * (-np.array([0.3, -0.2]) + np.tanh(W @ [0.3, -0.2] + [0.3, 0.1]))
    np.testing.assert_allclose(found[1][:, 0].astype(float), expected, rtol=0, atol=8 * 2.0**-52)


def test_the_certified_engine_says_how_far_it_would_have_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors may grow like e^{30 t}, so 20 digits at t = 2 take more than 40: refused, with the growth that is why."""
    monkeypatch.setattr(proved, "MOST_FLOW_DIGITS", 40)
    with pytest.raises(NotReached, match="errors may grow") as refused:
        oracle.reference(unstable(), h0=REST, times=[2], digits=20)
    assert 29 < refused.value.data["mu"] < 32


def test_weights_that_overflow_are_refused() -> None:
    """Products beyond float64 leave no norm with a finite bound: said, not computed with."""
    net = oracle.Network(A=-1, B=[[1e200, 0.0], [1.0, 1.0]], W=[[1e200, 1.0], [0.0, 1.0]])
    with pytest.raises(NotReached, match="finite bound"):
        oracle.reference(net, h0=[0.1, 0.2], times=[1], digits=5)
