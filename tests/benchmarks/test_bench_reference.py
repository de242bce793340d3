"""Times of the references beside what one would use instead; printed by pytest-benchmark, never asserted.

    python -m pytest tests/benchmarks/test_bench_reference.py --benchmark-only

Flow: gain 1.2, 50 digits, T = 5 tau, N = 2, 8 and 32, certified; at N = 2 beside this project's mpmath integrator and
mpmath.odefun at the same digits. A ReLU network of 8 units. Recurrence: N = 64, K = 200, 30 digits, peer the same steps
in mpmath with ten digits more, which proves nothing. Asserted is only that both compute one thing.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

import oracle
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from oracle.reference.enclosure import exact

W = np.array([[1.2, -0.7], [0.4, 0.9]])
BIAS, START = np.array([0.3, 0.1]), np.array([0.3, -0.2])
DIGITS, LAST = 50, 5


def peer_flow() -> list[Any]:
    """tau = 1 by mpmath.odefun."""
    ctx = mpmath.MPContext()
    ctx.dps = DIGITS + 10
    weights = [[ctx.mpf(w) for w in row] for row in W.tolist()]
    bias, start = [ctx.mpf(b) for b in BIAS.tolist()], [ctx.mpf(h) for h in START.tolist()]

    def field(_: Any, h: list[Any]) -> list[Any]:
        return [-h[i] + ctx.tanh(ctx.fdot(weights[i], h) + bias[i]) for i in range(2)]

    values: list[Any] = ctx.odefun(field, 0, start, tol=ctx.mpf(10) ** -DIGITS)(LAST)
    return values


def our_flow(engine: str = "balls") -> oracle.Enclosure:
    """The same by Taylor series, by an engine."""
    return oracle.reference(oracle.Network.rate(W, None, BIAS), h0=START, times=[LAST], digits=DIGITS, engine=engine)


@pytest.mark.benchmark(group="flow, N=2, 50 digits, T=5 tau")
@pytest.mark.parametrize("engine", ["balls", "mpmath"])
def test_flow_ours(benchmark: Any, engine: str) -> None:
    """Ours: certified, and the readable integrator, run twice and compared."""
    result = benchmark.pedantic(lambda: our_flow(engine), rounds=3)
    assert result.digits >= DIGITS


@pytest.mark.benchmark(group="flow, certified, 50 digits, T=5 tau")
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("units", [2, 8, 32])
def test_certified_flow(benchmark: Any, units: int, activation: str) -> None:
    """Gain 1.2, certified; a longer answer is inside."""
    rng = np.random.default_rng(0)
    weights, bias = 1.2 * rng.normal(size=(units, units)) / np.sqrt(units), 0.3 * rng.normal(size=units)
    net, h0 = oracle.Network.rate(weights, None, bias, activation=activation), 0.5 * rng.normal(size=units)
    result = benchmark.pedantic(lambda: oracle.reference(net, h0=h0, times=[LAST], digits=DIGITS), rounds=1)
    assert result.status == "proved"
    assert result.digits >= DIGITS


@pytest.mark.benchmark(group="flow, N=2, 50 digits, T=5 tau")
def test_flow_odefun(benchmark: Any) -> None:
    """mpmath.odefun; here, where no coefficient vanishes, it agrees with ours to 40 digits."""
    values = benchmark.pedantic(peer_flow, rounds=1)
    ours = our_flow().mid[0]
    assert max(abs(exact(a) - exact(b)) for a, b in zip(values, ours, strict=True)) < Fraction(1, 10**40)


def recurrence() -> tuple[oracle.Recurrence, Any, Any]:
    """N = 64, K = 200, gain 1.5."""
    rng = np.random.default_rng(1)
    W = 1.5 * rng.normal(size=(64, 64)) / 8
    rec = oracle.Recurrence.leaky(W, rng.normal(size=(64, 2)), rng.normal(size=64), alpha=0.2)
    return rec, rng.normal(size=(200, 2)), rng.normal(size=64)


@pytest.mark.benchmark(group="recurrence, N=64, K=200, 30 digits")
def test_recurrence_certified(benchmark: Any) -> None:
    """Ours, certified."""
    rec, X, h0 = recurrence()
    result = benchmark.pedantic(lambda: oracle.reference(rec, X, h0, digits=30), rounds=3)
    assert result.digits >= 30


@pytest.mark.benchmark(group="recurrence, N=64, K=200, 30 digits")
def test_recurrence_mpmath(benchmark: Any) -> None:
    """mpmath, same equation, ten more digits, no bound."""
    rec, X, h0 = recurrence()

    def run() -> Any:
        ops = Mp(40)
        h = ops.lift(h0)
        for x in X:
            h = advance(ops, rec, h, ops.lift(x))
        return h

    last = benchmark.pedantic(run, rounds=1)[:, 0]
    ours = oracle.reference(rec, X, h0, digits=30).mid[-1]
    assert max(abs(exact(a) - exact(b)) for a, b in zip(last, ours, strict=True)) < Fraction(1, 10**20)
