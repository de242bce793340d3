"""What `oracle.reference` is given, checked and read exactly."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, exact_array, exact_scalar, to_numpy
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence
from oracle.reference.signals import Signal, steady


def samples(rec: Recurrence, inputs: Any) -> Array:
    """Inputs of a recurrence: (K, I) or (K, batch, I), exact."""
    if inputs is None or isinstance(inputs, Signal):
        raise BadInput(
            "no inputs were given." if inputs is None else f"inputs is {inputs!r}.",
            "the number of steps is that of the inputs, one row per step."
            if inputs is None
            else "a signal is the input of a network; a recurrence takes one row per step.",
            "pass X of shape (K, I); np.zeros((K, 0)) where the recurrence has no input.",
        )
    array = to_numpy(inputs, "inputs")
    if array.ndim not in (2, 3) or array.shape[-1] != rec.I:
        raise BadInput(
            f"inputs have shape {array.shape}; expected (K, {rec.I}) or (K, batch, {rec.I}).",
            "time is not the first axis, inputs are not the last, or X belongs to another network.",
            f"pass one row of {rec.I} inputs per step.",
            shape=array.shape,
        )
    return exact_array(array, "inputs", array.ndim)


def initial(h0: Any, units: int, batch: int = 1) -> Array:
    """Initial states (batch, N), exact, from (N,) for all or (batch, N); None is zero."""
    if h0 is None:
        return np.zeros((batch, units))
    array = to_numpy(h0, "h0")
    if array.shape not in ((units,), (batch, units)):
        raise BadInput(
            f"h0 has shape {array.shape}; expected ({units},) or ({batch}, {units}).",
            "h0 belongs to another network, or h0 and the inputs do not have the same batch.",
            f"pass h0 with {units} entries, one row per trajectory if they differ.",
            shape=array.shape,
        )
    return np.broadcast_to(exact_array(array, "h0", array.ndim), (batch, units))


def columns(rec: Recurrence, inputs: Any, h0: Any) -> tuple[tuple[Array, ...], Array, bool]:
    """Inputs as one (I, columns) array per step, h0 as (N, columns), and whether there is a batch."""
    X = samples(rec, inputs)
    batched = X.ndim == 3
    start = initial(h0, rec.N, X.shape[1] if batched else 1)
    return tuple(x.T if batched else x[:, None] for x in X), start.T, batched


def kept(steps: Any, count: int) -> tuple[int, ...] | None:
    """Which of the states 0 .. count are asked for, increasing; None: all."""
    if steps is None:
        return None
    given = to_numpy(steps, "steps")
    read = tuple(int(k) for k in given.ravel()) if given.ndim < 2 and given.dtype.kind in "iu" else ()
    if not read or any(later <= earlier for earlier, later in pairwise(read)) or read[0] < 0 or read[-1] > count:
        raise BadInput(
            f"steps is {steps!r}.",
            f"state k follows k of the {count} inputs; some are out of range, unsorted or no whole numbers.",
            f"pass increasing whole numbers from 0 to {count}.",
        )
    return read


def no_steps(steps: Any) -> None:
    """Refuse steps of a flow."""
    if steps is not None:
        raise BadInput(
            "steps were given for a network.",
            "a network in continuous time has no steps.",
            "pass times=; or discretise the network for a recurrence.",
        )


def instants(times: Any) -> tuple[Fraction, ...]:
    """Output times of a flow: exact, increasing."""
    if times is None:
        raise BadInput(
            "times is missing.",
            "a network is followed in continuous time, and the instants are part of the question.",
            "pass times=[...]; or discretise the network for a recurrence.",
        )
    given = [times] if isinstance(times, str) or np.ndim(times) == 0 else list(times)
    read = tuple(instant(t) for t in given)
    if not read:
        raise BadInput("times is empty.", "a filter removed them all.", "pass at least one time.")
    for earlier, later in pairwise(read):
        if later <= earlier:
            raise BadInput(
                f"times are not increasing: {float(earlier)} is followed by {float(later)}.",
                "they are unsorted, or one is given twice.",
                "pass np.unique(times).",
            )
    return read


def instant(value: Any) -> Fraction:
    """A time as the exact number it is; text is decimal ("0.1") or a ratio ("1/3")."""
    if isinstance(value, str):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            raise BadInput(
                f"a time is {value!r}.", "it is not a decimal number.", 'write it as "0.1" or "1/3".'
            ) from None
    number = exact_scalar(value if not isinstance(value, Decimal) else Fraction(value), "time")
    if not isinstance(number, Fraction):
        raise BadInput(f"a time is {number}.", "times are rational here.", "pass a float or a Fraction.")
    return number


def signal(net: Network, inputs: Any, times: tuple[Fraction, ...], start: Fraction) -> Any:
    """The input of a flow, known from the first of all times to the last."""
    x = inputs if hasattr(inputs, "piece") else steady(_constant(inputs), net.I)
    if x.inputs != net.I:
        raise BadInput(
            f"the input has {x.inputs} components; the network has {net.I}.",
            "it belongs to another network, or M is missing.",
            f"pass {net.I} components.",
        )
    first, last = min(start, times[0]), max(start, times[-1])
    if x.until is not None and last > x.until:
        raise BadInput(
            f"times run to {float(last)}; the input is known until {float(x.until)}.",
            "a sample is missing at the end, or the step is in another unit.",
            "pass more samples, or earlier times.",
        )
    if x.since is not None and first < x.since:
        raise BadInput(
            f"times begin at {float(first)}; the input is known from {float(x.since)} on.",
            "the time of the initial state is another: start=.",
            "pass later times, or an input that reaches farther back.",
        )
    return x


def _constant(inputs: Any) -> Any:
    if inputs is not None and to_numpy(inputs, "inputs").ndim != 1:
        raise BadInput(
            f"inputs have shape {np.shape(inputs)}; a constant input has one axis.",
            "samples do not say what happens between them.",
            "say so: oracle.held(X, step) or oracle.sampled(X, step).",
        )
    return inputs


def spread(radius: Any) -> Fraction:
    """The radius of an initial set: exact, not negative."""
    number = instant(radius)
    if number < 0:
        raise BadInput(f"radius is {radius}.", "a radius is a distance.", "pass a radius >= 0.")
    return number


def starts(h0: Any, units: int) -> tuple[Array, bool]:
    """Initial states of flows (batch, N), and whether a batch was given."""
    batched = h0 is not None and np.ndim(h0) == 2
    return initial(h0, units, len(h0) if batched else 1), batched


def single(h0: Any, units: int) -> Array:
    """One initial state."""
    if h0 is not None and np.ndim(h0) > 1:
        raise BadInput(
            f"h0 has shape {np.shape(h0)}.",
            "a batch of initial states, where one is expected.",
            f"call once for each h0 of shape ({units},).",
        )
    start: Array = initial(h0, units)[0]
    return start
