"""The test that a report offers runs as it is pasted, in the directory of the command, and says the same as it."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import oracle
from oracle.cli import app

PROGRAM = """
import numpy as np
with np.load("w.npz") as stored:
    W, M, b = (stored[name] for name in ("W", "M", "b"))
def right(h, x): return 0.75 * h + 0.25 * np.tanh(W @ h + M @ x + b)
def wrong(h, x): return 0.75 * h + 0.25 * np.tanh(W.T @ h + M @ x + b)
def batch(h, x): return 0.75 * h + 0.25 * np.tanh(h @ W.T + x @ M.T + b)
class Kept: step = staticmethod(right)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a program, a network and its flow, inputs in three formats, a start and a trajectory."""
    rng = np.random.default_rng(8)
    W, M, b = rng.normal(size=(4, 4)), rng.normal(size=(4, 2)), rng.normal(size=4)
    X, h0 = rng.normal(size=(9, 2)), rng.normal(size=4)
    np.savez(tmp_path / "w.npz", W=W, M=M, b=b)
    (tmp_path / "pasted_program.py").write_text(PROGRAM, encoding="utf-8")
    rec = oracle.Recurrence.leaky(W, M, b, alpha=Fraction(1, 4))
    oracle.save(rec, tmp_path / "net.json")
    oracle.save(oracle.Network.rate(W, M, b, tau=Fraction(1, 2)), tmp_path / "flow.json")
    np.save(tmp_path / "X.npy", X)
    np.savez(tmp_path / "X.npz", other=h0, X=X)
    np.savetxt(tmp_path / "X.csv", X, delimiter=",", header="a,b", comments="")
    np.savetxt(tmp_path / "h0.csv", h0[None], delimiter=",")
    np.save(tmp_path / "H.npy", oracle.simulate(rec, inputs=X))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def offered(*arguments: str) -> tuple[str, dict[str, Any]]:
    """The test that the report of a command offers, and the report's own values."""
    with pytest.raises(SystemExit):
        app.main([*arguments, "--report", "r.json"])
    written = json.loads(Path("r.json").read_text(encoding="utf-8"))
    return written["test"], written["data"]


def followed(text: str) -> Any:
    """What the fixture would have been asked, as a result."""
    names: dict[str, Any] = {}
    exec(text, names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    seen: list[Any] = []
    fixture = SimpleNamespace(
        check=lambda *given, **asked: seen.append(oracle.check(*given, **asked)),
        compare=lambda *given, **asked: seen.append(oracle.compare(*given, **asked)),
    )
    test(fixture)
    return seen[0]


@pytest.mark.parametrize(
    "line",
    [
        "pasted_program.py:right --network net.json",
        "pasted_program.py:wrong --network net.json --steps 12 --seed 5",
        "pasted_program:Kept.step --network net.json --inputs X.csv --h0 h0.csv",
        "pasted_program.py:Kept.step --network flow.json --step 1/8 --promised float32",
        "pasted_program.py:batch --network flow.json --step 0.125 --scheme euler --batch 3 --kind step",
        "pasted_program.py:right --network net.json --inputs X.npz --time-limit 50",
        "pasted_program.py:right --network net.json --noise 0.1:sqrt-2alpha",
        "H.npy --network net.json --inputs X.npy --recorded float32",
    ],
)
def test_a_check_says_the_same(here: Path, line: str) -> None:
    """Verdict, worst and finding of the pasted test are those of the command, for every way to name things."""
    text, data = offered("check", *line.split())
    result = followed(text)
    assert (result.verdict, result.explained_by) == (data["verdict"], data["explained_by"])
    assert str(result.to_dict()["worst"]) == str(data["worst"])


@pytest.mark.parametrize("pair", ["pasted_program.py:right pasted_program.py:wrong", "pasted_program:right H.npy"])
def test_a_comparison_says_the_same(here: Path, pair: str) -> None:
    text, data = offered("compare", *pair.split(), "--network", "net.json", "--inputs", "X.npy")
    assert followed(text).verdict == data["verdict"]


def test_in_pytest(here: Path) -> None:
    """As a file of its own, where the wrong program fails with its name."""
    text, _ = offered("check", "pasted_program.py:wrong", "--network", "net.json")
    (here / "test_pasted.py").write_text(text + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pasted.py"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "transposed-recurrent-weights" in done.stdout


def test_the_line_names_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that decide what a program computes come first, quoted; others are left out."""
    monkeypatch.setenv("KERAS_BACKEND", "a b")
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    for name in ("OMP_NUM_THREADS", "RNN_ORACLE_DATA", "JAX_ENABLE_X64"):
        monkeypatch.delenv(name, raising=False)
    offered("check", "pasted_program.py:right", "--network", "net.json")
    line = json.loads(Path("r.json").read_text(encoding="utf-8"))["reproduce"]
    assert line.startswith("KERAS_BACKEND='a b' rnn-oracle check pasted_program.py:right")


def test_the_step_summary_offers_the_same_test(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "summary.md"))
    text, _ = offered("check", "pasted_program.py:right", "--network", "net.json")
    assert text in (here / "summary.md").read_text(encoding="utf-8")
