"""D, discretisation by a one-step method with step Delta; the input is held over the step.

    Euler               A -> I + Delta A;     (B, E, c) -> Delta (B, E, c)
    exponential Euler   A -> exp(Delta A);    (B, E, c) -> Delta phi_1(Delta A) (B, E, c),  A diagonal
    Runge-Kutta         leaves the normal form: a step map made of the field and the step

phi_1(z) = (e^z - 1)/z, phi_1(0) = 1, so Delta phi_1(Delta a) = (e^{Delta a} - 1)/a, and Delta for a = 0.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.equations.runge_kutta import TABLEAUS
from oracle.errors import BadInput
from oracle.records.exact import Constant, Diagonal, Exact, objects
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import Operator
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence, Staged, positive
from oracle.records.verbs import provides

SCHEMES = ("euler", "exponential-euler", *TABLEAUS)


def euler(field: Lure, step: Any) -> Lure:
    """One forward Euler step; I and Delta A stay separate atoms."""
    moved = field.scaled(step)
    return replace(moved, A=Operator.diagonal(Fraction(1), field.state_size) + moved.A)


def exponential_euler(field: Lure, step: Fraction, exp: Any = None) -> Lure:
    """One exponential Euler step of a field whose A is a scalar or diagonal; `exp` evaluates e^a for the entries."""
    exp = exp or _exp
    leak = field.A.diagonal_factor()
    gain = _entrywise(lambda a: _effective_step(a, step, exp), leak)
    decay = _entrywise(lambda a: exp(step * a), leak)
    return replace(field.scaled(gain), A=Operator.diagonal(decay, field.state_size))


def _entrywise(function: Any, factor: Diagonal) -> Diagonal:
    if isinstance(factor, np.ndarray):
        return objects(function(entry) for entry in factor)
    value: Exact = function(factor)
    return value


def _rational(exponent: Exact) -> Fraction:
    if isinstance(exponent, Constant):
        raise BadInput(
            f"the exponent {exponent} is not rational.",
            "the record comes from exponential Euler or a linearisation already.",
            "discretise the network as stated.",
        )
    return exponent


def _exp(exponent: Exact) -> Exact:
    return Constant.atom("exp", _rational(exponent))


def _effective_step(a: Exact, step: Fraction, exp: Any) -> Exact:
    """Delta phi_1(Delta a), as (e^z - 1) (Delta / z) with z = Delta a."""
    if a == 0:
        return step
    z = step * a
    result: Exact = (exp(z) - 1) * (step / z)
    return result


@provides("discretize")
def discretize(net: Network, step: Any = None, scheme: str = "euler", dt: Any = None) -> Recurrence:
    """D of a network."""
    if (step is None) == (dt is None):
        raise BadInput(
            "neither step nor dt was given." if step is None else "both step and dt were given.",
            "dt is another name of step.",
            "pass exactly one of them.",
        )
    if scheme not in SCHEMES:
        raise BadInput(
            f"scheme is {scheme!r}.", "a misspelling, or a scheme that is not there yet.", f"use one of {SCHEMES}."
        )
    delta = positive(dt if step is None else step)
    origin = Origin("discretize", {"step": delta, "scheme": scheme}, net)
    if scheme in TABLEAUS:
        return Recurrence.made(scheme, Staged(net.field, delta), delta, origin)
    if scheme == "exponential-euler" and not net.field.A.is_diagonal:
        raise BadInput(
            "A is a dense matrix.",
            "the record was collapsed (its leak and its recurrent part are one matrix), or stated with a dense leak; "
            "the exponential of a dense matrix is no exact coefficient.",
            'discretise before collapsing, or use scheme="euler".',
        )
    made = euler(net.field, delta) if scheme == "euler" else exponential_euler(net.field, delta)
    return Recurrence.made("lure", made, delta, origin)
