"""U, undoing a discretisation: the network whose step with Delta is this recurrence, exactly.

    Euler               A -> (A - I)/Delta;      (B, E, c) -> (B, E, c)/Delta
    exponential Euler   A -> log(A)/Delta;       (B, E, c) -> (B, E, c)/(Delta phi_1(log A)),  A diagonal and > 0

One network per Delta; those of Euler are one network in different units of time, U_{D2} = R_{D1/D2} U_{D1}. The flow of
that network is not the recurrence: Euler's error says how far off it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.procedures.discretize import exponential_euler
from oracle.records.exact import Array, Constant, Exact, objects
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import Operator, spread, sum_vectors
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence, positive


def undone(step_map: Lure, step: Any) -> Lure:
    """The field whose forward Euler step is this map."""
    N = step_map.state_size
    return replace(step_map, A=step_map.A + Operator.diagonal(Fraction(-1), N)).scaled(1 / step)


def undone_exponential(step_map: Lure, step: Fraction) -> Lure:
    """The field whose exponential Euler step is this map.

    Raises
    ------
    oracle.BadInput
        A is dense, has an entry <= 0, or a leak or coefficient that is no exact number of the records.
    """
    N = step_map.state_size
    if not step_map.A.is_diagonal:
        raise _no_inverse("A is dense", "exponential Euler is written for a leak of each unit on its own")
    leak = objects(logarithm(entry) / step for entry in spread(step_map.A.diagonal_factor(), N))
    unit = Lure(
        A=Operator.diagonal(leak, N),
        B=Operator.diagonal(Fraction(1), N),
        W=Operator.zero(N, N),
        M=Operator.zero(N, 0),
        b=(),
        E=Operator.zero(N, 0),
        c=(),
        activation="identity",
    )
    gain = spread(exponential_euler(unit, step).B.diagonal_factor(), N)
    return replace(
        step_map,
        A=Operator.diagonal(leak, N),
        B=_divided(step_map.B, gain),
        E=_divided(step_map.E, gain),
        c=(_quotients(sum_vectors(step_map.c, N), gain),),
    )


def logarithm(decay: Exact) -> Fraction:
    """log of a decay factor where it is rational: of exp(q), and of 1."""
    if decay == 1:
        return Fraction(0)
    if isinstance(decay, Constant):
        (monomial, factor), *more = decay.terms.items()
        if not more and factor == 1 and len(monomial) == 1 and monomial[0][0].kind == "exp" and monomial[0][1] == 1:
            return monomial[0][0].argument
        raise _no_inverse(f"A has the entry {decay}", "its logarithm is no exact number of the records")
    if decay <= 0:
        raise _no_inverse(f"A has the entry {decay}", "exp(Delta a) is positive: no network has this exponential step")
    raise _no_inverse(f"A has the entry {decay}", "its logarithm exists, but it is irrational")


def _divided(op: Operator, gain: Array) -> Operator:
    """diag(gain)^-1 times an operator, term by term where the gain is a factor of the term."""
    try:
        terms = tuple(replace(t, left=_quotients(spread(t.left, op.shape[0]), gain)) for t in op.terms)
        return Operator(op.shape, terms)
    except BadInput:
        rows = [_quotients(row, np.full(len(row), g, dtype=object)) for row, g in zip(op.expanded, gain, strict=True)]
        return Operator.dense(np.array(rows, dtype=object).reshape(op.shape))


def _quotients(entries: Iterable[Exact], gains: Iterable[Exact]) -> Array:
    return objects(quotient(entry, gain) for entry, gain in zip(entries, gains, strict=True))


def quotient(entry: Exact, gain: Exact) -> Exact:
    """entry / gain, where it holds no exponential; gain is Delta phi_1 = k (exp(z) - 1), or rational."""
    if not isinstance(gain, Constant):
        return entry / gain
    constant = gain.terms[()]
    plain = entry.terms if isinstance(entry, Constant) else {(): entry}
    kept = {m: v / constant for m, v in plain.items() if not any(atom.kind == "exp" for atom, _ in m)}
    candidate: Exact = Fraction(0) + Constant(kept)
    if candidate * gain == entry:
        return candidate
    raise _no_inverse(f"the coefficient {entry}", f"it is no multiple of {gain} by an exact number of the records")


def _no_inverse(seen: str, meaning: str) -> BadInput:
    return BadInput(
        f"{seen}.",
        meaning + ".",
        'undo with scheme="euler", which is always possible.',
    )


def undo(rec: Recurrence, step: Any = None, scheme: str = "euler") -> Network:
    """The continuous network whose step is this recurrence.

    Parameters
    ----------
    rec : Recurrence
        In the normal form: Elman, leaky, or made by Euler or exponential Euler.
    step : number, optional
        Delta > 0; the recurrence's own step by default. Any Delta gives a network, and each its own.
    scheme : {"euler", "exponential-euler"}

    Returns
    -------
    Network
        `undo(rec, step, scheme).discretize(step, scheme)` is the same map as `rec`, exactly.

    Raises
    ------
    oracle.BadInput
        The recurrence is not in the normal form, or no network has it as an exponential Euler step (an Elman
        recurrence keeps nothing of its state, exp(Delta a) is never zero).
    """
    if scheme not in ("euler", "exponential-euler"):
        raise BadInput(
            f"scheme is {scheme!r}.",
            "a Runge-Kutta step is not one-to-one: several networks have the same one.",
            'use scheme="euler" or "exponential-euler".',
        )
    delta = rec.step if step is None else positive(step)
    made = undone(rec.lure, delta) if scheme == "euler" else undone_exponential(rec.lure, delta)
    return Network.made(made, Origin("undo", {"step": delta, "scheme": scheme}, rec))
