"""Bad records and ambiguous samples on the command line: exit code 2, and the message names what is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import run_command

import oracle

STEP = """
import numpy as np

def step(h, x):
    return np.tanh(h)
"""


def _nan(arguments: dict[str, Any]) -> None:
    arguments["W"]["float64"][1] = "nan"


def _narrow(arguments: dict[str, Any]) -> None:
    arguments["W"]["shape"] = [2, 8]


def _no_time(arguments: dict[str, Any]) -> None:
    arguments["tau"]["rational"] = "0/1"


def _misspelt(arguments: dict[str, Any]) -> None:
    arguments["activation"]["text"] = "tahn"


@pytest.fixture
def stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A network of 4 units as its file has it."""
    rng = np.random.default_rng(5)
    net = oracle.Network.rate(rng.normal(size=(4, 4)), rng.normal(size=(4, 2)), rng.normal(size=4), tau=0.5)
    monkeypatch.chdir(tmp_path)
    oracle.save(net, "net.json")
    Path("mine.py").write_text(STEP, encoding="utf-8")
    read: dict[str, Any] = json.loads(Path("net.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(_nan, "nan"), (_narrow, "(2, 8)"), (_no_time, "tau is 0"), (_misspelt, "tahn")],
    ids=["NaN in W", "wrong shape", "tau = 0", "unknown activation"],
)
def test_a_record_that_cannot_be(stated: dict[str, Any], spoil: Callable[[dict[str, Any]], None], said: str) -> None:
    """The value that is wrong is in the message, and nothing is checked."""
    spoil(stated["origin"][0]["arguments"])
    Path("bad.json").write_text(json.dumps(stated), encoding="utf-8")
    result = run_command("check mine.py:step --network bad.json --step 0.1", Path.cwd())
    assert result.returncode == 2
    assert said in result.stderr
    assert "What to do:" in result.stderr


def test_as_many_steps_as_trajectories(stated: dict[str, Any]) -> None:
    """(5, 5, 2) may be time first or batch first; it has to be said."""
    np.save("X.npy", np.random.default_rng(1).normal(size=(5, 5, 2)))
    result = run_command("check mine.py:step --network net.json --step 0.1 --inputs X.npy", Path.cwd())
    assert result.returncode == 2
    assert "time and batch cannot be told apart" in result.stderr
