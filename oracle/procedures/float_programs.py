"""R and D as a float64 program does them, for every scheme: stored coefficients, and a step made of them.

    D     the step of a scheme from the stored coefficients A, B, E, c (W, M, b) and the stored step Delta
    R     the stored A, B, E, c times r and the step divided by r, each rounded; W, M and b are left alone
    D R   the same program with what R has stored

    Euler, Runge-Kutta   from the field, h + Delta F(h, x) and its stages
    exponential Euler    e = exp(Delta A), then e h + ((e - 1) (Delta / (Delta A))) (B s(..) + E x + c)

The equations are the library's own (`lure.step`, `runge_kutta.stepper`, `exponential_euler`); only the numbers are
float64. Read with `Graded` numbers instead, the same code tells which power of r every quantity carries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.equations import lure
from oracle.equations.interface import Arithmetic, V
from oracle.equations.runge_kutta import stepper
from oracle.procedures.discretize import exponential_euler
from oracle.procedures.float_orders import StoredField, stored
from oracle.records.exact import Array, objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.records.staged import Staged

Step = Callable[[Any, Any, Any], Any]
"""A step in some arithmetic: (ops, h, x) -> h+."""


def euler_from_field(ops: Arithmetic[V], p: Staged, h: V, u: lure.Drive) -> V:
    """h + Delta F(h, x)."""
    return ops.sum([h, ops.scale(p.step, lure.step(ops, p.field, h, u))])


def as_record(field: StoredField) -> Lure:
    """Stored coefficients as a record of floats; empty and vanishing ones have no terms."""
    N = len(field.A)
    return Lure(
        A=_operator(field.A, N),
        B=_operator(field.B, field.W.shape[0] if field.B.shape[1] == 1 else field.B.shape[1]),
        W=_operator(field.W, N),
        M=_operator(field.M, field.M.shape[1], dense=True),
        b=(field.b[:, 0],) if np.any(field.b != 0) else (),
        E=_operator(field.E, field.E.shape[1], dense=True),
        c=(objects(field.c[:, 0].tolist()),) if np.any(field.c != 0) else (),
        activation=field.activation,
    )


def _operator(array: Array, columns: int, dense: bool = False) -> Operator:
    """A column stands for a diagonal where the operator is square."""
    if not np.any(array != 0):
        return Operator.zero(len(array), columns)
    if not dense and array.shape == (columns, 1):
        return Operator.diagonal(objects(array[:, 0].tolist()), columns)
    return Operator.dense(array)


def program(field: Lure, scheme: str, step: Any, exp: Callable[[Any], Any] = np.exp) -> Step:
    """D: the step of a scheme from coefficients and a step that are floats, or carry degrees.

    Parameters
    ----------
    field : Lure
        From `as_record`.
    scheme : str
    step : float or Graded
    exp : callable
        The exponential of such a number.

    Returns
    -------
    callable
        step(ops, h, x) in any arithmetic that reads such numbers.
    """
    if scheme == "exponential-euler":
        made = exponential_euler(field, step, exp)
        return lambda ops, h, x: lure.step(ops, made, h, lure.drive(ops, made, x))
    stages = euler_from_field if scheme == "euler" else stepper(scheme)
    staged = Staged(field, step)
    return lambda ops, h, x: stages(ops, staged, h, lure.drive(ops, field, x))


def in_floats(step: Step) -> Callable[[Array, Array], Array]:
    """A program as a function of float64 arrays."""
    ops = Float64()
    return lambda h, x: np.asarray(step(ops, h, x))


def both(field: Lure, scheme: str, step: Any, r: Any, step_after: float) -> tuple[Step, Step]:
    """D and D R of a field with exact coefficients: the two orders of the face, as programs.

    Parameters
    ----------
    field : Lure
        Exact; stored once.
    step, r : number
        Stored as float64.
    step_after : float
        The step of the rescaled program; `float(step) / float(r)` if it is rescaled as it should be.
    """
    coefficients = stored(field)
    moved = coefficients.rescaled(float(r))
    return (
        program(as_record(coefficients), scheme, float(step)),
        program(as_record(moved), scheme, step_after),
    )
