"""R, temporal rescaling t = r s (arXiv 2312.15974, section 3).

    continuous  (A, B, E, c) -> r (A, B, E, c);  W, M, b unchanged;  x(t) -> x(r s)
    discrete    map and samples unchanged;  time grid t_k -> t_k / r

The factor is called r, so that it is not confused with the network's own tau.
"""

from __future__ import annotations

from typing import Any

from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence, positive
from oracle.records.verbs import provides


def rescaled(field: Lure, r: Any) -> Lure:
    """The field in the time s = t / r."""
    return field.scaled(r)


@provides("rescale")
def rescale(record: Network | Recurrence, r: Any) -> Network | Recurrence:
    """R of a record."""
    factor = positive(r, "r")
    origin = Origin("rescale", {"r": factor}, record)
    if isinstance(record, Network):
        return Network.made(rescaled(record.field, factor), origin)
    return Recurrence.made(record.equation, record.parameters, record.step / factor, origin)
