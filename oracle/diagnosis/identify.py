"""`oracle.identify`: which equation is this? Every convention is tried on the same weights, its leak fitted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.check.again import second_run
from oracle.check.breach import Breach
from oracle.check.deadline import limited, seconds
from oracle.check.evidence import Evidence, gather
from oracle.check.judge import breached, judge
from oracle.check.result import CheckResult, Finding
from oracle.check.surroundings import preserved
from oracle.diagnosis.deviating import deviating, deviating_with_another
from oracle.diagnosis.deviations import DEVIATIONS
from oracle.diagnosis.diagnose import explanation
from oracle.diagnosis.families import Family, step_families
from oracle.diagnosis.hypotheses import Hypothesis
from oracle.diagnosis.meanings import meaning
from oracle.diagnosis.search import Certified, Search
from oracle.diagnosis.statement import Statement, name_of
from oracle.records import parse
from oracle.records.names import CATALOGUE, activation_name
from oracle.records.recurrence import Recurrence, positive

NOT_OF_LEAKS = ("recurrent weights", "input weights", "bias", "input")
FITTED_FORMS = ("outside", "inside", "leak-inside")


def identify(
    candidate: Any,
    *,
    W: Any,
    M: Any = None,
    b: Any = None,
    inputs: Any,
    h0: Any = None,
    tau: Any = None,
    step: Any = None,
    alpha: Any = None,
    activation: Any = None,
    promised: Any = None,
    recorded: str | None = None,
    batch_first: bool | None = None,
    kind: str | None = None,
    time_limit: float | None = None,
) -> CheckResult:
    """Which equation does this program compute with these weights?

    Parameters
    ----------
    candidate, inputs, h0, promised, recorded, batch_first, kind, time_limit
        As for `oracle.check`.
    W, M, b : array_like
        Recurrent weights (N, N), input weights (N, I), bias (N,) or a tuple of them, as the program uses them.
    tau, step, alpha : number, optional
        Time constant and step, or alpha = step / tau, where they are known; otherwise a scalar alpha is fitted.
    activation : str, optional
        The catalogue is tried in turn when it is left out, tanh first.

    Returns
    -------
    CheckResult
        `explained_by` names the equation and `record` is it; verdict "pass" if one was found, certified on every step.
        `diagnosis` lists all that agree with the data. Unknown: verdict "fail" and "unexplained".
    """
    weights = parse.square(W)
    units = len(weights)
    given = {"W": W, "M": M, "b": b}
    base = Statement(
        "elman",
        weights,
        parse.input_matrix(M, units),
        parse.biases(b, units),
        "tanh",
        dtype=parse.given_dtype(given),
    )
    known = _known_leak(base, tau, step, alpha, units)
    activations = CATALOGUE if activation is None else (activation_name(activation),)
    stated = base.but(activation=activations[0]).record()
    question: dict[str, Any] = {"inputs": inputs, "h0": h0, "promised": promised, "recorded": recorded}
    limit = seconds(time_limit)
    try:
        with preserved(), limited(limit):
            evidence = gather(candidate, stated, **question, batch_first=batch_first, kind=kind)
    except Breach as breach:
        return breached(breach.name, breach.problem, stated, stated.dtype, 0, 0)
    with np.errstate(all="ignore"):  # the caller's error handling is for the candidate
        return _identified(evidence, stated, activations, known, base)


def _identified(
    evidence: Evidence, stated: Recurrence, activations: tuple[str, ...], known: list[Statement], base: Statement
) -> CheckResult:
    """The equation both runs of the candidate follow, or why there is none."""
    run, breaches = evidence.run, evidence.recording.breaches
    if not run.steps * run.batch:
        return judge(evidence)[0]  # undecided
    refused = breached(*breaches[0], stated, evidence.model.name, run.steps, run.batch) if breaches else None
    second = second_run(evidence)
    if refused is not None and second is None:
        return refused
    for found in _explanations(evidence, activations, known, base):
        if found:
            answer = _answer(evidence, found)
            again = True if second is None else bool(judge(replace(second, rec=answer.record))[0])
            return answer if again or refused is None else refused
    if refused is not None:
        return refused
    result, _ = judge(evidence)
    text = "no convention in the catalogue brings every residual inside its bound"
    return replace(result, verdict="fail", diagnosis=(Finding("unexplained", False, result.worst, text),))


def _explanations(
    evidence: Evidence, activations: tuple[str, ...], known: list[Statement], base: Statement
) -> Iterator[list[Finding]]:
    """What is found with each activation: equations, and then equations with a fitted leak and a deviation."""
    for name in activations:
        yield _named(evidence, [s.but(activation=name) for s in known], base.but(activation=name))
    for name in activations if not known else ():
        search = Search(evidence, base.but(activation=name), documented_fails=False)
        found = [c for form in FITTED_FORMS for c in _deviating(search, base.but(form=form, activation=name))]
        yield [explanation([c], evidence) for c in found]


def _known_leak(base: Statement, tau: Any, step: Any, alpha: Any, units: int) -> list[Statement]:
    """The forms with the leak as given; none if it is not known."""
    if alpha is not None:
        leak = 1 / parse.time_like(alpha, units, "alpha")
        return [base.but(form=form, tau=leak) for form in FITTED_FORMS]
    if tau is None or step is None:
        return []
    times = {"tau": parse.time_like(tau, units, "tau"), "step": positive(step)}
    return [base.but(form=form, **times) for form in ("outside", "paper", "inside", "leak-inside")]


def _named(evidence: Evidence, known: list[Statement], base: Statement) -> list[Finding]:
    """Certified equations, with the leak as given, then fitted, then with a deviation of the bookkeeping."""
    search = Search(evidence, base, documented_fails=False)
    found = search.certified(_equations(search, known, base))
    for unknowns in (0, 1):
        for form in FITTED_FORMS if not found else ():
            found += [c for family in _leaks(base.but(form=form), unknowns) for c in _renamed(search, family)]
    if not found:
        found = search.certified(search.about(f"elman+{name}", base, steps) for name, steps in search.readings)
    return [explanation([c], evidence) for c in found]


def _equations(search: Search, known: list[Statement], base: Statement) -> Iterator[Hypothesis]:
    yield search.about("elman", base)
    for s in known:
        stated = s.record()
        yield search.about(name_of(stated), s)
        for name, other in deviating(s):
            if not name.startswith("activation:"):  # every activation gets its turn
                yield search.about(name, other)


def _deviating(search: Search, s: Statement) -> list[Certified]:
    """A form with a leak that is fitted, and one deviation that is not about the leak."""
    form, found = name_of(s.but(tau=Fraction(2)).record()), []
    for name, other in deviating_with_another(s):
        if DEVIATIONS[name].slot in NOT_OF_LEAKS and isinstance(other, Statement):
            taken = replace(search, stated=other, second=True)
            made = [c for family in step_families(other) for c in taken.fit(family)]
            found += [replace(c, hypothesis=replace(c.hypothesis, names=(f"{form}+{name}",))) for c in made]
    return found


def _leaks(s: Statement, unknowns: int) -> list[Family]:
    """A scalar alpha, or one per unit, to be fitted."""
    alphas = Family("", "alpha", np.full(s.N, 0.5), lambda a: s.but(tau=s.step / a), positive=True)
    return [alphas] if unknowns else list(step_families(s))


def _renamed(search: Search, family: Family) -> list[Certified]:
    """The equation a fitted leak makes, under the equation's own name."""
    found = search.fit(family)
    return [replace(c, hypothesis=replace(c.hypothesis, names=(name_of(c.hypothesis.rec),))) for c in found]


def _answer(evidence: Evidence, found: list[Finding]) -> CheckResult:
    record: Recurrence = found[0].parameters["record"]
    result, _ = judge(replace(evidence, rec=record))
    named = [f if f.text else replace(f, text=meaning(f.name)) for f in found]
    exact = np.isfinite(result.worst) and result.verdict == "pass"
    return replace(result, verdict="pass" if exact else result.verdict, diagnosis=tuple(named))
