"""C14: the rate and the current form are one system, with filtered input; scalar tau.

    rate       tau h' = -h + s(W h + M x~ + b),   tau x~' = -x~ + x
    current    tau v' = -v + W s(v) + M x + b,    v = W h + M x~ + b

No derivative of the input is needed, and D commutes with the map exactly, for Euler and exponential Euler alike.
Without the filter the current form sees x + tau x'; Euler's step of that is exact with
(x_{k+1} - (1 - alpha) x_k)/alpha in its place. The way back: v(0) - M x~(0) - b has to be in the range of W, and h(0)
is unique where W is injective. With constant input: K. D. Miller and F. Fumarola, Neural Computation 24, 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from oracle.arithmetic.rational import Rational
from oracle.claims.predicates import identity
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, shown, symbolic
from oracle.claims.setting import Setting
from oracle.claims.way_back import way_back
from oracle.equations.catalogue import advance
from oracle.procedures.conjugate import beside, differenced, filtered, sampled_twice, semiconjugacy
from oracle.procedures.discretize import euler, exponential_euler
from oracle.procedures.sameness import Sameness
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import Operator, sum_vectors
from oracle.records.recurrence import Recurrence

STATEMENT = (
    "With one time constant, v = W h + M x~ + b takes the rate form with filtered input, tau x~' = -x~ + x, to the "
    "current form with input x, before and after discretisation by Euler or exponential Euler; the Euler step of the "
    "rate form with input x is taken to that of the current form with input (x_{k+1} - (1 - alpha) x_k)/alpha."
)
LATEX = (
    r"\tau\dot h=-h+\sigma(Wh+M\tilde x+b),\ \tau\dot{\tilde x}=-\tilde x+x,\ v=Wh+M\tilde x+b\ \Rightarrow\ "
    r"\tau\dot v=-v+W\sigma(v)+Mx+b"
)
FORM = "the network is in rate form, tau h' = -h + s(W h + M x + b)"
ONE_TAU = "all units have one time constant"
FILTERED = "the input of the rate form is x filtered with tau (or that of the current form is x + tau x')"
START = "v(0) = W h(0) + M x~(0) + b"


def evaluate(setting: Setting) -> Evaluated:
    """Semiconjugacies of fields and steps, as equalities of coefficients; the rank of W for the way back."""
    field = setting.net.field
    form = is_rate(field)
    leaks = set(np.ravel(np.asarray(field.A.diagonal_factor(), dtype=object))) if field.A.is_diagonal else set()
    one = form and len(leaks) == 1
    assumptions = (
        Assumption(FORM, form, "A = -1/tau, B = 1/tau, E = 0, c = 0 (exact)" if form else "another form"),
        Assumption(ONE_TAU, one, f"tau = {shown(-1 / next(iter(leaks)))} (exact)" if one else "several, or none"),
        Assumption(FILTERED, True, "x~ is a state of the record that is compared"),
        Assumption(START, True, "v is computed from h and x~ at every time, the first included"),
    )
    if not form:
        return Evaluated(assumptions, Fraction(0), None, ("there is no current form to compare with",))
    made = identity(assumptions, outcomes(field, setting.step, setting.scheme), way_back(field))
    return made


def is_rate(field: Lure) -> bool:
    """A = -1/tau, B = 1/tau > 0 with any time constants, nothing outside s."""
    square = field.B.shape[0] == field.B.shape[1] and field.B.is_diagonal and field.A.is_diagonal
    outside = np.any(field.E.expanded != 0) or np.any(sum_vectors(field.c, field.state_size) != 0)
    if not square or outside:
        return False
    leak = np.ravel(np.asarray(field.A.diagonal_factor(), dtype=object))
    rational = all(isinstance(entry, Fraction) and entry < 0 for entry in leak)
    return rational and field.A.scaled(Fraction(-1)) == field.B


def current(rate: Lure) -> Lure:
    """The current form with the same weights and time constants."""
    N, inputs, leak = rate.state_size, rate.input_size, -1 * rate.A.diagonal_factor()
    return Lure(
        A=rate.A,
        B=rate.W.scaled(leak),
        W=Operator.diagonal(Fraction(1), N),
        M=Operator.zero(N, inputs),
        b=(),
        E=rate.M.scaled(leak),
        c=(leak * sum_vectors(rate.b, N),),
        activation=rate.activation,
    )


def outcomes(rate: Lure, step: Fraction, scheme: str) -> Iterator[tuple[str, Sameness]]:
    """What the claim says, one equality of records each."""
    leak = -1 * np.ravel(np.asarray(rate.A.diagonal_factor(), dtype=object))[0]
    large, small = filtered(rate, leak), current(rate)
    V, offset = large.W, sum_vectors(rate.b, rate.state_size)
    yield "fields, filtered input", semiconjugacy(large, small, V, offset)
    schemes: dict[str, Any] = {"euler": euler}
    if scheme == "exponential-euler":
        schemes[scheme] = exponential_euler
    for name, method in schemes.items():
        found = semiconjugacy(method(large, step), method(small, step), V, offset, step=True)
        yield f"{name} steps, filtered input", found
    yield "Euler steps, (x_{k+1} - (1 - alpha) x_k)/alpha", direct(rate, step, step * leak)


def direct(rate: Lure, step: Fraction, alpha: Fraction) -> Sameness:
    """The Euler step of the rate form with input x against that of the current form with differenced input."""
    offset, nothing = sum_vectors(rate.b, rate.state_size), Operator.zero(*rate.M.shape)
    return semiconjugacy(
        sampled_twice(euler(rate, step)),
        differenced(euler(current(rate), step), alpha),
        rate.W,
        offset,
        beside(rate.M, nothing),
        beside(nothing, rate.M),
        step=True,
    )


# -- counterexamples --------------------------------------------------------------------------------------------------
def example() -> Network:
    """Two rectified units, one input: everything about it is rational."""
    return Network.rate([[0.5, -1.0], [0.75, 0.25]], [[1.0], [-0.5]], [0.125, 0.25], tau=2, activation="relu")


def _gap(outcome: Sameness) -> Fraction:
    return Fraction(outcome.gap or 0)


def paper_form() -> Counterexample:
    """h' = -h/tau + s(..), tau = 2: W s instead of W s/tau."""
    rate = example()
    paper = Network.paper([[0.5, -1.0], [0.75, 0.25]], [[1.0], [-0.5]], [0.125, 0.25], tau=2, activation="relu").field
    large = filtered(paper, Fraction(1, 2))
    found = semiconjugacy(large, current(rate.field), large.W.expanded, sum_vectors(paper.b, 2))
    return Counterexample(
        FORM,
        "the paper form with tau = 2 taken for the rate form: v' contains W s(v) instead of W s(v)/2",
        _gap(found),
        "exact rational",
    )


