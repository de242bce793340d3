"""Parameters of one-step methods that leave the normal form: a field, and the step it is taken with."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from oracle.records.lure import Lure


@dataclass(frozen=True, eq=False)
class Staged:
    """Parameters of a one-step method that leaves the normal form: the field F and the step Delta.

    The map depends on them only through Delta F, and that is what equality compares.
    """

    field: Lure
    step: Fraction

    @property
    def state_size(self) -> int:
        """N."""
        return self.field.state_size

    @property
    def input_size(self) -> int:
        """I."""
        return self.field.input_size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Staged):
            return NotImplemented
        return self.field.scaled(self.step) == other.field.scaled(other.step)

    def __hash__(self) -> int:
        return hash(self.field.scaled(self.step))


@dataclass(frozen=True, eq=False)
class Implicit(Staged):
    """The same of a method whose step is the solution of a relation; `theta` is the weight of F at the new state.

    `made` keeps the relation, once it was asked for.
    """

    theta: Fraction = Fraction(1)
    made: list[Lure] = field(default_factory=list, repr=False)

    def __hash__(self) -> int:
        return hash((self.theta, super().__hash__()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Implicit) and self.theta == other.theta and bool(Staged.__eq__(self, other))
