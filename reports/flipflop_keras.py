"""The trained network of arXiv 2010.07858 as Keras layers on the backend of this process, as `trained.py` checks them.

    KERAS_BACKEND=torch rnn-oracle check reports/flipflop_keras.py:float64 --promised float64 --network FILE

FILE is the Keras file itself, in the folder that RNN_ORACLE_DATA names, or in shared/data beside the repository.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras

import oracle

FOLDER = os.environ.get("RNN_ORACLE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
FILE = Path(FOLDER) / "flipflop_3bit_keras_n400.hdf5"


def layer(dtype: str) -> Any:
    """SimpleRNN(400) in a dtype, with the trained weights; float64 holds the float32 weights exactly."""
    rec = oracle.load(FILE)
    made = keras.layers.SimpleRNN(rec.N, use_bias=False, dtype=dtype, name=f"flipflop_{dtype}")
    made.build((None, None, rec.I))
    made.set_weights([rec.M.T.astype(dtype), rec.W.T.astype(dtype)])
    return made


def kept() -> dict[str, str]:
    """The dtype that operations of Keras on this backend give for float64 tensors."""
    one = keras.ops.convert_to_tensor([[0.5]], dtype="float64")
    made = {"matmul": keras.ops.matmul(one, one), "tanh": keras.ops.tanh(one)}
    return {name: str(keras.backend.standardize_dtype(tensor.dtype)) for name, tensor in made.items()}


float32, float64 = layer("float32"), layer("float64")
