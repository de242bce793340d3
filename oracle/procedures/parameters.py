"""A recurrence formed again from variables: which coefficient depends on which parameter as given, and how.

The functions that formed the record (forms, R, D) run a second time on `Formed` numbers. W and M stay the arrays they
are, known by identity; biases, alpha and tau become variables. A record that cannot be formed again this way (a
linearisation, say), or that is not what its origin says, has its coefficients A, B, W, M, b, E, c as parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.adjoint import Place
from oracle.arithmetic.formed import exponential, plain_bias, plain_lure, scalar, vector
from oracle.equations.implicit import THETAS
from oracle.equations.runge_kutta import TABLEAUS
from oracle.procedures.discretize import euler, exponential_euler
from oracle.procedures.rescale import rescaled
from oracle.records import forms
from oracle.records.exact import Array
from oracle.records.gates import Gates
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors
from oracle.records.record import Record
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit, Staged

FORMS = {
    "paper": forms.paper,
    "rate": forms.rate,
    "current": forms.current,
    "elman": forms.elman,
    "leak_inside": forms.leak_inside,
}


class _NotFormed(Exception):
    """The origin names something that is no function of the parameters here."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """A recurrence whose coefficients know what they were formed from.

    Attributes
    ----------
    rec : Recurrence
        The recurrence with `Formed` numbers; for the adjoint and sensitivity interpretations only.
    shapes : mapping
        Name of each parameter -> its shape as given: (N, N), (N, I), (N,) or ().
    dense : mapping
        id of a dense factor -> (name, first row).
    """

    rec: Recurrence
    shapes: Mapping[str, tuple[int, ...]]
    dense: Mapping[int, Place]


def parameters(rec: Recurrence) -> Parameters:
    """The recurrence as a function of its parameters as given."""
    variables = Variables()
    try:
        made = _step_map(rec, variables)
        if plain(made) != rec.parameters:
            raise _NotFormed
    except _NotFormed:
        variables = Variables()
        made = _coefficients(rec.parameters, variables)
    traced = Recurrence.made(rec.equation, made, rec.step, rec.origin)
    return Parameters(traced, variables.shapes, variables.dense)


class Variables:
    """Names given to parameters as they are read."""

    def __init__(self) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dense: dict[int, Place] = {}

    def matrix(self, name: str, array: Array) -> Array:
        """A dense parameter, known by identity."""
        self.shapes[name] = array.shape
        self.dense[id(array)] = (name, 0)
        return array

    def number(self, name: str, value: Any) -> Any:
        """A scalar or one number per unit."""
        self.shapes[name] = value.shape if isinstance(value, np.ndarray) else ()
        return vector(value, name) if isinstance(value, np.ndarray) else scalar(value, name)

    def biases(self, name: str, parts: tuple[Array, ...]) -> tuple[Array, ...]:
        """One or several vectors: b, or b[0] and b[1]."""
        names = [name] if len(parts) == 1 else [f"{name}[{j}]" for j in range(len(parts))]
        return tuple(self.number(each, part) for each, part in zip(names, parts, strict=True))


def _step_map(rec: Recurrence, variables: Variables) -> Any:
    origin = rec.origin
    if origin.parent is None:
        return _stated(rec, variables)
    if origin.name == "rescale" and isinstance(origin.parent, Recurrence):
        return _step_map(origin.parent, variables)
    if origin.name != "discretize":
        raise _NotFormed
    field, step, scheme = _field(origin.parent, variables), origin.arguments["step"], origin.arguments["scheme"]
    if scheme in TABLEAUS:
        return Staged(field, step)
    if scheme in THETAS:
        return Implicit(field, step, THETAS[scheme])
    return euler(field, step) if scheme == "euler" else exponential_euler(field, step, exponential)


def _field(net: Any, variables: Variables) -> Lure:
    origin = net.origin
    if origin.parent is None:
        field: Lure = _stated(net, variables)
        return field
    if origin.name != "rescale":
        raise _NotFormed
    return rescaled(_field(origin.parent, variables), origin.arguments["r"])


def _stated(record: Record, variables: Variables) -> Any:
    """A constructor on variables."""
    name, given = record.origin.name, record.origin.arguments
    if name in ("gru", "lstm"):
        return _gates(given, variables, type(record.parameters), len(record.parameters.W))  # type: ignore[attr-defined]
    if name == "general":
        return _general(record, variables)
    if name == "leaky":
        form: Any = forms.leaky_outside if given["sigma"] == "outside" else forms.leaky_inside
    elif name in FORMS:
        form = FORMS[name]
    else:
        raise _NotFormed
    arguments: dict[str, Any] = {"W": variables.matrix("W", given["W"]), "M": variables.matrix("M", given["M"])}
    arguments["b"] = variables.biases("b", given["b"])
    arguments |= {each: variables.number(each, given[each]) for each in ("tau", "alpha") if each in given}
    made: Lure = form(**arguments, activation=given["activation"])
    return made


def _stacked(made: Gates) -> dict[str, Array]:
    """The arrays of a gated cell as they are stated: gates below each other, all biases of a gate as one."""
    stacked = {name: np.concatenate(getattr(made, name)) for name in ("W", "M")}
    for name in ("b", "b_recurrent"):
        parts = getattr(made, name)
        if any(parts):
            stacked[name] = np.concatenate([sum_vectors(part, made.units) for part in parts])
    return stacked


def _gates(
    given: Mapping[str, Any], variables: Variables, kind: type[Gates], count: int, functions: tuple[str, ...] = ()
) -> Gates:
    """Gates are rows of the stacked arrays."""
    parts: dict[str, tuple[Any, ...]] = {}
    for name in ("W", "M"):
        variables.shapes[name] = given[name].shape
        parts[name] = tuple(np.array_split(given[name], count))
        size = len(parts[name][0])
        variables.dense.update({id(part): (name, g * size) for g, part in enumerate(parts[name])})
    for name in ("b", "b_recurrent"):
        parts[name] = ((),) * count
        if name in given:
            stacked = variables.number(name, given[name])
            parts[name] = tuple((part,) for part in np.array_split(stacked, count))
    return kind(parts["W"], parts["M"], parts["b"], parts["b_recurrent"], *functions)


def _general(record: Any, variables: Variables) -> Lure:
    """Coefficients stated one by one: a number, a diagonal or a matrix each."""
    given, field = record.origin.arguments, getattr(record, "field", None) or record.parameters
    changed: dict[str, Any] = {}
    for name in ("A", "B", "W", "M", "E"):
        value, op = given.get(name), getattr(field, name)
        if isinstance(value, np.ndarray) and value.ndim == 2:
            changed[name] = Operator.dense(variables.matrix(name, value))
        elif isinstance(value, np.ndarray | Fraction):
            changed[name] = Operator.diagonal(variables.number(name, value), op.shape[0])
        elif isinstance(value, Operator):
            raise _NotFormed
    for name in ("b", "c"):
        if name in given:
            changed[name] = variables.biases(name, getattr(field, name))
    made: Lure = replace(field, **changed)
    return made


def _coefficients(made: Any, variables: Variables) -> Any:
    """The coefficients themselves as parameters."""
    if isinstance(made, Staged):
        return _with_field(made, _coefficients(made.field, variables))
    if isinstance(made, Gates):
        return _gates(_stacked(made), variables, type(made), len(made.W), (made.activation, made.gate))
    changed: dict[str, Any] = {}
    for name in ("A", "B", "W", "M", "E"):
        op = getattr(made, name)
        if op.terms:
            changed[name] = Operator.dense(variables.matrix(name, op.expanded))
    for name in ("b", "c"):
        if getattr(made, name):
            changed[name] = variables.biases(name, getattr(made, name))
    return replace(made, **changed)


def plain(made: Any) -> Any:
    """Parameters of a step map without their derivatives."""
    if isinstance(made, Staged):
        return _with_field(made, plain(made.field))
    if isinstance(made, Gates):
        b, c = (tuple(tuple(map(plain_bias, part)) for part in parts) for parts in (made.b, made.b_recurrent))
        return replace(made, b=b, b_recurrent=c)
    return plain_lure(made)


def _with_field(made: Staged, field: Lure) -> Staged:
    """Another field; an implicit step has another relation then."""
    return replace(made, field=field, made=[]) if isinstance(made, Implicit) else replace(made, field=field)
