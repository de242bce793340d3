"""Is a linear system stable, and up to which step is Euler: from enclosures of eigenvalues.

    continuous   Re lambda < 0 for all
    Euler        |1 + Delta lambda| < 1 for all, which for Re lambda < 0 is Delta < min -2 Re lambda / |lambda|^2

Stable means that perturbations decay; an eigenvalue on the boundary leaves it undecided in balls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from flint import acb, arb


class Threshold(NamedTuple):
    """Euler is stable exactly below `step`; without one it is `unstable` for every step, or not decided."""

    step: Any
    unstable: bool
    text: str


def decays(values: Sequence[Any]) -> bool | None:
    """Whether every eigenvalue of a continuous system has a negative real part; None where balls do not decide."""
    return _all_negative([value.real for value in values])


def contracts(values: Sequence[Any]) -> bool | None:
    """Whether every eigenvalue of a discrete system lies inside the unit circle."""
    return _all_negative([_squared(value) - 1 for value in values])


def _all_negative(numbers: Sequence[Any]) -> bool | None:
    if any(number > 0 for number in numbers):
        return False
    return True if all(number < 0 for number in numbers) else None


def threshold(values: Sequence[Any]) -> Threshold:
    """The largest step below which Euler is stable."""
    if decays(values):
        least: Any = None
        for value in values:
            bound = -2 * value.real / _squared(value)
            least = bound if least is None else least.min(bound)
        return Threshold(least, False, "all Re lambda < 0")
    if any(value.real > 0 for value in values):
        return Threshold(None, True, "unstable for every step: some Re lambda > 0")
    if any(value.real == 0 and not value.imag.contains(0) for value in values):
        return Threshold(None, True, "unstable for every step: some Re lambda = 0, lambda != 0 (exact)")
    return Threshold(None, False, "not decided: balls do not tell the sign of every Re lambda")


def below(step: Any, limit: Threshold) -> bool | None:
    """Whether Euler with this step is stable, by the threshold."""
    if limit.step is None:
        return False if limit.unstable else None
    step = arb(step)
    return True if step < limit.step else (False if step > limit.step else None)


def abscissa(values: Sequence[Any]) -> Any:
    """The largest real part."""
    largest = values[0].real
    for value in values[1:]:
        largest = largest.max(value.real)
    return largest


def radius(values: Sequence[Any]) -> Any:
    """The largest modulus."""
    largest = abs(acb(values[0]))
    for value in values[1:]:
        largest = largest.max(abs(acb(value)))
    return largest


def _squared(value: Any) -> Any:
    return value.real * value.real + value.imag * value.imag  # arb's power of a ball about zero is nan
