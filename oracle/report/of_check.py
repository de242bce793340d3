"""A check as a report."""

from __future__ import annotations

from collections.abc import Iterable

from oracle.check.result import CheckResult, Finding
from oracle.records.precision import precision_model
from oracle.report.environment import environment
from oracle.report.model import OBSERVED, PROVED, Code, Listing, Report, ResidualPlot, Section, Table, Tile, figure

LISTED = 12  # findings shown; the rest is in the JSON


def of_check(result: CheckResult, *, title: str = "Does it follow its equation?", reproduce: str = "") -> Report:
    """The model of a check's report."""
    return Report(
        title=title,
        verdict=result.verdict,
        label=result.label,
        sentence=sentence(result),
        tiles=tuple(_tiles(result)),
        sections=tuple(check_sections(result)),
        environment=environment(),
        reproduce=reproduce or f"oracle.check(candidate, rec, inputs=X, h0=h0, promised={result.promised!r})",
        data=result.to_dict(),
    )


def sentence(result: CheckResult) -> str:
    """The verdict as one sentence."""
    equation = f"its equation ({result.equation})"
    if result.problem is not None:
        return f"The candidate cannot be judged against {equation}: {result.problem.seen}"
    if result.noise is not None:
        return _noisy(result, equation)
    if result.verdict == "pass":
        return f"The candidate follows {equation} in {result.promised}: every residual is inside its proven bound."
    if result.verdict == "undecided":
        return (
            f"The candidate may or may not follow {equation} in {result.promised}: not every residual could be decided."
        )
    if result.label == OBSERVED:
        why = result.explained_by or "its residuals are those of a lower precision"
        return f"The candidate follows {equation}, but not in {result.promised}: {why}."
    why = f"; {result.explained_by} explains every residual" if result.explained_by else ""
    return f"The candidate does not follow {equation} in {result.promised}{why}."


def _noisy(result: CheckResult, equation: str) -> str:
    """The same for a stochastic candidate."""
    if result.verdict == "pass":
        return f"The candidate follows {equation} with the promised noise: {result.noise}."
    if result.verdict == "undecided":
        return f"This run does not show whether the candidate follows {equation} with the promised noise."
    why = f"; {result.explained_by} passes every test" if result.explained_by else ""
    return f"The candidate does not follow {equation} with the promised noise{why}."


def _tiles(result: CheckResult) -> Iterable[Tile]:
    worst = "worst residual / bound" if result.noise is None else "worst statistic / limit"
    label = "" if result.problem is not None else PROVED if result.noise is None else OBSERVED
    yield Tile(worst, figure(result.worst), label, "a pass has at most 1")
    yield Tile("explained by", result.explained_by or "nothing named", "", "the finding that fits every residual")
    yield Tile("promised", result.promised, "", "the precision of the proven bound")
    yield Tile("looks like", result.computed_in or "no rounding", OBSERVED, "the precision the residuals have")
    yield Tile("steps × trajectories × units", f"{result.steps}×{result.batch}×{result.record.N}")


def check_sections(result: CheckResult) -> Iterable[Section]:
    """The sections a check contributes to any report."""
    if result.problem is not None:
        problem = result.problem
        yield Section("The candidate itself", "", (Listing((problem.seen, problem.meaning, problem.remedy)),))
    if result.residuals is not None and result.bounds is not None:
        yield _plot_section(result)
    if result.diagnosis:
        what = "brings every residual inside its bound" if result.noise is None else "passes every test of the noise"
        text = f"A deviation is named only if it {what}."
        yield Section("Findings", text, (findings_table(result.diagnosis),))
    if result.unseen:
        text = "Faults that would have left this run's residuals unchanged, and what would show them."
        yield Section("What this run could not see", text, (Listing(tuple(str(item) for item in result.unseen)),))
    if result.assumptions:
        yield Section("What the proven bound takes for granted", "", (Listing(result.assumptions),))
    yield Section("The equation", result.equation, (Code(repr(result.record)),))


def _plot_section(result: CheckResult) -> Section:
    assert result.residuals is not None
    assert result.bounds is not None
    text = (
        "Of every step the element whose residual is the largest part of its bound. Each step starts from the "
        "candidate's own state, so that errors do not grow along the run. The broken lines are unit roundoffs u: the "
        "promised one, and the one the residuals look like."
    )
    if result.first is not None:
        text += f" First violation: {result.first}."
    plot = ResidualPlot(
        residuals=tuple(float(v) for v in result.residuals),
        bounds=tuple(float(v) for v in result.bounds),
        violation=result.first.step if result.first is not None else None,
        levels=tuple(_levels(result)),
    )
    return Section("Residual against bound", text, (plot,))


def _levels(result: CheckResult) -> Iterable[tuple[str, float]]:
    promised = precision_model(result.promised).storage
    yield f"u of {result.promised}: {figure(promised)}", promised
    if result.statistic is not None and result.statistic.roundoff > 0:
        yield f"u seen: {figure(result.statistic.roundoff)} (observed)", result.statistic.roundoff


def findings_table(findings: Iterable[Finding]) -> Table:
    """Findings as rows, best first."""
    listed = list(findings)[:LISTED]
    rows = tuple(
        (
            finding.name,
            "explains every residual" if finding.explains else "does not",
            figure(finding.worst) if finding.worst == finding.worst else "-",
            finding.text,
        )
        for finding in listed
    )
    tones = tuple("good" if finding.explains else "quiet" for finding in listed)
    return Table(("finding", "explains", "worst / bound", "what it is"), rows, tones)
