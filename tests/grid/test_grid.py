"""The grid itself: what it holds, that its parts are what they say, and that planted lies are seen."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from .equivalence import equivalence
from .given import record_of
from .grid import DTYPES, SPECS, Spec, cell
from .honest import Style, honest_styles, implement
from .mutants import mutants
from .plain import implement_plain
from .runner import Task, judge_honest, judge_mutants, perform, programs, visibility
from .summary import coverage, honest_summary, mutant_summary, render

ROOT = Path(__file__).resolve().parents[2]
NAMES = [spec.name for spec in SPECS]


def _cell(name: str, dtype: str = "float64"):
    return cell(NAMES.index(name), dtype)


def _command():
    spec = importlib.util.spec_from_file_location("grid_command", ROOT / "reports" / "grid.py")
    command = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(command)
    return command


def test_grid_holds_what_is_claimed_of_it():
    """A quarter of the cells has 64 units or more, a tenth 256 or more; 100 steps or more; batches of 1 and 8."""
    held = coverage()
    assert held["N >= 64"] >= 0.25 * held["cells"]
    assert held["N >= 256"] >= 0.10 * held["cells"]
    assert held["fewest steps"] >= 100
    assert min(held["batch of 1"], held["batch of 8"]) >= 0.25 * held["cells"]
    assert held["torch initialisation"] >= 5
    forms = {name.split()[0] for name in held["forms"]}
    assert forms == {"elman", "leaky-outside", "leaky-inside", "leak-inside", "paper", "rate", "current", "gru"}
    assert len(NAMES) == len(set(NAMES))


def test_every_cell_has_enough_distinct_styles():
    """Over the grid: at least 2,000 checks, in at least 6 arrangements of each leak and 6 kernels."""
    command = _command()
    styles = {
        (i, s) for i, spec in enumerate(SPECS) for s in honest_styles(cell(i, "float64").given, spec.batch, 14, i)
    }
    assert 2 * len(styles) >= 2000
    assert command.STYLES == 14
    for name in ("outside-units", "paper-euler", "paper-exp-units", "rate-exp-units", "current-exp"):
        found = {style.leak for style in honest_styles(_cell(name).given, 0, 14, 0)}
        assert len(found) >= 6
    assert len({style.kernel for _, style in styles}) >= 10


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["outside-units", "paper-exp-units", "rate-rk4-units", "gru-before", "inside-units"])
def test_honest_programs_agree_with_each_other(name, dtype):
    """After one step, all styles are within a few roundings of each other, and in the cell's dtype."""
    c = _cell(name, dtype)
    runs = [run(c.h0, c.inputs[:1]) for _, run in programs(c, 20, 0)]
    assert {H.dtype for H in runs} == {np.dtype(dtype)}
    size = np.max(np.abs(runs[0]))
    spread = max(np.max(np.abs(H - runs[0])) for H in runs)
    assert 0 < spread <= 20 * np.finfo(dtype).eps * size


def test_a_silent_upcast_is_refused():
    """An implementation that drifts to float64 is stopped by its own dtype assertion."""
    c = _cell("outside-units", "float32")
    lying = replace(c.given, tau=np.asarray(1.0, dtype="float64"))
    with pytest.raises(AssertionError, match="not float32"):
        implement_plain(lying)(c.h0, c.inputs)


def test_a_liar_among_the_honest_raises_an_alarm():
    """A program that is 1 % off in its step, passed off as honest, is counted as a false alarm."""
    c = _cell("outside-alpha-half")
    style = Style("BLAS, rows", "(Wh + Mx) + b", "h + a(s-h)", "np.tanh")
    liar = implement(replace(c.given, dt=c.given.dt * 1.01), style)
    rows = judge_honest(c, [(style, implement(c.given, style)), (style, liar)])
    counted = honest_summary(rows)
    assert (counted["checks"], counted["false alarms"]) == (2, 1)


