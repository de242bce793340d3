"""Progress is for people at a terminal, and an interrupt leaves nothing half-written."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import oracle
from oracle.cli import app, exits, terminal


class Terminal(io.StringIO):
    """A stderr that says it is, or is not, a terminal."""

    def __init__(self, really: bool) -> None:
        super().__init__()
        self.really = really

    def isatty(self) -> bool:
        """What it says."""
        return self.really


@pytest.mark.parametrize("really", [True, False])
def test_progress_only_on_a_terminal(really: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line on stderr that is wiped even after an interrupt, if that is a terminal; nothing at all otherwise."""
    seen = Terminal(really)
    monkeypatch.setattr(sys, "stderr", seen)
    with suppress(KeyboardInterrupt), terminal.progress("working"):
        assert ("working" in seen.getvalue()) is really
        raise KeyboardInterrupt
    assert seen.getvalue() == ("\r\033[Kworking ...\r\033[K" if really else "")


@pytest.mark.parametrize("option", ["--json", "--certificate", "--cache"])
def test_an_interrupt_while_writing(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Interrupted before a file is complete: exit code 130, what was there before, no other file, no traceback."""
    monkeypatch.chdir(tmp_path)
    oracle.save(oracle.Recurrence.elman(np.array([[0.5, -1.0], [0.25, 0.75]])), "net.json")
    np.save("X.npy", np.zeros((3, 0)))
    before = {path.name for path in tmp_path.iterdir()}

    def interrupted(_: int) -> None:
        assert any(path.is_file() and path.name not in before for path in tmp_path.rglob("*")), "nothing was begun"
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(SystemExit) as stopped:
        app.main(["reference", "--network", "net.json", "--inputs", "X.npy", option, "target"])
    assert stopped.value.code == exits.INTERRUPTED
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == before
    assert capsys.readouterr().err.strip() == "interrupted"
