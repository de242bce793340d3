"""The group of commands, and the one place where errors turn into exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from oracle.cli import exits, terminal
from oracle.cli.config import defaults
from oracle.errors import BadInput, NotDecidable

COMMANDS = (
    "demo",
    "check",
    "compare",
    "identify",
    "claims",
    "simulate",
    "reference",
    "cache",
    "vectors",
    "report",
    "doctor",
    "write",
)
TRACEBACK = "RNN_ORACLE_TRACEBACK"


class Lazy(click.Group):
    """Commands are imported when they are asked for: `--help` has no need of ball arithmetic."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"oracle.cli.{name}").command
        return command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rnn-oracle", prog_name="rnn-oracle")
def cli() -> None:
    """A test oracle for recurrent neural networks.

    Which equation does this program compute? Which tolerance may it have? Is this difference a bug or rounding?

    Exit codes: 0 pass, 1 fail, 2 usage or bad input, 3 internal error, 4 undecided, 5 nothing was checked.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line without the program's name; that of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    code = _run(given)
    if arguments is None:
        terminal.silence_at_exit()
    sys.exit(code)


def _run(given: list[str]) -> int:
    try:
        color = False if "NO_COLOR" in os.environ else None
        known = defaults(COMMANDS, Path.cwd())
        told: Any = {"standalone_mode": False, "obj": given, "color": color, "default_map": known}
        code: Any = cli.main(given, prog_name="rnn-oracle", **told)
        sys.stdout.flush()
        return int(code or 0)
    except click.ClickException as error:
        error.show()
        return exits.USAGE
    except BadInput as error:
        terminal.bad_input(error)
        return exits.UNDECIDED if isinstance(error, NotDecidable) else exits.USAGE
    except (click.Abort, KeyboardInterrupt):
        terminal.say("interrupted")
        return exits.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (| head): nothing is wrong, and nothing more can be said. The interpreter would
        # complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.PASS
    except Exception as error:
        return _internal(error)


def _internal(error: Exception) -> int:
    terminal.say(f"internal error: {type(error).__name__}: {error}")
    if os.environ.get(TRACEBACK):
        traceback.print_exc(file=sys.stderr)
    else:
        terminal.say("  This is a fault of rnn-oracle, not of your input; no verdict was reached.")
        terminal.say(f"  What to do: run it again with {TRACEBACK}=1 for the traceback, and report it.")
    return exits.INTERNAL
