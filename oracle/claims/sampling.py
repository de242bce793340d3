"""What sampling the input costs the flow: held between samples, or linear between them.

Two flows under inputs x and x~ are mapped apart by J on the segment between them and by E^ = E + B D M, D diagonal with
slopes of s, so in any norm, with mu >= mu(J) for all these slopes,

    e(t_k + Delta) <= e^{mu Delta} e(t_k) + int_0^Delta e^{mu (Delta - th)} |E^ (x~ - x)(t_k + th)| dth

    held      |E^ (x~ - x)| <= |E^ x'| th                        weight  Delta^2 (e^z - 1 - z)/z^2
    linear    |E^ (x~ - x)| <= |E^ x''| th (Delta - th)/2        weight  Delta^3 ((z - 2) e^z + z + 2)/(2 z^3)

with z = mu Delta. For mu < 0 the sum stays below the weight over 1 - e^z, at the samples for ever:

    held      |E^ x'|/|mu| (Delta/(1 - e^z) - 1/|mu|)
    linear    |E^ x''|/mu^2 ((Delta/2) coth(|mu| Delta/2) - 1/|mu|)  <=  |E^ x''| Delta^2/(12 |mu|)

attained by h' = mu h + x with x = t and x = t^2/2. Between samples a held input is nowhere worse; a linear one is at
most |E^ x''| Delta^2/(8 |mu|) off. Everything here in balls; use it inside `precision`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, pairwise
from typing import Any, NamedTuple

from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball
from oracle.arithmetic.suprema import bounded_slopes
from oracle.claims.norms import Norm, logarithmic_norm, matrix_norm, sizes, vector_norm
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.reference.lipschitz import matrix

NEARLY_ZERO = Fraction(1, 2**30)
"""A z closer to zero is rounded up to this: the weights grow with mu, and their differences cancel at z = 0."""


SERIES_BITS = 128
"""Terms of a series this much smaller than the state are not computed any more, but bounded."""


class Kind(NamedTuple):
    """One way to go on between samples."""

    name: str

    def weight(self, mu: Any, step: Any, exp: Any = arb.exp) -> Any:
        """What one step adds, per unit of |E^ x'| or |E^ x''|."""
        z = mu * step
        if self.name == "held":
            return step**2 * (exp(z) - 1 - z) / z**2
        return step**3 * ((z - 2) * exp(z) + z + 2) / (2 * z**3)

    def uniform(self, mu: Any, step: Any, exp: Any = arb.exp, coth: Any = arb.coth) -> Any:
        """What all steps together never exceed at the samples, for mu < 0."""
        m = -mu
        if self.name == "held":
            return (step / (1 - exp(mu * step)) - 1 / m) / m
        return (step / 2 * coth(m * step / 2) - 1 / m) / m**2


HELD, LINEAR = Kind("held"), Kind("linear")


def accumulated(kind: Kind, mu: Any, step: Any, forcing: Sequence[Any]) -> list[Any]:
    """Bounds of the error at samples 1 .. K, forcing[k] >= |E^ x'| or |E^ x''| on step k."""
    low = (Ball().rational(NEARLY_ZERO) / step).upper()
    mu = low if abs(mu) < low else mu
    kept, weight = (mu * step).exp(), kind.weight(mu, step)
    errors, e = [], arb(0)
    for size in forcing:
        e = (kept * e + weight * size).abs_upper()
        errors.append(e)
    return errors


