"""Gradients of a discrete loss: backpropagation through time by the adjoint interpretation, in any arithmetic.

    lambda_K = dL/dh_K,   lambda_k = dL/dh_k + (D Phi(h_k, x_k))^T lambda_{k+1}
    dL/dtheta = sum_k (d_theta Phi(h_k, x_k))^T lambda_{k+1},   dL/dx_k = (D_x Phi(h_k, x_k))^T lambda_{k+1}

In balls the result is certified: every float is the rational it is, every rounding enclosed. Source: P. Werbos, Proc.
IEEE 78, 1990 (backpropagation through time); the step itself is whatever `oracle.equations` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from flint import arb, arb_mat, fmpq

from oracle.arithmetic.adjoint import Adjoint, Place, itself
from oracle.arithmetic.ball import Ball, precision
from oracle.equations.catalogue import advance
from oracle.errors import KinkError
from oracle.procedures.parameters import Parameters, parameters
from oracle.records.exact import Array, objects
from oracle.records.layout import Samples, samples
from oracle.records.operator import Operator
from oracle.records.recurrence import Recurrence
from oracle.reference.enclosure import Enclosure, mpf_array, to_mpf
from oracle.reference.limits import GUARD_BITS, MOST_BITS, NotReached, bits_for, checked_digits
from oracle.reference.loss import Loss, stated

STATE, INPUT = "h0", "inputs"
"""Names of the gradients by the initial state and the inputs, beside those of the parameters."""


class Asked(Protocol):
    """What is differentiated, of one recurrence or of several: shapes of the gradients, and the gradients."""

    @property
    def run(self) -> Samples:
        """Inputs."""

    @property
    def loss(self) -> Loss:
        """Of the states, or of the outputs of the last layer."""

    @property
    def recs(self) -> tuple[Recurrence, ...]:
        """The recurrences."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every gradient by name, with the batch axis of the run."""

    def states(self, ops: Any) -> Any:
        """What the run passes through, in an arithmetic."""

    def gradients(
        self, ops: Any, entries: Callable[[Any], Array], way: Backward | None = None, states: Any = None
    ) -> dict[str, Array]:
        """Gradients by name in an arithmetic; `entries` turns a value into an object or float array."""

    def scaled(self, factor: Fraction) -> Asked:
        """The same of a multiple of the loss."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is differentiated: a recurrence as a function of its parameters, a run, and a loss of its states."""

    traced: Parameters
    run: Samples
    loss: Loss

    @staticmethod
    def of(rec: Recurrence, run: Samples, loss: Loss) -> Question:
        """From a recurrence."""
        return Question(parameters(rec), run, loss)

    @property
    def rec(self) -> Recurrence:
        """The recurrence, with numbers that know what they were formed from."""
        return self.traced.rec

    def inputs(self, ops: Any) -> list[Any]:
        """x_0 .. x_{K-1} in an arithmetic, (I, batch) each."""
        return [ops.lift(np.ascontiguousarray(x.T)) for x in self.run.X]

    def start(self, ops: Any) -> Any:
        """h_0 in an arithmetic, (N, batch)."""
        return ops.lift(np.ascontiguousarray(self.run.h0.T))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every gradient by name, with the batch axis of the run."""
        return {**self.traced.shapes, STATE: self.run.h0.shape, INPUT: self.run.X.shape}

    @property
    def recs(self) -> tuple[Recurrence, ...]:
        """The recurrences it consists of: one."""
        return (self.rec,)

    def states(self, ops: Any) -> Any:
        """h_0 .. h_K in an arithmetic."""
        return forward(ops, self)

    def gradients(
        self, ops: Any, entries: Callable[[Any], Array], way: Backward | None = None, states: Any = None
    ) -> dict[str, Array]:
        """Gradients by name in an arithmetic; `entries` turns a value into an object or float array."""
        states = self.states(ops) if states is None else states
        return assembled(self, backward(ops, self, states, way), entries)

    def scaled(self, factor: Fraction) -> Question:
        """The same of a multiple of the loss."""
        return replace(self, loss=self.loss.scaled(factor))


KINK_BITS = 2048
"""Beyond this many bits an argument that cannot be told from a kink is taken to be at it: the run has no gradient."""

Pieces = dict[Place, Any]


def forward(ops: Any, question: Question, start: Any = None) -> list[Any]:
    """States h_0 .. h_K in an arithmetic that reads plain numbers (through the adjoint's, which takes Formed ones).

    An arithmetic may say with `settled` what a state is once it has been written down (rounding bounds do).
    """
    tape: Any = Adjoint(ops)
    settled = getattr(ops, "settled", _as_it_is)
    states = [question.start(ops) if start is None else start]
    for x in question.inputs(ops):
        moved = advance(tape, question.rec, tape.leaf(states[-1]), tape.leaf(x))
        tape.forget()
        states.append(settled(moved.value))
    return states


def _as_it_is(v: Any) -> Any:
    return v


@dataclass(frozen=True, eq=False)
class Backward:
    """How a backward pass goes: by default backpropagation through time, all of it.

    `through`, `at` and `carried` describe other passes, which diagnosis names.

    Attributes
    ----------
    through : callable
        Operator -> operator a cotangent goes back through.
    at : callable
        k -> index of the state whose step is differentiated for step k.
    carried : callable
        k -> whether the cotangent of h_k goes back to the step before it.
    below : bool
        Whether cotangents go back to the layer below, where there is one.
    solving : bool
        Whether a cotangent of the solution of an implicit step is solved for that of its relation.
    """

    through: Callable[[Operator], Operator] = itself
    at: Callable[[int], int] = lambda k: k
    carried: Callable[[int], bool] = lambda k: True
    below: bool = True
    solving: bool = True


def backward(ops: Any, question: Question, states: list[Any], way: Backward | None = None) -> Pieces:
    """Gradients in pieces: (name, first row) -> (rows, columns) in the arithmetic; INPUT by step."""
    way = way or Backward()
    tape: Any = Adjoint(ops, question.traced.dense, way.through, way.solving)
    steps, loss, xs = question.run.steps, question.loss, question.inputs(ops)
    settled = getattr(ops, "settled", _as_it_is)
    pieces: Pieces = {}
    bar = loss.cotangent(ops, 0, states[steps]) if steps else None
    for k in reversed(range(steps)):
        h, x = tape.leaf(states[way.at(k)]), tape.leaf(xs[k])
        tape.pull(advance(tape, question.rec, h, x), bar)
        pieces[INPUT, k] = tape.bar(x) if question.run.X.shape[2] else None
        back = tape.bar(h) if way.carried(k) else None
        own = loss.cotangent(ops, steps - k, states[k]) if k else None
        parts = [part for part in (back, own) if part is not None]
        bar = settled(ops.sum(parts)) if parts else ops.scale(Fraction(0), bar)
    return {**pieces, **tape.gradients(), (STATE, 0): bar}


def assembled(question: Question, pieces: Pieces, entries: Callable[[Any], Array]) -> dict[str, Array]:
    """Gradients by name in the shapes of the parameters; `entries` turns a value into an object or float array."""
    made: dict[str, Array] = {}
    for name, shape in question.traced.shapes.items():
        made[name] = _blocks({row: entries(v) for (n, row), v in pieces.items() if n == name}, shape)
    steps, batch, inputs = question.run.X.shape
    if pieces.get((STATE, 0)) is not None:
        made[STATE] = entries(pieces[STATE, 0]).T
    if steps and inputs:
        found = [entries(v).T if (v := pieces[INPUT, k]) is not None else None for k in range(steps)]
        zero = np.zeros((batch, inputs))
        made[INPUT] = np.stack([zero if part is None else part for part in found])
    return made


def _blocks(parts: Mapping[int, Array], shape: tuple[int, ...]) -> Array:
    """Pieces below each other; what no piece covers is zero."""
    flat = (shape[0] if shape else 1, shape[1] if len(shape) > 1 else 1)
    kind = next((part.dtype for part in parts.values()), np.dtype(float))
    whole = np.zeros(flat, dtype=kind)
    for row, part in parts.items():
        whole[row : row + len(part)] = part
    return whole.reshape(shape)


def ball_entries(v: Any) -> Array:
    """A matrix of balls as an object array."""
    return objects(v.entries()).reshape(v.nrows(), v.ncols())


class AtKink(Ball):
    """Balls with a convention for the slope of max(0, z) at exactly z = 0, where there is no derivative.

    Frameworks take 0 (PyTorch, JAX, TensorFlow); a ball that merely touches zero is still refused.
    """

    def __init__(self, slope: Fraction) -> None:
        super().__init__()
        self._slope = slope

    def unit_step(self, z: Any) -> Any:
        """The convention at zero, the slope elsewhere."""

        def slope(entry: Any) -> Any:
            if entry == 0:
                return self.rational(self._slope)
            if entry > 0 or entry < 0:
                return arb(int(entry > 0))
            raise KinkError(f"max(0, z) may be at its kink: z = {entry}")

        return self._each(slope, z)


def in_balls(question: Asked, bits: int, way: Backward | None = None, kink: Fraction | None = None) -> dict[str, Array]:
    """Gradients as object arrays of balls; use inside `precision(bits)`.

    Raises
    ------
    KinkError
        A unit is at its kink, or cannot be told from it.
    """
    ops = Ball() if kink is None else AtKink(kink)
    return question.gradients(ops, ball_entries, way)


def gradient(
    rec: Recurrence,
    inputs: Any = None,
    h0: Any = None,
    *,
    loss: Any = "functional",
    weights: Any = None,
    digits: int = 30,
    slope_at_zero: Any = None,
) -> dict[str, Enclosure]:
    """Certified gradients of a discrete loss by the parameters as given, the initial state and the inputs.

    Parameters
    ----------
    rec : Recurrence
    inputs, h0 : array_like
        As for `oracle.simulate`.
    loss : {"functional", "squares", "final"} or Loss
        sum_k <w_k, h_k>, sum_k |h_k - y_k|^2 or <w, h_K>, over the states H[1] to H[K].
    weights : array_like, optional
        w or y, (K, N) or (K, batch, N); (N,) or (batch, N) for "final". Functionals are drawn by default.
    digits : int
        Every radius is at most 10^-digits max(1, |value|).
    slope_at_zero : number, optional
        Slope of max(0, z) at exactly z = 0; without it such a run is refused.

    Returns
    -------
    dict of Enclosure
        "W", "M", "b" (or "b[0]", "b[1]"), "alpha" or "tau" as far as the record was stated with them, "h0", "inputs".

    Raises
    ------
    oracle.BadInput
        Shapes, an unknown loss.
    KinkError
        A unit is at its kink.
    oracle.reference.limits.NotReached
        The digits are out of reach.
    """
    run = samples(inputs, h0, N=rec.N, I=rec.I)
    question = Question.of(rec, run, stated(loss, weights, run.steps, run.batch, rec.N))
    return certified(question, checked_digits(digits), kink=None if slope_at_zero is None else Fraction(slope_at_zero))


def certified(
    question: Asked, digits: int, way: Backward | None = None, kink: Fraction | None = None
) -> dict[str, Enclosure]:
    """Gradients with the working precision raised until every radius meets the goal."""
    bits = bits_for(digits) + GUARD_BITS
    while bits <= MOST_BITS:
        with precision(bits):
            try:
                found = in_balls(question, bits, way, kink)
            except KinkError:
                if bits > KINK_BITS:
                    raise
                found = {}
            if found and _met(found, digits):
                return {name: _enclosure(part, bits) for name, part in found.items()}
        bits *= 2
    raise NotReached(
        f"{digits} digits of a gradient over {question.run.steps} steps need more than {MOST_BITS} bits.",
        "the recurrence is unstable, or chaotic, over so many steps.",
        "ask for fewer steps or digits.",
    )


def _met(found: Mapping[str, Array], digits: int) -> bool:
    goal = arb(fmpq(1, 10**digits)).lower()
    entries = [entry for part in found.values() for entry in part.ravel() if isinstance(entry, arb)]
    return all(bool(e.rad() <= goal) or bool(e.rad() <= goal * (abs(e.mid()) - e.rad())) for e in entries)


def _enclosure(part: Array, bits: int) -> Enclosure:
    flat = arb_mat(1, part.size, list(part.ravel())).entries()
    mid = mpf_array((to_mpf(entry.mid()) for entry in flat), part.shape)
    rad = mpf_array((to_mpf(entry.rad()) for entry in flat), part.shape)
    return Enclosure(mid, rad, "proved", bits=bits, method="adjoint in balls")
