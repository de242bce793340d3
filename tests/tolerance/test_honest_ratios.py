"""No honest program exceeds the one-step bound: the largest error / bound per family, observed, never above 1.

The error is certified by balls (upper end), so a ratio above 1 would refute the bound or the honesty of a program.
`pytest -s` prints the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import honest_programs as honest
import numpy as np
import pytest
from honest_programs import Array, Given

from oracle.arithmetic.ball import Ball, precision, upper_floats
from oracle.equations.catalogue import advance
from oracle.records.precision import PRECISIONS
from oracle.tolerance.recorded import recorded_as
from oracle.tolerance.residuals import FIRST_BITS, residuals
from oracle.tolerance.step import one_step_bound

UNIT = {"float64": 2.0**-53, "float32": 2.0**-24}


def ratio(rec: Any, H: Array, X: Array, result: Array, model: str, recorded: str | None = None) -> float:
    """Largest certified error / bound of single steps (units, columns)."""
    before, after, samples = (np.asarray(part, dtype=np.float64) for part in (H, result, X))
    bound = one_step_bound(rec, before, samples, PRECISIONS[model], recorded_as(recorded), after)
    return float(np.max(residuals(rec, before, after, samples, bound).upper / bound))


class Measured:
    """Single steps whose exact results and bounds are shared by many programs."""

    def __init__(self, rec: Any, H: Array, X: Array, model: str) -> None:
        before, samples = (np.asarray(part, dtype=np.float64) for part in (H, X))
        self.bound = one_step_bound(rec, before, samples, PRECISIONS[model])
        with precision(FIRST_BITS):
            ops = Ball()
            self.exact = advance(ops, rec, ops.lift(before), ops.lift(samples))

    def __call__(self, result: Array) -> float:
        """Largest certified error / bound."""
        with precision(FIRST_BITS):
            error = upper_floats(Ball().lift(result.astype(np.float64)) - self.exact)
        return float(np.max(error / self.bound))


def numbers(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers that make roundings visible: random; of one sign; spread over many sizes; small beside ones."""
    normal = rng.standard_normal(shape)
    if kind == "random":
        return normal
    if kind == "positive":
        return np.abs(normal) + 0.25
    if kind == "spread":
        return normal * 2.0 ** rng.integers(-20, 3, shape)
    # each of these is lost, or rounds up, when it is added to a number near 1: all errors of one sign
    return np.where(rng.random(shape) < 0.5, 2.0**-24 * rng.uniform(0.9, 1.1, shape), 1 + 2.0**-23 * normal)


KINDS = ("random", "positive", "spread", "drowned")


def case(kind: str, N: int, I: int, alpha: Any, tau: Any, columns: int, seed: int) -> tuple[Given, Array, Array]:
    """Parameters in float64 (no number of float32), states and inputs."""
    rng = np.random.default_rng(seed)
    W = numbers(kind, rng, (N, N)) / (1 if kind == "drowned" else np.sqrt(N))
    biases = tuple(numbers(kind, rng, (N,)) for _ in range(seed % 3))
    given = Given(W, numbers(kind, rng, (N, I)), biases, np.asarray(tau), np.asarray(alpha))
    return given, numbers(kind, rng, (N, columns)), numbers(kind, rng, (I, columns))


SIZES = ((1, 0, 150), (1, 1, 60), (2, 1, 40), (7, 2, 8), (40, 3, 2), (200, 2, 1))  # N, I, columns


