"""Several steps where one is documented: with the whole step each, or with a share of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from oracle.diagnosis.statement import NETWORKS, STAGED, Statement
from oracle.equations.catalogue import Repeated
from oracle.procedures.discretize import IMPLICIT
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence

TIMES = (2, 3, 4, 5, 10)  # steps for one sample; bounds of more say little
FEW_TIMES = (2, 3)  # the same together with another deviation


@dataclass(frozen=True, eq=False)
class Repetition:
    """A statement whose step is taken several times with one sample."""

    each: Any
    times: int
    shorter: bool = False  # whether each is a share of the step

    def of(self, stated: Any) -> Repetition:
        """As many steps of another statement, as short as these."""
        each = _shorter(stated, self.times) if self.shorter and isinstance(stated, Statement) else stated
        return replace(self, each=each)

    def made_by(self, make: Callable[[Any], Any]) -> Callable[[Any], Repetition]:
        """The statements of a family, repeated."""
        return lambda value: self.of(make(value))

    def record(self) -> Recurrence:
        """The recurrence this means."""
        rec = self.each.record()
        return Recurrence.made("repeated", Repeated(rec, self.times), rec.step, Origin("edited", {}, None, rec.dtype))


def repetitions(s: Any, counts: tuple[int, ...] = TIMES) -> Iterator[tuple[str, Repetition]]:
    """Whole steps and shares of a step, by name."""
    if getattr(s, "scheme", None) in IMPLICIT:
        return
    for times in counts:
        yield "step-repeated", Repetition(s, times)
        if isinstance(s, Statement) and s.leaky:
            yield "step-divided", Repetition(_shorter(s, times), times, shorter=True)


def _shorter(s: Statement, times: int) -> Statement:
    """A share of the step: where only step / tau counts, that of alpha."""
    own = s.form == "paper" or (s.form in NETWORKS and s.scheme in STAGED)
    return s.but(step=s.step / times) if own else s.but(tau=s.tau * times)
