"""Candidates that misbehave: every one gets a verdict or a three-part error, and leaves the process as it was."""

from __future__ import annotations

import decimal
import functools
import json
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check import candidates, deadline, surroundings
from oracle.check.breach import LONGEST
from oracle.errors import BadInput

Array = NDArray[Any]
RNG = np.random.default_rng(11)
N, I, K, BATCH = 4, 2, 9, 3
W, M, B = RNG.standard_normal((N, N)), RNG.standard_normal((N, I)), RNG.standard_normal(N)
H0, X = RNG.standard_normal(N), RNG.standard_normal((K, I))
H0S, XS = RNG.standard_normal((BATCH, N)), RNG.standard_normal((K, BATCH, I))
REC = oracle.Recurrence.elman(W, M, B)


async def awaited(h: Array, x: Array) -> Array:
    """A step that somebody would have to await; warnings are errors, so that it is not left behind either."""
    return step(h, x)


def step(h: Array, x: Array) -> Array:
    """An honest step."""
    made: Array = np.tanh(h @ W.T + x @ M.T + B)
    return made


def run(h0: Array, X: Array) -> Array:
    """An honest run."""
    states = [h0]
    for x in X:
        states.append(step(states[-1], x))
    return np.stack(states)


def check(candidate: Any, **change: Any) -> oracle.CheckResult:
    """A check of the network of this file."""
    question: dict[str, Any] = {"inputs": X, "h0": H0, **change}
    return oracle.check(candidate, REC, **question)


STATES = run(H0, X)


def raising(error: BaseException) -> Callable[[Array, Array], Array]:
    """A step that raises."""

    def raises(h: Array, x: Array) -> Array:
        raise error

    return raises


class Odd(BaseException):
    """No Exception."""


class Unprintable(Exception):
    """Its own message fails."""

    def __str__(self) -> str:
        raise RuntimeError("no message")


class Unreadable:
    """No array, though it says so."""

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise TypeError("nothing in here")


