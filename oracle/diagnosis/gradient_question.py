"""What `oracle.check_gradient` asks: recurrences, a run and a loss, with every number as the candidate receives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from oracle.diagnosis.lengths import starts
from oracle.errors import BadInput
from oracle.procedures.parameters import parameters
from oracle.records.exact import Array
from oracle.records.layout import Samples, ambiguous, samples
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence
from oracle.reference.gradients import Asked, Question
from oracle.reference.layered_gradients import REVERSE, Layers
from oracle.reference.loss import Loss, stated

Seen = Callable[[Array], Array]
"""Numbers -> the numbers a candidate sees when it is given these."""


def rounder(model: Precision) -> Seen:
    """How a candidate receives numbers: rounded to its dtype."""

    def seen(values: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(values, dtype=model.dtype)

    return seen


def asked(
    rec: Any, inputs: Any, h0: Any, loss: tuple[Any, Any], seen: Seen, batch_first: bool | None, outputs: bool
) -> tuple[Asked, bool]:
    """The question, and whether its inputs have a batch.

    Parameters
    ----------
    rec : Recurrence, or mapping of them by place
    inputs, h0 : array_like
    loss : kind and numbers, as `oracle.check_gradient` has them
    seen : callable
    batch_first : bool, optional
    outputs : bool
        Whether the loss sees the outputs of a long short-term memory alone.

    Raises
    ------
    oracle.BadInput
        As `oracle.check_gradient`.
    """
    if ambiguous(inputs, batch_first):
        raise BadInput(
            f"inputs have shape {np.shape(inputs)}: K equals the batch.",
            "time and batch cannot be told apart, and a swap would go unnoticed.",
            "say batch_first=False for (K, batch, I) or batch_first=True for (batch, K, I).",
        )
    made = _of_layers if isinstance(rec, Mapping) else _of_one
    question, batched = made(rec, inputs, h0, loss, bool(batch_first), outputs)
    return _received(question, seen), batched


def _of_one(
    rec: Recurrence, inputs: Any, h0: Any, loss: Any, batch_first: bool, outputs: bool
) -> tuple[Question | Layers, bool]:
    run = _steps(samples(inputs, h0, N=rec.N, I=rec.I, batch_first=batch_first))
    units = rec.outputs if outputs else rec.N
    made = replace(_loss(loss, run, units, batch_first), unseen=rec.N - units)
    return Question.of(rec, run, made), run.batched


def _of_layers(
    recs: Any, inputs: Any, h0: Any, loss: Any, batch_first: bool, outputs: bool
) -> tuple[Question | Layers, bool]:
    places = list(recs)
    count = 2 if any(place.endswith(REVERSE) for place in places) else 1
    _refuse_apart(recs, count)
    first = recs[places[0]]
    run = _steps(samples(inputs, None, N=first.N, I=first.I, batch_first=batch_first))
    begin = _starts(recs, h0, run)
    units = sum(recs[place].outputs for place in places[-count:])
    traced = {place: parameters(rec) for place, rec in recs.items()}
    return Layers(traced, begin, run, _loss(loss, run, units, batch_first), count), run.batched


def _starts(recs: Any, h0: Any, run: Samples) -> dict[str, Array]:
    """Initial states (batch, N) by place, from a mapping of them or from one array as frameworks have it."""
    if isinstance(h0, Mapping):
        given = {place: samples(run.X, h0.get(place), N=rec.N, I=run.X.shape[2]).h0 for place, rec in recs.items()}
        unknown = [place for place in h0 if place not in recs]
        if unknown:
            raise BadInput(f"h0 has {unknown}.", "there are no such layers.", f"use some of {', '.join(recs)}.")
        return given
    sizes = {rec.N for rec in recs.values()}
    if len(sizes) > 1 and h0 is not None:
        raise BadInput(
            f"h0 is one array; the layers have {sorted(sizes)} states.",
            "layers of several sizes have no common array of initial states.",
            "pass h0 as a dict of arrays by place.",
        )
    if h0 is None:
        return {place: np.zeros((run.batch, rec.N)) for place, rec in recs.items()}
    return dict(zip(recs, starts(h0, len(recs), run, sizes.pop()), strict=True))


def _refuse_apart(recs: Any, count: int) -> None:
    """Layers in which the inputs of one are not what those below put out."""
    places = list(recs)
    below = [None, *([sum(recs[p].outputs for p in places[i : i + count]) for i in range(0, len(places), count)])]
    for index, place in enumerate(places):
        expected = below[index // count]
        wrong_way = place.endswith(REVERSE) != (count == 2 and index % 2 == 1)
        if wrong_way or (expected is not None and expected != recs[place].I):
            raise BadInput(
                f"{place} has {recs[place].I} inputs; the places are {', '.join(places)}.",
                "layers come in order, both directions side by side, each driven by all outputs of the one below.",
                "pass the recurrences as oracle.layers(module) has them.",
            )


def _steps(run: Samples) -> Samples:
    if not run.steps or not run.batch:
        raise BadInput("there is no step.", "a loss of no state has no gradient.", "pass inputs of at least one step.")
    return run


def _loss(loss: tuple[Any, Any], run: Samples, units: int, batch_first: bool) -> Loss:
    kind, weights = loss
    if weights is not None and batch_first and np.ndim(weights) == 3:
        weights = np.swapaxes(np.asarray(weights), 0, 1)
    return stated(kind, weights, run.steps, run.batch, units)


def _received(question: Question | Layers, seen: Seen) -> Asked:
    """Inputs, initial states and the numbers of the loss as the candidate receives them."""

    def read(values: Array) -> Array:
        return np.asarray(seen(values), dtype=np.float64)

    run = Samples(read(question.run.X), read(question.run.h0), question.run.batched)
    loss = replace(question.loss, array=read(question.loss.array))
    numbers = [run.X, run.h0, loss.array]
    made: Question | Layers = replace(question, run=run, loss=loss)
    if isinstance(made, Layers):
        made = replace(made, starts={place: read(start) for place, start in made.starts.items()})
        numbers += list(made.starts.values())
    if not all(np.isfinite(part).all() for part in numbers):
        raise BadInput("numbers overflow in the promised format.", "their range is wider.", "scale them.")
    return made
