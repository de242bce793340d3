"""b s(P) from the table: at its points, halfway between them and beside that, beyond its ends, tiny; against mpmath."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from oracle.kernels.outer import Curved

GAINS = {
    "one": Fraction(1),
    "three tenths": Fraction(3, 10),
    "thirds": np.array([Fraction(k, 3) for k in range(1, 5)], dtype=object),
}


def arguments(per_unit: int) -> Any:
    """Rows of four."""
    rng = np.random.default_rng(1)
    half = (rng.integers(-22 * 256, 22 * 256, 60) + 0.5) / per_unit
    odd = [0.0, -0.0, 5e-324, 1e-300, 22.0, -22.0, 22.001, 44.0, -44.0, 43.99, 2**-9, -(2**-9), 1e300, -1e300, 700.0]
    normal = np.concatenate([rng.normal(0, 3, 100), rng.normal(0, 1e-5, 45)])
    return np.concatenate([half, np.nextafter(half, 99), np.nextafter(half, -99), odd, normal]).reshape(-1, 4)


def missed(curved: Curved, activation: str, b: Any) -> Any:
    """How far each value is off, over what is claimed."""
    P = arguments(curved.table.per_unit)
    found = curved.value(P.copy(), None, lambda name, *shape: np.empty(shape[:2], *shape[2:]))
    exact = mpmath.mp.clone()
    exact.prec = 200
    ratio = np.empty(P.shape)
    for row, unit in np.ndindex(P.shape):
        z = exact.mpf(float(P[row, unit]))
        gain = b[unit] if isinstance(b, np.ndarray) else b
        s = exact.tanh(z) if activation == "tanh" else 1 / (1 + exact.exp(-z))
        value = sum(exact.mpf(float(part[row, unit])) for part in (found.head, found.change, found.tail))
        claimed = exact.mpf(float(found.error[row, unit])) * exact.mpf(2) ** -53 + exact.mpf(2) ** -1070
        ratio[row, unit] = abs(s * gain.numerator / gain.denominator - value) / claimed
    return ratio


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_values_are_within_what_is_claimed(activation: str, gain: str) -> None:
    """With zero tolerance; beside the right point of the table nothing is, but where s is flat."""
    curved = Curved(activation, GAINS[gain])
    assert missed(curved, activation, GAINS[gain]).max() <= 1
    curved.first += 1
    assert np.mean(missed(curved, activation, GAINS[gain]) > 1) > 0.3
