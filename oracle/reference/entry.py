"""`oracle.reference`: the trajectory a correct implementation has to follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from oracle.errors import BadInput
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence
from oracle.reference import arguments, flows
from oracle.reference.cache import cached
from oracle.reference.enclosure import Enclosure
from oracle.reference.engines import certify, known
from oracle.reference.limits import checked_digits
from oracle.reference.problem import Problem


def reference(
    record: Network | Recurrence,
    inputs: Any = None,
    h0: Any = None,
    times: Any = None,
    digits: int = 30,
    *,
    steps: Any = None,
    start: Any = 0,
    radius: Any = 0,
    engine: str = "auto",
    cache: Any = None,
    progress: Callable[[float], None] | None = None,
) -> Enclosure:
    """The trajectory of a record from h0, to a number of digits.

    Parameters
    ----------
    record : Recurrence or Network
        All its parameters are taken exactly, every float as the rational it is.
    inputs : array_like or signal
        Recurrence: X (K, I) or (K, batch, I), x_k drives the step from h_k to h_{k+1}; (K, 0) without inputs.
        Network: None (zero), a constant (I,), `oracle.held(values, step)`, `oracle.sampled(values, step)` or
        `oracle.analytic(expressions)`.
    h0 : array_like, optional
        (N,), or (batch, N): with batched inputs for a recurrence, one input for all for a network. Default: zeros.
    times : sequence of float, Fraction, Decimal or str
        Network only: instants, increasing, read exactly ("0.1" is one tenth, 0.1 is the float).
    digits : int
        Every radius is at most 10^-digits max(1, |value|), `radius` apart.
    steps : sequence of int, optional
        Recurrence only: which of the states 0 .. K are returned, increasing; all by default. The others are followed
        and forgotten, so that memory does not grow with K, the inputs apart.
    start : number
        Network only: h(start) = h0, 0 by default. Times before it are followed backward.
    radius : number
        Network only: enclose all trajectories that start within this distance of h0, unit by unit.
    engine : str
        "balls" (proved); "limbs" (proved, compiled by numba: the extra `fast`); "auto", which takes limbs for large
        problems where they are installed and fit; a network: "mpmath", the readable integrator, whose radius is
        observed. `Enclosure.method` says which it was.
    cache : path-like or True, optional
        A folder (True: the user's cache folder) where the answer is kept, and taken from if it is there and intact.
    progress : callable, optional
        Called with the share done, 0 to 1, while a trajectory is computed; starts over with the next of a batch, and
        where a run is repeated with more precision.

    Returns
    -------
    Enclosure
        (K+1, N) or (K+1, batch, N) for a recurrence, len(steps) in place of K+1 with `steps`; (len(times), N) or
        (len(times), batch, N) for a network; status "proved" (ball arithmetic), or "observed" from the engine "mpmath"
        (two orders and precisions compared).

    Raises
    ------
    oracle.BadInput
        Arguments that do not fit.
    oracle.reference.limits.NotReached
        A `BadInput`: the digits are out of reach, because errors grow too fast for too long.
    oracle.reference.limits.Undecided
        A `NotReached`: a unit grazes the kink of its activation, and no precision tried tells on which side it stays.
    """
    digits = checked_digits(digits)
    if cache is not None and cache is not False and isinstance(record, Network | Recurrence):
        given = {"steps": steps, "start": start, "radius": radius, "engine": engine, "progress": progress}
        answer = partial(reference, record, inputs, h0, times, digits, **given)
        return cached(cache, (record, inputs, h0, times, steps, start, radius, digits, engine), answer)
    if isinstance(record, Recurrence):
        _no_times(times)
        return _trajectory(record, inputs, h0, steps, digits, engine, progress)
    if isinstance(record, Network):
        arguments.no_steps(steps)
        instants, begin = arguments.instants(times), arguments.instant(start)
        x = arguments.signal(record, inputs, instants, begin)
        states, batched = arguments.starts(h0, record.N)
        asked = flows.Asked(record.field, x, begin, arguments.spread(radius), instants, digits, progress)
        found = flows.follow_all(asked, states, flows.engine(engine))
        return found if batched else replace(found, mid=found.mid[:, 0], rad=found.rad[:, 0])
    raise BadInput(
        f"record is a {type(record).__name__}.",
        "the equation has to be stated before it can be followed.",
        "pass an oracle.Network or an oracle.Recurrence.",
    )


def _no_times(times: Any) -> None:
    if times is not None:
        raise BadInput(
            "times were given for a recurrence.",
            "a recurrence has steps, not times; its reference has one state per step.",
            "pass steps=[..] for some of them; or follow the network the recurrence came from.",
        )


def _trajectory(
    rec: Recurrence, inputs: Any, h0: Any, steps: Any, digits: int, engine: str, progress: Any
) -> Enclosure:
    way = known(engine)
    columns, start, batched = arguments.columns(rec, inputs, h0)
    result = certify(Problem(rec, columns, start, digits, arguments.kept(steps, len(columns)), progress), way)
    return result if batched else result.single()
