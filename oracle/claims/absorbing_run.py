"""What absorbing a gain where it is not exact costs along a run: per unit and step, and in the distance of two runs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb_mat

from oracle.arithmetic.ball import Ball, precision
from oracle.claims.absorbing_error import absorbing_bound, absorbing_error
from oracle.claims.absorption import Gain, inside
from oracle.claims.measured import Compared, judged
from oracle.claims.norms import block, columns_of
from oracle.claims.result import Assumption, Evaluated
from oracle.claims.segments import Step, along_segments, distances, driven, growth
from oracle.claims.setting import Setting
from oracle.claims.suprema import Known, shape
from oracle.records.network import Network
from oracle.records.operator import spread
from oracle.reference.entry import reference

BITS = 160
DIGITS = 30
RESOLUTION = 1e-25  # five digits above the radius of the references


def error_along_run(setting: Setting, gain: Gain, assumptions: tuple[Assumption, ...], exact: list[str]) -> Evaluated:
    """|g s(z) - s(g z)| at every unit and step of the run, and how far the run with the gain absorbed strays."""
    net, X, h0 = setting.net, setting.run.X[:, 0], setting.run.h0[0]
    rec = net.discretize(setting.step)
    absorbed = Network.made(inside(net.field, gain), net.origin).discretize(setting.step)
    runs = [reference(part, X, h0, digits=DIGITS) for part in (rec, absorbed)]
    with precision(BITS):
        kind = shape(net.activation)
        if kind is None:
            return Evaluated(assumptions, Fraction(0), None, (*exact, "no certified constants for this activation"))
        states, others = (columns_of(run) for run in runs)
        step, moved = Step.of(rec.parameters, X), Step.of(absorbed.parameters, X)
        z = step.arguments(block(states, len(X)))
        g = [Ball().number(entry) for entry in spread(gain, net.N)]
        errors, bounds = pointwise(kind, g, z)
        units = Compared.of("(iv) |g s(z) - s(g z)|", errors.entries(), bounds.entries(), RESOLUTION)
        gz = arb_mat(z.nrows(), len(X), [g[i] * z[i, k] for i in range(z.nrows()) for k in range(len(X))])
        factor = along_segments(moved, kind, gz, moved.arguments(block(others, len(X))))
        apart = distances(states, others)
        run = Compared.of("(iv) distance of the two runs", apart, growth(factor, driven(moved.B, bounds)), RESOLUTION)
    practical = {
        "error of absorbing the gain over this input": float(run.high[run.main]),
        "its certified bound": float(run.bound[run.main]),
    }
    return judged(assumptions, (units, run), exact, practical)


def pointwise(kind: Known, g: list[Any], z: Any) -> tuple[Any, Any]:
    """Errors (balls) and their bounds, both (units, steps)."""
    places = [(i, k) for i in range(z.nrows()) for k in range(z.ncols())]
    errors = [abs(absorbing_error(kind.name, g[i], z[i, k])) for i, k in places]
    bounds = [absorbing_bound(kind, g[i], z[i, k]) for i, k in places]
    return arb_mat(z.nrows(), z.ncols(), errors), arb_mat(z.nrows(), z.ncols(), bounds)
