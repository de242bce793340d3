"""What a check says: verdict, worst, first violation, precision, findings; plain values with a readable summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence
from oracle.records.verbs import verb
from oracle.tolerance.statistic import Statistic


@dataclass(frozen=True)
class Violation:
    """The first place where a residual exceeds its bound. Step k is H[k]; step 0 is the initial state.

    `site` is the sub-expression of the step that is wrong, as far as the diagnosis tells: "pre-activation",
    "activation", "leak", "drive gain", "scheme" or "bookkeeping", two of them joined by "and"; observed where nothing
    in the table explains the run.
    """

    step: int
    unit: int
    trajectory: int
    residual: float
    bound: float
    ulps: float
    site: str = ""

    def __str__(self) -> str:
        where = f", {self.site}" if self.site else ""
        return (
            f"step {self.step}, unit {self.unit}{where}: residual {self.residual:.3g} against bound {self.bound:.3g} "
            f"({self.ulps:.3g} ulp of the result)"
        )


@dataclass(frozen=True)
class Finding:
    """A named deviation that explains what was seen; `explains` says whether every residual is inside its bound."""

    name: str
    explains: bool
    worst: float
    text: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The parameters a person wants to see: numbers, not the evidence they came from."""
        return {name: value for name, value in self.parameters.items() if name not in ("record", "hypothesis")}


@dataclass(frozen=True)
class Unseen:
    """A class of faults this run could not see, and the probe that would."""

    what: str
    probe: str

    def __str__(self) -> str:
        return f"{self.what}; {self.probe}"


