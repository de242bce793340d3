"""C4: all six orders of R, D and L give one record on one time grid, for Euler and for exponential Euler.

General argument. The six orders are connected by swaps of neighbours, and each swap is one face of the cube: R with D
(C1), R with L (C3), D with L (C2), on the nonlinear and the linear, the continuous and the discrete side. Each face
holds for every field of the normal form, so in particular for the rescaled and for the linearised one. Here the six
orders are carried out one by one with the library's functions and compared.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import NamedTuple

import pytest
import sympy
from generic import SIZES, Unknown, assert_same, field, point

from oracle.procedures.discretize import euler, exponential_euler
from oracle.procedures.linearize import linearized, preactivation
from oracle.procedures.rescale import rescaled
from oracle.records.lure import Lure

r, D = sympy.symbols("r Delta", positive=True)


class System(NamedTuple):
    """A record and the spacing of its time grid; None while it is continuous."""

    record: Lure
    grid: sympy.Expr | None


def prove(discretise, rescale=rescaled, linearise=linearized, divide=True, *, diagonal=False) -> None:
    """Six orders, one system."""
    for N, K, inputs in SIZES:
        F, (h, x), s = field(N, K, inputs, diagonal=diagonal), point(N, inputs), Unknown()

        def R(system: System) -> System:
            if system.grid is None:
                return System(rescale(system.record, r), None)
            return System(system.record, system.grid / r)

        def L(system: System, h=h, x=x, s=s) -> System:
            z = preactivation(system.record, h, x)
            return System(linearise(system.record, z, s.value, s.slope), system.grid)

        def follow(order: str, start=F) -> System:
            system = System(start, None)
            for i, name in enumerate(order):
                if name == "D":
                    step = D / r if "R" in order[:i] and divide else D
                    system = System(discretise(system.record, step), step)
                else:
                    system = {"R": R, "L": L}[name](system)
            return system

        ends = [follow("".join(order)) for order in permutations("RDL")]
        for end in ends[1:]:
            assert_same(end.record, ends[0].record)
            assert end.grid == ends[0].grid, f"grids {end.grid} and {ends[0].grid}"


def test_euler() -> None:
    """The cube commutes for forward Euler."""
    prove(euler)


def test_exponential_euler() -> None:
    """The cube commutes for exponential Euler with the split kept."""
    prove(lambda p, step: exponential_euler(p, step, sympy.exp), diagonal=True)


def weights_scaled_too(p: Lure, factor) -> Lure:
    """A wrong R: W is multiplied as well."""
    return replace(rescaled(p, factor), W=p.W.scaled(factor))


def slope_dropped(p: Lure, step) -> Lure:
    """A wrong D: it forgets c of a linear record."""
    return replace(euler(p, step), c=() if p.activation == "identity" else p.scaled(step).c)


FAULTS = {
    "W scaled too": lambda: prove(euler, rescale=weights_scaled_too),
    "step not rescaled": lambda: prove(euler, divide=False),
    "c forgotten after L": lambda: prove(slope_dropped),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong procedure is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()
