"""The native file: how a record was stated, exactly, as JSON that a person can read.

    {"format": "rnn-oracle record", "version": 1, "kind": "Network", "dtype": "float32",
     "origin": [{"name": "rate", "arguments": {"W": ..., "tau": "1/10", "activation": ...}},
                {"name": "rescale", "arguments": {"r": "4/1"}}]}

The chain (a constructor, then verbs) is replayed on load, so equality, hash, repr and dtype survive. float64 entries
are hexadecimal (C99 %a), everything else exact is "p/q". Nothing in a file is ever unpickled or evaluated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from oracle.bridges.encoding import decode, encode, refused
from oracle.errors import BadInput
from oracle.records.network import Network
from oracle.records.record import Origin, Record
from oracle.records.recurrence import Recurrence
from oracle.records.writing import replace_file

FORMAT = "rnn-oracle record"
VERSION = 1
MAX_BYTES = 2**28  # JSON needs about ten times its size in memory; 256 MiB still holds a dense network of 2048 units
SIGNATURES = {
    b"\x80": "a Python pickle or a PyTorch file",
    b"PK": "a zip archive (.npz, .keras and .pt are)",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip archive",
    b"\x93NUMPY": "a NumPy array",
}
CONSTRUCTORS: dict[str, tuple[type[Record], tuple[str, ...]]] = {
    "Network": (Network, ("general", "paper", "rate", "current")),
    "Recurrence": (Recurrence, ("general", "elman", "leaky", "leak_inside", "gru", "lstm")),
}
VERBS: dict[str, tuple[str, ...]] = {
    "rescale": ("r",),
    "discretize": ("step", "scheme"),
    "linearize": ("at",),
    "collapsed": (),
}
LOADERS: dict[str, str | Callable[[Path, str | None], Any]] = {
    ".h5": "oracle.bridges.keras_files:load_hdf5",
    ".hdf5": "oracle.bridges.keras_files:load_hdf5",
    ".keras": "oracle.bridges.keras_files:load_archive",
    ".pt": "oracle.bridges.torch_files:load",
    ".pth": "oracle.bridges.torch_files:load",
    ".safetensors": "oracle.bridges.torch_files:load",
    ".npz": "oracle.bridges.psychrnn_files:load",
}
"""Readers of foreign files by suffix: a function of the path and of a layer's name, or "module:function", imported when
it is needed."""
BARE = (".pt", ".pth", ".safetensors")
"""Files of arrays alone, which do not say which activation they belong to: their readers take it as third argument."""
LEAKY = (".npz",)
"""Files of one leaky network, which say neither activation nor leak: their readers take both, and no layer."""


def save(obj: Network | Recurrence, path: str | os.PathLike[str]) -> None:
    """Write a record to a .json file, whole or not at all.

    Parameters
    ----------
    obj : Network or Recurrence
        The record; it is saved as it was stated, so that `load` gives an equal one with the same repr and dtype.
    path : path-like
        Ends in .json; an existing file is replaced.

    Raises
    ------
    oracle.BadInput
        Not a record, another suffix, a record too large for the format, a folder that cannot be written.
    """
    target = Path(path)
    if target.suffix != ".json":
        raise BadInput(
            f"{target.name} does not end in .json.", "the native file is JSON.", f"save to {target.stem}.json."
        )
    text = json.dumps(document(obj), separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_BYTES:
        raise BadInput(
            f"the file would have {len(text)} bytes; at most {MAX_BYTES} are read.",
            "JSON is not made for matrices of this size.",
            "keep the weights in a binary file and build the record from it.",
        )
    try:
        replace_file(target, f"{text}\n".encode("ascii"))
    except OSError as error:
        raise _unusable(target, error) from error


def load(
    path: str | os.PathLike[str], layer: str | None = None, activation: str | None = None, alpha: Any = None
) -> Any:
    """Read a record from a file.

    Parameters
    ----------
    path : path-like
        A native .json file, or a file with a suffix that a bridge has registered in `LOADERS`: a Keras model saved as
        .h5, .hdf5 or .keras, a torch state_dict saved as .pt, .pth or .safetensors (nothing is unpickled but tensors),
        the weights of a PsychRNN model saved as .npz.
    layer : str, optional
        Which layer of a model that has several: "simple_rnn", "rnn.l1_reverse". `oracle.layers(path)` reads all.
    activation : str, optional
        The nonlinearity of a torch.nn.RNN, "tanh" or "relu", which a state_dict does not say; of a PsychRNN model.
    alpha : number, optional
        The leak dt / tau of a PsychRNN model, which its file does not say.

    Returns
    -------
    Network or Recurrence
        Equal to what was saved; for foreign files, what their bridge returns.

    Raises
    ------
    oracle.BadInput
        A file that is missing, truncated, too large, not what its suffix says, of another format or version, or with
        entries that are not finite numbers.
    """
    source = Path(path)
    if layer is not None and source.suffix in (".json", *LEAKY):
        raise BadInput(
            f"layer {layer!r} of {source.name} was asked for.",
            "the file holds one record, without layers.",
            "leave the argument out.",
        )
    if source.suffix in LEAKY:
        return _reader(source)(source, activation, alpha)
    _refuse_alpha(source.name, alpha)
    if source.suffix == ".json":
        refuse_activation(source.name, activation)
        return _read_native(source)
    reader = _reader(source)
    if source.suffix in BARE:
        return reader(source, layer, activation)
    refuse_activation(source.name, activation)
    return reader(source, layer)


def load_all(path: str | os.PathLike[str], activation: str | None = None) -> dict[str, Recurrence]:
    """Every layer of a file by name: the readers' `load_all`; arguments and errors as `load`."""
    source = Path(path)
    if source.suffix in (".json", *LEAKY):
        raise BadInput(
            f"the layers of {source.name} were asked for.",
            "the file holds one record, without layers.",
            "read it with oracle.load.",
        )
    _reader(source)
    module = import_module(str(LOADERS[source.suffix]).partition(":")[0])
    if source.suffix in BARE:
        every: dict[str, Recurrence] = module.load_all(source, activation)
        return every
    refuse_activation(source.name, activation)
    every = module.load_all(source)
    return every


