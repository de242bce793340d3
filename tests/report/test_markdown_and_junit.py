"""Markdown and JUnit from the one model: what is hostile stays text, no number is made up, and readers accept both."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import oracle
from oracle.report import json as as_json
from oracle.report import junit, markdown, step_summary
from oracle.report.model import (
    Case,
    Code,
    CubePicture,
    FaceView,
    Formula,
    Listing,
    Report,
    ResidualPlot,
    Section,
    Table,
    Tile,
    figure,
)
from oracle.report.of_check import of_check
from oracle.report.of_claims import of_claims
from oracle.report.of_session import of_session
from oracle.report.write import RENDERERS
from oracle.report.write import report as write_report

HOSTILE = "a|b `c` <script>alert(1)</script> ]]> [x](javascript:y) **z** $w$ & \\ \n# head\x00\x1b\ud800"
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "property": set(),
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
    "failure": set(),
    "skipped": set(),
    "system-out": set(),
}
NEEDED = {
    "testsuite": {"name", "tests"},
    "testcase": {"name", "classname"},
    "property": {"name", "value"},
    "failure": {"message", "type"},
    "skipped": {"message"},
}
"""The elements and required attributes of junit-10.xsd (Jenkins xUnit plugin), as far as they are used."""


def valid(text: str) -> ET.Element:
    """A JUnit document by the schema, with counts that are those of its cases."""
    root = ET.fromstring(text.encode("utf-8"))
    assert root.tag == "testsuites"
    for element in root.iter():
        assert {child.tag for child in element} <= CHILDREN[element.tag], element.tag
        assert set(element.attrib) >= NEEDED.get(element.tag, set()), element.tag
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
            if element.get(name) is not None:
                assert int(element.attrib[name]) == len(list(element.iter(tag)))
    return root


def hostile() -> Report:
    """A report all of whose texts are hostile."""
    blocks = (
        Table((HOSTILE, "a"), ((HOSTILE, HOSTILE),), ("bad",)),
        Listing((HOSTILE,)),
        Code(f"```\n{HOSTILE}"),
        ResidualPlot((1.0,), (2.0,), 1, ((HOSTILE, 1.0),)),
        CubePicture((FaceView("R,D linear", HOSTILE, HOSTILE, HOSTILE, HOSTILE),), HOSTILE),
    )
    tile = Tile(HOSTILE, HOSTILE, HOSTILE, HOSTILE, ((HOSTILE, Formula("x", HOSTILE)),))
    return Report(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        HOSTILE,
        (tile,),
        (Section(HOSTILE, HOSTILE, blocks),),
        {HOSTILE: HOSTILE},
        HOSTILE,
        opening=((Section(HOSTILE, HOSTILE),),),
        test=HOSTILE,
        cases=(Case(HOSTILE, "fail", HOSTILE, HOSTILE, HOSTILE), Case(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)),
    )


def results() -> tuple[oracle.CheckResult, oracle.CheckResult]:
    """A pass and a fail of one network, the weights transposed."""
    rng = np.random.default_rng(3)
    W, M, b = rng.normal(size=(5, 5)), rng.normal(size=(5, 2)), rng.normal(size=5)
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.25)

    def checked(used: Any) -> oracle.CheckResult:
        def step(h: Any, x: Any) -> Any:
            return 0.75 * h + 0.25 * np.tanh(used @ h + M @ x + b)

        return oracle.check(step, rec, inputs=X, h0=h0)

    X, h0 = rng.normal(size=(9, 2)), rng.normal(size=5)
    return checked(W), checked(W.T)


@pytest.fixture(scope="module")
def passed_and_failed() -> tuple[oracle.CheckResult, oracle.CheckResult]:
    """The same, once."""
    return results()


def outside_code(text: str) -> str:
    """Markdown without its fenced blocks; fences are closed by their own length."""
    return re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)


def markup(text: str) -> list[str]:
    """What a reader of Markdown would take for markup in hostile text."""
    return re.findall(
        r"(?<!\\)<script|(?<!\\)`c|(?<!\\)\[x|(?<!\\)\*\*z|a(?<!\\)\|b|(?<!\\)\$w|^# head", text, re.MULTILINE
    )


def test_hostile_text_is_text_in_markdown() -> None:
    """Pipes, backticks, tags, links and headings are escaped outside code, and no fence is closed from inside."""
    rest = outside_code(markdown.render(hostile()))
    assert markup(rest) == []
    assert rest.count("alert") >= 15
    rows = [line for line in rest.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} <= {3, 4, 5}
    assert markup(HOSTILE) != []  # the parser of this test sees each of them
    assert len(markup(HOSTILE)) == 7


def test_without_escaping_the_test_above_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: text as it came."""
    monkeypatch.setattr(markdown, "_MARKUP", re.compile(r"((?!))"))
    assert markup(outside_code(markdown.render(hostile()))) != []


def test_hostile_text_is_text_in_junit() -> None:
    """The document is well formed, valid, and has the elements of a friendly one; forbidden characters are replaced."""
    text = junit.render(hostile())
    root = valid(text)
    assert "<script" not in text
    assert {element.tag for element in root.iter()} <= CHILDREN.keys()
    assert next(case.attrib["name"] for case in root.iter("testcase")).count("\ufffd") == 3


@pytest.mark.parametrize("planted", ["<a/>", "<testsuite/>", '<testsuite name="x" tests="3"/>'])
def test_an_invalid_document_is_noticed(planted: str) -> None:
    """Planted faults: another element, attributes that lack, a count that is none."""
    with pytest.raises((AssertionError, KeyError)):
        valid(f"<testsuites>{planted}</testsuites>")


