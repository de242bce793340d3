"""What a proven bound takes for granted, in words: the arithmetic of a precision, the activations of an equation."""

from __future__ import annotations

from oracle.equations.activations import ACTIVATIONS
from oracle.records.gates import Gates
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence


def granted(rec: Recurrence, model: Precision) -> tuple[str, ...]:
    """The assumptions of a bound of this equation in this precision, each a sentence of its own."""
    return (*model.assumptions, *(ACTIVATIONS[name].granted(model.ulps) for name in activations(rec)))


def activations(rec: Recurrence) -> tuple[str, ...]:
    """Names of the activations that one step evaluates: gates have one besides their own."""
    gates = (rec.parameters.gate,) if isinstance(rec.parameters, Gates) else ()
    return tuple(name for name in (*gates, rec.activation) if name != "identity")
