"""Files named on the command line: networks, arrays, and the JSON and reports that are written."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import click
import numpy as np

import oracle
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence
from oracle.report.json import plain
from oracle.report.write import write_text

INPUT_NAMES = ("inputs", "X", "x")
TABLES = (".npy", ".csv")


def read_array(path: str, names: tuple[str, ...] = INPUT_NAMES) -> Array:
    """An array from a .npy, .npz (under one of some names) or .csv file; nothing is ever unpickled.

    Raises
    ------
    oracle.BadInput
        A file that is missing, not what its suffix says, without such an array, or not numeric.
    """
    readers = {".npy": _npy, ".npz": lambda p: _from_archive(read_archive(p), p, names), ".csv": _csv}
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        raise BadInput(
            f"{path} has the suffix {suffix!r}.",
            "arrays are read from NumPy or text files.",
            f"use {', '.join(readers)}.",
        )
    return _numeric(readers[suffix](path), path)


def _numeric(array: Array, path: str) -> Array:
    if array.dtype.kind not in "fiu":
        raise BadInput(
            f"{path} holds values of type {array.dtype}.",
            "it is a table of text, of complex numbers or of Python objects.",
            "save real numbers.",
        )
    return array


def _unreadable(path: str, error: Exception) -> BadInput:
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if "pickle" in words:
        words = "it holds Python objects, which are never unpickled"
    return BadInput(
        f"{path} cannot be read: {words}.",
        "the path is misspelt, or the file is truncated or not what its suffix says.",
        "write it again with numpy.save or numpy.savez, as plain numbers.",
    )


def _npy(path: str) -> Array:
    try:
        with Path(path).open("rb") as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise _unreadable(path, error) from None


def read_archive(path: str) -> dict[str, Array]:
    """The arrays of a .npz file by name."""
    try:
        with Path(path).open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no .npz archive")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from None


def _from_archive(arrays: dict[str, Array], path: str, names: tuple[str, ...]) -> Array:
    return arrays[chosen(arrays, path, names)]


def chosen(arrays: dict[str, Array], path: str, names: tuple[str, ...]) -> str:
    """The name of the array that is meant: one of these, or the only one.

    Raises
    ------
    oracle.BadInput
        No such array.
    """
    found = [name for name in names if name in arrays] or (list(arrays) if len(arrays) == 1 else [])
    if not found:
        raise BadInput(
            f"{path} holds {', '.join(arrays) or 'no arrays'}.",
            f"none of them is called {' or '.join(names)}.",
            f"save it as numpy.savez(path, {names[0]}=..).",
        )
    return found[0]


def _csv(path: str) -> Array:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        return np.loadtxt(lines, delimiter=",", ndmin=2, skiprows=int(has_header(lines)))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def has_header(lines: list[str]) -> bool:
    """Whether the first line of a table is one of names."""
    return bool(lines) and not _is_number(lines[0].split(",")[0])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_record(path: str) -> Network | Recurrence:
    """A network or recurrence from a native file."""
    record: Any = oracle.load(path)
    if isinstance(record, Network | Recurrence):
        return record
    raise BadInput(
        f"{path} holds a {type(record).__name__}.", "it is no network.", "save one with oracle.save(net, path)."
    )


def read_recurrence(path: str, step: str | None, scheme: str | None) -> Recurrence:
    """A recurrence from a native file; a continuous network needs a step to become one."""
    record = read_record(path)
    if isinstance(record, Recurrence):
        if step is not None or scheme is not None:
            raise BadInput(
                f"--step or --scheme was given, but {path} holds a recurrence.",
                "it is discrete already, and has its own step.",
                "leave both out.",
            )
        return record
    if step is None:
        raise BadInput(
            f"{path} holds a continuous-time network ({record.form}).",
            "a program computes steps; which step and which scheme it uses is part of the question.",
            "give --step 0.01, and --scheme if it is not forward Euler.",
        )
    return record.discretize(step=number(step, "--step"), scheme=scheme or "euler")  # type: ignore[no-any-return]


def number(text: str, name: str) -> Any:
    """A number as a person writes it: 0.1 is the float (as in a program), 1/10 the ratio."""
    from fractions import Fraction

    try:
        return Fraction(text) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        raise BadInput(f"{name} is {text!r}.", "it is not a number.", "write it as 0.1 or 1/10.") from None


def write_json(target: str, document: dict[str, Any]) -> None:
    """JSON to a file, or to stdout for "-"."""
    text = json.dumps(plain(document), indent=1, allow_nan=False, ensure_ascii=False)
    if target == "-":
        click.echo(text)
    else:
        write_text(target, text + "\n")
