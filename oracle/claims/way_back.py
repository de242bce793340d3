"""The way back from the current to the rate form: is W h(0) = v(0) - M x~(0) - b solvable, and uniquely?"""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.claims.exact_rank import full_rank_modulo
from oracle.claims.spectrum import rationals
from oracle.records.exact import Array, exact_object
from oracle.records.lure import Lure
from oracle.records.operator import Operator

LARGEST = 128
"""Units up to which the rank of a singular W is found exactly, a second at 128; full rank is shown modulo a prime."""


def way_back(rate: Lure) -> dict[str, Any]:
    """Whether h(0) can be had from v(0): the rank of W, exactly."""
    N, W = rate.state_size, _entries(rate.W)
    name = "way back, W h(0) = v(0) - M x~(0) - b"
    if full_rank_modulo(W):
        return {name: f"rank of W {N} of {N} (exact, modulo 2^61 - 1): solvable for every v(0), h(0) unique"}
    if N > LARGEST:
        return {name: f"W is singular modulo 2^61 - 1, which proves nothing at more than {LARGEST} units"}
    return {name: f"rank of W {exact_rank(W)} of {N} (exact): solvable for v(0) in a subspace, not unique"}


def _entries(W: Operator) -> Array:
    """W, or its one dense factor where only numbers multiply it: the rank is the same."""
    if len(W.terms) == 1 and W.terms[0].dense is not None:
        left, right = W.terms[0].left, W.terms[0].right
        if not isinstance(left, np.ndarray) and not isinstance(right, np.ndarray) and left * right != 0:
            return exact_object(W.terms[0].dense)
    return W.expanded


def exact_rank(matrix: Array) -> int:
    """The rank of a matrix of rationals."""
    return int(rationals(matrix).rank())
