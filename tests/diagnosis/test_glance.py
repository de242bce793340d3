"""A glance computes what the record of a statement says, for every deviation: they are two restatements of one step."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from planted import Net

import oracle
from oracle.arithmetic.float64 import Float64
from oracle.diagnosis import glance as module
from oracle.diagnosis.deviating import deviating, deviating_pairs
from oracle.diagnosis.gated import gated_statement
from oracle.diagnosis.glance import glance, seen_at_a_glance
from oracle.diagnosis.statement import statement
from oracle.equations.catalogue import advance
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

COLUMNS = 3
ROWS = np.array([1, 4])
NET = Net(5, 5, "tanh", two_biases=True)
EACH = Net(5, 5, "relu", "float32", per_unit=True)


def _gated(kind: str, **more: Any) -> oracle.Recurrence:
    rng = np.random.default_rng(5)
    gates, N, I = 4 if kind == "lstm" else 3, 5, 3
    W, M, b, c = (rng.standard_normal(s) for s in ((gates * N, N), (gates * N, I), (gates * N,), (gates * N,)))
    return getattr(oracle.Recurrence, kind)(W, M, b, c, **more)


DOCUMENTED = {
    "elman": NET.record("elman"),
    "rate": NET.record(),
    "rate, a tau each": EACH.record(),
    "paper, exponential, a tau each": EACH.record("paper", "exponential-euler"),
    "current": NET.record("current"),
    "current, exponential": NET.record("current", "exponential-euler"),
    "leak inside": NET.record("leak-inside"),
    "rate, RK4": NET.record("rate", "rk4"),
    "paper, midpoint": EACH.record("paper", "midpoint"),
    "GRU": _gated("gru"),
    "GRU, reset before": _gated("gru", reset="before"),
    "LSTM": _gated("lstm"),
}


def _ratio(s: Any) -> float:
    """The distance from the record's step, in bounds of one step: two honest programs are two apart at most."""
    rec = s.record()
    rng = np.random.default_rng(6)
    before, X = rng.standard_normal((rec.N, COLUMNS)), rng.standard_normal((rec.I, COLUMNS))
    ops = Float64()
    with np.errstate(all="ignore"):
        expected = advance(ops, rec, ops.lift(before), ops.lift(X))[ROWS]
        off = np.abs(glance(s, before, X, ROWS) - expected)
        bound = one_step_bound(rec, before, X, PRECISIONS["float64"])[ROWS]
        every = np.abs(glance(s, before, X, np.arange(rec.N))[ROWS] - expected)
        return float(np.max(np.maximum(off, every) / np.maximum(bound, np.finfo(float).tiny)))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_glance_is_the_step_of_the_record(name: str) -> None:
    """The statement, each of its deviations, and pairs of them, with their outputs scaled as well."""
    rec = DOCUMENTED[name]
    s: Any = statement(rec) or gated_statement(rec)
    every = [("as documented", s), *deviating(s), *list(deviating_pairs(s))[::41]]
    every += [("scaled", s.but(output=Fraction(5, 2)))] if hasattr(s, "output") else []
    seen = [(other, _ratio(edited)) for other, edited in every if seen_at_a_glance(edited)]
    assert len(seen) > 20
    assert max(seen, key=lambda each: each[1])[1] <= 2, max(seen, key=lambda each: each[1])


def test_another_equation_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A glance with a fault is far from the record."""
    monkeypatch.setattr(module, "_kept", lambda s: 1 - 1.01 * s.alpha)
    assert _ratio(statement(DOCUMENTED["rate"])) > 1e6
