"""Keras layers as recurrences (their documented equation, exactly) and as candidates (run without side effects)."""

import numpy as np
import pytest

import oracle
from oracle import Recurrence
from oracle.bridges.registry import candidate, recurrence
from oracle.errors import BadInput

keras = pytest.importorskip("keras")

# Keras' own conversion of a variable to an array is of before NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

N, INPUTS, STEPS, BATCH = 5, 3, 7, 4
DTYPES = ("float32", "float64")


def made(kind="SimpleRNN", dtype="float32", seed=3, **options):
    """A built layer or cell whose weights are drawn from a seed, none of them zero."""
    layer = getattr(keras.layers, kind)(N, dtype=dtype, **options)
    if kind.endswith("Cell"):
        layer.build((None, INPUTS))
    else:
        layer.build((BATCH, STEPS, INPUTS))
    rng = np.random.default_rng(seed)
    layer.set_weights([(rng.normal(size=w.shape) / 2).astype(dtype) for w in layer.get_weights()])
    return layer


def probe(batch=None, seed=8):
    rng = np.random.default_rng(seed)
    leading = () if batch is None else (batch,)
    return rng.normal(size=(*leading, N)), rng.normal(size=(STEPS, *leading, INPUTS))


def gates(columns):
    """z, r, h along the columns as r, z, n along the rows."""
    z, r, n = np.split(columns.T, 3)
    return np.concatenate([r, z, n])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["SimpleRNN", "SimpleRNNCell"])
def test_documented_equation_of_simple_rnn(kind, dtype):
    """rec == s(x kernel + h recurrent_kernel + bias), kernels (in, out), and not with a kernel transposed."""
    layer = made(kind, dtype, activation="relu")
    M, W, b = layer.get_weights()
    rec = recurrence(layer)
    assert rec == Recurrence.elman(W.T, M.T, b, activation="relu")
    assert rec.dtype == dtype
    assert rec != Recurrence.elman(W, M.T, b, activation="relu")


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("kind", ["GRU", "GRUCell"])
def test_documented_equation_of_gru(kind, reset_after):
    """Gates z, r, h become r, z, n; reset_after has two biases and multiplies the product, its opposite one."""
    layer = made(kind, reset_after=reset_after)
    M, W, b = layer.get_weights()
    biases = [gates(row[None])[:, 0] for row in np.atleast_2d(b)]
    rec = recurrence(layer)
    assert rec == Recurrence.gru(gates(W), gates(M), *biases, reset="after" if reset_after else "before")
    assert rec.equation == ("gru" if reset_after else "gru-reset-before")


@pytest.mark.parametrize("batch", [None, BATCH])
@pytest.mark.parametrize("kind", ["SimpleRNN", "SimpleRNNCell", "GRU", "GRUCell"])
def test_run_follows_the_equation(kind, batch):
    """The candidate's states follow its equation; a kernel that was transposed does not."""
    layer = made(kind)
    h0, X = probe(batch)
    inputs = X if batch is None or kind.endswith("Cell") else X.swapaxes(0, 1)
    assert oracle.check(layer, inputs=inputs, h0=h0)
    if kind == "SimpleRNN":
        M, W, b = layer.get_weights()
        wrong = oracle.check(layer, Recurrence.elman(W, M.T, b), inputs=inputs, h0=h0)
        assert wrong.explained_by == "transposed-recurrent-weights"


def test_layer_is_left_as_it_was():
    """Weights and settings are the same after a run that asked for all states."""
    layer = made(return_sequences=False, return_state=True)
    before = [w.copy() for w in layer.get_weights()]
    h0, X = probe(BATCH)
    H = candidate(layer).run(h0, X)
    assert H.shape == (STEPS + 1, BATCH, N)
    assert (layer.return_sequences, layer.return_state) == (False, True)
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("layer", "seen"),
    [
        (lambda: made("LSTM", activation="relu"), "LSTM"),
        (lambda: made(go_backwards=True), "go_backwards"),
        (lambda: made("GRU", recurrent_activation="hard_sigmoid"), "hard_sigmoid"),
        (lambda: keras.layers.SimpleRNN(N), "no kernel"),
        (lambda: keras.Sequential([keras.Input((STEPS, INPUTS)), keras.layers.SimpleRNN(N, name="inner")]), "inner"),
    ],
)
def test_refused_in_three_parts(layer, seen):
    """What is no run of one known recurrence is refused, and the message says what it is."""
    with pytest.raises(BadInput, match=seen):
        oracle.check(layer(), inputs=probe(BATCH)[1].swapaxes(0, 1))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU"])
def test_saved_model_is_read_without_keras(kind, suffix, tmp_path):
    """The record read from a saved model is that of its layer, bit for bit; of two layers one has to be named."""
    pytest.importorskip("h5py")
    first, second = (getattr(keras.layers, kind)(n, return_sequences=True, name=f"layer{n}") for n in (N, N + 1))
    model = keras.Sequential([keras.Input((STEPS, INPUTS)), first, second, keras.layers.Dense(2)])
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    path = tmp_path / f"model{suffix}"
    try:
        model.save(path)
    except Exception as error:  # the legacy format goes away with newer versions of Keras
        pytest.skip(f"this Keras does not write {suffix}: {error}")
    for layer in (first, second):
        assert oracle.load(path, layer=layer.name) == recurrence(layer)
    with pytest.raises(BadInput, match="2 recurrent layers"):
        oracle.load(path)
