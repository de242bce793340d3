"""What steps do at equilibria: identities of records, exactly balanced steps, and a certified equilibrium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, lower_floats, precision, upper_floats
from oracle.arithmetic.rational import Rational
from oracle.claims.fixed_points import BITS, FixedPoint, enclosure, fixed_point, residual
from oracle.claims.setting import Setting
from oracle.equations.runge_kutta import TABLEAUS
from oracle.procedures.sameness import Sameness, same_coefficients
from oracle.records.exact import Array, exact_object
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import Operator

LARGEST = 512
"""Units up to which Runge-Kutta steps are run exactly and an equilibrium is certified: 4 s at 400."""
_STARTS = 4  # seeded, beside the operating point and zero


def equalities(setting: Setting) -> Iterator[tuple[str, Sameness]]:
    """Phi - 1 against Delta F on records, and the Runge-Kutta steps of the field balanced at the operating point."""
    net, step = setting.net, setting.step
    yield "Euler - 1 = Delta F", same_coefficients(moved(net.discretize(step).lure), net.field.scaled(step))
    if net.field.A.is_diagonal:
        made = net.discretize(step, "exponential-euler").lure
        unit = Network(A=net.field.A, W=np.zeros((net.N, net.N)), B=1, activation="identity")
        gain = unit.discretize(step, "exponential-euler").lure.B.diagonal_factor()
        yield "exponential Euler - 1 = Delta phi_1 F", same_coefficients(moved(made), net.field.scaled(gain))
    h, x = setting.at
    balanced = at_equilibrium(net, h, x) if net.N <= LARGEST else net
    for scheme in TABLEAUS if net.N <= LARGEST else ():
        yield f"{scheme} fixes an equilibrium", stays(balanced.discretize(step, scheme), h, x)


def moved(step_map: Lure) -> Lure:
    """Phi - 1."""
    return replace(step_map, A=step_map.A + Operator.diagonal(Fraction(-1), step_map.state_size))


def at_equilibrium(net: Network, h: Array, x: Array) -> Network:
    """The network with c changed so that F(h, x) = 0, exactly."""
    ops = Rational()
    F = residual(ops, net, ops.lift(h), ops.lift(x))[:, 0]
    return Network.made(replace(net.field, c=(*net.field.c, -F)), net.origin)


def stays(rec: Any, h: Array, x: Array) -> Sameness:
    """Whether a step leaves h where it is, exactly."""
    ops = Rational()
    rest = [entry for entry in residual(ops, rec, ops.lift(h), ops.lift(x)).ravel() if entry != 0]
    if not rest:
        return Sameness("equal", "Phi(h) = h (exact)", Fraction(0))
    with precision(BITS):
        gap = float(np.max(lower_floats(Ball().lift(np.array(rest, dtype=object)))))
    return Sameness("different" if gap > 0 else "undecided", f"Phi(h) is off by at least {gap:.6g}", gap)


def equilibrium(setting: Setting) -> tuple[FixedPoint, tuple[str, ...]]:
    """A certified equilibrium of the network under the operating input, and what a step of each scheme does there."""
    net, (h, x) = setting.net, setting.at
    if net.N > LARGEST:
        return FixedPoint("undecided", f"not looked for beyond {LARGEST} units"), ()
    drawn = np.random.default_rng(net.N).normal(size=(_STARTS, net.N))
    starts = (exact_object(h), np.zeros(net.N), *drawn)
    found = next((p for p in (fixed_point(net, x, start) for start in starts) if p), FixedPoint("undecided", "none"))
    if not found:
        return found, (f"no equilibrium was certified from {len(starts)} starts",)
    texts = [f"equilibrium {found!r}"]
    with precision(BITS):
        ops = Ball()
        for scheme in ("euler", *TABLEAUS):
            rest = residual(ops, net.discretize(setting.step, scheme), enclosure(found), ops.lift(x))
            texts.append(f"|Phi(h) - h| <= {np.max(upper_floats(rest)):.3g} there by {scheme} (balls)")
    return found, tuple(texts)
