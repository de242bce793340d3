"""Noise of a stochastic step: how large, by which rule it depends on the step, and where it enters.

    outside   h+ = Phi(h, x) + g sigma xi                      inside   h+ = A h + B s(W h + M x + b + g sigma xi) + ..

xi is standard normal, one number per unit and step. The factors g in use, alpha = step / tau:

    sqrt-2alpha          sqrt(2 alpha)            Euler-Maruyama of tau h' = .. + sqrt(2 tau) sigma w'
    stationary           sqrt(1 - (1 - alpha)^2)  what is left of sigma after a long time is sigma exactly
    sqrt-alpha           sqrt(alpha)              the same without the 2
    alpha                alpha                    the noise is added to the drive, and vanishes with the step
    sqrt-step            sqrt(step)               Euler-Maruyama of h' = .. + sigma w'
    sqrt-step-over-tau   sqrt(step) / tau         Euler-Maruyama of tau h' = .. + sigma w'
    step                 step                     the square root was forgotten
    unscaled             1                        added as it is, and diverges as the step shrinks
    sqrt-2-over-alpha    sqrt(2 / alpha)          inside s, so that alpha s(.) would have sqrt(2 alpha) if s were linear

Squares of g are rational where the parameters are, so that two scales are compared exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, Time, exact_array, exact_scalar
from oracle.records.network import Network
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence

SITES = ("outside", "inside")


class Clock(NamedTuple):
    """alpha, step and tau of a step, each one number or one per unit; None where the record has no leak."""

    alpha: Time | None
    step: Fraction
    tau: Time | None


class Scale(NamedTuple):
    """A named factor g: its square as a function of (alpha, step, tau), in any arithmetic."""

    name: str
    formula: str
    square: Callable[[Any, Any, Any], Any]
    needs_leak: bool = True
    site: str = "outside"


SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale("sqrt-2alpha", "sqrt(2 alpha)", lambda alpha, step, tau: 2 * alpha),
        Scale("stationary", "sqrt(1 - (1 - alpha)^2)", lambda alpha, step, tau: 1 - (1 - alpha) * (1 - alpha)),
        Scale("sqrt-alpha", "sqrt(alpha)", lambda alpha, step, tau: alpha),
        Scale("alpha", "alpha", lambda alpha, step, tau: alpha * alpha),
        Scale("sqrt-step", "sqrt(step)", lambda alpha, step, tau: step, False),
        Scale("sqrt-step-over-tau", "sqrt(step) / tau", lambda alpha, step, tau: step / (tau * tau)),
        Scale("step", "step", lambda alpha, step, tau: step * step, False),
        Scale("unscaled", "1", lambda alpha, step, tau: Fraction(1), False),
        Scale("sqrt-2-over-alpha", "sqrt(2 / alpha)", lambda alpha, step, tau: 2 / alpha, True, "inside"),
    )
}
ALIASES = {"1": "unscaled", "sqrt-1-(1-alpha)^2": "stationary", "sqrt-step/tau": "sqrt-step-over-tau"}


def scale_named(name: Any) -> Scale:
    """A scale by its name.

    Raises
    ------
    oracle.BadInput
        No such scale; the nearest names are given.
    """
    known = ALIASES.get(str(name), str(name))
    if known in SCALES:
        return SCALES[known]
    near = get_close_matches(known, SCALES, n=2, cutoff=0.5)
    raise BadInput(
        f"the noise scale is {name!r}.",
        f"a misspelling of {' or '.join(near)}." if near else "it says how the noise of a step depends on the step.",
        f"use one of {', '.join(SCALES)}.",
    )


def clock(record: Recurrence) -> Clock:
    """alpha, step and tau of a recurrence as stated: from its leak, or from the network and the step it comes from."""
    origin = record.origin
    tau = _time_constant(origin.parent) if origin.name == "discretize" else None
    if tau is not None:
        step = origin.arguments["step"]
        return Clock(step / tau, step, tau)
    alpha = _leak(origin)
    return Clock(alpha, record.step, None if alpha is None else record.step / alpha)


def _leak(origin: Origin) -> Any:
    """alpha as given, 1 for Elman; a rescaled recurrence has that of its parent."""
    if origin.name == "elman":
        return Fraction(1)
    if origin.name == "rescale" and isinstance(origin.parent, Recurrence):
        return clock(origin.parent).alpha
    return origin.arguments.get("alpha")


def _time_constant(parent: Any) -> Any:
    """tau of a network in its own unit of time, where it was stated with one."""
    if not isinstance(parent, Network):
        return None
    if parent.origin.name == "rescale":
        tau = _time_constant(parent.origin.parent)
        return None if tau is None else tau / parent.origin.arguments["r"]
    return parent.origin.arguments.get("tau")


@dataclass(frozen=True, eq=False)
class Noise:
    """The noise a program promises.

    Parameters
    ----------
    sigma : number or array_like, (N,)
        Standard deviation before it is scaled, > 0; one per unit if it is an array.
    scale : str
        One of `oracle.records.noise.SCALES`: "sqrt-2alpha", "stationary", "sqrt-alpha", "alpha", "sqrt-step",
        "sqrt-step-over-tau", "step", "unscaled", "sqrt-2-over-alpha".
    site : {"outside", "inside"}, optional
        Whether it is added to the new state or to the argument of the nonlinearity; the usual one of the scale by
        default ("inside" for "sqrt-2-over-alpha" only).
    draws : array_like, (K, N) or (K, batch, N), optional
        The standard normal numbers of this very run, unscaled.

    Raises
    ------
    oracle.BadInput
        sigma is not positive, an unknown scale or site.
    """

    sigma: Any
    scale: str = "sqrt-2alpha"
    site: str | None = None
    draws: Any = None

    def __post_init__(self) -> None:
        known = scale_named(self.scale)
        per_unit = np.ndim(self.sigma) > 0
        sigma = exact_array(self.sigma, "sigma", 1) if per_unit else exact_scalar(self.sigma, "sigma")
        if not np.all(np.asarray(sigma) > 0):
            raise BadInput(
                f"sigma is {self.sigma!r}.",
                "a standard deviation is positive; without noise there is nothing to promise.",
                "pass sigma > 0, or leave noise out.",
            )
        site = known.site if self.site is None else self.site
        if site not in SITES:
            raise BadInput(f"site is {site!r}.", "a misspelling.", f"use one of {', '.join(SITES)}.")
        for name, value in (("sigma", sigma), ("scale", known.name), ("site", site)):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        sigma = "per unit" if isinstance(self.sigma, np.ndarray) else f"{float(self.sigma):g}"
        return f"Noise({SCALES[self.scale].formula} sigma xi {self.site} the nonlinearity, sigma {sigma})"

    def variance(self, at: Clock) -> Any:
        """(g sigma)^2 per step: a rational, or one per unit.

        Raises
        ------
        oracle.BadInput
            The scale asks for a leak, and the recurrence was stated without one.
        """
        square = squares(at).get(self.scale)
        if square is None:
            raise BadInput(
                f"the noise scale {self.scale} needs alpha.",
                "the recurrence is in the general form or gated: it has no time constant.",
                'use scale="unscaled" with the standard deviation of one step as sigma.',
            )
        sigma = squared(self.sigma)
        return square * sigma


def squares(at: Clock) -> dict[str, Any]:
    """g^2 of every scale that is defined at alpha, step and tau."""
    return {
        scale.name: scale.square(at.alpha, at.step, at.tau)
        for scale in SCALES.values()
        if at.alpha is not None or not scale.needs_leak
    }


def squared(sigma: Any) -> Any:
    """sigma^2, exactly."""
    if not isinstance(sigma, np.ndarray):
        return sigma * sigma
    exact: Array = np.array([Fraction(entry) ** 2 for entry in sigma.tolist()], dtype=object)
    return exact
