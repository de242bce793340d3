"""A check as a report."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, inf, isfinite, log2
from textwrap import shorten

from oracle.check.result import CheckResult, Finding
from oracle.check.ulps import EDGES
from oracle.diagnosis.statement import name_of
from oracle.records.precision import precision_model
from oracle.report.environment import environment
from oracle.report.equations import documented, formula
from oracle.report.model import (
    ASSUMED,
    OBSERVED,
    PROVED,
    TONES,
    Bar,
    Code,
    Histogram,
    Listing,
    Report,
    ResidualPlot,
    Section,
    Table,
    Tile,
    figure,
)

HALVINGS = 7  # bars of the histogram inside the bound, the last one for everything below
PRECISION = "precision:"  # starts the names of findings that are no other equation
LONGEST = 170  # characters of a problem that a headline repeats; all of it stands below
LISTED = 12  # findings shown; the rest is in the JSON


def of_check(
    result: CheckResult, *, title: str = "Does it follow its equation?", reproduce: str = "", test: str = ""
) -> Report:
    """The model of a check's report."""
    asked = f"inputs=X, h0=h0, promised={result.promised!r}"
    return Report(
        title=title,
        verdict=result.verdict,
        label=result.label,
        sentence=sentence(result),
        tiles=tuple(_tiles(result)),
        opening=((*_problem(result), *_plot(result), *_findings(result)), (*_hidden(result), *_assumed(result))),
        sections=(*_layers(result), *_parts(result), *_equation(result)),
        environment=environment(),
        reproduce=reproduce or f"oracle.check(candidate, rec, {asked})",
        test=test or _starter(result),
        data=result.to_dict(),
    )


def _starter(result: CheckResult) -> str:
    """The test to paste where nobody said in which file the program and its equation are; it says what is missing."""
    return f"""import oracle

def test_follows_its_equation(rnn_oracle):
    candidate = ...  # TODO: the program that was checked
    rec = oracle.load("net.json")  # TODO: oracle.save(rec, "net.json") writes it
    probe = oracle.probe(rec, steps={max(result.steps, 3)})
    rnn_oracle.check(candidate, rec, inputs=probe.inputs[:, 0], h0=probe.h0[0], promised={result.promised!r})"""


def sentence(result: CheckResult) -> str:
    """The verdict as one sentence."""
    equation = f"its equation ({result.equation})"
    if result.problem is not None:
        seen = shorten(result.problem.seen, LONGEST, placeholder=" ..")
        return f"The candidate cannot be judged against {equation}: {seen}"
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
    where = f"the difference starts at step {result.first.step}, unit {result.first.unit}" if result.first else ""
    if result.explained_by is None:
        return "; ".join(filter(None, (f"The candidate does not follow {equation} in {result.promised}", where))) + "."
    if result.computed_in and result.explained_by.startswith(PRECISION) and "+" not in result.explained_by:
        computed = f"The candidate follows {equation}, but computes in {result.computed_in}, not in {result.promised}"
        return "; ".join(filter(None, (computed, where))) + "."
    throughout = f"{result.computed_in} throughout" if result.computed_in else ""
    computed = f"The candidate computes {result.explained_by}, not {equation}"
    return "; ".join(filter(None, (computed, throughout, where))) + "."


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
    note = "a pass has at most 1" if result.first is None else f"first violation: {result.first}"
    yield Tile(worst, figure(result.worst), label, note)
    yield _precision(result)
    yield _equations(result)


def _precision(result: CheckResult) -> Tile:
    """What was promised, and what the residuals look like."""
    note = f"unit roundoff promised {figure(precision_model(result.promised).storage)}"
    if result.statistic is not None:
        note += f", seen {figure(result.statistic.roundoff)}"
    computed = result.computed_in or ("not seen" if result.statistic is None else "no rounding")
    return Tile("precision promised → computed", f"{result.promised} → {computed}", OBSERVED, note)


def _equations(result: CheckResult) -> Tile:
    """What was documented, and what explains every residual; typeset where both are conventions with a name."""
    stated, found = documented(result.record), result.explained_by
    formulas = [("documented", stated)] if stated is not None else []
    if result.problem is not None:
        return Tile("equation documented", result.equation or "-", "", "no run to compare with it", tuple(formulas))
    if found and found.startswith(PRECISION) and "+" not in found:
        return Tile(
            "equation documented and found", name_of(result.record), "", "in another precision", tuple(formulas)
        )
    named = formula(found) if found else None
    if named is not None and named != stated:
        formulas.append(("found", named))
    if found:
        return Tile("equation found", found, "", "explains every residual", tuple(formulas))
    note = "no named deviation explains every residual" if result.verdict == "fail" else "no deviation was looked for"
    return Tile("equation documented", result.equation or "-", "", note, tuple(formulas))


