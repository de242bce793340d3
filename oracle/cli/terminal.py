"""What is said on the terminal: results on stdout, everything else on stderr; colour and progress only for people."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from math import inf
from time import monotonic
from typing import Any

import click

from oracle.errors import BadInput

_BETWEEN = 0.2  # seconds between two lines about progress
VARIABLES = (
    *("KERAS_BACKEND", "JAX_ENABLE_X64", "JAX_PLATFORMS", "JAX_DEFAULT_MATMUL_PRECISION", "XLA_FLAGS"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"),
    "RNN_ORACLE_DATA",
)
"""What decides with which backend, in which precision, on which device and in which order of sums a program runs."""
COLORS = {"pass": "green", "holds": "green", "fail": "red", "violated": "red", "undecided": "yellow"}


def say(text: str) -> None:
    """A line for the person, on stderr."""
    click.echo(text, err=True)


def verdict(text: str, word: str) -> str:
    """Text whose first word is coloured by the verdict, where colour is wanted."""
    if "NO_COLOR" in os.environ:
        return text
    first, space, rest = text.partition(" ")
    return click.style(first, fg=COLORS.get(word), bold=True) + space + rest


def bad_input(error: BadInput) -> None:
    """The three parts of the message."""
    say(f"rnn-oracle: {error.seen}")
    say(f"  This probably means: {error.meaning}")
    say(f"  What to do: {error.remedy}")


@contextmanager
def progress(text: str) -> Iterator[Callable[[float], None]]:
    """A line on stderr while something takes its time, on a terminal only; what is yielded takes the share done."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    said = -inf

    def tell(share: float) -> None:
        nonlocal said
        if monotonic() - said > _BETWEEN:
            said = monotonic()
            sys.stderr.write(f"\r\033[K{text}: {share:.0%}")
            sys.stderr.flush()

    sys.stderr.write(f"\r\033[K{text} ...")
    sys.stderr.flush()
    try:
        yield tell
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


@contextmanager
def candidates_output() -> Iterator[None]:
    """Whatever a candidate prints goes to stderr, from compiled code too: stdout belongs to the result."""
    try:
        with redirect_stdout(sys.stderr), _descriptor_redirected():
            yield
    except SystemExit as error:
        raise BadInput(
            f"the candidate ended the program (SystemExit: {error}).",
            "its module is a script that runs, and exits, when it is imported or called.",
            'put the script under if __name__ == "__main__":.',
        ) from None


@contextmanager
def _descriptor_redirected() -> Iterator[None]:
    """Let descriptor 1 be that of stderr, for what does not write through sys.stdout."""
    if sys.__stdout__ is not None:
        sys.__stdout__.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # closed, or none of this process
        yield
        return
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def silence_at_exit() -> None:
    """What a candidate left for the end of the process (atexit, threads) is no part of the result on stdout either."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        os.dup2(2, 1)


def command_line() -> str:
    """The command as it was given, to be pasted, after the variables of the environment that a run depends on."""
    given: list[str] = click.get_current_context().find_root().obj or []
    variables = [f"{name}={shlex.quote(os.environ[name])}" for name in VARIABLES if os.environ.get(name)]
    return " ".join([*variables, shlex.join(["rnn-oracle", *given])])


def step_summary(result: Any, test: Callable[[], str] = str) -> None:
    """Append the report of a result to the summary of a step of GitHub Actions, where this runs in one.

    `test` makes the test to paste; by default there is none but what the report offers by itself.
    """
    from oracle.report.step_summary import append_summary
    from oracle.report.write import model

    def made() -> Any:
        context = {"test": text} if (text := test()) else {}
        return model(result, reproduce=command_line(), **context)

    if warning := append_summary(made):
        say(f"rnn-oracle: {warning}")
