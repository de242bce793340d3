"""Keras' files, written here as Keras writes them: read exactly, and refused when they are something else."""

import io
import json
import zipfile

import numpy as np
import pytest

import oracle
from oracle import Recurrence
from oracle.errors import BadInput

h5py = pytest.importorskip("h5py")

N, INPUTS = 4, 2


def arrays(seed=2):
    rng = np.random.default_rng(seed)
    shapes = {"kernel": (INPUTS, N), "recurrent_kernel": (N, N), "bias": (N,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def configuration(*names, activation="tanh", class_name="SimpleRNN"):
    layers = [{"class_name": class_name, "config": {"name": name, "activation": activation}} for name in names]
    dense = {"class_name": "Dense", "config": {"name": "dense", "activation": "linear"}}
    return {"class_name": "Sequential", "config": {"layers": [*layers, dense]}}


def expected(given, activation="tanh"):
    W, M = given["recurrent_kernel"].T, given["kernel"].T
    return Recurrence.elman(W, M, given["bias"], activation=activation)


def write_hdf5(path, config, **layers):
    """A model as `model.save(path.h5)` has it."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        for name, given in layers.items():
            for key, value in given.items():
                file[f"model_weights/{name}/{name}/cell/{key}:0"] = value
    return path


def write_archive(path, config, **layers):
    """A model as `model.save(path.keras)` has it."""
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for place, given in layers.items():
            for index, key in enumerate(("kernel", "recurrent_kernel", "bias")):
                file[f"layers/{place}/cell/vars/{index}"] = given[key]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path


def test_hdf5_is_read_exactly(tmp_path):
    """Orientation, bias, activation and dtype are those of the file; a transposed kernel is another record."""
    given = arrays()
    path = write_hdf5(tmp_path / "m.hdf5", configuration("cell_a", activation="relu"), cell_a=given)
    rec = oracle.load(path)
    assert rec == expected(given, "relu")
    assert rec.dtype == "float32"
    assert rec != Recurrence.elman(given["recurrent_kernel"], given["kernel"].T, given["bias"], activation="relu")


def test_archive_layers_are_told_apart(tmp_path):
    """The second layer of a class has the second place in the file, and has to be named."""
    one, two = arrays(1), arrays(9)
    path = write_archive(tmp_path / "m.keras", configuration("first", "second"), simple_rnn=one, simple_rnn_1=two)
    assert oracle.load(path, layer="second") == expected(two) != expected(one)
    with pytest.raises(BadInput, match="first, second"):
        oracle.load(path)
    with pytest.raises(BadInput, match="'third'"):
        oracle.load(path, layer="third")


def test_links_are_not_followed(tmp_path):
    """An array that lies in another file is not read."""
    other = write_hdf5(tmp_path / "other.h5", configuration("a"), a=arrays())
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(configuration("a"))
        for key in ("kernel", "recurrent_kernel"):
            file[f"model_weights/a/{key}:0"] = h5py.ExternalLink(str(other), f"model_weights/a/a/cell/{key}:0")
    with pytest.raises(BadInput, match="has no kernel"):
        oracle.load(tmp_path / "m.h5")


def truncated(path):
    path.write_bytes(path.read_bytes()[:200])
    return path


@pytest.mark.parametrize(
    ("make", "seen"),
    [
        (lambda p: truncated(write_hdf5(p / "m.h5", configuration("a"), a=arrays())), "cannot be read"),
        (lambda p: truncated(write_archive(p / "m.keras", configuration("a"), simple_rnn=arrays())), "cannot be read"),
        (lambda p: p / "absent.h5", "cannot be read"),
        (lambda p: p / "absent.keras", "cannot be read"),
        (lambda p: write_hdf5(p / "m.h5", configuration()), "no recurrent layer"),
        (lambda p: write_hdf5(p / "m.h5", configuration("a", class_name="LSTM"), a=arrays()), "4 square matrices"),
        (lambda p: write_hdf5(p / "m.h5", configuration("a", activation="mish"), a=arrays()), "mish"),
    ],
)
def test_refused_in_three_parts(make, seen, tmp_path):
    """A file that is truncated, missing, or of something else says so."""
    with pytest.raises(BadInput, match=seen):
        oracle.load(make(tmp_path))


def test_weights_alone_are_refused(tmp_path):
    """Arrays without a configuration do not say which equation they are of."""
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        file["layers/simple_rnn/cell/vars/0"] = arrays()["kernel"]
    with pytest.raises(BadInput, match="no model configuration"):
        oracle.load(tmp_path / "m.weights.h5")


def test_zip_that_is_no_model_is_refused(tmp_path):
    """An archive of something else says what it lacks."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(BadInput, match=r"without config\.json"):
        oracle.load(path)


def test_trained_network_is_read_as_it_is():
    """The file of the network of 400 units gives the record of its arrays."""
    from real import keras_flipflop

    W, M = keras_flipflop.weights()
    assert oracle.load(keras_flipflop.data_folder() / keras_flipflop.NAME) == Recurrence.elman(W, M)
