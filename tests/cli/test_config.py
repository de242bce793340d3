"""`[tool.rnn-oracle]`: defaults of the commands, errors for what is unknown, and the command line wins."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.test_commands import here, run  # noqa: F401  (here is a fixture)

import oracle
from oracle.cli import config, exits
from oracle.cli.app import COMMANDS


def stated(folder: Path, text: str) -> None:
    """A pyproject.toml with these lines in the table."""
    (folder / "pyproject.toml").write_text(f"[tool.rnn-oracle]\n{text}\n", encoding="utf-8")


def test_the_table_gives_defaults_from_below(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Network, inputs and report are found from a folder below, relative to the file."""
    stated(here, 'network = "net.json"\ninputs = "X.npy"\nreport = "r.md"')
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    assert run("check", "../mine.py:step") == exits.PASS
    assert (here / "r.md").is_file()
    assert run("check", "../mine.py:step", "--inputs", "../X0.npy", "--kind", "step") == exits.NOTHING


def test_groups_and_numbers(here: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    """A subcommand has the defaults, too; a step is a number as on the command line."""
    stated(here, 'network = "flow.json"\nstep = 0.125\nsteps = 17\nseed = 41')
    capsys.readouterr()
    assert run("check", "mine.py:step") == exits.PASS
    assert run("vectors", "export", "--out", "v.json") == exits.PASS
    said = capsys.readouterr().out
    assert "generated: 17 x 2" in said
    assert said.count("seed 41") == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('netwrk = "net.json"', "'network' was meant"),
        ("color = true", "no such setting"),
        ('seed = "many"', "write a int"),
        ("seed = true", "it is a bool"),
        ("network = 3", "write a str"),
        ("network = ", "it is no TOML"),
    ],
)
def test_what_is_wrong_is_an_error(
    here: Path,  # noqa: F811
    text: str,
    word: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Code 2, with the file, before anything is run."""
    stated(here, text)
    assert run("check", "mine.py:step", "--network", "net.json") == exits.USAGE
    err = capsys.readouterr().err
    assert word in err
    assert "pyproject.toml" in err


def test_other_tables_are_none_of_ours(tmp_path: Path) -> None:
    """A pyproject.toml without the table is passed over; a table that is none is an error."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "pyproject.toml").write_text("[tool.other]\nx = 1\n", encoding="utf-8")
    stated(tmp_path, "seed = 3")
    assert config.table(tmp_path / "below") == {"seed": 3}
    (tmp_path / "pyproject.toml").write_text("[tool]\nrnn-oracle = 3\n", encoding="utf-8")
    with pytest.raises(oracle.BadInput, match="is 3"):
        config.table(tmp_path)


def test_every_key_is_an_option_of_some_command() -> None:
    """No key is read and then ignored."""
    from importlib import import_module

    import click

    names: set[str] = {"-"}
    for name in COMMANDS:
        command = import_module(f"oracle.cli.{name}").command
        for each in command.commands.values() if isinstance(command, click.Group) else [command]:
            names |= {str(option.name) for option in each.params}
    assert {key.parameter or name for name, key in config.KEYS.items()} <= names
