"""The name of a question: a digest of everything that the answer of `oracle.reference` depends on.

Network, input, goal and algorithm. The network is read as it was stated, term by term: equal networks stated in two
ways may round differently, and then are two questions. The algorithm is the source code of the rooms that compute, and
the versions of the libraries below it: whoever changes either finds an empty cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import flint
import mpmath
import numpy as np

from oracle.records.exact import Array, Constant
from oracle.records.recurrence import Recurrence
from oracle.reference import arguments

_ROOMS = ("records", "equations", "arithmetic", "kernels", "procedures", "reference")


@dataclass(frozen=True)
class Question:
    """The digest, hexadecimal, and the shape of the answer."""

    key: str
    shape: tuple[int, ...]


def question(
    record: Any, inputs: Any, h0: Any, times: Any, steps: Any, start: Any, radius: Any, *how: Any
) -> Question | None:
    """The question that the arguments of `oracle.reference` ask; None if something in it has no exact name.

    Raises
    ------
    oracle.BadInput
        Arguments that do not fit.
    """
    if isinstance(record, Recurrence):
        if times is not None:
            return None  # bad input, which is for `reference` to refuse
        columns, states, batched = arguments.columns(record, inputs, h0)
        kept = arguments.kept(steps, len(columns))
        shape: tuple[int, ...] = (len(columns) + 1 if kept is None else len(kept), states.shape[1], record.N)
        stated: tuple[Any, ...] = (columns, states, kept)
    else:
        arguments.no_steps(steps)
        instants, begin = arguments.instants(times), arguments.instant(start)
        states, batched = arguments.starts(h0, record.N)
        shape = (len(instants), len(states), record.N)
        x = arguments.signal(record, inputs, instants, begin)
        stated = (x, states, instants, begin, arguments.spread(radius))
    shape = shape if batched else (shape[0], shape[2])
    try:
        return Question(digest((type(record).__name__, record.key(), stated, batched, how, algorithm())), shape)
    except TypeError:
        return None


@cache
def algorithm() -> str:
    """The digest of what computes references."""
    root = Path(__file__).parents[1]
    sources = [path for room in _ROOMS for path in sorted((root / room).rglob("*.py"))]
    texts = [(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in sources]
    return digest((texts, flint.__version__, mpmath.__version__, np.__version__))


def digest(value: Any) -> str:
    """SHA-256 of a value by its content.

    Raises
    ------
    TypeError
        A part is of a kind whose content is not known.
    """
    hasher = hashlib.sha256()
    for token in _tokens(value):
        hasher.update(len(token).to_bytes(8, "little") + token)
    return hasher.hexdigest()


def _tokens(value: Any) -> Iterator[bytes]:
    """A value as a sequence from which it could be rebuilt: its kind, its size, its parts."""
    if value is None or isinstance(value, bool | int | float | str | Fraction):
        yield f"{type(value).__name__} {value.hex() if isinstance(value, float) else value}".encode()
    elif isinstance(value, Constant):
        yield from _parts("constant", [list(item) for item in sorted(value.terms.items())])
    elif isinstance(value, np.ndarray):
        yield from _array(value)
    elif isinstance(value, tuple | list):
        yield from _parts("sequence", list(value))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _parts(type(value).__qualname__, [getattr(value, field.name) for field in fields(value)])
    elif type(value).__module__.split(".")[0] == "sympy":
        from sympy import srepr

        yield f"sympy {srepr(value)}".encode()
    else:
        raise TypeError(f"a {type(value).__name__} has no exact name")


def _parts(kind: str, parts: list[Any]) -> Iterator[bytes]:
    yield f"{kind} {len(parts)}".encode()
    for part in parts:
        yield from _tokens(part)


def _array(array: Array) -> Iterator[bytes]:
    yield f"array {array.dtype.str} {array.shape}".encode()
    if array.dtype == object:
        yield from _parts("entries", array.ravel().tolist())
    else:
        yield np.ascontiguousarray(array).tobytes()
