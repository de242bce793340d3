"""`oracle.compare`: two programs for one equation. Do they differ by no more than both may?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oracle.check.result import CheckResult
from oracle.diagnosis.check import check
from oracle.records.recurrence import Recurrence


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two checks of the same run; true if both pass.

    Attributes
    ----------
    verdict : str
        "pass" if both follow the equation step by step, so that whatever lies between them is rounding; "fail" if one
        does not; "undecided" otherwise.
    a, b : CheckResult
        What each was found to compute.
    """

    verdict: str
    a: CheckResult
    b: CheckResult

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    def summary(self) -> str:
        """A few lines for a person."""
        if self:
            head = "PASS: both follow the equation; their difference is rounding (proved step by step)."
        else:
            wrong = [name for name, result in (("first", self.a), ("second", self.b)) if not result]
            head = f"{self.verdict.upper()}: the {' and the '.join(wrong)} candidate is off."
        return "\n".join([head, "first:", self.a.summary(), "second:", self.b.summary()])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"verdict": self.verdict, "a": self.a.to_dict(), "b": self.b.to_dict()}


def compare(a: Any, b: Any, rec: Recurrence | None = None, *, inputs: Any, **question: Any) -> Comparison:
    """Two candidates against one recurrence and each other.

    Parameters
    ----------
    a, b : candidates, as for `check`
        CPU and GPU, batched and single, old and new.
    rec : Recurrence, optional
        May be left out for modules.
    inputs, **question
        As for `check`.

    Returns
    -------
    Comparison

    Notes
    -----
    Trajectories drift apart even if both are right, so they are not subtracted: each is held to the equation step by
    step from its own states.
    """
    first, second = (check(candidate, rec, inputs=inputs, **question) for candidate in (a, b))
    verdicts = {first.verdict, second.verdict}
    verdict = "fail" if "fail" in verdicts else "undecided" if "undecided" in verdicts else "pass"
    return Comparison(verdict, first, second)
