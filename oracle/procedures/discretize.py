"""D, discretisation by a one-step method with step Delta; the input is held over the step.

    Euler               A -> I + Delta A;     (B, E, c) -> Delta (B, E, c)
    exponential Euler   A -> exp(Delta A);    (B, E, c) -> Delta phi_1(Delta A) (B, E, c),  A diagonal
    zero-order hold     [A E c] -> the upper rows of e to Delta [[J, E + B M, c + B b], [0, 0, 0]],  J = A + B W;
                        the exact flow of a linear network (s the identity) whose input is held
    backward Euler, trapezoidal rule    relations, of which the next state is the solution (`oracle.equations.implicit`)
    Runge-Kutta         leaves the normal form: a step map made of the field and the step

phi_1(z) = (e^z - 1)/z, phi_1(0) = 1, so Delta phi_1(Delta a) = (e^{Delta a} - 1)/a, and Delta for a = 0.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.equations.implicit import THETAS
from oracle.equations.runge_kutta import TABLEAUS
from oracle.errors import BadInput
from oracle.procedures.collapse import collapsed
from oracle.records.exact import Constant, Diagonal, Exact, Generator, objects
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import Operator, sum_vectors
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence, positive
from oracle.records.staged import Implicit, Staged
from oracle.records.verbs import provides

SCHEMES = ("euler", "exponential-euler", *TABLEAUS)
"""Schemes whose step is a formula in Delta F."""
IMPLICIT = tuple(THETAS)
"""Schemes whose step is the solution of a relation."""
LINEAR = ("zoh",)
"""Schemes for linear networks alone."""
ALL = (*SCHEMES, *IMPLICIT, *LINEAR)


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


def zero_order_hold(field: Lure, step: Fraction) -> Lure:
    """The flow of a linear field over a step (C. Van Loan, IEEE Trans. Automatic Control 23, 1978)."""
    flat = collapsed(field).scaled(step)
    N, width = field.state_size, field.state_size + field.input_size
    generator = np.full((width + 1, width + 1), Fraction(0), dtype=object)
    offset = sum_vectors(flat.c, N)[:, None]
    generator[:N] = np.concatenate([flat.A.expanded, flat.E.expanded, offset], axis=1)
    flow = Generator.of(generator).exponential()
    still = not np.any(offset != 0)
    return replace(
        flat,
        A=Operator.dense(flow[:N, :N]),
        E=Operator.dense(flow[:N, N:width]) if field.input_size else flat.E,
        c=() if still else (flow[:N, width],),
    )


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


def _refuse_nonlinear(net: Network) -> None:
    if net.activation != "identity":
        raise BadInput(
            f'scheme is "zoh" and the activation is {net.activation}.',
            "a zero-order hold is the exact flow between samples, and only a linear network has one in closed form.",
            'linearise first, net.linearize(at=(h, x)); or use "exponential-euler", which is exact for the leak alone, '
            "or compare with the flow itself, oracle.reference(net, inputs=.., times=..).",
        )


@provides("discretize")
def discretize(net: Network, step: Any = None, scheme: str = "euler", dt: Any = None) -> Recurrence:
    """D of a network."""
    if (step is None) == (dt is None):
        raise BadInput(
            "neither step nor dt was given." if step is None else "both step and dt were given.",
            "dt is another name of step.",
            "pass exactly one of them.",
        )
    if scheme not in ALL:
        raise BadInput(f"scheme is {scheme!r}.", "a misspelling.", f"use one of {ALL}.")
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
    if scheme in IMPLICIT:
        return Recurrence.made(scheme, Implicit(net.field, delta, THETAS[scheme]), delta, origin)
    if scheme == "zoh":
        _refuse_nonlinear(net)
        return Recurrence.made("lure", zero_order_hold(net.field, delta), delta, origin)
    made = euler(net.field, delta) if scheme == "euler" else exponential_euler(net.field, delta)
    return Recurrence.made("lure", made, delta, origin)
