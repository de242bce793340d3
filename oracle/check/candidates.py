"""Bringing candidates of every kind to one form: the trajectory they produced, and how they behaved on the way.

    step(h, x) -> h        run(h0, X) -> H        a recorded H        a framework module (through its bridge)

A candidate receives inputs and initial state in the promised dtype, and the oracle judges it on the values it received.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, tensor_values
from oracle.records.layout import Samples

KINDS = ("module", "run", "step", "trajectory")


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


class Breach(Exception):
    """A candidate that cannot be judged any further, with the finding's name."""

    def __init__(self, name: str, problem: BadInput) -> None:
        super().__init__(str(problem))
        self.name = name
        self.problem = problem


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
    with np.errstate(over="ignore"):
        X, h0 = (np.asarray(part, dtype=dtype).astype(np.float64) for part in (run.X, run.h0))
    if not (np.isfinite(X).all() and np.isfinite(h0).all()):
        raise BadInput(
            f"inputs or h0 overflow in {dtype}.",
            "their range is that of a wider format.",
            "scale them, or promise more.",
        )
    return Samples(X, h0, run.batched)


def observe(candidate: Any, kind: str, run: Samples, dtype: str, N: int, batch_first: bool | None) -> Recording:
    """Let the candidate produce its trajectory, and watch it.

    Raises
    ------
    Breach
        It raised, or returned something that is no trajectory.
    """
    if kind == "trajectory":
        return _recorded(candidate, run, N, batch_first)
    produce = {"step": _stepwise, "run": _at_once}[kind]
    first = produce(candidate, run, dtype, N, batch_first)
    if not first.breaches:
        again = produce(candidate, run, dtype, N, batch_first)
        if not np.array_equal(first.H, again.H, equal_nan=True):
            first.breaches.append(("not-deterministic", _random(first.H, again.H)))
            first.again = again.H
    return first


def _random(first: Array, again: Array) -> BadInput:
    where = np.argwhere(~((first == again) | (np.isnan(first) & np.isnan(again))))[0]
    k, _, unit = (int(i) for i in where)
    return BadInput(
        f"two runs from the same inputs differ, first at step {k}, unit {unit}: "
        f"{float(first[tuple(where)])!r} against {float(again[tuple(where)])!r}.",
        "the candidate draws random numbers, keeps state between calls, or reads memory it did not write.",
        "fix its seed and reset its state; for a network with noise pass the draws as inputs.",
    )


def guess_kind(candidate: Any, run: Samples, dtype: str) -> str:
    """Tell a step from a run by its parameter names, else by trying both.

    Raises
    ------
    oracle.BadInput
        Both or neither work.
    """
    if not callable(candidate):
        return "trajectory"
    names = _parameter_names(candidate)
    if names and (names[0] in ("h0", "initial", "init", "state0") or names[-1] in ("X", "xs", "sequence")):
        return "run"
    if names[:2] in (["h", "x"], ["state", "x"], ["hidden", "x"], ["h", "u"]):
        return "step"
    X, h0 = run.given(run.X).astype(dtype), run.given(run.h0[None])[0].astype(dtype)
    fits = [
        kind
        for kind, sample, shapes in (
            ("step", X[0] if len(X) else X, (h0.shape,)),
            ("run", X, ((run.steps, *h0.shape), (run.steps + 1, *h0.shape))),
        )
        if _shape_of(candidate, h0, sample) in shapes
    ]
    if len(fits) == 1:
        return fits[0]
    raise BadInput(
        f"the candidate works as {' and as '.join(fits)}."
        if fits
        else "the candidate works neither as step nor as run.",
        "its signature does not say whether it takes one sample or all of them."
        if fits
        else "it raises, or returns a shape that fits neither.",
        'pass kind="step" for step(h, x) -> h, kind="run" for run(h0, X) -> H.',
    )


def _parameter_names(candidate: Any) -> list[str]:
    try:
        return list(inspect.signature(candidate).parameters)
    except (TypeError, ValueError):
        return []


def _shape_of(candidate: Any, h: Array, sample: Array) -> tuple[int, ...] | None:
    try:
        return tuple(np.shape(candidate(h.copy(), sample.copy())))
    except Exception:
        return None


def _call(candidate: Any, *arguments: Array) -> Any:
    try:
        return candidate(*arguments)
    except Exception as error:
        problem = BadInput(
            f"the candidate raised {type(error).__name__}: {error}",
            "its parameters or shapes do not fit the inputs it was given, or it has a bug that shows at once.",
            "call it once by hand with the same arguments: "
            + ", ".join(f"{a.dtype}{list(a.shape)}" for a in arguments),
            error=error,
        )
        raise Breach("candidate-raised", problem) from error


