"""`rnn-oracle compare`: two candidates, one equation, one verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.test_commands import NET, here, run  # noqa: F401  (here is a fixture)

from oracle.cli import exits


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        ("mine.py:step", "H.npy", exits.PASS),
        ("mine.py:step", "mine.py:transposed", exits.FAIL),
        ("mine.py:transposed", "mine.py:step", exits.FAIL),
        ("mine.py:transposed", "mine.py:raises", exits.USAGE),
        ("mine.py:step", "mine.py:absent", exits.USAGE),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_comparison_has_the_code_of_the_worse(a: str, b: str, code: int) -> None:
    """A program against a recording of it passes; whichever of two is wrong decides."""
    assert run("compare", a, b, *NET, "--inputs", "X.npy") == code


@pytest.mark.usefixtures("here")
def test_what_is_missing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Functions bring no equation, recordings no inputs."""
    assert run("compare", "mine.py:step", "mine.py:step") == exits.USAGE
    assert "no --network was given" in capsys.readouterr().err
    assert run("compare", "mine.py:step", "H.npy", *NET) == exits.USAGE
    assert "H.npy is a recorded trajectory" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".html", ".json", ".md", ".xml"])
def test_the_report_has_both(here: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    """Every format names the equation that the wrong one computes, and the line that makes the run again."""
    wanted = ("compare", "mine.py:step", "mine.py:transposed", *NET, "--inputs", "X.npy")
    capsys.readouterr()
    assert run(*wanted, "--json", "-", "--report", f"r{suffix}") == exits.FAIL
    document = json.loads(capsys.readouterr().out)
    assert [document[name]["verdict"] for name in "ab"] == ["pass", "fail"]
    text = (here / f"r{suffix}").read_text(encoding="utf-8")
    assert "transposed-recurrent-weights" in text.replace("\\", "")
    assert " ".join(("rnn-oracle", *wanted)) in text


def test_modules_with_other_weights_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two modules that initialised themselves follow two recurrences; with one set of weights they compare."""
    pytest.importorskip("torch")
    code = "import torch\na, b, c = (torch.nn.RNN(2, 5) for _ in range(3))\nc.load_state_dict(a.state_dict())\n"
    (tmp_path / "modules.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run("compare", "modules.py:a", "modules.py:b") == exits.USAGE
    assert "different weights" in capsys.readouterr().err
    assert run("compare", "modules.py:a", "modules.py:c") == exits.PASS


def test_generated_batches_are_given_to_modules_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that takes the batch first is not given the steps for trajectories."""
    pytest.importorskip("torch")
    code = "import torch\nlayer = torch.nn.RNN(2, 5, batch_first=True)\n"
    (tmp_path / "modules.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run("check", "modules.py:layer", "--batch", "3") == exits.PASS