def test_a_blind_spot_is_reported_as_missed():
    """A mutant that passes although its record differs is counted as missed, not dropped."""
    rows = judge_mutants(_cell("current-euler-one-bias-free"))
    first = next(i for i, row in enumerate(rows) if row.equality is None)
    rows.insert(0, rows.pop(first))
    blinded = [rows[0]._replace(verdict="pass", certified=1e9), *rows[1:]]
    counted = mutant_summary(blinded)
    assert len(counted["missed"]) == 1
    assert mutant_summary(rows)["missed"] == []


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("outside-one-unit", "recurrent weights transposed", "N = 1"),
        ("inside-no-bias", "bias doubled", "b = 0"),
        ("outside-alpha-half", "alpha and 1 - alpha swapped", "alpha = 1/2"),
        ("outside-alpha-one", "alpha ignored", "alpha = 1"),
        ("elman-autonomous", "input one step late", "I = 0"),
        ("zero-start", "initial state ignored", "h0 = 0"),
        ("paper-euler-tau-one", "rate for paper", "tau = 1"),
        ("rate-heun-identity", "midpoint for heun", "equal in exact rationals"),
        ("gru-one-unit", "other reset", "r (W h) = W (r h)"),
    ],
)
def test_equivalents_come_with_their_equality(name, kind, reason):
    """Where a mutant is no fault, the equality is found; and the program indeed passes."""
    c = _cell(name)
    (mutant,) = (m for m in mutants(c) if m.kind == kind)
    assert reason in equivalence(c, mutant)
    assert judge_honest(c, [(Style("", "", "mutant", ""), mutant.program())])[0].verdict == "pass"


@pytest.mark.parametrize("name", ["outside-units", "paper-heun-relu", "current-exp", "gru-before"])
def test_mutants_are_single_points(name):
    """The program of a mutant follows the mutant's own record, so its only fault is the planted one."""
    c = _cell(name)
    for m in mutants(c):
        if m.given is not c.given and "wrong sign" not in m.kind:  # a growing leak leaves the range of a fair test
            changed = replace(c, given=m.given)
            (row,) = judge_honest(changed, [(Style("", "", m.kind, ""), m.program())])
            assert row.verdict == "pass", row
            assert changed.record == record_of(m.given)


def test_a_difference_below_rounding_is_certified():
    """tanh against identity at signals of 1e-18: the exact steps differ by less than the tolerance, in balls."""
    c = _cell("minute", "float32")
    (mutant,) = (m for m in mutants(c) if m.kind == "identity for tanh")
    assert 0 <= visibility(c, mutant) <= 1
    (plain,) = (m for m in mutants(c) if m.kind == "recurrent weights negated")
    assert visibility(c, plain) > 1


def test_quick_grid_has_no_alarm_and_misses_nothing(tmp_path):
    """Six small cells: no false alarm, every differing mutant caught; the report and its JSON are made."""
    command = _command()
    result = command.run(quick=True, jobs=2)
    assert result["honest"]["not passed"] == []
    assert result["mutants"]["caught"] == result["mutants"]["differing"] > 100
    assert json.loads(json.dumps(result)) is not None
    text = render(result)
    assert "0 false alarms" in text
    assert text.count("| recurrent weights transposed |") == 1


def test_work_is_deterministic():
    """The same task gives the same rows."""
    task = Task("honest", NAMES.index("outside-alpha-half"), "float32", 3)
    assert perform(task) == perform(task)


def test_a_diverging_mutant_is_failed_without_a_warning():
    """A state that overflows float32 is a failure of the candidate, also while its fault is looked for."""
    c = _cell("outside-units", "float32")
    (mutant,) = (m for m in mutants(c) if m.kind == "leak of the wrong sign")
    assert not np.isfinite(mutant.program()(c.h0, c.inputs)).all()
    (row,) = judge_honest(c, [(Style("", "", mutant.kind, ""), mutant.program())])
    assert (row.verdict, row.worst) == ("fail", float("inf"))


def test_a_silent_unit_has_no_residual():
    """Where a ReLU is silent the residual is exactly zero, so that it does not set the worst ratio of a run."""
    c = _cell("elman-relu-square-input")
    H = implement_plain(c.given)(c.h0, c.inputs)
    assert (H[1:] == 0).any()
    silent = Spec("silent", "elman", 2, 1, activation="relu")
    given = replace(c.given, W=-np.ones((2, 2)), M=np.zeros((2, 1)), b=(np.array([-1.0, -2.0]),))
    quiet = replace(c, spec=silent, given=given, inputs=np.ones((100, 1)), h0=np.array([0.3, 0.7]))
    (row,) = judge_honest(quiet, [(Style("", "", "plain", ""), implement_plain(given))])
    assert (row.verdict, row.worst) == ("pass", 0.0)
