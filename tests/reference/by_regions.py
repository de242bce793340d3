"""Flows with kinks in mpmath alone: odefun on one smooth branch per unit, from switch to switch.

Shares nothing with the engines of oracle/: the field is written out, a branch is a formula, a switch is the first zero
of z minus a kink on a grid of the dense output, by bisection. Nothing here is proved.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath

GRID = 32  # points of a piece at which a switch is looked for
SPARE = 12  # digits beyond those asked for

Branches = tuple[tuple[Fraction, ...], tuple[Callable[[Any, Any], Any], ...]]
ZERO = Fraction(0)
BRANCHES: dict[str, Branches] = {
    "relu": ((ZERO,), (lambda c, z: 0 * z, lambda c, z: z)),
    "leaky-relu(0.1)": ((ZERO,), (lambda c, z: z / 10, lambda c, z: z)),
    "hardtanh": ((Fraction(-1), Fraction(1)), (lambda c, z: c.mpf(-1), lambda c, z: z, lambda c, z: c.mpf(1))),
    "elu": ((ZERO,), (lambda c, z: c.expm1(z), lambda c, z: z)),
    "square(0.25)": ((ZERO,), (lambda c, z: 0 * z, lambda c, z: z * z / 4)),
}


def flow(form: str, parameters: Any, activation: str, h0: Any, inputs: Any, last: Fraction, digits: int) -> list[Any]:
    """h(last) of a network in rate, paper or current form under held inputs (K, I) of equal length.

    `parameters` are W, M, b, tau, arrays of floats.
    """
    ctx = mpmath.MPContext()
    ctx.dps = digits + SPARE
    W, M, b, tau = (part.tolist() for part in parameters)
    kinks, formulas = BRANCHES[activation]
    h, length = [ctx.mpf(entry) for entry in h0], ctx.mpf(last.numerator) / last.denominator / len(inputs)
    for x in inputs.tolist():
        drive = [ctx.fdot(row, x) + bias for row, bias in zip(M, b, strict=True)]
        h = _piece(ctx, _Field(ctx, form, W, tau, drive, kinks, formulas), h, length, digits)
    return h


class _Field:
    """F on the branches that the units are on, and what the units are on."""

    def __init__(
        self, ctx: Any, form: str, W: Any, tau: Any, drive: Any, kinks: tuple[Fraction, ...], formulas: Any
    ) -> None:
        self.ctx, self.form, self.W, self.tau, self.drive, self.formulas = ctx, form, W, tau, drive, formulas
        self.kinks = [ctx.mpf(kink.numerator) / kink.denominator for kink in kinks]

    def argument(self, h: Any) -> Any:
        """z, which in current form is the state itself."""
        if self.form == "current":
            return list(h)
        return [self.ctx.fdot(row, h) + d for row, d in zip(self.W, self.drive, strict=True)]

    def sides(self, h: Any) -> list[int]:
        """How many kinks each unit is above."""
        return [sum(z > kink for kink in self.kinks) for z in self.argument(h)]

    def on(self, branch: list[int]) -> Callable[[Any, Any], Any]:
        """F(t, h) with every unit on a branch."""

        def derivative(_: Any, h: Any) -> Any:
            s = [self.formulas[at](self.ctx, z) for at, z in zip(branch, self.argument(h), strict=True)]
            if self.form == "current":
                s = [self.ctx.fdot(row, s) + d for row, d in zip(self.W, self.drive, strict=True)]
            scale = [self.ctx.mpf(1) if self.form == "paper" else 1 / self.ctx.mpf(t) for t in self.tau]
            return [-e / t + g * v for e, t, g, v in zip(h, self.tau, scale, s, strict=True)]

        return derivative


def _piece(ctx: Any, field: _Field, h: Any, length: Any, digits: int) -> Any:
    """The state after a piece of constant input."""
    t, branch = ctx.mpf(0), field.sides(h)
    while True:
        dense = ctx.odefun(field.on(branch), t, h, tol=ctx.mpf(10) ** -(digits + SPARE // 2))
        grid = [t + (length - t) * k / GRID for k in range(GRID + 1)]
        place = next((k for k in range(1, GRID + 1) if field.sides(dense(grid[k])) != branch), None)
        if place is None:
            return dense(length)
        low, high = grid[place - 1], grid[place]
        while high - low > ctx.mpf(10) ** -(digits + SPARE // 2):
            middle = (low + high) / 2
            low, high = (middle, high) if field.sides(dense(middle)) == branch else (low, middle)
        t, h = high, dense(high)  # just beyond, where the sides are those that follow
        branch = field.sides(h)
