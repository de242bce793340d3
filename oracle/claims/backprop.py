"""What C17 measures: gradients of a discrete loss by three engines, and whether two records are one function of theirs.

    adjoint       <g, d>, backpropagation through time (`oracle.reference.gradients`)
    sensitivity   d/dt L(theta + t d) at t = 0, forward tangents that move the parameters
    differences   (L(theta + eps d) - L(theta)) / eps, which is <g, d> + (eps / 2) L''(t) at some t in [0, eps] (Taylor)

Two records whose coefficients, and whose coefficients' derivatives by the parameters, are equal have the same gradient
of every loss of their states, whatever it is: the adjoint recursion sees nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, upper_floats
from oracle.arithmetic.sensitivity import Direction, Displaced, Sensitivity
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.equations.catalogue import advance
from oracle.procedures.parameters import Parameters
from oracle.procedures.sameness import Sameness
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.records.staged import Staged
from oracle.reference.gradients import STATE, Question, in_balls

BITS = 512
EPS_BITS = 160
"""eps = 2^-160: the difference quotient keeps 350 bits, and a gradient that is off by 2^-100 is seen to be off."""
NONLINEAR = ("tau", "alpha")
"""Parameters that coefficients do not depend on linearly: sensitivities see them, displaced parameters do not."""


class Engines(NamedTuple):
    """As balls: adjoint against sensitivity; what the difference quotient may be off by, and what it is off by."""

    apart: Any
    bound: Any
    measured: Any


# -- one function of the parameters -----------------------------------------------------------------------------------
def same_function(a: Parameters, b: Parameters) -> Sameness:
    """Whether two recurrences have equal coefficients with equal derivatives by the parameters (exact)."""
    if a.rec.equation != b.rec.equation or a.shapes != b.shapes:
        return Sameness("undecided", "the records are of different kinds or parameters", None)
    ours, theirs = (_seen(part.rec.parameters) for part in (a, b))
    equal = all(_same_operator(getattr(ours, name), getattr(theirs, name), a, b) for name in "ABWME")
    equal = equal and all(_same_vectors(getattr(ours, name), getattr(theirs, name)) for name in "bc")
    if equal:
        return Sameness("equal", "coefficients and their derivatives by the parameters are equal (exact)", Fraction(0))
    return Sameness("undecided", "coefficients or their derivatives are not equal term by term", None)


def _seen(made: Any) -> Lure:
    """What the step map depends on: a Runge-Kutta step sees Delta F only."""
    field: Lure = made.field.scaled(made.step) if isinstance(made, Staged) else made
    return field


def _same_operator(a: Operator, b: Operator, of_a: Parameters, of_b: Parameters) -> bool:
    pairs = list(zip(a.terms, b.terms, strict=False))
    same = (
        _same_factor(s.left, t.left)
        and _same_factor(s.right, t.right)
        and (s.dense is t.dense or (s.dense is not None and t.dense is not None and np.array_equal(s.dense, t.dense)))
        and of_a.dense.get(id(s.dense)) == of_b.dense.get(id(t.dense))
        for s, t in pairs
    )
    return len(a.terms) == len(b.terms) and all(same)


def _same_factor(a: Any, b: Any) -> bool:
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))


def _same_vectors(a: tuple[Array, ...], b: tuple[Array, ...]) -> bool:
    return len(a) == len(b) and all(np.array_equal(s, t) for s, t in zip(a, b, strict=True))


# -- three engines ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Line:
    """theta + t d, h_0 + t e: seeded directions without zeros."""

    question: Question
    along: dict[str, Array]
    start: Array

    @staticmethod
    def drawn(question: Question, only_linear: bool = False) -> Line:
        """A direction that moves every parameter (or every one coefficients depend on linearly) and the start."""
        rng = np.random.default_rng(17)
        shapes = {n: s for n, s in question.traced.shapes.items() if not (only_linear and n in NONLINEAR)}
        # 32nds, so that their products with parameters stay short
        along = {name: (2 * rng.integers(-16, 16, shape) + 1) / 32 for name, shape in shapes.items()}
        return Line(question, along, (2 * rng.integers(-16, 16, question.run.h0.shape) + 1) / 32)

    def run(self, ops: Any, times: Callable[[Any], Any] | None = None) -> list[Any]:
        """States at theta + t d; `times` multiplies by t."""
        moved = Displaced(ops, self.direction(), times)
        states = [self._start(ops, times)]
        for x in self.question.inputs(ops):
            states.append(advance(moved, self.question.rec, states[-1], x))
        return states

    def loss(self, ops: Any, times: Callable[[Any], Any] | None = None) -> Any:
        """L(theta + t d), (1, 1)."""
        return self.question.loss.value(ops, self.run(ops, times))

    def slope(self, ops: Any, times: Callable[[Any], Any] | None = None) -> Any:
        """d/dt L(theta + t d) by forward sensitivities, (1, 1)."""
        return _total(ops, self._slopes(ops, times))

    def curvature(self, segment: Any) -> Any:
        """d^2/dt^2 L(theta + t d) for t in a ball: the same sensitivities over tangents in t, (1, 1)."""
        ops: Any = Tangent(Ball())

        def times(v: Dual) -> Dual:
            moved = v.value if v.tangent is None else v.value + v.tangent * segment
            return Dual(v.value * segment, moved)

        parts = [part.tangent for part in self._slopes(ops, times) if part.tangent is not None]
        return _total(Ball(), parts) if parts else arb_mat(1, 1)

    def _slopes(self, ops: Any, times: Callable[[Any], Any] | None) -> list[Any]:
        """What every state adds to the slope, unit by unit."""
        over: Any = Sensitivity(Displaced(ops, self.direction(), times))
        h = Dual(self._start(ops, times), self._columns(ops, self.start))
        steps, loss, parts = self.question.run.steps, self.question.loss, []
        for k, x in enumerate(self.question.inputs(ops), 1):
            h = advance(over, self.question.rec, h, Dual(x, None))
            bar = loss.cotangent(ops, steps - k, h.value)
            if bar is not None and h.tangent is not None:
                parts.append(ops.mul(bar, h.tangent))
        return parts

    def paired(self, gradients: dict[str, Array]) -> Any:
        """<g, d> of object arrays of balls or exact numbers."""
        total: Any = 0
        for name, along in {**self.along, STATE: self.start}.items():
            for entry, d in zip(gradients[name].ravel().tolist(), np.asarray(along).ravel().tolist(), strict=True):
                total = total + entry * (arb(d) if isinstance(entry, arb) else Fraction(d))
        return total

    def direction(self) -> Direction:
        """The direction of the parameters."""
        return Direction(self.along, self.question.traced.dense)

    def _start(self, ops: Any, times: Callable[[Any], Any] | None) -> Any:
        start = self.question.start(ops)
        return start if times is None else ops.sum([start, times(self._columns(ops, self.start))])

    def _columns(self, ops: Any, rows: Array) -> Any:
        return ops.lift(np.ascontiguousarray(rows.T))


def _total(ops: Any, parts: list[Any]) -> Any:
    """The sum of all entries of all parts."""
    whole = ops.sum(parts)
    rows, columns = (whole.nrows(), whole.ncols()) if hasattr(whole, "nrows") else whole.shape
    left = ops.outer([ops.lift(np.ones((1, rows)))], [whole.transpose()])
    return ops.outer([left], [ops.lift(np.ones((1, columns)))])


def engines(question: Question, gradients: dict[str, Array]) -> Engines:
    """The three engines along seeded directions, in balls; use inside `precision(BITS)`.

    The bound is (eps / 2) sup |L''| over [0, eps], the measured value |quotient - <g, d>|. Both are one number up to
    eps, relatively; the bound is rounded up by the width of the other, so that they can be told apart.
    """
    ops, every, linear = Ball(), Line.drawn(question), Line.drawn(question, only_linear=True)
    forward_slope = every.slope(ops)[0, 0]
    eps = arb(1) / (arb(2) ** EPS_BITS)
    segment = arb(0).union(eps)
    inner = linear.paired(gradients)
    off = (linear.loss(ops, lambda v: v * eps)[0, 0] - linear.loss(ops)[0, 0]) / eps - inner
    allowed = abs(eps / 2 * linear.curvature(segment)[0, 0]).upper() + 2 * off.rad()
    return Engines(forward_slope - every.paired(gradients), allowed, off)


def up(value: Any) -> float:
    """|value| rounded up."""
    return float(upper_floats(arb_mat(1, 1, [value]))[0, 0])


def down(value: Any) -> float:
    """|value| rounded down."""
    return float(lower_floats(arb_mat(1, 1, [value]))[0, 0])


# -- differences of gradients -----------------------------------------------------------------------------------------
class Apart(NamedTuple):
    """Largest difference of two gradients, entry by entry: at least and at most."""

    least: float
    most: float


def apart(a: dict[str, Array], b: dict[str, Array], factor: Any = 1, skip: tuple[str, ...] = ()) -> Apart:
    """max |a - factor b| over the gradients both have."""
    gaps = [
        entry - factor * other
        for name in a.keys() & b.keys() - set(skip)
        for entry, other in zip(a[name].ravel(), b[name].ravel(), strict=True)
    ]
    return Apart(max(map(down, gaps), default=0.0), max(map(up, gaps), default=0.0))


def rescaled_loss(question: Question, factor: Fraction) -> Question:
    """The same question with a loss times a factor."""
    return replace(question, loss=question.loss.scaled(factor))


def ball_gradients(question: Question) -> dict[str, Array]:
    """Gradients as balls; use inside `precision(BITS)`."""
    return in_balls(question, BITS)
