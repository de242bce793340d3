"""Backward passes and stochastic candidates that misbehave: a verdict or a three-part error, never anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check import backward
from oracle.errors import BadInput

Array = NDArray[Any]
RNG = np.random.default_rng(12)
N, I, K = 3, 2, 5
W, M, B = RNG.standard_normal((N, N)), RNG.standard_normal((N, I)), RNG.standard_normal(N)
H0, X = RNG.standard_normal(N), RNG.standard_normal((K, I))
REC = oracle.Recurrence.elman(W, M, B)
LEAKY = oracle.Recurrence.leaky(W, M, B, alpha=0.25)


def backpropagated(h0: Array, X: Array, objective: Any) -> dict[str, Any]:
    """Honest backpropagation through time."""
    states = [h0]
    for x in X:
        states.append(np.tanh(W @ states[-1] + M @ x + B))
    dH = objective.cotangent(np.stack(states))
    dW, dM, db, carried = np.zeros_like(W), np.zeros_like(M), np.zeros_like(B), np.zeros_like(h0)
    for k in range(len(X) - 1, -1, -1):
        dz = (carried + dH[k + 1]) * (1 - states[k + 1] ** 2)
        dW, dM, db, carried = dW + np.outer(dz, states[k]), dM + np.outer(dz, X[k]), db + dz, W.T @ dz
    return {"W": dW, "M": dM, "b": db, "h0": carried}


def checked(candidate: Any, **change: Any) -> Any:
    """A check of the gradient."""
    return oracle.check_gradient(candidate, REC, inputs=X, h0=H0, **change)


def without(name: str, value: Any) -> Callable[..., Any]:
    """The honest pass with one gradient replaced."""
    return lambda *question: {**backpropagated(*question), name: value}


def doubling(h0: Array, X: Array, objective: Any) -> dict[str, Any]:
    """Doubles the loss it was given, and its arguments, before it differentiates it."""
    np.multiply(objective.array, 2, out=objective.array)
    return backpropagated(h0, X, objective)


def spoiling(h0: Array, X: Array, objective: Any) -> dict[str, Any]:
    """Honest, and then writes into all it was given."""
    made = backpropagated(h0, X, objective)
    h0 += 1
    X += 1
    np.add(objective.array, 1, out=objective.array)
    return made


def test_the_honest_pass_passes() -> None:
    """Also where it writes into its own copies; the loss of the question stays what it was."""
    assert checked(backpropagated)
    assert checked(spoiling)
    assert checked(doubling).verdict == "fail"


def test_a_loss_that_is_shared_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: where candidates get the question's own array, the doubled loss passes."""
    monkeypatch.setattr(
        backward.Objective, "of", staticmethod(lambda loss, *_: backward.Objective(loss.kind, loss.array[:, 0]))
    )
    assert checked(doubling)


BREACHES: dict[str, tuple[Callable[..., Any], str]] = {
    "raises": (lambda *_: 1 / 0, "raised ZeroDivisionError"),
    "leaves": (lambda *_: exit(1), "raised SystemExit"),
    "ragged": (without("W", [[1.0], [1.0, 2.0]]), "cannot be read"),
    "text": (without("W", "W"), "dtype <U1"),
    "nothing": (without("W", None), "dtype object"),
    "complex": (without("W", W + 0j), "complex128"),
    "another shape": (without("W", W[:2]), "has shape (2, 3); expected (3, 3)"),
    "masked": (without("W", np.ma.masked_array(W, mask=W > 0)), "masked"),
}


@pytest.mark.parametrize("name", BREACHES)
def test_misbehaviour_is_a_finding(name: str) -> None:
    """Three parts, and a failed result."""
    candidate, says = BREACHES[name]
    result = checked(candidate)
    assert result.verdict == "fail"
    assert isinstance(result.problem, BadInput)
    assert says in str(result.problem)
    assert all((result.problem.seen, result.problem.meaning, result.problem.remedy))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("name", ["W", "M", "b", "h0"])
def test_one_entry_that_is_no_gradient_fails(name: str, value: float) -> None:
    """NaN, infinity and overflow in a single entry."""

    def broken(*question: Any) -> dict[str, Any]:
        made = backpropagated(*question)
        made[name].flat[1] = value
        return made

    assert checked(broken).verdict == "fail"


