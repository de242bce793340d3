"""The adjoint interpretation: gradients by every parameter as given, for every kind of step, against two engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb
from specimens import INPUTS, dyadic, networks, recurrences, transcendental

from oracle.arithmetic import adjoint
from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.formed import Formed, derivatives, exponential, plain_factor
from oracle.arithmetic.mp import Mp
from oracle.arithmetic.rational import Rational
from oracle.arithmetic.sensitivity import Direction, Displaced, Sensitivity
from oracle.arithmetic.tangent import Dual
from oracle.equations import activations
from oracle.equations.catalogue import advance
from oracle.procedures import parameters as forming
from oracle.procedures.parameters import parameters, plain
from oracle.records.exact import Array, exact_object
from oracle.records.layout import Samples
from oracle.records.recurrence import Recurrence
from oracle.reference.gradients import Backward, Question, assembled, backward, forward, in_balls
from oracle.reference.loss import Loss

BITS, STEPS, BATCH = 200, 3, 2


def specimens() -> dict[str, Recurrence]:
    """Every kind of step the library has, and parameters that go through R, D and exp."""
    nets = networks()
    return {
        **recurrences(),
        **transcendental(),
        "logistic": recurrences("logistic")["leaky inside, per unit alpha"],
        "rescaled": nets["paper, per unit tau"].rescale(3).discretize(step=0.125),
        "exponential Euler of current": nets["current, scalar tau"].discretize(step=0.125, scheme="exponential-euler"),
        "two biases": nets["two biases"].discretize(step=0.125),
        "general field": nets["general"].discretize(step=0.125, scheme="heun"),
    }


SPECIMENS = specimens()


def asked(rec: Recurrence) -> Question:
    """Squares of a batch of runs to targets."""
    run = Samples(dyadic(40, STEPS, BATCH, INPUTS), dyadic(41, BATCH, rec.N), True)
    return Question.of(rec, run, Loss("squares", dyadic(42, STEPS, BATCH, rec.N)))


def drawn(question: Question, seed: int = 50) -> dict[str, Array]:
    """A direction that moves every parameter, the start and the inputs."""
    shapes = {**question.traced.shapes, "h0": question.run.h0.shape, "inputs": question.run.X.shape}
    return {name: dyadic(seed + i, *shape) for i, (name, shape) in enumerate(shapes.items())}


def paired(gradients: dict[str, Array], along: dict[str, Array], number: Callable[[Any], Any]) -> Any:
    """<g, d>."""
    pairs = ((gradients[name].ravel().tolist(), np.ravel(along[name]).tolist()) for name in along)
    return sum(entry * number(d) for g, ds in pairs for entry, d in zip(g, ds, strict=True))


def forward_slope(question: Question, ops: Any, along: dict[str, Array]) -> Any:
    """The derivative of the loss along the direction, by tangents that move the parameters."""
    over: Any = Sensitivity(Displaced(ops, Direction(along, question.traced.dense)))
    h = Dual(ops.lift(question.run.h0.T.copy()), ops.lift(along["h0"].T.copy()))
    parts = []
    for k in range(STEPS):
        x = Dual(ops.lift(question.run.X[k].T.copy()), ops.lift(along["inputs"][k].T.copy()))
        h = advance(over, question.rec, h, x)
        bar = question.loss.cotangent(ops, STEPS - 1 - k, h.value)
        parts.append(ops.mul(bar, h.tangent))
    total = ops.sum(parts)
    return sum(total.entries()) if hasattr(total, "entries") else total.sum()


def engines_meet(rec: Recurrence) -> bool:
    """Whether adjoint and tangents overlap as balls of fewer than 2^(60-BITS) units."""
    question = asked(rec)
    with precision(BITS):
        along = drawn(question)
        ours = paired(in_balls(question, BITS), along, lambda d: d)
        gap = ours - forward_slope(question, Ball(), along)
        return bool(gap.contains(0)) and bool(abs(gap) < 2.0 ** (60 - BITS))


@pytest.mark.parametrize("name", SPECIMENS)
def test_adjoints_are_tangents(name: str) -> None:
    """Reverse mode and forward mode enclose one number: all parameters, start and inputs at once."""
    assert engines_meet(SPECIMENS[name])


def displaced(rec: Recurrence, along: dict[str, Array], eps: Fraction) -> Recurrence:
    """The record stated again with its parameters moved by eps along a direction."""
    origin = rec.origin

    def moved(name: str, value: Any) -> Any:
        if name in ("b", "c") and isinstance(value, tuple):
            keys = [name] if len(value) == 1 else [f"{name}[{j}]" for j in range(len(value))]
            return tuple(exact_object(v) + eps * exact_object(along[k]) for k, v in zip(keys, value, strict=True))
        if name not in along:
            return value
        if isinstance(value, np.ndarray):
            return exact_object(value) + eps * exact_object(np.asarray(along[name]))
        return value + eps * Fraction(float(along[name]))

    root = origin.parent or rec
    if root.origin.parent is not None:
        return displaced_field(root, moved).discretize(**origin.arguments)
    return stated(root, moved) if origin.parent is None else stated(root, moved).discretize(**origin.arguments)


def displaced_field(net: Any, moved: Callable[[str, Any], Any]) -> Any:
    """R of a network stated again."""
    assert net.origin.name == "rescale"
    return stated(net.origin.parent, moved).rescale(net.origin.arguments["r"])


def stated(record: Any, moved: Callable[[str, Any], Any]) -> Any:
    """A constructor with its arguments moved."""
    given = {name: moved(name, value) for name, value in record.origin.arguments.items()}
    kind = type(record)
    return kind(**given) if record.origin.name == "general" else getattr(kind, record.origin.name)(**given)


DIGITS = 240


def loss_of(rec: Recurrence, along: dict[str, Array], eps: Fraction) -> Any:
    """The loss in mpmath, of a record and a run moved along a direction: nothing of the adjoint in it."""
    ops: Any = Mp(DIGITS)
    question = asked(rec)
    moved = displaced(rec, along, eps)
    h = ops.lift((exact_object(question.run.h0) + eps * exact_object(along["h0"])).T)
    X = exact_object(question.run.X) + eps * exact_object(along["inputs"])
    states = [h]
    for k in range(STEPS):
        states.append(advance(ops, moved, states[-1], ops.lift(X[k].T)))
    return sum(((h - y.T) ** 2).sum() for h, y in zip(states[1:], question.loss.array, strict=True))


DIFFERENTIABLE = [name for name in SPECIMENS if "linear" not in name]  # a linearisation is not stated by parameters


SOLVED = {
    scheme: networks()[name].discretize(step=0.125, scheme=scheme)
    for scheme, name in (("backward-euler", "rate, per unit tau"), ("trapezoidal", "current, scalar tau"))
}


@pytest.mark.parametrize("name", SOLVED)
def test_gradients_of_solutions(name: str) -> None:
    """Implicit steps: balls hold what mpmath finds, and without the linear solve both are something else."""
    question, ops = asked(SOLVED[name]), Mp(60)
    found = question.gradients(ops, lambda v: v)
    with precision(BITS):
        made = in_balls(question, BITS)
        for key, part in made.items():
            for ball, number in zip(part.ravel().tolist(), found[key].ravel().tolist(), strict=True):
                assert ball.overlaps(arb(str(number), 1e-55)), key
        assert max(float(entry.rad()) for entry in made["W"].ravel()) < 2.0 ** (60 - BITS)
        wrong = in_balls(question, BITS, Backward(solving=False))
        assert not any(a.overlaps(b) for a, b in zip(wrong["W"].ravel(), made["W"].ravel(), strict=True))


@pytest.mark.parametrize("name", [*DIFFERENTIABLE, *SOLVED])
def test_adjoints_are_the_limit_of_differences(name: str) -> None:
    """Central differences of 240 digits, step 10^-60, of the record stated again: 100 digits agree, by all at once."""
    rec = SPECIMENS[name] if name in SPECIMENS else SOLVED[name]
    question = asked(rec)
    along, eps = drawn(question), Fraction(1, 10**60)
    quotient = (loss_of(rec, along, eps) - loss_of(rec, along, -eps)) / (2 * Mp(DIGITS).rational(eps))
    ops: Any = Mp(DIGITS)
    made = assembled(question, backward(ops, question, forward(ops, question)), lambda v: v)
    ours = paired(made, along, lambda d: d)
    assert abs(ours - quotient) < 1e-100 * abs(ours)


def test_piecewise_linear_gradients_are_exact() -> None:
    """ReLU: reverse mode and forward mode are the same rational number, by every parameter."""
    for name, rec in recurrences("relu").items():
        question, ops = asked(rec), Rational()
        along = drawn(question)
        made = assembled(question, backward(ops, question, forward(ops, question)), lambda v: v)
        ours = paired(made, along, Fraction)
        assert isinstance(ours, Fraction), name
        assert ours == forward_slope(question, ops, along), name
        assert ours != 0, name


def test_one_unit_by_hand() -> None:
    """h+ = tanh(w h + b), L = <1, h_1>: s' h, s' and s' w."""
    rec = Recurrence.elman([[0.75]], None, [0.25])
    run = Samples(np.zeros((1, 1, 0)), np.array([[0.5]]), True)
    question = Question.of(rec, run, Loss("functional", np.ones((1, 1, 1))))
    ops: Any = Float64()
    made = assembled(question, backward(ops, question, forward(ops, question)), lambda v: v)
    slope = 1 - np.tanh(0.625) ** 2
    expected = {"W": slope * 0.5, "b": slope, "h0": slope * 0.75}
    assert {name: float(made[name].ravel()[0]) for name in expected} == pytest.approx(expected, rel=1e-15)


