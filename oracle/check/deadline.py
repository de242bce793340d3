"""A time limit for candidates: an alarm of the operating system, which leaves no thread and no process behind.

The alarm interrupts Python code between two instructions, and a call into compiled code when it returns. It needs the
main thread of a system with POSIX signals.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from oracle.check.breach import Breach, Interruption
from oracle.errors import BadInput

AGAIN = 0.5
"""Seconds after which the alarm is repeated for a candidate that swallowed it (`except:` around its loop)."""
LEAST = 1e-3  # seconds left to an alarm of the caller that would have gone off meanwhile; 0 would switch it off


class OutOfTime(Interruption):
    """The alarm has gone off."""


def seconds(limit: Any) -> float | None:
    """A limit as stated by the caller; None for none.

    Raises
    ------
    oracle.BadInput
        It is no positive number, or there is no alarm here.
    """
    if limit is None:
        return None
    number = float(limit) if isinstance(limit, int | float) and not isinstance(limit, bool) else math.nan
    if not 0 < number < math.inf:
        raise BadInput(
            f"time_limit is {limit!r}.", "it is no positive number of seconds.", "pass seconds, or leave it out."
        )
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        raise BadInput(
            "time_limit was given outside the main thread, or on a system without alarms.",
            "Python can interrupt a program only in the main thread, and only where there are POSIX signals.",
            "call from the main thread, leave time_limit out, or run the check in a process that can be ended.",
        )
    return number


@contextmanager
def limited(limit: float | None) -> Iterator[None]:
    """Interrupt the body after some seconds.

    Raises
    ------
    Breach
        "time-limit": it took longer.
    """
    theirs, repeat = (0.0, 0.0) if limit is None else signal.getitimer(signal.ITIMER_REAL)
    if limit is None or 0 < theirs <= limit:  # an alarm of the caller goes off first, and is left alone
        yield
        return
    armed = True

    def alarm(number: int, frame: FrameType | None) -> None:
        if armed:
            raise OutOfTime

    start, handler = time.monotonic(), signal.signal(signal.SIGALRM, alarm)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, limit, AGAIN)
            yield
        finally:
            armed = False
    except OutOfTime:
        _out_of_time(limit)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if theirs:
            signal.setitimer(signal.ITIMER_REAL, max(theirs - (time.monotonic() - start), LEAST), repeat)


def _out_of_time(limit: float) -> NoReturn:
    raise Breach(
        "time-limit",
        BadInput(
            f"the candidate was still running after {limit:g} s.",
            "it does not end, waits for something, or needs longer than that for these inputs.",
            "raise time_limit, or check fewer steps; nothing was found about its equation.",
            seconds=limit,
        ),
    ) from None
