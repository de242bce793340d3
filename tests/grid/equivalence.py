"""Which mutants are no fault here: equality with the original, decided exactly, with the equality that shows it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

import oracle
from oracle.arithmetic.rational import Rational
from oracle.equations.catalogue import advance

from .given import NETWORKS, Given, record_of
from .grid import Cell
from .mutants import Mutant

AFFINE_LIMIT = 12
"""Units up to which two linear steps are compared point by point in exact rationals (N + I + 1 points, N^2 each)."""


def equivalence(cell: Cell, mutant: Mutant) -> str | None:
    """The equality that makes a mutant the same program on this probe; None where record or feed differ."""
    if mutant.given is cell.given:
        return _same_feed(cell, mutant)
    return same_record(cell.given, cell.record, mutant.given)


def _same_feed(cell: Cell, mutant: Mutant) -> str | None:
    h0, X = mutant.feed(cell.h0, cell.inputs)
    if not np.array_equal(h0, cell.h0):
        return None
    if not np.array_equal(X, cell.inputs):
        return None if np.any(cell.given.M) else "M = 0"
    return "I = 0: there is no input" if not cell.given.I else "h0 = 0: nothing to ignore"


def same_record(g: Given, rec: oracle.Recurrence, changed: Given) -> str | None:
    """The exact equality of two step maps, if there is one."""
    other = record_of(changed)
    if rec.same_map(other):
        return "the records are equal" + _why(g, changed)
    if g.activation == changed.activation == "identity":
        return _linear(g, rec, changed, other)
    if g.form == "gru" and g.N == 1 and g.reset != changed.reset:
        unbiased = g.b_recurrent is None or not np.any(g.b_recurrent[2:])
        return "one unit, no recurrent bias of n: r (W h) = W (r h)" if unbiased else None
    return None


def _linear(g: Given, rec: oracle.Recurrence, changed: Given, other: oracle.Recurrence) -> str | None:
    """Linear steps are compared as affine maps, whatever their coefficients were split into."""
    if rec.equation == other.equation == "lure":
        same = rec.collapsed().same_map(other.collapsed())
        return "both are linear, and A + B W, E + B M, c + B b are equal" if same else None
    if g.form in NETWORKS and g.N <= AFFINE_LIMIT and _same_affine(rec, other):
        return "both are linear, and equal in exact rationals at N + I + 1 points in general position"
    return None


def _same_affine(rec: oracle.Recurrence, other: oracle.Recurrence) -> bool:
    """Equality of two affine maps of (h, x), at the origin and the unit vectors."""
    for h, x in _points(rec.N, rec.I):
        values = [advance(Rational(), each, *_lifted(h, x)) for each in (rec, other)]
        if not np.array_equal(*values):
            return False
    return True


def _points(N: int, I: int) -> list[tuple[Any, Any]]:
    points = np.concatenate([np.zeros((1, N + I), dtype=int), np.eye(N + I, dtype=int)])
    return [(point[:N], point[N:]) for point in points]


def _lifted(h: Any, x: Any) -> tuple[Any, Any]:
    def column(values: Any) -> Any:
        entries = np.empty((len(values), 1), dtype=object)
        for i, value in enumerate(values):
            entries[i, 0] = Fraction(int(value))
        return entries

    return column(h), column(x)


def _why(g: Given, changed: Given) -> str:
    """What makes two records equal, in the terms of the given parameters, where one of the usual reasons holds."""
    weights = changed.W is not g.W or changed.M is not g.M
    biases = changed.b is not g.b or changed.b_recurrent is not g.b_recurrent or changed.bias_at != g.bias_at
    times = changed.dt is not g.dt or changed.form != g.form
    reasons = [
        (weights and g.N == 1, "N = 1"),
        (not g.b and g.b_recurrent is None and (biases or not weights) and _same_times(g, changed), "b = 0"),
        (times and bool(np.all(g.dt == g.tau)), "alpha = 1"),
        (times and bool(np.all(2 * g.dt == g.tau)), "alpha = 1/2"),
        (g.form in NETWORKS and bool(np.all(g.tau == 1)), "tau = 1"),
    ]
    found = [reason for holds, reason in reasons if holds]
    return f" ({', '.join(found)})" if found else ""


def _same_times(g: Given, changed: Given) -> bool:
    """Whether form, scheme and step are as stated, so that only weights or biases can have been touched."""
    return (g.form, g.scheme) == (changed.form, changed.scheme) and changed.tau is g.tau and changed.dt is g.dt
