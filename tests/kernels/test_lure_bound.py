"""The kernel of one-step bounds: never below the bound in exact arithmetic, and next to that of the interpretation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import oracle
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.equations.catalogue import advance
from oracle.kernels import lure_bound as room
from oracle.kernels.growths import _gain
from oracle.kernels.lure_bound import bounds
from oracle.records.exact import Array
from oracle.records.precision import PRECISIONS
from oracle.tolerance import step
from oracle.tolerance.step import one_step_bound

N, I, STEPS = 24, 3, 9
RNG = np.random.default_rng(11)
W, M, B = RNG.normal(size=(N, N)) / np.sqrt(N), RNG.normal(size=(N, I)), RNG.normal(size=N)
TAU = np.linspace(0.2, 0.9, N)
make = oracle.Recurrence
RECORDS: dict[str, Any] = {
    "elman": make.elman(W, M, B),
    "no input": make.elman(W),
    "sparse": make.elman(W * (np.abs(W) > 0.2), M, (B, B[::-1].copy())),
    "leaky": make.leaky(W, M, B, alpha=0.3),
    "per unit": make.leaky(W, M, B, alpha=TAU),
    "exponential": oracle.Network.rate(W, M, B, tau=TAU).discretize(step=0.1, scheme="exponential-euler"),
}
SCALES = [1.0, 1e-3, 8.0, 1e-200]


def states(rec: Any, scale: float, steps: int = STEPS) -> tuple[Array, Array]:
    """States and inputs as rows, none of them like another."""
    rng = np.random.default_rng(3)
    return rng.normal(size=(steps, rec.N)) * scale, rng.normal(size=(steps, rec.I)) * min(scale, 2.0)


@pytest.mark.parametrize("form", RECORDS)
@pytest.mark.parametrize("model", ["float64", "float32", "float32-weights-bfloat16"])
@pytest.mark.parametrize("scale", SCALES)
def test_it_is_the_bound_of_the_interpretation(form: str, model: str, scale: float, monkeypatch: Any) -> None:
    """To some deltas in float64; where delta is of a size, at most 1.7 % above it."""
    rec, precision = RECORDS[form], PRECISIONS[model]
    H, X = states(rec, scale)
    monkeypatch.setattr(step, "MANY", np.inf)
    general, found = one_step_bound(rec, H.T, X.T, precision).T, bounds(rec, H, X, precision)
    if model == "float32-weights-bfloat16":
        assert found is None  # the weights are coarse
        return
    assert found is not None
    loose = 2.0**-36 if model == "float64" else 0.017 if scale > 1e-100 else 0.5  # down there underflow is all there is
    assert np.all(found >= general * (1 - 2.0**-44))
    assert np.all(found <= general * (1 + loose))


class Watched(Rounding):
    """The rounding interpretation, remembering the argument of s."""

    argument: Rounded

    def act(self, activation: str, z: Rounded) -> Rounded:
        self.argument = z
        return super().act(activation, z)


def stepped(rec: Any, H: Array, X: Array, engine: str = "numpy") -> Array:
    """The next states, by `simulate`."""
    return oracle.simulate(rec, X[None], H, engine=engine)[1]


def exact(rec: Any, H: Array, X: Array, model: Any) -> list[list[Any]]:
    """The bound as the module states it, each size in 60 digits; growths and losses as the interpretation has them."""
    mp, ops, p = mpmath.mp.clone(), Watched(model), rec.parameters
    mp.dps = 60
    state = Rounded(H.T, np.abs(H.T), np.zeros_like(H.T), 0.0)
    y = advance(ops, rec, state, ops.lift(X.T))
    relative = mp.mpf(2 * model.storage * model.ulps)
    dense = [np.asarray(op.terms[0].dense) for op in (p.W, p.M) if op.terms]
    rows = np.concatenate([*dense, *(part[:, None] for part in p.b)], axis=1)
    a, b = (np.broadcast_to(np.ravel(_gain(ops, op)), rec.N) for op in (p.A, p.B))  # 1 - alpha has two atoms
    every = []
    for h, x in zip(H, X, strict=True):
        given = [mp.mpf(float(v)) for v in (*h, *x[: p.input_size if p.M.terms else 0], *(1.0 for _ in p.b))]
        for i in range(rec.N):
            line = [mp.mpf(float(w)) for w in rows[i]]
            z, S = mp.fdot(line, given), mp.fdot([abs(w) for w in line], [abs(v) for v in given])
            delta = mp.expm1(ops.argument.growth) * S
            near = max(abs(z) - 2 * delta, mp.mpf(0))
            moved = mp.sech(near) ** 2 * delta
            size = abs(mp.tanh(z)) + 2 * moved
            error = (1 + relative) * moved + relative * size
            grown = mp.expm1(y.growth) * (mp.mpf(float(a[i])) * abs(given[i]) + mp.mpf(float(b[i])) * size)
            every.append(grown + mp.exp(y.growth) * mp.mpf(float(b[i])) * error)
    return [every[k : k + rec.N] for k in range(0, len(every), rec.N)]


def never_below(form: str, scale: float, model: str = "float64", engine: str | None = None) -> None:
    """Containment with no tolerance; with our own next states at hand, if by an engine."""
    rec, precision = RECORDS[form], PRECISIONS[model]
    H, X = states(rec, scale, 3)
    H = H.astype(np.float32).astype(float) if model == "float32" else H
    found = bounds(rec, H, X, precision, None if engine is None else stepped(rec, H, X, engine))
    assert found is not None
    for made, true in zip(found.tolist(), exact(rec, H, X, precision), strict=True):
        assert all(mpmath.mpf(m) >= t for m, t in zip(made, true, strict=True))


@pytest.mark.parametrize("form", ["elman", "sparse", "leaky", "per unit"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("model", "engine"), [("float64", None), ("float32", None), ("float64", "numpy")])
def test_it_is_never_below_the_bound_in_exact_arithmetic(form: str, scale: float, model: str, engine: Any) -> None:
    """With sizes in 60 digits."""
    never_below(form, scale, model, engine)


@pytest.mark.parametrize("form", ["elman", "leaky"])
def test_states_by_the_compiled_engine_do_as_well(form: str) -> None:
    """Its tanh is within what the slope allows for."""
    pytest.importorskip("numba")
    never_below(form, 1.0, engine="compiled")


@pytest.mark.parametrize("form", RECORDS)
@pytest.mark.parametrize("model", ["float64", "float32"])
@pytest.mark.parametrize("scale", SCALES[:3])
def test_our_own_states_give_the_same_bound(form: str, model: str, scale: float) -> None:
    """But for what solving for tanh costs, a few roundings of the state."""
    rec, precision = RECORDS[form], PRECISIONS[model]
    H, X = states(rec, scale)
    with_run = bounds(rec, H, X, precision, stepped(rec, H, X))
    np.testing.assert_allclose(with_run, bounds(rec, H, X, precision), rtol=2.0**-36)


FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], Any], str, float, str]] = {
    "an activity that is never off": (lambda p: p.setattr(room, "OWN", -1e-12), "leaky", 8.0, "own"),
    "the leak left in the activity": (lambda p: _gains(p), "leaky", 1.0, "own"),
    "a growth of one term less": (lambda p: _factor(p, "growth", 1 - 1 / 30), "elman", 1.0, "float64"),
    "activities that round less": (lambda p: _factor(p, "value", 0.99), "elman", 8.0, "float64"),
    "half of what is moved": (lambda p: _factor(p, "moved", 0.5), "elman", 1.0, "float64"),
    "no leak": (lambda p: _factor(p, "state", 0.0), "leaky", 8.0, "float64"),
    "a slope at z itself": (lambda p: p.setattr(room, "STEEPER", 0.0), "elman", 8.0, "float32"),
    "a slope that rounds to nothing": (lambda p: p.setattr(room, "SLOPE", -20 * 2.0**-53), "elman", 8.0, "float64"),
}


def _factor(patch: pytest.MonkeyPatch, name: str, times: float) -> None:
    real = room.factors_of
    patch.setattr(room, "factors_of", lambda *a: (k := real(*a))._replace(**{name: times * getattr(k, name)}))


def _gains(patch: pytest.MonkeyPatch) -> None:
    real = room.Gains.of
    patch.setattr(room.Gains, "of", staticmethod(lambda form: real(form)._replace(a=0.0)))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them puts some element below the exact bound."""
    plant, form, scale, model = FAULTS[fault]
    more = ("float64", "numpy") if model == "own" else (model,)
    never_below(form, scale, *more)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        never_below(form, scale, *more)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300, 1e16])
