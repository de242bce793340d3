"""The counterexamples of C17: what a gradient is without each of its assumptions."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.rational import Rational
from oracle.claims.backprop import BITS, rescaled_loss
from oracle.claims.predicates import SAME_SAMPLES, STEP_RESCALED
from oracle.claims.result import Counterexample
from oracle.records.exact import Array, exact_object
from oracle.records.layout import Samples
from oracle.records.network import Network
from oracle.records.operator import Operator
from oracle.records.recurrence import Recurrence
from oracle.reference.gradients import AtKink, Backward, Question, assembled, backward, ball_entries, forward
from oracle.reference.loss import Loss

DIFFERENTIABLE = "s is differentiable at every argument of the run"
DISCRETE = "the backward pass differentiates the discrete step, at the state the step starts from"
WHOLE = "the cotangent is carried through every step of the run"
TERMS = "and through every term of the step, the leak included"
INTEGRAL = "where the loss is an integral over time, its gradient is compared with the factor 1/r"
AS_GIVEN = "gradients are by the parameters as given, into which no tau was absorbed"


def example(tau: Any = (1.0, 0.5), activation: str = "relu", form: Any = Network.rate) -> Network:
    """Two units and one input, rational for relu; every unit is active on the run below."""
    net: Network = form(
        [[0.5, -0.25], [0.75, 0.25]], [[1.0], [0.5]], [0.5, 0.25], tau=np.array(tau), activation=activation
    )
    return net


SAMPLES = np.array([[[0.75]], [[0.25]], [[0.5]], [[1.0]]])
START = np.array([[0.25, 0.5]])


def ask(rec: Recurrence, X: Array = SAMPLES, loss: Loss | None = None) -> Question:
    """The squares of the states to targets, over four steps."""
    targets = np.array([[[0.5, -0.25]], [[0.25, 0.125]], [[-0.5, 0.25]], [[0.75, 0.5]]])
    return Question.of(rec, Samples(X, START, True), loss or Loss("squares", targets))


def exactly(question: Question, way: Backward | None = None) -> dict[str, Array]:
    """Gradients in exact rationals."""
    ops = Rational()
    return assembled(question, backward(ops, question, forward(ops, question), way), lambda v: v)


def gap(a: dict[str, Array], b: dict[str, Array], name: str = "W") -> Fraction:
    """Largest difference of two exact gradients by one parameter."""
    return Fraction(max(abs(entry) for entry in (a[name] - b[name]).ravel().tolist()))


def kink() -> Counterexample:
    """h+ = relu(w h) at h = 0: the loss <1, h_1> has slopes 0 and w to either side of h_0 = 0."""
    rec = Recurrence.elman([[1.0]], activation="relu")
    run = Samples(np.zeros((1, 1, 0)), np.zeros((1, 1)), True)
    question = Question.of(rec, run, Loss("functional", np.ones((1, 1, 1))))
    with precision(BITS):
        sides = [in_convention(question, slope)["h0"][0, 0] for slope in (Fraction(0), Fraction(1))]
        size = Fraction(float((sides[1] - sides[0]).mid()))
    return Counterexample(
        DIFFERENTIABLE,
        "h+ = relu(h) at h_0 = 0: slope 0 (PyTorch, JAX) and slope 1 give gradients 0 and 1; both are one-sided",
        size,
        "exact rational",
    )


def in_convention(question: Question, slope: Fraction) -> dict[str, Array]:
    """Gradients with a convention for the slope at the kink, in balls."""
    ops = AtKink(slope)
    return assembled(question, backward(ops, question, forward(ops, question)), ball_entries)


def unscaled_step() -> Counterexample:
    """The step stays Delta at r = 3."""
    net, step = example(), Fraction(1, 8)
    size = gap(exactly(ask(net.rescale(3).discretize(step))), exactly(ask(net.discretize(step))))
    return Counterexample(STEP_RESCALED, "the step stays Delta = 1/8 at r = 3", size, "exact rational")


def other_instants() -> Counterexample:
    """x(t) = t is read at s_k instead of r s_k."""
    rec, times = example().discretize(Fraction(1, 8)), np.arange(4.0).reshape(4, 1, 1) / 8
    size = gap(exactly(ask(rec, times)), exactly(ask(rec, times / 4)))
    return Counterexample(SAME_SAMPLES, "x(t) = t is sampled at s_k = t_k / 4, r = 4", size, "exact rational")


def adjoint_equation() -> Counterexample:
    """h' = -h + tanh 1.3h, h_0 = 1/2, T = 1, Delta = 1/5, L = h(T)^2/2: .17979 against .17934 by w."""
    with precision(BITS):
        exact, euler = (part["W"][0, 0] for part in adjoint_pair())
        size = float((exact - euler).abs_lower())
        text = f"{float(exact):.5f} against {float(euler):.5f}"
    return Counterexample(
        DISCRETE,
        f"h' = -h + tanh wh, w = 1.3, h_0 = 1/2, T = 1, Delta = 1/5, L = h(T)^2/2: dL/dw is {text} by Euler on the "
        "adjoint equation",
        size,
        "balls",
    )


