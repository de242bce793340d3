"""Every example of the README runs, in the order in which a reader meets it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import run_command
from docs.examples import ROOT, blocks, broken_links, executed, missing, shown

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_examples_of_each_kind() -> None:
    """Extraction finds them: a README without fences would pass everything else."""
    assert len(blocks("python", TEXT)) >= 5
    assert len(blocks("console", TEXT)) == 1
    assert any("import torch" in code for code in blocks("python", TEXT))


def test_a_broken_example_is_caught() -> None:
    """An example that asserts something false raises."""
    with pytest.raises(AssertionError):
        executed(blocks("python", "```python\nassert 1 + 1 == 3\n```\n"))


def test_python_examples_run_and_say_what_is_printed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All Python blocks run; the lines shown for the first check, without the dots, are printed by it."""
    executed(blocks("python", TEXT))
    printed = capsys.readouterr().out
    assert shown(TEXT)
    for line in shown(TEXT):
        assert line in printed


def test_command_line_examples_run(here: Path) -> None:
    """The console block runs on the files that the block before it wrote."""
    names = executed(blocks("python", TEXT))
    np.save("X.npy", names["rng"].normal(size=(30, 2)))
    for line in blocks("console", TEXT)[0].splitlines():
        done = run_command(line.removeprefix("$ rnn-oracle "), here)
        assert done.returncode == 0, done.stderr
    assert (here / "report.html").stat().st_size > 0


def test_the_fixture_example_passes_under_pytest(here: Path) -> None:
    """The test of the README passes in a fresh pytest, with the fixture found by its entry point."""
    codes = [code for code in blocks("python", TEXT) if not missing(code) and "torch" not in code]
    example = next(code for code in codes if "def test_" in code)
    before = "".join(codes[: codes.index(example)])
    (here / "test_step.py").write_text(before + "\n" + example, encoding="utf-8")
    assert "import torch" not in before
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_step.py"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_test_command_is_where_the_continuous_integration_reads_it() -> None:
    """Between two marker lines there is one bash block with one command."""
    between = TEXT.split("<!-- test-command -->")
    assert len(between) == 3
    assert len(blocks("bash", between[1].lstrip())) == 1
    assert "tox" in between[1]


def test_links_lead_somewhere() -> None:
    """Every relative link names a file or folder of the repository."""
    assert not broken_links(README)


def test_the_command_table_names_every_command() -> None:
    """The README's table and the program know the same commands."""
    from oracle.cli.app import COMMANDS

    named = set(re.findall(r"^\| `rnn-oracle (\w+)", TEXT, re.MULTILINE))
    assert named == set(COMMANDS)