def check_sections(result: CheckResult) -> Iterable[Section]:
    """The sections a check contributes to any report."""
    for part in (_layers, _problem, _plot, _findings, _unseen, _assumed, _equation):
        yield from part(result)


def _layers(result: CheckResult) -> Iterable[Section]:
    """Every layer, direction and length of a module that has several."""
    if result.parts:
        rows = tuple((name, r.verdict, figure(r.worst), r.explained_by or "-") for name, r in result.parts.items())
        tones = tuple(TONES.get(r.verdict, "") for r in result.parts.values())
        table = Table(("part", "verdict", "worst residual / bound", "explained by"), rows, tones)
        text = f"One recurrence each, driven by what the layers below put out. The rest is about {result.part}."
        yield Section("Layers, directions and lengths", text, (table,))


def _problem(result: CheckResult) -> Iterable[Section]:
    if result.problem is not None:
        problem = result.problem
        yield Section("The candidate itself", "", (Listing((problem.seen, problem.meaning, problem.remedy)),))


def _findings(result: CheckResult) -> Iterable[Section]:
    told = result.problem.seen if result.problem is not None else None  # it has a section of its own
    found = [finding for finding in result.diagnosis if finding.text != told]
    if found:
        what = "brings every residual inside its bound" if result.noise is None else "passes every test of the noise"
        text = f"A deviation is named only if it {what}."
        yield Section("Findings", text, (findings_table(found),))


def _unseen(result: CheckResult) -> Iterable[Section]:
    return _hidden(result) if result.unseen else ()


def _hidden(result: CheckResult) -> Iterable[Section]:
    """Faults this run hides; that there are none of those that are looked for is said, too."""
    if result.unseen:
        listing = Listing(tuple(str(item) for item in result.unseen))
        yield Section("What this run could not see, and what would", "", (listing,))
    elif result.residuals is not None:
        yield Section("What this run could not see, and what would", "None of the faults looked for is hidden.")


def _assumed(result: CheckResult) -> Iterable[Section]:
    """Assumptions, and what was seen of those that this run says something about."""
    seen = [f"in this run: {result.activation}"] if result.activation is not None else []
    labels = (*(ASSUMED for _ in result.assumptions), *(OBSERVED for _ in seen))
    if result.assumptions:
        listing = Listing((*result.assumptions, *seen), labels)
        yield Section("What the proven bound takes for granted", "", (listing,))


def _equation(result: CheckResult) -> Iterable[Section]:
    yield Section("The equation", result.equation, (Code(repr(result.record)),))


def _plot(result: CheckResult) -> Iterable[Section]:
    if result.residuals is None or result.bounds is None:
        return
    text = (
        f"{result.steps} steps × {result.batch} trajectories × {result.record.N} units. Each step starts from the "
        "candidate's own state: errors do not grow along the run. Broken lines are unit roundoffs u, promised and seen."
    )
    plot = ResidualPlot(
        residuals=tuple(float(v) for v in result.residuals),
        bounds=tuple(float(v) for v in result.bounds),
        violation=result.first.step if result.first is not None else None,
        levels=tuple(_levels(result)),
    )
    yield Section("Residual against bound", text, (plot,))


def _parts(result: CheckResult) -> Iterable[Section]:
    """How large residuals are in ulps, and how much of the bound is used, by halvings."""
    if any(result.ulps):
        words = [f"to {edge:g} ulp" for edge in EDGES] + [f"beyond {EDGES[-1]:g}"]
        bars = tuple(Bar(word, count) for word, count in zip(words, result.ulps, strict=True))
        text = f"{sum(result.ulps)} residuals in units in the last place of the state, as {result.promised} has it."
        yield Section("Residuals in ulps", text, (Histogram(bars, text),))
    if result.residuals is None or result.bounds is None or not len(result.residuals):
        return
    counts = [0] * (HALVINGS + 1)
    for residual, bound in zip(result.residuals.tolist(), result.bounds.tolist(), strict=True):
        counts[_halvings(residual, bound)] += 1
    words = [f"under 1/{2 ** (HALVINGS - 1)}", *(f"to 1/{2**n}" for n in range(HALVINGS - 2, 0, -1)), "to 1", "outside"]
    tones = [*("good" for _ in range(HALVINGS)), "bad"]
    bars = tuple(Bar(*bar) for bar in zip(words, counts, tones, strict=True))
    text = "Steps by the largest residual of the step, as a part of its bound."
    yield Section("How much of the bound is used", text, (Histogram(bars, text),))


def _halvings(residual: float, bound: float) -> int:
    """The bar: 0 for the smallest parts of the bound, `HALVINGS` for what is outside or no number."""
    part = residual / bound if bound else (inf if residual else 0.0)
    if not part <= 1:
        return HALVINGS
    return max(HALVINGS - 1 + ceil(log2(part)), 0) if isfinite(part) and part > 0 else 0


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
