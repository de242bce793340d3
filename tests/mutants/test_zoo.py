"""The zoo: it is as large as it says, every mutant drawn here is caught, and no honest variant fails.

The whole zoo is `tox -e mutants`; here is every eleventh edit, in the precision its place in the list decides.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from .continuous import continuous, smallest_caught
from .faults import pairs, singles
from .frameworks import KERAS_WARNS, honest_frameworks
from .noisy import judged as noise_judged
from .noisy import noisy
from .peers import PEERS, survives
from .programs import STEPS, compiled, data, exactly, parameters, record, source
from .run import DTYPES, differs, judged, naming
from .variants import variants

THIN = 11  # prime to the number of rules of most programs, so that every kind of fault comes up
HERE = Path(__file__).parent


def _sample(edits):
    return [pytest.param(e, DTYPES[i % 2], id=f"{e.program}: {e.title}") for i, e in enumerate(edits[::THIN])]


def test_zoo_is_as_large_as_it_says():
    """At least 150 single faults, 30 pairs and 40 honest variants, on every program."""
    assert (len(singles()), len(pairs()), len(variants())) >= (150, 30, 40)
    assert {edit.program for edit in singles()} == set(STEPS)
    texts = [edit.text for edit in singles()]
    assert len(set(texts)) == len(texts), "no fault is listed twice"


def test_zoo_does_not_know_the_table_of_deviations():
    """No file of the zoo imports the diagnosis: its faults are written from what people do."""
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            imported = getattr(node, "module", None) or ""
            assert not imported.startswith("oracle.diagnosis"), path.name


@pytest.mark.parametrize(("edit", "dtype"), _sample(singles()))
def test_single_fault_is_caught(edit, dtype):
    """A fault that changes the run in 40 digits fails, and is not given a name that does not describe it."""
    found = judged(edit, dtype)
    assert found.differs, "an edit that changes nothing is no fault"
    assert found.verdict == "fail"
    assert found.named != "wrong", found.explained_by


@pytest.mark.parametrize(("edit", "dtype"), _sample(pairs()))
def test_pair_is_caught(edit, dtype):
    """The same for two faults at once."""
    found = judged(edit, dtype)
    assert found.differs
    assert found.verdict == "fail"
    assert found.named != "wrong", found.explained_by


@pytest.mark.parametrize(("edit", "dtype"), _sample(variants()))
def test_honest_variant_passes(edit, dtype):
    """The same equation computed otherwise is the same in 40 digits, and passes."""
    assert not differs(edit, dtype)
    found = judged(edit, dtype)
    assert found.verdict == "pass", found


@pytest.mark.parametrize("case", noisy()[::6], ids=lambda case: f"{case[0]}: {case[1]}")
def test_noise(case):
    """Honest noise passes, other noise fails, and has the name of its fault."""
    found = noise_judged(case)
    assert found.verdict == ("fail" if case[3] else "pass"), found
    assert not case[3] or found.named == "right", found


@pytest.mark.filterwarnings(KERAS_WARNS)
def test_frameworks_pass():
    """Whatever framework is installed computes what it documents."""
    import oracle

    for case in honest_frameworks():
        assert oracle.check(case.candidate, case.rec, **case.question), case.title


def test_single_weight_is_caught_far_below_the_tolerances_in_use():
    """One weight off by 2^-30 in float64 is caught, and one off by 2^-52 is below rounding."""
    case = next(c for c in continuous() if c.program == "elman" and c.title == "one of the recurrent weights")
    assert 2.0**-52 < smallest_caught(case, "float64") < 2.0**-30


@pytest.mark.parametrize("peer", PEERS)
def test_peers_probe_sees_something(peer):
    """Each peer's test passes the honest program and fails one whose activation is missing."""
    assert survives(replace(singles()[0], changes=()), peer)
    missing = next(e for e in singles() if e.title == "no activation" and e.program == "elman")
    assert not survives(missing, peer)


def test_naming_is_strict():
    """A name of another fault is wrong, one of several equal ones is right, silence is silence."""
    assert naming(("bias-missing",), "bias-doubled") == "wrong"
    assert naming(("elman", "wrong-step"), "wrong-step|elman") == "right"
    assert naming(("a+b",), "b+a") == "right"
    assert naming(("bias-missing",), "unexplained") == "unnamed"


def test_pairs_called_one_map_are_one():
    """Reversed states and reversed samples are the same numbers where no state is carried, and only there."""
    p, (h0, X) = parameters("elman", "float64"), data("elman", "float64")
    by_name = {edit.names[0]: edit for edit in singles() if edit.program == "elman" and len(edit.names) == 1}
    carried = by_name["state-not-carried"]

    def states(*edits):
        changes = tuple(change for edit in edits for change in edit.changes)
        return exactly(replace(edits[0], changes=changes).text, p, h0, X)

    reversed_inputs = replace(carried, changes=(("x = X[k]", "x, h = X[-1 - k], h0"),))
    assert np.array_equal(states(by_name["output-reversed"], carried), states(reversed_inputs))
    assert not np.array_equal(states(by_name["output-reversed"]), states(by_name["input-reversed"]))


def test_exact_run_is_that_of_the_program():
    """The 40-digit run of a text agrees with its float64 run to 13 digits, so that `differs` speaks of the program."""
    for name in ("leaky inside", "rate, RK4", "GRU, reset before"):
        p = parameters(name, "float64")
        h0, X = data(name, "float64")
        exact = exactly(source(name), p, h0, X).astype(float)
        np.testing.assert_allclose(compiled(source(name), p)(h0, X), exact, rtol=0, atol=1e-13)
        assert h0.shape[-1] == record(name, p).N
