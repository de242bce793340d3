"""Explicit Runge-Kutta steps of a field in the normal form, the input held over the step.

    k_i = F(h + Delta sum_j a_ij k_j),   h+ = h + Delta sum_i b_i k_i

Tableaus: E. Hairer, S. Norsett and G. Wanner, Solving Ordinary Differential Equations I, section II.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from oracle.equations import lure
from oracle.equations.interface import Arithmetic, V
from oracle.records.staged import Staged


class Tableau(NamedTuple):
    """Stages a_ij (strictly lower triangular, row i has i entries) and weights b_i."""

    stages: tuple[tuple[Fraction, ...], ...]
    weights: tuple[Fraction, ...]


def _row(*entries: str) -> tuple[Fraction, ...]:
    return tuple(Fraction(entry) for entry in entries)


TABLEAUS = {
    "midpoint": Tableau((_row(), _row("1/2")), _row("0", "1")),
    "heun": Tableau((_row(), _row("1")), _row("1/2", "1/2")),
    "rk4": Tableau((_row(), _row("1/2"), _row("0", "1/2"), _row("0", "0", "1")), _row("1/6", "1/3", "1/3", "1/6")),
}


@dataclass(frozen=True, eq=False)
class Tabled(Staged):
    """Parameters of a method that has no name: the field, the step and the tableau."""

    tableau: Tableau = TABLEAUS["rk4"]

    def __hash__(self) -> int:
        return hash((self.tableau, super().__hash__()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tabled) and self.tableau == other.tableau and bool(Staged.__eq__(self, other))


def drive(ops: Arithmetic[V], p: Staged, x: V) -> lure.Drive:
    """The drive of the field."""
    return lure.drive(ops, p.field, x)


def stepper(scheme: str):  # type: ignore[no-untyped-def]
    """The step function of a scheme."""
    tableau = TABLEAUS[scheme]

    def step(ops: Arithmetic[V], p: Staged, h: V, u: lure.Drive) -> V:
        return _stepped(ops, p, tableau, h, u)

    return step


def step(ops: Arithmetic[V], p: Tabled, h: V, u: lure.Drive) -> V:
    """The step of a method that has no name."""
    return _stepped(ops, p, p.tableau, h, u)


def _stepped(ops: Arithmetic[V], p: Staged, tableau: Tableau, h: V, u: lure.Drive) -> V:
    slopes: list[V] = []
    for row in tableau.stages:
        moved = [ops.scale(p.step * a, k) for a, k in zip(row, slopes, strict=True) if a]
        slopes.append(lure.step(ops, p.field, ops.sum([h, *moved]) if moved else h, u))
    return ops.sum([h, *(ops.scale(p.step * b, k) for b, k in zip(tableau.weights, slopes, strict=True) if b)])
