"""The claims catch wrong procedures: R, D or L replaced by a faulty one is reported as violated."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import network, setting

import oracle
from oracle.claims import predicates
from oracle.procedures import discretize, linearize, rescale
from oracle.procedures.cube import Cube
from oracle.records.operator import Operator
from oracle.reference import signals

NET = network(1, N=3, form="rate", activation="tanh", scalar=True)
right_rescaled, right_euler, right_linearized = rescale.rescaled, discretize.euler, linearize.linearized


def weights_scaled_too(field, r):
    return replace(right_rescaled(field, r), W=field.W.scaled(r))


def drive_not_scaled(field, r):
    return replace(right_rescaled(field, r), A=field.A)


def squared(field, r):
    return right_rescaled(field, r * r)


def leak_not_scaled(field, step):
    return replace(right_euler(field, step), A=Operator.diagonal(1, field.state_size) + field.A)


def squared_step(field, step):
    return replace(right_euler(field, step), B=field.B.scaled(step * step))


def without_identity(field, step):
    return field.scaled(step)


def constant_dropped(field, z, *functions):
    return replace(right_linearized(field, z, *functions), c=field.c)


def slope_dropped(field, z, *functions):
    return replace(right_linearized(field, z, *functions), B=field.B)


FAULTS = {
    "W scaled too": (rescale, "rescaled", weights_scaled_too, {"C1", "C3", "C4"}),
    "A not scaled": (rescale, "rescaled", drive_not_scaled, {"C1", "C4"}),
    "r squared": (rescale, "rescaled", squared, {"C1", "C4"}),
    "A not scaled by the step": (discretize, "euler", leak_not_scaled, {"C1", "C4", "C13"}),
    "step squared": (discretize, "euler", squared_step, {"C1", "C2", "C4", "C13"}),
    "h forgotten": (discretize, "euler", without_identity, {"C13"}),
    "c dropped": (linearize, "linearized", constant_dropped, {"C2", "C3"}),
    "S dropped": (linearize, "linearized", slope_dropped, {"C2", "C3"}),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """Exactly the claims that speak of the faulty procedure are violated, by a certified amount."""
    room, name, wrong, caught = FAULTS[fault]
    monkeypatch.setattr(room, name, wrong)
    options = setting(1, NET)
    results = [oracle.claims[claim].verify(NET, **options) for claim in ("C1", "C2", "C3", "C4", "C13")]
    assert {result.id for result in results if result.verdict == "violated"} == caught
    for result in results:
        if result.id in caught:
            planted(fault, result)
    assert all(result.measured is None or result.measured > 0 for result in results if result.id in caught)


def test_a_step_that_is_not_rescaled_is_reported(monkeypatch, planted):
    """R then D with the step of the other time, while the assumption says Delta / r."""
    right = Cube._D
    monkeypatch.setattr(Cube, "_D", lambda self, vertex, rescaled: right(self, vertex, False))
    for claim in ("C1", "C4"):
        planted("step not rescaled", oracle.claims[claim].verify(NET, **setting(1, NET)))


def test_an_input_that_is_not_rescaled_is_refused(monkeypatch, planted):
    """x(r s) read as x(s): the samples of the two orders differ, and C1 does not apply; with R it holds."""
    options = {**setting(1, NET), "step": Fraction(1, 4)}
    options["inputs"] = oracle.sampled(np.random.default_rng(3).normal(size=(9, NET.I)), Fraction(1, 3))
    right = oracle.claims["C1"].verify(NET, **options)
    assert right.verdict == "holds"
    assert "x(t_k) = x(r s_k) at all" in str(right)
    monkeypatch.setattr(signals.Signal, "rescale", lambda self, r: self)
    wrong = oracle.claims["C1"].verify(NET, **options)
    planted("input not rescaled", wrong, "not applicable")
    assert [a.text for a in wrong.assumptions if a.holds is False] == [predicates.SAME_SAMPLES]


def test_a_grid_that_is_not_rescaled_is_reported(monkeypatch, planted):
    """R of a recurrence that multiplies its step instead of dividing it: the maps agree, the time grids do not."""
    monkeypatch.setattr(
        oracle.Recurrence,
        "rescale",
        lambda self, r: type(self).made(self.equation, self.parameters, self.step * r, self.origin),
    )
    result = oracle.claims["C1"].verify(NET, **setting(1, NET))
    planted("time grid not rescaled", result)
    assert "time grids differ" in result.evidence[0]
