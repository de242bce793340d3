"""What a candidate may change around it: state of the process that is put back after it has run.

NumPy's error handling, the global random generators, the folder, warning filters and the like belong to the caller. A
program under test may set them; a call of the oracle leaves them as they were. They are put back once, after the last
call of the candidate and not between its calls: generators that were reset in between would hide that it is random.
"""

from __future__ import annotations

import decimal
import gc
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np


class Kept(NamedTuple):
    """Something global: how it is called, how it is read and written, and whether a change of it is worth a word.

    Generators are there to be drawn from, and imports set filters and variables: these are put back in silence.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], Any]
    told: bool = True


def _folder() -> str | None:
    with suppress(OSError):  # it may have been removed
        return os.getcwd()
    return None


def _enter(folder: str | None) -> None:
    with suppress(OSError, TypeError):
        os.chdir(folder)  # type: ignore[arg-type]


def _filter(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    with warnings.catch_warnings():
        pass  # leaving it invalidates what was remembered under the other filters


def _set_environment(variables: dict[str, str]) -> None:
    for name in set(os.environ) - set(variables):
        del os.environ[name]
    os.environ.update(variables)


class _State(NamedTuple):
    """A generator's state as something that can be compared, which NumPy's arrays cannot, and as it is set."""

    seen: tuple[Any, ...]
    entries: Any

    def __ne__(self, other: object) -> bool:
        return not isinstance(other, _State) or self.seen != other.seen


def _generator() -> _State:
    entries = np.random.get_state(legacy=False)  # noqa: NPY002 - the one that is to be left alone
    parts = (entries["state"], {k: v for k, v in entries.items() if k != "state"})
    return _State(
        tuple(repr(v) if not hasattr(v, "tobytes") else v.tobytes() for p in parts for v in p.values()), entries
    )


def _set_digits(digits: int) -> None:
    decimal.getcontext().prec = digits


def _stream(name: str) -> Kept:
    return Kept(f"sys.{name}", lambda: getattr(sys, name), lambda stream: setattr(sys, name, stream))


ALWAYS = (
    Kept("NumPy's handling of floating-point errors", np.geterr, lambda modes: np.seterr(**modes)),
    Kept("NumPy's error callback", np.geterrcall, np.seterrcall),
    Kept("NumPy's printing", np.get_printoptions, lambda options: np.set_printoptions(**options)),
    Kept("the working folder", _folder, _enter),
    Kept("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Kept("garbage collection", gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    Kept(
        "the precision of decimals",
        lambda: decimal.getcontext().prec,
        _set_digits,
    ),
    _stream("stdout"),
    _stream("stderr"),
    Kept("warning filters", lambda: list(warnings.filters), _filter, False),
    Kept("environment variables", lambda: dict(os.environ), _set_environment, False),
    Kept("the generator of random", random.getstate, random.setstate, False),
    Kept("the generator of numpy.random", _generator, lambda kept: np.random.set_state(kept.entries), False),  # noqa: NPY002
)


def _of_mpmath(mpmath: Any) -> tuple[Kept, ...]:
    def write(kept: tuple[int, int]) -> None:
        mpmath.mp.dps = kept[0]
        if mpmath.mp.prec != kept[1]:
            mpmath.mp.prec = kept[1]

    return (Kept("mpmath's precision", lambda: (mpmath.mp.dps, mpmath.mp.prec), write),)


def _of_flint(flint: Any) -> tuple[Kept, ...]:
    return (Kept("flint's precision", lambda: flint.ctx.prec, lambda bits: setattr(flint.ctx, "prec", bits)),)


def _of_torch(torch: Any) -> tuple[Kept, ...]:
    return (
        Kept("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
        Kept("torch's gradient mode", torch.is_grad_enabled, torch.set_grad_enabled),
        Kept(
            "torch's generator",
            lambda: torch.get_rng_state().numpy().tobytes(),
            lambda state: torch.set_rng_state(torch.tensor(list(state), dtype=torch.uint8)),
            False,
        ),
    )


LOADED = {"mpmath": _of_mpmath, "flint": _of_flint, "torch": _of_torch}
"""State of packages, looked at where they have been imported already."""


def _all() -> Iterator[Kept]:
    yield from ALWAYS
    for package, kept in LOADED.items():
        module = sys.modules.get(package)
        if module is not None:
            with suppress(AttributeError):  # it is being imported, or a stand-in
                yield from kept(module)


@contextmanager
def preserved(candidate: Any = None) -> Iterator[list[str]]:
    """Put everything back that the body changes.

    Parameters
    ----------
    candidate : object, optional
        What the body runs; a recorded trajectory as a plain array runs nothing, and nothing is looked at.

    Yields
    ------
    list of str
        Empty; after the body it has the names of what was changed and is worth a word.
    """
    changed: list[str] = []
    if type(candidate) is np.ndarray and candidate.dtype != object:
        yield changed
        return
    before = [(kept, kept.read()) for kept in _all()]
    try:
        yield changed
    finally:
        for kept, value in before:
            if kept.read() != value:
                kept.write(value)
                if kept.told:
                    changed.append(kept.name)