def test_a_check_is_one_case(passed_and_failed: tuple[oracle.CheckResult, oracle.CheckResult]) -> None:
    """A pass has no outcome element, a fail one failure with the sentence, an undecided one is skipped, no pass."""
    passed, failed = passed_and_failed
    for result, tag in ((passed, None), (failed, "failure"), (replace(passed, verdict="undecided"), "skipped")):
        report = of_check(result, reproduce="rnn-oracle check x:y")
        root = valid(junit.render(report))
        (case,) = root.iter("testcase")
        assert [child.tag for child in case if child.tag in ("failure", "skipped")] == ([tag] if tag else [])
        if tag == "failure":
            assert case[0].get("message") == report.sentence
            assert "transposed-recurrent-weights" in (case[0].text or "")


def test_a_session_is_a_suite(passed_and_failed: tuple[oracle.CheckResult, oracle.CheckResult]) -> None:
    """One case per check, grouped by file, with its own outcome."""
    passed, failed = passed_and_failed
    checks = [("tests/a.py::test_x", "check", passed), ("tests/a.py::test_y[<]", "check", failed)]
    cases = list(valid(junit.render(of_session(checks))).iter("testcase"))
    assert [case.get("name") for case in cases] == ["test_x (check)", "test_y[<] (check)"]
    assert {case.get("classname") for case in cases} == {"tests/a.py"}
    assert [case.find("failure") is not None for case in cases] == [False, True]
    assert list(valid(junit.render(of_session([]))).iter("skipped"))  # nothing was checked: no pass


def test_claims_that_do_not_apply_are_skipped() -> None:
    """A claim that holds is a pass; one whose assumption fails is skipped with its words."""
    net = oracle.Network.rate([[0.5, -1.0], [0.25, 0.75]], tau=0.5)
    made = [oracle.claims["C1"].verify(net, step=0.125, step_after=after) for after in (None, 0.125)]
    cases = list(valid(junit.render(of_claims(made))).iter("testcase"))
    assert [case.find("skipped") is None for case in cases] == [True, False]
    assert made[1].verdict in str(cases[1].find("skipped").get("message"))  # type: ignore[union-attr]


def numbers(text: str) -> set[str]:
    """Every number in a text."""
    return set(re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", text))


def test_no_number_is_made_up(passed_and_failed: tuple[oracle.CheckResult, oracle.CheckResult]) -> None:
    """Every number of both renderings is one of the model's, as it is or as a figure of it, or counts cases."""
    for result in passed_and_failed:
        report = of_check(result)
        assert result.residuals is not None
        assert result.bounds is not None
        sizes = (*result.residuals, *result.bounds)
        steps = {str(k) for k in range(1, result.steps + 1)}
        known = numbers(as_json.render(report)) | {number for size in sizes for number in numbers(figure(size))} | steps
        assert numbers(markdown.render(report)) - known <= set()
        extra = {"1.0", "8"} | {"0", "1"}  # of the XML declaration, and the counts of one case
        assert numbers(junit.render(report)) - known <= extra
        assert "12345.678" not in known


def test_the_deciding_steps_are_shown(passed_and_failed: tuple[oracle.CheckResult, oracle.CheckResult]) -> None:
    """Where no plot can be, the first violation and the worst step are there; an empty run has neither."""
    _, failed = passed_and_failed
    text = markdown.render(of_check(failed))
    assert failed.first is not None
    assert f"| first violation | {failed.first.step} |" in text
    assert "| largest part of its bound |" in text
    assert "deciding" not in markdown.render(
        Report("t", "pass", "s", sections=(Section("p", "", (ResidualPlot((), ()),)),))
    )


def test_the_suffix_decides(passed_and_failed: tuple[oracle.CheckResult, oracle.CheckResult], tmp_path: Path) -> None:
    """.md and .xml are written by result.report."""
    passed, _ = passed_and_failed
    assert passed.report(tmp_path / "a.md").read_text(encoding="utf-8").startswith("## ")
    valid(passed.report(tmp_path / "a.xml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("suffix", sorted(RENDERERS))
def test_hostile_text_can_be_written(suffix: str, tmp_path: Path) -> None:
    """Lone surrogates, of a path that is no UTF-8, say, do not keep a report from being written."""
    assert write_report(hostile(), tmp_path / f"a{suffix}").read_text(encoding="utf-8")


def test_step_summaries_are_appended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Reports stand one after the other; what cannot be written or is too long is said; without a runner, nothing."""
    target = tmp_path / "summary.md"
    report = Report("title", "pass", "sentence")
    monkeypatch.delenv(step_summary.VARIABLE, raising=False)
    assert step_summary.append_summary(lambda: pytest.fail("made for nobody")) is None
    monkeypatch.setenv(step_summary.VARIABLE, str(target))
    assert [step_summary.append_summary(lambda: report) for _ in range(2)] == [None, None]
    assert target.read_text(encoding="utf-8").count("## title") == 2
    monkeypatch.setattr(step_summary, "LARGEST", len(target.read_bytes()))
    assert "larger" in str(step_summary.append_summary(lambda: report))
    assert target.read_text(encoding="utf-8").count("## title") == 2
    monkeypatch.setenv(step_summary.VARIABLE, str(tmp_path))
    assert "no step summary" in str(step_summary.append_summary(lambda: report))


def test_a_claims_report_has_its_formulas_in_markdown() -> None:
    """Formulas are blocks of mathematics, as GitHub draws them."""
    net = oracle.Network.rate([[0.5, -1.0], [0.25, 0.75]], tau=0.5)
    assert "```math\n" in markdown.render(of_claims([oracle.claims["C1"].verify(net)]))
