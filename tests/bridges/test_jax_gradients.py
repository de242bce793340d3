"""oracle.check_gradient on jax.grad through jax.lax.scan, and on what is no such gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import oracle

N, INPUTS, STEPS, BATCH = 4, 3, 6, 2
RNG = np.random.default_rng(23)
W, M, b = RNG.normal(size=(N, N)) / 2, RNG.normal(size=(N, INPUTS)), RNG.normal(size=N) / 4
X, H0 = RNG.normal(size=(STEPS, BATCH, INPUTS)), RNG.uniform(-1, 1, (BATCH, N))
ALPHA = 0.25

Step = Callable[[dict[str, Any], Any, Any], Any]


def elman(p: dict[str, Any], h: Any, x: Any) -> Any:
    """tanh(W h + M x + b), states as rows."""
    return jnp.tanh(h @ p["W"].T + x @ p["M"].T + p["b"])


def leaky(p: dict[str, Any], h: Any, x: Any) -> Any:
    """(1 - alpha) h + alpha tanh(W h + M x + b)."""
    return (1 - ALPHA) * h + ALPHA * elman(p, h, x)


def cut(p: dict[str, Any], h: Any, x: Any) -> Any:
    """The same values; the leak is not differentiated."""
    return (1 - ALPHA) * jax.lax.stop_gradient(h) + ALPHA * elman(p, h, x)


def backward(step: Step, dtype: str) -> Callable[..., dict[str, Any]]:
    """jax.grad by the weights, h0 and the inputs."""

    def gradients(h0: Any, inputs: Any, objective: Any) -> dict[str, Any]:
        def loss(p: dict[str, Any]) -> Any:
            def advance(h: Any, x: Any) -> tuple[Any, Any]:
                after = step(p, h, x)
                return after, after

            return objective(jax.lax.scan(advance, p["h0"], p["inputs"])[1])

        given = {"W": W, "M": M, "b": b, "h0": h0, "inputs": inputs}
        return jax.grad(loss)({name: jnp.asarray(value, dtype=dtype) for name, value in given.items()})

    return gradients


def judged(step: Step, dtype: str, rec: Any) -> Any:
    """The check of jax.grad, its 64-bit numbers allowed for the time of the call."""
    with jax.enable_x64(True):
        return oracle.check_gradient(backward(step, dtype), rec, inputs=X, h0=H0, promised=dtype)


def record(step: Step, dtype: str) -> Any:
    """The equation, with weights of the dtype."""
    given = [part.astype(dtype) for part in (W, M, b)]
    return oracle.Recurrence.elman(*given) if step is elman else oracle.Recurrence.leaky(*given, alpha=ALPHA)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("step", [elman, leaky])
def test_jax_grad_passes(step: Step, dtype: str) -> None:
    """Every parameter, h0 and the inputs."""
    result = judged(step, dtype, record(step, dtype))
    assert result, result.summary()
    assert {"W", "M", "b", "h0", "inputs"} <= set(result.parameters)


def test_a_leak_that_is_not_differentiated_is_named() -> None:
    """jax.lax.stop_gradient on the leak."""
    result = judged(cut, "float64", record(leaky, "float64"))
    assert result.verdict == "fail"
    assert result.explained_by == "missing-leak-term", result.summary()


def test_the_gradient_of_another_equation_is_named() -> None:
    """That of an Elman step for a leaky one."""
    result = judged(elman, "float64", record(leaky, "float64"))
    assert result.verdict == "fail"
    assert result.explained_by not in (None, "unexplained"), result.summary()
