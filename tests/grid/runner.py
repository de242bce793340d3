"""Running the grid: every honest style and every mutant of every cell through `oracle.check`, counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

import oracle
from oracle.arithmetic.ball import Ball, precision, upper_floats
from oracle.check.evidence import gather
from oracle.check.judge import judge
from oracle.equations.catalogue import advance
from oracle.records.precision import precision_model
from oracle.tolerance.step import one_step_bound

from .equivalence import equivalence
from .given import record_of
from .grid import SPECS, Cell, cell
from .honest import REWRITTEN, Run, Style, honest_styles, implement, leaks_of
from .leaks import ANCHORED, CONVEX
from .mutants import Mutant, mutants
from .plain import implement_plain

CERTIFYING_BITS = 256  # far beyond the 53 bits of the data: a difference below the bound is seen as it is


class Honest(NamedTuple):
    """One check of an honest program."""

    cell: str
    dtype: str
    arrangement: str
    kernel: str
    order: str
    squash: str
    verdict: str
    worst: float
    explained_by: str | None


class Planted(NamedTuple):
    """One mutant: equivalent (then `equality` says why), or judged."""

    cell: str
    dtype: str
    kind: str
    note: str
    equality: str | None
    verdict: str
    worst: float
    finding: str
    explained_by: str | None
    diagnosed: bool
    certified: float | None
    """For a mutant that is not caught: upper bound of max |its exact step - the exact step| / tolerance."""


Program = tuple[Style, Run]


def programs(c: Cell, wanted: int, offset: int) -> Iterator[Program]:
    """The plain implementation and `wanted` styles."""
    yield Style("BLAS, rows", "(Wh + Mx) + b", "plain", "first"), implement_plain(c.given)
    for style in honest_styles(c.given, c.spec.batch, wanted, offset):
        yield style, implement(c.given, style)


def beyond(c: Cell) -> Iterator[Program]:
    """Programs that are equal in real arithmetic and that the precision model does not claim."""
    g = c.given
    (style,) = honest_styles(g, c.spec.batch, 1)
    if g.form != "gru":
        for squash in REWRITTEN.get(g.activation, {}):
            changed = replace(style, squash=squash)
            yield replace(changed, leak=f"s as {squash}", stage=""), implement(g, changed)
    if g.form != "gru" and not style.stage and leaks_of(g) is CONVEX:
        for leak in ANCHORED:
            changed = replace(style, leak=leak)
            yield changed, implement(g, changed)


def judge_honest(c: Cell, candidates: Iterable[Program]) -> list[Honest]:
    """Every program through the public check."""
    rows = []
    dtype = str(c.given.dtype)
    for style, run in candidates:
        result = oracle.check(run, c.record, inputs=c.inputs, h0=c.h0, promised=dtype, kind="run")
        rows.append(
            Honest(
                c.spec.name,
                dtype,
                style.arrangement,
                style.kernel,
                style.order,
                style.squash,
                result.verdict,
                float(result.worst),
                None if result else result.explained_by,
            )
        )
    return rows


def judge_mutants(c: Cell, diagnosed: bool = False) -> list[Planted]:
    """Every mutant of a cell: proved equivalent, or judged.

    A judgement without the diagnosis has the same verdict and takes a tenth of the time.
    """
    return [_judged(c, m, diagnosed) for m in mutants(c)]


def _judged(c: Cell, m: Mutant, diagnosed: bool) -> Planted:
    dtype = str(c.given.dtype)
    equality = equivalence(c, m)
    verdict, worst, explained = "equivalent", 0.0, None
    m.program()(c.h0, c.inputs)  # a mutant that raised would be failed for that, not for its fault
    if equality is None:
        question: dict[str, Any] = {"inputs": c.inputs, "h0": c.h0, "promised": dtype, "kind": "run"}
        if diagnosed:
            result = oracle.check(m.program(), c.record, **question)
            explained = result.explained_by
        else:
            result, _ = judge(gather(m.program(), c.record, **question, recorded=None, batch_first=None))
        verdict, worst = result.verdict, float(result.worst)
    certified = visibility(c, m) if verdict in ("pass", "undecided") else None
    return Planted(
        c.spec.name, dtype, m.kind, m.note, equality, verdict, worst, m.finding, explained, diagnosed, certified
    )


def visibility(c: Cell, m: Mutant) -> float:
    """Upper bound, in balls, of max |mutant's exact step - exact step| / one-step tolerance, on the mutant's own run.

    At most 1: both exact steps are within the tolerance of each other, so no residual check can tell them apart.
    """
    H = m.program()(c.h0, c.inputs).astype(np.float64)
    h0, X = (np.asarray(part, dtype=np.float64) for part in m.feed(c.h0, c.inputs))
    stepped_from = H[:-1].copy()
    stepped_from[0] = h0
    before, used = (_columns(part, c.given.N) for part in (H[:-1], stepped_from))
    x, x_used = (_columns(np.asarray(part, dtype=np.float64), c.given.I) for part in (c.inputs, X))
    bound = one_step_bound(c.record, before, x, precision_model(str(c.given.dtype)))
    with precision(CERTIFYING_BITS):
        ops = Ball()
        stated = advance(ops, c.record, ops.lift(before), ops.lift(x))
        computed = advance(ops, record_of(m.given), ops.lift(used), ops.lift(x_used))
        return float(np.max(upper_floats(computed - stated) / bound))


def _columns(values: np.ndarray[Any, Any], rows: int) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(values.reshape(-1, rows).T)


class Task(NamedTuple):
    """One unit of work: a cell in one precision, honest, mutated or beyond the model."""

    what: str
    index: int
    dtype: str
    wanted: int = 0
    diagnosed: bool = False

    @property
    def cost(self) -> int:
        """For sorting only: the largest first."""
        spec = SPECS[self.index]
        return spec.N**2 * max(spec.batch, 1) * (3 if spec.form == "gru" else 1)


def perform(task: Task) -> list[Honest] | list[Planted]:
    """Do one unit of work."""
    c = cell(task.index, task.dtype)
    if task.what == "mutants":
        return judge_mutants(c, task.diagnosed)
    chosen = programs(c, task.wanted, task.index) if task.what == "honest" else beyond(c)
    return judge_honest(c, chosen)
