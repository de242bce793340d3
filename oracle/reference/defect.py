"""The defect of a polynomial: by how much p(sigma) misses dp/dsigma = L F(p), sigma = (t - t_0)/L, and what that costs.

    D(sigma) = p' - L F(p) = sum_{k<=K} D_k sigma^k  -  L B sum_{k>K} s_k sigma^k,      D_k = (k+1) p_{k+1} - L F(p)_k

for a p of degree P <= K with exact coefficients (any polynomial: nothing is assumed about where it comes from) and an
input that is a polynomial. Series in balls give D_k; the coefficient of order P does not cancel, p' having none. The
second sum is bounded by `cauchy.tail`. With a norm and mu >= mu(J) over all states, for 0 <= q:

    |x - p|(q)  <=  e^{mu q L} |x - p|(0)  +  max(1, e^{mu q L}) | int_0^q |D| dsigma |            (Dahlquist, 1958)
    int_0^q |D_i| dsigma  <=  sum_k |D_ik| q^{k+1}/(k+1)  +  L sum_j |B_ij| tail_j

An activation with kinks is read as its branch in a region; where z is beyond a kink by at most w on the step, that
adds q L |B| bend w. Two branches differ by (high - low) w where they are linear, s' being in [low, high]; for elu
|alpha (e^w - 1) - w| <= 2 max(alpha, 1) w for w <= 1; a power is gain w^n <= gain w beyond its kink.
An input that is not a polynomial is replaced by one; what is left out, at most `beyond` for each input on the step,
adds q L (|E| + |B| S |M|) beyond.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.ball_series import BallSeries, resized
from oracle.equations import lure
from oracle.equations.activations import ACTIVATIONS
from oracle.records.lure import Lure
from oracle.records.names import parsed
from oracle.reference import cauchy
from oracle.reference.lipschitz import matrix
from oracle.reference.lognorm import Norm
from oracle.reference.regions import Pattern, Sides

_BITS = 64  # of bounds: their own rounding, outward, is then invisible


class Watched(BallSeries):
    """Series that remember what went into the activation and what came out.

    With a pattern an activation with kinks is read in that region of the state space, where it is analytic.
    """

    argument: Any = None
    value: Any = None

    def __init__(self, length: int, kept: Any = None, pattern: Pattern | None = None) -> None:
        super().__init__(length, kept)
        self.sides = None if pattern is None else Sides(pattern)

    def positive_part(self, v: Any) -> Any:
        """v for units above the kink that it vanishes at, else 0."""
        if self.sides is None:
            return super().positive_part(v)
        zero, above = arb(0), self.sides.above()
        kept = [entry if above[i // self.length] else zero for i, entry in enumerate(v.entries())]
        return arb_mat(v.nrows(), self.length, kept)

    def unit_step(self, v: Any) -> Any:
        """1 for units above the kink that v vanishes at, else 0."""
        if self.sides is None:
            return super().unit_step(v)
        above = self.sides.above()
        return resized(arb_mat(len(above), 1, [int(each) for each in above]), self.length)

    def act(self, activation: str, z: Any) -> Any:
        """An activation by name."""
        if self.sides is not None:
            self.sides.begin(activation)
        self.argument, self.value = z, super().act(activation, z)
        return self.value


@dataclass(frozen=True)
class Gains:
    """Upper bounds as matrices of balls: |B|, its row sums, and |E| + |B| S |M|."""

    output: Any
    tail: Any
    inputs: Any

    @staticmethod
    def of(field: Lure, slopes: tuple[Fraction, Fraction]) -> Gains:
        """For slopes in a range."""
        with precision(_BITS):
            ops = Ball()
            B, M, E = (sized(matrix(ops, op)) for op in (field.B, field.M, field.E))
            low, high = slopes
            S = ops.rational(max(abs(low), abs(high)))
            bend = ops.rational(_bend(field.activation, high - low))
            return Gains(B * bend, B * arb_mat(B.ncols(), 1, [1] * B.ncols()), E + B * M * S)


def _bend(activation: str, spread: Fraction) -> Fraction:
    """What being beyond the kink of a region costs, per distance up to 1."""
    family, parameters = parsed(activation)
    if family == "square":
        return abs(parameters[0] or Fraction(0))
    return max(spread, Fraction(1)) * (1 if ACTIVATIONS[activation].piecewise_linear else 2)


def defect(field: Lure, p: Any, x: Any, unit: Any, ops: Watched) -> Any:
    """D_0 .. D_K as a matrix (N, K + 1); p (N, P + 1) and x (I, K + 1) are coefficients. Use inside `precision`."""
    K = ops.length
    p = resized(p, K)
    right = (lure.step(ops, field, p, lure.drive(ops, field, x)) * unit).entries()
    left = p.entries()
    entries = [
        (k + 1) * left[i + k + 1] - right[i + k] if k + 1 < K else -right[i + k]
        for i in range(0, len(left), K)
        for k in range(K)
    ]
    return arb_mat(p.nrows(), K, entries)


@dataclass(frozen=True)
class Misfit:
    """A defect, ready to be bounded for any length q of the step.

    Attributes
    ----------
    sizes : arb_mat
        |D_ik| rounded up, (N, K + 1).
    disc : cauchy.Disc or None
        For the tail beyond K; None: there is no tail.
    beyond : list of arb or None
        Bounds of what each input has beyond its polynomial, on the step.
    wrong : list of arb or None
        How far each z is beyond the kink of its region, on the step (`regions`).
    """

    sizes: Any
    disc: cauchy.Disc | None
    beyond: Any
    wrong: Any
    gains: Gains
    unit: Any

    @staticmethod
    def of(activation: str, D: Any, z: Any, rest: tuple[Any, Any], gains: Gains, unit: Fraction) -> Misfit:
        """From the coefficients of the defect and of the arguments of s that have a tail; rest is (beyond, wrong)."""
        disc = None if z is None else cauchy.disc(activation, z)
        with precision(_BITS):
            return Misfit(sized(D), disc, *rest, gains, Ball().rational(unit))

    def bound(self, q: Fraction, norm: Norm) -> Any:
        """max(1, e^{mu q L}) times the norm of int_0^q |D|, rounded up."""
        with precision(_BITS):
            ratio = Ball().rational(q)
            total = integrals(self.sizes, ratio)
            if self.disc is not None:
                left_out = self.unit * cauchy.tail(self.disc, self.sizes.ncols() - 1, ratio)
                total = [v + gain * left_out for v, gain in zip(total, self.gains.tail.entries(), strict=True)]
            if self.beyond is not None:
                unseen = (self.gains.inputs * arb_mat(len(self.beyond), 1, self.beyond)).entries()
                total = [v + ratio * self.unit * u for v, u in zip(total, unseen, strict=True)]
            if self.wrong is not None:
                bent = (self.gains.output * arb_mat(len(self.wrong), 1, self.wrong)).entries()
                total = [v + ratio * self.unit * u for v, u in zip(total, bent, strict=True)]
            growth = (norm.mu * ratio * self.unit).exp().upper().max(arb(1))
            return (norm.of([v.abs_upper() for v in total]) * growth).abs_upper()


def sized(m: Any) -> Any:
    """Upper bounds of the absolute entries."""
    return arb_mat(m.nrows(), m.ncols(), [entry.abs_upper() for entry in m.entries()])


def integrals(sizes: Any, q: Any) -> list[Any]:
    """sum_k sizes_ik q^{k+1}/(k+1)."""
    weights, power = [], q
    for k in range(sizes.ncols()):
        weights.append(power / (k + 1))
        power = power * q
    found: list[Any] = (sizes * arb_mat(sizes.ncols(), 1, weights)).entries()
    return found


def weighted(sizes: Any, q: Fraction, norm: Norm) -> Any:
    """The norm of `integrals`, rounded up."""
    with precision(_BITS):
        return norm.of([v.abs_upper() for v in integrals(sizes, Ball().rational(q))])