@pytest.mark.parametrize("given", [None, [], {}, 3.0, {"Q": W}, {1: W}, {None: W}])
def test_what_is_no_mapping_of_gradients_is_refused(given: Any) -> None:
    """The question, and not the program, is what is wrong."""
    with pytest.raises(BadInput) as caught:
        checked(lambda *_: given)
    assert caught.value.remedy


def test_unclear_losses_are_refused() -> None:
    """Ragged, of text, of another shape, not finite, of another kind."""
    for weights in ([[1.0], [1.0, 2.0]], "w", np.ones((K, N + 1)), np.full((K, N), np.nan)):
        with pytest.raises(BadInput):
            checked(backpropagated, weights=weights)
    with pytest.raises(BadInput):
        checked(backpropagated, loss="entropy")
    with pytest.raises(BadInput):
        oracle.check_gradient(backpropagated, REC, inputs=X[:0], h0=H0)


NOISE = oracle.Noise(0.1, "sqrt-2alpha")
LONG = RNG.standard_normal((400, I))


def noisy(h: Array, x: Array) -> Array:
    """An honest stochastic step that draws from the global generator."""
    quiet = 0.75 * h + 0.25 * np.tanh(W @ h + M @ x + B)
    made: Array = quiet + 0.1 * np.sqrt(0.5) * np.random.standard_normal(N)  # noqa: NPY002 - it is put back
    return made


def test_a_stochastic_candidate_may_draw_and_nothing_else() -> None:
    """Random is fine, mutating and raising are not; the global generator is where it was."""
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002

    def mutating(h: Array, x: Array) -> Array:
        h *= 1.0 + 2.0**-40
        return noisy(h, x)

    question: dict[str, Any] = {"inputs": LONG, "h0": H0, "noise": NOISE, "kind": "step"}
    assert oracle.check(noisy, LEAKY, **question).verdict == "pass"
    assert oracle.check(mutating, LEAKY, **question).explained_by == "mutates-arguments"
    assert oracle.check(BREACHES["raises"][0], LEAKY, **question).explained_by == "candidate-raised"
    assert oracle.check(lambda h, x: noisy(h, x) * np.nan, LEAKY, **question).verdict == "fail"
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002


def test_runs_with_known_draws_that_differ() -> None:
    """Another order of summation in the second run passes; another equation in the second run does not."""
    xi = np.random.default_rng(4).standard_normal((K, N))
    noise = oracle.Noise(0.1, "sqrt-2alpha", draws=xi)

    def twice(second: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
        calls: list[int] = []

        def run(h0: Array, X: Array) -> Array:
            calls.append(1)
            drive = (lambda h, x: W @ h + M @ x + B) if len(calls) == 1 else second
            states = [h0]
            for x, draw in zip(X, xi, strict=True):
                h = states[-1]
                states.append(0.75 * h + 0.25 * np.tanh(drive(h, x)) + np.sqrt(0.5) * 0.1 * draw)
            return np.stack(states)

        return run

    question: dict[str, Any] = {"inputs": X, "h0": H0, "noise": noise, "kind": "run"}
    reordered = twice(lambda h, x: B + (M[:, ::-1] @ x[::-1] + W[:, ::-1] @ h[::-1]))
    assert oracle.check(reordered, LEAKY, **question)
    other = oracle.check(twice(lambda h, x: W.T @ h + M @ x + B), LEAKY, **question)
    assert (other.verdict, other.explained_by) == ("fail", "not-deterministic")


def test_identify_judges_both_runs() -> None:
    """An equation is only named if the second run follows it as well."""

    def second_time_transposed() -> Callable[[Array, Array], Array]:
        calls: list[int] = []

        def run(h0: Array, X: Array) -> Array:
            calls.append(1)
            weights, states = W if len(calls) == 1 else W.T, [h0]
            for x in X:
                states.append(np.tanh(weights @ states[-1] + M @ x + B))
            return np.stack(states)

        return run

    result = oracle.identify(second_time_transposed(), W=W, M=M, b=B, inputs=X, h0=H0, kind="run", activation="tanh")
    assert (result.verdict, result.explained_by) == ("fail", "not-deterministic")
