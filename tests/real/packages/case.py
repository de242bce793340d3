"""One judgement of a published package: its own code as the candidate, its documented equation as the record.

Weights are drawn from a seed and no two sizes agree: N = 5 units, I = 3 inputs, K = 17 steps, a state that is not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

import oracle
from oracle.check.result import CheckResult
from oracle.records.exact import Array

N, INPUTS, STEPS = 5, 3, 17


class Weights(NamedTuple):
    """A network in general position; tau is 0.3 to 2 and alpha 0.1 to 0.9, per unit."""

    W: Array
    M: Array
    b: Array
    tau: Array
    alpha: Array

    def astype(self, dtype: str) -> Weights:
        """The same numbers, rounded to a type."""
        return Weights(*(part.astype(dtype) for part in self))


def weights(seed: int = 3) -> Weights:
    """Weights drawn from a seed, none of them zero."""
    rng = np.random.default_rng(seed)
    W, M, b = rng.normal(0, 0.6, (N, N)), rng.normal(size=(N, INPUTS)), rng.normal(size=N)
    return Weights(W, M, b, rng.uniform(0.3, 2, N), rng.uniform(0.1, 0.9, N))


def samples(inputs: int = INPUTS, units: int = N, seed: int = 8) -> dict[str, Array]:
    """Inputs that differ at every step, and an initial state."""
    rng = np.random.default_rng([seed, inputs])
    return {"inputs": rng.normal(size=(STEPS, inputs)), "h0": rng.normal(size=units)}


def fractions(values: Any) -> Array:
    """An array of floats as the rationals they are."""
    given = np.asarray(values)
    return np.array([Fraction(float(v)) for v in given.ravel()], dtype=object).reshape(given.shape)


def diagonal(values: Array) -> Array:
    """A diagonal matrix of exact numbers."""
    made = np.full((len(values), len(values)), Fraction(0), dtype=object)
    made[np.arange(len(values)), np.arange(len(values))] = values
    return made


@dataclass(frozen=True)
class Reading:
    """What the code was found to compute instead: in one sentence, and judged, which is the certificate."""

    sentence: str
    judge: Callable[[], CheckResult]


@dataclass(frozen=True)
class Case:
    """A candidate made of a package's code, and what its documentation says.

    Attributes
    ----------
    documented, where : str
        The equation, and the place of the documentation that states it, quoted as a reference.
    expected : {"pass", "fail"}
        The verdict that was checked by hand against the source.
    named : tuple of str
        Names that are right for the deviation, if the vocabulary has one.
    deviates : str
        From what a failing candidate deviates, if not from the documentation of its package; the remark says why.
    """

    package: str
    what: str
    documented: str
    where: str
    candidate: Any
    kind: str
    record: oracle.Recurrence
    question: dict[str, Any]
    promised: str | None = None
    expected: str = "pass"
    named: tuple[str, ...] = ()
    reading: Reading | None = None
    remark: str = ""
    deviates: str = "from its documentation"

    @cached_property
    def result(self) -> CheckResult:
        """The verdict of the oracle."""
        return oracle.check(self.candidate, self.record, kind=self.kind, promised=self.promised, **self.question)

    @cached_property
    def certificate(self) -> CheckResult | None:
        """The verdict under the reading, if there is one."""
        return None if self.reading is None else self.reading.judge()