def adjoint_pair() -> tuple[dict[str, Array], dict[str, Array]]:
    """The gradient of the discrete loss, and Euler on the adjoint equation, in balls."""
    weight = np.array([[Fraction(13, 10)]], dtype=object)
    rec = Network.rate(weight, tau=1).discretize(Fraction(1, 5))
    run = Samples(np.zeros((5, 1, 0)), np.array([[0.5]]), True)
    question = Question.of(rec, run, Loss("squares", np.zeros((1, 1, 1)), Fraction(1, 2)))
    ops = Ball()
    states = forward(ops, question)
    exact, euler = (backward(ops, question, states, way) for way in (None, ADJOINT_EQUATION))
    return assembled(question, exact, ball_entries), assembled(question, euler, ball_entries)


ADJOINT_EQUATION = Backward(at=lambda k: k + 1)
"""Euler backwards in time on lambda' = -J^T lambda: every Jacobian is that of the later state."""


def truncated() -> Counterexample:
    """The cotangent is dropped half-way."""
    question = ask(example().discretize(Fraction(1, 8)))
    size = gap(exactly(question), exactly(question, Backward(carried=lambda k: k != 2)))
    return Counterexample(WHOLE, "four steps, cotangents dropped at h_2", size, "exact rational")


def missing_leak() -> Counterexample:
    """The cotangent does not go back through A h."""
    question = ask(example().discretize(Fraction(1, 8)))
    leak = question.rec.lure.A

    def through(op: Operator) -> Operator:
        return Operator.zero(*leak.shape) if op is leak else op

    size = gap(exactly(question), exactly(question, Backward(through=through)))
    return Counterexample(TERMS, "the term (1 - alpha) h is left out on the way back", size, "exact rational")


def integral() -> Counterexample:
    """Delta sum l compared with Delta/r sum l."""
    net, step, r = example(), Fraction(1, 8), 3
    first, second = ask(net.discretize(step)), ask(net.rescale(r).discretize(step / r))
    ours, theirs = (exactly(rescaled_loss(q, s)) for q, s in ((first, step), (second, step / r)))
    text = "the integral of the loss over s, r = 3, taken for the integral over t"
    return Counterexample(INTEGRAL, text, gap(ours, theirs), "exact rational")


def descent() -> Counterexample:
    """relu, tau = 2: one step of gradient descent on W~ = tau W, M~ and b~ against one on W."""
    tau, step, rate = Fraction(2), Fraction(1, 4), Fraction(1, 16)
    net = example(2.0, form=Network.paper)
    given = net.origin.arguments
    W, M, b = exact_object(given["W"]), exact_object(given["M"]), exact_object(given["b"][0])
    inside = Network.paper(tau * W, tau * M, tau * b, tau=1, activation="relu")
    plain = W - rate * exactly(ask(net.discretize(step)))["W"]
    moved = tau * W - rate * exactly(ask(inside.discretize(step / tau)))["W"]
    size = max(abs(entry) for entry in (moved / tau - plain).ravel().tolist())
    return Counterexample(
        AS_GIVEN,
        "relu, tau = 2 absorbed exactly into W, M and b: a step of gradient descent at rate 1/16 gives other weights",
        size,
        "exact rational",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One per assumption."""
    return (
        kink(),
        unscaled_step(),
        other_instants(),
        adjoint_equation(),
        truncated(),
        missing_leak(),
        integral(),
        descent(),
    )
