"""What the oracle raises: errors in three parts, with the data they speak of kept as attributes."""

from __future__ import annotations

from typing import Any


class BadInput(ValueError):
    """Input that cannot be judged: what was seen, what it probably means, what to do.

    Parameters
    ----------
    seen, meaning, remedy : str
        The three parts of the message.
    **data
        Values the message speaks of, kept in ``data`` for programs.
    """

    def __init__(self, seen: str, meaning: str, remedy: str, **data: Any) -> None:
        super().__init__(f"{seen}\n  This probably means: {meaning}\n  What to do: {remedy}")
        self.seen = seen
        self.meaning = meaning
        self.remedy = remedy
        self.data = data

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its parts, so that an error in a worker process reaches its caller."""
        return _bad_input, (self.seen, self.meaning, self.remedy, self.data)


def _bad_input(seen: str, meaning: str, remedy: str, data: dict[str, Any]) -> BadInput:
    return BadInput(seen, meaning, remedy, **data)


class NotDecidable(ArithmeticError):
    """An exact question that this arithmetic has no answer to (a transcendental of a transcendental, say)."""


class KinkError(ArithmeticError):
    """A derivative was asked for where an activation has none, or where it cannot be ruled out."""