# -- linear flows, in closed form -------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class LinearFlow:
    """h' = J h + E x for inputs that are quadratic on each step: one matrix exponential of (h, x, x', x'')."""

    J: Any
    E: Any
    step: Any
    flow: Any

    @staticmethod
    def of(J: Any, E: Any, step: Any) -> LinearFlow:
        """J (N, N), E (N, I)."""
        N, inputs = J.nrows(), E.ncols()
        generator = arb_mat(N + 3 * inputs, N + 3 * inputs)
        for i in range(N):
            for j in range(N):
                generator[i, j] = J[i, j]
            for j in range(inputs):
                generator[i, N + j] = E[i, j]
        for j in range(2 * inputs):
            generator[N + j, N + inputs + j] = arb(1)
        return LinearFlow(J, E, step, (generator * step).exp())

    def advance(self, h: Any, x: Any, slope: Any = None, curvature: Any = None) -> Any:
        """h after one step under x + slope th + curvature th^2/2."""
        zero = arb_mat(x.nrows(), 1)
        parts = [h, x, zero if slope is None else slope, zero if curvature is None else curvature]
        column = arb_mat(self.flow.nrows(), 1, [entry for part in parts for entry in part.entries()])
        moved = self.flow * column
        return arb_mat(h.nrows(), 1, [moved[i, 0] for i in range(h.nrows())])


@dataclass(frozen=True, eq=False)
class SeriesFlow:
    """The same without the exponential: the Taylor series of each step, for large networks and few steps.

        c_0 = h,  (k + 1) c_{k+1} = J c_k + (E x, E v, E a/2, 0, ..)_k,   h(Delta) = sum_k c_k Delta^k

    From k = 3 on a term is at most |J| Delta/(k + 1) of the one before, so that the tail is at most a geometric series.
    """

    J: Any
    E: Any
    step: Any

    def advance(self, h: Any, x: Any, slope: Any = None, curvature: Any = None) -> Any:
        """h after one step under x + slope th + curvature th^2/2."""
        half = None if curvature is None else curvature * arb(0.5)
        driven = [None if part is None else self.E * part for part in (x, slope, half)]
        size = (matrix_norm(self.J, "infinity") * self.step).abs_upper()
        total = term = h
        for k in count():
            ratio = size / (k + 1)
            if k >= len(driven) and ratio < 0.5 and self._negligible(term, total):
                tail = (size_of(term, "infinity") * ratio / (1 - ratio)).abs_upper()
                return total + arb_mat(h.nrows(), 1, [arb(0, tail)] * h.nrows())
            moved, pushed = self.J * term, driven[k] if k < len(driven) else None
            # term is c_k Delta^k, and what drives c_{k+1} is multiplied by as much
            term = (moved if pushed is None else moved + pushed * self.step**k) * (self.step / (k + 1))
            total = total + term
        raise AssertionError("the factor |J| Delta/(k + 1) falls below any number")

    @staticmethod
    def _negligible(term: Any, total: Any) -> bool:
        return bool(size_of(term, "infinity") <= arb(2) ** (-SERIES_BITS) * (1 + size_of(total, "infinity")))


class Course(NamedTuple):
    """An input with values x_k and slopes v_k at the samples and curvature a_k on step k, as columns of balls."""

    x: list[Any]
    v: list[Any]
    a: list[Any]


def course(X: Array, step: Any) -> Course:
    """The input whose curvature on step k is X[k] / Delta^2: it starts at X[0] with the slope X[1] / Delta."""
    ops = Ball()
    rows = [ops.lift(row) for row in X]
    x, v, a = [rows[0]], [rows[min(1, len(rows) - 1)] * (1 / step)], [row * (1 / step**2) for row in rows]
    for curvature in a:
        x.append(x[-1] + v[-1] * step + curvature * (step**2 / 2))
        v.append(v[-1] + curvature * step)
    return Course(x, v, a)


def linear_errors(flow: LinearFlow | SeriesFlow, given: Course, h0: Any) -> dict[Kind, list[Any]]:
    """h~ - h at samples 1 .. K, for both kinds."""
    exact, rough = h0, {HELD: h0, LINEAR: h0}
    errors: dict[Kind, list[Any]] = {HELD: [], LINEAR: []}
    for k, curvature in enumerate(given.a):
        exact = flow.advance(exact, given.x[k], given.v[k], curvature)
        chord = (given.x[k + 1] - given.x[k]) * (1 / flow.step)
        rough[HELD] = flow.advance(rough[HELD], given.x[k])
        rough[LINEAR] = flow.advance(rough[LINEAR], given.x[k], chord)
        for kind, state in rough.items():
            errors[kind].append(state - exact)
    return errors


