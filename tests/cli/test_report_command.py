"""`rnn-oracle report`: many networks, one verdict, every format."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from cli.test_commands import here, run  # noqa: F401  (here is a fixture)

from oracle.cli import exits

FACTORIES = """
import numpy as np

def honest(rec):
    p = rec.origin.root().arguments
    a = float(p["alpha"]) if "alpha" in p else float(rec.step / p["tau"])
    return lambda h, x: (1 - a) * h + a * np.tanh(p["W"] @ h + p["M"] @ x + p["b"][0])

def transposed(rec):
    p = rec.origin.root().arguments
    a = float(p["alpha"]) if "alpha" in p else float(rec.step / p["tau"])
    return lambda h, x: (1 - a) * h + a * np.tanh(p["W"].T @ h + p["M"] @ x + p["b"][0])

def broken(rec):
    raise KeyError("no")
"""
BOTH = ("net.json", "flow.json")


@pytest.fixture
def folder(here: Path) -> Path:  # noqa: F811
    """Networks, one discrete and one continuous, and programs for them."""
    (here / "made.py").write_text(FACTORIES, encoding="utf-8")
    return here


def test_every_network_has_its_cube_claims_and_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The recurrence has a check alone; the network in continuous time all three; JSON says the same as the report."""
    capsys.readouterr()
    assert run("report", *BOTH, "--out", "r.html", "--json", "-") == exits.PASS
    document = json.loads(capsys.readouterr().out)
    first, second = document["networks"]
    assert (first["name"], first["cube"], first["claims"]) == ("net", None, [])
    assert [claim["id"] for claim in second["claims"]] == ["C1", "C2", "C3", "C4"]
    assert all(each["check"]["verdict"] == "pass" for each in (first, second))
    text = (folder / "r.html").read_text(encoding="utf-8")
    assert text.count("<svg") == 1  # one cube
    assert "rnn-oracle report net.json flow.json" in text


@pytest.mark.parametrize("suffix", [".json", ".md", ".xml"])
def test_a_wrong_program_fails_on_every_network(folder: Path, suffix: str) -> None:
    """The planted transposition is named; in JUnit there are two failures."""
    wanted = ("report", *BOTH, "--program", "made.py:transposed", "--claim", "C1", "--out", f"r{suffix}")
    assert run(*wanted) == exits.FAIL
    text = (folder / f"r{suffix}").read_text(encoding="utf-8")
    assert "transposed-recurrent-weights" in text.replace("\\", "")
    if suffix == ".xml":
        assert len(list(ET.fromstring(text.encode("utf-8")).iter("failure"))) == 2


def test_an_honest_program_passes(folder: Path) -> None:
    """A factory is called with each recurrence."""
    assert run("report", *BOTH, "--program", "made.py:honest", "--claim", "C1", "--out", "r.md") == exits.PASS


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("net.json", "--out", "r.pdf"),
        ("net.json", "absent.json", "--out", "r.md"),
        ("net.json", "X.npy", "--out", "r.md"),
        ("flow.json", "--claim", "C99", "--out", "r.md"),
        ("net.json", "--program", "made.py:broken", "--out", "r.md"),
        ("net.json", "--program", "mine.py:absent", "--out", "r.md"),
    ],
    ids=" ".join,
)
def test_bad_input_leaves_no_report(folder: Path, arguments: tuple[str, ...]) -> None:
    """Code 2, and no file."""
    assert run("report", *arguments) == exits.USAGE
    assert not list(folder.glob("r.*"))


def test_unknown_claims_are_refused_where_none_applies(folder: Path) -> None:
    """A recurrence has no claims; a misspelt one is an error all the same."""
    assert run("report", "net.json", "--claim", "C99", "--out", "r.json") == exits.USAGE
    assert not (folder / "r.json").exists()


def test_networks_that_are_called_alike_keep_apart(folder: Path) -> None:
    """Their paths are their names; and nothing is said of cubes and claims that nobody looked at."""
    (folder / "other").mkdir()
    (folder / "other" / "net.json").write_bytes((folder / "net.json").read_bytes())
    assert run("report", "net.json", "other/net.json", "--out", "r.json") == exits.PASS
    written = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert [case["name"] for case in written["cases"]] == ["net.json", "other/net.json"]
    assert "cube" not in written["sentence"]
    assert run("report", *BOTH, "--claim", "C1", "--out", "r.json") == exits.PASS
    assert "of those in continuous time" in json.loads((folder / "r.json").read_text(encoding="utf-8"))["sentence"]


def test_a_folder_that_is_missing_is_told_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("check", "mine.py:step", "--network", "net.json", "--report", "nowhere/r.html") == exits.USAGE
    told = capsys.readouterr()
    assert "nowhere" in told.err
    assert told.out == ""
