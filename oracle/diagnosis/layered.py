"""A module of several layers and directions, or with inputs of several lengths, judged part by part.

    part          one layer, one direction, the trajectories of one length
    its inputs    those of the module, or what all directions of the layer below put out
    its states    what this direction puts out, at the steps that are no padding

A direction that runs backwards is a recurrence over the reversed samples. Steps behind the end of a sequence, and steps
that are masked, are left out: the state passes through them unchanged. A part that fails is tried against what stacks
get wrong: another layer's weights, another layer's initial state, the other direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.check.breach import Breach, raised
from oracle.check.deadline import limited, seconds
from oracle.check.evidence import gather
from oracle.check.final import with_final
from oracle.check.judge import breached, judge
from oracle.check.memory import completed
from oracle.check.result import CheckResult, Finding
from oracle.check.returned import read
from oracle.check.surroundings import preserved
from oracle.diagnosis.lengths import padding, starts
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.layout import Samples, ambiguous, samples
from oracle.records.precision import precision_model
from oracle.records.recurrence import Recurrence

RANK = {"fail": 2, "undecided": 1, "pass": 0}


@dataclass(frozen=True, eq=False)
class Part:
    """States (n, b, N) of one layer and direction, what drove them (n, b, I), where they start and end (b, N)."""

    name: str
    place: str
    reverse: bool
    rec: Recurrence
    X: Array
    states: Array
    h0: Array
    final: Array | None = None


def check_layers(
    stack: Any, records: dict[str, Recurrence], each: Callable[..., CheckResult], question: dict[str, Any]
) -> CheckResult:
    """Judge every part of a module.

    Parameters
    ----------
    stack : oracle.bridges.registry.Stack
    records : dict
        What each layer and direction should follow.
    each : callable
        `oracle.check`, for one part.
    question : dict
        inputs, h0, promised, recorded, batch_first, lengths, mask, time_limit, as `oracle.check` has them.

    Returns
    -------
    CheckResult
        That of the worst part, with all of them in `parts`.

    Raises
    ------
    oracle.BadInput
        As `oracle.check`; lengths or masks that do not fit the inputs.
    """
    run, mask = _run(stack, records, question)
    names = list(records)
    first = records[names[0]]
    h0 = stack.received(starts(question["h0"], len(names), run, first.N))
    given = Samples(stack.received(run.X), h0[0], run.batched)
    promised = precision_model(stack.dtype if question["promised"] is None else question["promised"]).name
    limit, changed = seconds(question["time_limit"]), []
    try:
        with preserved() as changed, limited(limit):
            (made, finals), (again, _) = (_outputs(stack, given.X, h0, mask, records) for _ in range(2))
    except Breach as breach:
        return breached(breach.name, breach.problem, first, promised, run.steps, run.batch)
    told = {"promised": promised, "recorded": question["recorded"], "batch_first": False, "kind": "trajectory"}
    random = not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(made, again, strict=True))
    results = {}
    for part in _parts(records, stack.directions, given.X, h0, made, mask, finals):
        result = each(part.states, part.rec, inputs=part.X, h0=part.h0, **told)
        result = _named(part, records, names, h0, result, told) if result.verdict == "fail" else result
        results[part.name] = _ended(result, part, told)
    for part in _parts(records, stack.directions, given.X, h0, again, mask) if random else ():
        results[f"{part.name}, second run"] = _judged(part.rec, part.X, part.states, part.h0, told)
    return _noted(_worst(results, first, promised), random, changed)


def _run(stack: Any, records: dict[str, Recurrence], question: dict[str, Any]) -> tuple[Samples, Array | None]:
    """Inputs as (K, batch, I), and which of the steps are no padding."""
    first = next(iter(records.values()))
    batch_first = question["batch_first"]
    batch_first = bool(stack.batch_first) if batch_first is None else batch_first
    inputs, lengths = question["inputs"], question["lengths"]
    if hasattr(inputs, "batch_sizes"):  # a PackedSequence of torch brings its lengths
        inputs, lengths = stack.unpacked(inputs)
        batch_first = False
    if ambiguous(inputs, batch_first):
        raise BadInput(
            f"inputs have shape {np.shape(inputs)}.", "time and batch cannot be told apart.", "say batch_first."
        )
    run = samples(inputs, None, N=first.N, I=first.I, batch_first=batch_first)
    return run, padding(lengths, question["mask"], run, batch_first)


def _outputs(
    stack: Any, X: Array, h0: Array, mask: Array | None, records: dict[str, Recurrence]
) -> tuple[list[Array], tuple[Array, ...]]:
    """What every layer puts out, as arrays of the shapes they should have, and the final states it returned."""
    try:
        made = stack.outputs(h0, X, mask)
    except BadInput:
        raise
    except BaseException as error:
        raised(error, h0, X)
    units = [rec.outputs for rec in records.values()][:: stack.directions]
    expected = [(*X.shape[:2], stack.directions * N) for N in units]
    pairs = zip(made, expected, strict=True)
    outputs = [read(output, (shape,), f"the output of layer {layer}") for layer, (output, shape) in enumerate(pairs)]
    return outputs, tuple(stack.finals)


def _parts(
    records: dict[str, Recurrence],
    directions: int,
    X: Array,
    h0: Array,
    outputs: list[Array],
    mask: Array | None,
    finals: tuple[Array, ...] = (),
) -> Iterator[Part]:
    """Every layer and direction, for the trajectories of every length."""
    for index, (place, rec) in enumerate(records.items()):
        layer, way = divmod(index, directions)
        below = X if layer == 0 else outputs[layer - 1]
        states = outputs[layer][..., way * rec.outputs : (way + 1) * rec.outputs]
        for label, steps, columns in _groups(X.shape, mask):
            order = steps[::-1] if way else steps
            chosen, final = (order, columns), finals[index][columns] if finals else None
            yield Part(place + label, place, bool(way), rec, below[chosen], states[chosen], h0[index][columns], final)


def _groups(shape: tuple[int, ...], mask: Array | None) -> Iterator[tuple[str, Array, Array]]:
    """Trajectories with equally many steps, and at least one: a label, their steps (n, b) and their columns (b,)."""
    if mask is None:
        yield "", np.repeat(np.arange(shape[0])[:, None], shape[1], axis=1), np.arange(shape[1])
        return
    counts = mask.sum(axis=0)
    for count in np.unique(counts[counts > 0]):
        columns = np.flatnonzero(counts == count)
        steps = [np.flatnonzero(mask[:, column]) for column in columns]
        yield f", length {count}", np.stack(steps, axis=1), columns


def _ended(result: CheckResult, part: Part, told: dict[str, Any]) -> CheckResult:
    """The result of a part's outputs, which answers for the state it returned at the end as well."""
    if part.final is None or not result:
        return result
    evidence = completed(gather(part.states, part.rec, inputs=part.X, h0=part.h0, **told))
    return with_final(result, evidence, part.final)


