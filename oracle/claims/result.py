"""A claim of the catalogue, and what it says about one network: `Claim.verify` and `ClaimResult`.

The verdicts are those of `oracle.claims.parts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from oracle.arithmetic.suprema import slope_range
from oracle.claims.parts import Assumption, Counterexample, Evaluated, Number, Proof
from oracle.errors import BadInput, NotDecidable

__all__ = [
    "Assumption",
    "Claim",
    "ClaimResult",
    "Counterexample",
    "Evaluated",
    "Number",
    "Proof",
    "shown",
    "symbolic",
]


@dataclass(frozen=True)
class ClaimResult:
    """A claim, verified on one network.

    Attributes
    ----------
    id, title, statement, latex : str
    assumptions : tuple of Assumption
    bound, measured : Fraction or float or None
        For an exact identity the bound is 0 and the measured value the exact or certified difference.
    slack : float or None
        bound / measured, at least 1 where the claim holds; None for exact identities.
    verdict : str
    proofs : tuple of Proof
    evidence : tuple of str
        What decided the verdict.
    counterexamples : tuple of Counterexample
        One or more per assumption.
    observed : mapping
        What was seen beside it, in floating point or on samples; not part of the verdict.
    """

    id: str
    title: str
    statement: str
    latex: str
    assumptions: tuple[Assumption, ...]
    bound: Number
    measured: Number | None
    slack: float | None
    verdict: str
    proofs: tuple[Proof, ...]
    evidence: tuple[str, ...]
    counterexamples: tuple[Counterexample, ...]
    observed: Mapping[str, Any]

    def __bool__(self) -> bool:
        return self.verdict == "holds"

    @property
    def formula(self) -> tuple[Any, ...]:
        """The claim's bound as SymPy relations, `oracle.claims.formulas`; loads SymPy."""
        return _formula(self.id)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "id": self.id,
            "title": self.title,
            "statement": self.statement,
            "latex": self.latex,
            "formula": [str(relation) for relation in self.formula],
            "assumptions": [assumption._asdict() for assumption in self.assumptions],
            "bound": float(self.bound),
            "measured": None if self.measured is None else float(self.measured),
            "slack": self.slack,
            "verdict": self.verdict,
            "proofs": [proof._asdict() for proof in self.proofs],
            "evidence": list(self.evidence),
            "counterexamples": [example.to_dict() for example in self.counterexamples],
            "observed": dict(self.observed),
        }

    def summary(self) -> str:
        """A few lines for a reader."""
        measured = "not measured" if self.measured is None else f"{float(self.measured):.6g}"
        size = "" if self.slack is None else f", slack {self.slack:.3g}"
        return "\n".join(
            [
                f"{self.id} {self.title}: {self.verdict}",
                f"  {self.statement}",
                *(f"  formula: {relation}" for relation in self.formula),
                f"  bound {float(self.bound):.6g}, measured {measured}{size}",
                *(f"  [{_mark(a.holds)}] {a.text}: {a.evidence}" for a in self.assumptions),
                *(f"  evidence: {text}" for text in self.evidence),
                *(f"  observed: {name} = {value}" for name, value in self.observed.items()),
                *(
                    f"  without '{c.dropped}': off by {float(c.gap):.3g} ({c.certificate})"
                    for c in self.counterexamples
                ),
                *(f"  {proof.status}: {proof.file}" for proof in self.proofs),
            ]
        )

    def __repr__(self) -> str:
        return self.summary()


def _formula(identifier: str) -> tuple[Any, ...]:
    from oracle.claims.formulas import formula

    return formula(identifier)


def shown(value: Fraction | None) -> str:
    """A rational as its user would write it: a decimal where it is a double, a fraction otherwise."""
    if value is None:
        return "none"
    return repr(float(value)).removesuffix(".0") if Fraction(float(value)) == value else str(value)


def _mark(holds: bool | str) -> str:
    return {True: "yes", False: "NO"}.get(holds, str(holds)) if isinstance(holds, bool) else holds


@dataclass(frozen=True)
class Claim:
    """A claim of the catalogue: what it says, how it is evaluated on a network, where it is proved, where it fails."""

    id: str
    title: str
    statement: str
    latex: str
    evaluate: Callable[[Any], Evaluated]
    counterexamples: Callable[[], tuple[Counterexample, ...]]
    proofs: tuple[Proof, ...]

    @property
    def formula(self) -> tuple[Any, ...]:
        """The bound as SymPy relations; their symbols are `oracle.claims.formula_symbols.MEANINGS`. Loads SymPy."""
        return _formula(self.id)

    def verify(self, net: Any, **options: Any) -> ClaimResult:
        """Evaluate the claim on a network; for the options see `oracle.claims.setting.Setting`.

        Raises
        ------
        oracle.BadInput
            Not a Network, an unknown option, a factor or step that is not positive, a point of the wrong shape.
        """
        from oracle.claims.setting import Setting

        found = self._evaluated(Setting.read(net, **options))
        # An identity has no slack: its bound is zero.
        sized = bool(found.bound and found.measured) and not found.identity
        slack = float(found.bound) / float(found.measured or 1) if sized else None
        return ClaimResult(
            self.id,
            self.title,
            self.statement,
            self.latex,
            found.assumptions,
            found.bound,
            found.measured,
            slack,
            found.verdict,
            self.proofs,
            found.evidence,
            self.counterexamples(),
            found.observed,
        )

    def _evaluated(self, setting: Any) -> Evaluated:
        """The evaluation; undecided where slopes are unbounded, or a step is the solution of a relation."""
        from oracle.procedures.discretize import IMPLICIT

        if slope_range(setting.net.activation).count(None):
            try:
                return self.evaluate(setting)
            except NotDecidable as problem:
                return Evaluated((), Fraction(0), None, (str(problem),))
        if setting.scheme not in IMPLICIT:
            return self.evaluate(setting)
        try:
            return self.evaluate(setting)
        except (NotImplementedError, BadInput):  # tangents, gradients and exact numbers solve no relation
            text = f"a step of {setting.scheme} is the solution of a relation, which this claim is not evaluated for"
            return Evaluated((), Fraction(0), None, (text,))


def symbolic(name: str) -> tuple[Proof, ...]:
    """The SymPy proof of a claim."""
    return (Proof(f"proofs/symbolic/{name}.py", "proved (symbolic)"),)
