"""Whether two records are one system in other variables, and by which of the known relations; decided exactly.

    R                one is the other in the time t = r s (for recurrences: on another grid)
    permutation      its units in another order
    signs            h_i -> -h_i, where s is odd
    h = T g          its states in other units: what turns `paper` into `rate` (T = tau), a leaky unit into Jaeger's ESN
    gains            its units in other units, s positively homogeneous
    rate/current     v = W h + M x~ + b with the filtered input tau x~' = -x~ + x; scalar tau
    euler, ..        one is the step of the other by a scheme

"related" is an equality of records after the relation is applied; "unrelated" means that these relations, in any
combination with rational factors, are refuted by exact invariants; "undecided" is everything else.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from oracle.equations.runge_kutta import TABLEAUS
from oracle.errors import BadInput
from oracle.procedures.discretize import exponential_euler
from oracle.procedures.relation import Relation
from oracle.procedures.same_fields import ONE, same_fields
from oracle.procedures.undo import undone
from oracle.records.exact import Constant
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import sum_vectors
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Staged

Record = Network | Recurrence


def relate(a: Record, b: Record) -> Relation:
    """Decide whether two records are one system, and by which relation.

    Parameters
    ----------
    a, b : Network or Recurrence

    Returns
    -------
    Relation
        True where they are related. `by` holds names from "same", "R", "permutation", "signs", "h = T g", "gains",
        "tau absorbed", "ESN", "rate/current", "euler", "exponential-euler", "midpoint", "heun", "rk4".

    Raises
    ------
    oracle.BadInput
        Something that is not a record.

    Notes
    -----
    arXiv 2312.15974, sections 2 and 3, for R and the absorption of tau; K. D. Miller and F. Fumarola, Neural
    Computation 24, 2012, for rate and current.
    """
    for record in (a, b):
        if not isinstance(record, Network | Recurrence):
            raise BadInput(
                f"relate got a {type(record).__name__}.",
                "it compares records: what a network states, not what a program does.",
                "pass a Network or a Recurrence; for a program use check or identify.",
            )
    if type(a) is type(b) and a == b:
        return Relation("related", ("same",), text="the records are equal")
    if (a.N, a.I) != (b.N, b.I):
        return Relation("unrelated", text=f"({a.N}, {a.I}) states and inputs against ({b.N}, {b.I})")
    if isinstance(a, Network) and isinstance(b, Network):
        return same_fields(a.field, b.field, timed=True)
    if isinstance(a, Recurrence) and isinstance(b, Recurrence):
        return _maps(a, b)
    return _step_of(a, b) if isinstance(a, Network) else _backwards(_step_of(b, a))  # type: ignore[arg-type]


def _backwards(found: Relation) -> Relation:
    text = f"the other way round: the first is a step of the second. {found.text}" if found else found.text
    return replace(found, text=text)


# -- two recurrences --------------------------------------------------------------------------------------------------
def _maps(a: Recurrence, b: Recurrence) -> Relation:
    """Equality of maps in other variables; the grids differ by R."""
    if a.same_map(b):
        found = Relation("related", ("same",), text="one map")
    elif isinstance(a.parameters, Lure) and isinstance(b.parameters, Lure):
        found = same_fields(undone(a.parameters, ONE), undone(b.parameters, ONE), timed=False)
        found = _echo_state(a.parameters, b.parameters, found)
    elif isinstance(a.parameters, Staged) and isinstance(b.parameters, Staged) and a.equation == b.equation:
        ours, theirs = (p.field.scaled(p.step) for p in (a.parameters, b.parameters))
        found = same_fields(ours, theirs, timed=False)
        if not found:
            text = f"{found.text}; but different fields may have the same {a.equation} step"
            found = Relation("undecided", text=text)
    else:
        return Relation("undecided", text=f"no relation is known between a {a.equation} and a {b.equation} step")
    if not found or a.step == b.step:
        return found
    by = ("R", *(name for name in found.by if name != "same"))
    return replace(found, by=by, parameters={**found.parameters, "r": a.step / b.step})


def _echo_state(a: Lure, b: Lure, found: Relation) -> Relation:
    """(1-a) h + a s(..) and (1 - a g) h + g s(..) are one recurrence in other units: name it."""
    kinds = {_leaky(part) for part in (a, b)}
    if "h = T g" in found.by and kinds == {True, False} and len(set(found.parameters["T"])) == 1:
        return replace(found, by=(*(name for name in found.by if name != "tau absorbed"), "ESN"))
    return found


def _leaky(step_map: Lure) -> bool | None:
    """Whether A + B = 1 for scalars A and B; None where they are none."""
    if not (step_map.A.is_diagonal and step_map.B.is_diagonal and step_map.B.shape[0] == step_map.B.shape[1]):
        return None
    keep, gain = step_map.A.diagonal_factor(), step_map.B.diagonal_factor()
    return bool(keep + gain == 1) if isinstance(keep, Fraction) and isinstance(gain, Fraction) else None


# -- a network and a recurrence ---------------------------------------------------------------------------------------
def _step_of(net: Network, rec: Recurrence) -> Relation:
    """Whether a recurrence is a step of a network by some scheme, in other variables and another time."""
    parameters = rec.parameters
    if isinstance(parameters, Staged):
        found = same_fields(net.field, parameters.field, timed=True)
        if found:
            return _scheme(found, rec.equation, parameters.step)
        return Relation("undecided", text=f"{found.text}; but different fields may have the same {rec.equation} step")
    if not isinstance(parameters, Lure):
        return Relation("undecided", text=f"no network is known whose step is a {rec.equation} cell")
    found = same_fields(net.field, undone(parameters, rec.step), timed=True)
    if found:
        return _scheme(found, "euler", rec.step)
    if not net.field.A.is_diagonal:
        return found
    exponential = exponential_euler(net.field, rec.step) if _rational(net.field) else None
    if exponential is not None:
        other = same_fields(undone(exponential, ONE), undone(parameters, ONE), timed=False)
        if other:
            return _scheme(other, "exponential-euler", rec.step)
    # exp(q) is irrational for rational q != 0, so a rational recurrence is no exponential step of a leaking network.
    leaks = net.field.A.diagonal_factor()
    excluded = bool(np.any(leaks != 0)) and _rational(net.field) and _rational(parameters)
    if found.verdict == "unrelated" and not excluded:
        text = f"{found.text}; exponential Euler with another step is not excluded"
        return Relation("undecided", text=text)
    return found


def _scheme(found: Relation, scheme: str, step: Fraction) -> Relation:
    """Name the scheme and its step in the time of the network."""
    taken = step * found.parameters.get("r", ONE)
    parameters = {name: value for name, value in found.parameters.items() if name != "r"}
    if taken != step:
        parameters["r"] = found.parameters["r"]
    by = (*(name for name in found.by if name != "same"), scheme)
    text = f"the second is the {scheme} step of the first with Delta = {taken}"
    return Relation("related", by, {**parameters, "scheme": scheme, "step": taken}, text)


def _rational(field: Lure) -> bool:
    """Whether no coefficient holds a transcendental constant."""
    parts = [getattr(field, name).expanded for name in ("A", "B", "W", "M", "E")]
    parts += [sum_vectors(field.b, field.W.shape[0]), sum_vectors(field.c, field.state_size)]
    return not any(isinstance(entry, Constant) for part in parts for entry in part.ravel())


assert set(TABLEAUS) == {"midpoint", "heun", "rk4"}, "the names in the docstring of relate"
