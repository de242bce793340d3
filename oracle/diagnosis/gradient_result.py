"""What `oracle.check_gradient` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oracle.check.result import Finding
from oracle.errors import BadInput


@dataclass(frozen=True)
class Judged:
    """The gradient by one parameter.

    Attributes
    ----------
    worst : float
        Largest |difference| / tolerance, at most 1 where it is inside; the tolerance of an entry is the smaller of the
        proven bound and the observed tolerance.
    index : tuple of int
        Where.
    difference, tolerance : float
        There.
    label : {"proved", "observed"}
        What decided: for a gradient inside, "proved" if the proven bound is far below the gradient itself; for one
        outside, "proved" if it is beyond the proven bound.
    proven, observed : float
        The largest proven bound and observed tolerance of any entry.
    size : float
        The largest entry of the exact gradient.
    """

    worst: float
    index: tuple[int, ...]
    difference: float
    tolerance: float
    label: str
    proven: float
    observed: float
    size: float

    @property
    def blind(self) -> bool:
        """Whether the tolerance is as large as the gradient: zeros would pass as well."""
        return min(self.proven, self.observed) >= self.size > 0


@dataclass(frozen=True, eq=False)
class GradientResult:
    """The answer of `oracle.check_gradient`; true exactly when the verdict is "pass".

    Attributes
    ----------
    verdict : {"pass", "fail", "undecided"}
    label : {"proved", "observed"}
        "observed" where some gradient was decided by the observed tolerance.
    worst : float
        The largest of the parameters' worst.
    parameters : dict of Judged
        By name: W, M, b, alpha, tau, h0, inputs, as far as the candidate returned them.
    promised : str
    loss : str
        What was differentiated.
    diagnosis : tuple of Finding
        Best first.
    problem : BadInput or None
        A breach of contract, or a run that has no gradient.
    """

    verdict: str
    label: str
    worst: float
    parameters: dict[str, Judged]
    promised: str
    loss: str
    diagnosis: tuple[Finding, ...] = ()
    problem: BadInput | None = None
    missing: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    @property
    def explained_by(self) -> str | None:
        """Name of the first finding under which every entry is inside its tolerance."""
        return next((finding.name for finding in self.diagnosis if finding.explains), None)

    def summary(self) -> str:
        """A few lines for a person."""
        what = {"pass": "is", "fail": "is not", "undecided": "may or may not be"}[self.verdict]
        lines = [f"{self.verdict.upper()}: this {what} the gradient of {self.loss} in {self.promised} ({self.label})."]
        if self.problem is not None:
            lines.append(str(self.problem))
        for name, part in self.parameters.items():
            lines.append(
                f"  {name}: worst {part.worst:.3g} at {list(part.index)}, difference {part.difference:.3g} against "
                f"{part.tolerance:.3g} ({part.label}; proven {part.proven:.3g}, observed {part.observed:.3g})"
            )
        lines += [f"  {'explained by' if f.explains else 'noted:'} {f.name}: {f.text}" for f in self.diagnosis]
        if self.missing:
            lines.append(f"  not returned: {', '.join(self.missing)}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<GradientResult {self.verdict}, worst {self.worst:.3g}, explained by {self.explained_by}>"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "verdict": self.verdict,
            "label": self.label,
            "worst": _plain(self.worst),
            "parameters": {
                name: {key: _plain(value) for key, value in vars(part).items()}
                for name, part in self.parameters.items()
            },
            "promised": self.promised,
            "loss": self.loss,
            "explained_by": self.explained_by,
            "diagnosis": [
                {
                    **vars(finding),
                    "worst": _plain(finding.worst),
                    "parameters": {k: repr(v) for k, v in finding.parameters.items()},
                }
                for finding in self.diagnosis
            ],
            "problem": None if self.problem is None else str(self.problem),
            "missing": list(self.missing),
        }


def _plain(value: Any) -> Any:
    """JSON has no infinity."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, float) and value in (float("inf"), float("-inf")) else value
