"""What was seen of a run's noise: its size with intervals, and the ratios of the tests."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np

from oracle.check.gaussian import RATE, Tested, chi_square_limits
from oracle.check.sites import Draws
from oracle.records.exact import Array


@dataclass(frozen=True, eq=False)
class NoiseSeen:
    """What was seen of the noise; observed.

    Attributes
    ----------
    promised : str
    ratio, low, high : float
        Standard deviation divided by the promised one, all units together, and its interval: it holds the true value
        except with probability `rate`, if the draws are normal.
    per_unit : ndarray, (N, 3)
        The same for each unit; the intervals hold together except with probability `rate`.
    tests : tuple of Tested
        Ratios to the limits, all at most 1 for honest noise except with probability `rate`.
    rate : float
    samples : int
    """

    promised: str
    ratio: float
    low: float
    high: float
    per_unit: Array
    tests: tuple[Tested, ...]
    rate: float
    samples: int

    def __str__(self) -> str:
        if not self.samples:
            return f"{self.promised}: not seen"
        return (
            f"{self.promised}: standard deviation {self.spread} times that; {self.samples} draws, false alarms "
            f"{self.rate:g}"
        )

    @property
    def spread(self) -> str:
        """The ratio with its interval."""
        return f"{self.ratio:.4g} ({self.low:.4g} to {self.high:.4g})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "promised": self.promised,
            "ratio": _plain(self.ratio),
            "interval": [_plain(self.low), _plain(self.high)],
            "per_unit": [[_plain(value) for value in row] for row in self.per_unit.tolist()],
            "tests": {test.name: {"ratio": _plain(test.ratio), "where": test.where} for test in self.tests},
            "false_alarm_rate": self.rate,
            "samples": self.samples,
        }


def _plain(value: float) -> float | None:
    """JSON has neither infinity nor NaN."""
    return value if isfinite(value) else None


def spreads(promised: str, found: Draws, tests: tuple[Tested, ...]) -> NoiseSeen:
    """Standard deviations relative to the promised one, pooled and per unit, with their intervals."""
    xi = found.xi
    squares_of = np.square(xi).reshape(len(xi), -1).mean(axis=1)
    own = chi_square_limits(xi[0].size, RATE / len(xi))
    rows = np.array([_interval(float(value), own) for value in squares_of])
    return NoiseSeen(
        promised,
        *_interval(float(np.mean(squares_of)), chi_square_limits(xi.size, RATE)),
        rows,
        tests,
        RATE,
        found.seen,
    )


def _interval(square: float, limits: tuple[float, float]) -> tuple[float, float, float]:
    low, high = limits
    return square**0.5, (square / high) ** 0.5, (square / low) ** 0.5 if low else inf
