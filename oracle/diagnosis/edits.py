"""Edits of a statement: each gives the statements of code with one deviation, several where it has variants.

Where an edit cannot be, or would change nothing, it gives none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from oracle.arithmetic.narrowing import narrowed
from oracle.diagnosis.coefficients import drive_of, kept_of
from oracle.diagnosis.gated import PARAMETERS, GatedStatement
from oracle.diagnosis.normal import NormalStatement
from oracle.diagnosis.statement import NETWORKS, Statement, has_bias
from oracle.equations.runge_kutta import TABLEAUS, Tableau
from oracle.procedures.discretize import LINEAR
from oracle.records.exact import Diagonal
from oracle.records.formats import FORMATS, Format
from oracle.records.names import activation_name

EXPONENTIATED = 64  # units of a network whose matrix exponential is tried: its entries are read one by one
Stated = Statement | GatedStatement | NormalStatement
EXCHANGED = 2
Edit = Callable[[Any], Iterable[Any]]


def where_leaky(edit: Edit) -> Edit:
    """Only where there is a leak."""
    return lambda s: edit(s) if s.leaky else []


def where_gated(edit: Edit) -> Edit:
    """Only for gated units."""
    return lambda s: edit(s) if isinstance(s, GatedStatement) else []


def where_gru(edit: Edit) -> Edit:
    """Only for gated recurrent units."""
    return lambda s: edit(s) if isinstance(s, GatedStatement) and s.form == "gru" else []


def where_lstm(edit: Edit) -> Edit:
    """Only for long short-term memories."""
    return lambda s: edit(s) if isinstance(s, GatedStatement) and s.form == "lstm" else []


def where_normal(edit: Edit, otherwise: Edit) -> Edit:
    """One edit for coefficients of the normal form, another for conventions."""
    return lambda s: edit(s) if isinstance(s, NormalStatement) else otherwise(s)


def where_ungated(edit: Edit) -> Edit:
    """Not for gated units."""
    return lambda s: edit(s) if isinstance(s, Statement) else []


def transposed_input(s: Any) -> list[Any]:
    return [s.driving(np.transpose)] if s.M.shape[0] == s.M.shape[1] else []


def bias_factors(*factors: int) -> Edit:
    """Each bias times one of the factors, all patterns in which not every factor is 1; all biases alike first."""

    def edit(s: Any) -> list[Any]:
        if not has_bias(s):
            return []
        patterns = [p for p in product((factors[0], 1), repeat=s.biases) if set(p) != {1}]
        return [s.biased(p) for p in sorted(patterns, key=lambda p: p.count(1))]

    return edit


def of_gates_too(factor: int, edit: Edit) -> Edit:
    """And the bias of one gate alone."""

    def both(s: Any) -> list[Any]:
        return [*edit(s), *(single_biases(s, factor) if isinstance(s, GatedStatement) else [])]

    return both


def gate_activation_of(name: str) -> Edit:
    """Another function in all gates, as its expression in z."""
    return where_gated(lambda s: [s.but(gate=activation_name(name))] if s.gates.gate != activation_name(name) else [])


def single_biases(s: GatedStatement, factor: int) -> Iterator[GatedStatement]:
    for name in ("b", "b_recurrent"):
        for gate, parts in enumerate(getattr(s.gates, name)):
            if any(np.any(np.asarray(part, dtype=object) != 0) for part in parts):
                yield s.biased_in(name, gate, factor)


def transposed(s: Any) -> list[Any]:
    """All of a cell, or of one gate."""
    if isinstance(s, NormalStatement) and s.W.shape[0] != s.W.shape[1]:
        return []
    one = [s.recurrent_of(g, np.transpose) for g in range(len(s.names))] if isinstance(s, GatedStatement) else []
    return [s.recurrent(np.transpose), *one]


def without_diagonal(W: Any) -> Any:
    masked = np.array(W)
    np.fill_diagonal(masked, 0 * masked.flat[0])
    return masked


def one_bias_for_both(s: Any) -> list[Any]:
    if not (isinstance(s, Statement) and s.biases == 2 and has_bias(s)):
        return []
    return [s.but(b=(part, part)) for part in s.b]


def bias_outside(s: Statement) -> list[Statement]:
    """After the nonlinearity, and after the gain as well, which are two things where there is a gain."""
    places = ("moved", "state") if s.form in NETWORKS else ("moved",)
    return [s.but(bias_at=place) for place in places] if has_bias(s) else []


def input_outside(s: Statement) -> list[Statement]:
    """After the nonlinearity (before it, where it is inside), and after the gain as well, where there is a gain."""
    places = ("moved", "state") if s.form in NETWORKS else ("moved",)
    return [s.but(input_at=place) for place in places] if np.any(np.asarray(s.M, dtype=object) != 0) else []


def alpha_swapped(s: Statement) -> list[Statement]:
    inside = np.asarray(s.alpha, dtype=object)
    if not np.all((inside > 0) & (inside < 1)):
        return []
    if s.scheme == "exponential-euler" and s.form in NETWORKS:
        gain: Any = s.tau if s.form == "paper" else Fraction(1)
        return [s.but(kept=drive_of(s) * (1 / gain), drive=kept_of(s) * gain)]
    if s.form != "paper":
        return [s.but(tau=s.step / (1 - s.alpha))]
    kept = [] if s.staged else [s.but(kept=s.alpha)]  # the paper's drive has no alpha: a h + step s(..)
    return kept if isinstance(s.tau, np.ndarray) else [*kept, s.but(step=s.tau - s.step)]


def leak_missing(s: Statement) -> list[Statement]:
    """h + a s(..): nothing decays; an exponential step may forget the leak before or after it is made."""
    forgotten = s.but(decay=Fraction(0))
    return [forgotten, s.but(kept=Fraction(1))] if s.scheme == "exponential-euler" else [forgotten]


def drive_gain(gain: Callable[[Statement], Diagonal]) -> Edit:
    return lambda s: [s.but(drive=gain(s))]


def scheme_of(name: str) -> Edit:
    def edit(s: Statement) -> list[Statement]:
        there = s.form in NETWORKS and s.scheme != name
        if name in LINEAR:
            there = there and s.activation == "identity" and s.N <= EXPONENTIATED
        return [s.but(scheme=name, tableau=None)] if there else []

    return edit


def stage_repeated(s: Any) -> list[Statement]:
    """k_3 for k_4, say; k_1 for k_2 is another scheme."""
    if not isinstance(s, Statement) or not s.staged or s.scheme not in TABLEAUS:
        return []
    stages, weights = TABLEAUS[s.scheme]
    zero = (Fraction(0),)
    return [
        s.but(tableau=Tableau((*stages[:i], stages[i - 1] + zero, *stages[i + 1 :]), weights))
        for i in range(1, len(stages))
        if any(stages[i - 1])
    ]


def form_of(name: str) -> Edit:
    def edit(s: Statement) -> list[Statement]:
        if s.form == name or (name == "paper" and s.step == 1 and s.form != "outside"):
            return []
        scheme = s.scheme if name in NETWORKS else "euler"
        return [s.but(form=name, scheme=scheme, tableau=s.tableau if name in NETWORKS else None)]

    return edit


def elman(s: Statement) -> list[Statement]:
    """alpha = 1; where the nonlinearity is inside, that is s(W h + M x + b) in the coordinates z = W h + M x + b."""
    ignored = [s.but(tau=s.step, scheme="euler")] if s.form == "inside" else []
    return [*form_of("elman")(s), *ignored]


def activation_of(name: str) -> Edit:
    def edit(s: Any) -> list[Any]:
        linear = getattr(s, "scheme", None) in LINEAR  # and has no step for another activation
        return [s.but(activation=name)] if s.activation != name and not linear else []

    return edit


def gates_swapped(s: GatedStatement) -> list[GatedStatement]:
    """All parameters in another order, or two gates exchanged in those of one kind alone."""
    orders = s.orders()
    swaps = [order for order in orders if sum(a != b for a, b in enumerate(order)) == EXCHANGED]
    return [*map(s.reordered, orders), *(s.reordered(order, (name,)) for order in swaps for name in PARAMETERS)]


def reset_of(name: str) -> Edit:
    return lambda s: [s.but(equation=name)] if s.equation != name else []


def rounded(name: str) -> Edit:
    """Weights rounded to a format: the recurrent ones, the input's too, the biases too, and the leak as well."""
    form = FORMATS[name]

    def edit(s: Any) -> list[Any]:
        if isinstance(s, NormalStatement):
            return _changed(
                s, [s.recurrent(lambda part: _narrow(part, form)).driving(lambda part: _narrow(part, form))]
            )
        if isinstance(s, GatedStatement):
            return _changed(s, [s.but(**{part: _narrow(getattr(s.gates, part), form) for part in PARAMETERS})])
        recurrent = s.but(W=_narrow(s.W, form))
        products = recurrent.but(M=_narrow(s.M, form))
        weights = products.but(b=_narrow(s.b, form))
        leak = [_rounded_leak(weights, form)] if s.leaky and not s.staged else []
        return _changed(s, [weights, *leak, products, recurrent])

    return edit


