"""The claims catch wrong procedures: R, D or L replaced by a faulty one is reported as violated."""

from dataclasses import replace

import pytest
from claims.drawn import network, setting

import oracle
from oracle.procedures import discretize, linearize, rescale
from oracle.records.operator import Operator

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
def test_planted_fault_is_reported(fault, monkeypatch):
    """Exactly the claims that speak of the faulty procedure are violated, by a certified amount."""
    room, name, wrong, caught = FAULTS[fault]
    monkeypatch.setattr(room, name, wrong)
    options = setting(1, NET)
    results = [oracle.claims[claim].verify(NET, **options) for claim in ("C1", "C2", "C3", "C4", "C13")]
    assert {result.id for result in results if result.verdict == "violated"} == caught
    assert all(result.measured is None or result.measured > 0 for result in results if result.id in caught)


def test_a_grid_that_is_not_rescaled_is_reported(monkeypatch):
    """R of a recurrence that multiplies its step instead of dividing it: the maps agree, the time grids do not."""
    monkeypatch.setattr(
        oracle.Recurrence,
        "rescale",
        lambda self, r: type(self).made(self.equation, self.parameters, self.step * r, self.origin),
    )
    result = oracle.claims["C1"].verify(NET, **setting(1, NET))
    assert result.verdict == "violated"
    assert "time grids differ" in result.evidence[0]
