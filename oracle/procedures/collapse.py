"""Collapsing a linear record: (A + B W, 0, E + B M, c + B b).

Commutes with R and with Euler, not with exponential Euler, whose leak and recurrent part are treated differently.
"""

from __future__ import annotations

from oracle.errors import BadInput
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import Operator, sum_vectors
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence
from oracle.records.verbs import provides


def collapsed(field: Lure) -> Lure:
    """One matrix instead of two."""
    N, units = field.B.shape
    inputs = field.M.shape[1]
    return Lure(
        A=field.A + field.B @ field.W,
        B=Operator.zero(N, units),
        W=Operator.zero(units, N),
        M=Operator.zero(units, inputs),
        b=(),
        E=field.E + field.B @ field.M,
        c=(*field.c, field.B.apply(sum_vectors(field.b, units))),
        activation="identity",
    )


@provides("collapse")
def collapse(record: Network | Recurrence) -> Network | Recurrence:
    """Collapse a linear record.

    Raises
    ------
    oracle.BadInput
        The record is not linear.
    """
    field = record.field if isinstance(record, Network) else record.lure
    if field.activation != "identity":
        raise BadInput(
            f"the activation is {field.activation}.",
            "only a linear record has one matrix; a linearisation step is missing.",
            "call .linearize(at=(h, x)) first.",
        )
    origin = Origin("collapsed", {}, record)
    if isinstance(record, Network):
        return Network.made(collapsed(field), origin)
    return Recurrence.made("lure", collapsed(field), record.step, origin)
