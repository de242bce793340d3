"""Findings on every form: single deviations, pairs and fitted numbers, planted in the plain programs of the grid.

The programs are written against `Given` alone and share nothing with the oracle's equations. Over the whole set the
planted name is among the names given, and no explanation is claimed that does not have it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from grid.given import Given, record_of
from grid.plain import implement_plain

import oracle

Array = Any
FORMS: dict[str, tuple[str, str, str, bool]] = {
    "elman": ("elman", "", "tanh", False),
    "leaky outside": ("leaky-outside", "", "tanh", True),
    "leaky inside": ("leaky-inside", "", "logistic", False),
    "leak inside": ("leak-inside", "", "tanh", True),
    "rate Euler": ("rate", "euler", "relu", False),
    "paper Euler": ("paper", "euler", "tanh", False),
    "current Euler": ("current", "euler", "tanh", True),
    "rate exponential": ("rate", "exponential-euler", "tanh", True),
    "paper rk4": ("paper", "rk4", "tanh", False),
    "current midpoint": ("current", "midpoint", "logistic", False),
    "gru": ("gru", "", "tanh", False),
}
SIZES = ((5, 2, 0, "float64"), (16, 3, 3, "float32"), (64, 4, 1, "float64"))


def given(form: str, N: int, I: int, dtype: str) -> Given:
    """A cell of a form; nothing in it is symmetric, constant or zero."""
    name, scheme, activation, per_unit = FORMS[form]
    rng = np.random.default_rng([N, len(form)])
    rows = 3 * N if name == "gru" else N
    W = rng.standard_normal((rows, N)) * 1.2 / np.sqrt(N)
    M, b, c = rng.standard_normal((rows, I)), rng.standard_normal(rows) / 2, rng.standard_normal(rows) / 2
    tau = rng.uniform(0.3, 0.7, N) if per_unit else np.asarray(0.45)
    dt = np.asarray(0.13)
    if name.startswith(("leaky", "leak")):
        tau, dt = np.ones(()), (rng.uniform(0.2, 0.45, N) if per_unit else np.asarray(0.3))
    if name == "elman":
        tau = dt = np.ones(())
    made = {key: np.asarray(value, dtype=dtype) for key, value in {"W": W, "M": M, "tau": tau, "dt": dt}.items()}
    recurrent = c.astype(dtype) if name == "gru" else None
    return Given(name, scheme, activation, b=(b.astype(dtype),), b_recurrent=recurrent, **made)


def asked(documented: Given, program: Any, batch: int, K: int = 16) -> oracle.CheckResult:
    """The check of a program against what is documented, from a probe without zeros."""
    rng = np.random.default_rng(documented.N)
    shape = (batch,) if batch else ()
    X = rng.uniform(-1, 1, (K, *shape, documented.I)).astype(documented.dtype)
    h0 = rng.uniform(0.2, 0.9, (*shape, documented.N)).astype(documented.dtype)
    promised = str(documented.dtype)
    return oracle.check(program, record_of(documented), inputs=X, h0=h0, kind="run", promised=promised)


def _blocks(W: Array, change: Callable[[Array], Array]) -> Array:
    size = W.shape[1]
    return np.concatenate([change(W[i : i + size]) for i in range(0, len(W), size)])


def _times(g: Given, factor: float) -> Array:
    return g.dt * np.asarray(factor, dtype=g.dtype)


def _one_weight(g: Given) -> Given:
    W = g.W.copy()
    W[len(W) - 2, 1] += np.asarray(0.03, dtype=g.dtype)
    return replace(g, W=W)


def _leaky(g: Given) -> bool:
    return g.form not in ("elman", "gru")


SINGLES: dict[str, tuple[Callable[[Given], bool], Callable[[Given], Given]]] = {
    "wrong-weights": (lambda g: True, _one_weight),
    "transposed-recurrent-weights": (lambda g: True, lambda g: replace(g, W=_blocks(g.W, lambda V: V.T))),
    "permuted-units": (lambda g: True, lambda g: replace(g, W=_blocks(g.W, lambda V: np.roll(V, (2, 2), (0, 1))))),
    "bias-missing": (lambda g: True, lambda g: replace(g, b=(), b_recurrent=None)),
    "bias-outside": (lambda g: g.form != "gru", lambda g: replace(g, bias_at="moved")),
    "leak-missing": (_leaky, lambda g: replace(g, decay=0)),
    "wrong-step": (_leaky, lambda g: replace(g, dt=_times(g, 1.25))),
    "scaled-input-weights": (lambda g: True, lambda g: replace(g, M=g.M * np.asarray(0.75, dtype=g.dtype))),
}
PAIRS: dict[str, tuple[Callable[[Given], bool], Callable[[Given], Given]]] = {
    "negated-recurrent-weights+bias-missing": (lambda g: True, lambda g: replace(g, W=-g.W, b=(), b_recurrent=None)),
    "transposed-recurrent-weights+leak-missing": (_leaky, lambda g: replace(g, W=np.ascontiguousarray(g.W.T), decay=0)),
    "bias-doubled+wrong-step": (
        lambda g: _leaky(g),
        lambda g: replace(g, b=tuple(2 * part for part in g.b), dt=_times(g, 0.75)),
    ),
}


def _parts(name: str | None) -> list[set[str]]:
    return [set(each.split("+")) for each in (name or "").split("|")]


@pytest.mark.parametrize("form", FORMS)
def test_single_deviations_are_named_on_every_form(form: str) -> None:
    """Each is named, in three sizes, batches and precisions; none is given another name; all are certified."""
    for N, I, batch, dtype in SIZES[: 3 if form in ("elman", "paper Euler") else 2]:
        documented = given(form, N, I, dtype)
        assert asked(documented, implement_plain(documented), batch), "the documented program is honest"
        for name, (applies, plant) in list(SINGLES.items())[:: 1 if N == 5 else 3]:
            if applies(documented):
                result = asked(documented, implement_plain(plant(documented)), batch)
                assert result.verdict == "fail", (name, N)
                assert {name} in _parts(result.explained_by), (name, N, result.summary())
                assert all(f.worst <= 1 for f in result.diagnosis if f.explains)


@pytest.mark.parametrize("form", ["elman", "leaky inside", "leak inside", "paper Euler", "paper rk4", "gru"])
def test_pairs_are_named_on_every_form(form: str) -> None:
    """Two deviations at once, one of them perhaps with a fitted number."""
    documented = given(form, 6, 2, "float64")
    for name, (applies, plant) in PAIRS.items():
        if applies(documented):
            result = asked(documented, implement_plain(plant(documented)), 3)
            assert set(name.split("+")) in _parts(result.explained_by), (name, result.summary())


def _gated(g: Given, order: tuple[int, int, int], sign: int = 1) -> Given:
    def change(part: Array) -> Array:
        gates = [part[i * g.N : (i + 1) * g.N] for i in order]
        return np.concatenate([gates[0], sign * gates[1], gates[2]])

    recurrent = None if g.b_recurrent is None else change(g.b_recurrent)
    return replace(g, W=change(g.W), M=change(g.M), b=tuple(change(part) for part in g.b), b_recurrent=recurrent)


@pytest.mark.parametrize("reset", ["after", "before"])
def test_faults_of_gates_are_named(reset: str) -> None:
    """Gates in another order, the update gate complemented, a bias missing, the other reset."""
    g = replace(given("gru", 6, 2, "float64"), reset=reset)
    other = "before" if reset == "after" else "after"
    planted = {
        "gates-swapped": _gated(g, (1, 0, 2)),
        "gates-swapped|": replace(g, W=_gated(g, (1, 0, 2)).W),
        "gate-repeated": _gated(g, (0, 0, 2)),
        "scaled-recurrent-weights": replace(g, W=g.W * np.repeat(np.array([1, 1, 0.5]), g.N)[:, None]),
        "update-gate-complemented": _gated(g, (0, 1, 2), -1),
        "bias-missing": replace(g, b_recurrent=None),
        "gru" if other == "after" else "gru-reset-before": replace(g, reset=other),
        "gates-swapped+bias-missing": replace(_gated(g, (1, 0, 2)), b_recurrent=None),
    }
    if reset == "after":
        outside = g.b_recurrent * (np.arange(3 * g.N) >= 2 * g.N)
        planted["reset-without-bias"] = replace(g, b=(g.b[0] + outside, *g.b[1:]), b_recurrent=g.b_recurrent - outside)
    for name, wrong in planted.items():
        result = asked(g, implement_plain(wrong), 3)
        assert set(name.strip("|").split("+")) in _parts(result.explained_by), (name, result.summary())


@pytest.mark.parametrize("form", ["leaky outside", "paper Euler", "rate exponential", "paper rk4"])
def test_fitted_numbers_are_what_was_planted(form: str) -> None:
    """The step or alpha of a wrong step is given as the number it is, with how far it may be off."""
    g = given(form, 7, 2, "float64")
    result = asked(g, implement_plain(replace(g, dt=_times(g, 1.25))), 3)
    shown = result.diagnosis[0].shown()
    found = float(next(value for key, value in shown.items() if key in ("step", "alpha", "factor of alpha")))
    assert found == pytest.approx(1.25 if "factor of alpha" in shown else 1.25 * float(g.dt), rel=1e-12)
    assert shown["site"] == "leak"
    assert 0 < shown["spread"] < 1e-9


def test_a_time_constant_of_each_unit_is_fitted() -> None:
    """Two of seven units have another tau; the fit gives every unit's alpha."""
    g = given("rate Euler", 7, 2, "float64")
    tau = np.full(7, float(g.tau))
    tau[[2, 5]] *= 1.1
    result = asked(g, implement_plain(replace(g, tau=tau)), 3)
    assert "wrong-tau" in (result.explained_by or "").split("|"), result.summary()
    alphas = np.asarray(result.diagnosis[0].parameters["alpha per unit"], dtype=np.float64)
    assert alphas == pytest.approx(float(g.dt) / tau, rel=1e-9)


