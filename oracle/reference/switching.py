"""When units switch that have kinks (relu, leaky relu, hardtanh, elu): certified bounds of every instant.

Steps of the certified flow end where a unit reaches a kink k (`regions`). About such an end, at t - d and t + d, the
enclosure of the state gives the sign of f = W h + M x + b - k; where both are certain and differ, f changes its sign in
between (it is continuous, or jumps with the input at t itself). d is the least of 2^-m for which they are certain. A
unit of which they are certain and equal has touched the kink, or crossed it and come back, within 2 d.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import e, log2
from typing import Any

from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, precision
from oracle.equations.activations import ACTIVATIONS
from oracle.errors import BadInput
from oracle.records.names import parsed
from oracle.records.network import Network
from oracle.reference import arguments
from oracle.reference.certified import steps
from oracle.reference.limits import MOST_FLOW_DIGITS, NotReached, bits_for, checked_digits
from oracle.reference.local_rates import bounded
from oracle.reference.lognorm import norms
from oracle.reference.proved import Question, initial
from oracle.reference.regions import grazing
from oracle.reference.signals import Seen
from oracle.reference.system import REGIONAL, Step, System

_NORM_BITS = 64
_SPARE_BITS = 16
_WIDER = 16  # each d that is tried is so many times the last


@dataclass(frozen=True)
class Switch:
    """A unit that switches, once or an odd number of times, between two instants.

    Attributes
    ----------
    unit : int
        Row of W.
    active : bool
        Whether z > kink afterwards.
    earliest, latest : Fraction
        Proved.
    kink : Fraction
        0 for a ReLU; one of the ends of a hardtanh.
    """

    unit: int
    active: bool
    earliest: Fraction
    latest: Fraction
    kink: Fraction = Fraction(0)


def switches(net: Network, inputs: Any = None, h0: Any = None, until: Any = 1, digits: int = 30) -> tuple[Switch, ...]:
    """When units switch between 0, where h = h0, and a later time.

    Parameters
    ----------
    net : Network
        Its activation is relu, leaky relu, hardtanh or elu.
    inputs, h0
        As in `oracle.reference`.
    until : number
        The last instant, > 0.
    digits : int
        The state is known to so many digits at all times; instants then to about as many, where z crosses its kink
        with a slope that is not small.

    Returns
    -------
    tuple of Switch
        In the order of time. A unit that only touches its kink does not switch.

    Raises
    ------
    oracle.BadInput
        Arguments that do not fit, or another activation.
    oracle.reference.limits.NotReached
        The digits are out of reach.
    oracle.reference.limits.Undecided
        A unit grazes its kink, and the digits do not tell on which side it was before or after.
    """
    family = parsed(net.field.activation)[0]
    if family not in REGIONAL or not bounded(net.field.activation) or not ACTIVATIONS[net.field.activation].kinks:
        raise BadInput(
            f"the activation is {net.field.activation}.",
            "only units with a kink switch, and only some of them are followed region by region.",
            "use a network of relu, leaky relu, hardtanh or elu.",
        )
    digits, instants = checked_digits(digits), arguments.instants([until])
    if instants[0] <= 0:
        raise BadInput(f"until is {until}.", "h0 is the state at 0.", "pass a later time.")
    x = arguments.signal(net, inputs, instants, Fraction(0))
    start = arguments.single(h0, net.N)
    question = Question(net.field, Seen(x, Fraction(0)), start, Fraction(0), instants, digits)
    return tuple(_found(question))


def _found(question: Question) -> Iterator[Switch]:
    last = question.times[-1]
    with precision(_NORM_BITS):
        known = norms(question.lure)
        if not known:
            raise NotReached("no norm has a finite bound.", "weights are too large.", "use other units of state.")
        system = System.of(question.lure, known[0])
        growth = max(0.0, float(system.norm.mu)) * float(last) * log2(e)
    bits = bits_for(question.digits) + round(growth + log2(max(float(last), 1.0))) + _SPARE_BITS
    if bits > bits_for(MOST_FLOW_DIGITS):
        raise NotReached(
            f"{question.digits} digits at t = {float(last):.6g} would need about {bits} bits.",
            f"errors may grow like e^({float(system.norm.mu):.3g} t).",
            "ask for an earlier end or fewer digits.",
        )
    view = _View(system, question, bits)
    before: Step | None = None
    for step in steps(system, initial(system, question, bits), question.inputs, last, -float(bits)):
        if before is not None:
            yield from view.at_the_end_of(before, step)
        before = step


@dataclass(frozen=True)
class _View:
    """The signs of z - kink about the ends of steps."""

    system: System
    question: Question
    bits: int

    def arguments(self, step: Step, t: Fraction, backward: bool) -> list[Any]:
        """Balls that hold z(t); where x jumps at t, the limit from the left if `backward`."""
        middles, radii, _ = step.at(t, self.system.norm, self.bits + _NORM_BITS)
        signal = self.question.inputs.signal
        piece = signal.before(t) if backward else signal.piece(t)
        with precision(self.bits + _NORM_BITS, 1):
            ops, field = Ball(), self.system.lure
            h = arb_mat(len(middles), 1, [arb(m, r) for m, r in zip(middles, radii, strict=True)])
            products = [(field.W, h), (field.M, piece.in_balls(Fraction(1), 1))]
            return list(ops.affine(products, field.b).entries())

    def at_the_end_of(self, left: Step, right: Step) -> Iterator[Switch]:
        """The switches between two steps."""
        t = right.start
        ends = self.arguments(left, t, True), self.arguments(right, t, False)
        for (j, (a, b)), kink in product(enumerate(zip(*ends, strict=True)), self.system.kinks):
            if self._sign(a, kink) * self._sign(b, kink) <= 0:
                found = self._about((j, kink), t, left, right)
                if found is not None:
                    yield found

    def _about(self, which: tuple[int, Fraction], t: Fraction, left: Step, right: Step) -> Switch | None:
        """The switch of a unit; None where it only touches its kink."""
        (j, kink), of = which, self._sign
        d, most = Fraction(1, 1 << bits_for(self.question.digits)), min(t - left.start, right.end.t - t)
        while d < most:
            ends = self.arguments(left, t - d, True)[j], self.arguments(right, t + d, False)[j]
            before, after = (of(end, kink) for end in ends)
            if before and after:
                return Switch(j, after > 0, t - d, t + d, kink) if before != after else None
            d = d * _WIDER
        raise grazing(f"about t = {float(t):.6g} unit {j} is at its kink, on no certain side before or after.")

    def _sign(self, z: Any, kink: Fraction) -> int:
        """1 or -1 where z is above or below the kink for certain, else 0."""
        with precision(self.bits + _NORM_BITS):
            f = z - Ball().rational(kink)
        return 1 if f > 0 else -1 if f < 0 else 0
