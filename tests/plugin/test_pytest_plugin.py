"""The pytest fixture, in sessions of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEADER = """
import numpy as np, pytest, oracle
W = np.array([[0.5, -1.0], [0.25, 0.75]]); b = np.array([0.125, -0.5])
rec = oracle.Recurrence.elman(W, None, b)
probe = oracle.probe(rec)
right = lambda h, x: np.tanh(h @ W.T + b)
wrong = lambda h, x: np.tanh(h @ W + b)
"""
TESTS = """
def test_right(rnn_oracle):
    assert rnn_oracle.check(right, rec, inputs=probe.inputs, h0=probe.h0, kind="step")

def test_wrong(rnn_oracle):
    rnn_oracle.check(wrong, rec, inputs=probe.inputs, h0=probe.h0, kind="step")

def test_compared(rnn_oracle):
    rnn_oracle.compare(right, wrong, rec, inputs=probe.inputs, h0=probe.h0, kind="step")

def test_raises_with_result(rnn_oracle):
    with pytest.raises(oracle.CheckFailed) as caught:
        rnn_oracle.check(wrong, rec, inputs=probe.inputs, h0=probe.h0, kind="step")
    assert caught.value.result.explained_by == "transposed-recurrent-weights"
"""


def session(where: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A pytest session on one file."""
    (where / "test_inner.py").write_text(HEADER + tests, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "test_inner.py"]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)


def test_wrong_programs_fail_their_tests_and_are_named(tmp_path: Path) -> None:
    """check and compare raise for a wrong program and not for a right one; the summary names the bug."""
    done = session(tmp_path, TESTS)
    assert done.returncode == 1, done.stdout
    assert "2 failed, 2 passed" in done.stdout
    assert "transposed-recurrent-weights" in done.stdout


def test_one_report_of_the_session(tmp_path: Path) -> None:
    """Every check of every test is in the one report, in order, whether it passed or not."""
    done = session(tmp_path, TESTS, "--rnn-oracle-report=all.json")
    document = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    verdicts = [check["verdict"] for check in document["data"]["checks"]]
    assert verdicts == ["pass", "fail", "pass", "fail", "fail"]
    assert document["verdict"] == "fail"
    assert "5 checks, report in all.json" in done.stdout


def test_an_html_report_of_no_checks(tmp_path: Path) -> None:
    """A session without checks still has a report, which says so."""
    done = session(tmp_path, "def test_nothing(): pass", "--rnn-oracle-report=none.html")
    assert done.returncode == 0
    assert "nothing was checked" in (tmp_path / "none.html").read_text(encoding="utf-8")


def test_a_bad_path_is_refused_before_the_tests_run(tmp_path: Path) -> None:
    """Another suffix is a usage error; a folder that does not exist is said at the end."""
    assert session(tmp_path, TESTS, "--rnn-oracle-report=all.pdf").returncode == 4
    done = session(tmp_path, "def test_nothing(): pass", "--rnn-oracle-report=no/all.html")
    assert "no report" in done.stdout
    assert "internal error" not in done.stdout.lower()


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    """Every pytest session loads the plugin: no SymPy, no framework, no report and no command line."""
    code = "import sys, oracle.pytest_plugin; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "oracle.pytest_plugin" in loaded
    heavy = {"sympy", "torch", "matplotlib", "h5py", "click", "scipy", "oracle.report.html", "oracle.claims"}
    assert not heavy & set(loaded)


def test_a_step_of_github_actions_gets_a_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks are appended to the file that the runner names; one that cannot be written is said, no more."""
    target = tmp_path / "summary.md"
    target.write_text("before\n", encoding="utf-8")
    wrong = TESTS[TESTS.index("def test_wrong") : TESTS.index("def test_compared")]
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    assert session(tmp_path, wrong).returncode == 1
    text = target.read_text(encoding="utf-8")
    assert text.startswith("before\n## rnn-oracle in this test session")
    assert "transposed-recurrent-weights" in text
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "summary.md"))
    done = session(tmp_path, wrong)
    assert "1 failed" in done.stdout
    assert done.stdout.count("no step summary") == 1


def test_the_plugin_knows_every_format() -> None:
    """Its suffixes are those of the renderers, which it does not load."""
    from oracle.pytest_plugin import SUFFIXES
    from oracle.report.write import RENDERERS

    assert tuple(RENDERERS) == SUFFIXES


def test_the_report_may_be_named_in_pyproject(tmp_path: Path) -> None:
    """`pytest-report` is taken as the option; a misspelt key stops the session."""
    settings = tmp_path / "pyproject.toml"
    settings.write_text('[tool.rnn-oracle]\npytest-report = "found.json"\n', encoding="utf-8")
    assert session(tmp_path, "def test_nothing(): pass").returncode == 0
    assert (tmp_path / "found.json").is_file()
    settings.write_text('[tool.rnn-oracle]\npytest-raport = "found.json"\n', encoding="utf-8")
    assert session(tmp_path, "def test_nothing(): pass").returncode == pytest.ExitCode.USAGE_ERROR
