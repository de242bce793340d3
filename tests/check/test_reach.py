"""Up to where the draws inside a nonlinearity are told: the slope there, and the kinks."""

from __future__ import annotations

import numpy as np
import pytest

from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.inverses import inverse
from oracle.check.reach import extent, steep, told
from oracle.equations.activations import ACTIVATIONS
from oracle.records.names import CATALOGUE

FLAT = np.array([[1e-11], [1e-4], [0.1]])
MONOTONE = [name for name in CATALOGUE if name not in ("sin", "silu", "gelu", "gelu-tanh")]


def slope(name: str, z: np.ndarray) -> np.ndarray:
    """s'(z)."""
    kind, ops = ACTIVATIONS[name], Float64()
    return np.asarray(kind.slope(ops, kind.value(ops, z), z))


def test_which_are_told() -> None:
    """All that are monotone; not an expression, whose slopes nobody gave, nor a leaky relu that falls."""
    assert [name for name in CATALOGUE if told(name)] == MONOTONE
    assert not told("z / (1 + abs(z))")
    assert not told("leaky-relu(-0.1)")
    assert extent("tanh") == (-1, 1)
    assert extent("elu") == (-1, np.inf)


@pytest.mark.parametrize("name", MONOTONE)
def test_the_slope_is_at_least_flat_between_and_less_beyond(name: str) -> None:
    """On both sides, checked on a grid of arguments between and just beyond."""
    low, high, left, right = steep(name, FLAT)
    for i, flat in enumerate(FLAT.ravel()):
        a, b = max(low[i, 0], -50.0), min(high[i, 0], 50.0)
        middle = np.linspace(a, b, 101)[1:-1]
        assert np.all(slope(name, middle) >= flat * (1 - 1e-3) - 2.0**-50), (name, flat)
        beyond = [point for point, side in ((a - 1e-2, low), (b + 1e-2, high)) if abs(side[i, 0]) < 50]
        assert all(slope(name, np.array([point]))[0] < flat for point in beyond), (name, flat)
    kinked = name.split("(")[0] in ("relu", "hardtanh")
    assert bool((left | right).all()) == kinked


def test_inverse_of_erf() -> None:
    """To a few ulp of erf; infinite at the ends, NaN beyond."""
    y = np.concatenate([np.linspace(-0.999999, 0.999999, 999), [1 - 2.0**-50, 1e-300, 0.0]])
    back = ACTIVATIONS["erf"].value(Float64(), inverse("erf", y))
    assert np.max(np.abs(back - y)) <= 4 * 2.0**-53
    assert np.array_equal(inverse("erf", np.array([-1.0, 1.0])), [-np.inf, np.inf])
    assert np.isnan(inverse("erf", np.array([1.5]))).all()
