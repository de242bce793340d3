"""The registry: one line per claim."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from oracle.claims import c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14, c15, c16, c17, c18
from oracle.claims.result import Claim, ClaimResult
from oracle.errors import BadInput


class Registry(dict[str, Claim]):
    """Claims by id; an unknown id gets the nearest ones."""

    def __missing__(self, identifier: str) -> Claim:
        near = get_close_matches(str(identifier).upper(), self, n=2, cutoff=0.5)
        raise BadInput(
            f"there is no claim {identifier!r}.",
            f"a misspelling of {' or '.join(near)}." if near else "a claim that is not in the catalogue.",
            f"use one of {', '.join(self)}.",
        )


CLAIMS = Registry(
    {
        module.CLAIM.id: module.CLAIM
        for module in (c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14, c15, c16, c17, c18)
    }
)


def verify_all(net: Any, **options: Any) -> tuple[ClaimResult, ...]:
    """Verify every claim on one network.

    Parameters
    ----------
    net : Network
    **options
        r (or tau), step, at, scheme, collapsed, inputs, h0, ...: see `oracle.claims.setting.Setting`.

    Returns
    -------
    tuple of ClaimResult

    Raises
    ------
    oracle.BadInput
        Not a Network, an unknown option, values of the wrong shape or sign.
    """
    return tuple(claim.verify(net, **options) for claim in CLAIMS.values())
