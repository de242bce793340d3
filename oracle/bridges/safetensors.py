"""Reading .safetensors: arrays by name, no code in the file, every byte accounted for.

    8 bytes              n, little-endian: the length of the header
    n bytes              JSON {name: {"dtype", "shape", "data_offsets": [from, to]}, "__metadata__": {text: text}}
    the rest             the arrays, little-endian, rows last, without gaps and without overlap

Source: the format's description in the repository huggingface/safetensors, "Format". bfloat16 is read as float32,
which holds it exactly.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array

MAX_HEADER = 100_000_000  # as the reference implementation has it
MAX_BYTES = 2**33  # of a file
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


class Damaged(ValueError):
    """What is wrong with a file, in words."""


def read(path: Path) -> tuple[dict[str, Array], set[str]]:
    """The arrays of a file by name, and the names of those that are bfloat16.

    Raises
    ------
    oracle.BadInput
        The file is missing, truncated, too large, or not what its suffix says.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Damaged(f"it has more than {MAX_BYTES} bytes")
        with path.open("rb") as file:
            header, start = _header(file.read(8), file, path.stat().st_size)
            data = file.read()
        return _arrays(header, data, start)
    except (OSError, Damaged) as error:
        raise BadInput(
            f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}.",
            "the path is misspelt, or the file is truncated or not what its suffix says.",
            "save the tensors again with safetensors.",
        ) from None


def _header(first: bytes, file: Any, size: int) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(first, "little")
    if len(first) < 8 or length > min(MAX_HEADER, size - 8):
        raise Damaged(f"it says that its header has {length} bytes, and has {size} bytes itself")
    try:
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"its header is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise Damaged(f"its header is a {type(header).__name__}")
    header.pop("__metadata__", None)
    return header, 8 + length


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names all differ: of two arrays of one name, neither is the one that is meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Damaged("a name occurs twice in its header")
    return made


def _arrays(header: dict[str, Any], data: bytes, start: int) -> tuple[dict[str, Array], set[str]]:
    arrays: dict[str, Array] = {}
    narrow, spans = set(), []
    for name, entry in header.items():
        dtype, shape, (first, last) = _entry(name, entry)
        count, kind = prod(shape), np.dtype(DTYPES[dtype])
        if not 0 <= first <= last <= len(data) or last - first != count * kind.itemsize:
            raise Damaged(f"{name} {shape} {dtype} has bytes {first} to {last} of {len(data)} after byte {start}")
        spans.append((first, last))
        values = np.frombuffer(data, kind, count, first).reshape(shape)
        if dtype == "BF16":
            narrow.add(name)
            values = (values.astype(np.uint32) << 16).view(np.float32)
        arrays[name] = values
    _without_gaps(sorted(spans), len(data))
    return arrays, narrow


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise Damaged(f"its entry {name!r} has no dtype, shape and data_offsets")
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
        raise Damaged(f"{name!r} has dtype {entry['dtype']!r}; known are {', '.join(DTYPES)}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or any(type(n) is not int or n < 0 for n in numbers):
            raise Damaged(f"{name!r} has shape {shape!r} and data_offsets {offsets!r}")
    if len(offsets) != 2:
        raise Damaged(f"{name!r} has data_offsets {offsets!r}")
    return entry["dtype"], tuple(shape), (offsets[0], offsets[1])


def _without_gaps(spans: list[tuple[int, int]], size: int) -> None:
    at = 0
    for first, last in spans:
        if first != at:
            raise Damaged(f"its arrays {'overlap' if first < at else 'leave a gap'} at byte {min(first, at)}")
        at = last
    if at != size:
        raise Damaged(f"{size - at} bytes belong to no array")
