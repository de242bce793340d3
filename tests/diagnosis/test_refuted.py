"""Likelihood ratios between explanations of noise: the truth is refuted as rarely as stated, rivals are refuted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from oracle.check.result import Finding
from oracle.diagnosis import refuted
from oracle.diagnosis.refuted import Explanation, Scores, joined, outside, refutes, together, unrefuted

N, K = 3, 400


def explanation(name: str, residuals: Any, sigma: float) -> Explanation:
    """A fixed explanation with residuals (N, K)."""
    score = outside(residuals, np.full(N, sigma), 1)
    return Explanation(Finding(name, True, 0.5, name), Scores(score, score, score))


def test_the_density_is_that_of_the_normal_law() -> None:
    """Differences of log densities, per step."""
    rng = np.random.default_rng(0)
    r, size = rng.normal(size=(N, K)), np.array([0.5, 1.0, 2.0])
    expected = -0.5 * np.square(r / size[:, None]) - np.log(size)[:, None]
    assert np.allclose(outside(r, size, 1), expected.sum(axis=0), rtol=1e-12)


def test_a_rival_is_refuted_and_the_truth_is_not() -> None:
    """A mean of a third of sigma: the one with it refutes the one without, and not the other way round."""
    xi = np.random.default_rng(1).normal(size=(N, K))
    true, rival = explanation("a", xi, 1.0), explanation("b", xi + 1 / 3, 1.0)
    assert refutes(true, rival, 2)
    assert not refutes(rival, true, 2)
    assert [one.finding.name for one in unrefuted([rival, true])] == ["a"]


def test_the_truth_is_refuted_at_most_as_often_as_stated(monkeypatch: Any) -> None:
    """At a rate of 1/20, half of it for rivals, 2000 runs: Ville's bound, with five standard deviations to spare."""
    monkeypatch.setattr(refuted, "NAMELESS", 0.05)
    rng, runs, refutations = np.random.default_rng(2), 2000, 0
    for _ in range(runs):
        xi = rng.normal(size=(N, 40))
        refutations += refutes(explanation("b", xi - 0.15, 1.0), explanation("a", xi, 1.0), 1)
    assert 0 < refutations <= runs * 0.05 + 5 * np.sqrt(runs * 0.05)


def test_steps_that_one_of_them_does_not_judge_do_not_count() -> None:
    """Inputs one step late leave the first step out."""
    xi = np.random.default_rng(3).normal(size=(N, K))
    far = explanation("far", xi, 1.0)
    late = outside(xi + 5.0, np.ones(N), 1)
    late[0] = np.nan
    assert refutes(far, Explanation(Finding("late", True, 1.0, ""), Scores(late, late, late)), 2)


def test_a_fitted_rival_is_judged_on_the_second_half() -> None:
    """Fitted to the noise of the first half, it refutes nothing by that half."""
    xi = np.random.default_rng(4).normal(size=(N, K))
    true = explanation("a", xi, 1.0)
    overfitted = outside(np.concatenate([0 * xi[:, : K // 2], xi[:, K // 2 :]], axis=1), np.ones(N), 1)
    ahead = np.where(np.arange(K) < K // 2, np.nan, overfitted)
    assert not refutes(Explanation(Finding("b", True, 1.0, ""), Scores(overfitted, overfitted, ahead)), true, 2)


def test_what_cannot_be_compared_is_kept() -> None:
    """No density, no refutation."""
    xi = np.random.default_rng(5).normal(size=(N, K))
    unknown = Explanation(Finding("b", True, 1.0, "b"), None)
    assert len(unrefuted([explanation("a", xi, 1.0), unknown])) == 2


def test_a_name_less_probable_than_a_nameless_equation_is_not_claimed() -> None:
    """A rival without a name withdraws what it is more probable than, and nothing else; structure refutes as well."""
    xi = np.random.default_rng(6).normal(size=(N, K))
    near, far = explanation("a", xi, 1.0), explanation("b", xi + 0.05, 1.0)
    rival = Explanation(Finding("unexplained", False, 0.0, ""), explanation("", xi + 0.02, 1.0).scores)
    assert [finding.name for finding in together([far, near])] == ["b|a"]
    assert [finding.name for finding in together([far, near, rival])] == ["a"]
    assert together([rival]) == []
    assert together([replace(near, evidence=10.0)]) == []


def test_alternatives_are_one_finding() -> None:
    """Names by |, numbers by name, and how to tell them apart."""
    one = joined([Finding("a|b", True, 0.5, "x", {"f": 1}), Finding("b|c", True, 0.7, "y", {"g": 2})])
    assert (one.name, one.explains, one.worst) == ("a|b|c", True, 0.5)
    assert one.parameters == {"a|b: f": 1, "b|c: g": 2}
    assert "do not separate" in one.text
