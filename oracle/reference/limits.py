"""How far the oracle goes to reach the digits asked for, and what it says when that is not far enough."""

from __future__ import annotations

from math import ceil, log2
from typing import Any

from oracle.errors import BadInput, NotDecidable

MOST_DIGITS = 10_000  # more than this is a typing error; nothing below it is refused unheard
MOST_BITS = 1 << 17  # working precision of a certified recurrence: 40,000 digits, where one product takes 0.1 ms
MOST_FLOW_DIGITS = 2_000  # working precision of the flow: its order grows with it, and its cost with the cube
GUARD_BITS = 32  # rounding of 2^20 steps, and 12 bits to spare


class NotReached(BadInput):
    """The digits asked for are out of reach; the message says why. A `BadInput`: other input can be judged."""


class Undecided(NotReached, NotDecidable):
    """Whatever the precision tried, it cannot be told what happens: a unit grazes the kink of its activation."""


class NotProved(NotReached, NotDecidable):
    """There is no proof of this here, for any precision."""


def not_proved(activation: str, missing: str) -> NotProved:
    """What is said of the flow of an activation of which too little is known."""
    return NotProved(
        f"the activation of this flow is {activation}.",
        f"{missing}.",
        'pass engine="mpmath" (observed, not proved) if it is analytic; or follow its discretised recurrence, which is '
        "proved for any activation.",
        activation=activation,
    )


def bits_for(digits: int) -> int:
    """Bits that hold this many digits after the point."""
    return ceil(digits * log2(10))


def checked_digits(digits: Any) -> int:
    """A number of digits from 1 to MOST_DIGITS.

    Raises
    ------
    oracle.BadInput
        It is something else.
    """
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= MOST_DIGITS:
        raise BadInput(
            f"digits is {digits!r}.",
            "digits counts decimal digits; a tolerance such as 1e-30 was perhaps meant.",
            f"pass a whole number from 1 to {MOST_DIGITS}, 30 say.",
        )
    return digits