def test_a_derivative_lost_in_forming_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: tau is read as a constant. Both engines lose it; the record stated again does not."""
    right = forming.FORMS["rate"]

    def constant(**given: Any) -> Any:
        return right(**{**given, "tau": plain_factor(given["tau"])})

    monkeypatch.setitem(forming.FORMS, "rate", constant)
    assert engines_meet(SPECIMENS["euler"])
    with pytest.raises(AssertionError):
        test_adjoints_are_the_limit_of_differences("euler")


def test_coefficients_know_their_parameters() -> None:
    """Every specimen but a linearisation is formed again from its own parameters; leak and tau are among them."""
    names = {name: set(parameters(rec).shapes) for name, rec in SPECIMENS.items()}
    assert names["leaky outside, per unit alpha"] == {"W", "M", "b", "alpha"}
    assert names["two biases"] == {"W", "M", "b[0]", "b[1]", "tau"}
    assert names["gru, reset after"] == {"W", "M", "b", "b_recurrent"}
    assert names["linearised"] == {"A", "B", "W", "M", "b", "c"}
    for rec in SPECIMENS.values():
        assert plain(parameters(rec).rec.parameters) == rec.parameters


def test_formed_numbers_are_differentiated() -> None:
    """1 - alpha, step/tau, exp(-step/tau) and their partials, exactly."""
    tau = Formed(Fraction(2), {("tau", 0): Fraction(1)})
    rate = Fraction(1, 4) / tau
    assert (rate.value, rate.partials) == (Fraction(1, 8), {("tau", 0): Fraction(-1, 16)})
    assert (1 - rate).partials == {("tau", 0): Fraction(1, 16)}
    grown = exponential(-rate)
    assert grown.partials["tau", 0] == grown.value * Fraction(1, 16)
    assert tau != Formed(Fraction(2), {("tau", 1): Fraction(1)})
    assert tau != 2
    several = np.array([tau * 3, Formed(Fraction(5), {("tau", 1): Fraction(1)})], dtype=object)
    assert {name: (at, list(d)) for name, (at, d) in derivatives(several).items()} == {"tau": (0, [3, 1])}


def wrong_slope(ops: Any, s: Any, z: Any) -> Any:
    """1 - s instead of 1 - s^2."""
    return ops.sum([ops.one(s), ops.scale(Fraction(-1), s)])


def not_transposed(op: Any) -> Any:
    """The operator itself where it is square."""
    return op if op.shape[0] == op.shape[1] else adjoint_transposed(op)


adjoint_transposed = adjoint.transposed


def half_a_product(self: Any, u: Any, v: Any) -> Any:
    """The second factor is taken for a constant."""
    return self._node(self.base.mul(u.value, v.value), lambda bar: u.bars.append(self.base.mul(v.value, bar)))


NO_PARTIALS: dict[str, Any] = {}
FAULTS = {
    "not transposed": (adjoint, "transposed", not_transposed),
    "derived coefficients forgotten": (adjoint, "derivatives", lambda factor: NO_PARTIALS),
    "product rule halved": (adjoint.Adjoint, "mul", half_a_product),
    "leak a constant": (adjoint, "is_formed", lambda factor: False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_adjoint_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted faults: the engines part."""
    place, name, wrong = FAULTS[fault]
    rec = SPECIMENS["gru, reset after" if "product" in fault else "leaky inside, scalar alpha"]
    assert engines_meet(rec)
    monkeypatch.setattr(place, name, wrong)
    assert not engines_meet(rec)


def test_the_slope_relation_is_the_forward_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: a wrong slope moves both engines alike; the differences are what notices it."""
    right = activations.ACTIVATIONS["tanh"]
    monkeypatch.setitem(activations.ACTIVATIONS, "tanh", replace(right, slope=wrong_slope))
    assert engines_meet(SPECIMENS["elman"])
    with pytest.raises(AssertionError):
        test_adjoints_are_the_limit_of_differences("elman")