def linear_forcing(flow: LinearFlow | SeriesFlow, given: Course, norm: Norm) -> dict[Kind, list[Any]]:
    """|E x'| on each step (a norm is convex: the larger end) and |E x''|."""
    slopes = [size_of(flow.E * v, norm) for v in given.v]
    return {
        HELD: [a.max(b) for a, b in pairwise(slopes)],
        LINEAR: [size_of(flow.E * a, norm) for a in given.a],
    }


def size_of(column: Any, norm: Norm) -> Any:
    """An upper bound of the norm of a column, as an exact arb."""
    return vector_norm(sizes(column).entries(), norm)


def length(column: Any, norm: Norm) -> Any:
    """The norm of a column, as a ball."""
    if norm == "two":
        square = sum((entry * entry for entry in column.entries()), arb(0))
        # A ball about zero reaches below it, where the root is not defined; a sum of squares does not.
        return square.abs_lower().sqrt().union(square.abs_upper().sqrt())
    result = arb(0)
    for entry in column.entries():
        result = result.max(abs(entry))
    return result


# -- all slopes -------------------------------------------------------------------------------------------------------
def logarithmic_norm_of(p: Lure, norm: Norm) -> Any:
    """mu >= mu(A + B D W) for every diagonal D of slopes of s, as an exact arb.

    Infinity: with B diagonal a row has one slope, in which its sum is convex; otherwise every entry has its own.
    Two: centred, mu(A + c B W) + r |B| |W|, slopes within r of c.
    """
    ops = Ball()
    A, B, W = (matrix(ops, op) for op in (p.A, p.B, p.W))
    low, high = (ops.rational(end) for end in bounded_slopes(p.activation))
    if low == high:
        return logarithmic_norm(A + B * W * low, norm)
    centre, radius = (low + high) / 2, (high - low) / 2
    if norm == "two":
        spread = (radius * matrix_norm(B, norm) * matrix_norm(W, norm)).abs_upper()
        return (logarithmic_norm(A + B * W * centre, norm) + spread).upper()
    if p.B.is_diagonal:
        return _larger(logarithmic_norm(A + B * W * low, norm), logarithmic_norm(A + B * W * high, norm))
    if p.W.is_diagonal:
        return logarithmic_norm(_extreme(A + B * W * low, B * W * (high - low), signed=True), norm)
    return logarithmic_norm(_extreme(A + B * W * centre, sizes(B) * sizes(W) * radius, signed=False), norm)


def _extreme(A: Any, moved: Any, signed: bool) -> Any:
    """Off the diagonal the largest |A_ij + d moved_ij|, on it the largest A_ii + d moved_ii, d in [0, 1] ([-1, 1])."""
    result = arb_mat(A.nrows(), A.ncols())
    for i in range(A.nrows()):
        for j in range(A.ncols()):
            a, b = A[i, j], A[i, j] + moved[i, j]
            if i == j:
                result[i, j] = a.max(b)
            else:
                result[i, j] = abs(a).max(abs(b)) if signed else abs(a) + moved[i, j]
    return result


def _larger(a: Any, b: Any) -> Any:
    return a if a > b else b


def forcing_of(p: Lure, slopes: Any, norm: Norm) -> list[Any]:
    """|(E + B D M) x'| for every D, one bound per column of slopes (I, steps)."""
    ops = Ball()
    low, high = (ops.rational(end) for end in bounded_slopes(p.activation))
    D = low.union(high)
    B, M, E = (matrix(ops, op) for op in (p.B, p.M, p.E))
    moved = E * slopes + B * ((M * slopes) * D)
    columns = (arb_mat(moved.nrows(), 1, [moved[i, k] for i in range(moved.nrows())]) for k in range(moved.ncols()))
    return [size_of(column, norm) for column in columns]
