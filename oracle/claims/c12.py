"""C12: R and D in floating point.

    r = 2^e    D_{Delta/r} R_r and R_r D_Delta agree bit for bit, for every scheme
    any r      after one step from the same state they differ by at most the sum of both rounding bounds

if the stored A, B, E, c and the step are scaled, W, M and b left alone, by one and the same program. Bit for bit
because every quantity of the rescaled run is r^d times what it was, rounding commutes with a power of two, and what is
not scaled (d = 0: the states, everything inside s) has the same bits. Which d, and that nothing scaled leaves the
normal range, is read off the very program and run (`oracle.arithmetic.degree`). Noise is scaled by sqrt(r): r = 4^k.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.degree import Degrees
from oracle.arithmetic.graded import Extent, NotHomogeneous, exponential
from oracle.claims.float_cases import (
    IN_RANGE,
    NO_THRESHOLD,
    NOISE,
    ONE_PROGRAM,
    POWER_OF_TWO,
    SCALED,
    counterexamples,
)
from oracle.claims.measured import Compared, judged
from oracle.claims.result import Assumption, Claim, Evaluated, shown, symbolic
from oracle.claims.scaled_rounding import scaled_bound
from oracle.claims.setting import Setting
from oracle.procedures.discretize import SCHEMES
from oracle.procedures.float_orders import stored
from oracle.procedures.float_programs import as_record, both, in_floats, program
from oracle.procedures.rescale import rescaled
from oracle.records.exact import Array
from oracle.records.layout import Samples
from oracle.records.network import Network
from oracle.records.precision import precision_model
from oracle.records.recurrence import Recurrence
from oracle.tolerance.statistic import scatter, statistic
from oracle.tolerance.step import one_step_bound

STATEMENT = (
    "In floating point, rescaling by r = 2^e and discretising agree bit for bit in either order, for every scheme, if "
    "the stored A, B, E, c and the step are scaled and nothing scaled leaves the normal range; for other r one step "
    "differs by at most the sum of both one-step rounding bounds."
)
LATEX = (
    r"r=2^e:\ \mathrm{fl}(D_{\Delta/r}R_r)=\mathrm{fl}(R_rD_\Delta)\ \text{bit for bit};\qquad "
    r"r>0:\ |\mathrm{fl}(D_{\Delta/r}R_r)-\mathrm{fl}(R_rD_\Delta)|\le\beta_{D}+\beta_{DR}"
)
EXACT_FACTOR = Fraction(4)
"""The factor of the bitwise part where the given one is no power of two."""
DOUBLE = precision_model("float64")
STATISTIC = "roundoff that the differences look like, in u"
"""Shown beside the slack, which is that of the worst case over all orders of summation."""
LEAST_NORMAL, MOST = -1022, 1024
"""Doubles from 2^-1022 to below 2^1024 are normal."""


def evaluate(setting: Setting) -> Evaluated:
    """Bits of every scheme at a power of two; differences beside their bounds at any other factor."""
    e = exponent(setting.r)
    factor = setting.r if e is not None else EXACT_FACTOR
    names = [name for name in SCHEMES if has_program(setting.net, name)]
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        found = {name: watched(setting, name) for name in names}
        assumptions = (
            _power(setting, e),
            _scaled(setting),
            _one_program(setting, found),
            _in_range(found, exponent(factor)),
            Assumption(
                NO_THRESHOLD, setting.scheme in SCHEMES, "fixed steps; nothing is compared but z with 0 by relu"
            ),
            Assumption(NOISE, True, "there is no noise in this network"),
        )
        if not names or not storable(setting):
            return Evaluated(assumptions, Fraction(0), None, ("there is nothing to run",))
        bits = [bitwise(setting, name, factor) for name in names]
        same = all(b.same for b in bits)
        texts = tuple(f"r = {shown(factor)}, {b.text}" for b in bits)
        if e is not None or setting.scheme not in names:
            gap = max((b.gap for b in bits if b.gap is not None), default=None)
            return Evaluated(assumptions, Fraction(0), Fraction(0) if same else gap, texts, fails=not same)
        seen = one_step(setting)
        return judged(assumptions, [within(setting, seen)], texts, {STATISTIC: roundoff(seen)}, fails=not same)


def exponent(r: Fraction) -> int | None:
    """e with r = 2^e, exactly."""
    whole = max(r.numerator, r.denominator)
    if min(r.numerator, r.denominator) != 1 or whole & (whole - 1):
        return None
    return whole.bit_length() - 1 if r >= 1 else 1 - whole.bit_length()


def has_program(net: Network, scheme: str) -> bool:
    """Exponential Euler needs a diagonal A."""
    return scheme != "exponential-euler" or net.field.A.is_diagonal


def storable(setting: Setting) -> bool:
    """Whether r and both steps are of the size of normal doubles."""
    least, most = Fraction(2) ** LEAST_NORMAL, Fraction(2) ** MOST
    return all(least <= part < most for part in (setting.r, setting.step, setting.step_after))


# -- the run, read with degrees ---------------------------------------------------------------------------------------
class Watched(NamedTuple):
    """The degree of the result of a program, what breaks homogeneity, and the extents of what is scaled."""

    degree: int | None
    broken: str
    extents: dict[int, Extent]


def watched(setting: Setting, scheme: str) -> Watched:
    """Every quantity of a run with the power of r it carries, computed as the run computes it."""
    ops = Degrees()
    try:
        coefficients = rescaled(as_record(stored(setting.net.field)), ops.number(1.0, 1))
        step = program(coefficients, scheme, ops.number(float(setting.step), -1), exponential)
        for part in (coefficients.A, coefficients.B, coefficients.E):
            ops.watch(part)
        degrees = {0}

        def moved(h: Array, x: Array) -> Array:
            value = step(ops, ops.lift(h), ops.lift(x))
            degrees.add(value.degree)
            return np.asarray(ops.lower(value))

        trajectory(moved, setting.run)
    except NotHomogeneous as error:
        return Watched(None, str(error), ops.extents)
    return Watched(max(degrees, key=abs), "", ops.extents)


def trajectory(step: Callable[[Array, Array], Array], run: Samples) -> Array:
    """A run (K + 1, batch, N)."""
    H = np.empty((run.steps + 1, run.batch, run.h0.shape[1]))
    H[0] = run.h0
    for k in range(run.steps):
        H[k + 1] = step(H[k].T, run.X[k].T).T
    return H


def _one_program(setting: Setting, found: dict[str, Watched]) -> Assumption:
    broken = [
        f"{name}: {seen.broken or 'a result of degree ' + str(seen.degree)}"
        for name, seen in found.items()
        if seen.degree != 0
    ]
    if broken:
        return Assumption(ONE_PROGRAM, False, "; ".join(broken))
    if setting.scheme not in found:
        return Assumption(ONE_PROGRAM, False, f"{setting.scheme} has no program where A is dense")
    text = f"{', '.join(found)}: every sum is of one degree in r, the argument of s and the result of degree 0 (proved)"
    return Assumption(ONE_PROGRAM, True, f"{text}; both orders run the same code")


def _in_range(found: dict[str, Watched], e: int | None) -> Assumption:
    """Whether every scaled quantity of the run is normal before and after, whatever the order of its sums."""
    assert e is not None, "a power of two"
    pairs = [(extent, e * degree) for seen in found.values() for degree, extent in seen.extents.items()]
    least = min((extent.least + min(shift, 0) for extent, shift in pairs), default=0)
    largest = max((extent.largest + max(shift, 0) for extent, shift in pairs), default=0)
    grid = min((extent.grid + min(shift, 0) for extent, shift in pairs), default=0)
    most = max((extent.most + max(shift, 0) for extent, shift in pairs), default=0)
    seen = f"scaled quantities of the run between 2^{least} and 2^{largest + 1}"
    if least < LEAST_NORMAL or largest >= MOST:
        return Assumption(IN_RANGE, False, f"{seen}: not all of them normal" if largest < MOST else "overflow")
    certain = grid >= LEAST_NORMAL and most <= MOST
    text = f"{seen}, partial sums in any order zero or between 2^{grid} and 2^{most} (exhaustive over this run)"
    return Assumption(IN_RANGE, True if certain else "undecided", text)


def _power(setting: Setting, e: int | None) -> Assumption:
    text = f"r = 2^{e} (exact)" if e is not None else f"r = {shown(setting.r)} is none: bits are compared at r = 4"
    return Assumption(POWER_OF_TWO, True, text)


def _scaled(setting: Setting) -> Assumption:
    met = setting.step_after * setting.r == setting.step
    relation = "Delta / r" if met else shown(setting.step_after)
    return Assumption(SCALED, met, f"Delta = {shown(setting.step)}, Delta' = {relation} (exact)")


# -- both orders ------------------------------------------------------------------------------------------------------
class Bits(NamedTuple):
    """Two runs: whether all bits agree, the largest difference (exact; None where one is not finite), in words."""

    same: bool
    gap: Fraction | None
    text: str


def orders(setting: Setting, scheme: str, r: Fraction) -> tuple[Any, Any]:
    """R_r D_Delta and D_{Delta/r} R_r as float64 steps."""
    rescaled_step = setting.step_after * setting.r == setting.step
    after = float(setting.step) / float(r) if rescaled_step else float(setting.step_after)
    first, second = both(setting.net.field, scheme, setting.step, r, after)
    return in_floats(first), in_floats(second)


def bitwise(setting: Setting, scheme: str, r: Fraction) -> Bits:
    """Both runs, compared as 64-bit patterns."""
    H, K = (trajectory(step, setting.run) for step in orders(setting, scheme, r))
    count = int(np.sum(H.view(np.int64) != K.view(np.int64)))
    gap = _largest(H, K)
    if not count:
        return Bits(True, gap, f"{scheme}: all {H.size} states of {setting.run.steps} steps agree in every bit")
    size = "not finite" if gap is None else f"at most {float(gap):.6g} (exact)"
    return Bits(False, gap, f"{scheme}: {count} of {H.size} states differ, {size}")


def _largest(H: Array, K: Array) -> Fraction | None:
    different = H != K
    pairs = list(zip(H[different].tolist(), K[different].tolist(), strict=True))
    if not all(np.isfinite(pair).all() for pair in pairs):
        return None
    return max((abs(Fraction(a) - Fraction(b)) for a, b in pairs), default=Fraction(0))


class Moved(NamedTuple):
    """One step of both orders from the states of the first run: the recurrence, states and inputs, |difference|."""

    rec: Recurrence
    H: Array
    X: Array
    gap: Array


def one_step(setting: Setting) -> Moved:
    """Both orders as they are computed in float64."""
    run = setting.run
    first, second = orders(setting, setting.scheme, setting.r)
    H = trajectory(first, run)[:-1]
    H, X = np.ascontiguousarray(H.reshape(-1, H.shape[2]).T), run.columns()
    rec = setting.net.discretize(setting.step, setting.scheme)
    return Moved(rec, H, X, np.abs(first(H, X) - second(H, X)))


def within(setting: Setting, seen: Moved) -> Compared:
    """Differences after one step, and the sum of both bounds."""
    rec, H, X, gap = seen
    bound = one_step_bound(rec, H, X, DOUBLE) + scaled_bound(rec, H, X, DOUBLE)
    # The subtraction rounds to nearest, and so does the sum of the bounds.
    low, high = np.nextafter(gap, 0), np.where(gap == 0, 0.0, np.nextafter(gap, np.inf))
    name = f"{setting.scheme} at r = {shown(setting.r)}, one step, bound proved"
    return Compared(name, low.ravel(), high.ravel(), np.nextafter(bound, 0).ravel(), 0.0, "float64")


def roundoff(seen: Moved) -> float:
    """The roundoff that the differences look like, in units of 2^-53: about 1 or below for two honest runs.

    The bound is for the worst order of every sum and every rounding at its largest; this is the precision statistic
    with the scatter of two runs, sqrt(2) times that of one.
    """
    scale = np.sqrt(2) * scatter(seen.rec, seen.H, seen.X)
    return statistic(seen.gap, scale, DOUBLE).ratio


CLAIM = Claim("C12", "floating point", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c12_floating_point"))
