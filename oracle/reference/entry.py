"""`oracle.reference`: the trajectory a correct implementation has to follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oracle.errors import BadInput
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence
from oracle.reference import arguments, flow
from oracle.reference.enclosure import Enclosure
from oracle.reference.limits import checked_digits
from oracle.reference.recurrences import Problem, certify


def reference(
    record: Network | Recurrence, inputs: Any = None, h0: Any = None, times: Any = None, digits: int = 30
) -> Enclosure:
    """The trajectory of a record from h0, to a number of digits.

    Parameters
    ----------
    record : Recurrence or Network
        All its parameters are taken exactly, every float as the rational it is.
    inputs : array_like or signal
        Recurrence: X (K, I) or (K, batch, I), x_k drives the step from h_k to h_{k+1}; (K, 0) without inputs.
        Network: None (zero), a constant (I,), `oracle.held(values, step)` or `oracle.sampled(values, step)`.
    h0 : array_like, optional
        (N,), or (batch, N) with batched inputs; zeros by default.
    times : sequence of float, Fraction, Decimal or str
        Network only: instants >= 0, increasing, read exactly ("0.1" is one tenth, 0.1 is the float). h(0) = h0.
    digits : int
        Every radius is at most 10^-digits max(1, |value|).

    Returns
    -------
    Enclosure
        (K+1, N) or (K+1, batch, N) with status "proved" for a recurrence (ball arithmetic); (len(times), N) with status
        "observed" for a network (Taylor series in mpmath, two orders and precisions compared).

    Raises
    ------
    oracle.BadInput
        Arguments that do not fit; a network whose activation has a kink.
    oracle.reference.limits.NotReached
        A `BadInput`: the digits are out of reach, because errors grow too fast for too long.
    """
    digits = checked_digits(digits)
    if isinstance(record, Recurrence):
        return _trajectory(record, inputs, h0, times, digits)
    if isinstance(record, Network):
        instants = arguments.instants(times)
        start = arguments.single(h0, record.N)
        return flow.follow(flow.Flow(record, arguments.signal(record, inputs, instants), start, instants), digits)
    raise BadInput(
        f"record is a {type(record).__name__}.",
        "the equation has to be stated before it can be followed.",
        "pass an oracle.Network or an oracle.Recurrence.",
    )


def _trajectory(rec: Recurrence, inputs: Any, h0: Any, times: Any, digits: int) -> Enclosure:
    if times is not None:
        raise BadInput(
            "times were given for a recurrence.",
            "a recurrence has steps, not times; its reference has one state per step.",
            "leave times out; or follow the network the recurrence came from.",
        )
    columns, start, batched = arguments.columns(rec, inputs, h0)
    result = certify(Problem(rec, columns, start, digits))
    return result if batched else replace(result, mid=result.mid[:, 0], rad=result.rad[:, 0])
