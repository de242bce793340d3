"""How far an honest backward pass may be from the exact gradient of the discrete loss.

proven     the rounding interpretation of the run and of its adjoint: any order of operations, any program with
           these atoms. It multiplies absolute values through all steps, so it is informative for short runs and
           contracting networks, and says nothing for long ones.
observed   MARGIN times the largest deviation of a few runs with random errors of the size of a rounding (the jitter
           interpretation): it knows the condition of the gradient, and is evidence instead of a proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.jitter import Jitter
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.records.exact import Array
from oracle.records.precision import Precision
from oracle.records.staged import Implicit
from oracle.reference.gradients import INPUT, Asked, Backward

RUNS = 6
"""Runs with random errors: the largest of 6 normal deviations is 1.6 standard deviations in the median."""

MARGIN = 64.0
"""Between the largest deviation of honest programs, which sum in one order and not at random (measured: below 7), and
that of the next coarser format, 2^13 for float32 against TF32 and 2^29 for float64 against float32."""


class RoundingAtKink(Rounding):
    """Rounding errors of slopes as well: that of max(0, z) is certain only where |z| exceeds its own error."""

    def __init__(self, model: Precision, slope_at_zero: Fraction) -> None:
        super().__init__(model)
        self._slope = float(slope_at_zero)

    def unit_step(self, z: Rounded) -> Rounded:
        """0 or 1, off by at most 1 where the sign is not certain; a sum without any term is exactly zero."""
        silent = z.magnitude == 0
        value = np.where(silent, self._slope, (z.value > 0).astype(np.float64))
        # The float64 value is within the bound of the exact one, and the candidate's is within it as well.
        error = np.where(silent | (np.abs(z.value) > 2 * z.bound()), 0.0, 1.0)
        return Rounded(value, np.abs(value), error, 0.0)

    def settled(self, v: Rounded) -> Rounded:
        """A state or cotangent once it is a number: known to within its bound, one atom."""
        bound = v.bound()
        return Rounded(v.value, np.abs(v.value) + 2 * bound, bound, 0.0)


@dataclass(frozen=True, eq=False)
class GradientTolerance:
    """Bounds for every entry of every gradient, by name; `proven` may be infinite."""

    proven: Mapping[str, Array]
    observed: Mapping[str, Array]


def proven_bounds(
    question: Asked, model: Precision, way: Backward | None = None, kink: Fraction = Fraction(0)
) -> dict[str, Array]:
    """The rounding interpretation of the whole backward pass; infinite where nothing can be promised.

    Nothing is promised of implicit steps: how far a solver comes is its own affair.
    """
    if any(isinstance(rec.parameters, Implicit) for rec in question.recs):
        return {name: np.full(shape, np.inf) for name, shape in question.shapes.items()}
    ops: Any = RoundingAtKink(model, kink)
    with np.errstate(all="ignore"):
        made = question.gradients(ops, lambda v: v.bound(), way)
    return {name: np.where(np.isnan(part), np.inf, part) for name, part in made.items()}


def jittered(question: Asked, model: Precision, seed: int, way: Backward | None, kink: Fraction) -> dict[str, Array]:
    """Gradients of one run with random errors."""
    ops: Any = Jitter(model, np.random.default_rng(seed), kink)
    with np.errstate(all="ignore"):
        return question.gradients(ops, lambda v: v, way)


def observed_tolerance(
    question: Asked,
    model: Precision,
    exact: Mapping[str, Array],
    way: Backward | None = None,
    kink: Fraction = Fraction(0),
) -> dict[str, Array]:
    """MARGIN times the largest deviation seen from the exact gradient: of the entry, and of all that belong together.

    Entries of one parameter belong together (a deviation of one of them may be small by chance), and so do the
    gradients by the inputs of one step.
    """
    runs = [jittered(question, model, seed, way, kink) for seed in range(RUNS)]
    result = {}
    for name, centre in exact.items():
        apart = np.max([np.abs(run[name] - centre) for run in runs], axis=0)
        axes = tuple(range(1, apart.ndim)) if name == INPUT else None
        typical = np.sqrt(np.mean(np.square(apart), axis=axes, keepdims=True)) if apart.size else apart
        floor = model.underflow * question.run.steps
        result[name] = MARGIN * np.where(np.isnan(apart), np.inf, np.maximum(apart, typical)) + floor
    return result


def tolerance_of(
    question: Asked,
    model: Precision,
    exact: Mapping[str, Array],
    way: Backward | None = None,
    kink: Fraction = Fraction(0),
) -> GradientTolerance:
    """Both."""
    return GradientTolerance(
        proven_bounds(question, model, way, kink), observed_tolerance(question, model, exact, way, kink)
    )
