"""Named noise for a given recurrence: every scale at every site, and which of them are one and the same."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.noise import SCALES, SITES, Noise, clock, squared, squares
from oracle.records.operator import spread
from oracle.records.recurrence import Recurrence


class Hypothesis(NamedTuple):
    """Noise of standard deviation `size` (N,) at a site, under all names it has."""

    names: tuple[str, ...]
    site: str
    size: Array


def promise(rec: Recurrence, noise: Noise) -> Hypothesis:
    """What was promised, under all names of the same noise."""
    first = _hypothesis(rec, name(noise.scale, str(noise.site)), str(noise.site), noise.variance(clock(rec)))
    same = next(h for h in hypotheses(rec, noise) if same_noise(h, first))
    return same._replace(names=(*first.names, *(other for other in same.names if other not in first.names)))


def name(scale: str, site: str) -> str:
    """The finding's name: the site is said where it is not the usual one of the scale."""
    return f"noise:{scale}" if site == SCALES[scale].site else f"noise:{scale}-{site}"


def hypotheses(rec: Recurrence, noise: Noise) -> list[Hypothesis]:
    """Every scale at every site; scales that are equal for this recurrence are one hypothesis."""
    found: list[Hypothesis] = []
    for scale, square in squares(clock(rec)).items():
        for site in SITES:
            one = _hypothesis(rec, name(scale, site), site, square * squared(noise.sigma))
            same = [i for i, h in enumerate(found) if same_noise(h, one)]
            if same:
                found[same[0]] = found[same[0]]._replace(names=(*found[same[0]].names, *one.names))
            else:
                found.append(one)
    return found


def _hypothesis(rec: Recurrence, named: str, site: str, variance: Any) -> Hypothesis:
    """The hypothesis; where s is the identity, noise inside is noise outside, multiplied by B."""
    size = np.broadcast_to(np.sqrt(np.asarray(variance, dtype=np.float64)), (rec.N,))
    p = rec.parameters
    if site == "inside" and isinstance(p, Lure) and p.activation == "identity" and p.B.is_diagonal:
        gain = [abs(Float64().number(entry)) for entry in spread(p.B.diagonal_factor(), rec.N)]
        return Hypothesis((named,), "outside", size * np.array(gain))
    return Hypothesis((named,), site, size)


def same_noise(a: Hypothesis, b: Hypothesis) -> bool:
    """Equal up to the rounding of square roots; exact scales that differ, differ by far more."""
    return a.site == b.site and bool(np.all(np.abs(a.size - b.size) <= 2.0**-48 * np.abs(b.size)))
