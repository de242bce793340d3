"""Fitting the leak: which alpha brings the recorded steps closest, then a short exact number to be certified.

Gauss-Newton in float64 on h+ - Phi_alpha(h, x); what it finds is only a proposal. Proposals are rounded to the shortest
decimals and fractions nearby, because alpha = 0.2 is what somebody wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.diagnosis.hypotheses import PROBED_COLUMNS, Steps
from oracle.diagnosis.statement import Statement
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

STARTS = (0.5, 0.1, 0.9)
ITERATIONS = 30
SLOPE_STEP = 2.0**-20  # of the difference quotient; its error only slows the last digits down
DIGITS = (3, 4, 5, 6, 7, 9, 12, 15)  # decimals a person or a float32 might have written
LARGEST_DENOMINATOR = 1000


def fitted_leak(s: Statement, steps: Steps) -> Iterator[Recurrence]:
    """Records of the same form with a fitted scalar alpha, simplest first."""
    if s.form not in ("outside", "inside", "leak-inside") or s.scheme != "euler":
        return
    finite = np.flatnonzero(np.isfinite(steps.before).all(axis=0) & np.isfinite(steps.after).all(axis=0))
    if not finite.size:
        return
    which = finite[np.unique(np.linspace(0, finite.size - 1, PROBED_COLUMNS).astype(int))]
    few = Steps(*(part[:, which] for part in steps))
    with np.errstate(over="ignore", invalid="ignore"):  # a diverging run; a fit that is not finite is dropped
        fits = [fit for start in STARTS if (fit := _gauss_newton(s, few, start)) is not None]
    if fits:
        _, alpha = min(fits)
        for proposal in _simple(alpha):
            yield s.but(tau=s.step / proposal).record()


def _residual(s: Statement, steps: Steps, alpha: float) -> Array:
    rec = s.but(tau=s.step / Fraction(alpha)).record()
    ops = Float64()
    return np.asarray(steps.after - advance(ops, rec, ops.lift(steps.before), ops.lift(steps.X)))


def _gauss_newton(s: Statement, steps: Steps, start: float) -> tuple[float, float] | None:
    """Least squares in one unknown: (sum of squares, alpha), or None where it leaves (0, 2)."""
    alpha = start
    for _ in range(ITERATIONS):
        r = _residual(s, steps, alpha)
        slope = (_residual(s, steps, alpha + SLOPE_STEP) - r) / SLOPE_STEP
        size = float(np.sum(slope**2))
        if not np.isfinite(size) or size == 0:
            return None
        moved = alpha - float(np.sum(slope * r)) / size
        if not 0 < moved < 2:
            return None
        if abs(moved - alpha) <= 2.0**-50 * alpha:
            break
        alpha = moved
    return float(np.sum(_residual(s, steps, alpha) ** 2)), alpha


def _simple(alpha: float) -> list[Fraction]:
    """Exact numbers near alpha, simplest first."""
    near = [Fraction(str(round(alpha, digits))) for digits in DIGITS] + [
        Fraction(alpha).limit_denominator(LARGEST_DENOMINATOR),
        Fraction(float(np.float32(alpha))),
        Fraction(alpha),
    ]
    return [value for i, value in enumerate(near) if value > 0 and value not in near[:i]]
