"""Parametric deviations: statements with one unknown number, or one per unit, to be fitted and then certified.

wrong-step   alpha' = alpha step'/step               wrong-tau     tau', one for all units or one each
wrong-leak   A' h + ..                               drive-gain    .. + d' s(..)
scaled-recurrent-weights   f W                       scaled-input-weights   f M          scaled-bias   f b
scaled-pre-activation      s(f z)                    output-scaled          H = f h      wrong-bias    b' per unit
wrong-stage                a_ij or b_j of a Runge-Kutta scheme
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.diagnosis.coefficients import drive_of, kept_of
from oracle.diagnosis.gated import GatedStatement
from oracle.diagnosis.normal import NormalStatement
from oracle.diagnosis.statement import Statement, has_bias
from oracle.equations.runge_kutta import TABLEAUS, Tableau
from oracle.records.exact import Array


@dataclass(frozen=True)
class Family:
    """Statements with an unknown.

    Attributes
    ----------
    name : str
        Of the finding.
    unknown : str
        What is fitted, as it is shown: "alpha", "step", "tau", "factor", ..
    start : float or ndarray
        The documented value, where the fit starts; an array has one unknown per unit.
    make : callable
        exact number, or array of them -> the statement with it.
    positive : bool
        Whether the unknown has to be positive.
    documented : bool
        Whether `start` is what is documented, and not only a place to start from.
    """

    name: str
    unknown: str
    start: Any
    make: Callable[[Any], Any]
    positive: bool = False
    documented: bool = True


def families(s: Any) -> Iterator[Family]:
    """Every parametric deviation of a statement, those with one unknown first."""
    ungated = isinstance(s, Statement)
    if ungated:
        yield from step_families(s)
        yield from _gains(s)
    yield Family("scaled-recurrent-weights", "factor", 1.0, lambda f: s.recurrent(_times(f)))
    if isinstance(s, GatedStatement):
        yield from (_of_gate(s, gate) for gate in range(len(s.names)))
    if s.M.size:
        yield Family("scaled-input-weights", "factor", 1.0, lambda f: s.driving(_times(f)))
    if ungated:
        yield from _scales(s)
        yield from _of_tableau(s)
        yield from _per_unit(s)
    if isinstance(s, NormalStatement):
        yield from _of_parts(s)


def step_families(s: Statement) -> Iterator[Family]:
    """Another step, alpha or time constant."""
    if not s.leaky:
        return
    name = "wrong-step" if s.form == "paper" or not _scalar(s.tau) else "wrong-step|wrong-tau"
    if s.step == 1 and s.form != "paper" and s.scheme == "euler":  # stated as alpha
        if _scalar(s.tau):
            yield Family("wrong-step", "alpha", float(s.alpha), lambda a: s.but(tau=s.step / a), positive=True)
        else:
            yield Family("wrong-step", "factor of alpha", 1.0, lambda f: s.but(tau=s.tau / f), positive=True)
        return
    yield Family(name, "step", float(s.step), lambda step: _with_step(s, step), positive=True)
    if s.form == "paper" or not _scalar(s.tau):
        middle = float(np.median(np.asarray(s.tau, dtype=np.float64)))
        yield Family("wrong-tau", "tau", middle, lambda tau: s.but(tau=tau), positive=True, documented=False)


def time_families(s: Statement) -> Iterator[Family]:
    """Another step, alpha or time constant, and one of each unit where they are stated so."""
    yield from step_families(s)
    if s.leaky and not _scalar(s.tau):
        yield _times_of_units(s)


def _times_of_units(s: Statement) -> Family:
    alpha = np.broadcast_to(np.asarray(s.alpha, dtype=np.float64), (s.N,))
    return Family("wrong-tau", "alpha per unit", alpha, lambda a: s.but(tau=s.step / a), positive=True)


def _with_step(s: Statement, step: Any) -> Statement:
    """Another step on the documented grid: where only step / tau counts, tau changes instead."""
    return s.but(step=step) if s.form == "paper" else s.but(tau=s.tau * s.step / step)


def _gains(s: Statement) -> Iterator[Family]:
    """What multiplies the state and the drive."""
    drive: Any = drive_of(s)
    if _scalar(drive):
        yield Family("drive-gain", "gain", Float64().number(drive), lambda d: s.but(drive=d))
    else:
        yield Family("drive-gain", "factor of the gain", 1.0, lambda f: s.but(drive=f * drive))
    if not s.staged:
        yield Family("wrong-leak", "kept of h", 0.5, lambda kept: s.but(kept=kept), documented=False)


def _of_parts(s: NormalStatement) -> Iterator[Family]:
    """Factors of parts of the normal form, for all units and for each."""
    for start in (1.0, np.ones(s.N)):
        each = " of each unit" if np.ndim(start) else ""
        if s.p.A.terms:
            yield Family("wrong-leak", f"factor of A{each}", start, lambda f: s.times(f, "A"))
        yield Family("drive-gain", f"factor of the drive{each}", start, lambda f: s.times(f, "BEc"))
        if not s.staged:
            yield Family("state-scaled", f"factor{each}", start, lambda f: s.times(f))


def _of_gate(s: GatedStatement, gate: int) -> Family:
    """The recurrent weights of one gate."""
    unknown = f"factor of the {s.names[gate]} gate"
    return Family("scaled-recurrent-weights", unknown, 1.0, lambda f: s.recurrent_of(gate, _times(f)))


def _scales(s: Statement) -> Iterator[Family]:
    """Factors of the bias, of the argument of the nonlinearity, and of what is written down."""
    if has_bias(s):
        yield Family("scaled-bias", "factor", 1.0, lambda f: _bias_times(s, f))
    yield Family(
        "scaled-pre-activation", "factor", 1.0, lambda f: _bias_times(s.recurrent(_times(f)).driving(_times(f)), f)
    )
    yield output_family(s)
    if s.leaky and not s.staged:
        yield Family("state-scaled", "factor", 1.0, lambda f: s.but(kept=f * kept_of(s), drive=f * drive_of(s)))


def output_family(s: Statement) -> Family:
    """A factor of what is written down."""
    return Family("output-scaled", "factor", 1.0, lambda f: s.but(output=f))


def _of_tableau(s: Statement) -> Iterator[Family]:
    """Coefficients of a Runge-Kutta method, one at a time, and all of its weights."""
    if not s.staged or s.scheme not in TABLEAUS:
        return
    stages, weights = s.tableau or TABLEAUS[s.scheme]
    for i, row in enumerate((*stages, weights)):
        for j in (j for j, entry in enumerate(row) if entry):
            unknown = f"b{j + 1}" if i == len(stages) else f"a{i + 1}{j + 1}"
            yield Family("wrong-stage", unknown, float(row[j]), partial(_with_coefficient, s, i, j))
    yield Family(
        "wrong-stage",
        "factor of the weights",
        1.0,
        lambda f: s.but(tableau=Tableau(stages, tuple(f * b for b in weights))),
    )


def _with_coefficient(s: Statement, i: int, j: int, value: Any) -> Statement:
    """Entry j of a stage, or of the weights, which are the last row."""
    rows = [*(s.tableau or TABLEAUS[s.scheme]).stages, (s.tableau or TABLEAUS[s.scheme]).weights]
    rows[i] = (*rows[i][:j], value, *rows[i][j + 1 :])
    return s.but(tableau=Tableau(tuple(rows[:-1]), rows[-1]))


def _per_unit(s: Statement) -> Iterator[Family]:
    """One unknown per unit."""
    bias = np.asarray(s.b[-1], dtype=np.float64) if s.b else np.zeros(s.N)
    yield Family("wrong-bias", "bias per unit", bias, lambda b: s.but(b=(*s.b[:-1], b)))
    if s.leaky:
        yield _times_of_units(s)
    gain = np.broadcast_to(Float64()._read(np.asarray(drive_of(s), dtype=object)), (s.N,))
    yield Family("drive-gain", "gain per unit", gain, lambda d: s.but(drive=d))
    if not s.staged:
        yield Family(
            "wrong-leak", "kept of h per unit", np.full(s.N, 0.5), lambda kept: s.but(kept=kept), documented=False
        )


def _times(factor: Any) -> Callable[[Array], Array]:
    """A matrix times a factor in float64, as a program would store it."""
    return lambda part: np.asarray(part, dtype=np.float64) * float(factor)


def _bias_times(s: Statement, factor: Any) -> Statement:
    return s.but(b=tuple(np.asarray(part, dtype=np.float64) * float(factor) for part in s.b))


def _scalar(value: Any) -> bool:
    return not isinstance(value, np.ndarray)
