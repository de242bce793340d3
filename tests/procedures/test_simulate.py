"""`simulate`: the loop written for speed follows the equation as the float64 interpretation states it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

import oracle
from oracle.arithmetic.float64 import Float64
from oracle.equations.catalogue import advance
from oracle.kernels import lure_run
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

N, I, K = 12, 3, 40
RNG = np.random.default_rng(5)
W, M, B = RNG.normal(size=(N, N)) / np.sqrt(N), RNG.normal(size=(N, I)), RNG.normal(size=N)
TAU = np.linspace(0.2, 0.9, N)
make = oracle.Recurrence
RECORDS: dict[str, Any] = {
    "elman": make.elman(W, M, B),
    "no bias, no input": make.elman(W),
    "two biases": make.elman(W, M, (B, B[::-1].copy())),
    "leaky": make.leaky(W, M, B, alpha=0.3),
    "leaky, thirds": make.leaky(W, M, B, alpha=Fraction(1, 3)),
    "per unit": make.leaky(W, M, B, alpha=TAU),
    "inside": make.leaky(W, M, B, alpha=0.3, sigma="inside"),
    "leak inside": make.leak_inside(W, M, B, alpha=0.3),
    "current": oracle.Network.current(W, M, B, tau=TAU).discretize(step=0.1, scheme="euler"),
    "rate": oracle.Network.rate(W, M, B, tau=TAU).discretize(step=0.1, scheme="exponential-euler"),
    "all parts": make(A=W / 3, B=W.T.copy(), W=W, M=M, b=B, E=M[::-1].copy(), c=B / 7),
    "no W": make(A=W / 3, B=W.T.copy(), M=M),
    "rk4": oracle.Network.rate(W, M, B, tau=0.3).discretize(step=0.1, scheme="rk4"),
}


def given(rec: Any, batch: int | None) -> tuple[Any, Any]:
    """Inputs and initial states."""
    rng, many = np.random.default_rng(1), () if batch is None else (batch,)
    return rng.normal(size=(K, *many, rec.I)), rng.normal(size=(*many, rec.N))


def outside(rec: Any, H: Any, X: Any) -> float:
    """The largest distance of a step from that of the interpretation, over twice the published bound."""
    h, y, x = (part.reshape(H[1:].size // rec.N, part.shape[-1]).T for part in (H[:-1], H[1:], X))
    model = PRECISIONS["float64"]
    allowed = 2 * one_step_bound(rec, h, x, model)
    ops = Float64()
    return float(np.max(np.abs(y - advance(ops, rec, ops.lift(h), ops.lift(x))) / allowed))


@pytest.mark.parametrize("form", RECORDS)
@pytest.mark.parametrize("batch", [None, 1, 5])
@pytest.mark.parametrize("driven", [1, 100, 2**15])
def test_runs_follow_their_equation(form: str, batch: int | None, driven: int, monkeypatch: Any) -> None:
    """In every cell of the record, and whatever number of steps is driven at once."""
    monkeypatch.setattr(lure_run, "DRIVEN", driven)
    rec = RECORDS[form]
    X, h0 = given(rec, batch)
    H = oracle.simulate(rec, X, h0, engine="numpy")
    assert np.array_equal(H[0], h0)
    assert outside(rec, H, X) <= 1


@pytest.mark.parametrize("activation", ["relu", "identity", "logistic"])
@pytest.mark.parametrize("form", ["elman", "leaky"])
def test_other_activations(activation: str, form: str) -> None:
    """In place or not."""
    more = {} if form == "elman" else {"alpha": 0.3}
    rec = getattr(make, form)(W, M, B, activation=activation, **more)
    X, h0 = given(rec, 3)
    assert outside(rec, oracle.simulate(rec, X, h0), X) <= 1


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_narrow_runs_stay_narrow(dtype: str) -> None:
    """Every operation is of the narrow type, and its check passes."""
    rec = make.leaky(W.astype(dtype), M.astype(dtype), B.astype(dtype), alpha=0.25)
    X, h0 = (part.astype(dtype) for part in given(rec, 4))
    H = oracle.simulate(rec, X, h0, dtype=dtype)
    assert H.dtype == dtype
    assert oracle.check(H, rec, inputs=X, h0=h0, promised=dtype)


@pytest.mark.parametrize("form", ["elman", "no bias, no input", "two biases", "leaky", "per unit", "rate"])
@pytest.mark.parametrize("units", [N, 7])
@pytest.mark.parametrize("batch", [None, 5])
def test_compiled_runs_follow_their_equation(form: str, units: int, batch: int | None) -> None:
    """One trajectory as a loop of its own, or the product by the BLAS; units that fill no group of rows."""
    pytest.importorskip("numba")
    rec = RECORDS[form]
    if units != N:
        rec = make.leaky(W[:units, :units], M[:units], B[:units], alpha=0.3 if form == "leaky" else 1)
    X, h0 = given(rec, batch)
    H = oracle.simulate(rec, X, h0, engine="compiled")
    assert outside(rec, H, X) <= 1
    assert oracle.check(H, rec, inputs=X, h0=h0)


def ulps(z: Any) -> Any:
    """The error of the compiled tanh against mpmath, in units in the last place."""
    from oracle.kernels.compiled_tanh import settle

    made, copy = z[None].copy(), np.empty((1, z.size + 1))
    settle(made, made, copy)
    assert np.array_equal(made, copy[:, :-1])
    exact = [mpmath.tanh(mpmath.mpf(float(v))) for v in z]
    return np.array(
        [abs(float(mpmath.mpf(float(y)) - e)) / np.spacing(abs(float(e))) for y, e in zip(made[0], exact, strict=True)]
    )


def test_the_compiled_tanh_is_within_1_5_ulp() -> None:
    """Around the point where its forms change, where 2^n does, and wherever a state may be."""
    pytest.importorskip("numba")
    rng = np.random.default_rng(2)
    steps = (np.arange(2, 30) + 0.5) * np.log(2) / 2
    near = np.concatenate([0.55 + rng.normal(size=1500) * 1e-2, np.repeat(steps, 20) + rng.normal(size=560) * 1e-3])
    z = np.concatenate([near, rng.normal(size=3000) * 2, rng.normal(size=500) * 1e-3, np.linspace(-25, 25, 500)])
    assert 0.5 < ulps(z).max() <= 1.5
    assert ulps(np.array([1e-300, 5e-324, -1e-310, 1e300, 22.0, -22.1])).max() <= 0.5


def test_the_compiled_tanh_of_what_is_no_number() -> None:
    """Infinities have a limit; NaN stays."""
    pytest.importorskip("numba")
    from oracle.kernels.compiled_tanh import settle

    special = np.array([[np.inf, -np.inf, np.nan, 0.0, -0.0]])
    settle(special, special, np.empty((1, 5)))
    assert np.array_equal(special, [[1.0, -1.0, np.nan, 0.0, 0.0]], equal_nan=True)
    assert np.signbit(special[0, 4])


def apart(coefficients: Any, top: float = 1.21, nodes: int = 100) -> float:
    """sup |(r coth(r/2) - 2)/r^2 - sum c_k r^2k| over r^2 <= top.

    Bernoulli numbers give the series; up to r^40 the difference is a polynomial of degree 20 in r^2, which is at most
    1/cos(10 pi/nodes) = 1.05 times its largest value at the Chebyshev nodes (Ehlich and Zeller, 1964). |B_2k|/(2k)! is
    below 2.1/(2 pi)^2k: the rest.
    """
    series = [2 * Fraction(*mpmath.bernfrac(2 * k + 2)) / math.factorial(2 * k + 2) for k in range(21)]
    less = [Fraction(float(c)) for c in coefficients] + [Fraction(0)] * (21 - len(coefficients))
    at = (top * (1 + np.cos((np.arange(nodes) + 0.5) * np.pi / nodes)) / 2).tolist()
    values = [sum((p - c) * Fraction(s) ** k for k, (p, c) in enumerate(zip(less, series, strict=True))) for s in at]
    return 1.1 * float(max(abs(v) for v in values)) + 10 * float(top) ** 21 / (2 * np.pi) ** 44


def test_the_coefficients_of_the_compiled_tanh() -> None:
    """Proved to within 1.1e-17 for |r| <= 1.1, and every last bit of the leading ones counts."""
    pytest.importorskip("numba")
    from oracle.kernels.compiled_tanh import COEFFICIENTS

    assert 0 < apart(COEFFICIENTS) < 1.1e-17
    for k in range(4):
        wrong = list(COEFFICIENTS)
        wrong[k] *= 1 + 2.0 ** (-51 + 6 * k)
        assert apart(wrong) > 1.1e-17


@pytest.mark.parametrize(("engine", "form"), [("fast", "elman"), ("compiled", "rk4"), ("compiled", "inside")])
def test_an_engine_that_does_not_fit_is_refused(engine: str, form: str) -> None:
    """A misspelling; equations the compiled loop does not follow."""
    rec = RECORDS[form]
    X, h0 = given(rec, None)
    with pytest.raises(oracle.BadInput, match="engine"):
        oracle.simulate(rec, X, h0, engine=engine)


def test_no_steps_no_batch_no_units() -> None:
    """Empty runs have their shape."""
    rec = RECORDS["leaky"]
    assert oracle.simulate(rec, np.zeros((0, I))).shape == (1, N)
    assert oracle.simulate(rec, np.zeros((4, 0, I))).shape == (5, 0, N)
