"""`rnn-oracle cache`: the references that `reference --cache` has kept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from oracle.cli import exits
from oracle.reference import cache

USER = "user"
folder = click.option(
    "--cache", "place", metavar="DIR", default=USER, show_default=True, help="A folder, or user: the user's cache."
)
STATES = {"current": "answers of this version", "stale": "answers of other versions", "damaged": "damaged"}


def store(place: str) -> cache.Store:
    """The store that --cache names."""
    return cache.at(True if place == USER else place)


def state(path: Path) -> tuple[str, str]:
    """One of STATES, and what is wrong."""
    try:
        cache.read(path)
        return ("stale" if cache.stale(path) else "current"), ""
    except (OSError, ValueError) as error:
        return "damaged", str(error)


@click.group("cache")
def command() -> None:
    """References kept in files: what there is, whether it is intact, and how to remove it."""


@command.command("info")
@folder
def info(place: str) -> int:
    """The folder, and how much is in it."""
    kept = store(place)
    paths = list(kept.entries())
    found = Counter(state(path)[0] for path in paths)
    click.echo(f"folder    {kept.folder}")
    click.echo(f"entries   {len(paths)}, {sum(path.stat().st_size for path in paths)} bytes")
    for name, words in STATES.items():
        click.echo(f"{name:<9} {found[name]} {words}")
    return exits.PASS


@command.command("verify")
@folder
def verify(place: str) -> int:
    """Read every entry: checksum, shape, finite numbers. Exit code 1 if one is damaged, 5 if there is none."""
    count, damaged = 0, 0
    for path in store(place).entries():
        word, reason = state(path)
        count, damaged = count + 1, damaged + (word == "damaged")
        if reason:
            click.echo(f"{path.name}: {reason}")
    click.echo(f"{count - damaged} intact, {damaged} damaged")
    return exits.FAIL if damaged else exits.PASS if count else exits.NOTHING


@command.command("prune")
@folder
@click.option("--all", "everything", is_flag=True, help="Remove intact answers of this version, too.")
def prune(place: str, everything: bool) -> int:
    """Remove what no question will ever find: damaged entries, those of other versions, abandoned temporary files."""
    kept = store(place)
    doomed = [path for path in kept.entries() if everything or state(path)[0] != "current"]
    doomed += list(kept.abandoned())
    for path in doomed:
        cache.drop(path)
    click.echo(f"{sum(not path.exists() for path in doomed)} removed, {len(list(kept.entries()))} kept")
    return exits.PASS
