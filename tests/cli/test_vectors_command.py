"""`rnn-oracle vectors`: export, verify, and outputs of another program."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli.test_commands import NET, here, run  # noqa: F401  (here is a fixture)

from oracle.cli import exits


@pytest.fixture
def file(here: Path) -> Path:  # noqa: F811
    """The vectors of the network of the folder."""
    assert run("vectors", "export", *NET, "--steps", "5", "--out", "v.json") == exits.PASS
    return here / "v.json"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), exits.PASS),
        (("mine.py:step",), exits.PASS),
        (("mine.py:step", "--promised", "float32"), exits.PASS),
        (("mine.py:transposed",), exits.FAIL),
        (("mine.py:raises",), exits.USAGE),
        (("mine.py:shape",), exits.USAGE),
        (("mine.py:step", "--promised", "bfloat16"), exits.USAGE),
        (("H.npy",), exits.USAGE),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_exit_codes(file: Path, arguments: tuple[str, ...], code: int) -> None:
    """The file alone, steps that are right, wrong, broken, or of another format, and outputs of another run."""
    assert run("vectors", "verify", str(file), *arguments) == code


def test_outputs_of_another_program(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that knows nothing but the file writes rows of text, and they are judged."""
    told = json.loads(file.read_text(encoding="ascii"))
    arguments = told["network"][0]["arguments"]
    a, W, M, b = (np.array(arguments[name]) for name in ("alpha", "W", "M", "b"))
    rows = [
        (1 - a) * np.array(h) + a * np.tanh(W @ h + M @ x + b[0])
        for h, x in zip(told["steps"]["from"], told["inputs"], strict=True)
    ]
    np.savetxt("out.csv", rows, delimiter=",", fmt="%.17g")
    capsys.readouterr()
    assert run("vectors", "verify", "v.json", "out.csv", "--json", "-") == exits.PASS
    answer = json.loads(capsys.readouterr().out)
    assert answer["verdict"] == "pass"
    assert 0 < answer["worst"] <= 1


def test_a_damaged_file_is_refused_and_nothing_half_written_is_left(file: Path) -> None:
    """One digit less breaks the seal; an export to a folder that is not there leaves no file."""
    before = sorted(path.name for path in file.parent.iterdir())
    file.write_text(file.read_text(encoding="ascii").replace("1", "2", 1), encoding="ascii")
    assert run("vectors", "verify", "v.json") == exits.USAGE
    assert run("vectors", "export", *NET, "--out", "no/v.json") == exits.USAGE
    assert run("vectors", "export", *NET, "--out", "v.txt") == exits.USAGE
    assert sorted(path.name for path in file.parent.iterdir()) == before
