"""oracle.check_gradient: honest backward passes pass, planted faults fail and are named, bad questions are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from diagnosis.backward_passes import Leaky, Solved

import oracle
from oracle.arithmetic.float64 import Float64
from oracle.diagnosis import gradient
from oracle.diagnosis.gradient_deviations import alternatives
from oracle.records.layout import samples
from oracle.reference.gradients import Question, assembled, backward, forward
from oracle.reference.loss import stated
from oracle.tolerance import gradient as tolerances

N, I, K, BATCH = 4, 3, 9, 2
RNG = np.random.default_rng(170)
W, M, B = RNG.normal(size=(N, N)) / 2, RNG.normal(size=(N, I)), RNG.normal(size=N)
X, H0 = RNG.normal(size=(K, BATCH, I)), RNG.uniform(-1, 1, (BATCH, N))
ALPHA = 0.375


def as32(*arrays):
    """float32 numbers."""
    return tuple(np.asarray(a, dtype=np.float32) for a in arrays)


def record(activation="tanh", dtype=np.float64, inside=False):
    """The recurrence of the hand-written passes."""
    weights = (part.astype(dtype) for part in (W, M, B))
    make = oracle.Recurrence.leak_inside if inside else oracle.Recurrence.leaky
    return make(*weights, alpha=ALPHA, activation=activation)


def checked(pass_, rec=None, **options):
    """The pass against its recurrence."""
    return oracle.check_gradient(pass_, rec or record(), **{"inputs": X, "h0": H0, **options})


def leaky(activation="tanh", dtype=np.float64, **faults):
    """A hand-written pass."""
    return Leaky(W, M, B, ALPHA, activation, dtype, **faults)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
@pytest.mark.parametrize("inside", [False, True])
def test_honest_passes_pass(activation, dtype, inside):
    """Hand-written BPTT by W, M, b, alpha, h0 and inputs, in both precisions, leak outside and inside."""
    result = checked(leaky(activation, dtype, inside=inside), record(activation, dtype, inside))
    assert result, result.summary()
    assert set(result.parameters) == {"W", "M", "b", "alpha", "h0", "inputs"}
    assert result.worst < 0.5
    assert result.diagnosis == ()
    assert result.missing == ()


@pytest.mark.parametrize("loss", ["squares", "final", "functional"])
def test_losses(loss):
    """Squares to a target, a functional of the last state, a functional given."""
    weights = RNG.normal(size=(BATCH, N) if loss == "final" else (K, BATCH, N))
    assert checked(leaky(), loss=loss, weights=weights), loss
    assert not checked(leaky(scale=0.5), loss=loss, weights=weights)
    if loss == "final":
        assert checked(leaky(), loss="final")


def test_layouts():
    """One trajectory, a batch that comes first, recorded gradients."""
    single = checked(Single(leaky()), inputs=X[:, 0], h0=H0[0])
    assert single, single.summary()
    assert checked(BatchFirst(leaky()), inputs=X.swapaxes(0, 1), batch_first=True)
    recorded = leaky()(H0, X, gradient.Objective.of(stated("functional", None, K, BATCH, N), True, False))
    assert checked(recorded)
    assert not checked({**recorded, "b": recorded["b"] * 1.001})


class Single:
    """A pass over one trajectory."""

    def __init__(self, batched):
        self.batched = batched

    def __call__(self, h0, X, objective):
        """Adds the batch axis and takes it away."""

        class Wide:
            @staticmethod
            def cotangent(H):
                return objective.cotangent(H[:, 0])[:, None]

        made = self.batched(h0[None], X[:, None], Wide)
        return {**made, "h0": made["h0"][0], "inputs": made["inputs"][:, 0]}


class BatchFirst:
    """A pass over (batch, K, I)."""

    def __init__(self, timed):
        self.timed = timed

    def __call__(self, h0, X, objective):
        """Swaps axes."""

        class Swapped:
            @staticmethod
            def cotangent(H):
                return np.swapaxes(objective.array, 0, 1)

        made = self.timed(h0, np.swapaxes(X, 0, 1), Swapped)
        return {**made, "inputs": np.swapaxes(made["inputs"], 0, 1)}


def every_third(k, K):
    """The state is detached every three steps."""
    return k % 3


FAULTS = {
    "adjoint-ode-gradient": ({"later": True}, {}),
    "truncated-bptt": ({"carried": lambda k, K: k != K - 4}, {"window": 4, "kind": "the last steps only"}),
    "truncated-bptt, detached": ({"carried": every_third}, {"window": 3, "kind": "detached every so many steps"}),
    "missing-leak-term": ({"leak": False}, {}),
    "missing-leak-term, inside": ({"leak": False, "inside": True}, {}),
    "transposed-backward-weights": ({"transpose": False}, {}),
    "transposed-gradient": ({"turned": ("W",)}, {"parameter": "W"}),
    "transposed-gradient, of inputs": ({"turned": ("M",)}, {"parameter": "M"}),
    "gradient-of-wrong-loss, 1/K": ({"scale": 1 / K}, {"factor": "1/K"}),
    "gradient-of-wrong-loss, 1/batch": ({"scale": 1 / BATCH}, {"factor": "1/batch|1/2"}),
    "gradient-of-wrong-loss, sign": ({"scale": -1.0}, {"factor": "-1"}),
    "missing-leak-term+gradient-of-wrong-loss": ({"leak": False, "scale": 1 / K}, {"factor": "1/K"}),
    "truncated-bptt+gradient-of-wrong-loss": ({"carried": every_third, "scale": 2.0}, {"window": 3, "factor": "2"}),
}


IN_FLOAT32 = ("adjoint-ode-gradient", "truncated-bptt, detached", "missing-leak-term", "transposed-gradient")
CASES = [(fault, np.float64) for fault in FAULTS] + [(fault, np.float32) for fault in IN_FLOAT32]


@pytest.mark.parametrize(("fault", "dtype"), CASES)
def test_planted_faults_are_named(fault, dtype):
    """Each fault fails, is named with its parameters, and by nothing else; every entry is inside under its name."""
    options, parameters = FAULTS[fault]
    inside = options.get("inside", False)
    result = checked(leaky("tanh", dtype, **options), record("tanh", dtype, inside))
    assert result.verdict == "fail"
    assert [finding.name for finding in result.diagnosis] == [fault.partition(",")[0]], result.summary()
    assert result.explained_by == fault.partition(",")[0]
    assert result.diagnosis[0].worst <= 1
    assert {name: result.diagnosis[0].parameters[name] for name in parameters} == parameters


def test_relu_slope_at_zero():
    """From h_0 = 0 with silent inputs relu is at its kink: slope 0 passes, slope 1 fails and is named."""
    silent, rest = np.concatenate([np.zeros((1, BATCH, I)), X]), {"h0": np.zeros((BATCH, N))}
    for name, at_zero in (("slope 0", 0.0), ("slope 1", 1.0), ("slope 1/2", 0.5)):
        rec = oracle.Recurrence.leaky(W, M, np.zeros(N), alpha=ALPHA, activation="relu")
        made = Leaky(W, M, np.zeros(N), ALPHA, "relu", at_zero=at_zero)
        result = checked(made, rec, inputs=silent, **rest)
        assert result.explained_by == (None if not at_zero else "relu-slope-at-zero"), (name, result.summary())
        assert bool(result) == (not at_zero)
    assert result.diagnosis[0].parameters["slope"] == "1/2"


def test_narrower_arithmetic_is_named():
    """float32 errors where float64 was promised: outside, and precision:float32."""

    def rounded(h0, X, objective):
        made = leaky("tanh", np.float32)(h0.astype(np.float32), X.astype(np.float32), objective)
        return {name: np.asarray(value, dtype=np.float64) for name, value in made.items()}

    rec = record(dtype=np.float32)
    inputs = X.astype(np.float32)
    result = checked(rounded, rec, inputs=inputs, h0=H0.astype(np.float32), promised="float64")
    assert result.explained_by == "precision:float32", result.summary()
    assert checked(rounded, rec, inputs=inputs, h0=H0.astype(np.float32), promised="float32")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_gradient_of_another_equation_is_named(dtype):
    """Right passes of erf, of no leak, of transposed weights: what they differentiate, and no coarser format."""
    small = {"inputs": X.astype(dtype), "h0": H0.astype(dtype)}
    for name, made in (
        ("activation:erf", leaky("erf", dtype)),
        ("elman", Leaky(W, M, B, 1.0, "tanh", dtype)),
        ("transposed-recurrent-weights", _turned(dtype)),
    ):
        result = checked(_without_alpha(made), record(dtype=dtype), **small)
        assert name in [found.name for found in result.diagnosis], (name, result.summary())
        assert not any("precision" in found.name for found in result.diagnosis)


def _without_alpha(made):
    """An Elman step has no alpha to differentiate by."""
    return lambda h0, X, objective: {n: v for n, v in made(h0, X, objective).items() if n != "alpha"}


def _turned(dtype):
    made = Leaky(W.T, M, B, ALPHA, "tanh", dtype)

    def pass_(h0, X, objective):
        found = made(h0, X, objective)
        return {**found, "W": found["W"].T}

    return pass_


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_activation_without_a_name_is_no_coarser_format(dtype):
    """The algebraic sigmoid: errors of a few per cent are inside the tolerance of bfloat16, and are not its errors."""
    result = checked(leaky("algebraic", dtype), record(dtype=dtype), inputs=X.astype(dtype), h0=H0.astype(dtype))
    assert (result.verdict, result.explained_by) == ("fail", None)


def test_what_has_no_name_is_unexplained():
    """One entry off by a thousandth."""

    def off(h0, X, objective):
        made = leaky()(h0, X, objective)
        made["M"][2, 1] *= 1.001
        return made

    result = checked(off)
    assert (result.verdict, result.explained_by) == ("fail", None)
    assert result.diagnosis[0].name == "unexplained"
    assert max(result.parameters, key=lambda n: result.parameters[n].worst) == "M"
    assert result.parameters["M"].index == (2, 1)


def test_a_long_run_is_decided_by_the_observed_tolerance():
    """30 steps, gain above 1: the proven bound says nothing, the verdict is labelled observed, a fault still named."""
    rng = np.random.default_rng(3)
    weights = 1.5 * rng.normal(size=(12, 12)) / np.sqrt(12), rng.normal(size=(12, I)), rng.normal(size=12)
    rec = oracle.Recurrence.leaky(*weights, alpha=ALPHA)
    question = {"inputs": rng.normal(size=(30, BATCH, I)), "h0": rng.uniform(-1, 1, (BATCH, 12)), "promised": "float32"}
    result = oracle.check_gradient(Leaky(*weights, ALPHA), rec, **question)
    assert (result.verdict, result.label) == ("pass", "observed"), result.summary()
    late = oracle.check_gradient(Leaky(*weights, ALPHA, later=True), rec, **question)
    assert late.explained_by == "adjoint-ode-gradient"


def test_a_tolerance_as_large_as_the_gradient_decides_nothing():
    """bfloat16 over 30 chaotic steps: what is inside is undecided and not passed; what is far outside still fails."""
    rng = np.random.default_rng(6)
    weights = 4 * rng.normal(size=(8, 8)) / np.sqrt(8), rng.normal(size=(8, I)), rng.normal(size=8)
    rec = oracle.Recurrence.leaky(*weights, alpha=ALPHA)
    asked = {"inputs": rng.normal(size=(30, BATCH, I)), "h0": rng.uniform(-1, 1, (BATCH, 8)), "promised": "bfloat16"}
    result = oracle.check_gradient(Leaky(*weights, ALPHA), rec, **asked)
    assert result.verdict == "undecided", result.summary()
    assert not result
    assert any(part.blind for part in result.parameters.values())
    assert "as large as the gradient" in str(result.problem)
    assert oracle.check_gradient(Leaky(*weights, ALPHA, scale=1e9), rec, **asked).verdict == "fail"


def test_other_steps():
    """Runge-Kutta and exponential Euler, tau included; a tau gradient off by 1e-9 is outside and unexplained."""
    net = oracle.Network.rate(W, M, B, tau=[0.5, 1.0, 0.75, 2.0])
    for scheme in ("euler", "exponential-euler", "rk4"):
        rec = net.discretize(step=0.25, scheme=scheme)
        loss = stated("functional", None, 4, BATCH, N)
        exact = oracle.gradient(rec, X[:4], H0, weights=loss.array)
        made = {name: part.float64() for name, part in exact.items()}
        result = checked(made, rec, inputs=X[:4])
        assert result, result.summary()
        assert "tau" in result.parameters
    wrong = checked({**made, "tau": made["tau"] * (1 + 1e-9)}, rec, inputs=X[:4])
    assert (wrong.verdict, wrong.explained_by) == ("fail", None)


@pytest.mark.parametrize(("scheme", "theta"), [("backward-euler", 1.0), ("trapezoidal", 0.5)])
def test_implicit_steps(scheme, theta):
    """Hand-written implicit differentiation passes in both precisions; without its linear solve it is named."""
    tau = np.array([0.5, 1.0, 0.75, 2.0])
    for dtype in (np.float64, np.float32):
        weights = [part.astype(dtype) for part in (W, M, B)]
        rec = oracle.Network.rate(*weights, tau=tau).discretize(step=0.25, scheme=scheme)
        made = Solved(*weights, tau, 0.25, theta, dtype)
        result = checked(made, rec, inputs=X[:4], promised=dtype)
        assert result, result.summary()
        assert (result.label, set(result.parameters)) == ("observed", {"W", "M", "b", "h0", "inputs"})
        wrong = checked(Solved(*weights, tau, 0.25, theta, dtype, solving=False), rec, inputs=X[:4], promised=dtype)
        assert (wrong.verdict, wrong.explained_by) == ("fail", "linear-solve-missing"), wrong.summary()


def test_gradients_of_other_gated_equations_are_named():
    """The gradient of a GRU that applies its reset gate before the product, or adds no bias (recorded)."""
    rng = np.random.default_rng(8)
    made = rng.normal(size=(3 * N, N)), rng.normal(size=(3 * N, I)), rng.normal(size=3 * N)
    question, rec = {"inputs": X[:4], "h0": H0}, oracle.Recurrence.gru(*made)
    run = stated("functional", None, 4, BATCH, N)
    for name, other in (
        ("gru-reset-before", oracle.Recurrence.gru(*made, reset="before")),
        ("bias-missing", oracle.Recurrence.gru(*made[:2])),
    ):
        exact = oracle.gradient(other, X[:4], H0, weights=run.array)
        result = oracle.check_gradient({n: p.float64() for n, p in exact.items()}, rec, **question)
        assert (result.verdict, result.explained_by) == ("fail", name), result.summary()


def test_breaches():
    """A pass that raises, shapes and types that are no gradient."""
    cases = {
        "candidate-raised": lambda h0, X, objective: 1 / 0,
        "wrong-shape": lambda h0, X, objective: {"W": np.zeros(N)},
        "wrong-dtype": lambda h0, X, objective: {"W": np.zeros((N, N), dtype=complex)},
    }
    for name, candidate in cases.items():
        result = checked(candidate)
        assert (result.verdict, result.explained_by) == ("fail", name)
        assert result.problem is not None
    result = checked(lambda h0, X, objective: {"b": np.full(N, np.nan)})
    assert (result.verdict, result.worst) == ("fail", np.inf)


def test_bad_questions():
    """No recurrence, unknown parameters, unknown losses, missing targets, no step."""
    with pytest.raises(oracle.BadInput, match="Recurrence"):
        oracle.check_gradient(leaky(), inputs=X)
    with pytest.raises(oracle.BadInput, match="'alhpa'"):
        checked({"alhpa": 1.0})
    with pytest.raises(oracle.BadInput, match="NoneType"):
        checked(lambda h0, X, objective: None)
    with pytest.raises(oracle.BadInput, match="'mean'"):
        checked(leaky(), loss="mean")
    with pytest.raises(oracle.BadInput, match="target"):
        checked(leaky(), loss="squares")
    with pytest.raises(oracle.BadInput, match="shape"):
        checked(leaky(), weights=np.ones((K + 1, BATCH, N)))
    with pytest.raises(oracle.BadInput, match="no step"):
        checked(leaky(), inputs=np.zeros((0, BATCH, I)))
    with pytest.raises(oracle.BadInput, match="batch"):
        checked(leaky(), inputs=np.zeros((BATCH, BATCH, I)))


def test_the_result_reads_well():
    """Summary and plain values."""
    result = checked(leaky(later=True))
    assert "adjoint-ode-gradient" in result.summary()
    assert json.loads(json.dumps(result.to_dict()))["explained_by"] == "adjoint-ode-gradient"
    assert "fail" in repr(result)


def test_proven_bounds_hold():
    """No honest float32 pass exceeds the proven bound, on 9 seeded networks of every activation (observed)."""
    worst = 0.0
    for seed in range(9):
        rng = np.random.default_rng(seed)
        weights = as32(rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), rng.normal(size=3))
        rec = oracle.Recurrence.leaky(*weights, alpha=0.375, activation=("tanh", "relu", "logistic")[seed % 3])
        made = Leaky(*weights, 0.375, rec.activation, np.float32)
        inputs, h0 = as32(rng.normal(size=(4, 2, 2)), rng.uniform(-1, 1, (2, 3)))
        result = oracle.check_gradient(made, rec, inputs=inputs, h0=h0)
        assert result, result.summary()
        worst = max(worst, *(part.difference / part.proven for part in result.parameters.values()))
    assert worst < 1


right_bounds, right_certified = tolerances.proven_bounds, gradient.certified


def nothing(question, *more):
    """A bound of zero."""
    return {name: 0 * bound for name, bound in right_bounds(question, *more).items()}


def tripled(question, *more, **named):
    """The gradient of another loss."""
    return right_certified(replace(question, loss=question.loss.scaled(3)), *more, **named)


PLANTED = {
    "bound of nothing": (tolerances, "proven_bounds", nothing),
    "margin gone": (tolerances, "MARGIN", 1e-3),
    "reference of another loss": (gradient, "certified", tripled),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_wrong_oracle_fails_honest_passes(fault, monkeypatch):
    """Planted faults in the check itself are seen by honest passes."""
    place, name, wrong = PLANTED[fault]
    monkeypatch.setattr(place, name, wrong)
    assert not checked(leaky())


@pytest.mark.parametrize("kind", ["gru", "rk4"])
def test_other_cells_have_the_same_deviations(kind):
    """Gates and Runge-Kutta stages: W for its transpose, and the step at the later state, are named (recorded)."""
    rng = np.random.default_rng(8)
    made = rng.normal(size=(3 * N, N)), rng.normal(size=(3 * N, I)), rng.normal(size=3 * N)
    rec = oracle.Recurrence.gru(*made)
    if kind == "rk4":
        rec = oracle.Network.rate(W, M, B, tau=[0.5, 1.0, 0.75, 2.0]).discretize(step=0.25, scheme="rk4")
    run = samples(X[:4], H0, N=N, I=I)
    question = Question.of(rec, run, stated("functional", None, 4, BATCH, N))
    ops = Float64()
    for deviation in ("transposed-backward-weights", "adjoint-ode-gradient"):
        way = next(each.way for each in alternatives(question, ()) if each.names == (deviation,))
        wrong = assembled(question, backward(ops, question, forward(ops, question), way), lambda v: v)
        assert checked(wrong, rec, inputs=X[:4]).explained_by == deviation