def _narrow(part: Any, form: Format) -> Any:
    """Arrays, in tuples of tuples too, rounded to nearest; exact numbers by way of the nearest float64."""
    if isinstance(part, tuple):
        return tuple(_narrow(each, form) for each in part)
    return narrowed(np.asarray(part, dtype=np.float64), form)


def _rounded_leak(s: Statement, form: Format) -> Statement:
    """alpha, rounded, in (1 - alpha) h + alpha s(..)."""
    alpha = _narrow(s.alpha, form)
    exact: Any = Fraction(float(alpha)) if alpha.ndim == 0 else np.array([Fraction(float(a)) for a in alpha], object)
    return s.but(tau=s.step / exact) if np.all(np.asarray(exact) > 0) else s


def _changed(s: Any, others: list[Any]) -> list[Any]:
    """Those with another number somewhere than the statement."""
    own = _numbers(s)
    return [o for o in others if not all(map(np.array_equal, own, _numbers(o)))]


def _numbers(s: Any) -> list[Any]:
    """Weights, biases and time constants."""
    if isinstance(s, GatedStatement):
        p = s.gates
        return [*p.W, *p.M, *(part for group in (*p.b, *p.b_recurrent) for part in group)]
    return [s.W, s.M, *s.b, np.asarray(s.tau, dtype=object)] if isinstance(s, Statement) else [s.W, s.M]
