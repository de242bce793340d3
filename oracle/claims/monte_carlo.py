"""Monte Carlo beside an enclosure: observed, with an interval that holds at a stated probability.

Runs start at a known state, so that the state after k steps is exactly Gaussian with covariance P_k, and the mean of n
squares of one unit is P_ii chi^2_n / n. The limits of Laurent and Massart hold for every n and N units together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.check.gaussian import chi_square_limits
from oracle.records.exact import Array

RUNS = 2048
"""Independent runs: the interval is then about +-20 %, enough to tell any two of the named scales at most alphas."""
RATE = 1e-6
"""Probability that an exact covariance is called outside; small enough for every claim of a large sweep."""
SEED = 15974
"""Of the own generator; nothing global is touched."""


class MonteCarlo(NamedTuple):
    """Observed variance / exact variance of the units, smallest and largest, and the interval for all of them."""

    low: float
    high: float
    interval: tuple[float, float]

    @property
    def inside(self) -> bool:
        """Whether every ratio is within the interval."""
        return self.interval[0] <= self.low and self.high <= self.interval[1]

    def __str__(self) -> str:
        return (
            f"variance / exact from {self.low:.4f} to {self.high:.4f}, "
            f"{'inside' if self.inside else 'OUTSIDE'} [{self.interval[0]:.4f}, {self.interval[1]:.4f}], which holds "
            f"all units with probability 1 - {RATE:g} ({RUNS} runs, seed {SEED})"
        )


def variances(M: Array, root: Array, steps: int, exact: Array) -> MonteCarlo:
    """Simulate h+ = M h + root xi from zero in float64 and compare the variances after `steps` steps.

    Parameters
    ----------
    M, root : ndarray, (N, N), (N, m)
    steps : int
    exact : ndarray, (N,)
        The variances; units without any are left out.
    """
    rng = np.random.default_rng(SEED)
    h = np.zeros((len(M), RUNS))
    for _ in range(steps):
        h = M @ h + root @ rng.standard_normal((root.shape[1], RUNS))
    noisy = exact > 0
    ratios = np.mean(h[noisy] ** 2, axis=1) / exact[noisy]
    interval = chi_square_limits(RUNS, RATE / max(len(ratios), 1))
    return MonteCarlo(float(np.min(ratios, initial=np.inf)), float(np.max(ratios, initial=0.0)), interval)