def worst(
    form: str, scheme: str, activation: str, dtype: str, alpha: Any, tau: Any, sizes: Any = SIZES, count: int = 22
) -> tuple[float, str]:
    """The largest ratio of a family and the program that reached it, over sizes and kinds of numbers."""
    found = (0.0, "nothing ran")
    for seed, (N, I, columns) in enumerate(sizes):
        for kind in KINDS:
            step, time = (value(N, seed) if callable(value) else value for value in (alpha, tau))
            given, H, X = case(kind, N, I, step, time, columns, seed)
            if seed % 2:  # every other case: parameters that are numbers of the format
                given = Given(*(_stored(part, dtype) for part in vars(given).values()))
            h, x = H.astype(dtype), X.astype(dtype)
            rec = honest.record(form, scheme, activation, given)
            measure = Measured(rec, h, x, dtype)
            for program in honest.programs(form, scheme, activation, given, np.dtype(dtype), count):
                result = program.step(h, x)
                assert result.dtype == np.dtype(dtype)
                reached = measure(result)
                found = max(found, (reached, f"N={N} {kind}: {program.label}"))
    return found


def _stored(part: Any, dtype: str) -> Any:
    return tuple(p.astype(dtype) for p in part) if isinstance(part, tuple) else part.astype(dtype)


def per_unit(low: float, high: float) -> Any:
    """One value per unit, all different."""
    return lambda N, seed: np.random.default_rng(seed + 50).uniform(low, high, N)


ACTIVE = ("tanh", "logistic", "relu", "identity")
SMALL = SIZES[:4]


def families() -> Iterator[Any]:
    """Every family: form, scheme, activation, dtype, alpha or dt, tau, sizes, programs per case."""
    for dtype in ("float32", "float64"):
        for activation in ACTIVE:
            yield pytest.param(
                "elman", "euler", activation, dtype, 1.0, 1.0, SIZES, 21, id=f"elman-{activation}-{dtype}"
            )
        for label, alpha in (
            ("0.2", 0.2),
            ("1e-6", 1e-6),
            ("1-2^-24", 1 - 2.0**-24),
            ("1", 1.0),
            ("1.7", 1.7),
            ("per unit", per_unit(0.01, 1.2)),
        ):
            activation = "relu" if label in ("0.2", "1e-6", "1") else "tanh"
            form = "inside" if label in ("1.7", "0.2") else "outside"
            yield pytest.param(
                form, "euler", activation, dtype, alpha, 1.0, SMALL, 22, id=f"{form}-alpha {label}-{dtype}"
            )
        yield pytest.param("leak-inside", "euler", "tanh", dtype, 0.3, 1.0, SMALL, 22, id=f"leak-inside-{dtype}")
        yield pytest.param("leak-inside", "euler", "relu", dtype, 0.3, 1.0, SMALL, 22, id=f"leak-inside-relu-{dtype}")
        for form in ("rate", "paper", "current"):
            for activation, tau in (("relu", 0.37), ("logistic", per_unit(0.05, 2.0)), ("identity", 0.1)):
                yield pytest.param(
                    form, "euler", activation, dtype, 0.1, tau, SMALL, 22, id=f"{form}-{activation}-{dtype}"
                )
        for dt in (1e-4, 0.1, 9.7):
            for activation in ("relu", "tanh"):
                yield pytest.param(
                    "rate",
                    "exponential-euler",
                    activation,
                    dtype,
                    dt,
                    0.23,
                    SMALL,
                    12,
                    id=f"exponential-dt {dt}-{activation}-{dtype}",
                )
        for scheme in ("midpoint", "heun", "rk4"):
            for activation in ("relu", "tanh", "logistic"):
                yield pytest.param(
                    "rate", scheme, activation, dtype, 0.11, 0.4, SMALL, 12, id=f"{scheme}-{activation}-{dtype}"
                )


@pytest.mark.parametrize(("form", "scheme", "activation", "dtype", "alpha", "tau", "sizes", "count"), list(families()))
def test_error_of_honest_programs_stays_inside(
    form: str, scheme: str, activation: str, dtype: str, alpha: Any, tau: Any, sizes: Any, count: int
) -> None:
    """No arrangement of the documented expression, in no order of summation, leaves the proven bound."""
    reached, program = worst(form, scheme, activation, dtype, alpha, tau, sizes, count)
    print(f"  {reached:.3f}  {program}")
    assert 0 < reached <= 1, program
