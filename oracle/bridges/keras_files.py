"""Recurrent layers in Keras' files: HDF5 models (.h5, .hdf5) and archives (.keras), read without Keras or pickles.

    .h5, .hdf5   attribute model_config (JSON), datasets model_weights/<layer>/.../kernel:0
    .keras       a zip of config.json and model.weights.h5, datasets layers/<class>_<n>/cell/vars/0..2 in the order in
                 which the layers of a class are in the model

Only datasets that lie in the file itself are read: links to other files are not followed.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from oracle.bridges import keras_equations
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

MAX_BYTES = 2**31  # of an archive's weights, unpacked: a recurrent layer of 16,000 units in float32 has 2^30
MAX_CONFIG = 2**24  # of its configuration: real ones have kilobytes
VARIABLES = ("kernel", "recurrent_kernel", "bias")


class Layer(NamedTuple):
    """A layer as a file has it."""

    name: str
    class_name: str
    config: dict[str, Any]
    arrays: dict[str, Array]


def load_hdf5(path: Path, layer: str | None = None) -> Recurrence:
    """The recurrent layer of a model saved as HDF5; `layer` names it where there are several.

    Raises
    ------
    oracle.BadInput
        h5py is missing; no HDF5 file; no model configuration (a file of weights alone does not say which equation);
        no recurrent layer, or several and none named; an equation that is not in the catalogue.
    """
    return _only(_hdf5_layers(path), layer, path.name)


def load_archive(path: Path, layer: str | None = None) -> Recurrence:
    """The recurrent layer of a model saved as .keras; arguments and errors as `load_hdf5`."""
    return _only(_archive_layers(path), layer, path.name)


def load_all(path: Path) -> dict[str, Recurrence]:
    """Every recurrent layer of a model by name; errors as `load_hdf5`."""
    layers = (_archive_layers if path.suffix == ".keras" else _hdf5_layers)(path)
    if not layers:
        _only(layers, None, path.name)  # says that there is none
    return {layer.name: _equation(layer) for layer in layers}


def _hdf5_layers(path: Path) -> list[Layer]:
    with _opened(path, path.name) as file:
        text = file.attrs.get("model_config")
        if text is None:
            raise _without_configuration(path.name)
        config = _parsed(text, path.name)
        return [_from_hdf5(file, entry) for entry in _recurrent(config)]


def _archive_layers(path: Path) -> list[Layer]:
    try:
        with zipfile.ZipFile(path) as archive:
            config = _parsed(_member(archive, "config.json", MAX_CONFIG, path.name), path.name)
            weights = _member(archive, "model.weights.h5", MAX_BYTES, path.name)
    except (OSError, zipfile.BadZipFile) as error:
        raise _unreadable(path.name, error) from None
    with _opened(io.BytesIO(weights), path.name) as file:
        datasets = dict(_datasets(file))
        return [_from_archive(datasets, entry, place) for entry, place in _places(_recurrent(config))]


def _opened(source: Any, name: str) -> Any:
    try:
        import h5py
    except ImportError:
        raise BadInput(
            f"{name} is an HDF5 file, and h5py is not installed.",
            "HDF5 is read by an optional package.",
            'install it: pip install "rnn-oracle[hdf5]".',
        ) from None
    try:
        return h5py.File(source, "r")
    except OSError as error:
        raise _unreadable(name, error) from None


def _member(archive: zipfile.ZipFile, member: str, limit: int, name: str) -> bytes:
    if member not in archive.namelist():
        raise BadInput(
            f"{name} is a zip archive without {member}.",
            "it is not a model saved by Keras 3, or its weights were saved apart.",
            "save the whole model with model.save(path).",
        )
    if archive.getinfo(member).file_size > limit:
        raise BadInput(
            f"{name} holds {member} of {archive.getinfo(member).file_size} bytes; at most {limit} are read.",
            "it is no model with one recurrent layer, or made to fill the memory.",
            "build the record from the arrays.",
        )
    return archive.read(member)


def _parsed(text: Any, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError, TypeError) as error:
        raise _unreadable(name, error) from None


def _recurrent(node: Any) -> Iterator[dict[str, Any]]:
    """Configurations of recurrent layers, in the order of the model, inside whatever wraps them."""
    if isinstance(node, list):
        for part in node:
            yield from _recurrent(part)
    elif isinstance(node, dict):
        if node.get("class_name") in ("SimpleRNN", "GRU", "LSTM") and isinstance(node.get("config"), dict):
            yield node
        else:
            yield from _recurrent(list(node.values()))


def _datasets(file: Any) -> Iterator[tuple[str, Array]]:
    """Numeric datasets by path; links are not followed, and data stored elsewhere is not read."""
    import h5py

    names: list[str] = []
    file.visit(names.append)
    for name in names:
        held = file.get(name, getlink=True)
        value = file[name] if isinstance(held, h5py.HardLink) else None
        if isinstance(value, h5py.Dataset) and value.external is None and not value.is_virtual:
            yield name, np.asarray(value[()])


def _from_hdf5(file: Any, entry: dict[str, Any]) -> Layer:
    name = str(entry["config"].get("name", ""))
    group = file.get(f"model_weights/{name}")
    found = {} if group is None else {_last(path): value for path, value in _datasets(group)}
    arrays = {key: found[key] for key in VARIABLES if key in found}
    return Layer(name, entry["class_name"], entry["config"], arrays)


def _last(path: str) -> str:
    """kernel, of simple_rnn/simple_rnn_cell/kernel:0."""
    return path.rpartition("/")[2].partition(":")[0]


def _places(entries: Iterator[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where an archive has the variables of each layer: simple_rnn, simple_rnn_1, ..."""
    seen: dict[str, int] = {}
    for entry in entries:
        stem = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", entry["class_name"]).lower()
        count = seen.get(stem, 0)
        seen[stem] = count + 1
        yield entry, stem if not count else f"{stem}_{count}"


