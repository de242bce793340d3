"""Of which kind a candidate is: told by the caller, by the names of its parameters, or by trying it."""

from __future__ import annotations

import inspect
from typing import Any

from oracle.check.breach import passes_through, words
from oracle.check.returned import plain
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.layout import Samples

KINDS = ("module", "run", "step", "trajectory")


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
    if not run.steps * run.batch:
        return "step"  # there is nothing to call it for
    X, h0 = as_given(run, dtype)
    seen = {"step": _shape_of(candidate, h0, X[0]), "run": _shape_of(candidate, h0, X)}
    shapes = {"step": (h0.shape,), "run": ((run.steps, *h0.shape), (run.steps + 1, *h0.shape))}
    shapes["run"] += tuple((K, *h0.shape[:-1], h0.shape[-1] // 2) for K in (run.steps, run.steps + 1))  # outputs alone
    fits = [kind for kind in seen if seen[kind] in shapes[kind]]
    if len(fits) == 1:
        return fits[0]
    remedy = 'pass kind="step" for step(h, x) -> h, kind="run" for run(h0, X) -> H.'
    if fits:
        raise BadInput(
            "the candidate works as step and as run.",
            "its signature does not say whether it takes one sample or all of them.",
            remedy,
        )
    said = (
        f"as {kind} it {what if isinstance(what, str) else f'returned shape {what}'}" for kind, what in seen.items()
    )
    raise BadInput(
        f"the candidate works neither as step nor as run: {', '.join(said)}.",
        "it takes other arguments, or returns something that is no state.",
        remedy,
    )


def _parameter_names(candidate: Any) -> list[str]:
    try:
        return list(inspect.signature(candidate).parameters)
    except Exception:  # the object's own attributes are asked
        return []


def _shape_of(candidate: Any, h: Array, sample: Array) -> tuple[int, ...] | str:
    """The shape of what is returned, or what happened instead."""
    try:
        return plain(candidate(h.copy(), sample.copy())).shape
    except BaseException as error:
        if passes_through(error):
            raise
        return f"raised {words(error)}"


def refuse_other_kinds(candidate: Any, kind: str) -> None:
    """Something that cannot be called is no step or run, and a function is no recorded trajectory.

    Raises
    ------
    oracle.BadInput
        The kind stated does not fit the object.
    """
    if callable(candidate) == (kind in ("step", "run")) or kind == "trajectory":
        return
    raise BadInput(
        f"kind is {kind!r}, and the candidate is a {type(candidate).__name__}.",
        "no bridge knows it as a module of a framework." if kind == "module" else "it cannot be called.",
        f"leave kind out, or use one of {', '.join(KINDS)} that fits.",
    )


def as_given(run: Samples, dtype: str) -> tuple[Array, Array]:
    """X and h0 as the candidate gets them, in the layout of the inputs."""
    return run.given(run.X).astype(dtype), run.given(run.h0[None])[0].astype(dtype)