def several_constants() -> Counterexample:
    """W = [[0, 1], [0, 0]], tau = (1, 2): v_1 = h_2 decays with the wrong time constant."""
    rate = Network.rate([[0.0, 1.0], [0.0, 0.0]], tau=[1.0, 2.0]).field
    found = semiconjugacy(filtered(rate, Fraction(1)), current(rate), rate.W.expanded, sum_vectors(rate.b, 2))
    return Counterexample(
        ONE_TAU,
        "W = [[0, 1], [0, 0]], tau = (1, 2): v_1 = h_2 has h_2's time constant 2 and not its own, A W differs from W A",
        _gap(found),
        "exact rational",
    )


def _run(rec: Recurrence, h: Array, X: list[Fraction]) -> Array:
    ops = Rational()
    value = ops.lift(h)
    for x in X:
        value = advance(ops, rec, value, ops.lift(np.array([x], dtype=object)))
    return value[:, 0]


def _defect(inputs: list[Fraction], samples: list[Fraction]) -> Fraction:
    """Euler with alpha = 1/4: |v_1 - (W h_1 + M x_1 + b)| for a rate form fed `samples`, a current form `inputs`."""
    net, h = example(), np.array([Fraction(1, 4), Fraction(-1, 8)], dtype=object)
    field, step = net.field, Fraction(1, 2)

    def seen(state: Array, x: Fraction) -> Array:
        return field.W.apply(state) + field.M.apply(np.array([x], dtype=object)) + sum_vectors(field.b, 2)

    rate = _run(net.discretize(step), h, samples[:1])
    made = Recurrence.made("lure", euler(current(field), step), step, net.origin)
    return Fraction(max(abs(_run(made, seen(h, samples[0]), inputs) - seen(rate, samples[1]))))


def unfiltered() -> Counterexample:
    """Both forms fed x."""
    x = [Fraction(1, 4), Fraction(3, 4)]
    return Counterexample(
        FILTERED,
        "both forms fed the same x_0 = 1/4, x_1 = 3/4, Euler: after one step v is off by |M (x_1 - x_0)|",
        _defect(x[:1], x),
        "exact rational",
    )


def sampled_derivative() -> Counterexample:
    """x(t) = t^2 from t = 1: x + tau x' = 1 + 2 tau at the grid point, instead of the difference."""
    x = [Fraction(1), Fraction(3, 2) ** 2]
    return Counterexample(
        FILTERED,
        "x = t^2 at t = 1, Delta = 1/2: the current form fed samples of x + tau x' instead of "
        "(x_{k+1} - (1 - alpha) x_k)/alpha: one Euler step is off by |M| Delta^2, a defect of order Delta over time",
        _defect([x[0] + 2 * 2], x),
        "exact rational",
    )


def out_of_range() -> Counterexample:
    """W = [[0, 1], [0, 0]], v(0) = (0, 1)."""
    alpha = Fraction(1, 4)
    net = Network.current([[0.0, 1.0], [0.0, 0.0]], tau=1, activation="relu")
    rec = net.discretize(alpha)
    ops = Rational()
    v = advance(ops, rec, ops.lift(np.array([0.0, 1.0])), ops.lift(np.array([])))
    return Counterexample(
        START,
        "W = [[0, 1], [0, 0]], v(0) = (0, 1): the second entry of W h is 0 for every h, and v_2 is still 1 - alpha "
        "after one step; the defect decays like exp(-t/tau)",
        abs(Fraction(v[1, 0])),
        "exact rational",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (paper_form(), several_constants(), unfiltered(), sampled_derivative(), out_of_range())


CLAIM = Claim(
    "C14", "rate and current", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c14_rate_and_current")
)
