"""Files of torch's weights as records: a state_dict saved as .pt or .pth, and .safetensors.

A .pt file is a pickle, so torch reads it with weights_only=True, which admits tensors and plain containers and refuses
whatever else a pickle could call. A .safetensors file needs no torch at all.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from oracle.bridges import safetensors, torch_names
from oracle.errors import BadInput
from oracle.records.recurrence import Recurrence


def load(path: Path, layer: str | None = None, activation: str | None = None) -> Recurrence:
    """The recurrence of the only recurrent layer of a file, or of the one that is named.

    Raises
    ------
    oracle.BadInput
        As `named`; several layers and none named; an RNN without a stated activation.
    """
    arrays, narrow = read(path)
    chosen = torch_names.only(torch_names.found(arrays, path.name), layer, path.name)
    return _record(chosen, activation, path.name, narrow)


def load_all(path: Path, activation: str | None = None) -> dict[str, Recurrence]:
    """Every recurrent layer of a file by name; arguments and errors as `load`. A GRU needs no activation."""
    arrays, narrow = read(path)
    layers = torch_names.found(arrays, path.name)
    stated = {layer.name: activation if layer.gates == 1 else None for layer in layers}
    return {layer.name: _record(layer, stated[layer.name], path.name, narrow) for layer in layers}


def read(path: Path) -> tuple[dict[str, Any], bool]:
    """Arrays or tensors by name, and whether all that are read as float32 are bfloat16 in the file.

    Raises
    ------
    oracle.BadInput
        A file that is missing, damaged, not what its suffix says, or holds anything but tensors.
    """
    if path.suffix == ".safetensors":
        arrays, narrow = safetensors.read(path)
        floats = {name for name, array in arrays.items() if array.dtype.kind == "f"}
        return arrays, bool(floats) and floats == narrow
    return _state_dict(_loaded(path), path.name), False


def _loaded(path: Path) -> Any:
    try:
        import torch
    except ImportError:
        raise BadInput(
            f"{path.name} is a PyTorch file, and torch is not installed.",
            "only torch reads its own format; nothing is unpickled here.",
            'install it, pip install "rnn-oracle[torch]", or save the state_dict as .safetensors.',
        ) from None
    try:
        _refuse_script(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BadInput(
            f"{path}: {error.strerror or error}.", "the path is misspelt, or not yours to read.", "pass its path."
        ) from None
    except BadInput:
        raise
    except Exception as error:  # of many types: unpickling, zip archives
        raise _refused(path.name, error) from None


def _refuse_script(path: Path) -> None:
    """A TorchScript archive is a program; torch would warn first, and then say how to run it nevertheless."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                raise BadInput(
                    f"{path.name} is a TorchScript archive.",
                    "it holds a program; nothing is run here.",
                    "save the weights alone: torch.save(module.state_dict(), path).",
                )


def _refused(name: str, error: Exception) -> BadInput:
    """What torch says of a file, without its advice on how to unpickle it nevertheless."""
    code = re.search(r"GLOBAL ([\w.]+\w)", str(error))
    if isinstance(error, pickle.UnpicklingError) and code:
        return BadInput(
            f"{name} holds Python objects ({code[1]}), and not tensors alone.",
            "a whole module or optimizer was saved: a pickle, which runs code when it is read.",
            "save the weights alone: torch.save(module.state_dict(), path).",
        )
    return BadInput(
        f"{name} cannot be read as tensors ({type(error).__name__}).",
        "it is truncated, or not what its suffix says.",
        "save the weights again: torch.save(module.state_dict(), path).",
    )


def _state_dict(held: Any, source: str) -> dict[str, Any]:
    """The mapping of tensors in what was saved: itself, or the one entry of a checkpoint that has recurrent weights."""
    flat = _tensors(held)
    if flat:
        return flat
    inside = {key: _tensors(value) for key, value in held.items()} if isinstance(held, Mapping) else {}
    recurrent = {key: value for key, value in inside.items() if any("weight_hh" in name for name in value)}
    if len(recurrent) == 1:
        return next(iter(recurrent.values()))
    what = torch_names.listed(map(str, held)) if isinstance(held, Mapping) else f"a {type(held).__name__}"
    raise BadInput(
        f"{source} holds {what}.",
        f"several of its entries have recurrent weights: {', '.join(map(str, recurrent))}."
        if recurrent
        else "it is no state_dict, and no checkpoint with one.",
        "save one state_dict: torch.save(module.state_dict(), path).",
    )


def _tensors(held: Any) -> dict[str, Any]:
    """The tensors of a mapping by name."""
    items = held.items() if isinstance(held, Mapping) else ()
    return {name: value for name, value in items if isinstance(name, str) and hasattr(value, "detach")}


def _record(layer: torch_names.Layer, activation: str | None, source: str, narrow: bool) -> Recurrence:
    record = torch_names.equation(layer, activation, source)
    if narrow:  # read as float32, which holds bfloat16 exactly
        object.__setattr__(record, "origin", replace(record.origin, dtype="bfloat16"))
    return record
