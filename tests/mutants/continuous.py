"""Continuous mutants: one parameter off by a relative amount, and the smallest power of two of it that is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from oracle.check.evidence import gather
from oracle.check.judge import judge

from .programs import STEPS, compiled, data, parameters, record, source

DTYPES = ("float64", "float32")
LAST = {"float64": 52, "float32": 23}  # below half a unit in the last place nothing changes
Change = Callable[[Any, float], Any]


class Continuous(NamedTuple):
    """A parameter of a program, and how it is perturbed."""

    program: str
    title: str
    parameter: str
    change: Change


def _all(value: Any, size: float) -> Any:
    return value * (1 + size)


def _one(value: Any, size: float) -> Any:
    changed = value.copy()
    place = tuple(length // 2 for length in value.shape)
    changed[place] *= 1 + size
    return changed


def continuous() -> Iterator[Continuous]:
    """What can be perturbed in every program."""
    for program, text in STEPS.items():
        for name in ("W", "recurrent", "Wn", "M", "kernel", "b", "alpha", "dt", "tau", "taus"):
            if name in _words(text):
                kind = {"W": "recurrent weights", "recurrent": "recurrent weights", "Wn": "recurrent weights"}
                kind |= {"M": "input weights", "kernel": "input weights", "b": "bias"}
                title = kind.get(name, {"taus": "tau per unit"}.get(name, name))
                yield Continuous(program, title, name, _all)
                if name not in ("alpha", "dt", "tau"):
                    yield Continuous(program, f"one of the {title}", name, _one)


def _words(text: str) -> set[str]:
    return set("".join(c if c.isalnum() or c == "_" else " " for c in text).split())


def _question(dtype: str) -> dict[str, Any]:
    """The verdict alone is asked for: no diagnosis."""
    return {"promised": dtype, "recorded": None, "batch_first": None, "kind": "run"}


def smallest_caught(mutant: Continuous, dtype: str) -> float | None:
    """The smallest 2^-k that fails, scanning down until one passes; None where 1 percent passes."""
    caught = None
    p = parameters(mutant.program, dtype)
    h0, X = data(mutant.program, dtype)
    rec, text = record(mutant.program, p), source(mutant.program)
    for k in range(7, LAST[dtype] + 1):
        changed = np.asarray(mutant.change(p[mutant.parameter].astype(np.float64), 2.0**-k), dtype=dtype)
        run = compiled(text, p | {mutant.parameter: changed})
        if judge(gather(run, rec, inputs=X, h0=h0, **_question(dtype)))[0].verdict != "fail":
            return caught
        caught = 2.0**-k
    return caught
