"""The claims of the subject, each with assumptions, bound, measured value, proof and counterexamples.

    oracle.claims["C1"].verify(net)      oracle.verify_all(net)      for claim in oracle.claims.values(): ...

Source: M. Caruso and C. Jarne, "Analysing Rescaling, Discretisation, and Linearisation in RNNs for Neural System
Modelling", arXiv 2312.15974; where a sharper form is known it is the one stated.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from oracle.claims.registry import CLAIMS, verify_all
from oracle.claims.result import Assumption, Claim, ClaimResult, Counterexample, Proof

__all__ = ["CLAIMS", "Assumption", "Claim", "ClaimResult", "Counterexample", "Proof", "verify_all"]


class _Catalogue(ModuleType):
    """This module, indexed by the ids of the claims."""

    def __getitem__(self, identifier: str) -> Claim:
        return CLAIMS[identifier]

    def __iter__(self) -> Iterator[str]:
        return iter(CLAIMS)

    def __len__(self) -> int:
        return len(CLAIMS)

    def __contains__(self, identifier: object) -> bool:
        return identifier in CLAIMS

    def keys(self) -> Any:
        """Ids of the claims."""
        return CLAIMS.keys()

    def values(self) -> Any:
        """The claims."""
        return CLAIMS.values()

    def items(self) -> Any:
        """Ids and claims."""
        return CLAIMS.items()


sys.modules[__name__].__class__ = _Catalogue
