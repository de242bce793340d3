"""What two records have to do with each other: the answer of `relate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Relation:
    """What two records have to do with each other.

    Attributes
    ----------
    verdict : {"related", "unrelated", "undecided"}
    by : tuple of str
        The relations that take the first to the second, in the order of application; ("same",) for equal records.
    parameters : mapping
        r, permutation (unit i of the first is unit permutation[i] of the second), signs, T (h = T g with h of the first
        and g of the second, in the first's order), gains, step, scheme, as far as they apply.
    text : str
        The same in words.
    """

    verdict: str
    by: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    def __bool__(self) -> bool:
        return self.verdict == "related"

    def __repr__(self) -> str:
        shown = ", ".join(f"{name} = {_shown(value)}" for name, value in self.parameters.items())
        return f"{self.verdict}" + (f" by {' + '.join(self.by)}" if self.by else "") + (f" ({shown})" if shown else "")


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        inner = ", ".join(_shown(entry) for entry in value[:6])
        return f"({inner}{', ...' if len(value) > 6 else ''})"
    return str(value)
