"""Every example of the guide runs, and the page of names is the one that the code makes.

Blocks that need torch run where it is installed.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from command import run_command
from docs.examples import ROOT, blocks, broken_links, executed, shown

GUIDE = ROOT / "oracle" / "guide"
PAGES = ("tutorial", "maintainers", "explanation")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", PAGES)
def test_examples_run_and_say_what_is_printed(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All blocks of a page run in order, its tests and commands pass, and the lines it shows are printed."""
    text = (GUIDE / f"{name}.md").read_text(encoding="utf-8")
    names = executed(blocks("python", text))
    printed = capsys.readouterr().out
    assert len(blocks("python", text)) >= 3
    for line in shown(text):
        assert line in printed
    for test in (value for key, value in names.items() if key.startswith("test_") and not value.__code__.co_argcount):
        test()
    for block in blocks("console", text):
        for line in block.splitlines():
            done = run_command(line.removeprefix("$ rnn-oracle "), here)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [*PAGES, "reference"])
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link names a file or folder."""
    assert not broken_links(GUIDE / f"{name}.md")


def test_a_line_that_is_not_printed_is_noticed() -> None:
    """The lines of text blocks are found, without the dots."""
    assert shown("```text\nFAIL: so\n  ...\n```\n") == ["FAIL: so"]


def test_every_finding_is_on_the_page() -> None:
    """Whatever name the code gives to a finding or a breach stands on the page; the pattern finds some of each."""
    page = (GUIDE / "reference.md").read_text(encoding="utf-8")
    rooms = [ROOT / "oracle" / room for room in ("check", "diagnosis")]
    code = "".join(path.read_text(encoding="utf-8") for room in rooms for path in room.glob("*.py"))
    named = set(re.findall(r'(?:Finding\(|Breach\(|breached\(|append\(\()"([a-z]+(?:-[a-z]+)*)"', code))
    assert {"not-deterministic", "wrong-shape", "unexplained", "nothing-to-check"} <= named
    assert {name for name in named if f"| `{name}` |" not in page} == set()


def test_the_page_of_names_is_up_to_date() -> None:
    """`python reports/names.py` would write what is there; a page without one of the names differs."""
    made = runpy.run_path(str(ROOT / "reports" / "names.py"))["page"]()
    kept = (GUIDE / "reference.md").read_text(encoding="utf-8")
    assert made == kept
    assert made.replace("oracle.assert_follows", "") != kept