@dataclass(frozen=True, eq=False)
class CheckResult:
    """The answer of `oracle.check`; true exactly when the verdict is "pass".

    Attributes
    ----------
    verdict : "pass", "fail" or "undecided"
    worst : float
        Largest residual / bound, rounded up; a pass has worst <= 1 (proved). For long runs that pass within 5 % of the
        largest there is if above 1/2; below, the error of a first look at each step may be part of it.
    first : Violation or None
    promised, computed_in : str
        The promised precision, and the one the residuals look like (observed; None where they are no rounding).
    diagnosis : tuple of Finding
        Best first. `explained_by` is the name of the first one that explains every residual.
    unseen : tuple of Unseen
    problem : BadInput or None
        A breach of contract by the candidate itself: it raised, changed its arguments, is random, ...
    statistic : Statistic
        Estimated unit roundoff, observed.
    residuals, bounds : ndarray, (K,)
        Per step, the residual with the largest residual / bound, and its bound.
    noise : NoiseSeen or None
        What was seen of a stochastic candidate's noise; `worst` is then the largest statistic / limit, observed.
    activation : ActivationSeen or None
        The worst error of the candidate's activation, in ulps, and its argument in hexadecimal; None where no argument
        is known well enough.
    ulps : tuple of int
        How many elements have a residual of how many units in the last place: counts up to 1/4, 1/2, .. 16 ulps, and
        beyond (`oracle.check.ulps.EDGES`); of steps spread over the run, where it is long. Empty where none is known.
    looked, probed : object or None
        Where the last two come from: what the run shows (`oracle.check.looked`; of a long run it is evaluated when it
        is first read), and an activation error that a probe showed.
    probes : tuple of ProbeSeen
        Exact probes of the promised precision (`oracle.check_precision`).
    part : str
        Of a module of several layers, directions or lengths: the worst of them, which everything else here is about.
    parts : dict of CheckResult
        Every layer, direction and length by name ("l0", "l1_reverse", "l0, length 7"); empty for a single recurrence.
    """

    verdict: str
    worst: float
    first: Violation | None
    promised: str
    computed_in: str | None
    record: Recurrence
    steps: int
    batch: int
    statistic: Statistic | None = None
    residuals: Array | None = None
    bounds: Array | None = None
    assumptions: tuple[str, ...] = ()
    diagnosis: tuple[Finding, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    problem: BadInput | None = None
    equation: str = ""
    label: str = "proved"
    noise: Any = None
    looked: Any = None
    probed: Any = None
    probes: tuple[Any, ...] = ()
    part: str = ""
    parts: dict[str, CheckResult] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    @property
    def activation(self) -> Any:
        """The worst error of the activation, of a probe or of a run that passes."""
        if self.probed is not None or self.looked is None or not self:
            return self.probed
        return self.looked.activation

    @property
    def ulps(self) -> tuple[int, ...]:
        """How many residuals are of how many units in the last place."""
        return () if self.looked is None else self.looked.ulps

    @property
    def explained_by(self) -> str | None:
        """Name of the equation or deviation every residual agrees with; None while unexplained."""
        return next((finding.name for finding in self.diagnosis if finding.explains), None)

    def summary(self) -> str:
        """A few lines for a person."""
        what = {"pass": "follows", "fail": "does not follow", "undecided": "may or may not follow"}[self.verdict]
        lines = [f"{self.verdict.upper()}: the candidate {what} its equation ({self.equation}) in {self.promised}."]
        lines += self._each_part()
        if self.problem is not None:
            lines.append(str(self.problem))
        elif self.residuals is not None:
            lines.append(
                f"  {self.steps} steps x {self.batch} trajectories x {self.record.N} units, "
                f"worst residual / bound {self.worst:.3g} (proved)"
            )
        if self.noise is not None:
            lines.append(f"  {self.noise} (observed)")
        if self.activation is not None:
            lines.append(f"  activation: {self.activation} (observed)")
        if self.probes:
            lines.append(f"  exact probes: {self._probed()}")
        if self.first is not None:
            lines.append(f"  first violation: {self.first}")
        if self.statistic is not None:
            seen = f"looks like {self.computed_in}" if self.computed_in else "too large for rounding in any format"
            lines.append(f"  unit roundoff seen: {self.statistic.roundoff:.3g}, {seen} (observed)")
        lines += [f"  {'explained by' if f.explains else 'noted:'} {f.name}: {f.text}" for f in self.diagnosis]
        lines += [f"  not seen by this run: {unseen}" for unseen in self.unseen]
        return "\n".join(lines)

    def _each_part(self) -> list[str]:
        """Verdicts of the parts, and which of them the rest is about."""
        if not self.parts:
            return []
        short = [
            f"{name}: {r.verdict}, {r.worst:.3g}" + f", {r.explained_by}" * (not r) for name, r in self.parts.items()
        ]
        lines = (f"  {len(self.parts)} parts (verdict, worst residual / bound):", *(f"    {line}" for line in short))
        return [*lines, f"  of these, {self.part}:"]

    def _probed(self) -> str:
        """The probes in a line: those that failed, or that all passed."""
        broken = [str(probe) for probe in self.probes if probe.wrong]
        unrun = [probe.name for probe in self.probes if probe.problem]
        text = "; ".join(broken) + " (proved)" if broken else f"{len(self.probes) - len(unrun)} passed"
        return text + (f"; could not be run: {', '.join(unrun)}" if unrun else "")

    def __repr__(self) -> str:
        return f"<CheckResult {self.verdict}, worst {self.worst:.3g}, explained by {self.explained_by}>"

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays, as JSON-ready values."""
        return {
            "verdict": self.verdict,
            "label": self.label,
            "worst": _finite(self.worst),
            "first": None if self.first is None else {k: _finite(v) for k, v in vars(self.first).items()},
            "promised": self.promised,
            "computed_in": self.computed_in,
            "equation": self.equation,
            "explained_by": self.explained_by,
            "statistic": None
            if self.statistic is None
            else {"roundoff": _finite(self.statistic.roundoff), "precision": self.statistic.precision},
            "units": self.record.N,
            "inputs": self.record.I,
            "steps": self.steps,
            "batch": self.batch,
            "residuals": None if self.residuals is None else [_finite(float(v)) for v in self.residuals],
            "bounds": None if self.bounds is None else [_finite(float(v)) for v in self.bounds],
            "diagnosis": [
                {**vars(f), "worst": _finite(f.worst), "parameters": {k: repr(v) for k, v in f.shown().items()}}
                for f in self.diagnosis
            ],
            "ulps": list(self.ulps),
            "unseen": [vars(u) for u in self.unseen],
            "problem": None if self.problem is None else str(self.problem),
            "assumptions": list(self.assumptions),
            "noise": None if self.noise is None else self.noise.to_dict(),
            "activation": None if self.activation is None else self.activation.to_dict(),
            "probes": [vars(probe) for probe in self.probes],
            "part": self.part,
            "parts": {name: result.to_dict() for name, result in self.parts.items()},
        }

    def report(self, path: Any) -> Any:
        """Write a report; the suffix (.html or .json) decides the format. Returns the path."""
        return verb("report")(self, path)


class CheckFailed(AssertionError):
    """Raised by `assert_follows`; the result is kept as `.result`."""

    def __init__(self, result: CheckResult) -> None:
        super().__init__(result.summary())
        self.result = result


def _finite(value: Any) -> Any:
    """JSON has no infinity."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return str(value)
    return None if isinstance(value, float) and value != value else value
