"""The certificate of a flow: polynomials step by step, what they miss the equation by, and the error that follows.

The steps are those of the certified engine (`certified`), proved anew in a way that needs integers and fractions only
(`flow_chain`), in the norm |v| = max |v_i|/w_i of the smaller logarithmic norm. `proofs/checker/check_flow.py`, or for
piecewise linear units `check_linear_flow.py`, shares no code with this library and verifies every defect and error.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, e, log2
from typing import Any

from oracle.arithmetic.ball import precision
from oracle.errors import BadInput
from oracle.records.exact import exact_object, objects
from oracle.records.lure import Lure
from oracle.records.names import parsed
from oracle.records.network import Network
from oracle.reference import arguments
from oracle.reference.certificate_parts import Certificate, coefficients, dyadic, mpf, ratios, require_rational
from oracle.reference.enclosure import Enclosure
from oracle.reference.flow_chain import CHECKED, FINE, MU_BITS, Segment, constant, follow, segments, whole
from oracle.reference.limits import MOST_FLOW_DIGITS, NotReached, bits_for
from oracle.reference.lognorm import Norm, norms
from oracle.reference.signals import Signal, Steady
from oracle.reference.system import System

FORMAT = "rnn-oracle flow certificate"
VERSION = 1
_NORM_BITS = 64
_SPARE = 6  # bits of the tolerance: for eps, which exceeds the error of S by exp(2 |z(1) - z(0)|) or so
_ROUNDING_BITS = 48  # of coefficients, below the tolerance: what they cost is multiplied by that, |B| and the order
_MOST_ATTEMPTS = 5


def certificate(net: Network, inputs: Any, h0: Any, digits: int, times: Any) -> Certificate:
    """See `oracle.certificate`."""
    instants, x, start = _asked(net, inputs, h0, times)
    norm = _norm(net.field)
    weights = whole(norm.weights or ())
    mu = constant(net.field, weights)
    growth, last, missing = max(0.0, float(mu)) * float(instants[-1]) * log2(e), float(instants[-1]), 0.0
    for _ in range(_MOST_ATTEMPTS):
        lost = bits_for(digits) + log2(max(weights) / min(weights)) + growth + log2(max(last, 1.0)) + _SPARE + missing
        if lost > bits_for(MOST_FLOW_DIGITS):
            break
        bits = ceil(lost) + _ROUNDING_BITS
        begin = [round(v * (1 << bits)) for v in start]
        system = System.of(net.field, norm)
        steps = list(segments(system, begin, x, instants, -lost, bits))
        off = max(abs(v * (1 << bits) - y) / w for v, y, w in zip(start, begin, weights, strict=True))
        errors = follow(weights, mu, ceil(off * (1 << FINE)), [step for _, step in steps])
        found = _enclosure(instants, steps, errors, weights, bits)
        if found.digits >= digits:
            goal = instants, start, digits
            return Certificate(found, _document(net.field, x, goal, bits, (weights, mu, errors), steps))
        missing += (digits - found.digits) * log2(10) + _SPARE
    raise NotReached(
        f"a certificate to {digits} digits at t = {last:.6g} would need about {lost:.0f} bits.",
        f"its errors may grow like e^({float(mu):.3g} t), in the best norm of absolute values.",
        "ask for earlier times, or use oracle.reference, which knows the 2-norm too.",
        mu=float(mu),
    )


def _asked(net: Network, inputs: Any, h0: Any, times: Any) -> tuple[tuple[Fraction, ...], Any, list[Fraction]]:
    instants = arguments.instants(times)
    if instants[0] <= 0:
        raise BadInput(
            f"a time is {float(instants[0])}.",
            "a certificate begins with h0 at 0 and goes forward.",
            "leave that time out, or use oracle.reference.",
        )
    if parsed(net.field.activation)[0] not in CHECKED:
        raise BadInput(
            f"the activation is {net.field.activation}.",
            "certificates of flows rest on a polynomial differential equation of the activation, or on linear pieces.",
            f"use one of {', '.join(CHECKED)}; or oracle.reference, which proves more flows but saves no certificate.",
        )
    require_rational(net.field, "network")
    x = arguments.signal(net, inputs, instants, Fraction(0))
    if not isinstance(x, Signal | Steady):
        raise BadInput(
            f"the input is {x!r}.",
            "certificates are of flows with constant inputs, held or linear between samples.",
            "use oracle.held or oracle.sampled; or oracle.reference.",
        )
    return instants, x, [Fraction(v) for v in exact_object(arguments.single(h0, net.N)).tolist()]


def _norm(field: Lure) -> Norm:
    with precision(_NORM_BITS):
        found = [norm for norm in norms(field) if norm.weights is not None]
    if not found:
        raise NotReached(
            "no norm of the network has a finite bound in float64.",
            "weights or rates are near the largest float64.",
            "state the network in other units of state or time.",
        )
    return found[0]


Steps = list[tuple[Fraction, Segment]]


def _enclosure(
    times: tuple[Fraction, ...], steps: Steps, errors: list[int], weights: list[int], bits: int
) -> Enclosure:
    ends = {t: k for k, (t, _) in enumerate(steps)}
    rows = [ends[t] for t in times]
    shape = (len(times), len(weights))
    mid = objects(mpf(y, bits) for k in rows for y in steps[k][1].end).reshape(shape)
    rad = objects(mpf(w * errors[k + 1], bits + FINE) for k in rows for w in weights).reshape(shape)
    return Enclosure(mid, rad, "proved", bits=bits, method="certificate")


def _document(
    lure: Lure,
    x: Any,
    goal: tuple[tuple[Fraction, ...], list[Fraction], int],
    bits: int,
    bounds: tuple[list[int], Fraction, list[int]],
    steps: Steps,
) -> dict[str, Any]:
    (times, start, digits), (weights, mu, errors) = goal, bounds
    return {
        **{"format": FORMAT, "version": VERSION, "field": coefficients(lure), "digits": digits, "bits": bits},
        "inputs": list(_pieces(x, times[-1])),
        "h0": ratios(objects(start)),
        "times": ratios(objects(times)),
        "weights": [dyadic(w, 0) for w in weights],
        "mu": dyadic(int(mu * (1 << MU_BITS)), MU_BITS),
        "errors": [dyadic(error, bits + FINE) for error in errors],
        "steps": [
            {
                "length": str(ratios(objects([step.length]))[0]),
                "p": [[dyadic(c, bits) for c in row] for row in step.p],
                "s": [[dyadic(c, bits) for c in row] for row in step.S],
                "defects": [dyadic(d, bits + FINE) for d in step.defects],
            }
            for _, step in steps
        ],
    }


def _pieces(x: Any, last: Fraction) -> Any:
    """Where the input begins anew, its value there and its slope."""
    t: Fraction | None = Fraction(0)
    while t is not None and t < last:
        piece = x.piece(t)
        slope = 0 * exact_object(piece.value) if piece.slope is None else piece.slope
        yield {"from": ratios(objects([t]))[0], "value": ratios(piece.value), "slope": ratios(slope)}
        t = piece.end
