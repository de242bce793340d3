"""The JUnit renderer, for continuous integration: one test case per result, in the elements every reader knows.

A failure is a `failure`; what could not be decided, or does not apply, is `skipped` with the reason, never a pass.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from oracle.report.model import Case, Report
from oracle.report.text import render_section

# Characters that no XML 1.0 document may contain, escaped or not (W3C, XML 1.0, production 2).
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The report as one JUnit XML document."""
    cases = report.cases or (Case(report.title, report.verdict, report.sentence, _details(report)),)
    failed, skipped = (sum(_outcome(case) == outcome for case in cases) for outcome in ("failure", "skipped"))
    counts = {"tests": str(len(cases)), "failures": str(failed), "errors": "0"}
    root = ET.Element("testsuites", {"name": "rnn-oracle", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _xml(report.title), **counts, "skipped": str(skipped)})
    properties = ET.SubElement(suite, "properties")
    for name, value in (*report.environment.items(), *(("reproduce", line) for line in [report.reproduce] if line)):
        ET.SubElement(properties, "property", {"name": _xml(name), "value": _xml(value)})
    for case in cases:
        _case(suite, case)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _xml(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _outcome(case: Case) -> str:
    """The element that says how a case went; none for a pass."""
    return {"good": "", "bad": "failure"}.get(case.tone, "skipped")


def _case(suite: ET.Element, case: Case) -> None:
    element = ET.SubElement(suite, "testcase", {"classname": _xml(case.group), "name": _xml(case.name)})
    outcome = _outcome(case)
    if outcome == "failure":
        attributes = {"message": _xml(case.sentence), "type": _xml(case.verdict)}
        ET.SubElement(element, outcome, attributes).text = _xml(case.details or case.sentence)
    elif outcome:
        ET.SubElement(element, outcome, {"message": _xml(f"{case.verdict}: {case.sentence}")})
    if case.details and outcome != "failure":
        ET.SubElement(element, "system-out").text = _xml(case.details)


def _details(report: Report) -> str:
    """The sections as text."""
    return "\n\n".join(render_section(section) for section in report.all_sections)
