"""Whether two fields are one in other variables, in another time, or as rate and current form; and the name for it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from oracle.procedures.matching import Exhausted, Match, matched
from oracle.procedures.relation import Relation
from oracle.procedures.variables import Variables, time_factor
from oracle.records.lure import Lure
from oracle.records.operator import Operator, sum_vectors

ONE = Fraction(1)


def same_fields(a: Lure, b: Lure, *, timed: bool) -> Relation:
    """Renaming, rescaling and, if `timed`, R; then the same with the rate form taken to its current form."""
    outcomes = [renamed(a, b, timed=timed)]
    partners = [(current_of(a), b, "the first is the rate form"), (a, current_of(b), "the second is the rate form")]
    for first, second, text in partners if not outcomes[0] else ():
        if first is not None and second is not None:
            found = renamed(first, second, timed=timed)
            if found:
                by = ("rate/current", *(name for name in found.by if name != "same"))
                why = f"{text}: v = W h + M x~ + b, tau x~' = -x~ + x"
                return Relation("related", by, found.parameters, why)
            outcomes.append(found)
    return next((o for o in outcomes if o), next((o for o in outcomes if o.verdict == "undecided"), outcomes[0]))


def renamed(a: Lure, b: Lure, *, timed: bool) -> Relation:
    r, only = time_factor(a, b) if timed else (ONE, True)
    if r is None:
        return Relation(
            "unrelated" if only else "undecided", text="no r > 0 takes the traces of A or B W to each other"
        )
    ours, theirs = Variables.of(a.scaled(r)), Variables.of(b)
    try:
        match = matched(ours, theirs)
    except Exhausted:
        return Relation("undecided", text="too symmetric: more assignments of units than are tried")
    if match is None:
        decided = only and ours.exact and theirs.exact
        text = f"no renaming, sign or scale of states and units takes one to the other (r = {r})"
        return Relation("unrelated" if decided else "undecided", text=text)
    return _described(a, b, r, match)


def _described(a: Lure, b: Lure, r: Fraction, match: Match) -> Relation:
    """Names for what was found."""
    N = match.N
    T, gains = match.scales[:N], match.scales[N:]
    by: list[str] = []
    parameters: dict[str, Any] = {}
    if r != 1:
        by.append("R")
        parameters["r"] = r
    if match.names != tuple(range(len(match.names))):
        by.append("permutation")
        parameters["permutation"] = match.names[:N]
    if any(scale < 0 for scale in match.scales):
        by.append("signs")
        parameters["signs"] = tuple(1 if scale > 0 else -1 for scale in T)
    if any(abs(scale) != 1 for scale in T):
        by.append("h = T g")
        parameters["T"] = tuple(1 / abs(scale) for scale in T)
    if any(abs(scale) != 1 for scale in gains):
        by.append("gains")
        parameters["gains"] = gains
    if a.activation != b.activation:
        by.append("logistic as tanh")
    if ("h = T g" in by or "gains" in by) and _scalar_gains(a.scaled(r), b):
        by.append("tau absorbed")
    text = "equal as maps" if not by else "equal, exactly, after " + ", ".join(by)
    return Relation("related", tuple(by) or ("same",), parameters, text)


def _scalar_gains(a: Lure, b: Lure) -> bool:
    """Whether both are -leak + gain s(..) with another gain each: the change of variables moves the gain into W."""
    if not (a.B.is_diagonal and b.B.is_diagonal and a.A.is_diagonal and b.A.is_diagonal):
        return False
    sizes = [sorted(map(str, np.diag(op.expanded))) for op in (a.B, b.B)]
    return sizes[0] != sizes[1]


def current_of(rate: Lure) -> Lure | None:
    """The current form of -a h + g s(W h + M x + b) with scalars a, g > 0 (g = a after h = T g); None for others."""
    if not (rate.A.is_diagonal and rate.B.is_diagonal and rate.B.shape[0] == rate.B.shape[1]):
        return None
    leak, gain = (-1 * rate.A.diagonal_factor(), rate.B.diagonal_factor())
    outside = bool(np.any(rate.E.expanded != 0)) or bool(np.any(sum_vectors(rate.c, rate.state_size) != 0))
    if outside or not isinstance(leak, Fraction) or not isinstance(gain, Fraction) or leak <= 0 or gain <= 0:
        return None
    N, inputs = rate.state_size, rate.input_size
    return Lure(
        A=Operator.diagonal(-leak, N),
        B=rate.W.scaled(gain),
        W=Operator.diagonal(ONE, N),
        M=Operator.zero(N, inputs),
        b=(),
        E=rate.M.scaled(leak),
        c=(leak * sum_vectors(rate.b, N),),
        activation=rate.activation,
    )
