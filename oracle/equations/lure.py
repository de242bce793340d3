"""The normal form as a map: A h + B s(W h + M x + b) + E x + c.

Read as a step it is h_{k+1}, read as a field it is dh/dt. What does not depend on the state is the drive, so that it
can be computed for all steps in one product.
"""

from __future__ import annotations

from typing import NamedTuple

from oracle.equations.interface import Arithmetic, V
from oracle.records.lure import Lure


class Drive(NamedTuple):
    """Whatever does not depend on the state: M x + b inside s and E x + c outside; absent parts are empty."""

    inside: tuple[object, ...]
    outside: tuple[object, ...]


def drive(ops: Arithmetic[V], p: Lure, x: V) -> Drive:
    """M x + b and E x + c."""
    inside = [(p.M, x)] if p.M.terms and p.M.shape[1] else []
    outside = [(p.E, x)] if p.E.terms and p.E.shape[1] else []
    return Drive(
        (ops.affine(inside, p.b),) if inside or p.b else (),
        (ops.affine(outside, p.c),) if outside or p.c else (),
    )


def step(ops: Arithmetic[V], p: Lure, h: V, u: Drive) -> V:
    """A h + B s(W h + inside) + outside."""
    z = ops.affine([(p.W, h)], parts=u.inside)  # type: ignore[arg-type]
    s = ops.act(p.activation, z)
    return ops.affine([(p.A, h), (p.B, s)], parts=u.outside)  # type: ignore[arg-type]
