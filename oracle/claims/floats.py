"""R and D in float64, beside what rounding may do: bit for bit at r = 4, within the bounds otherwise.

Both orders are run (`oracle.procedures.float_orders`), and compared after one step from the same states. Each order is
an honest evaluation of the same exact step with at most as many roundings per atom as the one-step bound allows (the
scaled coefficients r A, r B, r E, r c and the step Delta / r are three roundings more than the bound's least count, and
it grants six for forming coefficients and rearranging), so the two differ by at most the sum of both bounds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from oracle.claims.result import shown
from oracle.procedures.cube import Cube
from oracle.procedures.cube_shape import FACES
from oracle.procedures.discretize import IMPLICIT
from oracle.procedures.float_orders import measured
from oracle.records.exact import Array
from oracle.records.layout import Samples
from oracle.records.precision import precision_model
from oracle.records.recurrence import Recurrence
from oracle.tolerance.step import one_step_bound

EXACT_FACTOR = 4
"""A power of two scales every coefficient exactly; of four, noise as well."""


class Agreement(NamedTuple):
    """One face in float64: bitwise agreement, largest one-step difference, and its ratio to the summed bounds."""

    face: str
    bitwise: bool
    difference: float
    worst: float | None


def agreement(cube: Cube, name: str, run: Samples) -> Agreement:
    """Both orders of a face with a discrete corner, against the sum of both one-step bounds where there is one."""
    seen = measured(cube, name, run)
    record = next((v for v in _ends(cube, name) if isinstance(v, Recurrence)), None)
    if record is None or not np.all(np.isfinite(seen.H)):
        return Agreement(name, seen.bitwise, seen.largest, None)
    bound = 2 * one_step_bound(record, seen.H, seen.X, precision_model("float64"))
    return Agreement(name, seen.bitwise, float(np.max(seen.one_step, initial=0.0)), _worst(seen.one_step, bound))


def _ends(cube: Cube, name: str) -> tuple[Any, Any]:
    first, second, before = FACES[name]
    return cube.follow((*before, first, second)), cube.follow((*before, second, first))


def _worst(difference: Array, bound: Array) -> float:
    """Largest difference / bound; 0 / 0 is 0, for what is exact on both sides."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(difference == 0, 0.0, difference / bound)
    return float(np.max(ratio, initial=0.0))


def observed(cube: Cube, run: Samples, name: str = "R,D nonlinear") -> dict[str, Any]:
    """What the two orders do in float64, at r = 4 and at the cube's own factor; of steps that are formulas only."""
    if cube.scheme in IMPLICIT:
        return {}
    scaled = Cube(cube.net, r=EXACT_FACTOR, step=cube.step, at=cube.at, scheme=cube.scheme, collapsed=cube.collapsed)
    exact = agreement(scaled, name, run)
    seen: dict[str, Any] = {f"bitwise equal at r = {EXACT_FACTOR}, {run.steps} steps": exact.bitwise}
    if cube.step_after * cube.r == cube.step:
        own = agreement(cube, name, run)
        seen[f"r = {shown(cube.r)}: largest one-step difference"] = own.difference
        seen[f"r = {shown(cube.r)}: difference / (sum of both one-step bounds)"] = own.worst
    return seen
