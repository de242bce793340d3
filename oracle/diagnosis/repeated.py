"""Several steps where one is documented: with the whole step each, or with a share of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from oracle.diagnosis.statement import NETWORKS, STAGED, Statement
from oracle.equations.catalogue import Repeated
from oracle.procedures.discretize import IMPLICIT
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence

TIMES = (2, 3, 4, 5, 10)  # steps for one sample


@dataclass(frozen=True, eq=False)
class Repetition:
    """A statement whose step is taken several times with one sample."""

    each: Any
    times: int

    def record(self) -> Recurrence:
        """The recurrence this means."""
        rec = self.each.record()
        return Recurrence.made("repeated", Repeated(rec, self.times), rec.step, Origin("edited", {}, None, rec.dtype))


def repetitions(s: Any) -> Iterator[tuple[str, Repetition]]:
    """Whole steps and shares of a step, by name."""
    if getattr(s, "scheme", None) in IMPLICIT:
        return
    for times in TIMES:
        yield "step-repeated", Repetition(s, times)
        if isinstance(s, Statement) and s.leaky:
            yield "step-divided", Repetition(_shorter(s, times), times)


def _shorter(s: Statement, times: int) -> Statement:
    """A share of the step: where only step / tau counts, that of alpha."""
    own = s.form == "paper" or (s.form in NETWORKS and s.scheme in STAGED)
    return s.but(step=s.step / times) if own else s.but(tau=s.tau * times)
