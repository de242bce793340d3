"""Every convention against its documented formula, restated with plain loops over Fractions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from specimens import INPUTS, LEAK, PER_UNIT, B, H, M, N, W, X, dyadic

import oracle
from oracle.arithmetic.rational import Rational
from oracle.equations import lure
from oracle.equations.catalogue import advance
from oracle.records.exact import Array

Vector = list[Fraction]
SECOND = dyadic(6, N)


def exactly(values: Array) -> Any:
    """Nested lists of Fractions."""
    return np.vectorize(Fraction, otypes=[object])(values).tolist()


def relu(z: Vector) -> Vector:
    """max(0, z)."""
    return [max(entry, Fraction(0)) for entry in z]


def current(h: Vector, x: Vector, *biases: Array) -> Vector:
    """W h + M x + b."""
    w, m = exactly(W), exactly(M)
    recurrent = [sum((w[i][j] * h[j] for j in range(N)), Fraction(0)) for i in range(N)]
    driving = [sum((m[i][j] * x[j] for j in range(INPUTS)), Fraction(0)) for i in range(N)]
    shift = [sum((Fraction(bias[i]) for bias in biases), Fraction(0)) for i in range(N)]
    return [recurrent[i] + driving[i] + shift[i] for i in range(N)]


def per_unit(rule: Callable[[Fraction, Fraction, Fraction], Fraction], *vectors: Any) -> Vector:
    """A formula for every unit."""
    return [rule(*entries) for entries in zip(*vectors, strict=True)]


TAU, ALPHA = exactly(PER_UNIT), exactly(LEAK)
net: Any = oracle.Network
cell: Any = oracle.Recurrence
RELU = {"activation": "relu"}

FORMS: dict[str, tuple[Any, Callable[[Vector, Vector], Vector]]] = {
    "paper": (
        net.paper(W, M, B, tau=PER_UNIT, **RELU),
        lambda h, x: per_unit(lambda h, s, t: -h / t + s, h, relu(current(h, x, B)), TAU),
    ),
    "rate": (
        net.rate(W, M, (B, SECOND), tau=PER_UNIT, **RELU),
        lambda h, x: per_unit(lambda h, s, t: (-h + s) / t, h, relu(current(h, x, B, SECOND)), TAU),
    ),
    "current": (
        net.current(W, M, B, tau=PER_UNIT, **RELU),
        lambda h, x: per_unit(lambda h, z, t: (-h + z) / t, h, current(relu(h), x, B), TAU),
    ),
    "elman": (cell.elman(W, M, B, **RELU), lambda h, x: relu(current(h, x, B))),
    "leaky, outside": (
        cell.leaky(W, M, B, alpha=LEAK, **RELU),
        lambda h, x: per_unit(lambda h, s, a: (1 - a) * h + a * s, h, relu(current(h, x, B)), ALPHA),
    ),
    "leaky, inside": (
        cell.leaky(W, M, B, alpha=LEAK, sigma="inside", **RELU),
        lambda h, x: per_unit(lambda h, z, a: (1 - a) * h + a * z, h, current(relu(h), x, B), ALPHA),
    ),
    "leak inside": (
        cell.leak_inside(W, M, B, alpha=LEAK, **RELU),
        lambda h, x: relu(per_unit(lambda h, z, a: (1 - a) * h + a * z, h, current(h, x, B), ALPHA)),
    ),
}


def computed(record: Any) -> Array:
    """The field or the step of a record, exactly."""
    ops = Rational()
    h, x = ops.lift(H), ops.lift(X)
    if isinstance(record, oracle.Recurrence):
        return advance(ops, record, h, x)
    return lure.step(ops, record.field, h, lure.drive(ops, record.field, x))


@pytest.mark.parametrize("name", FORMS)
def test_a_convention_is_its_documented_formula(name: str) -> None:
    """Equal as rationals, for two states and inputs at once."""
    record, formula = FORMS[name]
    stated = [formula(exactly(H[:, k]), exactly(X[:, k])) for k in range(2)]
    assert stated == computed(record).T.tolist()


def test_the_formulas_tell_the_conventions_apart() -> None:
    """Planted fault: no formula fits another convention on these states, so that none can be mistaken."""
    for name, (record, _) in FORMS.items():
        value = computed(record)[:, 0].tolist()
        fitting = [
            other for other, (_, formula) in FORMS.items() if formula(exactly(H[:, 0]), exactly(X[:, 0])) == value
        ]
        assert fitting == [name]