def every(n: int, wrong: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    """An honest step, but for every n-th call."""
    calls = [0]

    def sometimes(h: Array, x: Array) -> Array:
        calls[0] += 1
        return step(h, x) if calls[0] % n else wrong(step(h, x))

    return sometimes


def second_time(wrong: Callable[[Array, Array], Any]) -> Callable[[Array, Array], Any]:
    """An honest run, once."""
    calls: list[int] = []

    def counted(h0: Array, X: Array) -> Any:
        calls.append(1)
        return run(h0, X) if len(calls) == 1 else wrong(h0, X)

    return counted


def ring(buffers: int) -> Callable[[Array, Array], Array]:
    """An honest step that writes into one of several arrays in turn."""
    kept, calls = [np.zeros(N) for _ in range(buffers)], [0]

    def buffered(h: Array, x: Array) -> Array:
        calls[0] += 1
        kept[calls[0] % buffers][:] = step(h, x)
        return kept[calls[0] % buffers]

    return buffered


def spoiling() -> Callable[[Array, Array], Array]:
    """An honest step that changes the state it was given one call ago."""
    kept: list[Array] = []

    def spoils(h: Array, x: Array) -> Array:
        if kept:
            kept[-1] += 1.0
        kept.append(h)
        return step(h, x)

    return spoils


def recursive(h: Array, x: Array) -> Array:
    """Never ends."""
    return recursive(h, x)


def mixed(h: Array, x: Array) -> Array:
    """Honest for one sample, wrong in a batch."""
    return step(h, x) if h.ndim == 1 else np.roll(step(h, x), 1, axis=0)


SELF: list[Any] = []
SELF.append(SELF)
STEP = {"kind": "step"}
RUN = {"kind": "run"}

FINDINGS: dict[str, tuple[Callable[[], Any], dict[str, Any], str, str]] = {
    "raises a BaseException": (lambda: raising(Odd("x")), STEP, "candidate-raised", "raised Odd: x"),
    "leaves": (lambda: raising(SystemExit(3)), STEP, "candidate-raised", "raised SystemExit: 3"),
    "ends a generator": (lambda: raising(GeneratorExit()), STEP, "candidate-raised", "raised GeneratorExit"),
    "recurses": (lambda: recursive, STEP, "candidate-raised", "RecursionError"),
    "raises what has no message": (lambda: raising(Unprintable()), STEP, "candidate-raised", "cannot be read"),
    "raises control characters": (
        lambda: raising(OSError("\x1b[31m\x07\udc80")),
        STEP,
        "candidate-raised",
        r"OSError: \x07\udc80",
    ),
    "raises a long message": (lambda: raising(OSError("z" * 10**6)), STEP, "candidate-raised", "zzz ..."),
    "raises the oracle's own error": (
        lambda: raising(BadInput("a", "b", "c")),
        STEP,
        "candidate-raised",
        "BadInput: a",
    ),
    "is out of memory": (lambda: raising(MemoryError()), STEP, "candidate-raised", "raised MemoryError"),
    "raises in its second run": (
        lambda: second_time(lambda h0, X: 1 / 0),  # type: ignore[arg-type]
        RUN,
        "not-deterministic",
        "a second one from the same inputs did not: the candidate raised ZeroDivisionError",
    ),
    "changes its shape": (lambda: second_time(lambda h0, X: X), RUN, "not-deterministic", "has shape (9, 2)"),
    "is wrong in its second run": (lambda: second_time(lambda h0, X: run(h0, X) + 1e-9), RUN, "not-deterministic", ""),
    "is wrong every 7th call": (lambda: every(7, lambda h: h + 1e-9), STEP, "not-deterministic", "first at step 5"),
    "has two buffers": (lambda: ring(2), STEP, "views-of-one-buffer", "share one buffer"),
    "has seven buffers": (lambda: ring(7), STEP, "views-of-one-buffer", "share one buffer"),
    "changes its argument later": (spoiling, STEP, "mutates-arguments", "changed its argument h in call 0"),
    "returns what cannot be read": (lambda: lambda h, x: Unreadable(), STEP, "wrong-dtype", "nothing in here"),
    "returns itself": (lambda: lambda h, x: SELF, STEP, "wrong-shape", "different lengths"),
    "returns h and an output": (lambda: lambda h, x: (step(h, x), 0.0), STEP, "wrong-shape", "expected (4,)"),
    "returns h and its copy": (lambda: lambda h, x: (step(h, x),) * 2, STEP, "wrong-shape", "shape (2, 4)"),
    "returns masked states": (
        lambda: lambda h, x: np.ma.masked_array(step(h, x), mask=[1, 0, 0, 0]),
        STEP,
        "masked-values",
        "1 masked",
    ),
    "returns objects": (lambda: lambda h, x: step(h, x).astype(object), STEP, "wrong-dtype", "dtype object"),
    "returns a dictionary": (lambda: lambda h, x: {"h": step(h, x)}, STEP, "wrong-dtype", "is a dict"),
    "is awaited": (lambda: awaited, STEP, "wrong-dtype", "is a coroutine"),
    "yields": (lambda: lambda h0, X: (h for h in run(h0, X)), RUN, "wrong-dtype", "is a generator"),
    "is a generator": (lambda: (h for h in STATES), {}, "wrong-dtype", "is a generator"),
    "is nothing": (lambda: None, {}, "wrong-dtype", "is a NoneType"),
    "is text": (lambda: "states", {}, "wrong-dtype", "dtype <U6"),
    "is a record": (lambda: REC, {}, "wrong-dtype", "is a Recurrence"),
    "is a function, said to be recorded": (lambda: step, {"kind": "trajectory"}, "wrong-dtype", "is a function"),
    "returns a scalar": (lambda: lambda h, x: 0.5, STEP, "wrong-shape", "shape ()"),
    "returns huge integers": (lambda: lambda h, x: np.full(N, 2**62), STEP, "wrong-dtype", "beyond 2^53"),
    "returns dates": (lambda: np.zeros((K, N), dtype="M8[s]"), {}, "wrong-dtype", "datetime64"),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_misbehaviour_is_a_finding(name: str) -> None:
    """Named, in three parts, in a result that can be written down; for identify as for check."""
    make, change, finding, says = FINDINGS[name]
    result = check(make(), **change)
    assert (result.verdict, result.explained_by) == ("fail", finding), result.summary()
    problem = result.problem
    assert isinstance(problem, BadInput)
    assert says in str(problem)
    assert all((problem.seen, problem.meaning, problem.remedy))
    assert len(problem.seen) < 2 * LONGEST
    result.summary().encode("utf-8")
    json.dumps(result.to_dict(), allow_nan=False)
    other = oracle.identify(make(), W=W, M=M, b=B, inputs=X, h0=H0, activation="tanh", **change)
    assert (other.verdict, other.explained_by) == ("fail", finding)


HONEST: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "returns its argument's memory": (lambda: lambda h, x: np.add(0 * h, step(h, x), out=np.empty(N)), STEP),
    "prepared all rows": (lambda: lambda h0, X: run(h0, X).T.copy().T, RUN),
    "returns columns of one array": (lambda: rows_of_one_array(), STEP),
    "is of a subclass": (lambda: STATES.view(Labelled), {}),
    "returns a subclass": (lambda: lambda h, x: step(h, x).view(Labelled), STEP),
    "returns masked arrays without a mask": (lambda: lambda h, x: np.ma.masked_array(step(h, x)), STEP),
    "is big-endian": (lambda: STATES.astype(">f8"), {}),
    "is read-only": (lambda: read_only(STATES), {}),
    "is reversed": (lambda: np.ascontiguousarray(STATES[::-1])[::-1], {}),
    "is wrong in the batch only": (lambda: mixed, STEP),
    "is a partial function": (lambda: functools.partial(lambda b, h, x: np.tanh(W @ h + M @ x + b), B), {}),
    "refuses its attributes": (lambda: Closed(), STEP),
    "returns (K, N)": (lambda: lambda h0, X: run(h0, X)[1:], RUN),
}


def rows_of_one_array() -> Callable[[Array, Array], Array]:
    """A step that keeps all its states as the columns of one array, and returns them: they do not overlap."""
    kept, calls = np.zeros((N, 4 * K)), [0]

    def kept_step(h: Array, x: Array) -> Array:
        calls[0] += 1
        kept[:, calls[0]] = step(h, x)
        return kept[:, calls[0]]

    return kept_step


def read_only(H: Array) -> Array:
    """Write-protected."""
    H = H.copy()
    H.setflags(write=False)
    return H


class Labelled(np.ndarray):
    """Of its own mind about shapes and sums."""

    def __array_function__(self, *_: Any) -> Any:
        raise RuntimeError("not for you")


class Closed:
    """Callable, and nothing else may be asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __call__(self, h: Array, x: Array) -> Array:
        return step(h, x)


@pytest.mark.parametrize("name", HONEST)
def test_unusual_honest_candidates_pass(name: str) -> None:
    """What is strange and no breach is judged by its states alone."""
    make, change = HONEST[name]
    result = check(make(), **change)
    assert result, result.summary()


def test_batched_and_single_results_that_differ() -> None:
    """The candidate that is right alone fails in the batch, and the comparison of the two says so."""
    assert check(mixed, kind="step")
    assert check(mixed, inputs=XS, h0=H0S, kind="step").verdict == "fail"
    assert oracle.compare(step, mixed, REC, inputs=XS, h0=H0S, kind="step").verdict == "fail"


def test_a_first_state_equal_to_h0() -> None:
    """At a fixed point (K, N) and (K+1, N) have equal rows; the number of rows says which it is."""
    rec = oracle.Recurrence.elman(np.array([[0.0, 1.0], [1.0, 0.0]]), activation="identity")
    still = np.full((6, 2), 0.375)
    for rows in (6, 5):
        assert oracle.check(still[:rows], rec, inputs=np.zeros((5, 0)), h0=still[0])
    moved = still.copy()
    moved[-1, 0] += 2.0**-50
    for rows in (0, 1):
        assert oracle.check(moved[rows:], rec, inputs=np.zeros((5, 0)), h0=still[0]).verdict == "fail"


def test_captured_weights_that_change() -> None:
    """The record keeps what was stated, and so does the oracle of inputs and h0."""
    weights, inputs, start = W.copy(), X.copy(), H0.copy()
    rec = oracle.Recurrence.elman(weights, M, B)

    def drifting(h: Array, x: Array) -> Array:
        weights[:] *= 1.01
        inputs[:] = 0.0
        start[:] = 0.0
        return np.tanh(weights @ h + M @ x + B)

    result = oracle.check(drifting, rec, inputs=inputs, h0=start, kind="step")
    assert (result.verdict, result.explained_by) == ("fail", "not-deterministic")
    assert oracle.check(STATES, rec, inputs=X, h0=H0)


@pytest.mark.parametrize("K", [600, 1100, 17_000])
def test_a_run_that_decays_to_nothing(K: int) -> None:
    """Through 1e-160, where squares underflow, and subnormal numbers, to zero: honest; halved once, it is not."""
    rec = oracle.Recurrence.elman([[0.5]])
    states = [np.array([0.7])]
    for _ in range(K):
        states.append(np.tanh(0.5 * states[-1]))
    H = np.stack(states)
    assert oracle.check(H, rec, inputs=np.zeros((K, 0)), h0=H[0])
    H[555] *= 0.5
    assert oracle.check(H, rec, inputs=np.zeros((K, 0)), h0=H[0]).verdict == "fail"


def test_a_run_that_overflows_is_diagnosed() -> None:
    """Weights of 1e299, states that turn infinite: fitted numbers beyond float32 are no reason to crash (found)."""
    W = np.array([[8.89046919e298, -9.34122447e298], [4.52847199e299, 7.41755842e298]])
    b = np.array([-3.78775446e299, 2.55686315e299])
    rec = oracle.Recurrence.elman(W, None, b, activation="relu")
    states = [np.array([6.09569350e-301, 3.15829371e-301])]
    with np.errstate(all="ignore"):
        for _ in range(2):
            states.append(np.maximum(W @ states[-1] + b, 0))
        result = oracle.check(np.stack(states), rec, inputs=np.zeros((2, 0)), h0=states[0])
    assert result.verdict != "pass"
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_usable_step_is_diagnosed(value: float) -> None:
    """A lone unit and a lone step that is not finite: nothing is left to fit, and nothing crashes (found)."""
    rec = oracle.Recurrence.elman(np.array([[0.125]], dtype=np.float32))
    H = np.array([[0.609375], [value]], dtype=np.float32)
    result = oracle.check(H, rec, inputs=np.zeros((1, 0)), h0=H[0])
    assert (result.verdict, result.explained_by) == ("fail", None)


def test_readouts_that_misbehave() -> None:
    """The pair (H, Y): shapes by name, batches first, another readout in the second run, no numbers."""
    C, d = RNG.standard_normal((2, N)), RNG.standard_normal(2)

    def pair(h0: Array, X: Array) -> tuple[Array, Array]:
        return run(h0, X), run(h0, X) @ C.T + d

    def turned(h0: Array, X: Array) -> tuple[Array, ...]:
        return tuple(part.swapaxes(0, 1) for part in pair(h0, X.swapaxes(0, 1)))

    assert check(pair, observe=(C, d))
    assert check(turned, observe=(C, d), inputs=XS.swapaxes(0, 1), h0=H0S, batch_first=True)
    assert check(pair, observe=(C, d), inputs=XS[:, :0], h0=None).verdict == "undecided"
    calls: list[int] = []

    def forgets(h0: Array, X: Array) -> tuple[Array, Array]:
        calls.append(1)
        return run(h0, X), run(h0, X) @ C.T + d * (len(calls) == 1)

    assert check(forgets, observe=(C, d)).diagnosis[0].name == "wrong-readout"
    for Y in ("y", None, [[1.0], [1.0, 2.0]], np.full((K + 1, 2), np.nan), 0.5, np.zeros((K + 1, 2)) + 0j):
        assert check(lambda h0, X, Y=Y: (run(h0, X), Y), kind="run", observe=(C, d)).verdict == "fail"
    for wrong in ((C[:, :3], d), (C, d[:1]), (C.T, d)):
        with pytest.raises(BadInput, match="expected \\(readouts, 4\\)"):
            check(pair, observe=wrong)


@pytest.mark.parametrize("kind", ["step", "run", "trajectory", None])
@pytest.mark.parametrize("shape", [(0, I), (0, BATCH, I), (K, 0, I), (0, 0, I)])
def test_nothing_to_check_is_undecided_and_calls_nothing(kind: str | None, shape: tuple[int, ...]) -> None:
    """K = 0 or a batch of none: "undecided", whatever the candidate would do."""
    rows = np.zeros((shape[0] + 1, *shape[1:-1], N))
    candidate = rows if kind == "trajectory" else raising(AssertionError("called"))
    result = check(candidate, inputs=np.zeros(shape), h0=None, kind=kind, batch_first=False)
    assert (result.verdict, bool(result), result.problem) == ("undecided", False, None)
    assert oracle.identify(candidate, W=W, M=M, b=B, inputs=np.zeros(shape), kind=kind, batch_first=False).verdict == (
        "undecided"
    )


UNCLEAR: dict[str, tuple[Any, dict[str, Any], str]] = {
    "module that is none": (step, {"kind": "module"}, "kind is 'module', and the candidate is a function"),
    "array as a run": (STATES, {"kind": "run"}, "kind is 'run', and the candidate is a ndarray"),
    "neither, and why": (lambda a, b: 1 / 0, {}, "as step it raised ZeroDivisionError: division by zero"),
    "neither, and which shapes": (lambda a, b: np.zeros(7), {}, "as run it returned shape (7,)"),
    "text in the inputs": (step, {"inputs": np.array([["a", "b"]], dtype=object)}, "no floats"),
    "generator of inputs": (step, {"inputs": (x for x in X)}, "no floats"),
    "inputs beyond floats": (step, {"inputs": [[10**400, 1]]}, "no floats"),
    "ragged inputs": (step, {"inputs": [[1.0], [1.0, 2.0]]}, "not rectangular"),
    "masked inputs": (step, {"inputs": np.ma.masked_array(X, mask=X > 0)}, "masked"),
    "masked h0": (step, {"h0": np.ma.masked_array(H0, mask=H0 > 0)}, "masked"),
    "unreadable inputs": (step, {"inputs": Unreadable()}, "cannot be read"),
    "time limit of nothing": (step, {"time_limit": 0}, "time_limit is 0"),
    "time limit in words": (step, {"time_limit": "1 s"}, "time_limit is '1 s'"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_an_unclear_question_says_what_was_seen(name: str) -> None:
    """Three parts, and values in the first."""
    candidate, change, says = UNCLEAR[name]
    with pytest.raises(BadInput) as caught:
        check(candidate, **change)
    assert says in caught.value.seen
    assert caught.value.meaning
    assert caught.value.remedy


def test_control_flow_passes_through() -> None:
    """Ctrl-C, a skipped test and a rejected example are for whoever called."""
    hypothesis = pytest.importorskip("hypothesis")
    for error, make in (
        (KeyboardInterrupt, lambda: raising(KeyboardInterrupt())),
        (pytest.skip.Exception, lambda: lambda h, x: pytest.skip("not here")),
        (hypothesis.errors.UnsatisfiedAssumption, lambda: raising(hypothesis.errors.UnsatisfiedAssumption())),
    ):
        for kind in ("step", "run", None):
            with pytest.raises(error):
                check(make(), kind=kind)
            with pytest.raises(error):
                oracle.check_gradient(make_backward(make()), REC, inputs=X, h0=H0)


def make_backward(wrong: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """A backward pass that does what a step does."""
    return lambda h0, X, objective: wrong(h0, X)


def _folder(h: Array, x: Array) -> Array:
    os.chdir("/")
    return step(h, x)


def _modes(h: Array, x: Array) -> Array:
    np.seterr(all="raise")
    np.seterrcall(print)
    return step(h, x)


def _printing(h: Array, x: Array) -> Array:
    np.set_printoptions(precision=2)
    decimal.getcontext().prec = 5
    sys.setrecursionlimit(sys.getrecursionlimit() + 7)
    return step(h, x)


def _filters(h: Array, x: Array) -> Array:
    warnings.simplefilter("ignore")
    os.environ["CANDIDATE"] = "was here"
    return step(h, x)


def _draws(h: Array, x: Array) -> Array:
    np.random.random()  # noqa: NPY002 - what is tested
    random.random()
    return step(h, x)


def _stream(h: Array, x: Array) -> Array:
    sys.stdout = sys.stderr
    return step(h, x)


CHANGES = {
    "folder": (_folder, "the working folder"),
    "modes": (_modes, "handling of floating-point errors"),
    "printing": (_printing, "NumPy's printing, the recursion limit, the precision of decimals"),
    "filters": (_filters, ""),
    "draws": (_draws, ""),
    "stream": (_stream, "sys.stdout"),
}


def surroundings_now() -> list[Any]:
    """What the caller would miss."""
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return [
        os.getcwd(),
        np.geterr(),
        np.geterrcall(),
        str(np.get_printoptions()),
        decimal.getcontext().prec,
        sys.getrecursionlimit(),
        list(warnings.filters),
        dict(os.environ),
        (kind, bytes(np.asarray(keys)), rest, random.getstate()),
        sys.stdout,
        signal.getsignal(signal.SIGALRM),
        signal.getitimer(signal.ITIMER_REAL)[1],
        threading.active_count(),
    ]


@contextmanager
def restored() -> Iterator[None]:
    """The test's own surroundings, for the planted faults."""
    with surroundings.preserved():
        yield


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_candidate_changes_is_put_back(name: str) -> None:
    """For check, identify and check_gradient, whether it passes or raises afterwards; and what matters is noted."""
    candidate, told = CHANGES[name]

    def failing(h: Array, x: Array) -> Array:
        candidate(h, x)
        raise ValueError

    before = surroundings_now()
    result = check(candidate)
    assert result
    noted = [finding.text for finding in result.diagnosis if finding.name == "changes-global-state"]
    assert (told in noted[0]) if told else not noted
    check(failing, kind="step")
    oracle.identify(candidate, W=W, M=M, b=B, inputs=X, h0=H0, activation="tanh")
    oracle.check_gradient(make_backward(failing), REC, inputs=X, h0=H0)
    assert surroundings_now() == before


@pytest.mark.parametrize("name", CHANGES)
def test_without_putting_back_it_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: nothing is kept."""
    before = surroundings_now()
    with restored():
        monkeypatch.setattr(surroundings, "ALWAYS", ())
        check(CHANGES[name][0])
        changed = surroundings_now() != before
        monkeypatch.undo()
    assert changed


def test_a_candidate_cannot_make_the_oracle_raise() -> None:
    """Errors as exceptions, set by the candidate or by the caller, are not those of the oracle's own arithmetic."""
    rec = oracle.Recurrence.elman(W * 1e-200, M * 1e-200)
    with np.errstate(all="raise"):
        assert check(_modes)
        small = oracle.check(np.zeros((3, N)), rec, inputs=1e-200 * X[:2], h0=np.full(N, 1e-300))
    assert small.verdict in ("fail", "undecided", "pass")


def test_generators_are_not_reset_between_calls() -> None:
    """A candidate that draws from the global generator is random, and is seen to be."""

    def drawing(h: Array, x: Array) -> Array:
        return step(h, x) + 1e-3 * np.random.standard_normal(N)  # noqa: NPY002 - what is tested

    assert check(drawing).explained_by == "not-deterministic"


def test_the_time_limit() -> None:
    """A candidate that does not end is interrupted, swallowed alarms or not, and nothing of it is left."""

    def endless(h: Array, x: Array) -> Array:
        while True:
            pass

    def stubborn(h: Array, x: Array) -> Array:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                time.sleep(20)
            except BaseException:
                if time.monotonic() > start + 0.3:
                    raise
        return step(h, x)

    before = surroundings_now()
    for candidate, kind in ((endless, "step"), (endless, None), (stubborn, "step")):
        start = time.monotonic()
        result = check(candidate, kind=kind, time_limit=0.1)
        assert time.monotonic() - start < 10
        assert (result.verdict, result.explained_by) == ("undecided", None)
        assert result.problem is not None
        assert "still running after 0.1 s" in result.problem.seen
    gradient = oracle.check_gradient(make_backward(endless), REC, inputs=X, h0=H0, time_limit=0.1)
    assert gradient.verdict == "undecided"
    assert check(step, time_limit=60)
    assert surroundings_now() == before


def test_an_alarm_of_the_caller_still_goes_off() -> None:
    """The caller's own timer is put back with the time that is left, or left alone where it comes first."""
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 50.0)
        assert check(step, time_limit=5)
        assert 40 < signal.getitimer(signal.ITIMER_REAL)[0] <= 50
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        slow = lambda h, x: (time.sleep(0.02), step(h, x))[1]  # noqa: E731
        assert check(slow, kind="step", time_limit=5)
        assert rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_time_limit_needs_the_main_thread() -> None:
    """Elsewhere it is refused, not ignored."""
    said: list[str] = []

    def elsewhere() -> None:
        try:
            check(step, time_limit=1)
        except BadInput as error:
            said.append(error.seen)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "outside the main thread" in said[0]


@pytest.mark.parametrize(
    ("where", "what", "names"),
    [
        (candidates, "_changed_later", ("has two buffers", "changes its argument later")),
        (candidates, "_run_again", ("is wrong in its second run", "raises in its second run")),
    ],
)
def test_blind_watching_is_noticed(where: Any, what: str, names: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted faults: without looking again, without a second run, these findings are gone."""
    monkeypatch.setattr(where, what, lambda *_: [])
    for name in names:
        with pytest.raises(AssertionError):
            test_misbehaviour_is_a_finding(name)


def test_limits_are_read_once() -> None:
    """None is no limit; the main thread may set any positive one."""
    assert deadline.seconds(None) is None
    assert deadline.seconds(3) == 3.0
    for wrong in (True, -1, float("nan"), float("inf"), [1]):
        with pytest.raises(BadInput, match="time_limit is"):
            deadline.seconds(wrong)