def _reader(source: Path) -> Callable[..., Any]:
    if source.suffix not in LOADERS:
        raise BadInput(
            f"{source.name} has the suffix {source.suffix!r}.",
            "no bridge reads this kind of file.",
            f"pass a file that ends in one of {', '.join(['.json', *LOADERS])}.",
        )
    reader: Any = LOADERS[source.suffix]
    if isinstance(reader, str):
        module, _, function = reader.partition(":")
        reader = getattr(import_module(module), function)
    made: Callable[..., Any] = reader
    return made


def refuse_activation(name: str, activation: str | None) -> None:
    """A file or module that says its own activation needs no other."""
    if activation is not None:
        raise BadInput(
            f"activation={activation!r} was given for {name}.",
            "it says itself which activation its network has.",
            "leave the argument out.",
        )


def _refuse_alpha(name: str, alpha: Any) -> None:
    """A file whose equation has no leak, or brings its own."""
    if alpha is not None:
        raise BadInput(
            f"alpha={alpha!r} was given for {name}.",
            "only the files of PsychRNN leave it out.",
            "leave the argument out.",
        )


def _read_native(source: Path) -> Network | Recurrence:
    try:
        with source.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unusable(source, error) from error
    if len(data) > MAX_BYTES:
        raise BadInput(
            f"{source.name} has more than {MAX_BYTES} bytes.",
            "it is not a record: a dense network of 2048 units with as many inputs is smaller.",
            "build the record from the binary file that holds the weights.",
        )
    return rebuilt(_parsed(data, source.name), source.name)


def _parsed(data: bytes, name: str) -> Any:
    for signature, kind in SIGNATURES.items():
        if data.startswith(signature):
            raise BadInput(
                f"{name} is {kind}.",
                "the suffix says JSON, but the content is binary; it was renamed, or saved by another program.",
                "load it with the library that wrote it and pass the arrays; nothing is unpickled here.",
            )
    try:
        return json.loads(data.decode("ascii"), parse_constant=_no_constant)
    except BadInput:
        raise
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{name} is not JSON: {error}.",
            "the file is truncated, or was edited by hand.",
            "save the record again with oracle.save.",
            size=len(data),
        ) from None


