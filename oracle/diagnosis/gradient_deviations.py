"""What a wrong backward pass computes instead: one table of named deviations of a gradient.

adjoint-ode-gradient          the step is differentiated at the later state: Euler on the adjoint equation
truncated-bptt                cotangents are dropped: every w steps, or all but the last w
missing-leak-term             no cotangent goes back through the leak
transposed-backward-weights   W where W^T belongs
layers-detached               no cotangent goes back to the layer below
linear-solve-missing          one evaluation of the relation is differentiated in place of its solution
relu-slope-at-zero            slope 1 or 1/2 of max(0, z) at z = 0 instead of 0
transposed-gradient           dL/dW as (in, out)
gradient-of-wrong-loss        a mean for a sum (1/K, 1/batch, ..), a missing or doubled 2, a sign

Beside them every deviation of the equation itself (`oracle.diagnosis.deviations`): the gradient of another activation,
of transposed weights, ..
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from oracle.diagnosis.deviating import deviating_records
from oracle.diagnosis.deviations import RIVALS
from oracle.diagnosis.gated import gated_statement
from oracle.diagnosis.meanings import meaning
from oracle.diagnosis.statement import statement
from oracle.procedures.parameters import Parameters, parameters, plain
from oracle.records.gates import Gates
from oracle.records.lure import Lure
from oracle.records.names import activation_name
from oracle.records.operator import Operator, Term
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit
from oracle.reference.gradients import Asked, Backward, Question

NONE = Fraction(0)
TURNED = {"transposed-recurrent-weights": "W", "transposed-input-weights": "M"}
MEANINGS = {
    "adjoint-ode-gradient": "the step is differentiated at the later state, as Euler on the adjoint equation does",
    "truncated-bptt": "cotangents are not carried through all steps",
    "missing-leak-term": "no cotangent goes back through the leak term",
    "transposed-backward-weights": "cotangents go back through W instead of its transpose",
    "layers-detached": "no cotangent goes back to the layer below",
    "linear-solve-missing": "cotangents do not go through the linear solve of an implicit step",
    "relu-slope-at-zero": "the slope of max(0, z) at z = 0 is not 0",
    "transposed-gradient": "the gradient by a matrix is transposed",
    "gradient-of-wrong-loss": "it is the gradient of a multiple of the loss",
}


@dataclass(frozen=True, eq=False)
class Alternative:
    """One reading of a backward pass: how it goes, with which slope at kinks, of which multiple of the loss."""

    names: tuple[str, ...]
    way: Backward = field(default_factory=Backward)
    kink: Fraction = NONE
    factor: Fraction = Fraction(1)
    turned: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    traced: Parameters | None = None  # of another equation

    @property
    def name(self) -> str:
        """As a finding is called; several deviations at once are joined by +."""
        return "+".join(self.names)

    @property
    def text(self) -> str:
        """For a person."""
        shown = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        said = (MEANINGS.get(name) or f"it is the gradient of another equation: {meaning(name)}" for name in self.names)
        return "; ".join(said) + (f" ({shown})" if shown else "")

    def of(self, question: Asked) -> Asked:
        """What it differentiates, but for the multiple of the loss."""
        return replace(question, traced=self.traced) if self.traced and isinstance(question, Question) else question

    def question(self, question: Asked) -> Asked:
        """What it differentiates."""
        return self.of(question).scaled(self.factor)


def alternatives(question: Asked, matrices: tuple[str, ...]) -> list[Alternative]:
    """All single deviations, and each of them with a multiple of the loss; plain multiples first."""
    plain = Alternative(())
    single = [*_ways(question), *(replace(plain, **_turned(name)) for name in matrices)]
    scales = list(multiples(question))
    scaled = [
        replace(
            each,
            names=(*each.names, "gradient-of-wrong-loss"),
            factor=factor,
            parameters={**each.parameters, "factor": shown},
        )
        for each in (plain, *single)
        for shown, factor in scales
    ]
    return [*single, *scaled]


def of_other_equations(question: Asked, given: Collection[str]) -> Iterator[Alternative]:
    """Backpropagation through every named deviation of the equation that has the parameters whose gradients came."""
    if not isinstance(question, Question):
        return  # several layers: any of them may be another one
    asked = {name: shape for name, shape in question.traced.shapes.items() if name in given}
    own = _documented(question)
    for name, records in deviating_records(statement(own) or gated_statement(own), own).items():
        for rec in records:
            traced = parameters(rec)  # of an equation stated by its coefficients, they are other ones
            if all(traced.shapes.get(name) == shape for name, shape in asked.items()):
                yield Alternative((name,), traced=traced)
                if name in TURNED and TURNED[name] in asked:  # by the matrix as it is stored
                    yield Alternative((name,), traced=traced, turned=(TURNED[name],))


def of_nameless_equations(question: Asked) -> Iterator[Alternative]:
    """Backpropagation through sigmoids without a name: what is explained by one of them is not a coarser format."""
    stated = statement(_documented(question)) if isinstance(question, Question) else None
    if stated is None:
        return
    for written in RIVALS:
        yield Alternative(("unexplained",), traced=parameters(stated.but(activation=activation_name(written)).record()))


def _documented(question: Question) -> Recurrence:
    """The recurrence in plain numbers."""
    rec = question.rec
    return Recurrence.made(rec.equation, plain(rec.parameters), rec.step, rec.origin)


def multiples(question: Asked) -> Iterator[tuple[str, Fraction]]:
    """Means for sums, a 2 too many or too few, the other sign; equal factors are one, their texts joined by |."""
    steps, batch, units = question.run.steps, question.run.batch, question.loss.array.shape[2]
    sizes = {"K": steps, "batch": batch, "N": units}
    sizes |= {"(K batch)": steps * batch, "(K N)": steps * units, "(batch N)": batch * units}
    sizes |= {"(K batch N)": steps * batch * units}
    found: dict[Fraction, list[str]] = {}
    for text, size in sizes.items():
        found.setdefault(Fraction(1, size), []).append(f"1/{text}")
    for text, factor in (("2", Fraction(2)), ("1/2", Fraction(1, 2)), ("-1", Fraction(-1))):
        found.setdefault(factor, []).append(text)
    found.pop(Fraction(1), None)
    yield from (("|".join(texts), factor) for factor, texts in found.items())


def _turned(name: str) -> dict[str, Any]:
    return {"names": ("transposed-gradient",), "turned": (name,), "parameters": {"parameter": name}}


def _ways(question: Asked) -> Iterator[Alternative]:
    steps = question.run.steps
    yield Alternative(("adjoint-ode-gradient",), Backward(at=lambda k: k + 1))
    for window in range(1, steps):
        yield _truncated(Backward(carried=_all_but(steps - window)), window, "the last steps only")
        if 2 * window < steps:  # beyond, one cut is left, and that is a cut of the last steps
            yield _truncated(Backward(carried=_within(window)), window, "detached every so many steps")
    yield from _through_operators([getattr(rec.parameters, "field", rec.parameters) for rec in question.recs])
    if len(question.recs) > 1:
        yield Alternative(("layers-detached",), Backward(below=False))
    if any(isinstance(rec.parameters, Implicit) for rec in question.recs):
        yield Alternative(("linear-solve-missing",), Backward(solving=False))
    if any(rec.activation == "relu" for rec in question.recs):
        for slope in (Fraction(1), Fraction(1, 2)):
            yield Alternative(("relu-slope-at-zero",), kink=slope, parameters={"slope": str(slope)})


def _all_but(cut: int) -> Callable[[int], bool]:
    return lambda k: k != cut


def _within(window: int) -> Callable[[int], bool]:
    return lambda k: k == 0 or k % window != 0


def _truncated(way: Backward, window: int, kind: str) -> Alternative:
    return Alternative(("truncated-bptt",), way, parameters={"window": window, "kind": kind})


Swaps = dict[int, Operator]
"""id of an operator of the step -> the one that cotangents go back through instead."""


def _through_operators(made: list[Lure | Gates]) -> Iterator[Alternative]:
    """Cotangents that go back through other operators than those of the step: in all layers, or in one of them."""
    for name, kinds in (("missing-leak-term", _without_leak), ("transposed-backward-weights", _turned_weights)):
        several = [kinds(p) for p in made]
        for place in range(max(map(len, several))):
            each = [swaps[place] for swaps in several if place < len(swaps)]
            together: Swaps = {key: op for swaps in each for key, op in swaps.items()}
            for swaps in (together, *(each if len(each) > 1 else ())):
                yield Alternative((name,), Backward(through=_swap(swaps)))


def _without_leak(p: Lure | Gates) -> list[Swaps]:
    if isinstance(p, Gates):
        return []
    found = []
    for op, without in ((p.A, _without_diagonal(p.A)), (p.W, _without_diagonal(p.W))):
        leaky = len(op.terms) > len(without.terms) and (op is p.A or without.terms)
        if leaky and any(t.dense is None for t in op.terms):
            found.append({id(op): without})
    return found


def _turned_weights(p: Lure | Gates) -> list[Swaps]:
    """Of a gated cell, those of all gates."""
    if isinstance(p, Gates):
        return [{id(op): _with_transposed(op) for op in p.recurrent}]
    square = (op for op in (p.W, p.B) if op.shape[0] == op.shape[1] and any(t.dense is not None for t in op.terms))
    return [{id(op): _with_transposed(op)} for op in square]


def _swap(swaps: Swaps) -> Any:
    return lambda seen: swaps.get(id(seen), seen)


def _without_diagonal(op: Operator) -> Operator:
    return Operator(op.shape, tuple(t for t in op.terms if t.dense is not None))


def _with_transposed(op: Operator) -> Operator:
    return Operator(op.shape, tuple(Term(t.left, None if t.dense is None else t.dense.T, t.right) for t in op.terms))
