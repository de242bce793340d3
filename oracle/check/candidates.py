"""Bringing candidates of every kind to one form: the trajectory they produced, and how they behaved on the way.

    step(h, x) -> h        run(h0, X) -> H        a recorded H        a framework module (through its bridge)

A candidate receives inputs and initial state in the promised dtype, and the oracle judges it on the values it received.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from oracle.check.breach import Breach, raised
from oracle.check.kinds import KINDS, as_given, guess_kind, refuse_other_kinds
from oracle.check.returned import read, repeats_one_buffer, share
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.layout import Samples

WATCHED = 64  # steps whose arguments and results are looked at again at the end; enough for a ring of that many buffers


@dataclass
class Recording:
    """A trajectory (K+1, batch, N) as float64, its own dtype, and whether its first row is the candidate's own.

    `again` is the second run of a candidate whose runs differ.
    """

    H: Array
    dtype: str
    has_initial: bool
    breaches: list[tuple[str, BadInput]] = field(default_factory=list)
    again: Array | None = None


def as_step(function: Callable[..., Any], order: str = "xh") -> Callable[[Any, Any], Any]:
    """Adapt a step to step(h, x) -> h.

    Parameters
    ----------
    function : callable
    order : {"xh", "carry"}
        "xh": function(x, h) -> h, as RNNCell. "carry": function(h, x) -> (h, output), as jax.lax.scan.
    """
    if order == "xh":
        return lambda h, x: function(x, h)
    if order == "carry":
        return lambda h, x: function(h, x)[0]
    raise BadInput(f"order is {order!r}.", "it says how the step takes its arguments.", 'pass order="xh" or "carry".')


def received(run: Samples, dtype: str) -> Samples:
    """Inputs and initial state as the candidate gets them: rounded to its dtype, exact from then on."""
    if dtype not in ("float32", "float16"):
        return run
    with np.errstate(all="ignore"):
        X, h0 = (np.asarray(part, dtype=dtype).astype(np.float64) for part in (run.X, run.h0))
    if not (np.isfinite(X).all() and np.isfinite(h0).all()):
        raise BadInput(
            f"inputs or h0 overflow in {dtype}.",
            "their range is that of a wider format.",
            "scale them, or promise more.",
        )
    return Samples(X, h0, run.batched)


def observe(
    candidate: Any, kind: str, run: Samples, dtype: str, N: int, batch_first: bool | None, fewer: int | None = None
) -> Recording:
    """Let the candidate produce its trajectory, and watch it; a run or trajectory may show the first `fewer` states.

    Raises
    ------
    Breach
        It raised, or returned something that is no trajectory.
    """
    refuse_other_kinds(candidate, kind)
    if kind == "trajectory":
        return _recorded(candidate, run, N, batch_first, fewer=fewer)
    if not run.steps * run.batch:  # nothing to call it for
        return Recording(np.broadcast_to(run.h0, (run.steps + 1, *run.h0.shape)).copy(), dtype, False)
    produce = {"step": _stepwise, "run": _at_once}[kind]
    first = produce(candidate, run, dtype, N, batch_first, fewer)
    if not first.breaches:
        _run_again(first, lambda: produce(candidate, run, dtype, N, batch_first, fewer))
    return first


def _run_again(first: Recording, produce: Callable[[], Recording]) -> None:
    """A second run from the same inputs has to be the same, and to keep the contract as well."""
    try:
        again = produce()
    except Breach as breach:
        first.breaches.append(("not-deterministic", _only_once(breach)))
        return
    first.breaches.extend(again.breaches)
    if not np.array_equal(first.H, again.H, equal_nan=True):
        first.breaches.append(("not-deterministic", _random(first.H, again.H)))
        first.again = again.H


def _only_once(breach: Breach) -> BadInput:
    return BadInput(
        f"the first run went through, and a second one from the same inputs did not: {breach.problem.seen}",
        "the candidate keeps state between calls, or uses something up.",
        "reset what it keeps, or make it anew for every run.",
    )


def _random(first: Array, again: Array) -> BadInput:
    where = np.argwhere(~((first == again) | (np.isnan(first) & np.isnan(again))))[0]
    k, _, unit = (int(i) for i in where)
    return BadInput(
        f"two runs from the same inputs differ, first at step {k}, unit {unit}: "
        f"{float(first[tuple(where)])!r} against {float(again[tuple(where)])!r}.",
        "the candidate draws random numbers, keeps state between calls, or reads memory it did not write.",
        "fix its seed and reset its state; for a network with noise pass the draws as inputs.",
    )


def _call(candidate: Any, *arguments: Array) -> Any:
    try:
        return candidate(*arguments)
    except BaseException as error:
        raised(error, *arguments)


class _Call(NamedTuple):
    """One call of a step: what it was given and what it returned, as it is now."""

    state: Array
    sample: Array
    result: Array


def _stepwise(step: Any, run: Samples, dtype: str, N: int, _: bool | None, __: int | None) -> Recording:
    X, h = as_given(run, dtype)
    H = np.empty((run.steps + 1, run.batch, N))
    H[0] = run.h0
    seen: set[str] = set()
    breaches: list[tuple[str, BadInput]] = []
    watched: list[tuple[_Call, tuple[bytes, ...]]] = []
    previous: Array | None = None
    for k in range(run.steps):
        state, sample = h.copy(), X[k].copy()
        result = read(_call(step, state, sample), (h.shape,), f"step(h, x) at k = {k}")
        if not breaches and not (_same(state, h) and _same(sample, X[k])):
            breaches.append(("mutates-arguments", _mutation("h" if not _same(state, h) else "x", k)))
        if not breaches and previous is not None and share(previous, result):
            breaches.append(("views-of-one-buffer", _views(k)))
        if k < WATCHED:
            call = _Call(state, sample, result)
            watched.append((call, tuple(part.tobytes() for part in call)))
        seen.add(result.dtype.name)
        previous, h = result, result.copy()
        H[k + 1] = h
    if not breaches:
        breaches += _changed_later(watched)
    return Recording(H, _widest(seen, dtype), False, breaches)


def _changed_later(watched: list[tuple[_Call, tuple[bytes, ...]]]) -> list[tuple[str, BadInput]]:
    """Arguments or results of a step that a later step has written into: a ring of buffers, a kept reference."""
    for k, (call, before) in enumerate(watched):
        for name, part, bytes_then in zip(call._fields, call, before, strict=True):
            if part.tobytes() != bytes_then:
                if name == "result":
                    return [("views-of-one-buffer", _views(k + 1))]
                return [("mutates-arguments", _mutation("h" if name == "state" else "x", k))]
    return []


def _at_once(
    candidate: Any, run: Samples, dtype: str, N: int, batch_first: bool | None, fewer: int | None
) -> Recording:
    X, h0 = as_given(run, dtype)
    if run.batched and batch_first:
        X = np.ascontiguousarray(X.swapaxes(0, 1))
    state, sample = h0.copy(), X.copy()
    raw = _call(candidate, state, sample)
    recording = _recorded(raw, run, N, batch_first, called=True, fewer=fewer)
    if not (_same(state, h0) and _same(sample, X)):
        recording.breaches.append(("mutates-arguments", _mutation("h0" if not _same(state, h0) else "X", 0)))
    return recording


def _recorded(
    raw: Any, run: Samples, N: int, batch_first: bool | None, called: bool = False, fewer: int | None = None
) -> Recording:
    """A trajectory as given, or as returned by a call: that may be the candidate's own memory, and is copied."""
    sizes = [(k, width) for width in (N, fewer) if width is not None for k in (run.steps + 1, run.steps)]
    expected: tuple[tuple[int, ...], ...]
    if not run.batched:
        expected = tuple(sizes)
    elif batch_first:
        expected = tuple((run.batch, *size) for size in sizes)
    else:
        expected = tuple((k, run.batch, width) for k, width in sizes)
    array = read(raw, expected, "the trajectory")
    dtype = array.dtype.name
    shared = called and repeats_one_buffer(raw, array, int(bool(run.batched and batch_first)))
    H = array.astype(np.float64, copy=called)
    H = H[:, None] if not run.batched else (H.swapaxes(0, 1) if batch_first else H)
    has_initial = len(H) == run.steps + 1
    breaches = [("views-of-one-buffer", _views(run.steps))] if shared else []
    if not has_initial:
        H = np.concatenate([run.h0[None, :, : H.shape[2]], H])
    return Recording(H, dtype, has_initial, breaches)


def _same(a: Array, b: Array) -> bool:
    return a.tobytes() == b.tobytes()


def _widest(seen: set[str], fallback: str) -> str:
    return str(np.result_type(*seen)) if seen else fallback


def _mutation(name: str, k: int) -> BadInput:
    return BadInput(
        f"the candidate changed its argument {name} in call {k}.",
        "an in-place operation (+=, out=) writes into memory that belongs to the caller.",
        "copy the argument before changing it.",
    )


def _views(k: int) -> BadInput:
    return BadInput(
        f"the states returned up to step {k} share one buffer.",
        "the candidate returns its internal array, so every recorded state turns into the last one.",
        "return a copy of the state.",
    )


__all__ = ["KINDS", "Breach", "Recording", "as_step", "guess_kind", "observe", "received"]