def _named(
    part: Part, records: dict[str, Recurrence], names: list[str], h0: Array, result: CheckResult, told: dict[str, Any]
) -> CheckResult:
    """The failing result with the mistakes of stacks that explain every residual, first."""
    found = []
    for name, text, rec, X, states, start in _mistakes(part, records, names, h0):
        other = _judged(rec, X, states, start, told)
        if other.verdict == "pass":
            found.append(Finding(name, True, other.worst, text))
    others = [finding for finding in result.diagnosis if finding.name != "unexplained"]
    return replace(result, diagnosis=(*found, *others)) if found else result


def _judged(rec: Recurrence, X: Array, states: Array, start: Array, told: dict[str, Any]) -> CheckResult:
    """The verdict without a diagnosis."""
    return judge(completed(gather(states, rec, inputs=X, h0=start, **told)))[0]


def _mistakes(part: Part, records: dict[str, Recurrence], names: list[str], h0: Array) -> Iterator[tuple[Any, ...]]:
    """Name, meaning, and the question a part should pass if this is what was done."""
    X, states = part.X, part.states
    way = "forwards" if part.reverse else "backwards"
    name = "direction-not-reversed" if part.reverse else "direction-reversed"
    yield name, f"{part.place} runs {way} through its samples", part.rec, X[::-1], states[::-1], part.h0
    for index, place in enumerate(names):
        rec = records[place]
        if place == part.place or rec.N != part.rec.N:
            continue
        columns = h0[index] if len(h0[index]) == len(part.h0) else None
        if rec.I == part.rec.I:
            yield f"weights-of:{place}", f"{part.place} computes with the weights of {place}", rec, X, states, part.h0
        if columns is not None and not np.array_equal(columns, part.h0):
            text = f"{part.place} starts from the initial state of {place}"
            yield f"initial-state-of:{place}", text, part.rec, X, states, columns


def _worst(results: dict[str, CheckResult], rec: Recurrence, promised: str) -> CheckResult:
    """The result of the worst part, with all of them."""
    if not results:
        nothing = BadInput("no trajectory has a step.", "every length is zero.", "pass sequences that are not empty.")
        return breached("nothing-to-check", nothing, rec, promised, 0, 0)
    name = max(results, key=lambda part: (RANK[results[part].verdict], results[part].worst))
    return replace(results[name], part=name, parts=results)


def _noted(result: CheckResult, random: bool, changed: list[str]) -> CheckResult:
    """The result with notes of what else was seen of the module."""
    notes = []
    if random:
        text = "two runs from the same inputs differ; each was judged"
        notes.append(Finding("not-deterministic", False, 0.0, text))
    if changed:
        text = f"the candidate changed {', '.join(changed)}, which was put back"
        notes.append(Finding("changes-global-state", False, 0.0, text))
    return replace(result, diagnosis=(*result.diagnosis, *notes)) if notes else result
