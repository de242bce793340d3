"""Where an unexplained step goes wrong: the sub-expression whose value the residuals are a function of. Observed.

    leak              a function of the unit's own state h_i
    activation        a function of the argument z_i of the nonlinearity
    pre-activation    s'(z_i) d_i times a combination of what the weights see

The residuals of the unit that is furthest off are fitted by each; the one that leaves least is named, if that is next
to nothing and there are steps to spare. The intermediate values of a program are not seen, so nothing is proved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.diagnosis.implied import coefficients_of, implied
from oracle.diagnosis.readings import Steps
from oracle.diagnosis.sliced import Slice
from oracle.diagnosis.statement import Statement
from oracle.equations.activations import ACTIVATIONS
from oracle.records.exact import Array

DEGREE = 11  # of the polynomials that stand for a function of one variable
LEFT = 1e-3  # share of the variance a true site may leave: smooth functions are this close to degree 11
SPARE = 2  # steps per unknown below which a fit says nothing


def sub_expression(s: Any, part: Slice, bound: Array) -> tuple[int, str | None]:
    """(unit that is furthest off, the sub-expression its residuals point to or None); `part` holds every unit."""
    off = part.residual(s)
    usable = np.isfinite(off).all(axis=0)
    i = int(np.argmax(np.max(np.abs(off[:, usable]) / bound[:, usable], axis=1, initial=0.0)))
    if not isinstance(s, Statement) or s.staged:
        return i, None
    steps = Steps(*(values[:, usable] for values in (part.before, part.after, part.X)))
    target = off[i, usable]
    shares = {name: _left(design, target) for name, design in _designs(s, steps, bound[:, usable], i)}
    name = min(shares, key=lambda each: shares[each])
    return i, name if shares[name] <= LEFT else None


def _designs(s: Statement, steps: Steps, bound: Array, i: int) -> Iterator[tuple[str, Array]]:
    """Regressors of each sub-expression, (columns, unknowns)."""
    with np.errstate(all="ignore"):
        seen = implied(s, steps, bound).seen
        z = seen @ coefficients_of(s)[i]
        ops, act = Float64(), ACTIVATIONS["identity" if s.form == "inside" else s.activation]
        slope = np.asarray(act.slope(ops, act.value(ops, z[None]), z[None]))[0]
    yield "leak", _powers(steps.before[i])
    yield "activation", _powers(steps.before[i] if s.form == "inside" else z)
    yield "pre-activation", seen * slope[:, None]


def _powers(v: Array) -> Array:
    scale = float(np.max(np.abs(v), initial=0.0)) or 1.0
    return np.asarray(np.polynomial.chebyshev.chebvander(v / scale, DEGREE))


def _left(design: Array, target: Array) -> float:
    """Share of the variance that a fit leaves, corrected for its unknowns; 1 where there are too few steps."""
    if len(target) < SPARE * design.shape[1] or not np.isfinite(design).all():
        return 1.0
    solution, *_ = np.linalg.lstsq(design, target, rcond=None)
    left, size = float(np.sum((target - design @ solution) ** 2)), float(target @ target) or 1.0
    return left / size * len(target) / (len(target) - int(design.shape[1]))
