"""Bug or rounding? Three programs that differ from the documented leaky step, each by less than a plot would show."""

from __future__ import annotations

import numpy as np

import oracle
from oracle.demo.part import HEADER, TONE, Outcome, Part, row, said
from oracle.report.model import Listing, Section, Table
from oracle.report.of_check import check_sections

UNITS, INPUTS, STEPS, ALPHA = 64, 4, 100, 0.2
UNIT, SOURCE = 17, 5  # the weight that is changed: from SOURCE to UNIT
RELATIVE = 1e-9


def bug_or_rounding(seed: int = 13) -> Part:
    """Another order of operations, transposed weights, one weight off by 1e-9 of itself."""
    rng = np.random.default_rng(seed)
    W = rng.normal(0, 1.2 / np.sqrt(UNITS), (UNITS, UNITS))
    M, b = rng.normal(0, 0.8, (UNITS, INPUTS)), rng.normal(0, 0.3, UNITS)
    X, h0 = rng.normal(size=(STEPS, INPUTS)), rng.uniform(-0.9, 0.9, UNITS)
    rec = oracle.Recurrence.leaky(W, M, b, alpha=ALPHA)
    V = W.copy()
    V[UNIT, SOURCE] *= 1 + RELATIVE
    programs = {
        "(1-a) h + a s": (lambda h, x: (1 - ALPHA) * h + ALPHA * np.tanh(W @ h + M @ x + b), "pass"),
        "h + a (s - h)": (lambda h, x: h + ALPHA * (np.tanh(W @ h + M @ x + b) - h), "pass"),
        "W transposed": (
            lambda h, x: (1 - ALPHA) * h + ALPHA * np.tanh(W.T @ h + M @ x + b),
            "fail: transposed-recurrent-weights",
        ),
        f"one weight off by {RELATIVE:g} of itself": (
            lambda h, x: (1 - ALPHA) * h + ALPHA * np.tanh(V @ h + M @ x + b),
            "fail: wrong-weights",
        ),
    }
    rows, outcomes, first = [], [], None
    for name, (program, expected) in programs.items():
        result = oracle.check(program, rec, inputs=X, h0=h0, kind="step")
        rows.append(row(name, result))
        outcomes.append(Outcome(name, expected, said(result)))
        first = result
    assert first is not None
    unit = "none" if first.first is None else str(first.first.unit)
    outcomes.append(Outcome("unit of the first violation", str(UNIT), unit))
    told = f"The changed weight belongs to unit {UNIT}. First violation found: {first.first}."
    table = Table(HEADER, tuple(rows), tuple(TONE.get(r[1], "") for r in rows))
    text = f"A leaky step of {UNITS} units, {STEPS} steps, in float64."
    plot = next(section for section in check_sections(first) if section.title == "Residual against bound")
    more = (Section(f"{plot.title}: {rows[-1][0]}", plot.text, plot.blocks),)
    return Part(Section("Bug or rounding?", text, (table, Listing((told,)))), tuple(outcomes), more)
