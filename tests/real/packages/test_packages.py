"""Packages that are installed get the verdict that was checked by hand against their source.

Packages: reservoirpy, neat, nengo, snntorch, ncps, brainstate, norse, lrnnx, psychrnn.
"""

import numpy as np
import pytest

import oracle
from real.packages.registry import PACKAGES

# Importing and running other people's code; their deprecations are not ours.
pytestmark = pytest.mark.filterwarnings("ignore")

INSTALLED = [pytest.param(package, id=package.distribution) for package in PACKAGES if package.installed]
OFF = 2.0**-14  # far beyond the rounding of float32, far below what a person would see


@pytest.fixture(params=INSTALLED, scope="module")
def cases(request):
    return list(request.param.cases())


def test_verdict_is_the_one_checked_by_hand(cases):
    """Expected verdict of every case; a pass also has the roundoff of its promised precision."""
    for case in cases:
        assert case.expected == case.result.verdict, case.result.summary()
        if case.expected == "pass":
            assert case.result.computed_in == case.result.promised, case.what


def test_failing_code_is_certified_to_compute_something_else(cases):
    """Every residual of a failing case is inside its bound under the stated reading, and it has the right name."""
    for case in (case for case in cases if case.expected == "fail"):
        assert case.certificate, f"{case.what}: {case.certificate}"
        named = case.result.explained_by
        assert set(case.named) & set((named or "").split("|")), named


def test_slightly_wrong_code_fails(cases):
    """The same code with all its states off by one part in 16384 does not pass: every case can fail."""
    for case in (case for case in cases if case.expected == "pass"):
        planted = _off(case.candidate)
        wrong = oracle.check(planted, case.record, kind=case.kind, promised=case.promised, **case.question)
        assert wrong.verdict == "fail", case.what


def _off(candidate):
    def planted(state, samples):
        made = np.asarray(candidate(state, samples))
        return (made * (1 + OFF)).astype(made.dtype)

    return planted
