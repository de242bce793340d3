"""Flows as they are asked for: forward and backward of the time of h0, one trajectory after another, by an engine.

Backward in time, h(start - s) solves h' = -F(h, x(start - s)) in s: the negated field and the input seen backward.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, precision
from oracle.errors import BadInput
from oracle.kernels import limbs
from oracle.records.exact import Array, Diagonal
from oracle.records.lure import Lure
from oracle.reference import observed, proved
from oracle.reference.enclosure import Enclosure
from oracle.reference.proved import Question
from oracle.reference.signals import Inputs, Seen

WORTH = 1.5  # seconds in balls from which limbs are taken: loading the compiled loops takes about one
# Seconds of balls per unit and time constant at 50 digits, on one core of 2024; N from which W h is felt; digits.
_PER_UNIT, _DENSE, _GROWTH = 0.011, 1000, 1.5


@dataclass(frozen=True)
class Asked:
    """A field, its input, when h = h0 holds, the radius of the initial set, and the times, some before, some after."""

    lure: Lure
    inputs: Inputs
    start: Fraction
    radius: Fraction
    times: tuple[Fraction, ...]
    digits: int
    progress: Callable[[float], None] | None = None


Engine = Callable[[Question], Enclosure]


def engine(name: str) -> Engine:
    """An engine by name."""
    engines: dict[str, Engine] = {"auto": _fastest, "balls": proved.follow, "limbs": _limbs, "mpmath": _observed}
    if name not in engines:
        raise BadInput(f"engine is {name!r}.", "the name is misspelt.", 'pass "auto", "balls", "limbs" or "mpmath".')
    return engines[name]


def follow_all(asked: Asked, states: Array, run: Engine) -> Enclosure:
    """(len(times), batch, N): one trajectory after another from states (batch, N)."""
    found = [follow(asked, h0, run) for h0 in states]
    mid, rad = (np.stack([getattr(part, name) for part in found], axis=1) for name in ("mid", "rad"))
    agreement = max((part.agreement for part in found if part.agreement is not None), default=None)
    return replace(found[0], mid=mid, rad=rad, agreement=agreement, bits=max(part.bits for part in found))


def follow(asked: Asked, h0: Array, run: Engine) -> Enclosure:
    """(len(times), N): what is after the start, what is before it, and h0 where it is asked for."""
    after = tuple(t - asked.start for t in asked.times if t > asked.start)
    before = tuple(asked.start - t for t in reversed(asked.times) if t < asked.start)
    parts: list[Enclosure] = []
    if before:
        backward, x = asked.lure.scaled(Fraction(-1)), Seen(asked.inputs, asked.start, True)
        found = run(Question(backward, x, h0, asked.radius, before, asked.digits, asked.progress))
        parts.append(replace(found, mid=found.mid[::-1].copy(), rad=found.rad[::-1].copy()))
    if asked.start in asked.times:
        parts.append(proved.beginning(h0, asked.radius, asked.digits))
    if after:
        x = Seen(asked.inputs, asked.start)
        parts.append(run(Question(asked.lure, x, h0, asked.radius, after, asked.digits, asked.progress)))
    return _joined(parts, parts[0] if before else parts[-1])


def _joined(parts: list[Enclosure], model: Enclosure) -> Enclosure:
    mid, rad = (np.concatenate([getattr(part, name) for part in parts]) for name in ("mid", "rad"))
    status = "proved" if all(part.status == "proved" for part in parts) else "observed"
    agreement = max((part.agreement for part in parts if part.agreement is not None), default=None)
    bits = max(part.bits for part in parts)
    return replace(model, mid=mid, rad=rad, status=status, agreement=agreement, bits=bits)


def _observed(question: Question) -> Enclosure:
    if question.radius:
        raise BadInput(
            f"radius is {float(question.radius)} with the engine mpmath.",
            "it follows points; sets of initial states take the certified engine.",
            'leave engine at "balls".',
        )
    flow = observed.Flow(question.lure, question.inputs, question.h0, question.times)
    return observed.follow(flow, question.digits)


def _limbs(question: Question) -> Enclosure:
    loops = _compiled()
    if loops is None:
        raise limbs.demanded()
    try:
        found: Enclosure = loops.follow(question)
        return found
    except limbs.Unsuited as refused:
        raise BadInput(
            'engine is "limbs", and the flow does not fit it.',
            f"{refused}.",
            'leave engine out, or pass "balls": they take any network.',
        ) from None


def _fastest(question: Question) -> Enclosure:
    """Limbs where they are installed, fit and are worth loading; else balls."""
    loops = _compiled() if seconds(question) >= WORTH else None
    if loops is not None:
        try:
            found: Enclosure = loops.follow(question)
            return found
        except limbs.Unsuited:
            pass
    return proved.follow(question)


def _compiled() -> Any:
    return import_module("oracle.reference.limb_flow") if limbs.compiler() else None


def seconds(question: Question) -> float:
    """What balls would take, roughly: time is counted in time constants, of the fastest leak."""
    rate = max((_largest(t.left) * _largest(t.right) for t in question.lure.A.terms if t.dense is None), default=1.0)
    units = question.lure.state_size * (1 + question.lure.state_size / _DENSE)
    found: float = _PER_UNIT * units * rate * float(question.times[-1]) * (question.digits / 50) ** _GROWTH
    return found


def _largest(factor: Diagonal) -> float:
    with precision(64):
        found = [float(Ball().number(v).abs_upper()) for v in np.atleast_1d(np.asarray(factor, dtype=object)).tolist()]
    return max(found, default=0.0)
