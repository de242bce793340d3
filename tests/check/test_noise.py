"""Stochastic candidates: honest noise passes, wrong noise fails and is named, false alarms are as rare as stated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from check.stochastic import FACTORS, SHAPES, Program, checked
from command import run_command

import oracle
from oracle.check import gaussian, noise_kinds, sites
from oracle.check.gaussian import FAMILIES, Past, battery, centred, running
from oracle.check.sites import draws
from oracle.cli import exits
from oracle.cli.check import read_noise
from oracle.errors import BadInput
from oracle.records.noise import SCALES

CASES = [
    (scale, site, form)
    for i, scale in enumerate(FACTORS)
    for site in ("outside", "inside")
    for form in (("rate", "paper")[i % 2], "current")
]


def named(scale: str, site: str) -> str:
    """The name of noise."""
    return f"noise:{scale}" if site == SCALES[scale].site else f"noise:{scale}-{site}"


@pytest.mark.parametrize(("N", "scale", "site", "form"), [((3, 16, 64)[i % 3], *case) for i, case in enumerate(CASES)])
def test_honest_noise_passes_and_another_promise_fails(N: int, scale: str, site: str, form: str) -> None:
    """Every scale and site: passes its own promise; promised another scale, it fails and is named among what fits."""
    program = Program(N, form, scale=scale, site=site, seed=N)
    own = checked(program)
    assert own.verdict == "pass", own
    assert own.explained_by == named(scale, site)
    assert own.label == "observed"
    assert own.noise.low < 1 < own.noise.high
    other = "alpha" if FACTORS[scale] / FACTORS["alpha"] > 1.3 else "unscaled"
    result = checked(program, oracle.Noise(0.1, other, "outside"))
    assert result.verdict == "fail"
    assert named(scale, site) in {name for f in result.diagnosis if f.explains for name in f.name.split("|")}
    if N == 64:
        assert result.explained_by == named(scale, site)


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
@pytest.mark.parametrize("sigma", [0.05, 1.0])
@pytest.mark.parametrize("site", ["outside", "inside"])
def test_the_site_is_told(activation: str, sigma: float, site: str) -> None:
    """Inside for outside and the reverse, with the same deviation per step on average, never passes; saturated too."""
    program = Program(16, activation=activation, scale="sqrt-2-over-alpha" if site == "inside" else "sqrt-2alpha")
    program.site, program.sigma = site, sigma
    assert checked(program).verdict == "pass"
    wrong = "outside" if site == "inside" else "inside"
    seen = checked(
        program, program.promise(scale="sqrt-2alpha" if site == "inside" else "sqrt-2-over-alpha", site=wrong)
    )
    assert seen.verdict == "fail"
    assert seen.explained_by == named(program.scale, site)


@pytest.mark.parametrize("activation", [name for name in SHAPES if name not in ("identity", "silu")])
def test_the_site_is_told_for_every_monotone_activation(activation: str) -> None:
    """Noise inside passes as such, saturated elements and constant pieces included, and not as noise outside."""
    sigma, gain = (0.05, 0.1) if activation == "square" else (0.4, 0.5)  # a square may run away
    program = Program(6, activation=activation, scale="sqrt-2-over-alpha", site="inside", sigma=sigma, gain=gain)
    result = checked(program)
    assert result.verdict == "pass", result.summary()
    assert 0 < result.noise.samples <= 6 * 300
    assert checked(program, program.promise(site="outside")).verdict == "fail"


def test_noise_inside_what_is_not_monotone_is_undecided() -> None:
    """silu sends two arguments to one value; with the draws given it is judged (`test_noise_draws`)."""
    assert checked(Program(6, activation="silu", scale="sqrt-2-over-alpha", site="inside")).verdict == "undecided"
    assert checked(Program(6, activation="silu")).verdict == "pass"


FAULTS = {
    "shared": "noise:shared",
    "repeated": "noise:repeated",
    "shared trajectories": "noise:shared-trajectories",
    "coloured": "noise:coloured",
    "correlated": "noise:correlated",
    "uniform": "noise:not-gaussian",
    "biased": "noise:biased",
    "multiplied by the state": "noise:state-dependent",
    "one outlier": "noise:outliers",
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("N", [3, 32])
def test_faulty_noise_is_named(fault: str, N: int) -> None:
    """Noise of the right size that is not independent, normal or of mean zero fails, and it is said what is wrong."""
    result = checked(Program(N, fault=fault, seed=5), steps=1500, batch=3 if "trajectories" in fault else 0)
    assert result.verdict == "fail"
    assert FAULTS[fault] in [finding.name for finding in result.diagnosis]
    assert (result.explained_by is not None) == (fault in ("shared", "repeated", "shared trajectories"))


def test_pairs_of_faults() -> None:
    """The wrong scale and the same draw for all units: both are named."""
    result = checked(Program(16, fault="shared", scale="alpha"), oracle.Noise(0.1))
    assert result.explained_by == "noise:alpha+noise:shared"


def test_wrong_sigma() -> None:
    """A factor that is none of the scales: wrong-sigma, with the factor, inside its interval."""
    result = checked(Program(32, sigma=0.1), oracle.Noise(0.15))
    assert result.explained_by == "noise:wrong-sigma"
    assert result.noise.low < 0.1 / 0.15 < result.noise.high
    assert result.diagnosis[0].parameters["factor"] == pytest.approx(0.1 / 0.15, rel=0.02)


def test_missing_noise() -> None:
    """A run that follows the equation without the promised noise fails: noise:none; a recorded one too."""
    program = Program(4)
    program.draws = np.zeros(4)
    result = checked(program)
    assert (result.verdict, result.explained_by) == ("fail", "noise:none")
    X = np.random.default_rng(1).normal(size=(20, 2))
    H = oracle.simulate(program.record, X)
    assert oracle.check(H, program.record, inputs=X, noise=oracle.Noise(0.1)).explained_by == "noise:none"


def test_absent_noise_has_to_be_visible() -> None:
    """Silent units hide noise inside, and one draw may be small: neither is a run without noise."""
    silent = Program(4, activation="relu", site="inside", scale="sqrt-2-over-alpha", sigma=0.01, gain=0.0)
    silent.M, silent.b = 0 * silent.M, np.full(4, -5.0)
    assert checked(silent).verdict == "undecided"
    few = Program(1)
    few.draws = np.zeros(1)
    assert checked(few, steps=5).verdict == "undecided"
    assert checked(few, steps=50).explained_by == "noise:none"


@pytest.mark.parametrize("site", ["outside", "inside"])
def test_a_wrong_equation_is_not_noise(site: str) -> None:
    """tanh(1.3 z), close to erf(z): the gain is named alone, with an interval that holds it, and no activation is."""
    program = Program(16, form="wrong", site=site, scale="sqrt-2alpha" if site == "outside" else "sqrt-2-over-alpha")
    result = checked(program, steps=1000)
    assert (result.verdict, result.explained_by) == ("fail", "scaled-pre-activation")
    found = result.diagnosis[0].parameters
    assert found["low"] < 1.3 < found["high"]
    assert found["high"] - found["low"] < 0.4


def test_what_noise_hides_is_named_together() -> None:
    """Four units, 300 steps: a gain of 1.3 and erf fit alike, and so do others; the gain is among them."""
    names = (checked(Program(4, form="wrong")).explained_by or "").split("|")
    assert {"scaled-pre-activation", "activation:erf"} <= set(names)


def test_an_equation_without_a_name_is_not_noise() -> None:
    """Right noise about another drift: what is left depends on the state, and no name is given."""
    result = checked(Program(16, form="nameless"), steps=1000)
    assert result.verdict == "fail"
    assert result.explained_by is None
    assert result.diagnosis[0].name == "noise:drift"


def test_one_sigma_per_unit() -> None:
    """sigma as an array: passes; in another order it fails, although the pooled deviation is the same."""
    sigma = np.array([0.05, 0.1, 0.2, 0.4])
    program = Program(4, sigma=sigma)
    assert checked(program).verdict == "pass"
    assert checked(program, oracle.Noise(sigma[::-1].copy())).verdict == "fail"


def test_equal_scales_are_one_finding() -> None:
    """Where step / tau = 1: sqrt(step)/tau, sqrt(alpha) .. coincide and are joined; a linear unit has no inside."""
    rec = oracle.Recurrence.leaky(np.diag([0.5, -0.25]), alpha=0.25)
    rng = np.random.default_rng(2)

    def step(h: Any, x: Any) -> Any:
        return 0.75 * h + 0.25 * np.tanh(h @ np.diag([0.5, -0.25])) + 0.1 * 0.25 * rng.standard_normal(2)

    result = oracle.check(step, rec, inputs=np.zeros((400, 0)), noise=oracle.Noise(0.1, "alpha"))
    assert result.explained_by == "noise:alpha|noise:sqrt-step-over-tau"
    linear = Program(8, activation="identity")
    assert checked(linear).explained_by == "noise:sqrt-2alpha|noise:sqrt-2-over-alpha"


def test_what_cannot_be_separated_is_said() -> None:
    """Three units, 300 steps: 0.577 and 0.527 times sigma both pass; 64 units tell them apart."""
    assert any("sqrt-step-over-tau" in item.what for item in checked(Program(3)).unseen)
    assert not any("noise:" in item.what for item in checked(Program(64)).unseen)


def test_too_little_to_say() -> None:
    """Few draws, no step, and noise of the size of rounding are undecided; large noise instead of tiny one fails."""
    assert checked(Program(4), steps=5).verdict == "undecided"
    assert checked(Program(4), steps=0).verdict == "undecided"
    assert checked(Program(4, sigma=1e-15)).verdict == "undecided"
    assert checked(Program(4, sigma=0.1), oracle.Noise(1e-15)).verdict == "fail"


def test_the_start_is_still_judged() -> None:
    """A recorded run that starts elsewhere than at h0 fails, however right its noise."""
    program, X = Program(4), np.random.default_rng(1).normal(size=(300, 2))
    H = [np.zeros(4)]
    for x in X:
        H.append(program.step(H[-1], x))
    question: dict[str, Any] = {"inputs": X, "noise": program.promise()}
    assert oracle.check(np.array(H), program.record, **question).verdict == "pass"
    result = oracle.check(np.array(H), program.record, h0=[0.5, 0, 0, 0], **question)
    assert (result.verdict, result.first.step, result.first.unit) == ("fail", 0, 0)


def test_an_inside_that_cannot_be_seen_is_undecided() -> None:
    """W without an inverse in the current form: noise inside is not refuted, and not confirmed; outside is judged."""
    program = Program(4, "current", site="inside")
    program.W[0] = program.W[1]
    assert checked(program).verdict == "undecided"
    program.site = "outside"
    assert checked(program).verdict == "pass"


def test_precision_is_still_judged() -> None:
    """float32 states with float32 promised pass; with float64 promised they are named."""
    program = Program(8, dtype=np.float32)
    assert checked(program).verdict == "pass"
    result = checked(Program(8, dtype=np.float32), promised="float64")
    assert (result.verdict, result.explained_by) == ("fail", "precision:float32")


def test_batches_and_runs() -> None:
    """Trajectories of a batch, a run instead of a step, exponential Euler and a Runge-Kutta step outside."""
    assert checked(Program(4), steps=60, batch=5).verdict == "pass"
    rng = np.random.default_rng(8)
    W, X = rng.normal(size=(5, 5)) * 0.3, rng.normal(size=(300, 2))
    net = oracle.Network.rate(W, rng.normal(size=(5, 2)), tau=[0.5, 1, 2, 0.25, 0.75])
    for scheme in ("exponential-euler", "rk4"):
        rec = net.discretize(0.1, scheme)
        amplitude = 0.2 * np.sqrt(0.2 / np.array([0.5, 1, 2, 0.25, 0.75]))

        def step(h: Any, x: Any, rec: Any = rec, amplitude: Any = amplitude) -> Any:
            return oracle.simulate(rec, x[None], h)[1] + amplitude * rng.standard_normal(5)

        result = oracle.check(step, rec, inputs=X, noise=oracle.Noise(0.2))
        assert result.verdict == "pass", result.summary()


def test_randomness_is_a_breach_without_noise() -> None:
    """The same candidate without a promise of noise is not-deterministic; other breaches count with one."""
    program = Program(4)
    X = np.random.default_rng(1).normal(size=(30, 2))
    assert oracle.check(program.step, program.record, inputs=X).explained_by == "not-deterministic"

    def mutating(h: Any, x: Any) -> Any:
        new = program.step(h, x)
        h += 1
        return new

    result = oracle.check(mutating, program.record, inputs=X, noise=program.promise())
    assert result.explained_by == "mutates-arguments"


@pytest.mark.parametrize("given", [0.1, "sqrt-2alpha", ("alpha", 0.1)])
def test_a_promise_without_scale_or_sigma_is_refused(given: Any) -> None:
    """A number or a name alone says too little."""
    program = Program(2)
    with pytest.raises(BadInput, match="noise is"):
        oracle.check(program.step, program.record, inputs=np.zeros((5, 2)), noise=given)
    general = oracle.Recurrence(W=np.array([[0.5]]))
    with pytest.raises(BadInput, match="needs alpha"):
        oracle.check(np.zeros((6, 1)), general, inputs=np.zeros((5, 0)), noise=oracle.Noise(0.1))


def test_reports() -> None:
    """Summary, JSON and the model of the report say observed, and give the interval."""
    result = checked(Program(8, scale="alpha"), oracle.Noise(0.1))
    data = json.loads(json.dumps(result.to_dict()))
    assert data["noise"]["interval"][0] < data["noise"]["ratio"] < data["noise"]["interval"][1]
    assert len(data["noise"]["per_unit"]) == 8
    assert data["noise"]["false_alarm_rate"] == gaussian.RATE
    assert "noise:alpha" in result.summary()
    assert "observed" in result.summary()


def test_command_line(tmp_path: Path) -> None:
    """--noise SIGMA:SCALE[:SITE]: pass, fail with the name, and a usage error for what cannot be read."""
    program = Program(8, scale="alpha")
    oracle.save(program.record, tmp_path / "net.json")
    (tmp_path / "program.py").write_text(
        "import numpy as np\nrng = np.random.default_rng(1)\n"
        f"W, M, b = (np.array(part) for part in {[program.W.tolist(), program.M.tolist(), program.b.tolist()]!r})\n"
        "def step(h, x):\n"
        "    a = 0.1 / 0.6\n"
        "    return (1 - a) * h + a * np.tanh(W @ h + M @ x + b) + a * 0.1 * rng.standard_normal(8)\n"
    )
    common = "check program.py:step --network net.json --steps 200 --kind step"
    assert run_command(f"{common} --noise 0.1:alpha", tmp_path).returncode == exits.PASS
    done = run_command(f"{common} --noise 0.1:sqrt-2alpha", tmp_path)
    assert done.returncode == exits.FAIL
    assert "noise:alpha" in done.stdout
    for text in ("much", "0.1:alpha:outside:twice", "0.1:alfa", "-1:alpha"):
        with pytest.raises(BadInput):
            read_noise(text)
    assert read_noise("0.1:alpha:inside").site == "inside"


# -- false alarms -----------------------------------------------------------------------------------------------------
def honest_run(seed: int, N: int = 3, steps: int = 80) -> tuple[Any, Past]:
    """Draws of an honest program as the check recovers them, and what is known before each."""
    program = Program(N, seed=seed, gain=2.0, site="inside" if seed % 2 else "outside", sigma=0.5)
    rng = np.random.default_rng(seed)
    X, H = rng.normal(size=(steps, 2)), [rng.normal(size=N)]
    for x in X:
        H.append(program.step(H[-1], x))
    states = np.array(H).T
    rec = program.record
    laid = sites.Steps(rec, states[:, :-1], states[:, 1:], X.T, lambda: np.full((N, steps), 2.0**-50), 1)
    promised = noise_kinds.promise(rec, program.promise())
    found = draws(laid, promised.site, promised.size)
    assert found is not None
    return found.xi, laid.past


def test_false_alarms_are_at_most_what_is_stated() -> None:
    """200 honest runs, feedback included: at a stated rate of 1/2 fewer alarms, but some; at 1e-6 none."""
    stated, alarms, loud = 0.5, 0, 0
    for seed in range(200):
        xi, past = honest_run(seed)
        alarms += max(test.ratio for test in battery(xi, past, stated)) > 1
        loud += max(test.ratio for test in battery(xi, past)) > 1
    assert 0 < alarms < 200 * stated
    assert loud == 0


def test_every_family_is_within_reach() -> None:
    """The limits are proved, and not loose: the largest of 100 honest ratios exceeds 1/8 in every family."""
    tops = dict.fromkeys(FAMILIES, 0.0)
    for seed in range(100):
        for test in battery(*honest_run(seed)):
            tops[test.name] = max(tops[test.name], test.ratio)
    del tops["trajectories"]  # there is one
    assert min(tops.values()) > 1 / 8, tops
    assert max(tops.values()) <= 1


def planted(kind: str, shape: tuple[int, int, int] = (3, 600, 2)) -> tuple[Any, Past]:
    """Draws with one fault, of unit variance as far as the fault allows."""
    rng = np.random.default_rng(11)
    xi = rng.standard_normal(shape)
    w = rng.uniform(-1, 1, shape)
    past = Past(running(w), running(w)[None], centred(np.square(w))[None])
    if kind == "mean":
        xi += 0.4
    elif kind == "spread":
        xi *= 1.3
    elif kind == "lags":
        xi[:, 2:] = 0.8 * xi[:, 2:] + 0.6 * xi[:, :-2]
    elif kind == "units":
        xi[0] = 0.8 * xi[0] + 0.6 * xi[2]
    elif kind == "trajectories":
        xi[:, :, 0] = 0.8 * xi[:, :, 0] + 0.6 * xi[:, :, 1]
    elif kind == "shape":
        xi = np.sign(xi) * np.sqrt(0.9) + np.sqrt(0.1) * rng.standard_normal(shape)
    elif kind == "outliers":
        xi[1, 7, 0] = 9.0
    elif kind == "drift":
        xi = 0.9 * xi + 0.7 * w
    elif kind == "state":
        xi *= np.sqrt(3 * np.square(w))
    return xi, past


@pytest.mark.parametrize("kind", FAMILIES)
def test_each_family_catches_its_fault(kind: str) -> None:
    """One planted fault per family; without the fault nothing is outside."""
    assert max(test.ratio for test in battery(*planted(""))) <= 1
    outside = {test.name for test in battery(*planted(kind)) if test.ratio > 1}
    assert kind in outside


def test_limits() -> None:
    """chi^2 and normal limits hold, and are missed at a stated rate of 0.2 by fewer than that and by some."""
    rng, n, rate = np.random.default_rng(1), 50, 0.2
    low, high = gaussian.chi_square_limits(n, rate)
    means = rng.chisquare(n, 20_000) / n
    assert 0 < np.mean((means < low) | (means > high)) < rate
    assert 0 < np.mean(np.abs(rng.standard_normal((4000, 5))).max(axis=1) > gaussian.normal_limit(rate, 5)) < rate


def test_what_is_known_is_known_before() -> None:
    """Regressors and weights of a step do not change if later states do, and stay within [-1, 1]."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(2, 20, 3)) * np.geomspace(1, 100, 20)[:, None]
    later = values.copy()
    later[:, 10:] *= -7
    for made in (running, lambda v: centred(np.square(v))):
        assert np.array_equal(made(values)[:, :10], made(later)[:, :10])
        assert np.max(np.abs(made(values))) <= 1
        assert not np.array_equal(made(values)[:, 10:], made(later)[:, 10:])


def test_saturated_draws_are_completed() -> None:
    """sqrt(2/alpha) sigma inside tanh, sigma = 3: draws that are not seen are completed to standard normal ones."""
    program = Program(4, scale="sqrt-2-over-alpha", site="inside", sigma=3.0)
    result = checked(program, steps=500)
    assert result.verdict == "pass"
    assert result.noise.samples < 0.98 * 2000
    assert checked(program, program.promise(sigma=2.0), steps=1500).verdict == "fail"
