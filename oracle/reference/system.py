"""What a certified flow is followed with and made of: the system, the state a step begins in, the step it gives."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from fractions import Fraction
from math import ceil
from typing import Any

from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.suprema import bounded_slopes
from oracle.equations.activations import ACTIVATIONS
from oracle.records.lure import Lure
from oracle.records.names import parsed
from oracle.reference import cauchy
from oracle.reference.defect import Gains, Watched, defect
from oracle.reference.expansion import Linear
from oracle.reference.limits import not_proved
from oracle.reference.lognorm import Norm
from oracle.reference.regions import Pattern

REGIONAL = ("identity", "relu", "leaky-relu", "hardtanh", "elu", "square")
"""Activations that are continuous, and analytic between their kinks: linear, or with a bound on complex discs."""
_NO_STRIP = "no bound of it on complex discs is known, which bounds what a Taylor series leaves out"
_BEYOND = 1.15  # length of the checked series over that of the polynomial: Cauchy's R is smaller than the true radius


def require_known(activation: str) -> None:
    """Refuse an activation of which nothing is known on complex discs, and that is not followed in regions."""
    if parsed(activation)[0] not in REGIONAL and not cauchy.known(activation):
        raise not_proved(activation, _NO_STRIP)


@dataclass(frozen=True)
class System:
    """A field, the norm its errors are measured in, and what is evaluated once.

    With `local` the rate of the norm and the gains are those of slopes about the first state: estimates, which steps
    replace by their own (`local_rates`).
    """

    lure: Lure
    norm: Norm
    gains: Gains
    linear: Linear
    pattern: Pattern | None = None
    local: bool = False
    kept: dict[Any, Any] = attribute(default_factory=dict)

    @staticmethod
    def of(lure: Lure, norm: Norm, slopes: tuple[Fraction, Fraction] | None = None) -> System:
        """Evaluate what does not change; slopes of all arguments unless a range is given, those about the first state.

        Raises
        ------
        oracle.reference.limits.NotProved
            Nothing is known of the activation on complex discs, and it is not followed in regions.
        """
        require_known(lure.activation)
        gains = Gains.of(lure, slopes or bounded_slopes(lure.activation))
        return System(lure, norm, gains, Linear(lure), local=slopes is not None)

    @property
    def tailless(self) -> bool:
        """Whether s of a polynomial is one, in a region at least."""
        return not cauchy.known(self.lure.activation)

    @property
    def kinks(self) -> tuple[Fraction, ...]:
        """Where s is not analytic."""
        return ACTIVATIONS[self.lure.activation].kinks

    def curved(self, z: Any) -> Any:
        """The rows of z whose s has a tail; None where none has: one branch of elu is linear, of a power zero."""
        if self.tailless or self.pattern is None:
            return None if self.tailless else z
        length, entries = z.ncols(), z.entries()
        curved = int(parsed(self.lure.activation)[0] == "square")
        rows = [j for j, below in enumerate(self.pattern) if below == curved]
        kept = [entry for j in rows for entry in entries[j * length : (j + 1) * length]]
        return arb_mat(len(rows), length, kept) if rows else None

    def length(self, P: int) -> int:
        """How many coefficients of the defect are computed for a polynomial of degree P."""
        return P + 1 if self.tailless else ceil(P * _BEYOND) + 1

    def kink_tolerance(self, log2_rate: float) -> Any:
        """How far z may be beyond a kink: what costs an eighth of the tolerance, exact; use inside `precision`."""
        gain = self.norm.of([entry.abs_upper() for entry in self.gains.tail.entries()])
        return (arb(2) ** arb(log2_rate - 3) / gain.max(arb(1))).mid()

    def series(self, length: int) -> Watched:
        """The arithmetic of series of a length."""
        return Watched(length, self.kept, self.pattern)

    def look(self, p: Any, piece: Any, unit: Fraction, bits: int, length: int) -> tuple[Any, Watched]:
        """The defect's coefficients at a precision, and the evaluation they come from."""
        with precision(bits, length):
            ops = self.series(length)
            return defect(self.lure, p, piece.in_balls(unit, length), ops.rational(unit), ops), ops


@dataclass(frozen=True)
class State:
    """Where a step begins: an exact centre y (N, 1), and norms of what it is off by.

    Attributes
    ----------
    error : arb
        Of the computation.
    spread : arb
        Of the initial set, carried along: a bound of the distance that its members may be apart from the centre.
    pattern : tuple of bool or None
        The region at the end of the last step, whose input may have been another; None: s has no kinks.
    """

    t: Fraction
    y: Any
    error: Any
    spread: Any
    pattern: Pattern | None = None


@dataclass(frozen=True)
class Step:
    """x(start + L sigma) is within error + spread of sum p_k sigma^k for 0 <= sigma <= q, in the norm.

    Attributes
    ----------
    error, spread : arb
        Of the computation and of the initial set, anywhere on the step.
    end : State
        What follows.
    """

    start: Fraction
    unit: Fraction
    q: Fraction
    p: Any
    error: Any
    spread: Any
    end: State

    def at(self, t: Fraction, norm: Norm, bits: int) -> tuple[list[Any], list[Any], list[Any]]:
        """Middles, radii of the computation and of the initial set at a time inside the step: exact arbs."""
        with precision(bits):
            value = evaluated(self.p, (t - self.start) / self.unit).entries()
            spreads = norm.entries(self.spread, len(value))
            errors = norm.entries(self.error, len(value))
            radii = [(v.rad() + e).abs_upper() for v, e in zip(value, errors, strict=True)]
            return [v.mid() for v in value], radii, spreads


def evaluated(p: Any, sigma: Fraction) -> Any:
    """p(sigma) as balls; use inside `precision`."""
    ratio = Ball().rational(sigma)
    powers = [arb(1)]
    for _ in range(1, p.ncols()):
        powers.append(powers[-1] * ratio)
    return p * arb_mat(p.ncols(), 1, powers)