def _array(value: Any, expected: tuple[tuple[int, ...], ...], what: str) -> Array:
    try:
        array = np.asarray(tensor_values(value))
    except ValueError as error:
        raise Breach("wrong-shape", _shape_problem(what, f"rows of different lengths ({error})", expected)) from None
    if array.dtype.kind not in "fiu" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        seen = BadInput(
            f"{what} has dtype {array.dtype}.",
            "the candidate returns something that is no real-valued state.",
            "return float64, float32 or float16 arrays; for wider formats write down float64.",
        )
        raise Breach("wrong-dtype", seen)
    if array.shape not in expected:
        raise Breach("wrong-shape", _shape_problem(what, f"shape {array.shape}", expected))
    return array


def _shape_problem(what: str, seen: str, expected: tuple[tuple[int, ...], ...]) -> BadInput:
    return BadInput(
        f"{what} has {seen}; expected {' or '.join(map(str, expected))}.",
        "the candidate returns another quantity (readout, gates), only the last state, or the axes in another order.",
        "return the state h, units last; say batch_first=True if the batch comes first.",
    )


def _stepwise(step: Any, run: Samples, dtype: str, N: int, _: bool | None) -> Recording:
    X, h = run.given(run.X).astype(dtype), run.given(run.h0[None])[0].astype(dtype)
    H = np.empty((run.steps + 1, run.batch, N))
    H[0] = run.h0
    seen: set[str] = set()
    breaches: list[tuple[str, BadInput]] = []
    previous: Any = None
    for k in range(run.steps):
        state, sample = h.copy(), X[k].copy()
        raw = _call(step, state, sample)
        result = _array(raw, (h.shape,), f"step(h, x) at k = {k}")
        if not breaches and not (_same(state, h) and _same(sample, X[k])):
            breaches.append(("mutates-arguments", _mutation("h" if not _same(state, h) else "x", k)))
        if not breaches and previous is not None and np.shares_memory(previous, result):
            breaches.append(("views-of-one-buffer", _views(k)))
        seen.add(str(result.dtype))
        previous, h = result, result.copy()
        H[k + 1] = h
    return Recording(H, _widest(seen, dtype), False, breaches)


def _at_once(candidate: Any, run: Samples, dtype: str, N: int, batch_first: bool | None) -> Recording:
    X, h0 = run.given(run.X).astype(dtype), run.given(run.h0[None])[0].astype(dtype)
    if run.batched and batch_first:
        X = np.ascontiguousarray(X.swapaxes(0, 1))
    state, sample = h0.copy(), X.copy()
    raw = _call(candidate, state, sample)
    recording = _recorded(raw, run, N, batch_first)
    if not (_same(state, h0) and _same(sample, X)):
        recording.breaches.append(("mutates-arguments", _mutation("h0" if not _same(state, h0) else "X", 0)))
    if _repeats_one_buffer(raw):
        recording.breaches.append(("views-of-one-buffer", _views(run.steps)))
    return recording


def _recorded(raw: Any, run: Samples, N: int, batch_first: bool | None) -> Recording:
    lengths = (run.steps + 1, run.steps)
    expected: tuple[tuple[int, ...], ...]
    if not run.batched:
        expected = tuple((k, N) for k in lengths)
    elif batch_first:
        expected = tuple((run.batch, k, N) for k in lengths)
    else:
        expected = tuple((k, run.batch, N) for k in lengths)
    array = _array(raw, expected, "the trajectory")
    dtype = str(array.dtype)
    H = array.astype(np.float64)
    H = H[:, None] if not run.batched else (H.swapaxes(0, 1) if batch_first else H)
    has_initial = len(H) == run.steps + 1
    return Recording(H if has_initial else np.concatenate([run.h0[None], H]), dtype, has_initial)


def _same(a: Array, b: Array) -> bool:
    return a.tobytes() == b.tobytes()


def _widest(seen: set[str], fallback: str) -> str:
    return str(np.result_type(*seen)) if seen else fallback


def _repeats_one_buffer(raw: Any) -> bool:
    if isinstance(raw, list | tuple):
        parts = [np.asarray(part) for part in raw if hasattr(part, "__array__")]
        return any(np.shares_memory(a, b) for a, b in pairwise(parts))
    return isinstance(raw, np.ndarray) and raw.shape[:1] > (1,) and raw.strides[0] == 0


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
