"""Testing the tests of the diagnosis: faults planted in it are caught by named tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import test_every_deviation as deviations
import test_identify as identify

from oracle.diagnosis import diagnose, hypotheses, search, weights
from oracle.diagnosis import identify as room

Patch = pytest.MonkeyPatch
FAULTS: dict[str, tuple[Callable[[Patch], Any], Callable[[], Any]]] = {
    "explanations claimed without certificate": (
        lambda patch: (
            patch.setattr(search, "worst_under", lambda hypothesis, evidence: 0.0),
            patch.setattr(search, "plausible", lambda hypothesis, evidence: True),
            patch.setattr(hypotheses.Sieve, "passes", lambda self, stated, steps: True),
        ),
        lambda: deviations.test_what_has_no_name_is_unexplained("a cubic decay", "tanh 5"),
    ),
    "scaled weights taken for noise": (
        lambda patch: (
            patch.setattr(diagnose, "systematic", lambda *arguments: False),
            patch.setattr(diagnose, "narrowed_away", lambda *arguments: True),
            patch.setattr(search, "families", lambda stated: iter(())),
        ),
        lambda: deviations.test_scaled_weights_are_not_called_a_precision(size=1e-3, activation="relu", N=8),
    ),
    "a deviation left out of the table": (
        lambda patch: (
            patch.setattr(search, "deviating", lambda stated: iter(())),
            patch.setattr(search, "other_matrices", lambda stated, total: iter(())),
        ),
        lambda: deviations.test_a_planted_deviation_is_named("transposed-recurrent-weights", "tanh 5"),
    ),
    "bookkeeping not reread": (
        lambda patch: patch.setattr(search, "rereadings", lambda evidence: iter(())),
        lambda: deviations.test_a_planted_deviation_is_named("input-late", "tanh 5"),
    ),
    "same records not joined": (
        lambda patch: patch.setattr(search, "merged", lambda hypotheses: hypotheses[:1]),
        lambda: deviations.test_records_that_are_one_and_the_same_are_joined(),
    ),
    "leak not fitted": (
        lambda patch: patch.setattr(room, "_leaks", lambda statement, unknowns: []),
        lambda: identify.test_form_and_activation_are_named("rate", "tanh", "float32", False),
    ),
    "a weight claimed from too few steps": (
        lambda patch: patch.setattr(weights, "SPARE", 0),
        lambda: deviations.test_too_few_steps_do_not_name_a_weight(),
    ),
    "another weight than the wrong one": (
        lambda patch: patch.setattr(weights, "_entry", lambda i, j, N, width: f"W[{j}, {i + 1}]"),
        lambda: deviations.test_a_wrong_weight_is_given_with_its_place_and_size(),
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
