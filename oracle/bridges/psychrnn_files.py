"""Weights that PsychRNN has saved, a .npz of named arrays, as the recurrence of its Basic model.

    h+ = (1 - a) h + a (W_rec f(h) + W_in u + b_rec)        row = receiving unit; init_state (1, N), W_out, b_out

What is saved are the weights as the model computes with them, masked and of one sign per unit where it was built so.
The file has neither a = dt / tau nor the transfer function f: both are stated. Entries that are Python objects
(dale_ratio may be None) are not read.

Source: RNN.get_weights and models.basic.Basic of psychrnn 1.0.0; Ehrlich et al., eNeuro 2021.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

NAMES = ("W_rec", "W_in", "b_rec")
MAX_BYTES = 2**33


def load(path: Path, activation: str | None, alpha: Any) -> Recurrence:
    """The recurrence of a file.

    Parameters
    ----------
    activation : str
        The transfer function; PsychRNN's default is "relu".
    alpha : number
        dt / tau.

    Raises
    ------
    oracle.BadInput
        A file that is missing, damaged, or without these arrays; activation or alpha not stated.
    """
    arrays = read(path)
    missing = [name for name in NAMES if name not in arrays]
    if missing:
        raise BadInput(
            f"{path.name} holds {', '.join(arrays) or 'no arrays'}; {' and '.join(missing)} is not among them.",
            "arrays alone do not say which equation they belong to; only files that PsychRNN saved are read as one.",
            "build the record: w = numpy.load(path); oracle.Recurrence.elman(w['W'], w['M'], w['b']), .leaky(..). Or "
            "let oracle.identify find which it is.",
        )
    unstated = [name for name, value in (("activation", activation), ("alpha", alpha)) if value is None]
    if unstated:
        raise BadInput(
            f"{path.name} is of PsychRNN, and {' and '.join(unstated)} is not stated.",
            "the file has the weights alone; alpha is dt / tau, and the transfer function is relu by default.",
            'say them: oracle.load(path, activation="relu", alpha=0.1).',
        )
    W, M, b = (arrays[name] for name in NAMES)
    return Recurrence.leaky(W, M, b, alpha=alpha, sigma="inside", activation=activation)


def read(path: Path) -> dict[str, Array]:
    """The arrays of a .npz by name, without those that hold Python objects.

    Raises
    ------
    oracle.BadInput
        A file that is missing, damaged, too large, or no .npz.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES} bytes")
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no .npz archive")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if not _holds_objects(archive, name)}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(
            f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}.",
            "the path is misspelt, or the file is truncated or not what its suffix says.",
            "save the weights again with numpy.savez.",
        ) from None


def _holds_objects(archive: Any, name: str) -> bool:
    """Whether an entry is an array of Python objects, told by its header alone."""
    with archive.zip.open(f"{name}.npy") as entry:
        version = np.lib.format.read_magic(entry)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return bool(header(entry)[2].hasobject)
