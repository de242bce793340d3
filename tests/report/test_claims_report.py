"""The report on claims: bounds beside measured values, assumptions with evidence, counterexamples."""

from __future__ import annotations

import numpy as np
import pytest

import oracle
from oracle.report.html import render
from oracle.report.mathml import typeset
from oracle.report.model import Formula, Table
from oracle.report.of_claims import claims_verdict, exactly, of_claims
from oracle.report.of_session import of_session
from oracle.report.text import render_section


@pytest.fixture(scope="module")
def results() -> list[oracle.claims.ClaimResult]:
    """C1 as it holds, and with a step that is not rescaled."""
    rng = np.random.default_rng(6)
    net = oracle.Network.rate(rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), rng.normal(size=3), tau=0.5)
    return [oracle.claims["C1"].verify(net, step=0.125, step_after=after) for after in (None, 0.125)]


def test_a_row_and_a_section_for_each_claim(results: list[oracle.claims.ClaimResult]) -> None:
    """Every verdict, assumption and counterexample is in the model, and the renderer takes it."""
    report = of_claims(results)
    assert [tile.value for tile in report.tiles] == [result.verdict for result in results]
    table = report.sections[0].blocks[0]
    assert [row[1] for row in table.rows] == [result.verdict for result in results]
    page = render(report)
    for result in results:
        for assumption in result.assumptions:
            assert assumption.text.replace("'", "&#x27;") in page
        for example in result.counterexamples:
            assert exactly(example.gap) in page


def test_a_dropped_assumption_is_shown_as_not_holding(results: list[oracle.claims.ClaimResult]) -> None:
    """With an unscaled step the claim does not apply, and the row says which assumption failed."""
    held, dropped = (
        next(block for block in section.blocks if isinstance(block, Table))
        for section in of_claims(results).sections[1:]
    )
    assert "does not hold" not in [row[1] for row in held.rows]
    assert "does not hold" in [row[1] for row in dropped.rows]
    assert "bad" in dropped.tones


def test_the_verdict_of_several_claims() -> None:
    """A violation outweighs everything, then what is undecided; nothing applicable is no pass."""
    for words, verdict in {
        ("holds", "violated", "undecided"): "fail",
        ("holds", "undecided"): "undecided",
        ("holds", "not applicable"): "pass",
        ("not applicable",): "not applicable",
        (): "not applicable",
    }.items():
        assert claims_verdict([type("Claimed", (), {"verdict": word}) for word in words]) == verdict


def test_a_session_with_a_failure_is_a_failure() -> None:
    """One failed check among passing ones decides the session, and only it gets sections of its own."""
    rec = oracle.Recurrence.elman([[0.5, -1.0], [0.25, 0.75]])
    X, h0 = np.zeros((5, 0)), np.array([0.5, -0.25])
    H = oracle.simulate(rec, inputs=X, h0=h0)
    right, wrong = (oracle.check(states, rec, inputs=X, h0=h0) for states in (H, H + 2.0**-20))
    assert of_session([("a", "check", right)]).verdict == "pass"
    report = of_session([("a", "check", right), ("b", "check", wrong)])
    assert report.verdict == "fail"
    assert all(section.title.startswith("b") for section in report.sections[1:])


def test_statement_and_bound_are_typeset(results: list[oracle.claims.ClaimResult]) -> None:
    """Every claim's LaTeX and formulas become MathML, and plain text where there is no converter."""
    pytest.importorskip("latex2mathml")
    for claim in oracle.claims.values():
        assert "<math" in (typeset(claim.latex) or ""), claim.id
    section = of_claims(results).sections[1]
    shown = [block for block in section.blocks if isinstance(block, Formula)]
    assert len(shown) == 1 + len(results[0].formula)
    assert render(of_claims(results)).count("<math") == len(results) * len(shown)
    assert str(results[0].formula[0]) in render_section(section)


def test_formula_without_converter_is_its_text(
    results: list[oracle.claims.ClaimResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the converter is not installed the page has the formula as text, escaped."""
    monkeypatch.setattr("oracle.report.html.typeset", lambda _: None)
    page = render(of_claims(results))
    assert "<math" not in page
    assert str(results[0].formula[0]).replace("<", "&lt;").replace(">", "&gt;") in page
