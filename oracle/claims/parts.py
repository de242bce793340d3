"""What a claim is made of: assumptions, counterexamples, proofs, and what an evaluation hands back.

    holds           every assumption is met (or assumed), and the measured value is certified to be within the bound
    violated        every assumption is met (or assumed), and the measured value is certified to be beyond the bound
    not applicable  some assumption is false; the measured value is reported all the same where there is one
    undecided       neither could be certified

Bounds and measured values are exact rationals or rigorous float64 enclosures; what was merely seen is under `observed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

Number = Fraction | float


class Assumption(NamedTuple):
    """One hypothesis, evaluated: `holds` is True, False, "assumed" (nothing on a record shows it) or "undecided"."""

    text: str
    holds: bool | str
    evidence: str


class Proof(NamedTuple):
    """Where a claim is proved in general, and by what."""

    file: str
    status: str


@dataclass(frozen=True)
class Counterexample:
    """A case in which only one assumption is dropped and the claim fails.

    Attributes
    ----------
    dropped : str
        Text of the assumption that is dropped.
    text : str
        The case.
    gap : Fraction or float
        How far the claim fails: an exact rational, or a certified lower bound. Zero would mean that nothing failed.
    certificate : {"exact rational", "balls"}
    """

    dropped: str
    text: str
    gap: Number
    certificate: str

    @property
    def verdict(self) -> str:
        """ "violated" where the claim fails by a certified amount."""
        return "violated" if self.gap > 0 else "holds"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "dropped": self.dropped,
            "text": self.text,
            "gap": float(self.gap),
            "exact": str(self.gap) if isinstance(self.gap, Fraction) else None,
            "certificate": self.certificate,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Evaluated:
    """What a claim's evaluation hands back: assumptions, a rigorous bound and what was measured against it.

    `measured` None with `decided` False means that the comparison could not be decided, or not be made.
    `fails` is set where a failure is certified without a size (two records of different kinds). `identity` says that
    the bound is only what the enclosures resolve, so that its distance from the measured value is no slack.
    """

    assumptions: tuple[Assumption, ...]
    bound: Number
    measured: Number | None
    evidence: tuple[str, ...]
    fails: bool = False
    observed: Mapping[str, Any] = field(default_factory=dict)
    identity: bool = False

    @property
    def verdict(self) -> str:
        """The verdict, as in the module's table."""
        held = [assumption.holds for assumption in self.assumptions]
        if any(holds is False for holds in held):
            return "not applicable"
        if "undecided" in held:
            return "undecided"
        if self.fails:
            return "violated"
        if self.measured is None or self.measured != self.measured or self.bound != self.bound:
            return "undecided"  # not measured, or NaN, which obeys nothing and violates nothing
        return "holds" if self.measured <= self.bound else "violated"
