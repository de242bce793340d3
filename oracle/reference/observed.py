"""The flow of a network, observed: the mpmath integrator, run twice, and what the two runs differ by.

The second run has a fifth more order (of the other parity), its own steps, and ten more digits. The difference is the
error of the first run, observed; the values returned are those of the second, and `rad` is SAFETY times the difference.
That is evidence, not a proof: it is never called proved. It is the definition that everybody can check, and the
certified engine (`proved`) has to agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import mpmath

from oracle.equations.activations import ACTIVATIONS
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.enclosure import Enclosure, magnitude, mpf_array
from oracle.reference.limits import MOST_FLOW_DIGITS, NotReached
from oracle.reference.signals import Inputs
from oracle.reference.taylor import EXTRA_DIGITS, field_of, order_for, solve

SAFETY = 10  # the observed difference is off by less than the finer run's error, ten digits smaller; ten is generous
GUARD_DIGITS = 5  # up to 1000 steps, and errors that grow up to 100-fold on the way
FINER_DIGITS = 10  # of the second run


@dataclass(frozen=True)
class Flow:
    """One question: a field forward from time 0, its input, its initial state and the times."""

    lure: Lure
    inputs: Inputs
    h0: Array
    times: tuple[Fraction, ...]

    def run(self, digits: int, order: int) -> Array:
        """One run of the integrator."""
        return solve(field_of(self.lure), self.h0, self.inputs, self.times, order, digits, digits + EXTRA_DIGITS)


def follow(flow: Flow, digits: int) -> Enclosure:
    """The flow with |difference| <= 10^-digits max(1, |value|) / SAFETY between the two runs.

    Raises
    ------
    oracle.BadInput
        The activation is not analytic.
    oracle.reference.limits.NotReached
        The runs do not agree within MOST_FLOW_DIGITS digits of working precision.
    """
    _require_analytic(flow.lure)
    working = digits + GUARD_DIGITS
    while True:
        result = compare(flow, working)
        if result.digits >= digits:
            return result
        missing = digits - min(result.digits, digits)
        if working + missing + GUARD_DIGITS > MOST_FLOW_DIGITS:
            raise _disagree(result, digits, working)
        working += int(missing) + GUARD_DIGITS


def compare(flow: Flow, digits: int) -> Enclosure:
    """Two runs, aimed at `digits` and ten more; the radius is SAFETY times the largest difference so far."""
    order = order_for(digits)
    finer_order = ceil(order * 1.2)
    finer_order += (finer_order - order) % 2 == 0
    coarse = flow.run(digits, order)
    fine = flow.run(digits + FINER_DIGITS, finer_order)
    ctx = mpmath.MPContext()
    ctx.dps = digits + FINER_DIGITS + EXTRA_DIGITS
    unit = ctx.mpf(10) ** -(digits + EXTRA_DIGITS)
    worst = agreement = ctx.zero
    radii = []
    for a, b in zip(coarse, fine, strict=True):
        scale = max(ctx.one, *(abs(ctx.mpf(value)) for value in b))
        difference = max(abs(ctx.mpf(u) - ctx.mpf(v)) for u, v in zip(a, b, strict=True))
        agreement = max(agreement, difference / scale)
        worst = max(worst, difference, unit * scale)  # two runs that agree exactly still are rounded
        radii.extend([SAFETY * worst] * len(b))
    return Enclosure(
        mpf_array((_global(value) for value in fine.ravel()), fine.shape),
        mpf_array((_global(radius) for radius in radii), fine.shape),
        "observed",
        agreement=_global(agreement),
        bits=ctx.prec,
        method=f"Taylor, orders {order} and {finer_order}, {digits} and {digits + FINER_DIGITS} digits",
    )


def _global(value: Any) -> Any:
    """The same number as an mpf of mpmath's own context, which pickles; no digit is lost and no setting touched."""
    return mpmath.mp.make_mpf(value._mpf_)


def _require_analytic(lure: Lure) -> None:
    if not ACTIVATIONS[lure.activation].analytic:
        raise BadInput(
            f"the activation is {lure.activation}.",
            f"{lure.activation} has a kink, where a Taylor series ends.",
            "use an analytic activation here.",
        )


def _disagree(result: Enclosure, digits: int, working: int) -> NotReached:
    seen = f"1e{magnitude(result.agreement):.0f}" if result.agreement else "0"
    return NotReached(
        f"two runs at {working} and {working + FINER_DIGITS} digits agree to {seen} only; {digits} digits were asked.",
        "nearby trajectories separate: errors grow exponentially with time (chaos, or an unstable linear network).",
        "ask for earlier times or fewer digits.",
        agreement=result.agreement,
        working=working,
    )
