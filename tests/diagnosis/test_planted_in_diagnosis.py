"""Testing the tests of the diagnosis: faults planted in it are caught by named tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import test_every_deviation as deviations
import test_identify as identify

from oracle.diagnosis import diagnose
from oracle.diagnosis import identify as room

Patch = pytest.MonkeyPatch
FAULTS: dict[str, tuple[Callable[[Patch], Any], Callable[[], Any]]] = {
    "explanations claimed without certificate": (
        lambda patch: (
            patch.setattr(diagnose, "worst_under", lambda hypothesis, evidence: 0.0),
            patch.setattr(diagnose, "plausible", lambda hypothesis, evidence: True),
        ),
        lambda: deviations.test_what_has_no_name_is_unexplained("one weight off by 1 %", "tanh 5"),
    ),
    "scaled weights taken for noise": (
        lambda patch: patch.setattr(diagnose, "systematic", lambda *arguments: False),
        lambda: deviations.test_scaled_weights_are_not_called_a_precision(size=1e-3, activation="relu", N=8),
    ),
    "a deviation left out of the table": (
        lambda patch: patch.setattr(diagnose, "deviating_records", lambda known, rec: {}),
        lambda: deviations.test_a_planted_deviation_is_named("transposed-recurrent-weights", "tanh 5"),
    ),
    "bookkeeping not reread": (
        lambda patch: patch.setattr(diagnose, "rereadings", lambda evidence: iter(())),
        lambda: deviations.test_a_planted_deviation_is_named("input-late", "tanh 5"),
    ),
    "same records not joined": (
        lambda patch: patch.setattr(diagnose, "merged", lambda hypotheses: hypotheses),
        lambda: deviations.test_records_that_are_one_and_the_same_are_joined(),
    ),
    "leak not fitted": (
        lambda patch: patch.setattr(room, "fitted_leak", lambda statement, steps: iter(())),
        lambda: identify.test_form_and_activation_are_named("rate", "tanh", "float32", False),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str) -> None:
    """The named test passes on the source as it is and fails on the source with the fault."""
    plant, test = FAULTS[fault]
    test()
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        with pytest.raises(AssertionError):
            test()
