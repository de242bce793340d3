"""Defaults of the command line, and of the pytest option, from `[tool.rnn-oracle]` in pyproject.toml.

The nearest pyproject.toml with this table counts, from the current directory upwards. A key is an option without its
dashes; what is given on the command line wins; paths are relative to the file. Unknown keys are errors.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from oracle.errors import BadInput

TABLE = "rnn-oracle"


class Key(NamedTuple):
    """What a key may hold, whether it is a path, and the parameter of the commands that it sets."""

    kinds: tuple[type, ...]
    path: bool = False
    parameter: str = ""


TEXT, WHOLE, NUMBER, FILE = Key((str,)), Key((int,)), Key((str, int, float)), Key((str,), path=True)
KEYS = {
    "network": FILE,
    "inputs": FILE,
    "h0": FILE,
    "step": NUMBER,
    "scheme": TEXT,
    "steps": WHOLE,
    "batch": WHOLE,
    "seed": WHOLE,
    "digits": WHOLE,
    "promised": TEXT,
    "recorded": TEXT,
    "time-limit": Key((int, float), parameter="time_limit"),
    "report": Key((str,), path=True, parameter="report_to"),
    "pytest-report": Key((str,), path=True, parameter="-"),
}
SUBCOMMANDS = ("export", "verify", "info", "prune")


def table(start: Path) -> dict[str, Any]:
    """The nearest table from a folder upwards, checked, paths resolved; empty where there is none.

    Raises
    ------
    oracle.BadInput
        A file that is no TOML, an unknown key, a value of another kind.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and (found := _read(file)) is not None:
            return {key: _value(key, value, file) for key, value in found.items()}
    return {}


def defaults(commands: tuple[str, ...], start: Path) -> dict[str, Any]:
    """The table as click's `default_map`: for each command, and the commands of a group, parameter -> value."""
    found = {KEYS[key].parameter or key: value for key, value in table(start).items() if KEYS[key].parameter != "-"}
    return {command: {**found, **dict.fromkeys(SUBCOMMANDS, found)} for command in commands} if found else {}


def _read(file: Path) -> dict[str, Any] | None:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be read: {error}.", "it is no TOML.", "correct the file.") from None
    tools = document.get("tool", {})
    found = tools.get(TABLE) if isinstance(tools, dict) else None
    if found is None or isinstance(found, dict):
        return found
    raise BadInput(f"{file}: tool.{TABLE} is {found!r}.", "it is a table.", f"write [tool.{TABLE}] and keys below it.")


def _value(key: str, value: Any, file: Path) -> Any:
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS, n=1)
        raise BadInput(
            f"{file}: [tool.{TABLE}] has the key {key!r}.",
            f"{near[0]!r} was meant." if near else "there is no such setting.",
            f"use {', '.join(KEYS)}.",
        )
    kinds, path, _ = KEYS[key]
    if isinstance(value, bool) or not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise BadInput(
            f"{file}: {key} = {value!r} in [tool.{TABLE}].", f"it is a {type(value).__name__}.", f"write a {wanted}."
        )
    return str(file.parent / str(value)) if path else str(value) if str in kinds else value
