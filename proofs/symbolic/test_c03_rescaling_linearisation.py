"""C3: R L = L R at the matching point, proved with generic coefficients and an unknown differentiable s.

General argument. R multiplies A, B, E and c by r and leaves W, M, b, hence z* = W h* + M x* + b and S = diag s'(z*).
L multiplies B by S from the right and adds B (s(z*) - S z*) to c, which is linear in B: r comes out in front. On a
discrete system R leaves the map alone, and L does not see the grid. Along a trajectory the same holds at every instant
with h*(r s) for h*(t), t = r s. Nothing depends on the form of A, so time constants may differ from unit to unit.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from generic import SIZES, Unknown, assert_same, assert_zero, field, point

from oracle.procedures.linearize import linearized, preactivation
from oracle.procedures.rescale import rescaled
from oracle.records.lure import Lure

r = sympy.Symbol("r", positive=True)


def prove(rescale=rescaled, linearise=linearized, moved=0, *, diagonal=False) -> None:
    """Identical coefficients in both orders; `moved` shifts the operating point of the second order."""
    for N, K, inputs in SIZES:
        F, (h, x), s = field(N, K, inputs, diagonal=diagonal), point(N, inputs), Unknown()
        after = rescale(F, r)
        z = preactivation(after, h + moved, x)
        if not moved:
            assert_zero(z - preactivation(F, h, x), "z* is untouched by R")
        first = rescale(linearise(F, preactivation(F, h, x), s.value, s.slope), r)
        assert_same(linearise(after, z, s.value, s.slope), first)


def test_any_leak() -> None:
    """R and L commute for a dense A."""
    prove()


def test_time_constants_of_any_kind() -> None:
    """R and L commute for one time constant per unit."""
    prove(diagonal=True)


def weights_scaled_too(p: Lure, factor) -> Lure:
    """A wrong R: W is multiplied as well."""
    return replace(rescaled(p, factor), W=p.W.scaled(factor))


def constant_not_scaled(p: Lure, factor) -> Lure:
    """A wrong R: c stays."""
    return replace(rescaled(p, factor), c=p.c)


def unscaled_offset(p: Lure, z, value, slope) -> Lure:
    """A wrong L: its offset does not pass through B."""
    return replace(linearized(p, z, value, slope), c=(*p.c, value(p.activation, z[0]) + 0 * p.c[0]))


FAULTS = {
    "W scaled too": lambda: prove(rescale=weights_scaled_too),
    "c not scaled": lambda: prove(rescale=constant_not_scaled),
    "offset without B": lambda: prove(linearise=unscaled_offset),
    "another operating point": lambda: prove(moved=sympy.Symbol("eps")),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong procedure is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
