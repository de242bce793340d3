"""The emulated formats round as the formats do; without that, what the oracle says of them would mean nothing."""

from fractions import Fraction

import numpy as np
import pytest

from real.emulation import SIGNIFICANT_BITS, narrowed, run_elman, to_significant


def patterns(count=200_000):
    """float32 numbers: random bit patterns, all bfloat16 ties of one binade, subnormals, the ends of the range."""
    rng = np.random.default_rng(12)
    raw = rng.integers(0, 2**32, size=count, dtype=np.uint64).astype(np.uint32)
    ties = np.uint32(0x3F800000) + np.arange(2**23, step=2**12, dtype=np.uint32)
    subnormal = rng.integers(0, 2**23, size=5000, dtype=np.uint32)
    special = np.array([0, 1 << 31, 0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x7F800000, 0xFF800000], dtype=np.uint32)
    return np.concatenate([raw, ties, subnormal, special]).view(np.float32)


def test_bfloat16_is_that_of_torch():
    """Bit for bit on 200,000 random patterns, all ties of a binade, subnormals and overflow; truncation differs."""
    torch = pytest.importorskip("torch")
    values = patterns()
    expected = torch.tensor(values).to(torch.bfloat16).float().numpy()
    ours = to_significant(values, SIGNIFICANT_BITS["bfloat16"])
    assert np.array_equal(expected, ours, equal_nan=True)
    truncated = (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    assert not np.array_equal(expected, truncated, equal_nan=True)


@pytest.mark.parametrize("bits", SIGNIFICANT_BITS.values())
def test_rounding_is_to_nearest_even(bits):
    """Against numpy.rint of the scaled significand (float64, where the scaling is exact), on normal numbers."""
    values = patterns(20_000)
    values = values[np.isfinite(values) & (np.abs(values) >= np.finfo(np.float32).tiny)]
    significand, exponent = np.frexp(values.astype(np.float64))
    expected = np.ldexp(np.rint(significand * 2.0**bits), exponent - bits)
    with np.errstate(over="ignore"):
        expected = expected.astype(np.float32)
    assert np.array_equal(expected, to_significant(values, bits))
    assert not np.array_equal(expected, to_significant(values, bits + 1))


def test_tf32_keeps_ten_bits_after_the_point():
    """1 + 2^-10 is a TF32 number, 1 + 2^-11 is a tie to 1, 1 + 3 2^-11 a tie to 1 + 2^-9."""
    given = np.array([1 + 2.0**-10, 1 + 2.0**-11, 1 + 3 * 2.0**-11, -1 - 2.0**-11 - 2.0**-20], dtype=np.float32)
    assert to_significant(given, 11).tolist() == [1 + 2.0**-10, 1.0, 1 + 2.0**-9, -1 - 2.0**-10]


def elman_by_hand(W, M, biases, X, h0, products):
    """The same recurrence with exact sums of the rounded factors: what float32 accumulation approximates."""

    def dot(row, v):
        return sum((Fraction(float(a)) * Fraction(float(b)) for a, b in zip(row, v, strict=True)), Fraction(0))

    W, M, X = (narrowed(np.float32(part), products) for part in (W, M, X))
    H = [np.float32(h0)]
    for x in X:
        h = narrowed(H[-1], products)
        z = [
            float(dot(W[i], h) + dot(M[i], x) + sum(Fraction(float(bias[i])) for bias in biases)) for i in range(len(W))
        ]
        H.append(np.tanh(np.array(z)).astype(np.float32))
    return np.array(H)


@pytest.mark.parametrize("products", ["tf32", "bfloat16", "float16", None])
def test_the_recurrence_rounds_its_factors(products):
    """One step agrees with exact sums of the rounded factors to float32 rounding, and with no other format's.

    The bound: at most n + 3 float32 roundings of a sum whose terms add up to `size`, and 4 ulp for tanh.
    """
    rng = np.random.default_rng(1)
    N, inputs = 9, 3
    W, M, h0 = rng.normal(size=(N, N)), rng.normal(size=(N, inputs)), rng.normal(size=N)
    X, biases = rng.normal(size=(1, inputs)), [rng.normal(size=N).astype(np.float32) for _ in range(2)]
    H = run_elman(W, M, biases, X, h0, products)
    size = np.abs(W) @ np.abs(h0) + np.abs(M) @ np.abs(X[0]) + sum(np.abs(b) for b in biases)
    allowed = (N + inputs + 3) * 2.0**-24 * 1.01 * size + 8 * 2.0**-24
    for other in ("tf32", "bfloat16", "float16", None):
        expected = elman_by_hand(W, M, biases, X, h0, other)
        inside = np.all(np.abs(H[1] - expected[1]) <= allowed)
        same_grid = {other, products} <= {"tf32", "float16"}  # both have 11 bits, and differ only in range
        assert inside == (other == products or same_grid)


def test_batches_are_trajectories_of_their_own():
    """Every trajectory of a batch follows its single run: two float32 sums of n terms differ by at most 2 n u size."""
    rng = np.random.default_rng(2)
    W, M = rng.normal(size=(5, 5)) / 2, rng.normal(size=(5, 2))
    X, h0 = rng.normal(size=(6, 3, 2)), rng.normal(size=(3, 5))
    H = run_elman(W, M, [], X, h0, "tf32")
    assert (H.shape, H.dtype) == ((7, 3, 5), np.float32)
    assert run_elman(W, M, [], X[:, 0], h0[0], dtype=np.float64).dtype == np.float64
    size = np.abs(h0) @ np.abs(W).T + np.abs(X[0]) @ np.abs(M).T
    allowed = 2 * 2.0**-24 * (7 * size * 1.01 + 8)  # and 4 ulp of 2u for either tanh
    for trial in range(3):
        alone = run_elman(W, M, [], X[:, trial], h0[trial], "tf32")
        assert np.all(np.abs(alone[1] - H[1, trial]) <= allowed[trial])
        assert np.any(np.abs(alone[1] - H[1, trial - 1]) > allowed[trial])
