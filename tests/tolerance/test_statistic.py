"""The precision statistic (observed) and the exact probe (proved): what separates formats where the bound cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.records.precision import PRECISIONS
from oracle.tolerance.exact_probe import exact_probe, exact_step
from oracle.tolerance.residuals import residuals
from oracle.tolerance.statistic import THRESHOLDS, Statistic, scatter, statistic

Array = NDArray[Any]
f32 = np.float32
FLOAT32 = PRECISIONS["float32"]


def cut(v: Array, bits: int, nearest: bool) -> Array:
    """float32 numbers with fewer bits of significand, rounded or truncated."""
    mantissa, exponent = np.frexp(v)
    scaled = mantissa * 2.0**bits
    return np.ldexp((np.rint if nearest else np.trunc)(scaled) / 2.0**bits, exponent).astype(f32)


def seen(N: int, bits: int | None, nearest: bool = True, wrong_unit: bool = False) -> Statistic:
    """The statistic of one elman step from 20 states in float32, products narrowed."""
    rng = np.random.default_rng(N)
    W, h = (rng.standard_normal((N, N)) / np.sqrt(N)).astype(f32), rng.standard_normal((N, 20)).astype(f32)
    rec = oracle.Recurrence.elman(W)
    V = W.copy()
    if wrong_unit:
        V[1] *= f32(1.001)
    after = np.tanh((V @ h if bits is None else cut(V, bits, nearest) @ cut(h, bits, nearest)).astype(f32))
    wide, X = h.astype(np.float64), np.zeros((0, 20))
    error = residuals(rec, wide, after.astype(np.float64), X, np.full(h.shape, np.inf)).upper
    return statistic(error, scatter(rec, wide, X), FLOAT32)


@pytest.mark.parametrize("N", [1, 2, 8, 64, 256])
def test_float32_looks_like_float32(N: int) -> None:
    """Within a factor of 8 of its unit roundoff, far from any threshold."""
    found = seen(N, None)
    assert found.precision == "float32"
    assert 1 / 8 < found.roundoff * 2.0**24 < 8


@pytest.mark.parametrize("nearest", [True, False])
@pytest.mark.parametrize(("bits", "name"), [(11, "tf32"), (8, "bfloat16")])
@pytest.mark.parametrize("N", [8, 64, 256])
def test_narrow_products_look_like_themselves(N: int, bits: int, name: str, nearest: bool) -> None:
    """TF32 and bfloat16 factors, rounded or truncated, at every size."""
    assert seen(N, bits, nearest).precision == name


def test_one_wrong_unit_is_no_precision() -> None:
    """The median over units: one row of weights off by 1e-3 leaves the format what it is."""
    assert seen(64, None, wrong_unit=True).precision == "float32"


def test_thresholds_are_in_order() -> None:
    """Each belongs to a coarser format than the last, and beyond the last it is no rounding."""
    limits = [limit for limit, _ in THRESHOLDS]
    assert limits == sorted(limits)
    assert statistic(np.ones((3, 2)), np.ones((3, 2)), FLOAT32).precision is None


@pytest.mark.parametrize(("N", "I"), [(1, 0), (5, 3), (200, 56), (1000, 24), (1500, 0)])
def test_the_exact_probe_is_exact_in_float32_in_any_order_and_wrong_in_tf32(N: int, I: int) -> None:
    """Every order of summation in float32 gives the exact integer sums; TF32 factors change every unit."""
    probe = exact_probe(N, I)
    W = np.concatenate([np.asarray(probe.rec.W), np.asarray(probe.rec.M)], axis=1).astype(f32)
    v = np.concatenate([probe.h0, probe.X[0]]).astype(f32)
    exact = exact_step(probe)
    rng = np.random.default_rng(0)
    for order in (np.arange(N + I), np.arange(N + I)[::-1], rng.permutation(N + I)):
        total = np.zeros(N, dtype=f32)
        for j in order:
            total = total + W[:, j] * v[j]
        np.testing.assert_array_equal(total, exact)
    np.testing.assert_array_equal(W @ v, exact)
    for nearest in (True, False):
        assert np.all((W @ cut(v, 11, nearest)).astype(np.float64) != exact)


def test_probes_that_would_not_be_exact_are_refused() -> None:
    """More than 4096 terms."""
    with pytest.raises(oracle.BadInput, match="5000"):
        exact_probe(5000)
