"""Which engine follows a recurrence: balls, or limbs where numba is installed and they are faster.

Both prove what they say, so they agree within their radii; `Enclosure.method` names the one that was taken.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from oracle.errors import BadInput
from oracle.kernels import limbs
from oracle.records.names import ACTIVATIONS
from oracle.reference import recurrences
from oracle.reference.enclosure import Enclosure
from oracle.reference.limits import bits_for
from oracle.reference.outlook import outlook
from oracle.reference.problem import Problem

ENGINES = ("auto", "balls", "limbs")
WORTH = 2.0  # seconds in balls from which limbs are taken: loading the compiled loops takes about one
# Seconds, about, on one core of 2024: a product of balls and its part per word, an activation and per word squared.
_PRODUCT, _PRODUCT_WORD, _ACTIVATION, _ACTIVATION_WORD = 1e-8, 1e-9, 6e-6, 1e-7


def known(name: str) -> str:
    """The name of an engine for recurrences.

    Raises
    ------
    oracle.BadInput
        There is none of that name.
    """
    if name not in ENGINES:
        raise BadInput(
            f"engine is {name!r} for a recurrence.",
            "the readable integrator is for networks in continuous time, or the name is misspelt.",
            'pass "auto", "balls" or "limbs".',
        )
    return name


def certify(problem: Problem, engine: str = "auto") -> Enclosure:
    """The certified trajectory, by the engine asked for.

    Raises
    ------
    oracle.BadInput
        "limbs" was asked for and numba is not installed, or the problem does not fit it.
    """
    if engine == "balls" or (engine == "auto" and seconds(problem) < WORTH):
        return recurrences.certify(problem)
    loops = limb_engine()
    if loops is None and engine == "limbs":
        raise limbs.demanded()
    try:
        if loops is not None and problem.normal_form and problem.rec.parameters.activation in ACTIVATIONS:
            found: Enclosure = loops.certify(problem, outlook(problem))
            return found
        reason = f"it is not A h + B s(W h + M x + b) + E x + c with s one of {', '.join(ACTIVATIONS)}."
    except limbs.Unsuited as refused:
        reason = f"{refused}."
    if engine == "limbs":
        raise BadInput(
            'engine is "limbs", and the recurrence does not fit it.',
            reason,
            'leave engine out, or pass "balls": they take any recurrence.',
        )
    return recurrences.certify(problem)


def limb_engine() -> Any:
    """The compiled engine, or None where numba is not installed."""
    return import_module("oracle.reference.limb_engine") if limbs.compiler() else None


def seconds(problem: Problem) -> float:
    """What balls would take, at least: none of their bits lost."""
    N, columns = problem.h0.shape
    words = bits_for(problem.digits) / 64 + 1
    per_step = N * N * (_PRODUCT + _PRODUCT_WORD * words) + N * (_ACTIVATION + _ACTIVATION_WORD * words**2)
    return float(len(problem.inputs) * columns * per_step)
