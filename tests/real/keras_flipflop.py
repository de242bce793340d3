"""A trained network of 400 units that is not part of the repository: weights and inputs, skipped where it is absent.

C. Jarne, "Exploring Flip Flop memories and beyond", arXiv 2010.07858: Keras SimpleRNN(400, tanh, no bias), float32, on
three pulse channels. Both kernels are (in, out): h+ = tanh(h @ recurrent_kernel + x @ kernel).

The environment variable RNN_ORACLE_DATA names the folder of the file; else it is shared/data beside the repository.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from oracle import data

NAME = "flipflop_3bit_keras_n400.hdf5"
LAYER = "model_weights/simple_rnn_10/simple_rnn_10"
UNITS, CHANNELS, STEPS = 400, 3, 400


def data_folder():
    """Where the file may be."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("RNN_ORACLE_DATA", beside))


def weights():
    """(W, M): float32 (400, 400) and (400, 3), both (out, in), row = receiving unit."""
    h5py = pytest.importorskip("h5py")
    path = data_folder() / NAME
    if not path.is_file():
        pytest.skip(f"{NAME} is not there; set RNN_ORACLE_DATA to its folder")
    with h5py.File(path, "r") as file:
        kernels = [file[f"{LAYER}/{name}:0"][()] for name in ("recurrent_kernel", "kernel")]
    W, M = (np.ascontiguousarray(kernel.T) for kernel in kernels)
    assert (W.shape, M.shape, W.dtype, M.dtype) == ((UNITS, UNITS), (UNITS, CHANNELS), np.float32, np.float32)
    return W, M


def inputs(steps=STEPS, seed=7, batch=None):
    """Pulses of +1 and -1 on the three channels, (K, 3) or (K, batch, 3) float32."""
    return data.pulses(steps, CHANNELS, seed=seed, batch=batch).astype(np.float32)


def initial(seed=11, batch=None):
    """A state inside the invariant box, nowhere zero: (400,) or (batch, 400) float32.

    From h = 0 the first step does not see the recurrent weights at all.
    """
    shape = (UNITS,) if batch is None else (batch, UNITS)
    return np.random.default_rng(seed).uniform(-0.9, 0.9, size=shape).astype(np.float32)