def _no_constant(text: str) -> Any:
    raise BadInput(
        f"the file contains {text}.", "training diverged, or another program wrote the file.", "save finite weights."
    )


def document(obj: Any) -> dict[str, Any]:
    """The content of a native file: format, version, kind, dtype and the chain."""
    chain: list[Origin] = []
    record = obj
    while isinstance(record, Network | Recurrence):
        chain.insert(0, record.origin)
        root, record = record, record.origin.parent
    known = bool(chain) and chain[0].name in CONSTRUCTORS[type(root).__name__][1]
    if not known or any(link.name not in VERBS for link in chain[1:]):
        raise BadInput(
            f"a {type(obj).__name__} was passed{f' ({chain[0].name})' if chain else ''}.",
            "only networks and recurrences, and what their verbs make of them, have a native file.",
            "pass an oracle.Network or an oracle.Recurrence.",
        )
    links = [{"name": o.name, "arguments": {k: encode(v) for k, v in o.arguments.items()}} for o in chain]
    kind = type(root).__name__
    return {"format": FORMAT, "version": VERSION, "kind": kind, "dtype": chain[0].dtype, "origin": links}


def rebuilt(document: Any, name: str) -> Network | Recurrence:
    """The record that such content speaks of; `name` is what errors call it."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise refused(f"{name} does not say that it is a {FORMAT!r}")
    if document.get("version") != VERSION:
        raise BadInput(
            f"{name} has version {document.get('version')!r} of the format; this program reads {VERSION}.",
            "it was written by a newer version of rnn-oracle.",
            "update rnn-oracle.",
        )
    links = _links(document)
    kind, dtype = document["kind"], document["dtype"]
    if kind not in CONSTRUCTORS or links[0][0] not in CONSTRUCTORS[kind][1]:
        raise refused(f"{name} starts with {links[0][0]!r} of {kind!r}, which is no constructor")
    if dtype not in ("float64", "float32", "float16", "bfloat16"):
        raise refused(f"{name} has parameters of dtype {dtype!r}")
    record: Network | Recurrence = _constructed(CONSTRUCTORS[kind][0], *links[0], dtype)
    for verb, arguments in links[1:]:
        if verb not in VERBS or set(arguments) != set(VERBS[verb]) or not hasattr(record, verb):
            raise refused(f"{name} applies {verb!r} with {sorted(arguments)} to a {type(record).__name__}")
        record = getattr(record, verb)(**arguments)
    return record


def _links(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if set(document) != {"format", "version", "kind", "dtype", "origin"}:
        raise refused(f"the entries are {sorted(document)}")
    if not isinstance(document["kind"], str) or not isinstance(document["dtype"], str):
        raise refused("kind and dtype are not both text")
    links: list[tuple[str, dict[str, Any]]] = []
    for link in document["origin"] if isinstance(document["origin"], list) else []:
        if not isinstance(link, dict) or set(link) != {"name", "arguments"} or not isinstance(link["arguments"], dict):
            raise refused("a link of the chain has no name and arguments")
        links.append((str(link["name"]), {key: decode(value, key) for key, value in link["arguments"].items()}))
    if not links:
        raise refused("the chain of constructor and verbs is empty")
    return links


def _constructed(kind: type[Record], name: str, arguments: dict[str, Any], dtype: str) -> Any:
    constructor: Any = kind if name == "general" else getattr(kind, name)
    try:
        record = constructor(**arguments)
    except TypeError as error:
        raise refused(f"the arguments of {name} do not fit: {error}") from None
    # decoded arrays are float64, and lists and tensors may have been mixed: what was seen then is what counts
    object.__setattr__(record, "origin", replace(record.origin, dtype=dtype))
    return record


def _unusable(path: Path, error: OSError) -> BadInput:
    return BadInput(
        f"{path}: {error.strerror}.",
        "the path is misspelt, or its folder does not exist or is not yours.",
        "pass a path that can be used.",
    )
