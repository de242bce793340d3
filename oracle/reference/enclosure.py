"""The result of `oracle.reference`: middles, radii, and what the radii are worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor, inf, log10
from typing import Any

import mpmath
import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, objects

# Room for the rounding of `magnitude` (a log10 in float64) when certified digits are counted. The integer part is
# log10(2) times an exponent below 2^40, so its error is below 2^40 2^-53 < 2^-12.
_COUNTING_SLACK = 2.0**-12


@dataclass(frozen=True, eq=False)
class Enclosure:
    """Values with an error bound.

    Attributes
    ----------
    mid : ndarray of mpf
        Middles, exact. (K+1, N) or (K+1, batch, N) for a recurrence, (len(times), N) for a flow.
    rad : ndarray of mpf
        |true value - mid| <= rad, entry by entry; rounded up.
    status : str
        "proved": the bound is certified in ball arithmetic. "observed": it is `reference.flow.SAFETY` times what two
        computations of different order and precision differ by, which is evidence and not a proof.
    agreement : mpf or None
        Flows: the largest |difference| / max(1, |value|) between those two computations.
    bits : int
        Working precision of the computation that gave the middles.
    method : str
        How the numbers came about.
    """

    mid: Array
    rad: Array
    status: str
    agreement: Any = None
    bits: int = 0
    method: str = ""

    def __post_init__(self) -> None:
        assert self.mid.shape == self.rad.shape, "one radius per middle"
        assert self.status in ("proved", "observed"), self.status
        for array in (self.mid, self.rad):
            array.setflags(write=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of `mid` and `rad`."""
        return self.mid.shape

    def single(self) -> Enclosure:
        """The only trajectory of a batch of one, without its axis."""
        return replace(self, mid=self.mid[:, 0], rad=self.rad[:, 0])

    def float64(self) -> Array:
        """The middles rounded to the nearest float64."""
        return self.mid.astype(np.float64)

    @property
    def digits(self) -> float:
        """The largest whole d with rad <= 10^-d max(1, |value|) at every entry; inf where every radius is zero."""
        worst = -inf
        for m, r in zip(self.mid.ravel(), self.rad.ravel(), strict=True):
            if r:
                lowest = abs(exact(m)) - exact(r)
                worst = max(worst, magnitude(r) - max(0.0, log10_of(lowest) if lowest > 1 else 0.0))
        return inf if worst == -inf else floor(-worst - _COUNTING_SLACK)

    def contains(self, values: Any) -> Array:
        """Which of these values lie inside: exact comparison, no tolerance.

        Parameters
        ----------
        values : array_like
            float, mpf, Fraction or int entries of the same shape.

        Returns
        -------
        ndarray of bool

        Raises
        ------
        oracle.BadInput
            The shape is another one.
        """
        given = np.asarray(values)
        if given.shape != self.shape:
            raise BadInput(
                f"values have shape {given.shape}; the enclosure has {self.shape}.",
                "h0 is missing in one of the two, or the batch axis is elsewhere.",
                "pass one value per entry of the enclosure.",
            )
        rows = zip(given.ravel().tolist(), self.mid.ravel(), self.rad.ravel(), strict=True)
        inside = [finite(v) and abs(exact(v) - exact(m)) <= exact(r) for v, m, r in rows]
        return np.array(inside, dtype=bool).reshape(self.shape)

    def __repr__(self) -> str:
        largest = max(self.rad.ravel(), default=mpmath.mpf(0))
        extent = "x".join(map(str, self.shape))
        agreement = "" if self.agreement is None else f", agreement {shown(self.agreement)}"
        return f"<oracle.Enclosure {extent}, radius <= {shown(largest)} ({self.status}{agreement})>"


def exact(value: Any) -> Fraction:
    """A finite float, mpf, int or Fraction as the rational it is."""
    if hasattr(value, "_mpf_"):
        sign, man, exponent, _ = value._mpf_
        signed = -int(man) if sign else int(man)
        return Fraction(signed << exponent) if exponent >= 0 else Fraction(signed, 1 << -exponent)
    return Fraction(value)


def finite(value: Any) -> bool:
    """Whether a number is neither infinite nor NaN."""
    return bool(mpmath.isfinite(value)) if hasattr(value, "_mpf_") or isinstance(value, float) else True


def magnitude(value: Any) -> float:
    """log10 |value| of a nonzero mpf of any exponent."""
    _, man, exponent, bits = value._mpf_
    lead = int(man >> max(bits - 53, 0))
    return log10(lead) + float(exponent + max(bits - 53, 0)) * log10(2.0)


def log10_of(value: Fraction) -> float:
    """log10 of a positive rational of any size."""
    shift = value.numerator.bit_length() - value.denominator.bit_length()
    scaled = value / Fraction(2) ** shift
    return log10(scaled) + shift * log10(2.0)


def shown(value: Any) -> str:
    """Three digits, rounded up: 1.24e-31, for any exponent."""
    if not value:
        return "0"
    logarithm = magnitude(value)
    power = floor(logarithm)
    lead = 10.0 ** (logarithm - power) * 1.005
    return f"{lead / 10:.2f}e{power + 1}" if lead >= 9.995 else f"{lead:.2f}e{power}"


def to_mpf(value: Any) -> Any:
    """An exact arb (a middle, a radius or a bound) as the mpf it is."""
    man, exponent = value.man_exp()
    return mpmath.mp.make_mpf(mpmath.libmp.from_man_exp(int(man), int(exponent)))


def mpf_array(entries: Iterable[Any], shape: tuple[int, ...]) -> Array:
    """Numbers as an object array."""
    return objects(entries).reshape(shape)
