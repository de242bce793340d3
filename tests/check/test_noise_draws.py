"""Stochastic candidates whose draws are given: exact and proved, other scales, sites and shifts named."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from check.stochastic import FACTORS, Program

import oracle
from oracle.check import draws as room
from oracle.check.draws import root
from oracle.errors import BadInput

K, N = 25, 5


def named(scale: str, site: str) -> str:
    """The name of noise at a site."""
    return f"noise:{scale}" if site == "outside" else f"noise:{scale}-inside"


XI = np.random.default_rng(3).standard_normal((K, N))
X = np.random.default_rng(4).normal(size=(K, 2))
H0 = np.array([0.5, -0.25, 0.75, -1.0, 0.125])


def run_of(program: Program, xi: Any = XI) -> Any:
    """A deterministic run that uses these draws."""

    def run(h0: Any, X: Any) -> Any:
        h, states = h0, []
        for x, program.draws in zip(X, xi, strict=True):
            h = program.step(h, x)
            states.append(h)
        return np.array(states)

    return run


def judged(program: Program, given: Any = XI, used: Any = XI, **promise: Any) -> Any:
    """The check of a program that uses some draws and gives others."""
    noise = program.promise(draws=given, **promise)
    return oracle.check(run_of(program, used), program.record, inputs=X, h0=H0, noise=noise)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("site", ["outside", "inside"])
@pytest.mark.parametrize("scale", sorted(FACTORS))
def test_exact(scale: str, site: str, dtype: Any) -> None:
    """Passes, proved, in both precisions; promised another scale it fails and the right one is the only explanation."""
    form = "paper" if dtype is np.float32 else "rate"
    program = Program(N, form, scale=scale, site=site, dtype=dtype)
    result = judged(program)
    assert (result.verdict, result.label) == ("pass", "proved"), result.summary()
    other = "step" if scale == "unscaled" else "unscaled"
    wrong = judged(program, scale=other, site="outside")
    assert (wrong.verdict, wrong.label) == ("fail", "proved")
    assert [f.name for f in wrong.diagnosis] == [result.explained_by]


@pytest.mark.parametrize("activation", ["silu", "erf", "softplus", "elu", "leaky-relu(0.2)", "hardtanh", "square"])
@pytest.mark.parametrize("site", ["outside", "inside"])
def test_every_activation(activation: str, site: str) -> None:
    """Monotone or not: with the draws given the run is judged exactly, and another scale is proved wrong and named."""
    program = Program(N, activation=activation, site=site, sigma=0.05, gain=0.2)
    result = judged(program)
    assert (result.verdict, result.label) == ("pass", "proved"), result.summary()
    assert judged(program, scale="alpha").explained_by == named("sqrt-2alpha", site)


def test_what_the_amplitude_lost_is_multiplied_by_the_slope_there() -> None:
    """A power is steeper than 1: what is added to the bound is at least its slope times what was cut off."""
    program = Program(N, activation="square")
    h, columns = 3 * np.random.default_rng(1).normal(size=(N, K)), X.T
    z = program.W @ h + program.M @ columns + program.b[:, None]
    steepest = room._steepest(program.record, h, columns, np.full((N, K), 2.0**-60))
    assert np.all(steepest >= 2 * np.maximum(z, 0))
    assert np.max(steepest) > 5
    assert np.all(steepest <= 2 * np.maximum(z, 0) * (1 + 1e-3) + 1e-3)


def test_faults_are_named() -> None:
    """Draws one step late or early, no noise at all, one draw that is off by 1e-12, other draws."""
    program = Program(N)
    assert judged(program, used=np.roll(XI, 1, axis=0)).explained_by == "noise:late"
    assert judged(program, used=np.roll(XI, -1, axis=0)).explained_by == "noise:early"
    assert judged(program, used=0 * XI).explained_by == "noise:none"
    nudged = XI.copy()
    nudged[7, 2] += 1e-12
    result = judged(program, used=nudged)
    assert (result.verdict, result.first.step, result.first.unit) == ("fail", 8, 2)
    assert judged(program, used=-XI).explained_by is None


def test_a_wrong_equation_is_not_excused() -> None:
    """The right draws about another drift."""
    result = judged(Program(N, form="wrong"))
    assert result.verdict == "fail"
    assert result.explained_by is None


def test_current_form_and_batches() -> None:
    """Noise outside and inside the current form, a batch of trajectories."""
    for site in ("inside", "outside"):
        program = Program(N, "current", site=site)
        assert judged(program).verdict == "pass"
        assert judged(program, scale="alpha").explained_by == named("sqrt-2alpha", site)
    xi, inputs = np.stack([XI, -XI, 2 * XI], axis=1), np.stack([X, X[::-1], -X], axis=1)
    start = np.stack([H0, -H0, 0 * H0])
    noise = program.promise(draws=xi)
    result = oracle.check(run_of(program, xi), program.record, inputs=inputs, h0=start, noise=noise)
    assert result.verdict == "pass"


@pytest.mark.parametrize("alpha", [2.0**-20, 1e-4, 0.5])
def test_cancellation_in_the_amplitude_is_allowed_for(alpha: float) -> None:
    """sqrt(1 - (1 - alpha)^2) is off by u / alpha in floating point, which an honest program may be; no more."""
    W = np.diag([0.5, -0.25, 0.75, 1.0, -1.0]) + 0.1
    rec = oracle.Recurrence.leaky(W, alpha=alpha)

    def run(h0: Any, X: Any, off: float = 0.0) -> Any:
        h, states = h0, []
        for xi in XI:
            h = (1 - alpha) * h + alpha * np.tanh(W @ h) + 0.1 * np.sqrt(1 - (1 - alpha) ** 2) * (1 + off) * xi
            states.append(h)
        return np.array(states)

    noise = oracle.Noise(0.1, "stationary", draws=XI)
    question: dict[str, Any] = {"inputs": np.zeros((K, 0)), "h0": H0, "noise": noise}
    assert oracle.check(run, rec, **question).verdict == "pass"
    off = 2.0**-40 / alpha
    assert oracle.check(lambda h0, X: run(h0, X, off), rec, **question).verdict == "fail"


@pytest.mark.parametrize("q", [Fraction(2), Fraction(1, 3), Fraction(9, 16), Fraction(2, 10**300), Fraction(10**40, 7)])
def test_square_roots_are_cut_off_after_200_bits(q: Fraction) -> None:
    """root(q)^2 <= q < (root(q) (1 + 2^-199))^2, exactly; squares of rationals have exact roots."""
    found = root(q)
    assert found**2 <= q < (found * (1 + Fraction(1, 2**199))) ** 2
    assert root(Fraction(9, 16)) == Fraction(3, 4)


def test_unclear_questions() -> None:
    """Draws of another shape or not finite; steps that are not in the normal form; inside a dense B."""
    program = Program(N)
    for given in (XI[:-1], XI[:, :3]):
        with pytest.raises(BadInput, match="draws have shape"):
            judged(program, given=given)
    with pytest.raises(BadInput, match=r"draws\[.*\] is not finite"):
        judged(program, given=np.where(XI.max() == XI, np.nan, XI))
    staged = oracle.Network.rate(program.W, program.M, tau=1).discretize(0.1, "rk4")
    with pytest.raises(BadInput, match="normal form"):
        oracle.check(np.zeros((K, N)), staged, inputs=X, noise=oracle.Noise(0.1, "sqrt-step", draws=XI))
    wide = oracle.Recurrence(A=0.5, B=np.ones((N, 2)), W=np.ones((2, N)), M=np.ones((2, 2)))
    with pytest.raises(BadInput, match="inside"):
        oracle.check(np.zeros((K, N)), wide, inputs=X, noise=oracle.Noise(0.1, "unscaled", "inside", draws=XI))


FAULTS: dict[str, tuple[str, Any]] = {
    "amplitude squared": ("root", lambda q: q),
    "amplitude halved": ("root", lambda q: root(q) / 2),
    "amplitude off by 2^-30": ("root", lambda q: root(q) * (1 + Fraction(1, 2**30))),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_do_not_pass(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the check itself fails an honest candidate, which the tests above would notice."""
    name, wrong = FAULTS[fault]
    monkeypatch.setattr(room, name, wrong)
    assert judged(Program(N)).verdict == "fail"


@pytest.mark.parametrize("scale", ["sqrt-2alpha", "stationary"])
def test_long_runs(scale: str) -> None:
    """2000 steps of 16 units, judged by the quick way if there is one: passes; 2^-30 more of one draw fails there."""
    program, steps = Program(16, scale=scale, seed=2), 2000
    rng = np.random.default_rng(6)
    xi, inputs = rng.standard_normal((steps, 16)), rng.normal(size=(steps, 2))
    question: dict[str, Any] = {"inputs": inputs, "noise": program.promise(draws=xi)}
    assert oracle.check(run_of(program, xi), program.record, **question).verdict == "pass"
    off = xi.copy()
    off[1200, 7] *= 1 + 2.0**-30
    result = oracle.check(run_of(program, off), program.record, **question)
    assert (result.verdict, result.first.step, result.first.unit) == ("fail", 1201, 7)
