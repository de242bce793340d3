"""What networks and recurrences have in common: immutability, identity, and the memory of how they were stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.records.exact import Array

PASTED_ENTRIES = 64  # arrays with more entries than this are abbreviated in a repr


@dataclass(frozen=True, eq=False)
class Origin:
    """How a record came about: a constructor with the parameters as given, or a verb applied to a parent record."""

    name: str
    arguments: Mapping[str, Any]
    parent: Record | None = None
    dtype: str = "float64"

    def root(self) -> Origin:
        """The constructor at the start of the chain."""
        return self if self.parent is None else self.parent.origin.root()


@dataclass(frozen=True, eq=False, repr=False)
class Record:
    """A value: compared by what it computes (exactly), printed by how it was stated."""

    origin: Origin = field(compare=False)

    @property
    def dtype(self) -> str:
        """Precision in which the parameters were given: the dtype of the arrays, float64 for Python numbers."""
        return self.origin.root().dtype

    def key(self) -> tuple[Any, ...]:
        """What equality compares."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.key() == other.key()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.key()))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpickling and deep copies: numpy forgets that an array was read-only."""
        self.__dict__.update(state)
        _freeze(state)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={_shown(value)}" for name, value in self.origin.arguments.items())
        if self.origin.parent is not None:
            return f"{self.origin.parent!r}.{self.origin.name}({arguments})"
        kind = type(self).__name__
        return (
            f"oracle.{kind}({arguments})"
            if self.origin.name == "general"
            else (f"oracle.{kind}.{self.origin.name}({arguments})")
        )


def _freeze(value: Any) -> None:
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, Mapping):
        _freeze(tuple(value.values()))
    elif isinstance(value, tuple):
        for entry in value:
            _freeze(entry)
    elif is_dataclass(value) and not isinstance(value, Record):
        _freeze(vars(value))


def _shown(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Fraction):
        as_float = float(value)
        return repr(as_float) if Fraction(as_float) == value else f"Fraction({value.numerator}, {value.denominator})"
    if isinstance(value, np.ndarray):
        if value.size > PASTED_ENTRIES:
            return f"<{'x'.join(map(str, value.shape))}>"
        if value.ndim > 1 and value.size == 0:
            return f"np.zeros({value.shape})"
        return _listed(value)
    if isinstance(value, tuple | list):
        inner = ", ".join(_shown(entry) for entry in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)


def _listed(value: Array) -> str:
    if value.ndim == 0:
        return _shown(value.item() if value.dtype != object else value[()])
    return "[" + ", ".join(_listed(entry) if isinstance(entry, np.ndarray) else _shown(entry) for entry in value) + "]"