def test_what_is_not_fine_is_left_to_the_interpretation(bad: float) -> None:
    """A delta that is not small, or no number."""
    H, X = states(RECORDS["elman"], 1.0)
    H[4, 2] = bad
    assert bounds(RECORDS["elman"], H, X, PRECISIONS["float64"]) is None


def test_other_equations_and_formats_are_left_to_the_interpretation() -> None:
    """The leak inside, the activation inside, relu, Runge-Kutta, gates; formats of few bits or with narrow factors."""
    inside = make.leaky(W, M, B, alpha=0.3, sigma="inside")
    rk4 = oracle.Network.rate(W, tau=0.5).discretize(step=0.1, scheme="rk4")
    others = [make.leak_inside(W, alpha=0.5), inside, make.elman(W, activation="relu"), rk4]
    for rec in (*others, make.gru(np.concatenate([W, W, W]))):
        assert bounds(rec, *states(rec, 1.0), PRECISIONS["float64"]) is None
    for model in ("tf32", "bfloat16", "float16", "float32-flushed"):
        assert bounds(RECORDS["elman"], *states(RECORDS["elman"], 1.0), PRECISIONS[model]) is None


@pytest.mark.parametrize("units", [1, 24, 300])
def test_many_steps_are_evaluated_in_blocks(units: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the block, and from columns as from rows; `one_step_bound` takes the kernel."""
    rng = np.random.default_rng(7)
    rec = make.elman(rng.normal(size=(units, units)) / units, rng.normal(size=(units, 2)))
    H, X = rng.normal(size=(150, units)), rng.normal(size=(150, 2))
    monkeypatch.setattr(step, "MANY", 0)
    whole = one_step_bound(rec, H.T, X.T, PRECISIONS["float64"])
    np.testing.assert_array_equal(whole, one_step_bound(rec, H.T.copy(), X.T.copy(), PRECISIONS["float64"]))
    monkeypatch.setattr(room, "ELEMENTS", 1)
    monkeypatch.setattr(room, "FEWEST_STEPS", 7)
    np.testing.assert_allclose(one_step_bound(rec, H.T, X.T, PRECISIONS["float64"]), whole, rtol=2.0**-36)
    made = stepped(rec, H, X).T
    with_run = one_step_bound(rec, H.T, X.T, PRECISIONS["float64"], after=made, own=True)
    np.testing.assert_allclose(with_run, whole, rtol=2.0**-36)
    assert one_step_bound(rec, H.T[:, :0], X.T[:, :0], PRECISIONS["float64"]).shape == (units, 0)
