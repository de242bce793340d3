"""Deviations of the step as a whole: states that are cut off, repeated steps, wrong Runge-Kutta coefficients."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import planted
import pytest
from planted import Code, Net

import oracle
from oracle.equations.catalogue import Repeated
from oracle.equations.runge_kutta import TABLEAUS, Tabled

NET = Net(6, 3, "tanh", seed=2)
GRU_WEIGHTS = tuple(np.random.default_rng(3).standard_normal(shape) for shape in ((15, 5), (15, 2), (15,), (15,)))


def _checked(rec: oracle.Recurrence, step: Any, K: int = 24, seed: int = 4) -> oracle.CheckResult:
    rng = np.random.default_rng(seed)
    return oracle.check(step, rec, inputs=rng.standard_normal((K, rec.I)), h0=rng.standard_normal(rec.N), kind="step")


def _gru(h: Any, x: Any) -> Any:
    W, M, b, c = GRU_WEIGHTS
    r, z = (planted.logistic(M[g] @ x + b[g] + W[g] @ h + c[g]) for g in (slice(0, 5), slice(5, 10)))
    n = np.tanh(M[10:] @ x + b[10:] + r * (W[10:] @ h + c[10:]))
    return (1 - z) * n + z * h


STEPS = {
    "rate": (NET.record(), lambda h, x: planted.rate(Code.of(NET), h, x)),
    "elman": (NET.record("elman"), lambda h, x: planted.elman(Code.of(NET), h, x)),
    "GRU": (oracle.Recurrence.gru(*GRU_WEIGHTS), _gru),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize(("low", "high"), [(-0.3, 0.3), (-np.inf, 0.25), (-0.4, np.inf)])
def test_states_that_are_cut_off(name: str, low: float, high: float) -> None:
    """A clip at one limit or two, with the limits; the first state may lie outside."""
    rec, step = STEPS[name]
    result = _checked(rec, lambda h, x: np.clip(step(h, x), low, high))
    assert result.explained_by == "state-clipped", result.summary()
    shown = result.diagnosis[0].parameters
    limits = {key: value for key, value in (("smallest", low), ("largest", high)) if np.isfinite(value)}
    assert {key: shown[key] for key in shown if key in ("smallest", "largest")} == limits
    assert result.diagnosis[0].worst <= 1


@pytest.mark.parametrize("constant", [0.0, 0.3])
def test_a_program_that_returns_one_number_is_no_cut(constant: float) -> None:
    """Every state is at both limits, and whatever the step may be is cut to it."""
    rec, _ = STEPS["rate"]
    result = _checked(rec, lambda h, x: np.full_like(h, constant))
    assert result.verdict == "fail"
    assert "state-clipped" not in str(result.explained_by)


def test_a_cut_explains_nothing_else() -> None:
    """One state that is too small is no cut and no narrower format; a cut with another step below it is unexplained."""
    rec, step = STEPS["rate"]
    inputs, h0 = np.random.default_rng(0).standard_normal((20, rec.I)), np.ones(rec.N) / 3
    spoiled = oracle.simulate(rec, inputs=inputs, h0=h0)
    k, i = np.unravel_index(np.argmax(spoiled[1:]), spoiled[1:].shape)
    spoiled[k + 1, i] -= 1e-9
    result = oracle.check(spoiled, rec, inputs=inputs, h0=h0)
    assert result.verdict == "fail"
    assert result.explained_by is None, result.summary()
    assert _checked(rec, lambda h, x: np.minimum(step(h, x) + 1e-3 * h**3, 0.25)).explained_by is None


@pytest.mark.parametrize("name", STEPS)
def test_steps_taken_several_times_with_a_sample(name: str) -> None:
    """Three steps where there should be one."""
    rec, step = STEPS[name]
    result = _checked(rec, lambda h, x: step(step(step(h, x), x), x))
    assert "step-repeated" in (result.explained_by or "").split("|"), result.summary()
    assert result.diagnosis[0].parameters["times"] == 3


@pytest.mark.parametrize("form", ["rate", "paper", "current"])
@pytest.mark.parametrize("scheme", ["euler", "exponential-euler", "rk4"])
def test_shorter_steps_in_the_place_of_one(form: str, scheme: str) -> None:
    """Four quarters of a step are another map than a step, and are named."""
    made = getattr(oracle.Network, form)(NET.W, NET.M, NET.b, tau=0.37)
    quarter = made.discretize(step=Fraction(1, 36), scheme=scheme)

    def step(h: Any, x: Any) -> Any:
        return oracle.simulate(quarter, inputs=np.stack([x] * 4), h0=h)[-1]

    result = _checked(made.discretize(step=Fraction(1, 9), scheme=scheme), step)
    assert "step-divided" in (result.explained_by or "").split("|"), result.summary()
    assert result.diagnosis[0].parameters["times"] == 4


@pytest.mark.parametrize("edit", ["weights", "bias", "step"])
def test_a_wide_bound_explains_nothing(edit: str) -> None:
    """In float32 the bound of several steps may hold the documented step as well, and then it names no other fault."""
    net = Net(7, 3, "tanh", "float32", seed=1)
    W, b, dt = net.W.copy(), net.b[0].copy(), net.dt
    W, b = (
        W * np.float32(1.01 if edit == "weights" else 1),
        b + np.float32(0.01 if edit == "bias" else 0) * np.eye(7)[4],
    )
    code = Code.of(net).but(W=W, b=b.astype(np.float32))
    dt = dt * np.float32(1.01 if edit == "step" else 1)

    def field(c: Code, h: Any, x: Any) -> Any:
        return (-h + c.drive(h, x)) / net.tau

    step = planted.staged("rk4", field, dt)
    h0, X = net.run_data(12)
    run = planted.runs(code, step)
    result = oracle.check(run, net.record("rate", "rk4"), inputs=X, h0=h0, kind="run", promised="float32")
    names = {"weights": "scaled-recurrent-weights", "bias": "wrong-bias", "step": "wrong-step"}
    assert names[edit] in (result.explained_by or ""), result.summary()
    assert "step-divided" not in (result.explained_by or "")


def _stepped(stages: Any, weights: Any) -> Any:
    """An explicit Runge-Kutta step of the rate network."""
    tau, dt, code = float(NET.tau), float(NET.dt), Code.of(NET)

    def step(h: Any, x: Any) -> Any:
        slopes: list[Any] = []
        for row in stages:
            state = h + dt * sum(a * k for a, k in zip(row, slopes, strict=True))
            slopes.append((code.drive(state, x) - state) / tau)
        return h + dt * sum(b * k for b, k in zip(weights, slopes, strict=True))

    return step


RK4 = ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0))
SIXTHS = (1 / 6, 1 / 3, 1 / 3, 1 / 6)


@pytest.mark.parametrize(
    ("stages", "weights", "name", "unknown"),
    [
        ((*RK4[:3], (0.0, 0.5, 0.0)), SIXTHS, "stage-repeated", None),
        ((*RK4[:3], (0.0, 0.0, 0.5)), SIXTHS, "wrong-stage", "a43"),
        ((RK4[0], (0.25,), *RK4[2:]), SIXTHS, "wrong-stage", "a21"),
        (RK4, (1 / 6, 1 / 3, 1 / 6, 1 / 6), "wrong-stage", "b3"),
        (RK4, (1 / 3, 2 / 3, 2 / 3, 1 / 3), "wrong-stage", "factor of the weights"),
    ],
)
def test_coefficients_of_the_method(stages: Any, weights: Any, name: str, unknown: str | None) -> None:
    """A stage that is used twice, or one coefficient or all weights that are other ones, with the place."""
    result = _checked(NET.record("rate", "rk4"), _stepped(stages, weights))
    assert result.explained_by == name, result.summary()
    assert unknown is None or unknown in result.diagnosis[0].parameters
    assert _checked(NET.record("rate", "rk4"), _stepped(RK4, SIXTHS))


def test_records_of_repetitions_and_tableaus_are_compared() -> None:
    """Equality sees the number of steps, what is repeated, and the tableau."""
    rec, rk4 = STEPS["rate"][0], NET.record("rate", "rk4")
    assert Repeated(rec, 2) == Repeated(rec, 2) != Repeated(rec, 3)
    assert Repeated(rec, 2) != Repeated(STEPS["elman"][0], 2)
    one = Tabled(rk4.parameters.field, rk4.parameters.step, TABLEAUS["rk4"])
    assert one == Tabled(rk4.parameters.field, rk4.parameters.step, TABLEAUS["rk4"])
    assert one != Tabled(rk4.parameters.field, rk4.parameters.step, TABLEAUS["midpoint"])
