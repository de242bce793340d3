"""A candidate that cannot be judged any further, and the words for what it did."""

from __future__ import annotations

import re
from typing import NoReturn

from oracle.errors import BadInput
from oracle.records.exact import Array

LONGEST = 500  # characters of a candidate's own message that are repeated
CONTROL_FLOW = ("_pytest", "anyio", "asyncio", "hypothesis", "trio")
"""Packages whose exceptions are a way to steer whoever called the oracle (skipping a test, cancelling a task), and say
nothing about a candidate they pass through."""


class Interruption(BaseException):
    """Raised by the oracle inside a candidate; no Exception, so that the candidate's own handlers let it pass."""


class Breach(Exception):
    """A candidate that cannot be judged any further, with the finding's name."""

    def __init__(self, name: str, problem: BadInput) -> None:
        super().__init__(str(problem))
        self.name = name
        self.problem = problem


def passes_through(error: BaseException) -> bool:
    """Whether an exception is not the candidate's fault: Ctrl-C, the time limit, the control flow of a framework."""
    packages = {str(kind.__module__).partition(".")[0] for kind in type(error).__mro__}
    if isinstance(error, Exception | SystemExit | GeneratorExit):
        return "hypothesis" in packages
    return isinstance(error, KeyboardInterrupt | Interruption) or not packages.isdisjoint(CONTROL_FLOW)


def words(error: BaseException) -> str:
    """ "ZeroDivisionError: division by zero": printable, not endless, whatever its `__str__` does."""
    try:
        text = str(error)
    except Exception:
        text = "its message cannot be read"
    return printable(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def printable(text: str) -> str:
    """Text without colours, control characters and halves of characters, cut off where it is long."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text[:LONGEST])
    return shown + " ..." * (len(text) > LONGEST)


def raised(error: BaseException, *arguments: Array, who: str = "the candidate") -> NoReturn:
    """The breach of a candidate that raised; exceptions that are not its own go on."""
    if passes_through(error):
        raise error
    meaning = "its parameters or shapes do not fit the inputs it was given, or it has a bug that shows at once."
    if isinstance(error, SystemExit):
        meaning = "it is a script that ends the program, or a command line that refuses its arguments."
    given = ", ".join(f"{a.dtype}{list(a.shape)}" for a in arguments)
    problem = BadInput(
        f"{who} raised {words(error)}", meaning, f"call it once by hand with the same arguments: {given}", error=error
    )
    raise Breach("candidate-raised", problem) from error
