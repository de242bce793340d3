"""The demonstration: what it shows comes out, by verdicts and names; no figure is typed in."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from command import run_command

from oracle.demo.part import Outcome
from oracle.demo.run import PARTS, demo_report
from oracle.demo.which_tolerance import tf32

SECONDS = 30.0  # what the demonstration promises


def test_the_demo_shows_what_it_says(tmp_path: Path) -> None:
    """One run in a fresh process: every outcome met, each question answered by name, a report, in half a minute."""
    done = run_command("demo --report demo.html --json demo.json", tmp_path, NO_COLOR="1")
    assert done.returncode == 0, done.stdout + done.stderr
    for title in ("Which equation is this?", "Which tolerance?", "Bug or rounding?", "The cube"):
        assert title in done.stdout
    document = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))
    outcomes = {outcome["what"]: outcome for outcome in document["outcomes"]}
    assert [what for what, outcome in outcomes.items() if not outcome["met"]] == []
    seen = {what: outcome["seen"] for what, outcome in outcomes.items()}
    assert seen["dt = tau: documented"] == seen["dt = tau: computed"] == "pass"
    assert seen["dt = 0.2 tau: computed"] == "fail: leak-inside"
    assert seen["identified from its weights"] == "leak-inside"
    assert (seen["float32"], seen["TF32 products"]) == ("pass", "fail: precision:tf32")
    assert seen["W transposed"] == "fail: transposed-recurrent-weights"
    assert seen["h + a (s - h)"] == "pass"
    assert seen["R,D nonlinear at r = 4"] == "bitwise"
    assert seen["R,D nonlinear at r = 3"] == "inside"
    assert seen["D,L with the collapsed Jacobian"] == "different"
    assert ("torch.nn.RNN" in seen) == (find_spec("torch") is not None)
    page = (tmp_path / "demo.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 5
    said = re.search(r"measured now\. \((\d+) s\)", done.stdout)
    assert said is not None
    # Shared machines run at a fraction of their speed: four times as long is granted, ten times as long is not.
    assert float(said.group(1)) < 4 * SECONDS


def test_an_outcome_that_is_not_met_fails_the_demo() -> None:
    """The verdict follows from the outcomes."""
    part = PARTS[0][1]()
    assert part is not None
    assert demo_report([part]).verdict == "pass"
    spoilt = part._replace(outcomes=(*part.outcomes, Outcome("planted", "pass", "fail")))
    assert demo_report([spoilt]).verdict == "fail"


def test_tf32_rounds_to_eleven_bits_ties_to_even() -> None:
    """Emulated TF32 is the nearest number with 11 significant bits, computed here with frexp and rint instead."""
    rng = np.random.default_rng(4)
    values = (rng.normal(size=4000) * 10.0 ** rng.integers(-20, 20, 4000)).astype(np.float32)
    ties = np.float32(1) + np.arange(1, 9, dtype=np.float32) * np.float32(2.0**-11)
    for given in (values, ties, -ties):
        mantissa, exponent = np.frexp(given.astype(np.float64))
        expected = np.ldexp(np.rint(mantissa * 2.0**11) / 2.0**11, exponent)
        np.testing.assert_array_equal(tf32(given).astype(np.float64), expected)
    assert np.any(tf32(values) != values)