def test_masked_weights_are_named() -> None:
    """A mask that removes a third of the weights."""
    g = given("leaky outside", 6, 2, "float64")
    W = g.W * (np.random.default_rng(3).random(g.W.shape) > 0.3)
    result = asked(g, implement_plain(replace(g, W=W)), 3)
    assert result.explained_by == "masked-recurrent-weights", result.summary()


def test_trajectories_driven_by_each_other_are_named() -> None:
    """Inputs rolled along the batch, and time and batch confused in a reshape."""
    g = given("elman", 5, 2, "float64")
    run = implement_plain(g)
    for mix in (lambda X: np.roll(X, 1, axis=1), lambda X: X.reshape(X.shape[1], X.shape[0], -1).swapaxes(0, 1)):
        result = asked(g, lambda h0, X, mix=mix: run(h0, np.ascontiguousarray(mix(X))), 3)
        assert result.explained_by == "batch-mixed", result.summary()


def test_a_last_step_that_is_not_taken_is_named() -> None:
    """The last row is the one before it."""
    g = given("elman", 5, 2, "float64")
    run = implement_plain(g)

    def short(h0: Array, X: Array) -> Array:
        H = run(h0, X)
        H[-1] = H[-2]
        return H

    assert asked(g, short, 3).explained_by == "last-step-dropped"
