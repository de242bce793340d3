"""`rnn-oracle write`: the starter fails until it is filled in, then tells right programs from wrong ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import run_command

from oracle.cli import app

MINE = """
import numpy as np

rng = np.random.default_rng(2)
W, M, b = rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), rng.normal(size=3)

def step(h, x):
    return np.tanh(W @ h + M @ x + b)

def transposed(h, x):
    return np.tanh(W.T @ h + M @ x + b)

class Cell:
    @staticmethod
    def forward(h, x):
        return step(h, x)
"""
TODO = '    raise NotImplementedError("TODO: state the documented equation of {name} in documented()")\n'
FILLED = "    from mine import M, W, b\n\n    return oracle.Recurrence.elman(W, M, b)\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with a program."""
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    return tmp_path


def session(where: Path, file: str) -> subprocess.CompletedProcess[str]:
    """A pytest session on one file."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "file", "passes"),
    [
        ("mine:transposed", "test_transposed.py", False),
        ("mine:Cell.forward", "test_cell_forward.py", True),
    ],
)
def test_the_starter_fails_until_it_is_filled_in(here: Path, name: str, file: str, passes: bool) -> None:
    """It names what is to do; filled in, right programs pass and a wrong one fails with the bug's name."""
    assert run_command(f"write {name}", here).returncode == 0
    text = (here / file).read_text(encoding="utf-8")
    if passes:  # of one of them: a session costs seconds
        before = session(here, file)
        assert before.returncode == 1
        assert f"TODO: state the documented equation of {name}" in before.stdout
    todo = TODO.format(name=name)
    assert text.count(todo) == 1
    (here / file).write_text(text.replace(todo, FILLED), encoding="utf-8")
    after = session(here, file)
    assert after.returncode == (0 if passes else 1), after.stdout
    assert passes or "transposed-recurrent-weights" in after.stdout


def test_the_starter_is_clean(here: Path) -> None:
    """It passes ruff with its usual rules and in its format."""
    pytest.importorskip("ruff")
    assert run_command("write mine:step", here).returncode == 0
    for command in (["check", "--isolated", "--select", "E,F,W,I,B,UP,PT"], ["format", "--isolated", "--check"]):
        call = [sys.executable, "-m", "ruff", *command, "--line-length", "120", "test_step.py"]
        done = subprocess.run(call, cwd=here, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_nothing_is_overwritten(here: Path) -> None:
    """A file that is there stays as it is, and no temporary file is left."""
    (here / "test_step.py").write_text("mine", encoding="utf-8")
    done = run_command("write mine:step", here)
    assert done.returncode == 2
    assert "exists" in done.stderr
    assert (here / "test_step.py").read_text(encoding="utf-8") == "mine"
    assert run_command("write mine:step --out other.py", here).returncode == 0
    assert {path.name for path in here.iterdir() if path.is_file()} == {"mine.py", "test_step.py", "other.py"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("mine.py:step",),
        ("mine",),
        ("mine:",),
        ("json:absent",),
        ("absent:step",),
        ("mine:class",),
        ('mine:step")',),
        ("json:dumps", "--out", "no/test_dumps.py"),
    ],
    ids=" ".join,
)
def test_bad_names_and_folders_are_bad_input(
    here: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 with what to do, and no file."""
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit) as stopped:
        app.main(["write", *arguments])
    assert stopped.value.code == 2
    assert "What to do:" in capsys.readouterr().err
    assert not list(here.glob("test_*"))