def _from_archive(datasets: dict[str, Array], entry: dict[str, Any], place: str) -> Layer:
    inside = re.compile(rf"(?:^|/){place}/cell/vars/(\d)$")
    found = {int(match[1]): value for path, value in datasets.items() if (match := inside.search(path))}
    arrays = {VARIABLES[index]: value for index, value in found.items() if index < len(VARIABLES)}
    return Layer(str(entry["config"].get("name", place)), entry["class_name"], entry["config"], arrays)


def _only(layers: list[Layer], wanted: str | None, name: str) -> Recurrence:
    names = ", ".join(layer.name for layer in layers)
    chosen = [layer for layer in layers if wanted in (None, layer.name)]
    if len(chosen) != 1:
        seen = f"has {len(layers)} recurrent layers ({names})" if layers else "has no recurrent layer"
        raise BadInput(
            f"{name} {seen}{f', none of them {wanted!r}' if wanted and layers else ''}.",
            "a record is the equation of one layer." if layers else "the model is of another kind.",
            f"name one, oracle.load(path, layer={layers[0].name!r}), or take all: oracle.layers(path)."
            if layers
            else "pass a model with a SimpleRNN, a GRU or an LSTM.",
        )
    return _equation(chosen[0])


def _equation(layer: Layer) -> Recurrence:
    return keras_equations.equation(layer.class_name, layer.config, layer.arrays, layer.name)


def _without_configuration(name: str) -> BadInput:
    return BadInput(
        f"{name} holds no model configuration.",
        "it was written by save_weights, or by another program: arrays alone do not say which equation they are of.",
        "save the whole model with model.save(path), or state the recurrence: oracle.Recurrence.elman(W, M, b).",
    )


def _unreadable(name: str, error: Exception) -> BadInput:
    return BadInput(
        f"{name} cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}.",
        "the path is misspelt, or the file is truncated or not what its suffix says.",
        "save the model again with model.save(path).",
    )
