"""What can be done to a record, filled in by the rooms above.

Records hold no arithmetic and import no other room, yet `net.discretize(step=0.1)` reads better than a function. The
rooms above register their verbs here when `oracle` is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_VERBS: dict[str, Callable[..., Any]] = {}


def provides(name: str) -> Callable[[F], F]:
    """Register a function as the meaning of a verb."""

    def register(function: F) -> F:
        _VERBS[name] = function
        return function

    return register


def verb(name: str) -> Callable[..., Any]:
    """The function registered under this name."""
    return _VERBS[name]
