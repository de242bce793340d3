"""What is measured beside what is promised: many pairs at once, and one verdict.

Any lower value beyond its bound is a violation; every upper value within its bound is the claim; between the two
nothing is decided. Where a bound is smaller than what the references resolve (zero, say: nothing has moved yet), a
value can be seen to violate it but not to obey it; such entries are counted and said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb_mat

from oracle.arithmetic.ball import lower_floats, upper_floats
from oracle.claims.result import Assumption, Evaluated
from oracle.records.exact import Array


@dataclass(frozen=True, eq=False)
class Compared:
    """|value| in [low, high] and its bound, entry by entry, rounded outward; `by` what computed them."""

    name: str
    low: Array
    high: Array
    bound: Array
    resolution: float
    by: str = "balls"

    @staticmethod
    def of(name: str, values: Sequence[Any], bounds: Sequence[Any], resolution: float) -> Compared:
        """From balls; use inside `precision`."""
        measured, promised = (arb_mat(len(part), 1, list(part)) for part in (values, bounds))
        low, high = lower_floats(measured)[:, 0], upper_floats(measured)[:, 0]
        return Compared(name, low, high, upper_floats(promised)[:, 0], resolution)

    @property
    def resolved(self) -> Array:
        """Entries whose bound the references can tell from zero."""
        seen: Array = self.bound > self.resolution
        return seen

    @property
    def violated(self) -> bool:
        """Whether some value is certainly beyond its bound."""
        return bool(np.any(self.low > self.bound))

    @property
    def within(self) -> bool:
        """Whether every resolved value is certainly within its bound, and the others may be; NaN is neither."""
        known = not np.any(np.isnan(self.high) | np.isnan(self.bound))
        return known and not self.violated and bool(np.all((self.high <= self.bound)[self.resolved]))

    @property
    def main(self) -> int:
        """Where the measured value is largest."""
        return int(np.argmax(self.high))

    @property
    def least_slack(self) -> float:
        """The smallest bound / value over the resolved entries that are not zero."""
        seen = self.resolved & (self.low > 0)
        return float(np.min(self.bound[seen] / self.high[seen], initial=np.inf))

    @property
    def text(self) -> str:
        """For the evidence."""
        state = "violated" if self.violated else "within" if self.within else "not separated"
        if not self.high.size:
            return f"{self.name}: nothing to compare"
        below = int(np.sum(~self.resolved))
        rest = f"; {below} entries with bounds below {self.resolution:.0e} not contradicted" if below else ""
        return (
            f"{self.name}: {state}, largest value {self.high[self.main]:.6g} against {self.bound[self.main]:.6g}, "
            f"least slack {self.least_slack:.4g} ({self.by}){rest}"
        )


def judged(
    assumptions: tuple[Assumption, ...],
    comparisons: Sequence[Compared],
    evidence: Sequence[str] = (),
    observed: Mapping[str, Any] | None = None,
    fails: bool = False,
) -> Evaluated:
    """The evaluation of a claim whose main comparison is the first; the others have to hold as well."""
    first = comparisons[0]
    broken = next((c for c in comparisons if c.violated), None)
    shown = broken or first
    where = int(np.argmax(shown.low - shown.bound)) if broken else shown.main
    decided = broken is not None or all(c.within for c in comparisons)
    lowest = broken is not None or not shown.resolved[where]  # what is not resolved is not contradicted, and no more
    return Evaluated(
        assumptions,
        float(shown.bound[where]),
        float(shown.low[where] if lowest else shown.high[where]) if decided else None,
        (*(c.text for c in comparisons), *evidence),
        fails=fails,
        observed=observed or {},
    )
