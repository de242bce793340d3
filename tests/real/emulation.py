"""An Elman recurrence as narrow hardware computes it: the factors of every product rounded, sums in float32.

    z = round(W) round(h) + round(M) round(x) + b_1 + b_2 + ...,   h+ = tanh(z)

TF32 and bfloat16 tensor cores multiply factors of 11 and 8 significant bits (the hidden one counted) exactly and add in
float32 (NVIDIA A100 whitepaper, "TensorFloat-32"). Rounding here is to nearest, ties to even.
"""

import numpy as np

SIGNIFICANT_BITS = {"tf32": 11, "bfloat16": 8}
STORED = 23  # significand bits of float32 in memory


def to_significant(values, bits):
    """float32 values rounded to nearest, ties to even, to this many significant bits; the exponent range is float32's.

    Adding just under half of the last kept place, plus its own last bit, carries into the kept bits exactly where
    rounding goes up; a carry out of the significand raises the exponent, and out of the largest number gives infinity.
    """
    values = np.asarray(values, dtype=np.float32)
    dropped = STORED - (bits - 1)
    raw = values.view(np.uint32)
    odd = (raw >> np.uint32(dropped)) & np.uint32(1)
    moved = raw + np.uint32((1 << (dropped - 1)) - 1) + odd
    rounded = (moved & np.uint32(0xFFFFFFFF << dropped & 0xFFFFFFFF)).view(np.float32)
    return np.where(np.isfinite(values), rounded, values)


def narrowed(values, products):
    """The factor of a product in the named format, as float32; unchanged for None."""
    if products is None:
        return values
    if products == "float16":
        return values.astype(np.float16).astype(np.float32)
    return to_significant(values, SIGNIFICANT_BITS[products])


def run_elman(W, M, biases, X, h0, products=None, dtype=np.float32):
    """States H (K+1, N) or (K+1, batch, N) of tanh(W h + M x + sum of biases).

    Parameters
    ----------
    W, M : ndarray, (N, N), (N, I)
    biases : sequence of ndarray, (N,)
    X : ndarray, (K, I) or (K, batch, I)
    h0 : ndarray, (N,) or (batch, N)
    products : {"tf32", "bfloat16", "float16", None}
        Format of the factors; with one, dtype is float32.
    dtype : dtype
        Of states, sums and activation.
    """
    assert products is None or np.dtype(dtype) == np.float32, "narrow factors are added in float32"
    W, M, X, h = (np.asarray(part, dtype=dtype) for part in (W, M, X, h0))
    W, M, X = (narrowed(part, products) for part in (W, M, X))
    states = [np.broadcast_to(h, (*X.shape[1:-1], len(W))).copy()]
    for x in X:
        z = narrowed(states[-1], products) @ W.T + x @ M.T
        for bias in biases:
            z = z + np.asarray(bias, dtype=dtype)
        states.append(np.tanh(z))
    return np.stack(states)
