"""The contract for candidates: what may be handed in, what is refused, and what every result says about it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check.candidates import Recording
from oracle.errors import BadInput

Array = NDArray[Any]
RNG = np.random.default_rng(1)
N, I, K, BATCH = 4, 2, 6, 3
W, M, B = RNG.standard_normal((N, N)), RNG.standard_normal((N, I)), RNG.standard_normal(N)
H0, X = RNG.standard_normal(N), RNG.standard_normal((K, I))
H0S, XS = RNG.standard_normal((BATCH, N)), RNG.standard_normal((K, BATCH, I))
REC = oracle.Recurrence.elman(W, M, B)


def step(h: Array, x: Array) -> Array:
    """An honest step, with or without a batch; computes in the dtype it is given."""
    parts = [part.astype(h.dtype) for part in (W, M, B)]
    result: Array = np.tanh(h @ parts[0].T + x @ parts[1].T + parts[2])
    return result


def one_step(h: Array, x: Array) -> Array:
    """The same without a batch; raises where there is more than one sample."""
    result: Array = np.tanh(W @ h + M @ x + B)
    return result


def run(h0: Array, X: Array) -> Array:
    """An honest run that returns h0 and all states."""
    states = [h0]
    for x in X:
        states.append(step(states[-1], x))
    return np.stack(states)


def check(candidate: Any, **change: Any) -> oracle.CheckResult:
    """A check of the network of this file."""
    question: dict[str, Any] = {"inputs": X, "h0": H0, **change}
    return oracle.check(candidate, question.pop("rec", REC), **question)


STATES = run(H0, X)
ACCEPTED: dict[str, tuple[Any, dict[str, Any]]] = {
    "step": (step, {}),
    "step, said so": (step, {"kind": "step"}),
    "run": (run, {}),
    "run without h0": (lambda h0, X: run(h0, X)[1:], {}),
    "run, kind not told by its names": (lambda a, b: run(a, b), {}),
    "step, kind not told by its names": (lambda a, b: one_step(a, b), {}),
    "step(state, inputs)": (lambda state, inputs: one_step(state, inputs), {}),
    "recorded (K+1, N)": (STATES, {}),
    "recorded (K, N)": (STATES[1:], {}),
    "list of lists": (STATES.tolist(), {}),
    "list of states": (list(STATES), {}),
    "run that returns a list": (lambda h0, X: list(run(h0, X)), {}),
    "input before state": (oracle.as_step(lambda x, h: step(h, x)), {"kind": "step"}),
    "carry": (oracle.as_step(lambda h, x: (step(h, x), 0), "carry"), {"kind": "step"}),
    "batched step": (step, {"inputs": XS, "h0": H0S}),
    "batched run": (run, {"inputs": XS, "h0": H0S}),
    "batched record": (run(H0S, XS), {"inputs": XS, "h0": H0S}),
    "one h0 for the batch": (step, {"inputs": XS}),
    "batch of one": (run, {"inputs": XS[:, :1], "h0": H0S[:1]}),
    "batch first": (
        lambda h0, X: run(h0, X.swapaxes(0, 1)).swapaxes(0, 1),
        {"inputs": XS.swapaxes(0, 1), "h0": H0S, "batch_first": True},
    ),
    "K == batch, said so": (run, {"inputs": XS[:BATCH], "h0": H0S, "batch_first": False}),
    "one step": (run, {"inputs": X[:1]}),
    "float32 promised": (step, {"promised": "float32"}),
    "float32 promised as a dtype": (step, {"promised": np.float32}),
    "written down in float32": (STATES.astype(np.float32), {"recorded": "float32"}),
    "written down in six digits": (
        [[float(f"{value:.6g}") for value in row] for row in STATES],
        {"recorded": "decimal-6"},
    ),
    "zero initial state": (run, {"h0": None}),
    "Fortran order": (np.asfortranarray(STATES), {}),
    "reversed view": (STATES[::-1].copy()[::-1], {}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_honest_candidates_of_every_kind_pass(name: str) -> None:
    """Each kind of candidate the contract lists is accepted, judged and passes."""
    candidate, change = ACCEPTED[name]
    result = check(candidate, **change)
    assert result, result.summary()
    assert result.worst <= 1
    assert result.problem is None
    assert result.explained_by == "elman"


@pytest.mark.parametrize("name", [name for name in ACCEPTED if "one step" not in name])
def test_the_same_candidates_of_another_network_fail(name: str) -> None:
    """Handing in is not passing: with a weight of the record changed by 2 % every kind of candidate fails."""
    candidate, change = ACCEPTED[name]
    other = W.copy()
    other[1, 2] *= 1.02
    result = check(candidate, rec=oracle.Recurrence.elman(other, M, B), **change)
    assert result.verdict == "fail"
    assert result.first is not None
    assert result.first.unit == 1


def test_no_inputs_at_all() -> None:
    """I = 0 and N = 1: a lone unit that decays."""
    rec = oracle.Recurrence.leaky([[0.5]], alpha=0.25)
    lone = oracle.simulate(rec, np.zeros((5, 0)), [0.75])
    assert oracle.check(lone, rec, inputs=np.zeros((5, 0)), h0=[0.75])
    assert oracle.check(lambda h, x: 0.75 * h + 0.25 * np.tanh(0.5 * h), rec, inputs=np.zeros((5, 0)), h0=[0.75])
    assert not oracle.check(lone * 1.001, rec, inputs=np.zeros((5, 0)), h0=[0.75])


@pytest.mark.parametrize("candidate", [STATES[:1], STATES[:0], run, step])
def test_no_steps_decide_nothing(candidate: Any) -> None:
    """K = 0 is no pass: nothing was checked."""
    result = check(candidate, inputs=X[:0], kind=None if isinstance(candidate, np.ndarray) else candidate.__name__)
    assert result.verdict == "undecided"
    assert result.steps == 0
    assert not result


def test_an_empty_batch_decides_nothing() -> None:
    """A batch of none."""
    assert check(np.zeros((K + 1, 0, N)), inputs=XS[:, :0], h0=None).verdict == "undecided"


def _mutates(h: Array, x: Array) -> Array:
    h += 1.0
    return step(h - 1.0, x)


def _mutates_input(h: Array, x: Array) -> Array:
    x *= 2.0
    return step(h, x / 2.0)


class _Buffer:
    def __init__(self) -> None:
        self.state = np.zeros(N)

    def __call__(self, h: Array, x: Array) -> Array:
        self.state[:] = step(h, x)
        return self.state


def _buffered_run(h0: Array, X: Array) -> list[Array]:
    state, states = h0.copy(), []
    for x in X:
        state[:] = step(state, x)
        states.append(state)
    return states


def _noisy() -> Callable[[Array, Array], Array]:
    rng = np.random.default_rng(9)
    return lambda h, x: step(h, x) + 1e-3 * rng.standard_normal(N)


def _counting() -> Callable[[Array, Array], Array]:
    calls: list[int] = []

    def counted(h0: Array, X: Array) -> Array:
        calls.append(1)
        return run(h0, X) + 0.1 * (len(calls) - 1)

    return counted


def _raises(h: Array, x: Array) -> Array:
    raise ZeroDivisionError("division by zero")


BREACHES: dict[str, tuple[Callable[[], Any], str, dict[str, Any], str]] = {
    "raises": (lambda: _raises, "candidate-raised", {"kind": "step"}, "raised ZeroDivisionError"),
    "changes its state": (lambda: _mutates, "mutates-arguments", {"kind": "step"}, "changed its argument h in call 0"),
    "changes its input": (lambda: _mutates_input, "mutates-arguments", {"kind": "step"}, "changed its argument x"),
    "returns its buffer": (_Buffer, "views-of-one-buffer", {"kind": "step"}, "share one buffer"),
    "fills a list with its buffer": (lambda: _buffered_run, "views-of-one-buffer", {}, "share one buffer"),
    "broadcasts one state": (
        lambda: lambda h0, X: np.broadcast_to(h0, (K + 1, N)),
        "views-of-one-buffer",
        {"kind": "run"},
        "share one buffer",
    ),
    "is random": (_noisy, "not-deterministic", {"kind": "step"}, "two runs from the same inputs differ"),
    "keeps state between calls": (_counting, "not-deterministic", {"kind": "run"}, "two runs from the same inputs"),
    "returns the last state": (lambda: lambda h0, X: run(h0, X)[-1], "wrong-shape", {"kind": "run"}, r"shape \(4,\)"),
    "returns ragged rows": (lambda: lambda h, x: [[1.0, 2.0], [1.0]], "wrong-shape", {"kind": "step"}, "lengths"),
    "returns a readout": (lambda: lambda h, x: step(h, x)[:3], "wrong-shape", {"kind": "step"}, r"expected \(4,\)"),
    "returns complex": (lambda: STATES.astype(complex), "wrong-dtype", {}, "complex128"),
    "returns text": (lambda: lambda h, x: "h", "wrong-dtype", {"kind": "step"}, "dtype <U1"),
    "returns nothing": (lambda: lambda h, x: None, "wrong-dtype", {"kind": "step"}, "dtype object"),
    "returns booleans": (lambda: lambda h, x: step(h, x) > 0, "wrong-dtype", {"kind": "step"}, "dtype bool"),
    "returns long doubles": (lambda: STATES.astype(np.longdouble), "wrong-dtype", {}, "longdouble|float128"),
    "has one step too many": (lambda: np.vstack([STATES, STATES[:2]]), "wrong-shape", {}, r"\(9, 4\)"),
    "has the batch first": (
        lambda: run(H0S, XS).swapaxes(0, 1),
        "wrong-shape",
        {"inputs": XS, "h0": H0S},
        r"\(3, 7, 4\); expected",
    ),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_of_contract_is_named_in_the_result(name: str) -> None:
    """The result fails, names the breach, and carries a message in three parts; nothing is raised."""
    make, finding, change, says = BREACHES[name]
    result = check(make(), **change)
    assert result.verdict == "fail"
    assert result.explained_by == finding
    assert isinstance(result.problem, BadInput)
    assert all((result.problem.seen, result.problem.meaning, result.problem.remedy))
    assert re.search(says, str(result.problem))
    assert str(result.problem) in result.summary()
    assert json.loads(json.dumps(result.to_dict()))["problem"]
    with pytest.raises(oracle.CheckFailed) as failed:
        oracle.assert_follows(
            make(), REC, inputs=change.get("inputs", X), h0=change.get("h0", H0), kind=change.get("kind")
        )
    assert failed.value.result.explained_by == finding


def test_float32_where_float64_was_promised() -> None:
    """The narrower type is a finding and a problem, whoever narrows: the step, the run, or the recorded array."""
    for candidate in (
        lambda h, x: step(h.astype(np.float32), x.astype(np.float32)),
        lambda h0, X: run(h0, X).astype(np.float32),
        STATES.astype(np.float32),
    ):
        result = check(candidate)
        assert result.verdict == "fail"
        assert result.explained_by == "precision:float32"
        assert result.problem is not None
        assert "states are float32; float64 was promised" in result.problem.seen
    assert check(STATES.astype(np.float16)).computed_in == "float16"
    assert check(STATES.astype(np.float16), recorded="float32").verdict == "fail"


UNCLEAR: dict[str, tuple[dict[str, Any], str]] = {
    "K equals the batch": ({"inputs": XS[:BATCH], "h0": H0S}, "K equals the batch"),
    "inputs of another network": ({"inputs": X[:, :1]}, "inputs have 1 channels; the recurrence has 2"),
    "inputs without channels": ({"inputs": X[:, 0]}, "input axis is missing"),
    "no inputs": ({"inputs": None}, "inputs are missing"),
    "NaN in the inputs": ({"inputs": np.where(np.arange(I) == 1, np.nan, X)}, r"inputs\[0, 1\] is nan"),
    "h0 of another network": ({"h0": np.ones(3)}, r"h0 has shape \(3,\)"),
    "infinite h0": ({"h0": np.full(N, np.inf)}, r"h0\[0\] is inf"),
    "kind": ({"kind": "runs"}, "kind is 'runs'"),
    "precision": ({"promised": "float31"}, "precision 'float31' is not known"),
    "recorded": ({"recorded": "decimal-0"}, "decimal-0"),
    "observe": ({"observe": "rates"}, "observe is 'rates'"),
    "noise": ({"noise": 0.1}, "noise is 0.1"),
    "no equation": ({"rec": None}, "rec is NoneType"),
    "a network": ({"rec": oracle.Network.rate(W, M, B)}, "continuous-time network"),
    "float16 inputs overflow": ({"inputs": X * 1e6, "promised": "float16"}, "overflow in float16"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_an_unclear_question_is_refused(name: str) -> None:
    """What is wrong with the question, and not with the candidate, is raised as BadInput in three parts."""
    change, says = UNCLEAR[name]
    with pytest.raises(BadInput, match=says) as caught:
        check(step, **change)
    assert caught.value.meaning
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: oracle.Recurrence.elman(np.where(np.eye(N) == 1, np.nan, W)), r"W\[0, 0\] is nan"),
        (lambda: oracle.Recurrence.elman(W[:3]), r"W is \(3, 4\); expected square"),
        (lambda: oracle.Recurrence.elman(W, M.T), r"M is \(2, 4\); expected \(4, inputs\)"),
        (lambda: oracle.Recurrence.elman(W, M, B[:2]), r"b is \(2,\); expected \(4,\)"),
        (lambda: oracle.Network.rate(W, tau=0), "tau is 0.0; expected > 0"),
        (lambda: oracle.Network.rate(W, tau=[1, 1, 0, 1]), "tau is 0.0; expected > 0"),
        (lambda: oracle.Recurrence.leaky(W, alpha=-0.5), "alpha is -0.5"),
        (lambda: oracle.Recurrence.elman(W, activation="tahn"), "(?s)tahn.*tanh"),
    ],
)
def test_bad_parameters_are_refused_by_name(make: Callable[[], Any], says: str) -> None:
    """NaN in W, shapes that disagree, tau = 0, an unknown activation (with the nearest name)."""
    with pytest.raises(BadInput, match=says) as caught:
        make()
    assert caught.value.remedy


def test_a_truncated_file_is_refused(tmp_path: Any) -> None:
    """The native file cut in half."""
    whole = tmp_path / "net.json"
    oracle.save(REC, whole)
    cut = tmp_path / "cut.json"
    cut.write_text(whole.read_text()[: len(whole.read_text()) // 2])
    with pytest.raises(BadInput) as caught:
        oracle.load(cut)
    assert caught.value.remedy


def test_both_kinds_fit() -> None:
    """A candidate that works as a step and as a run has to say which it is."""
    with pytest.raises(BadInput, match="works as step and as run"):
        oracle.check(lambda a, b: np.zeros((*np.shape(b)[:-1], N)) if np.ndim(b) > 1 else a, REC, inputs=X, h0=H0)
    with pytest.raises(BadInput, match="neither as step nor as run"):
        oracle.check(lambda a, b: 1.0, REC, inputs=X, h0=H0)


@pytest.mark.parametrize("at", [1, 3, K])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("recorded", [None, "float32", "decimal-6"])
def test_one_state_that_is_not_finite_fails(at: int, value: float, recorded: str | None) -> None:
    """Never a pass and never undecided: the exact step is finite."""
    broken = STATES.copy()
    broken[at, 2] = value
    result = check(broken, recorded=recorded)
    assert result.verdict == "fail"
    assert result.worst == np.inf
    assert result.first is not None
    assert (result.first.step, result.first.unit) == (at, 2)


def test_nan_to_the_end_fails() -> None:
    """A run that turned NaN and stayed NaN."""
    broken = STATES.copy()
    broken[2:] = np.nan
    for recorded in (None, "float32"):
        assert check(broken, recorded=recorded).verdict == "fail"


GROWING = np.array([[1.3, 0.4], [0.2, 1.1]])


def growing(promised: str, start: float = 0.5, batch: int = 1, steps: int = 3000) -> tuple[oracle.Recurrence, Array]:
    """An unstable relu network, and the states of an honest program that leaves the range, (K+1, batch, 2)."""
    dtype = np.dtype(promised)
    given = GROWING.astype(dtype)
    rec = oracle.Recurrence.elman(given, activation="relu")
    states = [np.full((batch, 2), start, dtype) * np.array([[1.0, 0.75]], dtype)]
    with np.errstate(all="ignore"):
        for _ in range(steps):
            states.append(np.maximum(states[-1] @ given.T, 0))
    return rec, np.array(states)


@pytest.mark.parametrize("promised", ["float64", "float32", "float16"])
def test_an_honest_overflow_is_undecided(promised: str) -> None:
    """From infinity on nothing is told, and the result says from which step; what is wrong before it fails as ever."""
    rec, H = growing(promised, batch=2)
    question: dict[str, Any] = {"inputs": np.zeros((len(H) - 1, 2, 0)), "promised": promised, "batch_first": False}
    result = oracle.check(H, rec, h0=H[0], **question)
    assert (result.verdict, result.explained_by) == ("undecided", None)
    first = int(np.flatnonzero(~np.isfinite(H).all(axis=(1, 2)))[0])
    assert any(f"steps from {first} on" in str(unseen) for unseen in result.unseen)
    again = H.copy()
    again[first + 2 :] = H[: len(H) - first - 2]  # a program that starts anew is judged again from there on
    assert oracle.check(again, rec, h0=H[0], **question).verdict != "pass"
    again[first + 4, 0, 1] *= 1.5
    assert oracle.check(again, rec, h0=H[0], **question).verdict == "fail"
    H[first // 2, 1, 0] *= 1.5
    assert oracle.check(H, rec, h0=H[0], **question).verdict == "fail"


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_infinity_far_below_the_range_is_no_overflow(value: float) -> None:
    """A state far below the largest number fails, and in a batch only the trajectory that overflows is spared."""
    rec, H = growing("float32", batch=2)
    H[:, 1] = growing("float32", start=1e-30, steps=len(H) - 1)[1][:, 0]
    last = int(np.flatnonzero(np.isfinite(H[:, 0]).all(axis=1))[-1])
    question: dict[str, Any] = {"inputs": np.zeros((last + 5, 2, 0)), "promised": "float32", "batch_first": False}
    H = H[: last + 6]
    assert oracle.check(H, rec, h0=H[0], **question).verdict == "undecided"
    H[last + 3, 1, 0] = value
    assert oracle.check(H, rec, h0=H[0], **question).verdict == "fail"
    early = H[: last - 20].copy()
    early[-1, 0, 1] = value
    assert (
        oracle.check(early, rec, h0=H[0], **{**question, "inputs": np.zeros((len(early) - 1, 2, 0))}).verdict == "fail"
    )


def test_huge_weights_pass_when_they_are_used_right() -> None:
    """W of 1e300 on states of 1e-300: judged, not given up on."""
    rec = oracle.Recurrence.elman(W * 1e300, activation="tanh")
    states = 1e-300 * RNG.standard_normal((1, N))
    H = np.stack([states[0], np.tanh(W * 1e300 @ states[0])])
    assert oracle.check(H, rec, inputs=np.zeros((1, 0)), h0=H[0])
    assert not oracle.check(H * [[1], [1 + 1e-12]], rec, inputs=np.zeros((1, 0)), h0=H[0])


def test_a_wrong_first_row_is_a_violation_at_step_zero() -> None:
    """H[0] has to be h0, up to the precision it was stored in."""
    shifted = STATES.copy()
    shifted[0, 3] += 1e-9
    result = check(shifted)
    assert result.verdict == "fail"
    assert result.first is not None
    assert (result.first.step, result.first.unit) == (0, 3)
    assert check(np.vstack([STATES[:1].astype(np.float32), STATES[1:]]), promised="float32")


def test_where_the_first_violation_is() -> None:
    """Step, unit, trajectory, residual and ulps of the first residual outside, in a batch."""
    H = run(H0S, XS)
    H[4, 1, 2] += 1e-6
    result = check(H, inputs=XS, h0=H0S)
    assert result.first is not None
    assert (result.first.step, result.first.trajectory, result.first.unit) == (4, 1, 2)
    assert result.first.residual == pytest.approx(1e-6, rel=1e-3)
    assert result.first.ulps == pytest.approx(1e-6 / np.spacing(abs(H[4, 1, 2])), rel=1e-2)
    assert result.residuals is not None
    assert result.residuals.shape == (K,)
    assert int(np.argmax(result.residuals)) == 3


def test_default_promise_is_the_dtype_of_the_parameters() -> None:
    """float32 weights promise float32; lists promise float64."""
    narrow = oracle.Recurrence.elman(*(part.astype(np.float32) for part in (W, M, B)))
    assert check(step, rec=narrow).promised == "float32"
    assert check(step, rec=oracle.Recurrence.elman(W.tolist(), M.tolist(), B.tolist())).promised == "float64"


def test_promised_precision_is_named_however_it_was_stated() -> None:
    """A breach reports float32, not the repr of a type."""
    assert check(_raises, promised=np.float32, kind="step").promised == "float32"


def test_unknown_orders_of_a_step() -> None:
    """as_step knows two orders."""
    with pytest.raises(BadInput, match="order is 'hx'"):
        oracle.as_step(step, "hx")


def test_torch_tensors_are_read() -> None:
    """A recorded tensor, a step that returns one, and one that still requires a gradient."""
    torch = pytest.importorskip("torch")
    assert check(torch.tensor(STATES))
    assert check(torch.tensor(STATES, requires_grad=True))
    assert check(lambda h, x: torch.tensor(step(h, x)), kind="step")
    assert not check(torch.tensor(STATES.T.copy()))


def test_recording_has_a_batch_axis() -> None:
    """The internal form of every candidate."""
    assert Recording(np.zeros((K + 1, 1, N)), "float64", True).breaches == []


def test_a_passing_candidate_may_differ_between_runs() -> None:
    """Another order of summation in the second run is rounding, not a breach: every run is judged on its own."""
    order = [np.arange(N), np.arange(N)[::-1]]

    def varying(h0: Array, X: Array) -> Array:
        order.reverse()
        states = [h0]
        for x in X:
            z = sum((W[:, j] * states[-1][j] for j in order[0]), np.zeros(N))
            states.append(np.tanh(z + M @ x + B))
        return np.stack(states)

    assert not np.array_equal(varying(H0, X), varying(H0, X))
    assert check(varying)
