"""The command line against candidates and files that misbehave: exit codes, three parts, a clean stdout."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import run_command

import oracle
from oracle.cli import app, exits, terminal

CODE = """
import os, sys, time
import numpy as np
os.write(1, b"descriptor at import\\n")
W, M = np.array([[.5, .2], [-.3, .4]]), np.array([[1.], [2.]])

def step(h, x):
    print("printed")
    os.write(1, b"descriptor\\n")
    return np.tanh(W @ h + M @ x)

def odd(h, x): raise type("Odd", (BaseException,), {})("\\x1b[31m\\udc80")
def leaves(h, x): sys.exit(0)
def slow(h, x): time.sleep(100)
def interrupted(h, x): raise KeyboardInterrupt
def moves(h, x): os.chdir("/"); np.seterr(all="raise"); return step(h, x)
class Closed:
    def __getattr__(self, name): raise RuntimeError(name)
closed = Closed()
text = np.array(["a"])
"""
MODULES = {
    "exits.py": "import sys; sys.exit(0)",
    "raises.py": "1 / 0",
    "base.py": "class Odd(BaseException): pass\nraise Odd('x')",
    "syntax.py": "def f(:",
    "missing.py": "import not_to_be_found",
    "interrupted.py": "raise KeyboardInterrupt",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Candidates, modules that fail, files that are none."""
    (tmp_path / "mine.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "random.py").write_text(CODE, encoding="utf-8")  # a name that is taken
    (tmp_path / "late.py").write_text(f"import atexit\natexit.register(print, 'at exit')\n{CODE}", encoding="utf-8")
    for name, code in MODULES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    oracle.save(oracle.Recurrence.elman([[0.5, 0.2], [-0.3, 0.4]], [[1.0], [2.0]]), tmp_path / "net.json")
    arrays = {"none": (0, 1), "nobody": (4, 0, 1), "wide": (4, 3), "flat": (4,)}
    for name, shape in arrays.items():
        np.save(tmp_path / f"{name}.npy", np.zeros(shape))
    np.save(tmp_path / "nan.npy", np.full((4, 1), np.nan))
    np.save(tmp_path / "text.npy", np.array(["a"]))
    (tmp_path / "folder.npy").mkdir()
    for name, content in (("empty.npy", ""), ("empty.json", ""), ("deep.json", "[" * 10**5), ("null.json", "null")):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


CASES = [
    ("mine.py:step", exits.PASS),
    ("mine.py:moves", exits.PASS),
    ("named/random.py:step", exits.PASS),
    ("mine.py:odd --kind step", exits.USAGE),
    ("mine.py:leaves --kind step", exits.USAGE),
    ("mine.py:interrupted --kind step", exits.INTERRUPTED),
    ("mine.py:slow --kind step --time-limit 0.2", exits.UNDECIDED),
    ("mine.py:step --time-limit 0", exits.USAGE),
    ("mine.py:step --inputs none.npy", exits.NOTHING),
    ("mine.py:step --inputs nobody.npy", exits.NOTHING),
    ("none.npy --inputs none.npy", exits.USAGE),
    *(
        (words, exits.USAGE)
        for words in (
            "mine.py:closed",
            "mine.py:text",
            "mine.py:step.deeper",
            "exits.py:f",
            "exits:f",
            "raises.py:f",
            "base.py:f",
            "syntax.py:f",
            "missing.py:f",
            "absent.py:f",
            "..:f",
            ":f",
            "x:",
            "folder.npy",
            "empty.npy",
            "mine.py:step --inputs folder.npy",
            "mine.py:step --inputs empty.npy",
            "mine.py:step --inputs wide.npy",
            "mine.py:step --inputs flat.npy",
            "mine.py:step --inputs nan.npy",
            "mine.py:step --inputs text.npy",
            "mine.py:step --network empty.json",
            "mine.py:step --network deep.json",
            "mine.py:step --network null.json",
            "mine.py:step --network folder.npy",
            "mine.py:step --report r.pdf",
        )
    ),
    ("interrupted.py:f", exits.INTERRUPTED),
]


@pytest.mark.parametrize(("words", "code"), CASES, ids=lambda value: str(value))
def test_exit_codes(here: Path, words: str, code: int, capfd: pytest.CaptureFixture[str]) -> None:
    """One code each; three parts or a verdict; a candidate's own words nowhere on stdout, only JSON or nothing."""
    network = () if "--network" in words else ("--network", "net.json")
    with pytest.raises(SystemExit) as stopped:
        app.main(["check", *words.split(), *network, "--json", "-"])
    out, err = capfd.readouterr()
    assert stopped.value.code == code, err
    assert "Traceback" not in err
    assert "internal error" not in err
    if out:
        document = json.loads(out)
        assert document["format"] == "rnn-oracle check"
        assert document["problem"] is None or "What to do:" in document["problem"]
    elif code != exits.INTERRUPTED:
        assert "What to do:" in err
    assert Path.cwd() == here
    assert sys.modules["random"] is random


def test_stdout_is_the_document_alone(here: Path) -> None:
    """In a process of its own: prints, descriptors and exit handlers of the candidate go to stderr."""
    done = run_command("check late.py:step --network net.json --json -", here)
    assert done.returncode == exits.PASS, done.stderr
    assert json.loads(done.stdout)["verdict"] == "pass"
    for words in ("descriptor at import", "printed", "descriptor", "at exit"):
        assert words in done.stderr


def test_without_a_terminal_of_its_own(here: Path) -> None:
    """Planted fault: a redirection of Python's stdout alone lets descriptors through."""
    code = (
        "from contextlib import nullcontext; from oracle.cli import app, terminal;"
        "terminal._descriptor_redirected = nullcontext;"
        "app.main(['check', 'mine.py:step', '--network', 'net.json', '--json', '-'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=here, env=dict(os.environ), capture_output=True, text=True)
    assert "descriptor" in done.stdout
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.stdout)


def test_descriptors_are_put_back(capfd: pytest.CaptureFixture[str]) -> None:
    """Also where the candidate ends the program."""

    def leaving() -> None:
        with terminal.candidates_output():
            os.write(1, b"inside\n")
            raise SystemExit(0)

    with pytest.raises(oracle.BadInput):
        leaving()
    os.write(1, b"outside\n")
    out, err = capfd.readouterr()
    assert (out, err) == ("outside\n", "inside\n")
