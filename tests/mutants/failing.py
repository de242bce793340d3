"""What a failing check costs beside a passing one: a fault that has a name, and one that nothing explains."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

import oracle

from .programs import Edit, compiled, data, parameters, record, source

PROGRAMS = ("elman", "leaky outside", "rate, RK4", "GRU, reset after")
BENT = (("H.append(h)", "h = h - 0.01 * h * h * h; H.append(h)"),)  # a cubic decay, which no deviation is
LARGE = (256, 1000)  # units and steps
REPEATS = 3


class Costs(NamedTuple):
    """Seconds of processor time of a check that passes, of one that names its fault, and of one that finds no name."""

    title: str
    passing: float
    named: float
    unexplained: float


def costs() -> list[Costs]:
    """Of programs of the zoo, and of a large leaky network."""
    return [*map(_of_program, PROGRAMS), _of_a_large_one()]


def _of_program(name: str) -> Costs:
    p, (h0, X) = parameters(name, "float64"), data(name, "float64")
    bent = replace(Edit(name, "bent", BENT)).text
    negated = source(name).replace("+ b", "- b", 1)  # a bias, or that of the reset gate
    rec = record(name, p)
    texts = {"pass": source(name), "named": negated, None: bent}
    seconds = [_seconds(compiled(text, p), rec, h0, X, expected) for expected, text in texts.items()]
    return Costs(f"{name}, N = {len(h0)}, K = {len(X)}", *seconds)


def _of_a_large_one() -> Costs:
    N, K = LARGE
    rng = np.random.default_rng(N)
    W, M, b = rng.normal(size=(N, N)) / np.sqrt(N), rng.normal(size=(N, 3)), rng.normal(size=N)
    X, h0 = rng.normal(size=(K, 3)), rng.normal(size=N)
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.2)

    def run(V: Any, bent: float) -> Any:
        H = [h0]
        for x in X:
            h = 0.8 * H[-1] + 0.2 * np.tanh(V @ H[-1] + M @ x + b)
            H.append(h - bent * h * h * h)
        return np.stack(H)

    cases = (("pass", run(W, 0.0)), ("named", run(W.T, 0.0)), (None, run(W, 0.01)))
    return Costs(f"leaky, N = {N}, K = {K}, recorded", *(_seconds(H, rec, h0, X, e) for e, H in cases))


def _seconds(candidate: Any, rec: oracle.Recurrence, h0: Any, X: Any, expected: str | None) -> float:
    """The least of a few runs, each of which has the verdict that its column says."""
    taken = []
    for _ in range(REPEATS):
        start = time.process_time()
        result = oracle.check(candidate, rec, inputs=X, h0=h0)
        taken.append(time.process_time() - start)
        assert result.verdict == ("pass" if expected == "pass" else "fail"), result.summary()
        assert (result.explained_by is None) == (expected is None), result.summary()
    return min(taken)
