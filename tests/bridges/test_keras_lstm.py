"""Keras' LSTM: its equation, and a verdict on layers, both directions, cells and files."""

import numpy as np
import pytest

import oracle
from oracle import Recurrence
from oracle.bridges.registry import layers, recurrence

keras = pytest.importorskip("keras")

# Keras' own conversion of a variable to an array is of before NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

N, INPUTS, STEPS, BATCH = 5, 3, 9, 4


def made(seed=3, **options):
    """A layer with weights of its own, biases included."""
    layer = keras.layers.LSTM(N, **options)
    layer.build((None, None, INPUTS))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0, 0.4, w.shape).astype(w.dtype) for w in layer.get_weights()])
    return layer


def question(parts=None):
    rng = np.random.default_rng(8)
    leading = (BATCH,) if parts is None else (parts, BATCH)
    return {"inputs": rng.normal(size=(BATCH, STEPS, INPUTS)), "h0": rng.normal(size=(*leading, 2 * N)) / 2}


def test_the_documented_equation():
    """Gates i, f, c, o along the columns, as i, f, g, o along the rows; one bias."""
    layer = made()
    M, W, b = layer.get_weights()
    assert recurrence(layer) == recurrence(layer.cell) == Recurrence.lstm(W.T, M.T, b)


def test_layers_and_cells_follow_their_equation():
    layer = made()
    for judged, batch_first in ((layer, None), (layer.cell, True)):
        assert oracle.check(judged, **question(), batch_first=batch_first).verdict == "pass"
    other = recurrence(made(seed=4))
    assert oracle.check(layer, other, **question()).verdict == "fail"


class Swapped(keras.layers.LSTM):
    """Returns (c, h) where it should return (h, c)."""

    def call(self, *given, **options):
        outputs, h, c = super().call(*given, **options)
        return outputs, c, h


def test_a_wrong_final_state_is_found():
    layer = Swapped(N, return_sequences=True, return_state=True)
    layer.build((None, None, INPUTS))
    result = oracle.check(layer, **question())
    assert (result.verdict, result.explained_by) == ("fail", "final-state")
    result = oracle.check(layer, lengths=[9, 4, 7, 5], **question())
    assert {part.explained_by for part in result.parts.values()} == {"final-state"}


def test_both_directions_and_masks():
    """A Bidirectional, and a layer with masked steps."""
    both = keras.layers.Bidirectional(keras.layers.LSTM(N))
    both.build((None, None, INPUTS))
    result = oracle.check(both, **question(parts=2))
    assert (result.verdict, set(result.parts)) == ("pass", {"forward", "backward"})
    assert oracle.check(made(), lengths=[9, 4, 7, 5], **question()).verdict == "pass"


def test_a_model_on_disk(tmp_path):
    pytest.importorskip("h5py")
    model = keras.Sequential([keras.Input((None, INPUTS)), keras.layers.LSTM(N, name="memory"), keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    assert layers(tmp_path / "model.keras") == {"memory": recurrence(model.get_layer("memory"))}
